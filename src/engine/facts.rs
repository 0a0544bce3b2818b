//! What GitHub says, at that moment, about who acts and what stands there. Any failure to find out means no.

use baton_core::domain::actor::{AccountKind, Actor, Person, Role};
use baton_core::domain::effect::Effect;
use baton_core::domain::event::PlanCommentCheck;
use baton_core::domain::ids::{Digest, IssueNumber, UserId};
use baton_core::domain::issue::CommentRef;
use baton_core::domain::note::VoidApproval;
use baton_core::domain::task::{Approval, ApprovedThrough, Task};
use baton_github::{GitHubError, Repository};
use baton_queue::Failure;
use serde::{Deserialize, Serialize};

use super::{Engine, error};

/// The label that counts as its setter's approval in advance.
pub(super) const AUTO_LABEL: &str = "baton:auto";

/// What is remembered of a comment that was posted: enough to see that it still says the same.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Posted {
    pub comment: CommentRef,
    /// Of the body as GitHub gave it back.
    pub body: Digest,
}

impl Engine {
    /// Somebody, with the role GitHub gives them in this repository now.
    pub(super) async fn actor(
        &self,
        repository: &Repository,
        person: Person,
        kind: AccountKind,
    ) -> Result<Actor, Failure> {
        let trusted_bot = kind == AccountKind::Bot
            && self.parts().policy.trusted_bots.iter().any(|login| login.eq_ignore_ascii_case(&person.login));
        let role = match kind {
            AccountKind::User => self.role(repository, &person).await?,
            AccountKind::Bot if trusted_bot => self.role(repository, &person).await?,
            AccountKind::Bot | AccountKind::Organization => Role::None,
        };
        Ok(Actor { person, kind, role, trusted_bot })
    }

    async fn role(&self, repository: &Repository, person: &Person) -> Result<Role, Failure> {
        match repository.permission_of(&person.login, Some(person.id)).await {
            Ok(role) => Ok(role),
            // GitHub knows no such user (any more), if it knows the repository.
            Err(GitHubError::NotFound { .. }) if repository.info().await.is_ok() => Ok(Role::None),
            // Anything else is not an answer: ask again later, do nothing until then.
            Err(error @ (GitHubError::RetryAfter { .. } | GitHubError::Unauthorized { .. })) => {
                Err(error::github(&error, self.now()))
            }
            Err(error) => {
                Err(Failure::transient(format!("what {} may do here cannot be found out: {error}", person.login)))
            }
        }
    }

    /// Why an approval does not count any more, asked before it is used; nothing if it does. The operator's own command line
    /// needs no asking.
    pub(super) async fn void_approval(
        &self,
        repository: &Repository,
        issue: IssueNumber,
        approval: &Approval,
    ) -> Result<Option<VoidApproval>, Failure> {
        match approval.through {
            ApprovedThrough::CommandLine => return Ok(None),
            ApprovedThrough::Comment { .. } => {}
            ApprovedThrough::Label => {
                let labelling = repository
                    .who_labelled(issue, AUTO_LABEL)
                    .await
                    .map_err(|refused| error::github(&refused, self.now()))?;
                let still_theirs = labelling.is_some_and(|labelling| {
                    !labelling.removed && labelling.actor.is_some_and(|actor| actor.person.id == approval.by.id)
                });
                if !still_theirs {
                    return Ok(Some(VoidApproval::LabelRemoved));
                }
            }
        }
        let may_write = self.role(repository, &approval.by).await? >= Role::Write;
        Ok((!may_write).then(|| VoidApproval::LostAccess { by: approval.by.clone() }))
    }

    /// Whether the comment of the plan that waits still says what Baton posted.
    pub(super) async fn plan_comment(
        &self,
        repository: &Repository,
        task: Option<&Task>,
    ) -> Result<PlanCommentCheck, Failure> {
        let Some(task) = task else { return Ok(PlanCommentCheck::Intact) };
        // Also through a pause: one comment can resume and approve.
        let Some(plan) = task.state.waiting_plan() else { return Ok(PlanCommentCheck::Intact) };
        let key = Effect::PostPlan { plan: plan.clone() }.key(&task.scope(), task.turn());
        let Some(posted) = self.store().recall::<Posted>(&key).await? else { return Ok(PlanCommentCheck::Intact) };
        match repository.comment(posted.comment.id).await {
            Ok(comment) if Digest::of(&[&comment.body]) == posted.body => Ok(PlanCommentCheck::Intact),
            Ok(_) => Ok(PlanCommentCheck::Edited),
            Err(GitHubError::NotFound { .. } | GitHubError::Gone { .. }) => Ok(PlanCommentCheck::Missing),
            Err(error) => Err(error::github(&error, self.now())),
        }
    }

    /// Whether a user is the bot itself, by number.
    pub(super) async fn is_ourselves(&self, user: UserId) -> Result<bool, Failure> {
        let bot = self.parts().github.bot_identity().await.map_err(|e| error::github(&e, self.now()))?;
        Ok(bot.user == user)
    }
}
