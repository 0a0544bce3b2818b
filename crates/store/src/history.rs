//! A task's history: what happened, who did it, which state followed. Only ever added to.

use baton_core::domain::ids::TaskId;
use baton_core::domain::time::Timestamp;
use serde::Serialize;

use crate::ROW_FORMAT;
use crate::engine::{Row, params};
use crate::error::StoreError;
use crate::json::Json;
use crate::store::{Store, Tx};

/// Something that happened to a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewHistory<'a> {
    /// The task.
    pub task: TaskId,
    /// Who or what did it, for people: `@alice`, `run 12.3`, `timer`.
    pub actor: &'a str,
    /// The state before.
    pub state_before: &'a str,
    /// The state after.
    pub state_after: &'a str,
    /// What happened, as the core wrote it.
    pub event: &'a Json,
}

/// An entry as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HistoryEntry {
    /// Counts the task's entries from 1, without gaps.
    pub seq: i64,
    /// When.
    pub at: Timestamp,
    /// Who or what.
    pub actor: String,
    /// The state before.
    pub state_before: String,
    /// The state after.
    pub state_after: String,
    /// The format of the event.
    pub format: i64,
    /// What happened.
    pub event: Json,
}

impl HistoryEntry {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            seq: row.int("seq")?,
            at: row.time("at")?,
            actor: row.text("actor")?,
            state_before: row.text("state_before")?,
            state_after: row.text("state_after")?,
            format: row.int("format")?,
            event: row.json("event")?,
        })
    }
}

const APPEND: &str = "
    INSERT INTO history (task_id, seq, at, actor, state_before, state_after, format, event)
    VALUES ($1, (SELECT COALESCE(MAX(seq), 0) + 1 FROM history WHERE task_id = $1), $2, $3, $4, $5, $6, $7)
    RETURNING seq";

const READ: &str = "SELECT * FROM history WHERE task_id = $1 AND seq > $2 ORDER BY seq LIMIT $3";

impl Store {
    /// What happened to a task, oldest first, from after entry `after` on (0: from the beginning), `limit` at most.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn history(&self, task: TaskId, after: i64, limit: u32) -> Result<Vec<HistoryEntry>, StoreError> {
        let rows = self.engine.rows(READ, params![task.0, after, i64::from(limit)]).await?;
        rows.iter().map(HistoryEntry::from_row).collect()
    }
}

impl Tx {
    /// Adds an entry; its number.
    ///
    /// # Errors
    /// When the database fails, or there is no such task.
    pub async fn append_history(&mut self, entry: &NewHistory<'_>, now: Timestamp) -> Result<i64, StoreError> {
        let params =
            params![entry.task.0, now, entry.actor, entry.state_before, entry.state_after, ROW_FORMAT, entry.event,];
        let row = self.session.first(APPEND, params).await?;
        row.ok_or_else(|| StoreError::NotFound("history entry just added".into()))?.int("seq")
    }
}
