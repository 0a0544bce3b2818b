//! The state machine as a whole: every state meets every event, and random lives keep the promises.

#![expect(clippy::expect_used, clippy::panic, reason = "helpers of tests fail as tests do")]

mod lives;
mod matrix;
mod sample;
