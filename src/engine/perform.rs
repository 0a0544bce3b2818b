//! Effects performed: the only place that causes anything outside. One file an effect.
//!
//! Everything here may be done twice, because a worker can die after the work and before the commit: what is made
//! outside is looked for before it is made.

mod contact;
mod fetching;
mod moot;
mod plan_comment;
mod progress;
mod pull;
mod push;
mod refused;
mod run;
mod say;
mod tests;
mod verify;

use baton_core::domain::effect::Effect;
use baton_core::domain::event::Event;
use baton_core::domain::ids::{CommitSha, TaskId};
use baton_core::domain::issue::RepositoryRef;
use baton_core::domain::task::Task;
use baton_core::prose::neutral::Links;
use baton_git::Remote;
use baton_github::{GitAccess, GitToken, Repository};
use baton_queue::{Failure, Handled, JobContext};
use baton_store::{Outcome, Tx};

pub use contact::contact_key;
pub(super) use contact::{CONTACT, MET_AT_ONCE};
pub use fetching::transfer_of;
pub use run::{About, Unfinished, UnfinishedError, unfinished};

use super::apply::read;
use super::jobs::Payload;
use super::{Engine, errand, error};

impl Engine {
    /// Performs the effect of a job and ends the job with what came of it.
    pub(super) async fn perform(&self, context: &JobContext) -> Result<Handled, Failure> {
        let Payload { effect, key, repository } = context.job.payload.read("effect job")?;
        // Who comes back under the same job has kept the place in the line.
        let errand = format!("job/{}", context.job.id);
        let github = self.parts().github.repository(&repository).on_errand(errand::importance(&effect), &errand);
        github.room_for(errand::writes(&effect)).map_err(|full| error::github(&full, self.now()))?;
        match effect {
            Effect::Acknowledge { comment } => self.acknowledge(context, &github, comment).await,
            Effect::Say { thread, note, .. } => self.say(context, &github, &key, &thread, &note).await,
            Effect::PostPlan { plan } => self.post_plan(context, &github, &key, &plan).await,
            Effect::MinimisePlan { comment, .. } => self.minimise_plan(context, &github, comment).await,
            Effect::ShowProgress => self.show_progress(context, &github).await,
            Effect::Run(order) => self.run(context, &github, &order).await,
            Effect::Verify { patch, approval, plan } => self.verify(context, &github, &patch, &approval, &plan).await,
            Effect::Push { head, branch, approval } => self.push(context, &github, &head, &branch, &approval).await,
            Effect::OpenPull { branch, patch, proof } => {
                self.open_pull(context, &github, &branch, &patch, &proof).await
            }
            Effect::RequestReview { pull, logins } => self.request_review(context, &github, pull, &logins).await,
            Effect::Wake { timer, .. } => self.finish(context, vec![Event::TimerFired { timer }]).await,
            Effect::StopWork => Err(Failure::bug("stopping work is done where it is decided")),
        }
    }

    /// Ends a job: its outcome's events and its completion in one transaction, fenced by its lease.
    pub(super) async fn finish(&self, context: &JobContext, events: Vec<Event>) -> Result<Handled, Failure> {
        let tx = self.store().begin().await?;
        self.finish_in(tx, context, events).await
    }

    /// The same, in a transaction that already holds something else.
    pub(super) async fn finish_in(
        &self,
        mut tx: Tx,
        context: &JobContext,
        events: Vec<Event>,
    ) -> Result<Handled, Failure> {
        self.tell_wait(&mut tx, context).await?;
        for event in &events {
            let task = context.job.task.ok_or_else(|| Failure::bug("an event of a job without a task"))?;
            if let Err(rejection) = self.apply(&mut tx, task, event, Some(context.job.id)).await? {
                tracing::debug!(%task, ?rejection, "the outcome came too late to change anything");
            }
        }
        tx.complete(&context.lease, &Outcome::Done(None), self.now()).await?;
        tx.commit().await?;
        Ok(Handled::Completed)
    }

    /// The job's task as it is now.
    pub(super) async fn task_of(&self, context: &JobContext) -> Result<Task, Failure> {
        let id = context.job.task.ok_or_else(|| Failure::bug("this job needs a task"))?;
        self.task_by_id(id).await
    }

    async fn task_by_id(&self, id: TaskId) -> Result<Task, Failure> {
        let row = self.store().task(id).await?.ok_or_else(|| Failure::bug(format!("task {id} is gone")))?;
        Ok(read(&row)?)
    }

    /// Whether the task still waits for what this job does, and nobody has told the job to stop.
    pub(super) async fn is_awaited(&self, context: &JobContext) -> Result<bool, Failure> {
        let Payload { effect, .. } = context.job.payload.read("effect job")?;
        let task = self.task_of(context).await?;
        Ok(effect.is_awaited_in(&task.state) && !context.cancel.is_cancelled())
    }

    /// Links that may stand in texts about a repository.
    pub(super) fn links(&self, repository: &RepositoryRef) -> Links {
        Links::of_repository(self.parts().github_config.web_url.as_str(), &repository.name)
    }

    /// Mints a token for git, lets `work` use it, and revokes it whatever came of that.
    pub(super) async fn with_git<T>(
        &self,
        github: &Repository,
        access: GitAccess,
        work: impl AsyncFnOnce(Remote) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let token: GitToken = github.git_token(access).await.map_err(|e| error::github(&e, self.now()))?;
        let base = self.parts().github_config.git_url().as_str().trim_end_matches('/').to_owned();
        let url = format!("{base}/{}.git", github.reference().name);
        let result = match Remote::new(&url, Some(token.secret.clone())) {
            Ok(remote) => work(remote).await,
            Err(invalid) => Err(Failure::permanent(format!("`github.git_url`: {invalid}"))),
        };
        if let Err(refused) = github.revoke(&token).await {
            tracing::debug!(%refused, "the token could not be revoked; it expires within the hour");
        }
        result
    }

    /// The default branch and its head, fetched into the mirror; how far that is is told to the task it is for.
    pub(super) async fn fetch_default(
        &self,
        github: &Repository,
        task: Option<TaskId>,
    ) -> Result<(String, CommitSha), Failure> {
        let (branch, _) = github.default_branch().await.map_err(|e| error::github(&e, self.now()))?;
        let id = github.reference().id;
        let head = self
            .with_git(github, GitAccess::Fetch, async |remote| {
                let fetched = self.fetching(task, async |git| git.fetch_branch(id, &remote, &branch).await).await;
                fetched.map_err(|e| error::fetch(&e))
            })
            .await?;
        Ok((branch, head))
    }
}
