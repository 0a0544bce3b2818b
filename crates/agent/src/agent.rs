//! What an agent is to the rest of Baton: one question, one outcome. Never more than plain data and three channels.

use std::time::Duration;

use baton_core::domain::run::{AgentEvent, RunOutcome, RunRequest};
use futures::future::BoxFuture;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::port::ToolPort;

/// A backend that can do a run.
pub trait Agent: Send + Sync {
    /// Does one run to its end.
    ///
    /// Tool calls go out through `tools`; everything worth keeping is told to `events` (a receiver that went away is
    /// no reason to stop). When `cancel` fires, the run ends promptly as [`baton_core::domain::run::RunEnd::Cancelled`].
    ///
    /// # Errors
    /// [`AgentFailure`] when the run broke, as opposed to having been stopped by a limit or by a person.
    fn run(
        &self,
        request: RunRequest,
        tools: ToolPort,
        events: mpsc::Sender<AgentEvent>,
        cancel: CancellationToken,
    ) -> BoxFuture<'_, Result<RunOutcome, AgentFailure>>;
}

/// Why a run broke, in the one respect the caller has to decide on: whether trying again can help.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AgentFailure {
    /// The same run may succeed later: the provider is overloaded, the connection broke, the sandbox went away.
    #[error("{reason}")]
    Transient {
        /// What happened, for people.
        reason: String,
        /// How long the provider asked to wait.
        retry_after: Option<Duration>,
    },
    /// Trying again gives the same: a wrong key, an unknown model, a replay that departed from its recording.
    #[error("{reason}")]
    Permanent {
        /// What happened and what to do, for people.
        reason: String,
    },
}

impl AgentFailure {
    pub(crate) fn permanent(reason: impl Into<String>) -> Self {
        Self::Permanent { reason: reason.into() }
    }
}
