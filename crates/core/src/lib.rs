//! Baton's pure core: what may happen to a task (`domain`), what a person may type (`command`), and every sentence
//! the bot can say (`prose`).
//!
//! Invariant: nothing here is async, does IO, reads a clock or an environment. Time, ids and facts are arguments.

pub mod command;
pub mod domain;
mod markdown;
pub mod prose;
pub mod spelling;
