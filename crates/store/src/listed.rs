//! Jobs as an operator lists them: the newest first, whatever became of them.

use crate::engine::params;
use crate::enqueue::JobFilter;
use crate::error::StoreError;
use crate::job::{Job, JobId, JobState, Slot};
use crate::store::Store;

/// One text with a condition in front that lets the engine choose an index.
macro_rules! newest_first {
    ($narrowed:literal) => {
        concat!(
            "SELECT * FROM jobs WHERE ",
            $narrowed,
            " AND (id < $1 OR $1 IS NULL) AND (task_id = $2 OR $2 IS NULL) AND (state = $3 OR $3 IS NULL)
              AND (kind = $4 OR $4 IS NULL) AND (slot = $5 OR $5 IS NULL) AND (id <> $6 OR $6 IS NULL)
            ORDER BY id DESC LIMIT $7"
        )
    };
}
const OF_TASK: &str = newest_first!("task_id = $2");
const DEAD: &str = newest_first!("state = 'dead'");
const ALL: &str = newest_first!("id > 0");

impl Store {
    /// Jobs, newest first, from before `before` on, `limit` at most.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn newest_jobs(
        &self,
        filter: &JobFilter<'_>,
        before: Option<JobId>,
        limit: u32,
    ) -> Result<Vec<Job>, StoreError> {
        let statement = match filter {
            JobFilter { task: Some(_), .. } => OF_TASK,
            JobFilter { state: Some(JobState::Dead), .. } => DEAD,
            JobFilter { .. } => ALL,
        };
        let params = params![
            before.map(|id| id.0),
            filter.task.map(|id| id.0),
            filter.state.map(JobState::name),
            filter.kind,
            filter.slot.map(Slot::name),
            filter.except.map(|id| id.0),
            i64::from(limit),
        ];
        self.engine.rows(statement, params).await?.iter().map(Job::from_row).collect()
    }
}
