//! The state machine as a whole: every state meets every event, and random lives keep the promises.

mod lives;
mod matrix;
mod sample;
