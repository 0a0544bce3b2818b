//! The worker against a real store: by hand with a clock that stands still, and let loose with the wall's.

mod bench;
mod by_hand;
mod let_loose;
