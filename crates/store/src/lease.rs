//! Leases: the proof that a worker owns a job, and every write that needs that proof.

use std::time::Duration;

use baton_core::domain::time::Timestamp;
use baton_core::domain::wait::{Pause, Wait};

use crate::engine::{Row, params};
use crate::enqueue::waits_for;
use crate::error::StoreError;
use crate::job::{Job, JobId};
use crate::json::Json;
use crate::store::{Store, Tx};

/// The proof that a job was claimed, with the fencing token that makes every later claim's writes beat this one's. Made
/// by a claim and by nothing else.
#[derive(Debug, PartialEq, Eq)]
pub struct Lease {
    job: JobId,
    fence: i64,
}

impl Lease {
    pub(crate) fn on(job: &Job, fence: i64) -> Self {
        Self { job: job.id, fence }
    }

    /// The number that later leases on the same job exceed.
    pub(crate) fn fence(&self) -> i64 {
        self.fence
    }

    /// The job.
    #[must_use]
    pub fn job(&self) -> JobId {
        self.job
    }
}

/// What a heartbeat learns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heartbeat {
    /// The lease holds, go on.
    Continue,
    /// The lease holds, but the job is to stop.
    CancelRequested,
    /// The lease is lost: stop, and drop whatever was worked out.
    Lost,
}

/// How a job ends when its work came to an end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Done, with what it hands back.
    Done(Option<Json>),
    /// Stopped because it was asked to.
    Cancelled,
}

/// What became of a job whose attempt did not come to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It is queued again.
    Requeued,
    /// It is dead; a `job_died` job tells so.
    Dead,
    /// It was asked to stop, so it is cancelled instead.
    Cancelled,
}

/// The most that is kept of an error's text, in characters.
const ERROR_LIMIT: usize = 4_000;

/// PostgreSQL refuses NUL in a text, and nobody reads megabytes of an error.
fn kept_error(error: &str) -> String {
    error.chars().filter(|c| *c != '\0').take(ERROR_LIMIT).collect()
}

const HELD: &str = "SELECT * FROM jobs WHERE id = $1 AND fence = $2 AND state = 'running'";

const BEAT: &str = "
    UPDATE jobs SET lease_until = $3 WHERE id = $1 AND fence = $2 AND state = 'running'
    RETURNING cancel_requested_at";

const FINISH: &str = "
    UPDATE jobs SET state = $3, result = $4, finished_at = $5, lease_owner = NULL, lease_until = NULL
    WHERE id = $1 AND fence = $2 AND state = 'running' RETURNING lane";

const REQUEUE: &str = "
    UPDATE jobs SET state = 'queued', run_at = $2, waits_for = $3, attempts = $4, last_error = $5, lease_owner = NULL,
                    lease_until = NULL, wait = $6
    WHERE id = $1";

const CALL_OFF: &str = "
    UPDATE jobs SET state = 'cancelled', finished_at = $2, last_error = $3, lease_owner = NULL, lease_until = NULL
    WHERE id = $1";

fn state_of(row: Option<Row>) -> Result<Heartbeat, StoreError> {
    Ok(match row {
        None => Heartbeat::Lost,
        Some(row) if row.maybe_int("cancel_requested_at")?.is_some() => Heartbeat::CancelRequested,
        Some(_) => Heartbeat::Continue,
    })
}

impl Store {
    /// Makes a lease hold for another `ttl` from now on.
    ///
    /// # Errors
    /// When the database fails; the lease may or may not have been extended.
    pub async fn heartbeat(&self, lease: &Lease, ttl: Duration, now: Timestamp) -> Result<Heartbeat, StoreError> {
        let mut tx = self.begin().await?;
        let row = tx.session.first(BEAT, params![lease.job.0, lease.fence, now.plus(ttl)]).await?;
        tx.commit().await?;
        state_of(row)
    }

    /// Looks how things stand with a lease without extending it: reads only, so it may be asked often.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn look(&self, lease: &Lease) -> Result<Heartbeat, StoreError> {
        state_of(self.engine.first(HELD, params![lease.job.0, lease.fence]).await?)
    }
}

impl Tx {
    /// Ends a job whose work came to its end.
    ///
    /// # Errors
    /// [`StoreError::LostLease`]: roll back, nothing of this transaction may happen.
    pub async fn complete(&mut self, lease: &Lease, outcome: &Outcome, now: Timestamp) -> Result<(), StoreError> {
        let (state, result) = match outcome {
            Outcome::Done(result) => ("done", result.as_ref().map(Json::as_str)),
            Outcome::Cancelled => ("cancelled", None),
        };
        let row = self.session.first(FINISH, params![lease.job.0, lease.fence, state, result, now]).await?;
        let lane = row.ok_or(StoreError::LostLease(lease.job))?.maybe_text("lane")?;
        if let Some(lane) = lane {
            self.advance_lane(&lane, now).await?;
        }
        self.note_job_change();
        Ok(())
    }

    /// Puts a job back after a failed attempt, to be tried again at `run_at`; or ends it, when that was its last attempt
    /// or it was asked to stop. `why` is kept where it is GitHub that failed.
    ///
    /// # Errors
    /// [`StoreError::LostLease`]: roll back.
    pub async fn retry(
        &mut self,
        lease: &Lease,
        run_at: Timestamp,
        error: &str,
        why: Option<Pause>,
        now: Timestamp,
    ) -> Result<Ended, StoreError> {
        let mut job = self.held(lease).await?;
        if let Some(why) = why {
            job.wait = Some(Wait::beginning(job.wait, why, run_at, now));
        }
        self.end_attempt(&job, Some(run_at), error, now).await
    }

    /// Gives a job back unharmed: the attempt does not count. For a worker that shuts down, and for work that has to wait
    /// for something that is nobody's failure; `why` is kept where it waits for GitHub.
    ///
    /// # Errors
    /// [`StoreError::LostLease`]: roll back.
    pub async fn release(
        &mut self,
        lease: &Lease,
        run_at: Timestamp,
        why: Option<Pause>,
        now: Timestamp,
    ) -> Result<Ended, StoreError> {
        let mut job = self.held(lease).await?;
        if let Some(why) = why {
            job.wait = Some(Wait::beginning(job.wait, why, run_at, now));
        }
        job.attempts = job.attempts.saturating_sub(1);
        let error = job.last_error.clone();
        self.requeue(&job, run_at, error, now).await
    }

    /// Gives a job up for good, whatever attempts it has left.
    ///
    /// # Errors
    /// [`StoreError::LostLease`]: roll back.
    pub async fn fail(&mut self, lease: &Lease, error: &str, now: Timestamp) -> Result<Ended, StoreError> {
        let job = self.held(lease).await?;
        self.end_attempt(&job, None, error, now).await
    }

    pub(crate) async fn held(&mut self, lease: &Lease) -> Result<Job, StoreError> {
        let row = self.session.first(HELD, params![lease.job.0, lease.fence]).await?;
        Job::from_row(&row.ok_or(StoreError::LostLease(lease.job))?)
    }

    /// What follows from a failed attempt of a running job; `run_at` is when another may follow, if at all.
    pub(crate) async fn end_attempt(
        &mut self,
        job: &Job,
        run_at: Option<Timestamp>,
        error: &str,
        now: Timestamp,
    ) -> Result<Ended, StoreError> {
        let error = kept_error(error);
        match run_at {
            _ if job.cancel_requested_at.is_some() => self.requeue(job, now, Some(error), now).await,
            Some(run_at) if job.attempts < job.max_attempts => self.requeue(job, run_at, Some(error), now).await,
            _ => self.bury(job, &error, now).await.map(|()| Ended::Dead),
        }
    }

    /// Queues a running job again, or cancels it if that was asked for.
    async fn requeue(
        &mut self,
        job: &Job,
        run_at: Timestamp,
        error: Option<String>,
        now: Timestamp,
    ) -> Result<Ended, StoreError> {
        let ended = if job.cancel_requested_at.is_some() {
            self.session.execute(CALL_OFF, params![job.id.0, now, error]).await?;
            Ended::Cancelled
        } else {
            let waits = waits_for(job.lane.is_some(), run_at, now);
            let wait = job.wait.as_ref().map(Json::of).transpose()?;
            let params = params![job.id.0, run_at, waits, i64::from(job.attempts), error, wait];
            self.session.execute(REQUEUE, params).await?;
            Ended::Requeued
        };
        if let Some(lane) = &job.lane {
            self.reorder_lane(lane, now).await?;
        }
        self.note_job_change();
        Ok(ended)
    }
}
