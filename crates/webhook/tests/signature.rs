//! Part A of the security catalogue, A-01 to A-05 and A-13: who is taken for GitHub, by number.

#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]

use baton_webhook::{SignatureError, verify};
use hmac::{Hmac, KeyInit, Mac};
use proptest::prelude::*;
use sha2::Sha256;

const SECRET: &[u8] = b"It's a Secret to Everybody";
const BODY: &[u8] = b"Hello, World!";
/// The example of GitHub's documentation for the secret and body above.
const PUBLISHED: &str = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";

fn sign(secret: &[u8], body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).unwrap();
    mac.update(body);
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}

#[test]
fn github_s_published_example_is_accepted() {
    assert_eq!(verify(&[SECRET], Some(PUBLISHED), BODY), Ok(()));
    assert_eq!(sign(SECRET, BODY), PUBLISHED, "the tests sign as GitHub does");
}

#[test]
fn a01_no_header_empty_header_wrong_key() {
    assert_eq!(verify(&[SECRET], None, BODY), Err(SignatureError::Missing));
    assert_eq!(verify(&[SECRET], Some(""), BODY), Err(SignatureError::Malformed));
    let forged = sign(b"guessed", BODY);
    assert_eq!(verify(&[SECRET], Some(&forged), BODY), Err(SignatureError::Mismatch));
}

#[test]
fn a02_sha1_is_no_signature() {
    // The HMAC-SHA-1 of the published example, as the older header carries it.
    let sha1 = "sha1=01dc10d0c83e72ed246219cdd91669667fe2ca59";
    assert_eq!(verify(&[SECRET], Some(sha1), BODY), Err(SignatureError::Malformed));
    let padded = format!("sha256={}", &sha1[5..]);
    assert_eq!(verify(&[SECRET], Some(&padded), BODY), Err(SignatureError::Malformed));
}

#[test]
fn a03_only_the_exact_form_is_read() {
    let digits = &PUBLISHED["sha256=".len()..];
    let malformed = [
        digits.to_owned(),
        digits.to_uppercase(),
        format!("sha256={}", digits.to_uppercase()),
        format!("SHA256={digits}"),
        format!("sha256={}", &digits[1..]),
        format!("sha256={digits}0"),
        format!(" sha256={digits}"),
        format!("sha256={digits} "),
        format!("sha256= {digits}"),
        format!("sha256:{digits}"),
        format!("sha256={digits},sha256={digits}"),
        format!("sha256={digits}\r\nX: y"),
        format!("sha256={}g", &digits[1..]),
        format!("sha256={}\u{ff10}", &digits[3..]),
        format!("sha256={}\0", &digits[1..]),
        "sha256=".to_owned(),
        "=".to_owned(),
    ];
    for header in malformed {
        assert_eq!(verify(&[SECRET], Some(&header), BODY), Err(SignatureError::Malformed), "{header:?}");
    }
}

#[test]
fn a04_the_raw_bytes_count_and_nothing_else() {
    let same_json: [&[u8]; 6] = [
        br#"{"a":"\u00e9\/"}"#,
        "{\"a\":\"é/\"}".as_bytes(),
        b"{\"a\": \"\\u00e9/\"}",
        b"{\"a\":\"\\u00E9\\/\"}",
        "{\"a\":\"e\u{301}/\"}".as_bytes(),
        b"{\"a\":\"\\u00e9\\/\"}\n",
    ];
    for (i, signed) in same_json.iter().enumerate() {
        let header = sign(SECRET, signed);
        for (j, sent) in same_json.iter().enumerate() {
            assert_eq!(verify(&[SECRET], Some(&header), sent).is_ok(), i == j, "{i} signed, {j} sent");
        }
    }
    let emoji = "{\"title\":\"🦀 crash \\ud83e\\udd80\"}".as_bytes();
    assert_eq!(verify(&[SECRET], Some(&sign(SECRET, emoji)), emoji), Ok(()));
    let not_utf8 = b"\xff\xfe\x00{";
    assert_eq!(verify(&[SECRET], Some(&sign(SECRET, not_utf8)), not_utf8), Ok(()));
}

#[test]
fn a05_every_wrong_byte_is_the_same_answer() {
    // Timing itself is not measurable here: `Mac::verify_slice` is the constant-time comparison, and it is the only one
    // the module calls. What can be seen is that the answer does not depend on where the difference is.
    let digits = &PUBLISHED["sha256=".len()..];
    for at in 0..digits.len() {
        let mut wrong = digits.to_owned().into_bytes();
        wrong[at] = if wrong[at] == b'0' { b'1' } else { b'0' };
        let header = format!("sha256={}", String::from_utf8(wrong).unwrap());
        assert_eq!(verify(&[SECRET], Some(&header), BODY), Err(SignatureError::Mismatch), "digit {at}");
    }
}

#[test]
fn a13_current_and_previous_secret_while_rotating() {
    let (new, old) = (b"new".as_slice(), b"old".as_slice());
    let by_old = sign(old, BODY);
    assert_eq!(verify(&[new, old], Some(&sign(new, BODY)), BODY), Ok(()));
    assert_eq!(verify(&[new, old], Some(&by_old), BODY), Ok(()));
    assert_eq!(verify(&[new], Some(&by_old), BODY), Err(SignatureError::Mismatch));
}

#[test]
fn an_empty_secret_trusts_nobody() {
    let by_empty = sign(b"", BODY);
    assert_eq!(verify(&[], Some(&by_empty), BODY), Err(SignatureError::NoSecret));
    assert_eq!(verify(&[b""], Some(&by_empty), BODY), Err(SignatureError::NoSecret));
    assert_eq!(verify(&[SECRET, b""], Some(&by_empty), BODY), Err(SignatureError::Mismatch));
}

proptest! {
    #[test]
    fn no_header_makes_it_panic(header in ".*", body in proptest::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(verify(&[SECRET], Some(&header), &body).is_err());
    }

    #[test]
    fn what_the_secret_signed_is_accepted_and_one_changed_byte_is_not(
        secret in proptest::collection::vec(any::<u8>(), 1..200),
        body in proptest::collection::vec(any::<u8>(), 1..400),
        at in any::<proptest::sample::Index>(),
        flip in 1u8..,
    ) {
        let header = sign(&secret, &body);
        prop_assert_eq!(verify(&[&secret], Some(&header), &body), Ok(()));
        let mut changed = body.clone();
        changed[at.index(body.len())] ^= flip;
        prop_assert_eq!(verify(&[&secret], Some(&header), &changed), Err(SignatureError::Mismatch));
    }
}
