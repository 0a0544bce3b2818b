//! Effects as jobs: which lane, which limits, how often.

use baton_core::domain::effect::{Effect, Turn};
use baton_core::domain::ids::TaskId;
use baton_core::domain::issue::RepositoryRef;
use baton_core::domain::time::Timestamp;
use baton_store::{Enqueued, JobFilter, JobId, NewJob, Slot, StoreError, Tx};
use serde::{Deserialize, Serialize};

use super::errand;

/// What an effect's job carries.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Payload {
    /// What to do.
    pub effect: Effect,
    /// The effect's stable key: hidden markers are made of it.
    pub key: String,
    /// Where.
    pub repository: RepositoryRef,
}

/// In whose name an effect is enqueued.
pub(super) struct Scope<'a> {
    pub repository: &'a RepositoryRef,
    /// The prefix of keys.
    pub name: &'a str,
    pub task: Option<TaskId>,
    pub turn: Turn,
    /// The job that does this, which must not stop itself.
    pub doer: Option<JobId>,
}

/// The kinds of jobs, as lists show them.
pub(super) fn kind(effect: &Effect) -> &'static str {
    match effect {
        Effect::Acknowledge { .. } => "acknowledge",
        Effect::Say { .. } => "say",
        Effect::PostPlan { .. } => "post_plan",
        Effect::MinimisePlan { .. } => "minimise_plan",
        Effect::ShowProgress => "show_progress",
        Effect::Run(_) => "run",
        Effect::Verify { .. } => "verify",
        Effect::Push { .. } => "push",
        Effect::OpenPull { .. } => "open_pull",
        Effect::RequestReview { .. } => "request_review",
        Effect::StopWork => "stop_work",
        Effect::Wake { .. } => "wake",
    }
}

/// All of those that a worker of this version performs: what it does not know waits for one that does. An effect that was
/// left out here would hang in every story that has it.
pub(super) const EFFECTS: [&str; 12] = [
    "acknowledge",
    "say",
    "post_plan",
    "minimise_plan",
    "show_progress",
    "run",
    "verify",
    "push",
    "open_pull",
    "request_review",
    "stop_work",
    "wake",
];

/// Attempts at what only GitHub can refuse: with the queue's pauses, an outage of several hours.
const PATIENT: u32 = 30;

/// Attempts at a run or a verification: an outage of half an hour before anything is spent. What an agent has spent money
/// on is tried less often (`perform::run`).
const RUN_ATTEMPTS: u32 = 12;

/// Attempts at what nobody waits for.
const COURTESY_ATTEMPTS: u32 = 10;

/// The kinds that [`Effect::StopWork`] stops.
const WORK: [&str; 4] = ["run", "verify", "push", "open_pull"];

/// Enqueues an effect in the transaction that decided on it. Stopping work is done here and now: it concerns only the
/// queue.
pub(super) async fn enqueue(tx: &mut Tx, effect: &Effect, scope: &Scope<'_>, now: Timestamp) -> Result<(), StoreError> {
    if *effect == Effect::StopWork {
        if let Some(task) = scope.task {
            for kind in WORK {
                let filter = JobFilter { kind: Some(kind), except: scope.doer, ..JobFilter::default() };
                tx.cancel_jobs(task, &filter, now).await?;
            }
        }
        return Ok(());
    }
    let key = effect.key(scope.name, scope.turn);
    let lane = |name: &str| Some(format!("{}/{name}", scope.name));
    let payload = Payload { effect: effect.clone(), key: key.clone(), repository: scope.repository.clone() };
    let mut job = NewJob::new(kind(effect), &payload)?;
    job.task = scope.task;
    job.repository = scope.repository.id.to_string();
    job.max_attempts = PATIENT;
    job.priority = errand::priority(effect);
    match effect {
        Effect::Run(_) | Effect::Verify { .. } => {
            job.effect_key = Some(key);
            job.lane = lane("work");
            job.slot = Slot::Run;
            job.max_attempts = RUN_ATTEMPTS;
        }
        Effect::Push { .. } | Effect::OpenPull { .. } => {
            job.effect_key = Some(key);
            job.lane = lane("work");
        }
        Effect::PostPlan { .. } => {
            job.effect_key = Some(key);
            job.lane = lane("thread");
        }
        // A courtesy must not hold up the plan behind it for hours.
        Effect::Say { .. } | Effect::MinimisePlan { .. } | Effect::RequestReview { .. } => {
            job.effect_key = Some(key);
            job.lane = lane("thread");
            job.max_attempts = COURTESY_ATTEMPTS;
        }
        Effect::Acknowledge { .. } => {
            job.effect_key = Some(key);
            job.max_attempts = 4;
        }
        // Each change of a task is shown; what was shown already is not shown again, so these cost nothing.
        Effect::ShowProgress => job.lane = lane("progress"),
        Effect::Wake { at, .. } => {
            job.effect_key = Some(key);
            job.run_at = Some(*at);
        }
        Effect::StopWork => return Ok(()),
    }
    match tx.enqueue(&job, now).await? {
        Enqueued::New(_) => {}
        Enqueued::Duplicate(id) => tracing::debug!(job = %id, kind = job.kind, "this was done or is under way already"),
    }
    Ok(())
}
