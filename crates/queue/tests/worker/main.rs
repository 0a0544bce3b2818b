//! The worker against a real store: by hand with a clock that stands still, and let loose with the wall's.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops at the first thing that is not as it should be"
)]

mod bench;
mod by_hand;
mod let_loose;
