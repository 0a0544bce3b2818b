//! Jobs as an operator reads of them: what each was to do and for whom, and for those that were given up on (the dead letters)
//! the command that helps.

use baton_core::domain::effect::Effect;
use baton_core::domain::ids::{IssueNumber, TaskId};
use baton_core::domain::task::{State, Task};
use baton_core::domain::time::Timestamp;
use baton_store::{Died, INGEST, Ingest, JOB_DIED, Job, JobId, JobState, Store, StoreError};
use serde::Serialize;

use super::apply::read;
use super::handler::TIDY;
use super::ingest::CONSIDER;
use super::jobs::Payload;
use super::perform::CONTACT;
use super::reconcile::{OBSERVE, RECONCILE};

/// What there is to know about a job.
#[derive(Clone, Debug, Serialize)]
pub struct Letter {
    /// The job as it is kept.
    pub job: Job,
    /// What it does, for people: completes "could not …".
    pub what: String,
    /// The task it is for, if it is for one.
    pub task: Option<LetterTask>,
    /// What helps, where it was given up on.
    pub help: Option<Help>,
}

/// A task, as a reader of the list looks for it.
#[derive(Clone, Debug, Serialize)]
pub struct LetterTask {
    /// Its number.
    pub id: TaskId,
    /// The repository's name.
    pub repository: String,
    /// The issue.
    pub issue: IssueNumber,
    /// The state's name.
    pub state: String,
}

/// What helps about a job that was given up on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Help {
    /// Which way out there is.
    pub way: Way,
    /// The command that takes it.
    pub command: String,
    /// What follows, or why it is that one.
    pub because: &'static str,
}

/// The ways out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// The job itself is done again.
    Replay,
    /// Its task is: it goes on in another turn, with jobs of its own.
    RetryTask,
    /// Nobody waits for it any more.
    Dismiss,
}

/// Finds out what there is to know about a job.
///
/// # Errors
/// When the store fails.
pub async fn letter(store: &Store, job: Job) -> Result<Letter, StoreError> {
    let row = match job.task {
        Some(id) => store.task(id).await?,
        None => None,
    };
    // What a newer Baton wrote is shown all the same, with less to say about it.
    let task = row.as_ref().and_then(|row| read(row).ok());
    let effect = job.payload.read::<Payload>("effect job").ok().map(|payload| payload.effect);
    let what = describe(&job, effect.as_ref());
    let help = (job.state == JobState::Dead).then(|| help(&job, effect.as_ref(), task.as_ref()));
    let task = row.map(|row| LetterTask { id: row.id, repository: row.repository, issue: row.issue, state: row.state });
    Ok(Letter { job, what, task, help })
}

/// Queues a job that was given up on again. A delivery it is about waits again.
///
/// # Errors
/// [`StoreError::NotFound`] when there is no such dead job, [`StoreError::Conflict`] when another job has taken over what it was
/// to do.
pub async fn replay(store: &Store, id: JobId, now: Timestamp) -> Result<(), StoreError> {
    let mut tx = store.begin().await?;
    let job = tx.replay_job(id, now).await?;
    if let Some(Ingest { delivery }) = delivery_of(&job) {
        tx.settle_delivery(delivery, &baton_store::DeliveryOutcome::Received, now).await?;
    }
    tx.commit().await
}

fn delivery_of(job: &Job) -> Option<Ingest> {
    [INGEST, CONSIDER].contains(&job.kind.as_str()).then(|| job.payload.read("ingest job").ok()).flatten()
}

fn describe(job: &Job, effect: Option<&Effect>) -> String {
    if let Some(Ingest { delivery }) = delivery_of(job) {
        return format!("look into delivery {delivery}");
    }
    if let Some(effect) = effect {
        return effect.describe().to_owned();
    }
    match job.kind.as_str() {
        TIDY => "tidy up".to_owned(),
        CONTACT => "look at a repository for the first time".to_owned(),
        RECONCILE => "ask GitHub for what no webhook told".to_owned(),
        OBSERVE => "look into what no webhook told".to_owned(),
        JOB_DIED => match job.payload.read::<Died>("news of a dead job") {
            Ok(died) => format!("tell that job {} was given up on", died.job),
            Err(_) => "tell that a job was given up on".to_owned(),
        },
        _ => "do work that this Baton does not know".to_owned(),
    }
}

/// Work that a task cannot do without ends with it, and begins again with it; everything else stands for itself.
fn help(job: &Job, effect: Option<&Effect>, task: Option<&Task>) -> Help {
    let replay = |because| Help { way: Way::Replay, command: format!("baton job replay {}", job.id), because };
    let dismiss = |because| Help { way: Way::Dismiss, command: format!("baton job dismiss {}", job.id), because };
    let is_work = matches!(
        effect,
        Some(
            Effect::Run(_)
                | Effect::Verify { .. }
                | Effect::Push { .. }
                | Effect::OpenPull { .. }
                | Effect::PostPlan { .. }
        )
    );
    match (effect, task) {
        (Some(effect), Some(task)) if is_work && effect.is_awaited_in(&task.state) && !stands(effect, task) => {
            replay("its task waits for it")
        }
        (Some(_), Some(Task { id, state: State::Failed(_), .. })) if is_work => Help {
            way: Way::RetryTask,
            command: format!("baton task retry {id}"),
            because: "its task failed with it, and goes on with it",
        },
        (Some(_), Some(_)) if is_work => dismiss("its task has gone on without it"),
        _ if delivery_of(job).is_some() => replay("what the delivery asks for is still to be done"),
        _ => replay("it stands for itself"),
    }
}

/// Whether another job has posted this plan meanwhile: its task waits for a person then.
fn stands(effect: &Effect, task: &Task) -> bool {
    matches!(effect, Effect::PostPlan { plan } if task.plan_comment(plan.revision).is_some())
}
