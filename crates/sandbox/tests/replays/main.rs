//! The recordings in `fixtures/replays`: made here from stories, by running every call in the real sandbox, and played
//! here against it. Needs what the sandbox needs, and Python, Node and Rust; what is missing fails with a sentence.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail as tests do")]

mod files;
mod javascript;
mod play;
mod python;
mod record;
mod room;
mod rust;
mod solution;
mod story;
mod task;
