//! What is kept for how long: as `policy.retention` says, and less where the disk is nearly full. Never anything of a task that
//! goes on, nor a job or delivery that is not done with, nor what a second arrival of the same delivery is known by.

use std::path::{Path, PathBuf};
use std::time::Duration;

use baton_core::domain::ids::{RepositoryId, TaskId};
use baton_core::domain::time::Timestamp;
use baton_git::{Git, GitError, PruneLimits};
use baton_queue::Failure;
use baton_store::{Prunable, Pruned, Store, TaskFilter};
use serde::Serialize;

use super::error;
use crate::config::RetentionConfig;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const GIB: u64 = 1024 * 1024 * 1024;

/// How much of its time each thing is kept, in percent, while the disk stays nearly full: one after the other.
const PORTIONS: [u32; 4] = [100, 50, 25, 0];

/// What decides about what is kept.
pub struct Retention<'a> {
    /// The database.
    pub store: &'a Store,
    /// Mirrors and checkouts.
    pub git: &'a Git,
    /// For how long.
    pub limits: RetentionConfig,
    /// The time.
    pub now: Timestamp,
    /// Whether it goes, or is only told.
    pub really: bool,
}

/// What went, or would.
#[derive(Clone, Debug, Serialize)]
pub struct PruneReport {
    /// Bytes that were free before, on the fuller of the disks.
    pub free_before: Option<u64>,
    /// Bytes that are free now.
    pub free: Option<u64>,
    /// How much of its time everything was kept in the end, in percent: less than 100 where the disk is nearly full.
    pub kept_percent: u32,
    /// What it was.
    pub parts: Vec<PrunedPart>,
}

/// One kind of thing.
#[derive(Clone, Debug, Serialize)]
pub struct PrunedPart {
    /// What, for people.
    pub what: &'static str,
    /// How many.
    #[serde(flatten)]
    pub pruned: Pruned,
}

impl PruneReport {
    /// Whether anything went.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.parts.iter().all(|part| part.pruned.rows == 0)
    }

    fn add(&mut self, what: &'static str, pruned: Pruned) {
        match self.parts.iter_mut().find(|part| part.what == what) {
            Some(part) => {
                part.pruned.rows += pruned.rows;
                part.pruned.bytes += pruned.bytes;
            }
            None => self.parts.push(PrunedPart { what, pruned }),
        }
    }
}

/// So many days, or their portion, but no less than a time that something else needs.
fn age(days: u32, percent: u32, least: u32) -> Duration {
    let whole = DAY * days;
    (whole * percent / 100).max(DAY * least.min(days))
}

impl Retention<'_> {
    /// Prunes, and more where the disk is nearly full, until it is not or nothing more may go. Goes on while `go_on` says so.
    ///
    /// # Errors
    /// When the store or the disk fails; what went before is gone.
    pub async fn prune(&self, go_on: &(dyn Fn() -> bool + Sync)) -> Result<PruneReport, Failure> {
        let places = self.places().await;
        let free_before = free(&places);
        let mut report = PruneReport { free_before, free: free_before, kept_percent: 100, parts: Vec::new() };
        for percent in PORTIONS {
            if percent < 100 && !self.is_pressed(report.free) {
                break;
            }
            report.kept_percent = percent;
            self.portion(percent, &mut report, go_on).await?;
            report.free = free(&places);
            // What would go makes no room.
            if !self.really && percent < 100 {
                break;
            }
        }
        Ok(report)
    }

    fn is_pressed(&self, free: Option<u64>) -> bool {
        free.is_some_and(|free| free < u64::from(self.limits.free_gib) * GIB)
    }

    /// The folders whose disks fill.
    async fn places(&self) -> Vec<PathBuf> {
        let database = self.store.space().await.and_then(|space| space.file.parent().map(Path::to_path_buf));
        database.into_iter().chain([self.git.root().to_path_buf()]).collect()
    }

    /// What can be had again goes first.
    async fn portion(
        &self,
        percent: u32,
        report: &mut PruneReport,
        go_on: &(dyn Fn() -> bool + Sync),
    ) -> Result<(), Failure> {
        let limits = &self.limits;
        let bytes = u64::from(limits.checkouts_gib) * GIB * u64::from(percent) / 100;
        let checkouts = PruneLimits { bytes, age: age(limits.checkouts_days, percent, 0) };
        report.add("checkouts", self.checkouts(checkouts).await.map_err(|failure| error::git(&failure))?);
        for repository in self.git.mirrors().await.map_err(|failure| error::git(&failure))? {
            if !go_on() {
                return Ok(());
            }
            // One that cannot be tidied is no reason to leave the others.
            if let Err(failure) = self.mirror(repository, percent, report).await {
                tracing::warn!(%repository, error = ?failure, "a mirror could not be tidied");
            }
        }
        let before = |days, least| Timestamp(self.now.0.saturating_sub(millis(age(days, percent, least))));
        // A job of no task may be all that is known of something that GitHub can still tell of.
        let keys = before(limits.deliveries_days, 8);
        for (what, prunable, at) in [
            ("logs of runs", Prunable::Logs, before(limits.logs_days, 1)),
            ("bodies of deliveries", Prunable::Bodies, before(limits.bodies_days, 4)),
            ("deliveries", Prunable::Deliveries, keys),
            ("notices", Prunable::Notices, keys),
            ("jobs", Prunable::Jobs, before(limits.jobs_days, 4)),
            ("jobs given up on", Prunable::DeadJobs, before(limits.dead_days, 8)),
        ] {
            report.add(what, self.store.prune(prunable, at, keys, self.really, go_on).await?);
        }
        Ok(())
    }

    async fn checkouts(&self, limits: PruneLimits) -> Result<Pruned, GitError> {
        let pruned = match self.really {
            true => self.git.prune_checkouts(limits, self.now).await?,
            false => self.git.prunable_checkouts(limits, self.now).await?,
        };
        Ok(Pruned { rows: u64::try_from(pruned.removed).unwrap_or(u64::MAX), bytes: pruned.freed_bytes })
    }

    /// Lets go of the commits of tasks that ended long ago; and of the whole mirror, where nobody has worked for long and
    /// nothing is kept that GitHub does not have.
    async fn mirror(&self, repository: RepositoryId, percent: u32, report: &mut PruneReport) -> Result<(), Failure> {
        let fault = |failure: GitError| error::git(&failure);
        let mut kept = 0;
        for task in self.git.tasks_kept(repository).await.map_err(fault)? {
            if !self.is_long_over(task, age(self.limits.work_days, percent, 7)).await? {
                kept += 1;
                continue;
            }
            if self.really {
                self.git.release_task(repository, task).await.map_err(fault)?;
                tracing::info!(%repository, %task, "the commits of a task that ended long ago are let go");
            }
            report.add("tasks' commits", Pruned { rows: 1, bytes: 0 });
        }
        let unused = age(self.limits.mirrors_days, percent, 1);
        if kept > 0 || !self.is_unused(repository, unused).await? {
            return Ok(());
        }
        let Some(found) = self.git.mirror_use(repository).await.map_err(fault)? else { return Ok(()) };
        if self.now.since(found.changed) < unused {
            return Ok(());
        }
        if !self.really || self.git.remove_mirror(repository).await.map_err(fault)? {
            report.add("mirrors", Pruned { rows: 1, bytes: found.bytes });
        }
        Ok(())
    }

    /// A task that the store does not know is not known to be over: a store may have been restored from a back-up.
    async fn is_long_over(&self, task: TaskId, age: Duration) -> Result<bool, Failure> {
        let row = self.store.task(task).await?;
        Ok(row.is_some_and(|row| !row.live && self.now.since(row.updated_at) >= age))
    }

    /// Whether no task of the repository goes on, and none did for so long.
    async fn is_unused(&self, repository: RepositoryId, age: Duration) -> Result<bool, Failure> {
        let of = TaskFilter { repository_id: Some(repository), ..TaskFilter::default() };
        if !self.store.tasks(&TaskFilter { live: Some(true), ..of }, None, 1).await?.is_empty() {
            return Ok(false);
        }
        let newest = self.store.tasks(&of, None, 1).await?;
        Ok(newest.first().is_none_or(|row| self.now.since(row.updated_at) >= age))
    }
}

fn free(places: &[PathBuf]) -> Option<u64> {
    places.iter().filter_map(|place| baton_git::free_bytes_at(place).ok()).min()
}

fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn little_room_shortens_what_is_kept_and_never_below_what_is_needed() {
        let days = |days, least| PORTIONS.map(|percent| age(days, percent, least).as_secs() / DAY.as_secs());
        assert_eq!(days(90, 8), [90, 45, 22, 8]);
        assert_eq!(days(4, 8), [4, 4, 4, 4], "what the operator wants shorter is shorter");
        assert_eq!(days(7, 0), [7, 3, 1, 0]);
    }
}
