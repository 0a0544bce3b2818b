//! Test evidence as pure logic: which commands to run, what their output says about each test, and what changed between
//! base and branch. It must never run a command, read a file or look at the clock: the engine does, in the sandbox.
//!
//! The way through: [`detect`] (or [`given`]) names the commands; the engine runs them on the base commit and on the
//! branch; [`assemble`] reads each run; [`compare`] says what changed.

mod assemble;
mod command;
mod compare;
mod detect;
mod language;
mod moved;
mod recognise;
mod results;
mod test_config;
mod test_file;

pub use assemble::{Executed, ResultFile, assemble};
pub use command::{ResultSource, Runner, ShellCommand, TestCommand};
pub use compare::{Comparison, commands_to_rerun, compare, doubtful};
pub use detect::{Detected, detect, given};
pub use language::Language;
pub use recognise::recognise;
pub use test_config::{ConfigChange, config_changes, is_test_config};
pub use test_file::is_test_file;
