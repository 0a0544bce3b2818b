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

/// A check under way: it takes the body piece by piece as it comes in, so that a large one is neither walked twice nor all
/// at once.
#[derive(Clone, Debug)]
pub struct Verification {
    claimed: [u8; 32],
    /// One for each secret.
    macs: Vec<Hmac<Sha256>>,
}

impl Verification {
    /// Begins to check `X-Hub-Signature-256`. What cannot be right whatever the body is refused here already.
    ///
    /// `secrets` are the current and, while it is being rotated, the previous one; empty secrets are skipped, because anyone
    /// can sign with them. `header` is the header's one value: a request that has the header more than once is to be
    /// refused by the caller. The older SHA-1 header `X-Hub-Signature` is not read at all.
    ///
    /// Source: GitHub's documentation, "Validating webhook deliveries".
    ///
    /// # Errors
    ///
    /// All of [`SignatureError`] but `Mismatch`.
    pub fn begin(secrets: &[&[u8]], header: Option<&str>) -> Result<Self, SignatureError> {
        let keys = secrets.iter().filter(|secret| !secret.is_empty());
        // HMAC takes keys of any length; the error cannot happen, and would mean "no match".
        let macs: Vec<_> = keys.filter_map(|secret| Hmac::<Sha256>::new_from_slice(secret).ok()).collect();
        if macs.is_empty() {
            return Err(SignatureError::NoSecret);
        }
        let claimed = claimed_digest(header.ok_or(SignatureError::Missing)?).ok_or(SignatureError::Malformed)?;
        Ok(Self { claimed, macs })
    }

    /// The next bytes of the body.
    pub fn update(&mut self, bytes: &[u8]) {
        for mac in &mut self.macs {
            mac.update(bytes);
        }
    }

    /// Whether one of the secrets signed all these bytes; each is compared in constant time.
    ///
    /// # Errors
    ///
    /// [`SignatureError::Mismatch`].
    pub fn finish(self) -> Result<(), SignatureError> {
        let mut found = false;
        for mac in self.macs {
            found |= mac.verify_slice(&self.claimed).is_ok();
        }
        if found { Ok(()) } else { Err(SignatureError::Mismatch) }
    }
}

/// Checks `X-Hub-Signature-256` over a raw body that is there as a whole. [`Verification`] says what the arguments are.
///
/// # Errors
///
/// See [`SignatureError`].
pub fn verify(secrets: &[&[u8]], header: Option<&str>, body: &[u8]) -> Result<(), SignatureError> {
    let mut verification = Verification::begin(secrets, header)?;
    verification.update(body);
    verification.finish()
}

/// The 32 bytes a well-formed header claims. Upper-case digits are refused: GitHub never sends them, so who does is
/// not GitHub.
fn claimed_digest(header: &str) -> Option<[u8; 32]> {
    let digits = header.strip_prefix("sha256=")?;
    let strict = digits.len() == 64 && digits.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    let mut digest = [0; 32];
    (strict && hex::decode_to_slice(digits, &mut digest).is_ok()).then_some(digest)
}
