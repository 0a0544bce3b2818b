//! GitHub's two webhook signatures over the raw body.

use hmac::{Hmac, KeyInit, Mac};

/// The value of `X-Hub-Signature-256`.
pub fn sha256_signature(secret: &str, body: &[u8]) -> String {
    format!("sha256={}", hex::encode(mac::<Hmac<sha2::Sha256>>(secret, body)))
}

/// The value of the legacy `X-Hub-Signature`.
pub fn sha1_signature(secret: &str, body: &[u8]) -> String {
    format!("sha1={}", hex::encode(mac::<Hmac<sha1::Sha1>>(secret, body)))
}

fn mac<M: Mac + KeyInit>(secret: &str, body: &[u8]) -> Vec<u8> {
    // An HMAC takes a key of any length, so the error cannot come; no signature at all is the safe answer if it did.
    let Ok(mut mac) = <M as KeyInit>::new_from_slice(secret.as_bytes()) else { return Vec::new() };
    mac.update(body);
    mac.finalize().into_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From GitHub's documentation, "Validating webhook deliveries".
    #[test]
    fn the_documented_vector() {
        assert_eq!(
            sha256_signature("It's a Secret to Everybody", b"Hello, World!"),
            "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
        );
    }

    /// RFC 2202, test case 2.
    #[test]
    fn the_legacy_vector() {
        assert_eq!(
            sha1_signature("Jefe", b"what do ya want for nothing?"),
            "sha1=effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"
        );
    }
}
