//! The progress comment and the check run: one of each, edited in place, and only when they say something new.

use baton_core::domain::evidence::Doubt;
use baton_core::domain::ids::{CommentId, Digest, IssueNumber};
use baton_core::domain::task::{State, Task};
use baton_core::prose;
use baton_core::prose::progress::{Progress, Queue};
use baton_github::{CheckConclusion, CheckRunUpdate, CheckState, GitHubError, Importance, Repository};
use baton_queue::{Failure, Handled, JobContext};
use baton_store::{JobFilter, JobState, Slot};
use serde::{Deserialize, Serialize};

use super::fetching::transfer_of;
use crate::engine::{Engine, error};

/// The name people see on the branch's head.
pub(super) const CHECK_NAME: &str = "baton";

/// What was last shown.
#[derive(Debug, Serialize, Deserialize)]
struct Shown {
    comment: CommentId,
    body: Digest,
}

impl Engine {
    pub(super) async fn show_progress(&self, context: &JobContext, github: &Repository) -> Result<Handled, Failure> {
        let task = self.task_of(context).await?;
        let key = format!("{}/progress", task.scope());
        let body = prose::progress::comment(&self.progress_view(&task).await?);
        let digest = Digest::of(&[&body]);
        let shown = self.store().recall::<Shown>(&key).await?;
        if shown.as_ref().is_some_and(|shown| shown.body == digest) {
            return self.finish(context, vec![]).await;
        }
        let refused = |refused: GitHubError| error::github(&refused, self.now());
        self.show_check(context, github, &task).await?;
        github.room_for(1).map_err(refused)?;
        let comment = match shown {
            Some(shown) => match github.update_comment(shown.comment, &key, &body).await {
                Ok(comment) => comment.id,
                // Somebody deleted it: that is a wish.
                Err(GitHubError::NotFound { .. } | GitHubError::Gone { .. }) => shown.comment,
                Err(error) => return Err(refused(error)),
            },
            None => {
                let found = github.create_comment(task.issue.number, &key, &body).await.map_err(refused)?;
                match found {
                    baton_github::Found::Created(comment) => comment.id,
                    // It was made by an attempt that was lost: bring it up to date.
                    baton_github::Found::Existing(comment) => {
                        github.update_comment(comment.id, &key, &body).await.map_err(refused)?.id
                    }
                }
            }
        };
        let mut tx = self.store().begin().await?;
        tx.remember(&key, &Shown { comment, body: digest }, self.now()).await?;
        self.finish_in(tx, context, vec![]).await
    }

    /// The check run stands on the branch's head once there is one. It comes before the comment, and is remembered by itself:
    /// where only one of them has room now, it is this.
    async fn show_check(&self, context: &JobContext, github: &Repository, task: &Task) -> Result<(), Failure> {
        let State::InReview(review) = &task.state else { return Ok(()) };
        let github = github.on_errand(Importance::Check, &format!("job/{}/check", context.job.id));
        let evidence = &review.proof.evidence;
        let conclusion = match evidence.doubt() {
            None => CheckConclusion::Success,
            // A required check that is neutral lets a merge pass: GitHub counts it as passed.
            Some(Doubt::Failing) => CheckConclusion::Failure,
            Some(Doubt::Missing | Doubt::Muted) => CheckConclusion::ActionRequired,
        };
        let page = self.page_of(task, "pull", review.pull);
        let title = prose::progress::check_title(evidence);
        let summary = prose::pull::evidence(evidence);
        let update = CheckRunUpdate {
            state: CheckState::Completed(conclusion),
            title: &title,
            summary: &summary,
            text: None,
            details_url: Some(&page),
        };
        let external_id = format!("{}/check", task.scope());
        let says = Digest::of(&[review.patch.head.as_str(), &title, &summary]);
        if self.store().recall::<Digest>(&external_id).await?.as_ref() == Some(&says) {
            return Ok(());
        }
        let refused = |refused: GitHubError| error::github(&refused, self.now());
        github.room_for(1).map_err(refused)?;
        github.set_check_run(CHECK_NAME, &external_id, &review.patch.head, &update).await.map_err(refused)?;
        let mut tx = self.store().begin().await?;
        tx.remember(&external_id, &says, self.now()).await?;
        tx.commit().await?;
        Ok(())
    }

    /// The task as it is shown: with its place in the queue.
    pub(in crate::engine) async fn progress_view<'a>(&self, task: &'a Task) -> Result<Progress<'a>, Failure> {
        Ok(Progress {
            task,
            now: self.now(),
            queue: self.place_in_queue(task).await?,
            transfer: transfer_of(self.store(), task, self.now()).await?,
            wait: self.wait_of(task).await?,
            paused_by_operator: self.store().paused().await?.is_some(),
            issue_page: self.page_of(task, "issues", task.issue.number),
        })
    }

    /// The address of an issue's or a pull request's page.
    fn page_of(&self, task: &Task, kind: &str, number: IssueNumber) -> String {
        let web = self.parts().github_config.web_url.as_str().trim_end_matches('/');
        format!("{web}/{}/{kind}/{number}", task.repository.name)
    }

    async fn place_in_queue(&self, task: &Task) -> Result<Queue, Failure> {
        let waiting = JobFilter { state: Some(JobState::Queued), slot: Some(Slot::Run), ..JobFilter::default() };
        let jobs = self.store().jobs(&waiting, None, 500).await?;
        let Some(ours) = jobs.iter().find(|job| job.task == Some(task.id)) else { return Ok(Queue::NotWaiting) };
        Ok(Queue::Behind(jobs.iter().filter(|job| job.id < ours.id).count()))
    }
}
