//! What cannot be done because there is nowhere left to do it: the App was taken off the repository, or the issue is gone. That
//! is nobody's fault and no dead job; the task ends as the webhook would have ended it, whether that came or not.

use baton_core::domain::effect::Effect;
use baton_core::domain::event::Event;
use baton_core::domain::ids::IssueNumber;
use baton_core::domain::issue::RepositoryRef;
use baton_core::domain::task::Withdrawal;
use baton_queue::{Failure, Handled, JobContext};
use baton_store::{Json, Outcome};

use crate::engine::Engine;
use crate::engine::jobs::Payload;
use crate::engine::missing::Standing;

impl Engine {
    /// Performs the effect of a job. One that is refused for good, and about something that is gone, has ended. One about
    /// something that GitHub does not find for the moment waits.
    pub(in crate::engine) async fn perform_unless_moot(&self, context: &JobContext) -> Result<Handled, Failure> {
        let failure = match self.perform(context).await {
            Err(failure @ (Failure::Permanent { .. } | Failure::Refused { .. })) => failure,
            Ok(Handled::Completed) => {
                // The work is done and written down: a doubt that stays is no reason to call it failed.
                if let Err(failure) = self.trouble_has_passed(context).await {
                    tracing::warn!(job = %context.job.id, %failure, "a doubt could not be forgotten");
                }
                return Ok(Handled::Completed);
            }
            other => return other,
        };
        let payload: Payload = context.job.payload.read("effect job")?;
        let number = self.issue_of_job(context, &payload).await?;
        let because = match self.taken_away_from(&payload.repository, number).await? {
            Standing::Gone(because) => because,
            Standing::Doubtful(until) => {
                self.doubt_for(context.job.id, number).await?;
                let reason = format!("{failure}; that may be trouble of GitHub's, and is asked again");
                return Err(Failure::NotYet { reason, why: None, until });
            }
            Standing::There => {
                return match failure {
                    Failure::Refused { reason, refusal } => self.take_no(context, payload, reason, refusal).await,
                    other => Err(other),
                };
            }
        };
        let reason = match &because {
            Withdrawal::Uninstalled => format!("the App may not act on {} any more", payload.repository.name),
            _ => "the issue is gone".to_owned(),
        };
        tracing::info!(job = %context.job.id, kind = context.job.kind, reason, %failure, "nothing is left to do");
        let mut tx = self.store().begin().await?;
        if let Some(task) = context.job.task {
            let event = Event::Withdrawn { because, by: None };
            if let Err(rejection) = self.apply(&mut tx, task, &event, Some(context.job.id)).await? {
                tracing::debug!(%task, ?rejection, "the task has ended already");
            }
        }
        tx.complete(&context.lease, &Outcome::Done(Some(Json::of(&reason)?)), self.now()).await?;
        tx.commit().await?;
        Ok(Handled::Completed)
    }

    async fn trouble_has_passed(&self, context: &JobContext) -> Result<(), Failure> {
        let payload: Payload = context.job.payload.read("effect job")?;
        self.doubt_no_more(context.job.id, payload.repository.id).await
    }

    /// The issue or pull request without which there is nothing to do, if there is one.
    async fn issue_of_job(&self, context: &JobContext, payload: &Payload) -> Result<Option<IssueNumber>, Failure> {
        Ok(match (&payload.effect, context.job.task) {
            (_, Some(_)) => Some(self.task_of(context).await?.issue.number),
            (Effect::Say { thread, .. }, None) => Some(thread.number),
            (_, None) => None,
        })
    }

    async fn taken_away_from(
        &self,
        reference: &RepositoryRef,
        issue: Option<IssueNumber>,
    ) -> Result<Standing<Withdrawal>, Failure> {
        match self.reach(reference).await? {
            Standing::There => {}
            Standing::Gone(()) => return Ok(Standing::Gone(Withdrawal::Uninstalled)),
            Standing::Doubtful(until) => return Ok(Standing::Doubtful(until)),
        }
        let Some(issue) = issue else { return Ok(Standing::There) };
        self.issue_standing(&self.parts().github.repository(reference), issue).await
    }
}
