//! What arrives from GitHub: is it really from GitHub ([`verify`], [`Verification`]), and what does it say in Baton's words ([`parse`]).
//!
//! Invariants: pure, no IO, no async, no clock. Nothing here panics on any input, refuses a delivery because of a shape
//! it does not know, or decides what an actor may do: every authorising fact is asked of GitHub later. Never parse
//! what was not verified first.

mod incoming;
mod lenient;
mod parse;
mod reason;
mod signature;
mod wire;

pub use incoming::{
    Account, CheckRun, CheckRunChange, Comment, CommentChange, Context, HANDLED, Incoming, Installation,
    InstallationChange, Issue, IssueChange, IssueState, ListedRepository, Origin, PullChange, PullRequest, Push,
    RefSide, Repository,
};
pub use parse::parse;
pub use reason::{Ignored, Malformed};
pub use signature::{SignatureError, Verification, verify};
