//! What recurs: checkouts nobody needs any more are removed, commits of tasks that ended long ago are let go, mirrors are
//! repacked.

use std::time::Duration;

use baton_core::domain::ids::{RepositoryId, TaskId};
use baton_git::{GitError, PruneLimits};
use baton_queue::{Failure, Handled, JobContext};

use super::{Engine, error};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Checkouts are made again from the mirrors when they are needed: these only bound the disk.
const LIMITS: PruneLimits = PruneLimits { bytes: 20 * 1024 * 1024 * 1024, age: Duration::from_secs(7 * DAY.as_secs()) };

/// How long the commits of a task that has ended are kept: `/baton retry` goes on with them.
const WORK_KEPT: Duration = Duration::from_secs(90 * DAY.as_secs());

impl Engine {
    pub(super) async fn tidy(&self, context: &JobContext) -> Result<Handled, Failure> {
        let git = &self.parts().git;
        let pruned = git.prune_checkouts(LIMITS, self.now()).await.map_err(|failure| error::git(&failure))?;
        tracing::debug!(?pruned, "checkouts tidied");
        for repository in git.mirrors().await.map_err(|failure| error::git(&failure))? {
            // A mirror that cannot be tidied is no reason to leave the others.
            if let Err(failure) = self.tidy_mirror(repository).await {
                tracing::warn!(%repository, error = ?failure, "a mirror could not be tidied");
            }
        }
        self.finish(context, vec![]).await
    }

    async fn tidy_mirror(&self, repository: RepositoryId) -> Result<(), Failure> {
        let git = &self.parts().git;
        let fault = |failure: GitError| error::git(&failure);
        for task in git.tasks_kept(repository).await.map_err(fault)? {
            if self.is_long_over(task).await? {
                git.release_task(repository, task).await.map_err(fault)?;
                tracing::info!(%repository, %task, "the commits of a task that ended long ago are let go");
            }
        }
        if git.maintain_if_due(repository, DAY, self.now()).await.map_err(fault)? {
            tracing::debug!(%repository, "mirror repacked");
        }
        Ok(())
    }

    /// A task that the store does not know is not known to be over: a store may have been restored from a back-up.
    async fn is_long_over(&self, task: TaskId) -> Result<bool, Failure> {
        let row = self.store().task(task).await?;
        Ok(row.is_some_and(|row| !row.live && self.now().since(row.updated_at) >= WORK_KEPT))
    }
}
