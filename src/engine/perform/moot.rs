//! What cannot be done because there is nowhere left to do it: the App was taken off the repository, or the issue is gone. That
//! is nobody's fault and no dead job; the task ends as the webhook would have ended it, whether that came or not.

use baton_core::domain::effect::Effect;
use baton_core::domain::event::Event;
use baton_core::domain::ids::IssueNumber;
use baton_core::domain::refusal::Refusal;
use baton_core::domain::task::Withdrawal;
use baton_github::{GitHubError, Repository};
use baton_queue::{Failure, Handled, JobContext};
use baton_store::{Json, Outcome};

use crate::engine::Engine;
use crate::engine::jobs::Payload;
use crate::engine::reconcile::is_elsewhere;

impl Engine {
    /// Performs the effect of a job. One that is refused for good, and about something that is gone, has ended.
    pub(in crate::engine) async fn perform_unless_moot(&self, context: &JobContext) -> Result<Handled, Failure> {
        let failure = match self.perform(context).await {
            Err(failure @ (Failure::Permanent { .. } | Failure::Refused { .. })) => failure,
            other => return other,
        };
        let payload: Payload = context.job.payload.read("effect job")?;
        let Some(because) = self.taken_away_from(context, &payload).await? else {
            return match failure {
                Failure::Refused { reason, refusal } => self.take_no(context, payload, reason, refusal).await,
                other => Err(other),
            };
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

    async fn taken_away_from(&self, context: &JobContext, payload: &Payload) -> Result<Option<Withdrawal>, Failure> {
        if !self.is_in_reach(&payload.repository).await? {
            return Ok(Some(Withdrawal::Uninstalled));
        }
        let number = match (&payload.effect, context.job.task) {
            (_, Some(_)) => self.task_of(context).await?.issue.number,
            (Effect::Say { thread, .. }, None) => thread.number,
            (_, None) => return Ok(None),
        };
        let repository = self.parts().github.repository(&payload.repository);
        self.gone_from(&repository, number).await
    }

    async fn gone_from(&self, repository: &Repository, issue: IssueNumber) -> Result<Option<Withdrawal>, Failure> {
        match repository.issue(issue).await {
            Ok(now) if is_elsewhere(repository, &now, issue) => Ok(Some(Withdrawal::IssueTransferred)),
            Ok(_) => Ok(None),
            // Switched off, issues are there all the same, and come back with the switch.
            Err(GitHubError::Gone { message, .. }) if Refusal::read(&message) == Refusal::IssuesOff => Ok(None),
            Err(GitHubError::NotFound { .. } | GitHubError::Gone { .. }) => Ok(Some(Withdrawal::IssueDeleted)),
            Err(refused) => Err(crate::engine::error::github(&refused, self.now())),
        }
    }
}
