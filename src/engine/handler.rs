//! The queue's handler: which job is whose.

use baton_core::domain::effect::Weight;
use baton_core::domain::event::Event;
use baton_queue::{Failure, Handled, Handler, JobContext};
use baton_store::{Died, INGEST, Outcome};

use super::Engine;
use super::jobs::Payload;

/// The kind of the recurring job that tidies up.
pub const RECONCILE: &str = "reconcile";

impl Handler for Engine {
    async fn handle(&self, context: JobContext) -> Result<Handled, Failure> {
        match context.job.kind.as_str() {
            INGEST => self.ingest(&context).await,
            RECONCILE => self.tidy(&context).await,
            _ => self.perform(&context).await,
        }
    }

    /// A task learns of the death of what it waits for; a dead courtesy is only told to the operator.
    async fn on_dead(&self, context: JobContext, died: Died) -> Result<Handled, Failure> {
        let now = self.now();
        let mut tx = self.store().begin().await?;
        if let (Some(task), Ok(payload)) = (died.task, died.payload.read::<Payload>("effect job")) {
            let event = Event::EffectFailed {
                key: payload.key,
                what: payload.effect.describe().to_owned(),
                vital: payload.effect.weight() == Weight::Vital,
                reason: died.error.clone(),
            };
            if let Err(rejection) = self.apply(&mut tx, task, &event, Some(context.job.id)).await? {
                tracing::debug!(%task, ?rejection, "the task goes on without it");
            }
        }
        tracing::warn!(job = %died.job, kind = died.kind, attempts = died.attempts, error = died.error, "a job is dead");
        tx.complete(&context.lease, &Outcome::Done(None), now).await?;
        tx.commit().await?;
        Ok(Handled::Completed)
    }
}
