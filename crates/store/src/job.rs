//! A job as it is kept: what is to be done, when, in which order, and what became of it.

use std::fmt;

use baton_core::domain::ids::TaskId;
use baton_core::domain::time::Timestamp;
use baton_core::domain::wait::Wait;
use serde::{Deserialize, Serialize};

use crate::engine::{Row, params};
use crate::enqueue::JobFilter;
use crate::error::StoreError;
use crate::json::Json;
use crate::store::{Store, Tx};

/// A job, numbered by the store in the order of enqueuing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct JobId(pub i64);

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// Which limits a job counts against.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Slot {
    /// Short work: no limit but the worker's own, goes on while Baton is paused.
    Light,
    /// An agent's run: counts against the limits per repository and over all, and does not start while Baton is paused.
    Run,
}

impl Slot {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Light => "light",
            Self::Run => "run",
        }
    }
}

/// Where a job is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// Waits: for its time, its lane, a limit, or a worker.
    Queued,
    /// A worker has a lease on it.
    Running,
    /// Ended well.
    Done,
    /// Given up on: failed for good or too often. Kept for a person to see and replay.
    Dead,
    /// Called off.
    Cancelled,
}

impl JobState {
    /// Every state.
    pub const ALL: [JobState; 5] = [Self::Queued, Self::Running, Self::Done, Self::Dead, Self::Cancelled];

    /// The name, as stored and shown.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Done => "done",
            Self::Dead => "dead",
            Self::Cancelled => "cancelled",
        }
    }

    fn stored(name: &str) -> Result<Self, StoreError> {
        Self::ALL.into_iter().find(|state| state.name() == name).ok_or_else(|| StoreError::Corrupt {
            what: "job state",
            reason: format!("`{name}` is unknown to this version"),
        })
    }
}

/// A job as it was when it was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Job {
    /// Its number.
    pub id: JobId,
    /// What sort of work it is; the queue's handler knows the kinds.
    pub kind: String,
    /// The format of the payload.
    pub format: i64,
    /// What to do.
    pub payload: Json,
    /// The effect it performs, if it is one.
    pub effect_key: Option<String>,
    /// The work it stands for while it is active.
    pub dedupe_key: Option<String>,
    /// The task it belongs to.
    pub task: Option<TaskId>,
    /// Whose turn and limit it counts for; empty for none.
    pub repository: String,
    /// The lane it keeps its place in.
    pub lane: Option<String>,
    /// Which limits it counts against.
    pub slot: Slot,
    /// Higher goes first.
    pub priority: i64,
    /// Not before this time.
    pub run_at: Timestamp,
    /// Where it is in its life.
    pub state: JobState,
    /// How often it was claimed, the present claim included.
    pub attempts: u32,
    /// After so many failed attempts it is dead.
    pub max_attempts: u32,
    /// How often the worker that had it was lost; see [`Job::is_suspect`].
    pub losses: u32,
    /// Who has it, while it is running.
    pub lease_owner: Option<String>,
    /// Until when, while it is running.
    pub lease_until: Option<Timestamp>,
    /// When it was asked to stop, if it was.
    pub cancel_requested_at: Option<Timestamp>,
    /// What it waits for, or last waited for, where that is nobody's failure.
    pub wait: Option<Wait>,
    /// Why the last attempt failed.
    pub last_error: Option<String>,
    /// What it handed back when it ended well.
    pub result: Option<Json>,
    /// When it was enqueued.
    pub created_at: Timestamp,
    /// When it was last claimed.
    pub started_at: Option<Timestamp>,
    /// When it ended: done, dead or cancelled.
    pub finished_at: Option<Timestamp>,
}

/// After so many losses it is no chance any more that workers die of which one had this job.
const SUSPECT: u32 = 3;

impl Job {
    /// Whether it may be what ends its workers: then nothing else that may be is done beside it.
    #[must_use]
    pub fn is_suspect(&self) -> bool {
        self.losses >= SUSPECT
    }

    pub(crate) fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: JobId(row.int("id")?),
            kind: row.text("kind")?,
            format: row.int("format")?,
            payload: row.json("payload")?,
            effect_key: row.maybe_text("effect_key")?,
            dedupe_key: row.maybe_text("dedupe_key")?,
            task: row.maybe_int("task_id")?.map(TaskId),
            repository: row.text("repository")?,
            lane: row.maybe_text("lane")?,
            slot: if row.text("slot")? == "run" { Slot::Run } else { Slot::Light },
            priority: row.int("priority")?,
            run_at: row.time("run_at")?,
            state: JobState::stored(&row.text("state")?)?,
            attempts: row.small("attempts")?,
            max_attempts: row.small("max_attempts")?,
            losses: row.small("losses")?,
            lease_owner: row.maybe_text("lease_owner")?,
            lease_until: row.maybe_time("lease_until")?,
            cancel_requested_at: row.maybe_time("cancel_requested_at")?,
            wait: row.maybe_json("wait")?.map(|wait| wait.read("wait")).transpose()?,
            last_error: row.maybe_text("last_error")?,
            result: row.maybe_json("result")?,
            created_at: row.time("created_at")?,
            started_at: row.maybe_time("started_at")?,
            finished_at: row.maybe_time("finished_at")?,
        })
    }
}

const BY_ID: &str = "SELECT * FROM jobs WHERE id = $1";

/// One text with a condition in front that lets the engine choose an index.
macro_rules! oldest_first {
    ($narrowed:literal) => {
        concat!(
            "SELECT * FROM jobs WHERE ",
            $narrowed,
            " AND id > $1 AND (task_id = $2 OR $2 IS NULL) AND (state = $3 OR $3 IS NULL)
              AND (kind = $4 OR $4 IS NULL) AND (slot = $5 OR $5 IS NULL) AND (id <> $6 OR $6 IS NULL)
            ORDER BY id LIMIT $7"
        )
    };
}
const OF_TASK: &str = oldest_first!("task_id = $2");
const DEAD: &str = oldest_first!("state = 'dead'");
const RUNNING: &str = oldest_first!("state = 'running'");
const ALL: &str = oldest_first!("id > 0");

const COUNTS: &str = "SELECT state, COUNT(*) AS n FROM jobs GROUP BY state";

impl Store {
    /// One job.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn job(&self, id: JobId) -> Result<Option<Job>, StoreError> {
        self.engine.first(BY_ID, params![id.0]).await?.as_ref().map(Job::from_row).transpose()
    }

    /// Jobs in the order of their numbers, from after `after` on, `limit` at most.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn jobs(&self, filter: &JobFilter<'_>, after: Option<JobId>, limit: u32) -> Result<Vec<Job>, StoreError> {
        let statement = match filter {
            JobFilter { task: Some(_), .. } => OF_TASK,
            JobFilter { state: Some(JobState::Dead), .. } => DEAD,
            JobFilter { state: Some(JobState::Running), .. } => RUNNING,
            JobFilter { .. } => ALL,
        };
        let params = params![
            after.map_or(0, |id| id.0),
            filter.task.map(|id| id.0),
            filter.state.map(JobState::name),
            filter.kind,
            filter.slot.map(Slot::name),
            filter.except.map(|id| id.0),
            i64::from(limit),
        ];
        self.engine.rows(statement, params).await?.iter().map(Job::from_row).collect()
    }

    /// How many jobs there are in each state that has any.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn job_counts(&self) -> Result<Vec<(JobState, u64)>, StoreError> {
        let rows = self.engine.rows(COUNTS, &[]).await?;
        rows.iter().map(|row| Ok((JobState::stored(&row.text("state")?)?, u64::from(row.small("n")?)))).collect()
    }
}

impl Tx {
    /// One job, as this transaction sees it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn job(&mut self, id: JobId) -> Result<Option<Job>, StoreError> {
        self.session.first(BY_ID, params![id.0]).await?.as_ref().map(Job::from_row).transpose()
    }
}
