//! A stateful GitHub on loopback, for tests and demos of GitHub Apps: REST, GraphQL, signed webhooks, git over HTTP.
//!
//! It is the outside world: it shares no code with any client, and keeps everything but git objects in memory.
//!
//! ```no_run
//! use github_sim::{AppSpec, Level, Options, Role, Sim};
//!
//! # async fn story() -> Result<(), Box<dyn std::error::Error>> {
//! let sim = Sim::start(Options::default())?;
//! sim.repository("acme/app", [("README.md", "# App\n")])?;
//! sim.role("acme/app", "alice", Role::Maintain)?;
//! let app = sim.app(AppSpec {
//!     name: "Baton".into(),
//!     webhook_url: Some("http://127.0.0.1:8080/webhooks/github".into()),
//!     permissions: [("issues".into(), Level::Write)].into(),
//!     events: vec!["issues".into(), "issue_comment".into()],
//!     ..AppSpec::default()
//! })?;
//! sim.install(app.app_id, "acme/app")?;
//! let issue = sim.person("alice").opens_issue("acme/app", "It crashes", "When I press the button.")?;
//! sim.person("alice").says("acme/app", issue, "/plan")?;
//! sim.settle().await;
//! println!("{}", sim.thread("acme/app", issue)?);
//! # Ok(()) }
//! ```

#![recursion_limit = "512"]

mod change;
mod clock;
#[cfg(feature = "contract")]
pub mod contract;
mod control;
mod fault;
mod front;
mod git;
mod graphql;
mod hook;
mod json;
mod maintainer;
mod owner;
mod page;
mod person;
mod reading;
mod refusal;
mod rest;
mod seed;
mod sim;
mod witness;
mod world;

pub use change::setup::{AppCredentials, AppSpec};
pub use clock::TimeSource;
pub use fault::{Fault, FaultRule, Wait};
pub use git::GitError;
pub use git::commit::{File, Files};
pub use graphql::operations as graphql_operations;
pub use hook::delivery::DeliveryRecord;
pub use hook::fate::Fate;
pub use hook::sign::{sha1_signature, sha256_signature};
pub use person::{Person, Verdict};
pub use reading::{CheckRunRecord, EditRecord, PullRecord};
pub use refusal::Refusal;
pub use rest::{Needs, OPERATIONS_DOC, Operation, operations};
pub use seed::{Seed, SeedApp, SeedError, SeedRepository};
pub use sim::{Options, Sim, StartError};
pub use witness::{Moment, Passage};
pub use world::ledger::{Effect, Mention, Request};
pub use world::permission::{Level, Permissions, Role};
pub use world::repository::Rule;
pub use world::switches::Switches;
pub use world::traffic::{AboveLimit, LimitKind, Limits};
