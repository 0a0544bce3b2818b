//! What a worker needs to know about the work: how to do a job, and what to do about one that died.

use std::sync::Arc;
use std::time::Duration;

use baton_core::domain::refusal::Refusal;
use baton_core::domain::time::Timestamp;
use baton_core::domain::wait::Pause;
use baton_store::{Died, Job, Lease, Store, StoreError};
use tokio_util::sync::CancellationToken;

use crate::stop::{StopReason, StopSignal};

/// Does jobs. A job may be done more than once (a worker can die after the work and before the commit), so what it does
/// outside must be found again rather than made again.
pub trait Handler: Send + Sync + 'static {
    /// Does one job. To end it well, complete it with `context.lease` in the same transaction in which its consequences
    /// are written, commit, and return [`Handled::Completed`].
    ///
    /// When `context.cancel` fires, stop soon and return [`Handled::Stopped`]; after a grace time the future is dropped
    /// wherever it is.
    fn handle(&self, context: JobContext) -> impl Future<Output = Result<Handled, Failure>> + Send;

    /// Hears of a job that was given up. `context` is that of the news, which is a job itself: complete it as any other,
    /// in the transaction in which the task learns of the death.
    fn on_dead(&self, context: JobContext, died: Died) -> impl Future<Output = Result<Handled, Failure>> + Send;
}

/// All that belongs to one attempt at one job.
#[derive(Clone, Debug)]
pub struct JobContext {
    /// The job.
    pub job: Job,
    /// The proof that it is ours.
    pub lease: Arc<Lease>,
    /// Fires when the job is to stop; [`JobContext::stop_reason`] says why.
    pub cancel: CancellationToken,
    /// Where the job came from and is to be completed.
    pub store: Store,
    pub(crate) signal: StopSignal,
}

impl JobContext {
    /// Why the job is to stop; `None` while it may go on.
    #[must_use]
    pub fn stop_reason(&self) -> Option<StopReason> {
        self.signal.reason()
    }
}

/// How the handling of a job came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handled {
    /// The handler completed the job in a transaction of its own and committed that.
    Completed,
    /// The job stopped because it was told to.
    Stopped,
    /// Nothing is wrong, but it cannot be done before this time (or not by this version of Baton). The attempt does not
    /// count.
    Postponed(Timestamp),
}

/// Why a job could not be done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// It may go well later.
    #[error("{reason}")]
    Transient {
        /// What went wrong.
        reason: String,
        /// How long the other side asks to be left alone.
        retry_after: Option<Duration>,
    },
    /// GitHub itself fails, or cannot be reached. It is tried again as what may pass is, and the time until then is a wait
    /// for GitHub.
    #[error("{reason}")]
    Unanswered {
        /// What went wrong.
        reason: String,
    },
    /// Nothing went wrong, and nothing can be done before this time: the other side, or Baton's own budget, says so. The
    /// attempt does not count.
    #[error("{reason}")]
    NotYet {
        /// What it waits for.
        reason: String,
        /// The same, for the list of what waits, where it is GitHub that is waited for.
        why: Option<Pause>,
        /// When to come back.
        until: Timestamp,
    },
    /// It will never go well.
    #[error("{reason}")]
    Permanent {
        /// What is wrong.
        reason: String,
    },
    /// The other side says no, and why: it goes well once somebody has put that right, and not before. The queue gives it up
    /// as it does what will never go well.
    #[error("{reason}")]
    Refused {
        /// What the other side said.
        reason: String,
        /// What stands in the way.
        refusal: Box<Refusal>,
    },
    /// A newer Baton asked for it, in words that this one does not understand. It waits for a worker that does, however long
    /// that takes; the attempt does not count.
    #[error("{what} was written by a newer Baton, and waits for a worker of that one")]
    Newer {
        /// What cannot be read.
        what: String,
    },
    /// Baton is wrong. It is tried again, since the next attempt may meet other circumstances or a mended Baton.
    #[error("this is a bug in Baton: {reason}")]
    Bug {
        /// What should not have happened.
        reason: String,
    },
}

impl Failure {
    /// A failure that may pass.
    #[must_use]
    pub fn transient(reason: impl ToString) -> Self {
        Self::Transient { reason: reason.to_string(), retry_after: None }
    }

    /// A failure that will not pass.
    #[must_use]
    pub fn permanent(reason: impl ToString) -> Self {
        Self::Permanent { reason: reason.to_string() }
    }

    /// Something that cannot be, and is.
    #[must_use]
    pub fn bug(reason: impl ToString) -> Self {
        Self::Bug { reason: reason.to_string() }
    }
}

/// The store's failures pass, or are somebody's mistake.
impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NewerRow { what, .. } => Self::Newer { what: what.to_owned() },
            StoreError::LostLease(_)
            | StoreError::Stale { .. }
            | StoreError::AlreadyLive { .. }
            | StoreError::Busy { .. }
            | StoreError::Database(_)
            | StoreError::Missing(_)
            | StoreError::Open { .. } => Self::transient(error),
            StoreError::NotFound(_)
            | StoreError::Conflict(_)
            | StoreError::Newer { .. }
            | StoreError::NeedsMigration { .. }
            | StoreError::ForeignMigration(_)
            | StoreError::BadUrl { .. }
            | StoreError::Corrupt { .. }
            | StoreError::Unwritable(_) => Self::bug(error),
        }
    }
}
