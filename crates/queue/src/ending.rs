//! Bringing an attempt to its end in the store: completed, tried again, given up, called off or given back.

use std::time::Duration;

use baton_core::domain::time::Timestamp;
use baton_core::domain::wait::Pause;
use baton_store::{Ended, Heartbeat, Job, Lease, Outcome, Store, StoreError};

use crate::backoff::{Backoff, Jitter};
use crate::handler::{Failure, Handled};
use crate::stop::StopReason;

/// One attempt that is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ran {
    /// The job, as it was when it was claimed.
    pub job: Job,
    /// What became of it.
    pub ending: Ending,
}

/// What became of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The handler completed the job.
    Completed,
    /// It failed and is tried again at this time.
    Retried(Timestamp),
    /// It was given up.
    Dead,
    /// It was called off.
    Cancelled,
    /// It was given back, for this worker shuts down or for its time has not come.
    Released,
    /// The lease was lost; whatever was done does not count.
    Lost,
}

/// How often the ending of an attempt is tried to be written. After that the lease runs out and the rescue sees to it.
const TRIES: u32 = 5;

/// How long at least a worker leaves to others what it does not understand.
const NEWER_WAIT: Duration = Duration::from_secs(30);

/// How long one that may be what ends its workers waits for another such one.
const ALONE_WAIT: Duration = Duration::from_secs(5);

/// What there is to know for ending an attempt.
pub(crate) struct Attempt<'a> {
    pub(crate) store: &'a Store,
    pub(crate) lease: &'a Lease,
    pub(crate) job: &'a Job,
    pub(crate) backoff: &'a Backoff,
    pub(crate) jitter: &'a Jitter,
    pub(crate) now: Timestamp,
}

impl Attempt<'_> {
    /// Writes the ending that follows from what the handler said and from why it may have been stopped.
    pub(crate) async fn end(
        &self,
        result: Result<Handled, Failure>,
        stopped: Option<StopReason>,
    ) -> Result<Ending, StoreError> {
        let mut tries = 1;
        loop {
            match self.try_end(&result, stopped).await {
                Err(StoreError::LostLease(_)) => return Ok(Ending::Lost),
                Err(error) if error.is_transient() && tries < TRIES => {
                    tracing::warn!(job = %self.job.id, %error, "cannot write how a job ended, trying again");
                    tokio::time::sleep(Duration::from_millis(200) * tries).await;
                    tries += 1;
                }
                other => return other,
            }
        }
    }

    /// Gives a suspect job back because another one is under way.
    pub(crate) async fn put_off(&self) -> Result<Ending, StoreError> {
        match self.give_back(self.now.plus(ALONE_WAIT + self.jitter.part_of(ALONE_WAIT)), None).await {
            Err(StoreError::LostLease(_)) => Ok(Ending::Lost),
            other => other,
        }
    }

    async fn try_end(
        &self,
        result: &Result<Handled, Failure>,
        stopped: Option<StopReason>,
    ) -> Result<Ending, StoreError> {
        match (result, stopped) {
            (Ok(Handled::Completed), _) => self.confirm().await,
            (_, Some(StopReason::LeaseLost)) => Ok(Ending::Lost),
            (_, Some(StopReason::CancelRequested)) => self.call_off().await,
            (_, Some(StopReason::Shutdown)) => self.give_back(self.now, None).await,
            (Ok(Handled::Postponed(until)), None) => self.give_back(*until, None).await,
            (Ok(Handled::Stopped), None) => {
                self.fail(&Failure::bug("the job stopped although nobody asked it to")).await
            }
            (Err(Failure::NotYet { until, why, .. }), None) => self.give_back(*until, *why).await,
            (Err(Failure::Newer { .. }), None) => {
                // Spread out, so that a worker that understands it comes in between.
                let wait = NEWER_WAIT + self.jitter.part_of(NEWER_WAIT);
                self.give_back(self.now.plus(wait), None).await
            }
            (Err(failure), None) => self.fail(failure).await,
        }
    }

    /// Looks whether the job that the handler says it completed is no longer running under this lease.
    async fn confirm(&self) -> Result<Ending, StoreError> {
        match self.store.look(self.lease).await? {
            Heartbeat::Lost => Ok(Ending::Completed),
            Heartbeat::Continue | Heartbeat::CancelRequested => {
                self.fail(&Failure::bug("the handler said it had completed the job but had not")).await
            }
        }
    }

    async fn call_off(&self) -> Result<Ending, StoreError> {
        let mut tx = self.store.begin().await?;
        tx.complete(self.lease, &Outcome::Cancelled, self.now).await?;
        tx.commit().await?;
        Ok(Ending::Cancelled)
    }

    async fn give_back(&self, until: Timestamp, why: Option<Pause>) -> Result<Ending, StoreError> {
        let mut tx = self.store.begin().await?;
        let ended = tx.release(self.lease, until, why, self.now).await?;
        tx.commit().await?;
        Ok(match ended {
            Ended::Requeued => Ending::Released,
            Ended::Cancelled => Ending::Cancelled,
            Ended::Dead => Ending::Dead,
        })
    }

    async fn fail(&self, failure: &Failure) -> Result<Ending, StoreError> {
        let error = failure.to_string();
        if matches!(failure, Failure::Bug { .. }) {
            tracing::error!(job = %self.job.id, kind = self.job.kind, attempt = self.job.attempts, error, "a bug");
        }
        let retry_after = match failure {
            Failure::Permanent { .. } | Failure::Refused { .. } => None,
            // Given back where an attempt ends.
            Failure::NotYet { until, .. } => Some(Some(until.since(self.now))),
            Failure::Newer { .. } => Some(Some(NEWER_WAIT)),
            Failure::Transient { retry_after, .. } => Some(*retry_after),
            Failure::Unanswered { .. } | Failure::Bug { .. } => Some(None),
        };
        let why = matches!(failure, Failure::Unanswered { .. }).then_some(Pause::Outage);
        let mut tx = self.store.begin().await?;
        let (ended, run_at) = match retry_after {
            None => (tx.fail(self.lease, &error, self.now).await?, self.now),
            Some(asked_for) => {
                let run_at = self.now.plus(self.backoff.wait(self.job.attempts, asked_for, self.jitter));
                (tx.retry(self.lease, run_at, &error, why, self.now).await?, run_at)
            }
        };
        tx.commit().await?;
        Ok(match ended {
            Ended::Requeued => Ending::Retried(run_at),
            Ended::Dead => Ending::Dead,
            Ended::Cancelled => Ending::Cancelled,
        })
    }
}
