//! Opening a store, and transactions on it.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::watch;

use crate::engine::{Engine, Session, sqlite_path};
use crate::error::StoreError;
use crate::migrate;

/// How to open a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenOptions {
    /// Create the database where there is none, and bring an older one to this program's schema.
    pub migrate: bool,
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self { migrate: true }
    }
}

/// Everything Baton keeps. Cheap to clone; all clones share the connections.
///
/// Any number of processes may have the same database open: writers wait for each other, jobs are claimed once, and
/// leases are fenced, so a second `serve` on one file is safe and needs no lock of its own.
#[derive(Clone, Debug)]
pub struct Store {
    pub(crate) engine: Engine,
    job_changes: Arc<watch::Sender<u64>>,
    is_new: bool,
}

impl Store {
    /// Opens the store at a URL: `sqlite://PATH`, relative to the working directory or absolute.
    ///
    /// # Errors
    /// [`StoreError::BadUrl`], [`StoreError::Open`]; [`StoreError::Newer`], [`StoreError::ForeignMigration`] and, when
    /// opened without leave to migrate, [`StoreError::NeedsMigration`] for a database that does not fit this program.
    pub async fn open(url: &str, options: OpenOptions) -> Result<Self, StoreError> {
        let (engine, is_new) = Engine::open(url, options.migrate).await?;
        let store = Self { engine, job_changes: Arc::new(watch::Sender::new(0)), is_new };
        if options.migrate {
            store.migrate().await?;
        } else {
            migrate::check(&store.engine).await?;
        }
        Ok(store)
    }

    /// The file that a URL names.
    ///
    /// # Errors
    /// [`StoreError::BadUrl`].
    pub fn file(url: &str) -> Result<PathBuf, StoreError> {
        sqlite_path(url)
    }

    /// Whether opening it made the database: there was none at its URL.
    #[must_use]
    pub fn is_new(&self) -> bool {
        self.is_new
    }

    /// Brings the database to this program's schema. Doing it again does nothing.
    ///
    /// # Errors
    /// [`StoreError::Newer`] or [`StoreError::ForeignMigration`] when the database is not one this program may change.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        migrate::migrate(&self.engine).await
    }

    /// Begins a transaction. It has the writing side of the database for itself: commit or drop it soon, do nothing
    /// slow while it is open, and never begin a second one meanwhile (it would wait for the first).
    ///
    /// # Errors
    /// [`StoreError::Busy`] when another process or a forgotten transaction does not let go.
    pub async fn begin(&self) -> Result<Tx, StoreError> {
        Ok(Tx { session: self.engine.begin().await?, job_changes: Arc::clone(&self.job_changes), jobs_changed: false })
    }

    /// Tells when a commit of this process changed the queue: enqueued, ended, released or cancelled jobs. Other
    /// processes' commits are not seen; poll for those.
    #[must_use]
    pub fn job_changes(&self) -> watch::Receiver<u64> {
        self.job_changes.subscribe()
    }

    /// Whether the database is sound: the engine's complaints, none if it is. Reads the whole file.
    ///
    /// # Errors
    /// When the database cannot be read at all.
    pub async fn integrity_complaints(&self) -> Result<Vec<String>, StoreError> {
        self.engine.integrity_complaints().await
    }

    /// How the engine was told to keep a commit, for `baton doctor`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn durability(&self) -> Result<String, StoreError> {
        self.engine.durability().await
    }

    /// Closes every connection after what is under way. Later calls fail.
    pub async fn close(&self) {
        self.engine.close().await;
    }
}

/// A transaction: all of it happens, or, when it is dropped without [`Tx::commit`], none of it.
#[must_use = "a transaction that is not committed never happened"]
pub struct Tx {
    pub(crate) session: Session,
    job_changes: Arc<watch::Sender<u64>>,
    jobs_changed: bool,
}

impl Tx {
    /// Makes it all happen. When this returns, it is on disk.
    ///
    /// # Errors
    /// When the disk refuses; then nothing of it happened. (If the process dies meanwhile, either all of it has.)
    pub async fn commit(self) -> Result<(), StoreError> {
        self.session.commit().await?;
        if self.jobs_changed {
            self.job_changes.send_modify(|count| *count = count.wrapping_add(1));
        }
        Ok(())
    }

    pub(crate) fn note_job_change(&mut self) {
        self.jobs_changed = true;
    }
}
