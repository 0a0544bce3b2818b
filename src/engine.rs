//! The middle, the only place where all adapters meet: what arrives becomes an event, an event becomes a step, a step's
//! effects become jobs, and a job's outcome is an event again.
//!
//! Invariants: only [`apply`](self) writes a task's state; only `perform` causes anything outside; no transaction is
//! held across slow work.

mod agents;
mod apply;
mod enclose;
mod errand;
mod error;
mod facts;
mod handler;
mod ingest;
mod jobs;
mod letters;
mod local;
mod missing;
mod perform;
mod project;
mod reconcile;
mod retention;
mod tidy;
mod waiting;

use std::sync::Arc;

use baton_core::domain::settings::TaskPolicy;
use baton_core::domain::time::Timestamp;
use baton_git::{Git, Identity};
use baton_github::GitHubApp;
use baton_queue::Clock;
use baton_sandbox::Sandbox;
use baton_store::Store;

pub use agents::{Agents, AgentsError, native_config};
pub use handler::TIDY;
pub use letters::{Help, Letter, LetterTask, Way, letter, replay};
pub use local::LocalError;
pub use perform::{About, Unfinished, UnfinishedError, contact_key, transfer_of, unfinished};
pub use reconcile::RECONCILE;
pub use retention::{PruneReport, PrunedPart, Retention};
pub use waiting::{Failed, Waiting, waiting};

use crate::config::{GithubConfig, PolicyConfig, SandboxConfig};

/// Everything the middle works with. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    inner: Arc<Parts>,
}

/// What an [`Engine`] is made of.
pub struct Parts {
    /// Where everything is kept.
    pub store: Store,
    /// GitHub.
    pub github: GitHubApp,
    /// Baton's own repositories.
    pub git: Git,
    /// What encloses runs.
    pub sandbox: Arc<dyn Sandbox>,
    /// The configured agents.
    pub agents: Agents,
    /// `[github]`
    pub github_config: GithubConfig,
    /// `[sandbox]`
    pub sandbox_config: SandboxConfig,
    /// `[policy]`
    pub policy: PolicyConfig,
    /// The part of the policy that goes with every task.
    pub task_policy: TaskPolicy,
    /// Whose the commits are, in a person's own clone; the App's bot's where there is none.
    pub commits_as: Option<Identity>,
    /// The time.
    pub clock: Clock,
}

impl Engine {
    /// Puts the parts together.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        Self { inner: Arc::new(parts) }
    }

    fn parts(&self) -> &Parts {
        &self.inner
    }

    /// The time now, by the engine's clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.inner.clock.now()
    }

    /// The store.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.inner.store
    }
}
