//! One attempt at one job: the work in a task of its own, its lease kept beside it, and its ending written.

use std::sync::Arc;

use baton_store::{Died, JOB_DIED, Job, Lease, StoreError};
use tokio::task::JoinError;
use tokio_util::task::AbortOnDropHandle;

use crate::ending::{Attempt, Ran};
use crate::handler::{Failure, Handled, Handler, JobContext};
use crate::stop::{StopReason, StopSignal};
use crate::watch::watch;
use crate::worker::Worker;

impl<H: Handler> Worker<H> {
    /// Does a claimed job to the attempt's end.
    pub(crate) async fn execute(&self, lease: Lease, job: Job) -> Result<Ran, StoreError> {
        let _in_hand = self.take_in_hand(job.id);
        let lease = Arc::new(lease);
        let signal = StopSignal::default();
        let config = self.config();
        let attempt = |now| Attempt {
            store: self.store(),
            lease: &lease,
            job: &job,
            backoff: &config.backoff,
            jitter: &config.jitter,
            now,
        };
        // One of those that may have ended workers at a time: the one under way when this worker ends is the one that did it.
        let alone = job.is_suspect().then(|| self.suspects().try_acquire());
        if let Some(Err(_)) = alone {
            let ending = attempt(self.clock().now()).put_off().await?;
            return Ok(Ran { job, ending });
        }
        let kept =
            watch(self.store().clone(), Arc::clone(&lease), config.lease_ttl, self.clock().clone(), signal.clone());
        let _keeper = AbortOnDropHandle::new(tokio::spawn(kept));
        let result = self.work(&lease, &job, &signal).await;
        let task = job.task.map(|task| task.0);
        match &result {
            Ok(_) => {}
            Err(error @ Failure::NotYet { until, .. }) => {
                tracing::info!(job = %job.id, kind = job.kind, task, %until, why = %error, "a job waits");
            }
            Err(error @ Failure::Newer { .. }) => {
                tracing::info!(job = %job.id, kind = job.kind, task, why = %error, "a job waits");
            }
            Err(error) => {
                tracing::info!(job = %job.id, kind = job.kind, task, attempt = job.attempts, %error, "an attempt failed");
            }
        }
        let ending = attempt(self.clock().now()).end(result, signal.reason()).await?;
        Ok(Ran { job, ending })
    }

    /// Has the handler work in a task of its own, so that neither a panic nor a block in it touches anything else; when
    /// it is told to stop it has the grace time to do so, then it is dropped.
    async fn work(&self, lease: &Arc<Lease>, job: &Job, signal: &StopSignal) -> Result<Handled, Failure> {
        let context = JobContext {
            job: job.clone(),
            lease: Arc::clone(lease),
            cancel: signal.token().clone(),
            store: self.store().clone(),
            signal: signal.clone(),
        };
        let handler = Arc::clone(self.handler());
        let mut work = AbortOnDropHandle::new(tokio::spawn(async move {
            if context.job.kind == JOB_DIED {
                let died: Died = context.job.payload.read("news of a dead job")?;
                return handler.on_dead(context, died).await;
            }
            handler.handle(context).await
        }));
        let told = async {
            tokio::select! {
                () = signal.token().cancelled() => {}
                () = self.leaving().cancelled() => signal.stop(StopReason::Shutdown),
            }
            tokio::time::sleep(self.config().grace).await;
        };
        tokio::select! {
            // What is done counts, even if the grace time is over at the same moment.
            biased;
            result = &mut work => result.unwrap_or_else(|error| Err(broken(error))),
            () = told => {
                work.abort();
                // Waits until the work is really gone, so that nothing of it goes on beside the next attempt.
                match work.await {
                    Ok(result) => result,
                    Err(error) if error.is_cancelled() => Ok(Handled::Stopped),
                    Err(error) => Err(broken(error)),
                }
            }
        }
    }
}

/// A task that did not return: it panicked, or the runtime is going down.
fn broken(error: JoinError) -> Failure {
    match error.try_into_panic() {
        Ok(panic) => {
            let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
            let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
            Failure::bug(format!("the handler panicked: {}", text.unwrap_or_else(|| "without a word".into())))
        }
        Err(error) => Failure::transient(format!("the work was broken off: {error}")),
    }
}
