//! Baton's git room against real programs: the git program, `git http-backend` behind HTTP, real files.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod checking_out;
mod fetching;
mod hostile;
mod importing;
mod patience;
mod pushing;
mod rebasing;
mod secrecy;
mod server;
mod world;
