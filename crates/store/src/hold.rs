//! Who works on a database file for long says so with a lock beside it, so that nobody puts another file in its place
//! meanwhile. SQLite's own locks cannot tell: they belong to the file that was opened, not to the name.

use std::ffi::OsString;
use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use crate::engine::sqlite_path;
use crate::error::StoreError;
use crate::store::Store;

/// The database stays where it is for as long as this lives. It is let go when the process ends, however it ends.
#[derive(Debug)]
pub struct Hold {
    _lock: File,
}

/// A path with more at its end.
pub(crate) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(ending);
    name.into()
}

fn lock_file(path: &Path) -> Result<File, StoreError> {
    let opened = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(beside(path, ".lock"));
    opened.map_err(|error| StoreError::Open { path: path.to_owned(), source: sqlx::Error::Io(error) })
}

impl Store {
    /// Keeps the database at a URL from being replaced; any number of programs may do so at once.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] while it is being replaced; [`StoreError::Open`] when there can be no lock;
    /// [`StoreError::BadUrl`].
    pub fn hold(url: &str) -> Result<Hold, StoreError> {
        let path = sqlite_path(url)?;
        let lock = lock_file(&path)?;
        match lock.try_lock_shared() {
            Ok(()) => Ok(Hold { _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(StoreError::Conflict(format!(
                "the database {} is being restored at this moment; start again when `baton restore` has ended",
                path.display()
            ))),
            Err(TryLockError::Error(source)) => Err(StoreError::Open { path, source: sqlx::Error::Io(source) }),
        }
    }
}

/// Keeps everybody away who would [`Store::hold`] it; nothing where somebody does.
pub(crate) fn keep_away(path: &Path) -> Result<Option<Hold>, StoreError> {
    let lock = lock_file(path)?;
    match lock.try_lock() {
        Ok(()) => Ok(Some(Hold { _lock: lock })),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(source)) => {
            Err(StoreError::Open { path: path.to_owned(), source: sqlx::Error::Io(source) })
        }
    }
}
