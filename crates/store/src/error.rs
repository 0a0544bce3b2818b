//! How the store fails, in kinds a caller can branch on.

use std::path::PathBuf;

use baton_core::domain::ids::{IssueNumber, RepositoryId, TaskId};

use crate::job::JobId;

/// Why the store did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The lease is no longer the newest of its job: another worker has it, or the job has ended. The transaction must
    /// not be committed; whatever was computed under this lease is void.
    #[error("the lease on job {0} was lost: another worker has taken it over or it has ended")]
    LostLease(JobId),
    /// The task was changed since it was loaded. Load it again and decide again.
    #[error("task {task} was changed meanwhile (version {expected} is not the newest)")]
    Stale {
        /// The task.
        task: TaskId,
        /// The version the caller had seen.
        expected: i64,
    },
    /// The issue has a live task already.
    #[error("issue {issue} of repository {repository} has a live task already")]
    AlreadyLive {
        /// GitHub's number of the repository.
        repository: RepositoryId,
        /// The issue.
        issue: IssueNumber,
    },
    /// Nothing of that name is kept.
    #[error("there is no {0}")]
    NotFound(String),
    /// What was asked does not fit the state things are in.
    #[error("{0}")]
    Conflict(String),
    /// Another program held the database for too long.
    #[error("the database is busy: another process held it for more than {seconds} s; try again, or stop that process")]
    Busy {
        /// How long was waited.
        seconds: u64,
    },
    /// The database was written by a newer Baton.
    #[error(
        "the database has migration {found}, this Baton knows only up to {known}; use the newer Baton that wrote it, or restore a back-up"
    )]
    Newer {
        /// The newest migration in the database.
        found: i64,
        /// The newest this program has.
        known: i64,
    },
    /// The database is older than this Baton and was opened without leave to change it.
    #[error("the database is at migration {found} and this Baton needs {needed}; run `baton migrate`")]
    NeedsMigration {
        /// The newest migration in the database; 0 for an empty one.
        found: i64,
        /// The newest this program has.
        needed: i64,
    },
    /// A migration that was applied is not the one this program has.
    #[error("migration {0} of this database differs from the one in this Baton; it was made by a different build")]
    ForeignMigration(i64),
    /// The URL of the store is not one this program can open.
    #[error("cannot open the store `{url}`: {reason}")]
    BadUrl {
        /// The URL, as configured.
        url: String,
        /// What is wrong with it and what to write instead.
        reason: String,
    },
    /// There is no such file, and it was not to be made.
    #[error(
        "there is no database at {}. Is this the right folder? `--config FILE` names another configuration; `baton serve` \
         and `baton migrate` make the database", .0.display()
    )]
    Missing(PathBuf),
    /// The file could not be opened or created.
    #[error("cannot open the database {}: {source}; check that the folder exists and may be written to", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What the engine said.
        source: sqlx::Error,
    },
    /// A stored value does not have the form it should.
    #[error("the database holds a {what} that cannot be read: {reason}")]
    Corrupt {
        /// Which value.
        what: &'static str,
        /// Why it cannot be read.
        reason: String,
    },
    /// A row was written by a newer Baton, in a form that this one would misread.
    #[error(
        "the {what} was written by a newer Baton (its format is {format}, this Baton knows up to {known}); it is left to that one"
    )]
    NewerRow {
        /// Which row.
        what: &'static str,
        /// The row's format.
        format: i64,
        /// The newest this program knows.
        known: i64,
    },
    /// A value handed to the store cannot be written as JSON.
    #[error("cannot keep this value as JSON: {0}")]
    Unwritable(serde_json::Error),
    /// The engine failed: disk full, file gone, and the like.
    #[error("the database failed: {0}")]
    Database(sqlx::Error),
}

/// SQLite's result codes `SQLITE_BUSY` (5) and `SQLITE_LOCKED` (6), <https://www.sqlite.org/rescode.html>; the low byte
/// of an extended code is the plain one.
const BUSY_CODES: [u32; 2] = [5, 6];

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        let seconds = crate::engine::BUSY_TIMEOUT.as_secs();
        match &error {
            sqlx::Error::PoolTimedOut => Self::Busy { seconds },
            sqlx::Error::Database(engine)
                if engine
                    .code()
                    .and_then(|code| code.parse::<u32>().ok())
                    .is_some_and(|code| BUSY_CODES.contains(&(code & 0xff))) =>
            {
                Self::Busy { seconds }
            }
            _ => Self::Database(error),
        }
    }
}

impl StoreError {
    /// Whether the same call may succeed a little later without anyone doing anything.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Busy { .. } | Self::Stale { .. } | Self::Database(_))
    }

    /// Whether the engine refused a row because a unique index has one like it.
    pub(crate) fn is_unique_violation(&self) -> bool {
        matches!(self, Self::Database(sqlx::Error::Database(e)) if e.is_unique_violation())
    }
}
