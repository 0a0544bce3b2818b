//! What recurs: what nobody needs any more is let go, mirrors are repacked, and work that was given up on is mentioned.

use std::time::Duration;

use baton_core::domain::ids::RepositoryId;
use baton_git::GitError;
use baton_queue::{Failure, Handled, JobContext};
use baton_store::StoreError;

use super::retention::Retention;
use super::{Engine, error};

/// How often a mirror is repacked.
const REPACKED_EVERY: Duration = Duration::from_secs(24 * 60 * 60);

impl Engine {
    /// Says so if work was given up on: at a start, and now and then.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn mention_dead_jobs(&self) -> Result<(), StoreError> {
        let dead = self.store().dead_jobs().await?;
        if dead > 0 {
            tracing::warn!(dead, "work was given up on; `baton job list --state dead` says what, why, and what helps");
        }
        Ok(())
    }

    pub(super) async fn tidy(&self, context: &JobContext) -> Result<Handled, Failure> {
        self.mention_dead_jobs().await?;
        self.let_go(context).await?;
        let git = &self.parts().git;
        for repository in git.mirrors().await.map_err(|failure| error::git(&failure))? {
            if context.cancel.is_cancelled() {
                return Ok(Handled::Stopped);
            }
            // A mirror that cannot be repacked is no reason to leave the others.
            if let Err(failure) = self.repack(repository).await {
                tracing::warn!(%repository, error = ?failure, "a mirror could not be repacked");
            }
        }
        self.finish(context, vec![]).await
    }

    async fn let_go(&self, context: &JobContext) -> Result<(), Failure> {
        let parts = self.parts();
        let limits = parts.policy.retention;
        let retention = Retention { store: &parts.store, git: &parts.git, limits, now: self.now(), really: true };
        let cancel = context.cancel.clone();
        let report = retention.prune(&move || !cancel.is_cancelled()).await?;
        if report.kept_percent < 100 {
            let (free, percent) = (report.free, report.kept_percent);
            tracing::warn!(
                free,
                percent,
                went = ?report.parts,
                "the disk is nearly full (`policy.retention.free_gib`): things are kept for a part of their time only"
            );
        } else if !report.is_empty() {
            tracing::info!(went = ?report.parts, "what is old was pruned");
        }
        Ok(())
    }

    async fn repack(&self, repository: RepositoryId) -> Result<(), Failure> {
        let git = &self.parts().git;
        let fault = |failure: GitError| error::git(&failure);
        if git.maintain_if_due(repository, REPACKED_EVERY, self.now()).await.map_err(fault)? {
            tracing::debug!(%repository, "mirror repacked");
        }
        Ok(())
    }
}
