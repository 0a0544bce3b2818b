//! A back-up of a SQLite database while it is in use: one consistent moment of it, in one file, checked before it has its name.
//!
//! `VACUUM INTO` writes it: a reading transaction, beside which everybody goes on writing, and a copy without the holes that
//! pruning left. Until it ends the log of the database is not folded in, so it grows by what is written meanwhile.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Connection as _, Row as _};

use crate::engine::{BUSY_TIMEOUT, sqlite_path};
use crate::error::StoreError;
use crate::hold::beside;
use crate::store::Store;

/// How often somebody is told how far it is.
const TELL_EVERY: Duration = Duration::from_millis(200);

/// What is in a file that holds a database of Baton's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Content {
    /// The file's size in bytes.
    pub bytes: u64,
    /// The newest migration in it.
    pub migration: i64,
    /// Deliveries in it.
    pub deliveries: i64,
    /// Tasks in it.
    pub tasks: i64,
    /// Jobs in it.
    pub jobs: i64,
}

/// How far a back-up is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// Bytes that are written.
    pub bytes: u64,
    /// Bytes that there will be, as far as one can know.
    pub of: u64,
}

/// Why there is no back-up.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// Something has that name.
    #[error("{} is there already, and a back-up never overwrites a file; give another name", .0.display())]
    Exists(PathBuf),
    /// A file could not be written or read.
    #[error("cannot {what} {}: {source}", path.display())]
    File {
        /// What was tried.
        what: &'static str,
        /// With which file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// What was written, or is to be read, is no sound database.
    #[error("{} is damaged: {complaint}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The engine's first complaint.
        complaint: String,
    },
    /// What was to be read is something else.
    #[error("{} is no database of Baton's: {reason}", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// By what one can tell.
        reason: &'static str,
    },
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<sqlx::Error> for BackupError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

/// An error about a file.
pub(crate) fn on<'a>(what: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> BackupError + 'a {
    move |source| BackupError::File { what, path: path.to_owned(), source }
}

/// A file under a name that says that it is not done; gone when it is dropped.
struct Draft(PathBuf);

impl Drop for Draft {
    fn drop(&mut self) {
        // It has its true name by now, or is not worth keeping.
        drop(std::fs::remove_file(&self.0));
    }
}

impl Store {
    /// Writes a back-up of the database at a URL to a new file that only its owner can read. When this returns the file was
    /// checked and is on disk. `told` hears how far it is.
    ///
    /// # Errors
    /// [`BackupError`]; then there is no such file.
    pub async fn back_up(url: &str, to: &Path, told: impl Fn(Written)) -> Result<Content, BackupError> {
        let source = sqlite_path(url)?;
        if !source.exists() {
            return Err(StoreError::Missing(source).into());
        }
        if to.symlink_metadata().is_ok() {
            return Err(BackupError::Exists(to.to_owned()));
        }
        let draft = Draft(beside(to, &format!(".{}.unfinished", std::process::id())));
        new_file(&draft.0).map_err(on("write", &draft.0))?;
        copy(&source, &draft.0, &told).await?;
        let content = inspect(&draft.0).await?;
        put(&draft.0, to)?;
        Ok(content)
    }
}

/// Makes an empty file that nobody else can read.
pub(crate) fn new_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

async fn copy(source: &Path, to: &Path, told: &impl Fn(Written)) -> Result<(), BackupError> {
    let mut database = SqliteConnectOptions::new().filename(source).busy_timeout(BUSY_TIMEOUT).connect().await?;
    let mut of = 1;
    for pragma in ["PRAGMA page_size", "PRAGMA page_count"] {
        of *= sqlx::query(pragma).fetch_one(&mut database).await?.try_get::<i64, _>(0)?;
    }
    let of = u64::try_from(of).unwrap_or_default();
    let name = to.to_str().ok_or_else(|| BackupError::File {
        what: "write",
        path: to.to_owned(),
        source: io::Error::other("SQLite takes only names in UTF-8"),
    })?;
    {
        let writing = sqlx::query("VACUUM INTO $1").bind(name).execute(&mut database);
        tokio::pin!(writing);
        loop {
            match tokio::time::timeout(TELL_EVERY, &mut writing).await {
                Ok(done) => {
                    done?;
                    break;
                }
                Err(_) => told(Written { bytes: to.metadata().map_or(0, |it| it.len()).min(of), of }),
            }
        }
    }
    database.close().await?;
    Ok(())
}

/// What is in a file, once all of it was found sound. Changes nothing and leaves nothing beside it.
pub(crate) async fn inspect(path: &Path) -> Result<Content, BackupError> {
    let mut start = [0; 16];
    let read = File::open(path).and_then(|mut file| {
        io::Read::read_exact(&mut file, &mut start)?;
        file.metadata()
    });
    let bytes = match read {
        Ok(metadata) => metadata.len(),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => 0,
        Err(error) => return Err(on("read", path)(error)),
    };
    // "Database header format" in SQLite's file format, <https://www.sqlite.org/fileformat2.html>.
    if &start != b"SQLite format 3\0" {
        return Err(BackupError::Foreign { path: path.to_owned(), reason: "it is not a SQLite database" });
    }
    let damaged = |complaint: String| BackupError::Damaged { path: path.to_owned(), complaint };
    let options = SqliteConnectOptions::new().filename(path).immutable(true).read_only(true);
    let mut database = options.connect().await.map_err(|error| damaged(error.to_string()))?;
    let content = look_into(&mut database, path, bytes).await;
    database.close().await?;
    content
}

async fn look_into(database: &mut SqliteConnection, path: &Path, bytes: u64) -> Result<Content, BackupError> {
    let damaged = |complaint: String| BackupError::Damaged { path: path.to_owned(), complaint };
    let first = sqlx::query("PRAGMA integrity_check(1)").fetch_one(&mut *database).await;
    let first: String = first.map_err(|error| damaged(error.to_string()))?.try_get(0)?;
    if first != "ok" {
        return Err(damaged(first));
    }
    let tables = "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name IN ('_sqlx_migrations', 'deliveries', \
                  'tasks', 'jobs')";
    if sqlx::query(tables).fetch_one(&mut *database).await?.try_get::<i64, _>(0)? != 4 {
        return Err(BackupError::Foreign { path: path.to_owned(), reason: "it has other tables" });
    }
    let mut numbers = Vec::new();
    for sql in [
        "SELECT COALESCE(MAX(version), 0) FROM _sqlx_migrations",
        "SELECT COUNT(*) FROM deliveries",
        "SELECT COUNT(*) FROM tasks",
        "SELECT COUNT(*) FROM jobs",
    ] {
        numbers.push(sqlx::query(sql).fetch_one(&mut *database).await?.try_get::<i64, _>(0)?);
    }
    Ok(Content { bytes, migration: numbers[0], deliveries: numbers[1], tasks: numbers[2], jobs: numbers[3] })
}

/// Gives a finished file its name, unless something has it; on disk when this returns.
fn put(draft: &Path, to: &Path) -> Result<(), BackupError> {
    File::open(draft).and_then(|file| file.sync_all()).map_err(on("write", draft))?;
    match std::fs::hard_link(draft, to) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(BackupError::Exists(to.to_owned())),
        // A file system without links.
        Err(_) => std::fs::rename(draft, to).map_err(on("write", to))?,
    }
    sync_folder(to)
}

/// Has the folder of a file on disk, so that the file's name is.
pub(crate) fn sync_folder(path: &Path) -> Result<(), BackupError> {
    let folder = path.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder).and_then(|it| it.sync_all()).map_err(on("write to", folder))
}
