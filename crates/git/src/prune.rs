//! Removes checkouts nobody uses: the old ones, and the least recently used ones beyond a size.

use std::path::{Path, PathBuf};
use std::time::Duration;

use baton_core::domain::time::Timestamp;

use crate::checkout::{Exclusive, Lease};
use crate::error::GitError;
use crate::mirror::{Git, blocking};

/// What may stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PruneLimits {
    /// Bytes of all checkouts together.
    pub bytes: u64,
    /// Time since the last use.
    pub age: Duration,
}

/// What was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Checkouts removed.
    pub removed: usize,
    /// Bytes they had taken.
    pub freed_bytes: u64,
    /// Checkouts that stay, those in use among them.
    pub kept: usize,
}

/// How a checkout is called while it is being removed.
const GONE: &str = "gone-";

struct Idle {
    lock: Exclusive,
    lease: PathBuf,
    folder: PathBuf,
    bytes: u64,
    used: Timestamp,
}

impl Git {
    /// Removes checkouts that are not in use, oldest use first, until the limits hold. Those in use count towards the size
    /// and stay. Also removes what an interrupted checkout left behind.
    ///
    /// # Errors
    /// [`GitError`] if the folder cannot be read or something in it cannot be removed.
    pub async fn prune_checkouts(&self, limits: PruneLimits, now: Timestamp) -> Result<Pruned, GitError> {
        let checkouts = self.checkouts();
        blocking(move || prune(&checkouts, limits, now, true)).await
    }

    /// What [`Git::prune_checkouts`] would do.
    ///
    /// # Errors
    /// [`GitError`] if the folder cannot be read.
    pub async fn prunable_checkouts(&self, limits: PruneLimits, now: Timestamp) -> Result<Pruned, GitError> {
        let checkouts = self.checkouts();
        blocking(move || prune(&checkouts, limits, now, false)).await
    }
}

fn prune(checkouts: &Path, limits: PruneLimits, now: Timestamp, really: bool) -> Result<Pruned, GitError> {
    let mut done = Pruned::default();
    let mut total = 0;
    let mut idle = Vec::new();
    for entry in std::fs::read_dir(checkouts).map_err(GitError::io("reading the checkouts"))? {
        let entry = entry.map_err(GitError::io("reading the checkouts"))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if really && name.starts_with("new-") {
            sweep_draft(&entry.path(), now)?;
        } else if really && name.starts_with(GONE) {
            remove_folder(&entry.path())?;
        }
        let Some(name) = name.strip_suffix(".lease") else { continue };
        let (lease, folder) = (Lease::file_of(checkouts, name), checkouts.join(name));
        match Exclusive::try_take(&lease)? {
            Some(mut lock) => {
                let (bytes, used) = lock.read()?;
                total += bytes;
                idle.push(Idle { lock, lease, folder, bytes, used });
            }
            None => {
                let text = std::fs::read_to_string(&lease).unwrap_or_default();
                total += text.parse().unwrap_or(0);
                done.kept += 1;
            }
        }
    }
    idle.sort_by_key(|one| one.used);
    for one in idle {
        if total > limits.bytes || now.since(one.used) > limits.age {
            total -= one.bytes;
            done.removed += 1;
            done.freed_bytes += one.bytes;
            if really {
                one.remove()?;
            }
        } else {
            done.kept += 1;
        }
    }
    Ok(done)
}

impl Idle {
    /// Out of its place at once, so that a crash leaves no half of a checkout there; the lock file last.
    fn remove(self) -> Result<(), GitError> {
        let name = self.folder.file_name().unwrap_or_default().to_string_lossy();
        let gone = self.folder.with_file_name(format!("{GONE}{name}"));
        if self.folder.is_dir() {
            std::fs::rename(&self.folder, &gone).map_err(GitError::io("taking a checkout away"))?;
        }
        remove_folder(&gone)?;
        std::fs::remove_file(&self.lease).map_err(GitError::io("removing a lease"))?;
        drop(self.lock);
        Ok(())
    }
}

/// A draft nobody has touched for a day belongs to a process that died.
fn sweep_draft(path: &Path, now: Timestamp) -> Result<(), GitError> {
    let Ok(touched) = std::fs::metadata(path).and_then(|m| m.modified()) else { return Ok(()) };
    let millis = touched.duration_since(std::time::SystemTime::UNIX_EPOCH).map_or(0, |d| d.as_millis());
    let touched = Timestamp(i64::try_from(millis).unwrap_or(i64::MAX));
    if now.since(touched) > Duration::from_secs(24 * 60 * 60) {
        remove_folder(path)?;
    }
    Ok(())
}

fn remove_folder(path: &Path) -> Result<(), GitError> {
    match std::fs::remove_dir_all(path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
            Err(GitError::io(format!("removing {}", path.display()))(e))
        }
        _ => Ok(()),
    }
}
