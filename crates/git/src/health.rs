//! What an operator wants to know of git and the disk before anything goes wrong.

use std::path::Path;
use std::time::Duration;

use crate::error::GitError;
use crate::mirror::Git;
use crate::process::{Call, Patience};

/// A program that takes longer to say its version hangs.
const PATIENCE: Duration = Duration::from_secs(10);

impl Git {
    /// What the git program says of itself: `git version 2.47.3`.
    ///
    /// # Errors
    /// When it cannot be started, or does not answer like git.
    pub async fn version(&self) -> Result<String, GitError> {
        let root = &self.inner.config.root;
        let call = Call::local(root, vec!["--version".into()], Patience::Total(PATIENCE));
        let program = |text: String| GitError::Program { command: "--version", text };
        let said = self.inner.program.run(call).await.map_err(|error| program(error.to_string()))?;
        let version = said.stdout.trim();
        if said.success && version.starts_with("git version ") {
            Ok(version.to_owned())
        } else {
            Err(program("it does not answer like git".to_owned()))
        }
    }

    /// The folder in which all of it lies.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.inner.config.root
    }

    /// Bytes that are free where the repositories are.
    ///
    /// # Errors
    /// When the system does not tell.
    pub fn free_bytes(&self) -> Result<u64, GitError> {
        free_bytes_at(&self.inner.config.root)
    }
}

/// Bytes that are free where a folder or a file is.
///
/// # Errors
/// When it is not there, or the system does not tell.
pub fn free_bytes_at(place: &Path) -> Result<u64, GitError> {
    let stat = rustix::fs::statvfs(place).map_err(|error| GitError::io("asking for free space")(error.into()))?;
    Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
}
