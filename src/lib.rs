//! Baton: the middle, where GitHub, the store, git, the sandbox and the agents meet, and the programs around it.
//!
//! Start reading at [`engine`]; `ARCHITECTURE.md` has the map.

pub mod cli;
pub mod clock;
pub mod config;
pub mod engine;
pub mod server;
pub mod setup;
