//! The push: an explicit commit to an explicit branch, after the approval was asked once more.

use baton_core::domain::event::Event;
use baton_core::domain::ids::{BranchName, CommitSha};
use baton_core::domain::task::Approval;
use baton_git::{PushError, Pushed};
use baton_github::{GitAccess, Repository};
use baton_queue::{Failure, Handled, JobContext};
use serde::{Deserialize, Serialize};

use crate::engine::{Engine, error};

/// Where Baton last left a branch: what a later push may replace.
#[derive(Debug, Serialize, Deserialize)]
struct Left {
    head: CommitSha,
}

impl Engine {
    pub(super) async fn push(
        &self,
        context: &JobContext,
        github: &Repository,
        head: &CommitSha,
        branch: &BranchName,
        approval: &Approval,
    ) -> Result<Handled, Failure> {
        let task = self.task_of(context).await?;
        if let Some(because) = self.void_approval(github, task.issue.number, approval).await? {
            return self.finish(context, vec![Event::ApprovalVoided { because }]).await;
        }
        // Asked last of all: what was cancelled or paused meanwhile does not leave.
        if !self.is_awaited(context).await? {
            return self.finish(context, vec![]).await;
        }
        let left_key = format!("branch/{}/{branch}", github.reference().id);
        let left = self.store().recall::<Left>(&left_key).await?;
        self.with_git(github, GitAccess::Push, async |remote| {
            let id = github.reference().id;
            let expected = left.as_ref().map(|left| &left.head);
            match self.parts().git.push(id, head, branch, expected, &remote).await {
                Ok(Pushed::Moved | Pushed::AlreadyThere) => Ok(()),
                // A push whose answer was lost is repeated by git itself, and then meets what it did.
                Err(refused @ PushError::Refused { .. }) => match github.branch_head(branch.as_str()).await {
                    Ok(Some(there)) if there == *head => Ok(()),
                    Err(passing) if passing.is_transient() => Err(error::github(&passing, self.now())),
                    Ok(_) | Err(_) => Err(error::push(refused)),
                },
                Err(failure) => Err(error::push(failure)),
            }
        })
        .await?;
        let mut tx = self.store().begin().await?;
        tx.remember(&left_key, &Left { head: head.clone() }, self.now()).await?;
        self.finish_in(tx, context, vec![Event::BranchPushed { head: head.clone() }]).await
    }
}
