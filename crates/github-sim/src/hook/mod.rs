//! Webhooks: what is sent, how it is signed, and what became of it.

pub(crate) mod delivery;
pub(crate) mod emit;
pub(crate) mod fate;
pub(crate) mod send;
pub(crate) mod sign;
