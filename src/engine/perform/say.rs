//! Reactions and single comments.

use baton_core::command::spec::Place;
use baton_core::domain::ids::CommentId;
use baton_core::domain::issue::Thread;
use baton_core::domain::note::Note;
use baton_core::domain::refusal::Refusal;
use baton_core::prose;
use baton_core::prose::note::Around;
use baton_github::{GitHubError, Repository};
use baton_queue::{Failure, Handled, JobContext};
use baton_store::TaskRow;

use crate::engine::apply::read;
use crate::engine::{Engine, error};

impl Engine {
    pub(super) async fn acknowledge(
        &self,
        context: &JobContext,
        github: &Repository,
        comment: CommentId,
    ) -> Result<Handled, Failure> {
        match github.react_to_comment(comment).await {
            // A comment that was deleted meanwhile needs no eyes.
            Ok(_) | Err(GitHubError::NotFound { .. } | GitHubError::Gone { .. }) => self.finish(context, vec![]).await,
            Err(refused) => Err(error::github(&refused, self.now())),
        }
    }

    pub(super) async fn say(
        &self,
        context: &JobContext,
        github: &Repository,
        key: &str,
        thread: &Thread,
        note: &Note,
    ) -> Result<Handled, Failure> {
        let row = match context.job.task {
            Some(id) => self.store().task(id).await?,
            None => self.task_of_thread(thread).await?,
        };
        let task = row.as_ref().map(read).transpose()?;
        let view = match &task {
            Some(task) => Some(self.progress_view(task).await?),
            None => None,
        };
        let on_pull = task.as_ref().is_some_and(|task| task.issue.number != thread.number);
        let links = self.links(&thread.repository);
        let contact = match note {
            Note::Doctor => {
                let contact = self.look_around(github).await?;
                // `baton doctor` tells the operator of it too.
                self.write_down(thread.repository.id, &contact).await?;
                Some(contact)
            }
            _ => None,
        };
        let around = Around {
            task: view,
            place: if on_pull { Place::PullRequest } else { Place::Issue },
            links: &links,
            contact: contact.as_ref(),
        };
        let body = prose::note::comment(note, &around);
        match github.create_comment(thread.number, key, &body).await {
            Ok(_) => self.finish(context, vec![]).await,
            Err(refused) => {
                let failure = error::github(&refused, self.now());
                let elsewhere = task.as_ref().filter(|_| !on_pull).and_then(|task| task.pull);
                if let (Failure::Refused { refusal, .. }, Some(pull)) = (&failure, elsewhere)
                    && **refusal == Refusal::Locked
                    && github.create_comment(pull, key, &body).await.is_ok()
                {
                    // The issue is locked, its pull request is not: people read it there.
                    return self.finish(context, vec![]).await;
                }
                Err(failure)
            }
        }
    }

    /// The newest task on an issue, or the one whose pull request this is.
    async fn task_of_thread(&self, thread: &Thread) -> Result<Option<TaskRow>, Failure> {
        let (repository, number) = (thread.repository.id, thread.number);
        match self.store().task_of_issue(repository, number).await? {
            Some(row) => Ok(Some(row)),
            None => Ok(self.store().task_of_pull_request(repository, number).await?),
        }
    }
}
