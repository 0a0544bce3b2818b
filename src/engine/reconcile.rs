//! What GitHub says is so, where no webhook told it: asked at the start and on a schedule, by one worker at a time.
//!
//! A look changes nothing itself. What it finds becomes jobs that go the way of the webhooks ([`observe`]): the same questions,
//! the same acts, the same keys, so that the webhook may still come, before or after. A quiet repository costs a
//! look one request that GitHub answers with "nothing new".

mod beginning;
mod deliveries;
mod installations;
mod issues;
mod observe;
mod repository;
mod told;

use std::collections::BTreeMap;
use std::time::Duration;

use baton_core::domain::ids::RepositoryId;
use baton_core::domain::task::Task;
use baton_queue::{Failure, Handled, JobContext};
use baton_store::{NewJob, StoreError, TaskFilter};

pub(super) use observe::OBSERVE;

use super::apply::read;
use super::{Engine, error};

/// The kind of the recurring job that asks GitHub for the truth.
pub const RECONCILE: &str = "reconcile";

impl Engine {
    /// Has a look soon, as at a start, whenever the next one is due. While one is to come, asking again changes nothing.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn reconcile_soon(&self) -> Result<(), StoreError> {
        let mut job = NewJob::new(RECONCILE, &())?;
        // The key that recurring jobs of this kind have too.
        job.dedupe_key = Some(format!("{RECONCILE}@"));
        let mut tx = self.store().begin().await?;
        tx.enqueue(&job, self.now()).await?;
        tx.commit().await
    }

    /// Looks. What cannot be found out now is found out the next time: a look never fails. One that cannot find out whether this
    /// database was restored is put off.
    pub(super) async fn reconcile(&self, context: &JobContext) -> Result<Handled, Failure> {
        for look in [Look::Deliveries, Look::Truth] {
            let looked = match look {
                Look::Deliveries => self.ask_for_failed_deliveries().await,
                Look::Truth => self.look_everywhere(context).await,
            };
            match looked {
                Ok(()) => {}
                Err(failure) if leaves_alone(&failure) => {
                    tracing::info!(%failure, "GitHub wants to be left alone; the next look goes on");
                    break;
                }
                Err(failure)
                    if matches!(look, Look::Deliveries) && passes(&failure) && !self.knows_deliveries().await? =>
                {
                    tracing::warn!(%failure, "deliveries cannot be listed; nothing is looked at before they are");
                    return Ok(Handled::Postponed(self.now().plus(AGAIN)));
                }
                Err(failure) => tracing::warn!(%failure, "what was missed could not be asked for; the next look does"),
            }
            if context.cancel.is_cancelled() {
                return Ok(Handled::Stopped);
            }
        }
        self.finish(context, vec![]).await
    }

    async fn look_everywhere(&self, context: &JobContext) -> Result<(), Failure> {
        let mut tasks = self.live_tasks().await?;
        let covered = self.covered(&tasks).await?;
        let from = self.told_to_us_from().await?;
        for mut place in covered {
            place.installed = place.installed.max(from);
            let theirs = tasks.remove(&place.covered.reference.id).unwrap_or_default();
            if context.cancel.is_cancelled() {
                return Ok(());
            }
            match self.look_at(&place, &theirs).await {
                Ok(()) => {}
                Err(failure) if leaves_alone(&failure) => return Err(failure),
                Err(failure) => {
                    tracing::warn!(repository = %place.covered.reference.name, %failure, "could not be looked at");
                }
            }
        }
        Ok(())
    }

    /// Tasks that go on, or can, by repository.
    async fn live_tasks(&self) -> Result<BTreeMap<RepositoryId, Vec<Task>>, Failure> {
        let filter = TaskFilter { live: Some(true), ..TaskFilter::default() };
        let mut tasks: BTreeMap<RepositoryId, Vec<Task>> = BTreeMap::new();
        let mut before = None;
        loop {
            let page = self.store().tasks(&filter, before, PAGE).await?;
            for row in &page {
                tasks.entry(row.repository_id).or_default().push(read(row)?);
            }
            match page.last() {
                Some(last) if page.len() == PAGE as usize => before = Some(last.id),
                _ => return Ok(tasks),
            }
        }
    }

    fn refused(&self, refused: &baton_github::GitHubError) -> Failure {
        error::github(refused, self.now())
    }
}

/// Tasks that are read at once.
const PAGE: u32 = 200;

/// When a look is tried again that could not begin.
const AGAIN: Duration = Duration::from_secs(60);

/// The two halves of a look.
#[derive(Clone, Copy)]
enum Look {
    Deliveries,
    Truth,
}

/// Whether it may go well later. A GitHub that has no such list, or does not show it to the App, says so for good.
fn passes(failure: &Failure) -> bool {
    !matches!(failure, Failure::Permanent { .. } | Failure::Refused { .. })
}

/// Whether GitHub said for how long it wants no request: then nothing more is asked in this look.
fn leaves_alone(failure: &Failure) -> bool {
    matches!(failure, Failure::NotYet { .. })
}
