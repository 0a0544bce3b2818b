//! Sandboxes for runs and for tests: the spec out of the configuration, and what its failures mean for a job.

use std::path::Path;

use baton_core::domain::enclosure::{EnclosureSpec, WorkspaceAccess};
use baton_queue::Failure;
use baton_sandbox::{SandboxError, Session, Toolchains};

use super::Engine;

/// Where the repository is inside the sandbox.
pub(super) const WORKSPACE: &str = "/workspace";

impl Engine {
    /// Starts a sandbox on a checkout. `wall_seconds` is how long it may live at most.
    pub(super) async fn enclose(
        &self,
        label: String,
        checkout: &Path,
        access: WorkspaceAccess,
        wall_seconds: u64,
    ) -> Result<Box<dyn Session>, Failure> {
        let config = &self.parts().sandbox_config;
        let toolchains = Toolchains::found_in(&config.read_only_paths);
        let mut limits = config.limits.clone();
        limits.wall_seconds = limits.wall_seconds.min(wall_seconds).max(1);
        let spec = EnclosureSpec {
            label,
            checkout: checkout.to_owned(),
            access,
            limits,
            read_only_paths: config.read_only_paths.clone(),
            path_prefix: toolchains.path_prefix,
            env: toolchains.env,
        };
        self.parts().sandbox.start(spec).await.map_err(|error| failure(&error))
    }
}

/// A sandbox that cannot be had is the operator's to mend; one that broke may not break again.
pub(super) fn failure(error: &SandboxError) -> Failure {
    match error {
        SandboxError::Gap { .. } | SandboxError::Refused(_) | SandboxError::ReadOnlyPath { .. } => {
            Failure::permanent(error)
        }
        SandboxError::Ended(_) | SandboxError::Io { .. } | SandboxError::Stopped => Failure::transient(error),
        SandboxError::WallClock { .. }
        | SandboxError::Hostile(_)
        | SandboxError::Changes(_)
        | SandboxError::Request(_) => Failure::permanent(error),
    }
}
