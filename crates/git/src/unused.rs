//! Mirrors nobody uses any more: since when, how large, and away with them. What is on GitHub is fetched again when it is
//! needed; what is only here keeps its mirror.

use std::path::Path;
use std::time::SystemTime;

use baton_core::domain::ids::RepositoryId;
use baton_core::domain::time::Timestamp;

use crate::error::GitError;
use crate::mirror::{Git, blocking, lock_if_free};

/// How a mirror is called while it is being removed.
const GONE: &str = "gone-";

/// A mirror, as one decides about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MirrorUse {
    /// When something was last fetched into it, imported, or repacked.
    pub changed: Timestamp,
    /// Bytes that it takes.
    pub bytes: u64,
}

impl Git {
    /// When a mirror was last changed, and what it takes; nothing if there is none.
    ///
    /// # Errors
    /// [`GitError`] if it cannot be read.
    pub async fn mirror_use(&self, repo: RepositoryId) -> Result<Option<MirrorUse>, GitError> {
        let mirror = self.mirror_path(repo);
        blocking(move || {
            if !mirror.is_dir() {
                return Ok(None);
            }
            let mut found = MirrorUse { changed: Timestamp(0), bytes: 0 };
            measure(&mirror, &mut found)?;
            Ok(Some(found))
        })
        .await
    }

    /// Removes a mirror, unless somebody fetches into it or repacks it; whether it is gone.
    ///
    /// # Errors
    /// [`GitError`] if something in it cannot be removed.
    pub async fn remove_mirror(&self, repo: RepositoryId) -> Result<bool, GitError> {
        let mirror = self.mirror_path(repo);
        blocking(move || {
            let Some(_lock) = lock_if_free(&mirror.with_extension("lock"))? else { return Ok(false) };
            let name = mirror.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let gone = mirror.with_file_name(format!("{GONE}{name}"));
            // Of one whose removal was interrupted.
            remove(&gone)?;
            // Out of its place at once, so that nobody meets half of it.
            match std::fs::rename(&mirror, &gone) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(GitError::io("taking a mirror away")(error));
                }
                _ => {}
            }
            remove(&gone)?;
            match std::fs::remove_file(mirror.with_extension("maintained")) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    Err(GitError::io("forgetting when a mirror was maintained")(error))
                }
                _ => Ok(true),
            }
        })
        .await
    }
}

fn measure(folder: &Path, found: &mut MirrorUse) -> Result<(), GitError> {
    let fault = || GitError::io("measuring a mirror");
    for entry in std::fs::read_dir(folder).map_err(fault())? {
        let entry = entry.map_err(fault())?;
        // Git renames and removes files beside this.
        let Ok(metadata) = entry.metadata() else { continue };
        if metadata.is_dir() {
            measure(&entry.path(), found)?;
            continue;
        }
        found.bytes += metadata.len();
        let modified = metadata.modified().ok().and_then(|at| at.duration_since(SystemTime::UNIX_EPOCH).ok());
        let millis = modified.map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX));
        found.changed = found.changed.max(Timestamp(millis));
    }
    Ok(())
}

fn remove(folder: &Path) -> Result<(), GitError> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(GitError::io("removing a mirror")(error)),
        _ => Ok(()),
    }
}
