//! The simulator from outside: over real HTTP, with real git and a real webhook receiver.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod access;
mod checks;
mod contract;
mod control;
mod faults;
mod git;
mod graphql;
mod issues;
mod limits;
mod lists;
mod moves;
mod pages;
mod pulls;
mod readme;
mod registering;
mod rules;
mod stage;
mod webhooks;
mod wire;
