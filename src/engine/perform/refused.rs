//! GitHub's no: the task that cannot go on without it is told why, in a form that becomes a sentence; what was only a courtesy
//! and can be said nowhere has ended. Neither is a dead job: there is nothing in it for the operator to mend.

use baton_core::domain::effect::Effect;
use baton_core::domain::event::Event;
use baton_core::domain::issue::RepositoryRef;
use baton_core::domain::refusal::Refusal;
use baton_github::missing_permissions;
use baton_queue::{Failure, Handled, JobContext};
use baton_store::{Json, Outcome};

use crate::engine::Engine;
use crate::engine::jobs::Payload;

impl Engine {
    /// Ends a job that GitHub refused, where that is the end of it.
    ///
    /// # Errors
    /// The same failure, where the operator has to see it.
    pub(super) async fn take_no(
        &self,
        context: &JobContext,
        payload: Payload,
        reason: String,
        refusal: Box<Refusal>,
    ) -> Result<Handled, Failure> {
        if self.is_awaited_by_its_task(context, &payload.effect).await? {
            let refusal = self.looked_into(&payload.repository, *refusal).await;
            tracing::info!(job = %context.job.id, kind = context.job.kind, reason, ?refusal, "GitHub says no");
            // A plan's key is the same in every attempt, and what is done is not done again: this job has to be dead.
            let is_for_good = matches!(payload.effect, Effect::PostPlan { .. });
            let failure = Failure::Refused { reason: reason.clone(), refusal: Box::new(refusal.clone()) };
            let event = Event::EffectRefused { effect: Box::new(payload.effect), refusal, said: reason };
            if !is_for_good {
                return self.finish(context, vec![event]).await;
            }
            let Some(task) = context.job.task else { return Err(failure) };
            let mut tx = self.store().begin().await?;
            if self.apply(&mut tx, task, &event, Some(context.job.id)).await?.is_ok() {
                tx.commit().await?;
            }
            return Err(failure);
        }
        if !(refusal.silences() && is_courtesy(&payload.effect)) {
            return Err(Failure::Refused { reason, refusal });
        }
        tracing::info!(job = %context.job.id, kind = context.job.kind, reason, "nothing can be said there");
        let mut tx = self.store().begin().await?;
        tx.complete(&context.lease, &Outcome::Done(Some(Json::of(&reason)?)), self.now()).await?;
        tx.commit().await?;
        Ok(Handled::Completed)
    }

    async fn is_awaited_by_its_task(&self, context: &JobContext, effect: &Effect) -> Result<bool, Failure> {
        match context.job.task {
            Some(_) => Ok(effect.is_awaited_in(&self.task_of(context).await?.state)),
            None => Ok(false),
        }
    }

    /// A missing permission with what the installation's owner has not accepted yet, and where they can. Should GitHub not
    /// tell, the sentence says less.
    async fn looked_into(&self, repository: &RepositoryRef, refusal: Refusal) -> Refusal {
        let Refusal::Permission { needs, .. } = refusal else { return refusal };
        let github = &self.parts().github;
        // Git says the same of both.
        if let Ok(info) = github.repository(repository).info().await
            && info.archived
        {
            return Refusal::Archived;
        }
        let (Ok(app), Ok(grants)) = (github.checkup().await, github.grants().await) else {
            return Refusal::permission(needs);
        };
        let Some(grant) = grants.into_iter().find(|grant| grant.installation == repository.installation) else {
            return Refusal::permission(needs);
        };
        let never_asked_for = missing_permissions(&app.permissions);
        let missing = missing_permissions(&grant.permissions);
        let needs = needs.or_else(|| missing.first().cloned());
        let unaccepted = missing.into_iter().filter(|one| !never_asked_for.contains(one)).collect();
        // A link of GitHub's own pages, or none.
        let web = self.parts().github_config.web_url.as_str();
        let page = grant.page.filter(|page| {
            page.strip_prefix(web.trim_end_matches('/')).is_some_and(|path| path.starts_with('/'))
                && page.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._:/".contains(&b))
        });
        Refusal::Permission { needs, unaccepted, page }
    }
}

/// What nobody waits for.
fn is_courtesy(effect: &Effect) -> bool {
    match effect {
        Effect::Acknowledge { .. }
        | Effect::Say { .. }
        | Effect::MinimisePlan { .. }
        | Effect::ShowProgress
        | Effect::RequestReview { .. } => true,
        Effect::PostPlan { .. }
        | Effect::Run(_)
        | Effect::Verify { .. }
        | Effect::Push { .. }
        | Effect::OpenPull { .. }
        | Effect::StopWork
        | Effect::Wake { .. } => false,
    }
}
