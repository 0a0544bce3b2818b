//! Every trap measured in GitHub's behaviour and in octocrab's, over real HTTP on loopback: one test a trap.

#![expect(clippy::unwrap_used, clippy::panic, reason = "in a test a panic is the report")]

mod fake;

mod bodies;
mod credentials;
mod faults;
mod lists;
mod pauses;
mod polled;
mod redirects;
mod tls;
mod writes;
