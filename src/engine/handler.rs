//! The queue's handler: which job is whose.

use baton_core::domain::event::Event;
use baton_queue::{Failure, Handled, Handler, JobContext};
use baton_store::{DeliveryOutcome, Died, INGEST, Ingest, Outcome, ROW_FORMAT};

use super::Engine;
use super::ingest::CONSIDER;
use super::jobs::{EFFECTS, Payload};
use super::perform::CONTACT;
use super::reconcile::{OBSERVE, RECONCILE};

/// The kind of the recurring job that tidies up.
pub const TIDY: &str = "tidy";

impl Handler for Engine {
    async fn handle(&self, context: JobContext) -> Result<Handled, Failure> {
        if context.job.format > ROW_FORMAT {
            return Err(Failure::Newer { what: format!("what this `{}` job is to do", context.job.kind) });
        }
        match context.job.kind.as_str() {
            INGEST => self.take_in(&context).await,
            CONSIDER => self.ingest(&context).await,
            TIDY => self.tidy(&context).await,
            CONTACT => self.make_contact(&context).await,
            RECONCILE => self.reconcile(&context).await,
            OBSERVE => self.observe(&context).await,
            effect if EFFECTS.contains(&effect) => self.perform_unless_moot(&context).await,
            unheard_of => Err(Failure::Newer { what: format!("the job `{unheard_of}`") }),
        }
    }

    /// A task learns of the death of what it waits for; a dead courtesy is only told to the operator.
    async fn on_dead(&self, context: JobContext, died: Died) -> Result<Handled, Failure> {
        if context.job.format > ROW_FORMAT {
            return Err(Failure::Newer { what: format!("the news that a `{}` job is dead", died.kind) });
        }
        let now = self.now();
        let mut tx = self.store().begin().await?;
        if let (Some(task), Ok(payload)) = (died.task, died.payload.read::<Payload>("effect job")) {
            let event =
                Event::EffectFailed { key: payload.key, effect: Box::new(payload.effect), reason: public(&died.error) };
            if let Err(rejection) = self.apply(&mut tx, task, &event, Some(context.job.id)).await? {
                tracing::debug!(%task, ?rejection, "the task goes on without it");
            }
        }
        if let (INGEST | CONSIDER, Ok(Ingest { delivery })) =
            (died.kind.as_str(), died.payload.read::<Ingest>("ingest job"))
        {
            tx.settle_delivery(delivery, &DeliveryOutcome::Failed(died.error.clone()), now).await?;
        }
        tracing::warn!(job = %died.job, kind = died.kind, attempts = died.attempts, error = died.error, "a job is dead");
        tx.complete(&context.lease, &Outcome::Done(None), now).await?;
        tx.commit().await?;
        Ok(Handled::Completed)
    }
}

/// An error as everybody may read it: the operator's list has it whole, an issue need not show where things lie on the
/// operator's machine.
fn public(error: &str) -> String {
    let shown = |word: &str| {
        let path = word.trim_matches(|c: char| !c.is_alphanumeric() && c != '/');
        if path.starts_with('/') && path.len() > 1 { word.replace(path, "…") } else { word.to_owned() }
    };
    error.split(' ').map(shown).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_the_operators_machine_are_not_shown() {
        assert_eq!(public("cannot open `/srv/baton/data/x`: no space"), "cannot open `…`: no space");
        assert_eq!(public("GET https://api.github.com/x: 502 / bad"), "GET https://api.github.com/x: 502 / bad");
    }
}
