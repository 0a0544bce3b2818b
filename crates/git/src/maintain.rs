//! Keeps mirrors small: repacks them and lets go of what no task needs any more. Git's own housekeeping is switched off, so
//! that none runs in the middle of a fetch.

use std::ffi::OsString;

use baton_core::domain::ids::RepositoryId;

use crate::error::GitError;
use crate::mirror::{Git, lock};
use crate::process::Call;
use crate::remote::readable;
use crate::stale::sweep_locks;

impl Git {
    /// Repacks a mirror. Objects that no reference leads to are deleted once they are two weeks old: commits of released
    /// tasks, composed trees, half of an import. To be called now and then, daily say; may take minutes.
    ///
    /// # Errors
    /// [`GitError`] if git fails or takes longer than a fetch may.
    pub async fn maintain(&self, repo: RepositoryId) -> Result<(), GitError> {
        let git_dir = self.ensure_mirror(repo)?;
        let _lock = lock(&git_dir.with_extension("lock")).await?;
        sweep_locks(&git_dir)?;
        let call = Call {
            git_dir: &git_dir,
            args: ["gc", "--quiet", "--prune=2.weeks.ago"].map(OsString::from).to_vec(),
            stdin: Vec::new(),
            remote: None,
            timeout: self.inner.config.fetch_timeout,
        };
        let failed = |text: String| GitError::Program { command: "gc", text };
        match self.inner.program.run(call).await {
            Ok(said) if said.success => Ok(()),
            Ok(said) => Err(failed(readable(&said.stderr))),
            Err(error) => Err(failed(error.to_string())),
        }
    }
}
