//! Tasks as rows: the document is the core's and opaque here, the columns beside it are what is looked for.

use baton_core::domain::ids::{IssueNumber, RepositoryId, TaskId};
use baton_core::domain::time::Timestamp;
use serde::Serialize;

use crate::ROW_FORMAT;
use crate::engine::{Row, params};
use crate::error::StoreError;
use crate::json::Json;
use crate::store::{Store, Tx};

/// A task as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TaskRow {
    /// Its number.
    pub id: TaskId,
    /// GitHub's number of the repository.
    pub repository_id: RepositoryId,
    /// The repository's name when the task was last saved.
    pub repository: String,
    /// The issue.
    pub issue: IssueNumber,
    /// Counts the tasks on this issue from 1.
    pub attempt: u32,
    /// The state's name.
    pub state: String,
    /// Whether it has not come to an end.
    pub live: bool,
    /// The pull request, once there is one.
    pub pull_request: Option<IssueNumber>,
    /// The format of the document.
    pub format: i64,
    /// The whole task, as the core wrote it.
    pub document: Json,
    /// Grows with every change; what a change must name.
    pub version: i64,
    /// When the task began.
    pub created_at: Timestamp,
    /// When it was last saved.
    pub updated_at: Timestamp,
}

impl TaskRow {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: TaskId(row.int("id")?),
            repository_id: RepositoryId(row.int("repository_id")?),
            repository: row.text("repository")?,
            issue: IssueNumber(row.int("issue")?),
            attempt: row.small("attempt")?,
            state: row.text("state")?,
            live: row.int("live")? == 1,
            pull_request: row.maybe_int("pull_request")?.map(IssueNumber),
            format: row.int("format")?,
            document: row.json("document")?,
            version: row.int("version")?,
            created_at: row.time("created_at")?,
            updated_at: row.time("updated_at")?,
        })
    }
}

/// A task to begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewTask<'a> {
    /// GitHub's number of the repository.
    pub repository_id: RepositoryId,
    /// Its name.
    pub repository: &'a str,
    /// The issue.
    pub issue: IssueNumber,
    /// The state's name.
    pub state: &'a str,
    /// The whole task.
    pub document: &'a Json,
}

/// A change of a task: everything about it that can change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TaskChange<'a> {
    /// The task.
    pub id: TaskId,
    /// The version the change was decided on.
    pub version: i64,
    /// The repository's name now.
    pub repository: &'a str,
    /// The state's name.
    pub state: &'a str,
    /// Whether it goes on.
    pub live: bool,
    /// The pull request, once there is one.
    pub pull_request: Option<IssueNumber>,
    /// The whole task.
    pub document: &'a Json,
}

/// Which tasks; what is not set does not matter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TaskFilter<'a> {
    /// In this state.
    pub state: Option<&'a str>,
    /// Of this repository.
    pub repository_id: Option<RepositoryId>,
    /// On this issue.
    pub issue: Option<IssueNumber>,
    /// Only those that go on, or only those that came to an end.
    pub live: Option<bool>,
}

// `attempt` is counted here, in the row's own transaction, so two tasks can never share a branch name.
const INSERT: &str = "
    INSERT INTO tasks (repository_id, repository, issue, attempt, state, live, format, document, version, created_at,
                       updated_at)
    VALUES ($1, $2, $3, (SELECT COALESCE(MAX(attempt), 0) + 1 FROM tasks WHERE repository_id = $1 AND issue = $3),
            $4, 1, $5, $6, 1, $7, $7)
    RETURNING *";

const SAVE: &str = "
    UPDATE tasks SET repository = $3, state = $4, live = $5, pull_request = $6, format = $7, document = $8,
                     version = version + 1, updated_at = $9
    WHERE id = $1 AND version = $2 RETURNING version";

const BY_ID: &str = "SELECT * FROM tasks WHERE id = $1";

const BY_ISSUE: &str = "SELECT * FROM tasks WHERE repository_id = $1 AND issue = $2 ORDER BY attempt DESC LIMIT 1";

const BY_PULL_REQUEST: &str =
    "SELECT * FROM tasks WHERE repository_id = $1 AND pull_request = $2 ORDER BY id DESC LIMIT 1";

/// One text with a condition in front that lets the engine choose an index.
macro_rules! newest_first {
    ($narrowed:literal) => {
        concat!(
            "SELECT * FROM tasks WHERE ",
            $narrowed,
            " AND (id < $1 OR $1 IS NULL) AND (state = $2 OR $2 IS NULL) AND (repository_id = $3 OR $3 IS NULL)
              AND (issue = $4 OR $4 IS NULL) AND (live = $5 OR $5 IS NULL)
            ORDER BY id DESC LIMIT $6"
        )
    };
}
const OF_STATE: &str = newest_first!("state = $2");
const LIVE: &str = newest_first!("live = 1");
const OF_REPOSITORY: &str = newest_first!("repository_id = $3");
const ALL: &str = newest_first!("id > 0");

const COUNTS: &str = "SELECT state, COUNT(*) AS n FROM tasks GROUP BY state ORDER BY state";

fn one(row: Option<Row>) -> Result<Option<TaskRow>, StoreError> {
    row.as_ref().map(TaskRow::from_row).transpose()
}

impl Store {
    /// One task.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn task(&self, id: TaskId) -> Result<Option<TaskRow>, StoreError> {
        one(self.engine.first(BY_ID, params![id.0]).await?)
    }

    /// The newest task on an issue.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn task_of_issue(
        &self,
        repository: RepositoryId,
        issue: IssueNumber,
    ) -> Result<Option<TaskRow>, StoreError> {
        one(self.engine.first(BY_ISSUE, params![repository.0, issue.0]).await?)
    }

    /// The task that made a pull request.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn task_of_pull_request(
        &self,
        repository: RepositoryId,
        number: IssueNumber,
    ) -> Result<Option<TaskRow>, StoreError> {
        one(self.engine.first(BY_PULL_REQUEST, params![repository.0, number.0]).await?)
    }

    /// Tasks, newest first, from before `before` on, `limit` at most.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn tasks(
        &self,
        filter: &TaskFilter<'_>,
        before: Option<TaskId>,
        limit: u32,
    ) -> Result<Vec<TaskRow>, StoreError> {
        let statement = match filter {
            TaskFilter { state: Some(_), .. } => OF_STATE,
            TaskFilter { live: Some(true), .. } => LIVE,
            TaskFilter { repository_id: Some(_), .. } => OF_REPOSITORY,
            TaskFilter { .. } => ALL,
        };
        let params = params![
            before.map(|id| id.0),
            filter.state,
            filter.repository_id.map(|id| id.0),
            filter.issue.map(|number| number.0),
            filter.live.map(i64::from),
            i64::from(limit),
        ];
        self.engine.rows(statement, params).await?.iter().map(TaskRow::from_row).collect()
    }

    /// How many tasks there are in each state that has any.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn task_counts(&self) -> Result<Vec<(String, u64)>, StoreError> {
        let rows = self.engine.rows(COUNTS, &[]).await?;
        rows.iter().map(|row| Ok((row.text("state")?, u64::from(row.small("n")?)))).collect()
    }
}

impl Tx {
    /// Loads a task to change it: nobody else can until this transaction ends.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn load_task(&mut self, id: TaskId) -> Result<Option<TaskRow>, StoreError> {
        one(self.session.first(BY_ID, params![id.0]).await?)
    }

    /// Loads the newest task on an issue to change it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn load_task_of_issue(
        &mut self,
        repository: RepositoryId,
        issue: IssueNumber,
    ) -> Result<Option<TaskRow>, StoreError> {
        one(self.session.first(BY_ISSUE, params![repository.0, issue.0]).await?)
    }

    /// Begins a task: live, version 1, numbered after the tasks the issue had before.
    ///
    /// # Errors
    /// [`StoreError::AlreadyLive`] when the issue has a live task.
    pub async fn insert_task(&mut self, task: &NewTask<'_>, now: Timestamp) -> Result<TaskRow, StoreError> {
        let params =
            params![task.repository_id.0, task.repository, task.issue.0, task.state, ROW_FORMAT, task.document, now,];
        let row = self.session.first(INSERT, params).await.map_err(|error| {
            if error.is_unique_violation() {
                StoreError::AlreadyLive { repository: task.repository_id, issue: task.issue }
            } else {
                error
            }
        })?;
        one(row)?.ok_or_else(|| StoreError::NotFound("task just begun".into()))
    }

    /// Saves a change; the task's new version.
    ///
    /// # Errors
    /// [`StoreError::Stale`] when the task is not at the version the change was decided on (or does not exist);
    /// [`StoreError::AlreadyLive`] when it is made live again beside another.
    pub async fn save_task(&mut self, change: &TaskChange<'_>, now: Timestamp) -> Result<i64, StoreError> {
        let params = params![
            change.id.0,
            change.version,
            change.repository,
            change.state,
            i64::from(change.live),
            change.pull_request.map(|number| number.0),
            ROW_FORMAT,
            change.document,
            now,
        ];
        match self.session.first(SAVE, params).await {
            Ok(Some(row)) => row.int("version"),
            Ok(None) => Err(StoreError::Stale { task: change.id, expected: change.version }),
            Err(error) if error.is_unique_violation() => {
                let task = self.load_task(change.id).await?.ok_or_else(|| missing(change.id))?;
                Err(StoreError::AlreadyLive { repository: task.repository_id, issue: task.issue })
            }
            Err(error) => Err(error),
        }
    }
}

fn missing(id: TaskId) -> StoreError {
    StoreError::NotFound(format!("task {id}"))
}
