//! Putting jobs into the queue, each kind of work once, and calling them off.

use baton_core::domain::ids::TaskId;
use baton_core::domain::time::Timestamp;
use serde::Serialize;

use crate::ROW_FORMAT;
use crate::engine::params;
use crate::error::StoreError;
use crate::job::{JobId, JobState, Slot};
use crate::json::Json;
use crate::store::Tx;

/// A job to enqueue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewJob {
    /// What sort of work it is.
    pub kind: String,
    /// What to do.
    pub payload: Json,
    /// Names the effect this job performs. While a job of this key is queued, running or done, no other is taken: what
    /// was done once is never done again. A dead or cancelled one did not do it, so the effect may be asked for anew.
    pub effect_key: Option<String>,
    /// Names the work this job stands for. While a job of this key is queued or running, no other is taken.
    pub dedupe_key: Option<String>,
    /// The task it belongs to; what [`Tx::cancel_jobs`] goes by.
    pub task: Option<TaskId>,
    /// Whose turn and limit it counts for; empty for none.
    pub repository: String,
    /// Jobs of one lane run one at a time in the order of enqueuing; one that fails or waits holds those behind it.
    pub lane: Option<String>,
    /// Which limits it counts against.
    pub slot: Slot,
    /// Higher goes first; 0 is ordinary.
    pub priority: i64,
    /// Not before this time; at once if none.
    pub run_at: Option<Timestamp>,
    /// After so many failed attempts it is dead. At least 1.
    pub max_attempts: u32,
}

impl NewJob {
    /// Light work with ten attempts, to be done at once; set the fields that differ.
    ///
    /// # Errors
    /// [`StoreError::Unwritable`] when the payload has no JSON form.
    pub fn new(kind: &str, payload: &impl Serialize) -> Result<Self, StoreError> {
        Ok(Self {
            kind: kind.to_owned(),
            payload: Json::of(payload)?,
            effect_key: None,
            dedupe_key: None,
            task: None,
            repository: String::new(),
            lane: None,
            slot: Slot::Light,
            priority: 0,
            run_at: None,
            max_attempts: 10,
        })
    }
}

/// What became of a wish to enqueue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Enqueued {
    /// It is in the queue.
    New(JobId),
    /// One of the same effect or dedupe key was there already: this one.
    Duplicate(JobId),
}

impl Enqueued {
    /// The job that now stands for the work.
    #[must_use]
    pub fn id(self) -> JobId {
        match self {
            Self::New(id) | Self::Duplicate(id) => id,
        }
    }
}

/// Which jobs; what is not set does not matter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JobFilter<'a> {
    /// Of this task.
    pub task: Option<TaskId>,
    /// In this state.
    pub state: Option<JobState>,
    /// Of this kind.
    pub kind: Option<&'a str>,
    /// In this class.
    pub slot: Option<Slot>,
    /// All but this one: usually the job in whose name one acts.
    pub except: Option<JobId>,
}

/// What calling off did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cancelled {
    /// Jobs that had not begun and now never will.
    pub called_off: usize,
    /// Jobs that are running and were asked to stop; their worker learns of it with its next heartbeat.
    pub asked_to_stop: usize,
}

const INSERT: &str = "
    INSERT INTO jobs (kind, format, payload, effect_key, dedupe_key, task_id, repository, lane, lane_turn, slot, priority,
                      run_at, state, waits_for, attempts, max_attempts, fence, created_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 'queued', $13, 0, $14, 0, $15)
    ON CONFLICT DO NOTHING RETURNING id";

const STANDS_FOR: &str = "
    SELECT id FROM jobs
    WHERE (effect_key = $1 AND state IN ('queued', 'running', 'done'))
       OR (dedupe_key = $2 AND state IN ('queued', 'running'))
    ORDER BY id DESC LIMIT 1";

const TAKE_LANE_TURN: &str = "UPDATE jobs SET lane_turn = id WHERE id = $1";

const CALL_OFF: &str = "
    UPDATE jobs SET state = 'cancelled', finished_at = $1
    WHERE state = 'queued' AND task_id = $2 AND (kind = $3 OR $3 IS NULL) AND (slot = $4 OR $4 IS NULL)
      AND (id <> $5 OR $5 IS NULL)
    RETURNING lane";

const ASK_TO_STOP: &str = "
    UPDATE jobs SET cancel_requested_at = $1
    WHERE state = 'running' AND cancel_requested_at IS NULL AND task_id = $2 AND (kind = $3 OR $3 IS NULL)
      AND (slot = $4 OR $4 IS NULL) AND (id <> $5 OR $5 IS NULL)";

/// What a queued job waits for, as stored; see `jobs.waits_for` in the migrations.
pub(crate) fn waits_for(laned: bool, run_at: Timestamp, now: Timestamp) -> i64 {
    match (laned, run_at <= now) {
        (true, _) => 2,
        (false, false) => 1,
        (false, true) => 0,
    }
}

impl Tx {
    /// Enqueues a job, unless one of the same effect or dedupe key stands for it already.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn enqueue(&mut self, job: &NewJob, now: Timestamp) -> Result<Enqueued, StoreError> {
        let Some(id) = self.insert_job(job, 0, now).await? else {
            let row = self.session.first(STANDS_FOR, params![job.effect_key, job.dedupe_key]).await?;
            let id =
                row.ok_or_else(|| StoreError::NotFound(format!("job that stands for this {}", job.kind)))?.int("id")?;
            return Ok(Enqueued::Duplicate(JobId(id)));
        };
        if let Some(lane) = &job.lane {
            self.session.execute(TAKE_LANE_TURN, params![id.0]).await?;
            self.advance_lane(lane, now).await?;
        }
        Ok(Enqueued::New(id))
    }

    /// Writes the row; its lane is yet to be put in order.
    pub(crate) async fn insert_job(
        &mut self,
        job: &NewJob,
        lane_turn: i64,
        now: Timestamp,
    ) -> Result<Option<JobId>, StoreError> {
        let run_at = job.run_at.unwrap_or(now);
        let params = params![
            job.kind,
            ROW_FORMAT,
            job.payload,
            job.effect_key,
            job.dedupe_key,
            job.task.map(|id| id.0),
            job.repository,
            job.lane,
            lane_turn,
            job.slot.name(),
            job.priority,
            run_at,
            waits_for(job.lane.is_some(), run_at, now),
            i64::from(job.max_attempts.max(1)),
            now,
        ];
        let row = self.session.first(INSERT, params).await?;
        self.note_job_change();
        row.map(|row| row.int("id").map(JobId)).transpose()
    }

    /// Calls off a task's jobs that the filter names (its `task` and `state` are not looked at): those that wait are
    /// cancelled, those that run are asked to stop and are never run again.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn cancel_jobs(
        &mut self,
        task: TaskId,
        filter: &JobFilter<'_>,
        now: Timestamp,
    ) -> Result<Cancelled, StoreError> {
        let params = params![now, task.0, filter.kind, filter.slot.map(Slot::name), filter.except.map(|id| id.0)];
        let rows = self.session.rows(CALL_OFF, params).await?;
        let asked_to_stop = self.session.execute(ASK_TO_STOP, params).await?;
        let mut lanes = rows.iter().map(|row| row.maybe_text("lane")).collect::<Result<Vec<_>, _>>()?;
        lanes.sort();
        lanes.dedup();
        for lane in lanes.into_iter().flatten() {
            self.advance_lane(&lane, now).await?;
        }
        self.note_job_change();
        Ok(Cancelled { called_off: rows.len(), asked_to_stop: usize::try_from(asked_to_stop).unwrap_or(usize::MAX) })
    }
}
