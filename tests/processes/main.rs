//! Baton as an operator runs it: `baton serve`, the GitHub simulator and the scripted model server as processes of their
//! own, with ports the system chose and a configuration file on disk, driven over HTTP and the command line alone.
//! Nothing here reaches into a program; what it did is read from GitHub, from its logs, its files and `/proc`.
//!
//! Where the programs come from: Cargo builds `baton` for this test. `github-sim` and `model-sim` belong to other packages,
//! and whenever the workspace's tests are built Cargo builds them too, into the same folder (each of these packages has
//! integration tests; baton-agent asks itself for the feature `model-sim`). Where they are missing or older than their
//! source, because only this package was built, `programs` has Cargo build them, once, under a lock.
//!
//! Every program is started in a process group of its own and is killed when its test ends, however it ends.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot do what it needs has to fail")]
#![expect(clippy::disallowed_methods, reason = "programs are started here on purpose, in an environment made for them")]

mod browser;
mod channel;
mod http;
mod process;
mod programs;
mod terminal;
mod transcript;

mod baton;
mod github;
mod ground;
mod model;
mod story;
mod traces;
mod world;

mod commands;
mod configuration;
mod contained;
mod demonstration;
mod doctor;
mod first_run;
mod health;
mod killed;
mod letters;
mod local;
mod models;
mod proxied;
mod pruned;
mod restored;
mod secrecy;
mod setup;
mod starting;
mod stopped;
mod survives;
mod webhook;
mod whole;
