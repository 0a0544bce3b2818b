//! A back-up put in the place of a database: copied, checked and brought up to date beside it first, so that nothing is
//! touched unless all of it goes well.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use baton_core::domain::time::Timestamp;
use serde::Serialize;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode};
use sqlx::{ConnectOptions as _, Connection as _, Row as _};

use crate::backup::{BackupError, Content, inspect, new_file, on, sync_folder};
use crate::engine::{is_busy, sqlite_path};
use crate::error::StoreError;
use crate::hold::{beside, keep_away};
use crate::store::{OpenOptions, Store};

/// How long somebody else may take to let go of the database.
const PATIENCE: Duration = Duration::from_secs(2);

/// The files that SQLite keeps beside a database.
const BESIDE: [&str; 3] = ["-wal", "-shm", "-journal"];

/// What was put in place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Restored {
    /// What was in the back-up.
    pub from: Content,
    /// What is in the database now.
    pub now: Content,
    /// Where the database lies that was there, if it held anything.
    pub kept: Option<PathBuf>,
}

/// Why nothing was restored.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// A program has the database open.
    #[error(
        "a server or worker, or another program, has {} open; stop it, and restore again", .0.display()
    )]
    InUse(PathBuf),
    /// There is a database with something in it.
    #[error(
        "{} holds data ({tasks} tasks, {deliveries} deliveries); `--force` puts it aside and the back-up in its place",
        path.display()
    )]
    HoldsData {
        /// The database.
        path: PathBuf,
        /// Its tasks.
        tasks: i64,
        /// Its deliveries.
        deliveries: i64,
    },
    /// There is a file that cannot be read as a database.
    #[error("{} cannot be read ({reason}); `--force` puts it aside and the back-up in its place", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The file to restore is the database.
    #[error("{} is the database itself, not a back-up of it", .0.display())]
    Itself(PathBuf),
    /// The file to restore is a copy of a database that was in use.
    #[error(
        "{} has a log beside it ({}): it was copied while it was in use, and what was written last is in the log. `baton backup` \
         makes a copy that is whole", path.display(), log.display()
    )]
    LogBeside {
        /// The file.
        path: PathBuf,
        /// The log.
        log: PathBuf,
    },
    /// The back-up cannot be used.
    #[error(transparent)]
    Backup(#[from] BackupError),
}

impl From<StoreError> for RestoreError {
    fn from(error: StoreError) -> Self {
        Self::Backup(error.into())
    }
}

impl Store {
    /// Puts a back-up in the place of the database at a URL, brought to this program's schema. The back-up stays as it is. With
    /// `force` a database that is there is put aside, under a name with the time `now` in it.
    ///
    /// # Errors
    /// [`RestoreError`]; then the database is as it was.
    pub async fn restore(url: &str, from: &Path, force: bool, now: Timestamp) -> Result<Restored, RestoreError> {
        let path = sqlite_path(url)?;
        let log = beside(from, "-wal");
        if from.canonicalize().is_ok_and(|it| path.canonicalize().is_ok_and(|path| it == path)) {
            return Err(RestoreError::Itself(path));
        }
        if log.metadata().is_ok_and(|it| it.len() > 0) {
            return Err(RestoreError::LogBeside { path: from.to_owned(), log });
        }
        let content = inspect(from).await?;
        let Some(_alone) = keep_away(&path)? else { return Err(RestoreError::InUse(path)) };
        let there = look_at(&path, force).await?;
        let copy = beside(&path, ".restoring");
        let prepared = prepare(from, &copy).await;
        let restored = match prepared {
            Ok(now) => now,
            Err(error) => {
                sweep(&copy)?;
                return Err(error);
            }
        };
        let kept = put_aside(&path, there, now)?;
        std::fs::rename(&copy, &path).map_err(on("write", &path))?;
        sync_folder(&path)?;
        Ok(Restored { from: content, now: restored, kept })
    }
}

/// What is at the place where the back-up goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum There {
    Nothing,
    Empty,
    Data,
}

async fn look_at(path: &Path, force: bool) -> Result<There, RestoreError> {
    if path.symlink_metadata().is_err() {
        return Ok(There::Nothing);
    }
    // Leaving WAL mode folds the log in, and needs everybody else gone.
    let options = SqliteConnectOptions::new().filename(path).busy_timeout(PATIENCE);
    let looked = match options.journal_mode(SqliteJournalMode::Delete).connect().await {
        Ok(mut database) => {
            let counts = counts(&mut database).await;
            let closed = database.close().await;
            counts.and_then(|counts| closed.map(|()| counts))
        }
        Err(error) => Err(error),
    };
    match looked {
        Ok(None) => Ok(There::Empty),
        Ok(Some(_)) if force => Ok(There::Data),
        Ok(Some((tasks, deliveries))) => Err(RestoreError::HoldsData { path: path.to_owned(), tasks, deliveries }),
        Err(error) if is_busy(&error) => Err(RestoreError::InUse(path.to_owned())),
        Err(_) if force => Ok(There::Data),
        Err(error) => Err(RestoreError::Unreadable { path: path.to_owned(), reason: error.to_string() }),
    }
}

/// Tasks and deliveries; nothing where nothing of anybody's is kept.
async fn counts(database: &mut SqliteConnection) -> Result<Option<(i64, i64)>, sqlx::Error> {
    let number = async |database: &mut SqliteConnection, sql: &'static str| {
        sqlx::query(sql).fetch_one(database).await?.try_get::<i64, _>(0)
    };
    let tables = "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table'";
    let ours = "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name IN ('tasks', 'deliveries', 'jobs')";
    if number(database, ours).await? != 3 {
        // Somebody else's tables are data too.
        return Ok((number(database, tables).await? > 0).then_some((0, 0)));
    }
    let tasks = number(database, "SELECT COUNT(*) FROM tasks").await?;
    let deliveries = number(database, "SELECT COUNT(*) FROM deliveries").await?;
    let jobs = number(database, "SELECT COUNT(*) FROM jobs").await?;
    Ok((tasks + deliveries + jobs > 0).then_some((tasks, deliveries)))
}

/// A copy of the back-up that this program can work with, on disk.
async fn prepare(from: &Path, copy: &Path) -> Result<Content, RestoreError> {
    sweep(copy)?;
    let mut reading = File::open(from).map_err(on("read", from))?;
    let mut writing = new_file(copy).map_err(on("write", copy))?;
    io::copy(&mut reading, &mut writing).and_then(|_| writing.sync_all()).map_err(on("write", copy))?;
    let store = Store::open(&format!("sqlite://{}", copy.display()), OpenOptions { migrate: true }).await?;
    store.close().await;
    let content = inspect(copy).await?;
    File::open(copy).and_then(|file| file.sync_all()).map_err(on("write", copy))?;
    Ok(content)
}

/// Removes what a restore left that did not come to its end.
fn sweep(copy: &Path) -> Result<(), BackupError> {
    for file in BESIDE.iter().map(|ending| beside(copy, ending)).chain([copy.to_owned()]) {
        match std::fs::remove_file(&file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(on("remove", &file)(error)),
            _ => {}
        }
    }
    Ok(())
}

/// Gives what is there a second name, so that there is no moment without a database; what would be taken for the new one's log
/// goes with it.
fn put_aside(path: &Path, there: There, now: Timestamp) -> Result<Option<PathBuf>, BackupError> {
    let kept = beside(path, &format!(".before-{}", now.to_string().replace(':', "-")));
    for ending in BESIDE {
        let file = beside(path, ending);
        match std::fs::rename(&file, beside(&kept, ending)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(on("put aside", &file)(error)),
            _ => {}
        }
    }
    if there != There::Data {
        return Ok(None);
    }
    if std::fs::hard_link(path, &kept).is_err() {
        std::fs::rename(path, &kept).map_err(on("put aside", path))?;
    }
    Ok(Some(kept))
}
