//! Removes what killed processes left behind: git's lock files, which git itself never removes and would refuse for ever, and
//! halves of packs, which may be as large as a disk.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::GitError;

/// No one holds one of git's own locks for this long.
const ABANDONED: Duration = Duration::from_secs(10 * 60);

/// Clears a mirror of abandoned locks. The caller holds the mirror's lock.
///
/// References that only a fetch writes cannot be in anybody else's hands now; the others may be in an import's, so only
/// old locks on them go.
pub(crate) fn sweep_locks(git_dir: &Path) -> Result<(), GitError> {
    let fault = || GitError::io("clearing abandoned locks");
    for folder in ["refs/baton/branches", "refs/baton/commits"] {
        for lock in locks_in(&git_dir.join(folder)) {
            std::fs::remove_file(lock).map_err(fault())?;
        }
    }
    // The file system's own clock, which is what the locks' times come from.
    let probe = tempfile::NamedTempFile::new_in(git_dir).map_err(fault())?;
    let now = probe.as_file().metadata().and_then(|m| m.modified()).map_err(fault())?;
    let tasks = std::fs::read_dir(git_dir.join("refs/baton/tasks")).into_iter().flatten().flatten().map(|e| e.path());
    for folder in tasks.chain([git_dir.to_owned()]) {
        for lock in locks_in(&folder) {
            let modified = std::fs::metadata(&lock).and_then(|m| m.modified());
            if modified.is_ok_and(|then| now.duration_since(then).is_ok_and(|age| age > ABANDONED)) {
                tracing::warn!(lock = %lock.display(), "removing a lock that a killed process left behind");
                std::fs::remove_file(lock).map_err(fault())?;
            }
        }
    }
    Ok(())
}

/// Removes the halves of packs that a broken fetch or repacking left behind, and its mark on a pack that would keep it from
/// ever being repacked. The caller holds the mirror's lock: whoever makes a pack there holds it too.
pub(crate) fn sweep_halves(git_dir: &Path) -> Result<(), GitError> {
    let packs = std::fs::read_dir(git_dir.join("objects/pack")).into_iter().flatten().flatten();
    for path in packs.map(|entry| entry.path()) {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let is_half = name.starts_with("tmp_") || name.starts_with(".tmp-");
        // `fetch-pack PID on HOST`, as git's fetch-pack marks what it has not named yet.
        let is_mark =
            name.ends_with(".keep") && std::fs::read_to_string(&path).is_ok_and(|text| text.starts_with("fetch-pack "));
        if !is_half && !is_mark {
            continue;
        }
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(GitError::io("removing what a broken fetch left behind")(error));
            }
            _ => {}
        }
    }
    Ok(())
}

fn locks_in(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|e| e == "lock")).collect()
}
