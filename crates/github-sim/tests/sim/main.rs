//! The simulator from outside: over real HTTP, with real git and a real webhook receiver.

mod access;
mod checks;
mod control;
mod faults;
mod git;
mod graphql;
mod issues;
mod pulls;
mod stage;
mod webhooks;
