//! The sandbox for real: bubblewrap, control groups, overlay. Needs bubblewrap installed and, for the half that starts
//! as root, root; what is missing fails with a sentence that says what to do.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail as tests do")]

mod keeping;
mod latency;
mod lifecycle;
mod limits;
mod matrix;
mod ordinary;
mod outside;
mod refusals;
mod secrets;
mod setup;
mod toolchains;
mod work;
