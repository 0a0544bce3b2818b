//! Runs: each agent execution, its live log while it goes, its end and what it used.

use baton_core::domain::ids::{RunId, TaskId};
use baton_core::domain::time::Timestamp;
use serde::Serialize;

use crate::ROW_FORMAT;
use crate::engine::{Row, params};
use crate::error::StoreError;
use crate::json::Json;
use crate::store::{Store, Tx};

/// A run that begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewRun<'a> {
    /// Its name.
    pub id: RunId,
    /// What it is for: `plan`, `implement`, `revise`.
    pub kind: &'a str,
    /// The agent's configured name.
    pub agent: &'a str,
    /// The model, as its provider names it.
    pub model: &'a str,
}

/// A run as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Run {
    /// Its name: `TASK.NUMBER`.
    pub id: String,
    /// The task.
    pub task: TaskId,
    /// What it is for.
    pub kind: String,
    /// The agent's configured name.
    pub agent: String,
    /// The model.
    pub model: String,
    /// When it was begun, for the last time if its worker was lost meanwhile.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// The format of ending and usage.
    pub format: i64,
    /// How it ended.
    pub ending: Option<Json>,
    /// What it used.
    pub usage: Option<Json>,
}

impl Run {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.text("id")?,
            task: TaskId(row.int("task_id")?),
            kind: row.text("kind")?,
            agent: row.text("agent")?,
            model: row.text("model")?,
            started_at: row.time("started_at")?,
            ended_at: row.maybe_time("ended_at")?,
            format: row.int("format")?,
            ending: row.maybe_json("ending")?,
            usage: row.maybe_json("usage")?,
        })
    }
}

/// One entry of a run's log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LogEntry {
    /// Counts the run's entries from 1, without gaps.
    pub seq: i64,
    /// When.
    pub at: Timestamp,
    /// What the agent did, as the core wrote it.
    pub entry: Json,
}

const BEGIN: &str = "
    INSERT INTO runs (id, task_id, kind, agent, model, started_at, format) VALUES ($1, $2, $3, $4, $5, $6, $7)
    ON CONFLICT (id) DO UPDATE SET agent = excluded.agent, model = excluded.model, started_at = excluded.started_at,
                                   ended_at = NULL, ending = NULL, usage = NULL";

const END: &str = "
    UPDATE runs SET ended_at = $2, ending = $3, usage = $4, format = $5 WHERE id = $1 AND ended_at IS NULL RETURNING id";

const BY_ID: &str = "SELECT * FROM runs WHERE id = $1";

const OF_TASK: &str = "SELECT * FROM runs WHERE task_id = $1 ORDER BY started_at, id";

const APPEND: &str = "
    INSERT INTO run_log (run_id, seq, at, entry)
    VALUES ($1, (SELECT COALESCE(MAX(seq), 0) + 1 FROM run_log WHERE run_id = $1), $2, $3) RETURNING seq";

const READ_LOG: &str = "SELECT seq, at, entry FROM run_log WHERE run_id = $1 AND seq > $2 ORDER BY seq LIMIT $3";

impl Store {
    /// One run.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn run(&self, id: RunId) -> Result<Option<Run>, StoreError> {
        self.engine.first(BY_ID, params![id.to_string()]).await?.as_ref().map(Run::from_row).transpose()
    }

    /// The runs of a task, in the order they were begun.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn runs(&self, task: TaskId) -> Result<Vec<Run>, StoreError> {
        self.engine.rows(OF_TASK, params![task.0]).await?.iter().map(Run::from_row).collect()
    }

    /// Adds entries to a run's log in one transaction; the number of the last one, 0 if there are none to add.
    ///
    /// # Errors
    /// When the database fails, or there is no such run.
    pub async fn append_run_log(&self, run: RunId, entries: &[(Timestamp, Json)]) -> Result<i64, StoreError> {
        let mut last = 0;
        if entries.is_empty() {
            return Ok(last);
        }
        let id = run.to_string();
        let mut tx = self.begin().await?;
        for (at, entry) in entries {
            let row = tx.session.first(APPEND, params![id, *at, *entry]).await?;
            last = row.ok_or_else(|| StoreError::NotFound("log entry just added".into()))?.int("seq")?;
        }
        tx.commit().await?;
        Ok(last)
    }

    /// A run's log from after entry `after` on (0: from the beginning), `limit` entries at most. To follow a run, ask
    /// again with the last number seen.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn run_log(&self, run: RunId, after: i64, limit: u32) -> Result<Vec<LogEntry>, StoreError> {
        let rows = self.engine.rows(READ_LOG, params![run.to_string(), after, i64::from(limit)]).await?;
        let entry = |row: &Row| Ok(LogEntry { seq: row.int("seq")?, at: row.time("at")?, entry: row.json("entry")? });
        rows.iter().map(entry).collect()
    }
}

impl Tx {
    /// Notes that a run begins; again, when its first worker was lost.
    ///
    /// # Errors
    /// When the database fails, or there is no such task.
    pub async fn begin_run(&mut self, run: &NewRun<'_>, now: Timestamp) -> Result<(), StoreError> {
        let id = run.id.to_string();
        let params = params![id, run.id.task.0, run.kind, run.agent, run.model, now, ROW_FORMAT];
        self.session.execute(BEGIN, params).await?;
        Ok(())
    }

    /// Notes how a run ended and what it used.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when there is no such run that goes on.
    pub async fn end_run(&mut self, run: RunId, ending: &Json, usage: &Json, now: Timestamp) -> Result<(), StoreError> {
        let row = self.session.first(END, params![run.to_string(), now, ending, usage, ROW_FORMAT]).await?;
        row.map(|_| ()).ok_or_else(|| StoreError::Conflict(format!("run {run} has ended already or never began")))
    }
}
