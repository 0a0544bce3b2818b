//! Keeps mirrors small: repacks them and lets go of what no task needs any more. Git's own housekeeping is switched off, so
//! that none runs in the middle of a fetch.

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use baton_core::domain::ids::{RepositoryId, TaskId};
use baton_core::domain::time::Timestamp;

use crate::error::GitError;
use crate::mirror::{Git, blocking, lock, lock_if_free};
use crate::process::{Call, Patience};
use crate::remote::readable;
use crate::stale::{sweep_halves, sweep_locks};

impl Git {
    /// The repositories of which there is a mirror on this machine.
    ///
    /// # Errors
    /// [`GitError`] if the folder cannot be read.
    pub async fn mirrors(&self) -> Result<Vec<RepositoryId>, GitError> {
        let folder = self.inner.config.root.join("mirrors");
        blocking(move || numbers_in(&folder, ".git").map(|found| found.into_iter().map(RepositoryId).collect())).await
    }

    /// The tasks whose commits a mirror keeps alive.
    ///
    /// # Errors
    /// [`GitError`] if the mirror cannot be read.
    pub async fn tasks_kept(&self, repo: RepositoryId) -> Result<Vec<TaskId>, GitError> {
        let mut tasks = self
            .on_objects(repo, |repository| {
                let mut tasks = Vec::new();
                for name in repository.references_glob("refs/baton/tasks/*")?.names() {
                    let task = name?.split('/').nth(3).and_then(|number| number.parse().ok());
                    tasks.extend(task.map(TaskId));
                }
                Ok::<_, GitError>(tasks)
            })
            .await?;
        tasks.sort();
        tasks.dedup();
        Ok(tasks)
    }

    /// Removes what broken fetches left, and calls [`Git::maintain`] for a mirror that was not maintained within `every`. A mirror that was never maintained counts
    /// from the first call on. Whether it was done.
    ///
    /// # Errors
    /// Those of [`Git::maintain`].
    pub async fn maintain_if_due(&self, repo: RepositoryId, every: Duration, now: Timestamp) -> Result<bool, GitError> {
        let mirror = self.mirror_path(repo);
        // Of a fetch that was called off, or whose process died. Whoever has the lock sees to it.
        if let Some(_lock) = lock_if_free(&mirror.with_extension("lock"))? {
            sweep_halves(&mirror)?;
        }
        let stamp = mirror.with_extension("maintained");
        let last = std::fs::read_to_string(&stamp).ok().and_then(|text| Timestamp::parse_rfc3339(text.trim()));
        let is_due = last.is_some_and(|last| now.since(last) >= every);
        if is_due {
            self.maintain(repo).await?;
        }
        if is_due || last.is_none() {
            std::fs::write(&stamp, now.to_string()).map_err(GitError::io("noting that a mirror was maintained"))?;
        }
        Ok(is_due)
    }

    /// Repacks a mirror. Objects that no reference leads to are deleted once they are two weeks old: commits of released
    /// tasks, composed trees, half of an import. To be called now and then, daily say; may take minutes.
    ///
    /// # Errors
    /// [`GitError`] if git fails, or does nothing for longer than it may.
    pub async fn maintain(&self, repo: RepositoryId) -> Result<(), GitError> {
        let git_dir = self.ensure_mirror(repo)?;
        let _lock = lock(&git_dir.with_extension("lock")).await?;
        sweep_locks(&git_dir)?;
        sweep_halves(&git_dir)?;
        let args = ["gc", "--quiet", "--prune=2.weeks.ago"].map(OsString::from).to_vec();
        let call = Call::local(&git_dir, args, Patience::Silence(self.inner.config.silence_timeout));
        let failed = |text: String| GitError::Program { command: "gc", text };
        let done = match self.inner.program.run(call).await {
            Ok(said) if said.success => return Ok(()),
            Ok(said) => Err(failed(readable(&said.stderr))),
            Err(error) => Err(failed(error.to_string())),
        };
        sweep_halves(&git_dir)?;
        done
    }
}

/// The numbers that, with this ending, are names in a folder.
fn numbers_in(folder: &Path, ending: &str) -> Result<Vec<i64>, GitError> {
    let mut numbers = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(GitError::io("reading the mirrors"))? {
        let name = entry.map_err(GitError::io("reading the mirrors"))?.file_name();
        numbers.extend(name.to_str().and_then(|name| name.strip_suffix(ending)?.parse::<i64>().ok()));
    }
    numbers.sort_unstable();
    Ok(numbers)
}
