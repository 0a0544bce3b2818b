//! Any header over any body in any pieces: never accepted without the secret, and pieces change nothing.
//!
//! Up to the first NUL the bytes are the header, the rest is the body.

#![no_main]

use baton_webhook::{Verification, verify};
use libfuzzer_sys::fuzz_target;

const SECRETS: [&[u8]; 2] = [b"a secret that no input knows", b""];

fuzz_target!(|bytes: &[u8]| {
    let cut = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    let (header, body) = bytes.split_at(cut);
    let header = std::str::from_utf8(header).ok();
    let whole = verify(&SECRETS, header, body);
    assert!(whole.is_err());
    let in_pieces = Verification::begin(&SECRETS, header).and_then(|mut verification| {
        body.chunks(7).for_each(|piece| verification.update(piece));
        verification.finish()
    });
    assert_eq!(whole, in_pieces);
});
