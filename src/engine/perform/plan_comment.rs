//! The plan's comment: posted once per revision, older ones folded away.

use baton_core::domain::event::Event;
use baton_core::domain::ids::{CommentId, Digest};
use baton_core::domain::plan::Plan;
use baton_core::domain::task::ApprovedThrough;
use baton_core::prose;
use baton_core::prose::plan::PlanComment;
use baton_github::{GitHubError, Repository};
use baton_queue::{Failure, Handled, JobContext};

use crate::engine::facts::Posted;
use crate::engine::{Engine, error};

impl Engine {
    pub(super) async fn post_plan(
        &self,
        context: &JobContext,
        github: &Repository,
        key: &str,
        plan: &Plan,
    ) -> Result<Handled, Failure> {
        let task = self.task_of(context).await?;
        if task.ended() {
            return self.finish(context, vec![]).await;
        }
        let policy = task.effective_policy();
        let protected: Vec<String> =
            plan.draft.files.iter().filter(|file| policy.patch.protects(file)).cloned().collect();
        let agent = match self.parts().agents.get(task.settings.agent.as_deref()) {
            Ok((_, agent)) => agent.label(),
            Err(_) => "unknown".to_owned(),
        };
        let links = self.links(github.reference());
        let approved_in_advance = task
            .work()
            .is_some_and(|work| work.plan.revision == plan.revision && work.approval.through == ApprovedThrough::Label);
        let body = prose::plan::comment(&PlanComment {
            plan,
            usage: task.usage,
            agent: &agent,
            protected: &protected,
            approved_in_advance,
            links: &links,
        });
        let comment = github
            .create_comment(task.issue.number, key, &body)
            .await
            .map_err(|refused| error::github(&refused, self.now()))?
            .into_inner();
        let place = comment.reference();
        let mut tx = self.store().begin().await?;
        // What GitHub gives back, not what was sent: line ends may differ.
        tx.remember(key, &Posted { comment: place, body: Digest::of(&[&comment.body]) }, self.now()).await?;
        self.finish_in(tx, context, vec![Event::PlanPosted { revision: plan.revision, comment: place }]).await
    }

    pub(super) async fn minimise_plan(
        &self,
        context: &JobContext,
        github: &Repository,
        comment: CommentId,
    ) -> Result<Handled, Failure> {
        let minimised = match github.comment(comment).await {
            Ok(there) => github.minimize_comment(&there.node_id).await,
            Err(refused) => Err(refused),
        };
        match minimised {
            Ok(()) | Err(GitHubError::NotFound { .. } | GitHubError::Gone { .. }) => self.finish(context, vec![]).await,
            Err(refused) => Err(error::github(&refused, self.now())),
        }
    }
}
