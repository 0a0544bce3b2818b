//! The one room that talks to GitHub's API, for one App. Everything it does is in one table ([`OPERATIONS`]), goes out
//! through one place, and answers in Baton's words with one kind of error ([`GitHubError`]).
//!
//! Invariants:
//! * No write is ever repeated blindly: not on a 5xx, not on a timeout, not through a redirect that changes its method.
//!   Whatever creates something looks for it first ([`Markers`], branch names, external ids), so that doing it again
//!   shows once.
//! * What is to be done about an answer, or about none, is decided in one place (`policy`), and nobody is held up by a
//!   wait: it becomes a time to come back at ([`GitHubError::RetryAfter`]).
//! * No permission and no role is remembered. Tokens are, one for each repository and purpose, and never in an error, a log
//!   or a `Debug`.
//! * No clock and no environment: time comes from [`Config::clock`].

mod app;
mod branches;
mod budget;
mod call;
mod changes;
mod checks;
mod checkup;
mod comments;
mod conditional;
mod config;
mod deliveries;
mod errand;
mod error;
mod gate;
mod graphql;
mod importance;
mod installations;
mod issues;
mod jwt;
mod labels;
mod manifest;
mod markers;
mod operations;
mod outage;
mod pages;
mod people;
mod policy;
mod pulls;
mod reactions;
mod redact;
mod refusal;
mod repository;
mod rules;
mod send;
mod texts;
mod tokens;
mod transport;
mod wire;

pub use app::{AppInfo, BotIdentity, GitHubApp};
pub use baton_core::domain::wait::Pause;
pub use branches::RepositoryInfo;
pub use budget::Budget;
pub use changes::{Changed, IssueAct, IssueEvent};
pub use checks::{CheckConclusion, CheckRun, CheckRunUpdate, CheckState};
pub use checkup::{Answered, Checkup, Grant, Hook};
pub use comments::Comment;
pub use config::{Clock, Config, ConfigError, KeySource, Timeouts, is_plain_address};
pub use deliveries::{Attempt, AttemptOutcome};
pub use error::GitHubError;
pub use importance::Importance;
pub use installations::{Covered, Installation};
pub use issues::{Issue, IssueState};
pub use labels::Labelling;
pub use manifest::{Anonymous, NewApp};
pub use markers::{Markers, strip_markers};
pub use operations::{Level, Needs, OPERATIONS, Operation, Permission, Verb, missing_permissions, needed_permissions};
pub use people::Account;
pub use pulls::{NewPull, PullRequest, PullState, ReviewRequest};
pub use repository::Repository;
pub use tokens::{GitAccess, GitToken};

/// Something that was found, or had to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found<T> {
    /// It was there already: an earlier attempt made it.
    Existing(T),
    /// It is new.
    Created(T),
}

impl<T> Found<T> {
    /// The thing itself.
    pub fn into_inner(self) -> T {
        match self {
            Self::Existing(thing) | Self::Created(thing) => thing,
        }
    }
}
