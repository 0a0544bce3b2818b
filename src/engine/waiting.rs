//! What of a task waits, what for and until when: for the progress comment, `/baton status` and the operator's lists; and the
//! word about a long wait once it is over.

use baton_core::domain::event::Event;
use baton_core::domain::task::Task;
use baton_core::domain::time::Timestamp;
use baton_core::domain::wait::Wait;
use baton_queue::{Failure, JobContext};
use baton_store::{Job, JobFilter, JobState, Store, StoreError, Tx};
use serde::Serialize;

use super::Engine;
use super::apply::read;
use super::jobs::Payload;

/// A step of a task's work that cannot be done now.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Waiting {
    /// The job's kind, such as `open_pull`.
    pub kind: String,
    /// What it does, for people: completes "could not …".
    pub what: &'static str,
    /// When it is tried again.
    pub until: Timestamp,
    /// Whether the task cannot go on without it.
    pub awaited: bool,
    /// What it waits for at GitHub, if that is it.
    pub wait: Option<Wait>,
    /// How the last attempt failed, if it did.
    pub failed: Option<Failed>,
}

/// An attempt that failed and is made again.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Failed {
    /// How often it was tried.
    pub attempts: u32,
    /// After so many tries it is given up.
    pub of: u32,
    /// What went wrong the last time.
    pub error: String,
}

/// A task has few jobs that wait at once.
const JOBS: u32 = 100;

/// What of a task waits, in the order in which it was asked for.
///
/// # Errors
/// When the store fails.
pub async fn waiting(store: &Store, task: &Task) -> Result<Vec<Waiting>, StoreError> {
    let filter = JobFilter { task: Some(task.id), state: Some(JobState::Queued), ..JobFilter::default() };
    let jobs = store.jobs(&filter, None, JOBS).await?;
    Ok(jobs.into_iter().filter_map(|job| of_job(job, task)).collect())
}

fn of_job(job: Job, task: &Task) -> Option<Waiting> {
    let Payload { effect, .. } = job.payload.read("effect job").ok()?;
    let wait = job.wait.filter(|wait| wait.until == job.run_at);
    let failed = job.last_error.map(|error| Failed { attempts: job.attempts, of: job.max_attempts, error });
    if wait.is_none() && failed.is_none() {
        return None;
    }
    let awaited = effect.is_awaited_in(&task.state);
    Some(Waiting { kind: job.kind, what: effect.describe(), until: job.run_at, awaited, wait, failed })
}

impl Engine {
    /// What the next step of a task's work waits for at GitHub.
    pub(super) async fn wait_of(&self, task: &Task) -> Result<Option<Wait>, StoreError> {
        let waiting = waiting(self.store(), task).await?;
        let next = waiting.into_iter().find(|one| one.awaited);
        Ok(next.and_then(|one| one.wait).filter(|wait| wait.until > self.now()))
    }

    /// Writes down that a job of a task's work waited long before it came to this end.
    pub(super) async fn tell_wait(&self, tx: &mut Tx, context: &JobContext) -> Result<(), Failure> {
        let (Some(wait), Some(id)) = (context.job.wait, context.job.task) else { return Ok(()) };
        let Ok(Payload { effect, .. }) = context.job.payload.read("effect job") else { return Ok(()) };
        if !wait.is_worth_telling() {
            return Ok(());
        }
        let Some(row) = tx.load_task(id).await? else { return Ok(()) };
        if effect.is_awaited_in(&read(&row)?.state)
            && let Err(rejection) = self.apply(tx, id, &Event::Waited { wait }, Some(context.job.id)).await?
        {
            tracing::debug!(task = %id, ?rejection, "the task has ended; nobody asks what it waited for");
        }
        Ok(())
    }
}
