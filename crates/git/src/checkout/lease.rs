//! Who uses a checkout: a shared lock on a small file beside it, held as long as the checkout is. The system drops it
//! when a process dies, so no crash leaves a checkout in use for ever. The file's time is the last use, its text the size.

use std::fs::{File, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use baton_core::domain::time::Timestamp;

use crate::error::GitError;

/// A shared hold on a checkout.
#[derive(Debug)]
pub(crate) struct Lease {
    file: File,
    path: PathBuf,
}

/// The only hold on a checkout.
#[derive(Debug)]
pub(crate) struct Exclusive {
    file: File,
}

impl Lease {
    /// Where the lock of a checkout lies.
    pub(crate) fn file_of(checkouts: &Path, name: &str) -> PathBuf {
        checkouts.join(format!("{name}.lease"))
    }

    /// Takes a shared hold, waiting while the checkout is being made or pruned.
    pub(crate) async fn take(checkouts: &Path, name: &str, now: Timestamp) -> Result<Self, GitError> {
        let path = Self::file_of(checkouts, name);
        let mut pause = Duration::from_millis(2);
        loop {
            let file = open(&path)?;
            match file.try_lock_shared() {
                // Pruning removes the file with the checkout: a lock on a removed file holds nothing.
                Ok(()) if is_current(&file, &path) => {
                    file.set_modified(system_time(now)).map_err(fault())?;
                    return Ok(Self { file, path });
                }
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(Duration::from_millis(100));
                }
                Err(TryLockError::Error(e)) => return Err(fault()(e)),
            }
        }
    }

    /// Gives the shared hold up for the only one.
    pub(crate) async fn upgrade(self) -> Result<Exclusive, GitError> {
        let Self { file, path } = self;
        file.unlock().map_err(fault())?;
        drop(file);
        let mut pause = Duration::from_millis(2);
        loop {
            if let Some(exclusive) = Exclusive::try_take(&path)? {
                return Ok(exclusive);
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_millis(100));
        }
    }
}

impl Exclusive {
    /// Takes the only hold if nobody has one.
    pub(crate) fn try_take(path: &Path) -> Result<Option<Self>, GitError> {
        let file = open(path)?;
        match file.try_lock() {
            Ok(()) if is_current(&file, path) => Ok(Some(Self { file })),
            Ok(()) | Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(e)) => Err(fault()(e)),
        }
    }

    /// Notes the size and the time of a checkout just made.
    pub(crate) fn record(mut self, bytes: u64, now: Timestamp) -> Result<(), GitError> {
        self.file.set_len(0).map_err(fault())?;
        self.file.rewind().map_err(fault())?;
        self.file.write_all(bytes.to_string().as_bytes()).map_err(fault())?;
        self.file.set_modified(system_time(now)).map_err(fault())
    }

    /// Size in bytes and last use.
    pub(crate) fn read(&mut self) -> Result<(u64, Timestamp), GitError> {
        let mut text = String::new();
        (&self.file).take(32).read_to_string(&mut text).map_err(fault())?;
        let used = self.file.metadata().and_then(|m| m.modified()).map_err(fault())?;
        let millis = used.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |d| d.as_millis());
        Ok((text.parse().unwrap_or(0), Timestamp(i64::try_from(millis).unwrap_or(i64::MAX))))
    }
}

fn open(path: &Path) -> Result<File, GitError> {
    File::options().read(true).write(true).create(true).truncate(false).open(path).map_err(fault())
}

fn is_current(file: &File, path: &Path) -> bool {
    match (file.metadata(), std::fs::metadata(path)) {
        (Ok(held), Ok(there)) => held.ino() == there.ino() && held.dev() == there.dev(),
        _ => false,
    }
}

fn system_time(at: Timestamp) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(u64::try_from(at.0).unwrap_or(0))
}

fn fault() -> impl FnOnce(std::io::Error) -> GitError {
    GitError::io("leasing a checkout")
}
