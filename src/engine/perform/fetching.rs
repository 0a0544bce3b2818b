//! Fetches for a task that take long: how far they are is kept where the progress comment and the command line look, and the
//! comment is brought up to date now and then.

use std::convert::Infallible;
use std::time::Duration;

use baton_core::domain::effect::Effect;
use baton_core::domain::ids::TaskId;
use baton_core::domain::task::Task;
use baton_core::domain::time::Timestamp;
use baton_core::domain::transfer::Transfer;
use baton_core::prose;
use baton_git::Git;
use baton_store::{NewJob, Store, StoreError};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::engine::Engine;
use crate::engine::jobs::{Payload, kind};

/// How often it is kept how far a fetch is. What is over before the first time is told nowhere.
const KEPT_EVERY: Duration = Duration::from_secs(2);
/// What was kept longer ago is of a worker that died.
const FRESH: Duration = Duration::from_secs(60);
/// A fetch is worth an edit of the comment after so long…
const SHOWN_AFTER: Duration = Duration::from_secs(20);
/// …and again every so often: people may write 80 times a minute there, and a hundred tasks may fetch at once.
const SHOWN_EVERY: Duration = Duration::from_secs(60);

/// How far a task's fetch is, or was when it was last looked at.
#[derive(Debug, Serialize, Deserialize)]
struct Fetching {
    transfer: Option<Transfer>,
    at: Timestamp,
}

fn key(task: &Task) -> String {
    format!("{}/fetching", task.scope())
}

/// How far the fetch is that goes on for a task at this moment, if one does. What was called off in the middle leaves its
/// last word; a task that waits for nothing of the kind has none.
///
/// # Errors
/// When the store fails.
pub async fn transfer_of(store: &Store, task: &Task, now: Timestamp) -> Result<Option<Transfer>, StoreError> {
    if task.state.awaited().is_none() {
        return Ok(None);
    }
    let fetching = store.recall::<Fetching>(&key(task)).await?;
    Ok(fetching.filter(|fetching| now.since(fetching.at) < FRESH).and_then(|fetching| fetching.transfer))
}

impl Engine {
    /// Lets `work` fetch; what that tells of its progress is told to the task's people.
    pub(super) async fn fetching<T>(&self, task: Option<TaskId>, work: impl AsyncFnOnce(&Git) -> T) -> T {
        let (told, hears) = watch::channel(None);
        let git = self.parts().git.telling(told);
        let Some(task) = task else { return work(&git).await };
        let mut shown = Shown { begun: self.now(), last: None, was_kept: false };
        let done = tokio::select! {
            biased;
            done = work(&git) => done,
            never = self.tell(task, &hears, &mut shown) => match never {},
        };
        if shown.was_kept
            && let Err(error) = self.note_transfer(task, None, shown.last.is_some()).await
        {
            tracing::warn!(%task, %error, "a fetch is over, and its progress will be shown a little longer");
        }
        done
    }

    async fn tell(&self, task: TaskId, hears: &watch::Receiver<Option<Transfer>>, shown: &mut Shown) -> Infallible {
        loop {
            tokio::time::sleep(KEPT_EVERY).await;
            let Some(transfer) = *hears.borrow() else { continue };
            let now = self.now();
            let is_due = match shown.last {
                None => now.since(shown.begun) >= SHOWN_AFTER,
                Some(last) => now.since(last) >= SHOWN_EVERY,
            };
            if is_due {
                shown.last = Some(now);
            }
            shown.was_kept = true;
            if let Err(error) = self.note_transfer(task, Some(transfer), is_due).await {
                tracing::warn!(%task, %error, "how far a fetch is could not be kept");
            }
        }
    }

    async fn note_transfer(&self, id: TaskId, transfer: Option<Transfer>, is_shown: bool) -> Result<(), StoreError> {
        let Some(row) = self.store().task(id).await? else { return Ok(()) };
        let task = crate::engine::apply::read(&row)?;
        let now = self.now();
        let mut tx = self.store().begin().await?;
        tx.remember(&key(&task), &Fetching { transfer, at: now }, now).await?;
        if is_shown {
            if let Some(transfer) = &transfer {
                let repository = task.repository.name.to_string();
                tracing::info!(task = %id, "{}", prose::transfer::line(&repository, transfer));
            }
            tx.enqueue(&live_progress(&task)?, now).await?;
        }
        tx.commit().await
    }
}

/// What was told of a fetch so far.
struct Shown {
    begun: Timestamp,
    /// When the comment was last asked to be brought up to date.
    last: Option<Timestamp>,
    was_kept: bool,
}

/// A look at the progress comment between two changes of a task; one that waits is enough.
pub(super) fn live_progress(task: &Task) -> Result<NewJob, StoreError> {
    let key = format!("{}/progress", task.scope());
    let payload = Payload { effect: Effect::ShowProgress, key: key.clone(), repository: task.repository.clone() };
    let mut job = NewJob::new(kind(&Effect::ShowProgress), &payload)?;
    job.task = Some(task.id);
    job.lane = Some(key.clone());
    job.dedupe_key = Some(format!("{key}/live"));
    Ok(job)
}
