//! Who signed a delivery: the HMAC of its raw bytes. Never looks into the body, never tells what the right answer was.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Why a delivery is not taken as GitHub's. All of them are answered alike (401, nothing stored).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// No secret to check against: the server must not have started.
    #[error("no webhook secret is configured, so no delivery can be trusted")]
    NoSecret,
    /// The header `X-Hub-Signature-256` is not there.
    #[error("the delivery has no X-Hub-Signature-256 header; set the webhook secret in the GitHub App's settings")]
    Missing,
    /// The header is not `sha256=` and 64 lower-case hexadecimal digits.
    #[error("the X-Hub-Signature-256 header is not of the form sha256=<64 lower-case hexadecimal digits>")]
    Malformed,
    /// Well-formed, and made with none of our secrets over these bytes.
    #[error("the signature fits none of the configured webhook secrets")]
    Mismatch,
}

/// Checks `X-Hub-Signature-256` over the raw body, in constant time for each secret.
///
/// `secrets` are the current and, while it is being rotated, the previous one; empty secrets are skipped, because anyone
/// can sign with them. `header` is the header's one value: a request that has the header more than once is to be
/// refused by the caller. The older SHA-1 header `X-Hub-Signature` is not read at all.
///
/// Source: GitHub's documentation, "Validating webhook deliveries".
///
/// # Errors
///
/// See [`SignatureError`].
pub fn verify(secrets: &[&[u8]], header: Option<&str>, body: &[u8]) -> Result<(), SignatureError> {
    if secrets.iter().all(|secret| secret.is_empty()) {
        return Err(SignatureError::NoSecret);
    }
    let claimed = claimed_digest(header.ok_or(SignatureError::Missing)?).ok_or(SignatureError::Malformed)?;
    let mut found = false;
    for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
        // HMAC takes keys of any length; the error cannot happen, and would mean "no match".
        if let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret) {
            mac.update(body);
            found |= mac.verify_slice(&claimed).is_ok();
        }
    }
    if found { Ok(()) } else { Err(SignatureError::Mismatch) }
}

/// The 32 bytes a well-formed header claims. Upper-case digits are refused: GitHub never sends them, so who does is
/// not GitHub.
fn claimed_digest(header: &str) -> Option<[u8; 32]> {
    let digits = header.strip_prefix("sha256=")?;
    let strict = digits.len() == 64 && digits.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    let mut digest = [0; 32];
    (strict && hex::decode_to_slice(digits, &mut digest).is_ok()).then_some(digest)
}
