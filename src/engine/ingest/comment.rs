//! Comments: the commands in them.

use baton_core::command::{Command, Found, parse};
use baton_core::domain::actor::{AccountKind, Person};
use baton_core::domain::event::{Commanded, Event, Origin};
use baton_core::domain::ids::IssueNumber;
use baton_core::domain::issue::{RepositoryRef, Thread};
use baton_core::domain::task::{ApprovedThrough, State, Task};
use baton_github::{Comment as CommentNow, GitHubError, Repository};
use baton_queue::{Failure, JobContext};
use baton_webhook::{Comment, CommentChange, Context, Issue};

use super::{Act, Consequence, comment_key};
use crate::engine::apply::read;
use crate::engine::{Engine, error};

/// GitHub's API may lag behind its webhooks: a comment that is not there yet is asked for so often before it counts as
/// deleted.
const LOOKS: u32 = 4;

impl Engine {
    pub(super) async fn commented(
        &self,
        context: &Context,
        issue: &Issue,
        comment: &Comment,
        change: &CommentChange,
        job: &JobContext,
    ) -> Result<Consequence, Failure> {
        // Told apart first: most comments on a task's issue are Baton's, and the operator's list says so.
        if let (CommentChange::Created | CommentChange::Edited { .. }, Some(sender)) = (change, &context.sender)
            && sender.kind == AccountKind::Bot
            && self.is_ourselves(sender.id).await?
        {
            return Ok(Consequence::ignore("Baton's own comment"));
        }
        match change {
            CommentChange::Created => self.comment_created(context, issue, comment, job).await,
            CommentChange::Edited { .. } => Ok(Consequence::ignore("an edited comment never commands")),
            CommentChange::Deleted => match self.served(context) {
                Ok(reference) => self.comment_deleted(&reference, issue, comment).await,
                Err(unserved) => Ok(unserved.quietly()),
            },
        }
    }

    async fn comment_created(
        &self,
        context: &Context,
        issue: &Issue,
        comment: &Comment,
        job: &JobContext,
    ) -> Result<Consequence, Failure> {
        let Some(sender) = &context.sender else { return Ok(Consequence::ignore("its author's account is gone")) };
        let found = parse(&comment.body);
        if found.is_empty() {
            return Ok(Consequence::ignore("there is no command in it"));
        }
        if self.is_ourselves(sender.id).await? {
            return Ok(Consequence::ignore("Baton's own comment"));
        }
        let person = Person { id: sender.id, login: sender.login.clone() };
        if sender.kind != AccountKind::User && !self.is_trusted_program(&person.login) {
            return Ok(Consequence::ignore("programs may not command, and are not answered"));
        }
        let reference = match self.served(context) {
            Ok(reference) => reference,
            Err(unserved) => return Ok(unserved.aloud(issue.number)),
        };
        let repository = self.parts().github.repository(&reference);
        let there = match self.comment_now(&repository, issue, comment, &person, job).await? {
            Ok(there) => there,
            Err(reason) => return Ok(Consequence::ignore(reason)),
        };

        let on_pull = issue.origin == baton_webhook::Origin::PullRequest;
        let Some(subject) = self.issue_of(&reference, issue, on_pull).await? else {
            return Ok(Consequence::ignore("a command on a pull request that is not Baton's"));
        };
        let actor = self.actor(&repository, person, sender.kind).await?;
        let snapshot = match repository.issue(subject).await {
            Ok(issue) => issue.snapshot(),
            Err(GitHubError::NotFound { .. }) if job.job.attempts < LOOKS => {
                return Err(Failure::transient("GitHub does not show the issue yet"));
            }
            Err(GitHubError::NotFound { .. } | GitHubError::Gone { .. }) => {
                return Ok(Consequence::ignore("the issue is gone"));
            }
            Err(refused) => return Err(error::github(&refused, self.now())),
        };
        let newest = self.store().task_of_issue(reference.id, subject).await?;
        let task = newest.as_ref().map(read).transpose()?;
        // The plan can be read on GitHub a moment before its posting is written down here.
        if job.job.attempts < LOOKS && task.as_ref().is_some_and(plan_is_being_posted) {
            return Err(Failure::transient("the plan's comment is not written down yet"));
        }
        let plan_comment = self.plan_comment(&repository, task.as_ref()).await?;

        let place = there.reference();
        let key = comment_key(reference.id, place.id);
        let thread = Thread { repository: reference, number: issue.number };
        let acts = found.into_iter().enumerate().map(|(index, found)| {
            let index = u32::try_from(index).unwrap_or(u32::MAX);
            match found {
                Found::Command { command, .. } => Act::Command {
                    thread: thread.clone(),
                    line: shown(&command),
                    commanded: Box::new(Commanded {
                        by: actor.clone(),
                        command,
                        origin: if on_pull {
                            Origin::Pull { comment: place, index }
                        } else {
                            Origin::Issue { comment: place, index }
                        },
                        issue: snapshot.clone(),
                        plan_comment,
                        quiet_until: None,
                    }),
                },
                Found::Mistyped { line_text, nearest, problem, .. } => Act::Mistyped {
                    thread: thread.clone(),
                    to: actor.person.clone(),
                    occasion: format!("answer/{}/{index}", place.id),
                    line: line_text,
                    problem: problem.to_string(),
                    nearest: nearest.map(str::to_owned),
                },
            }
        });
        Ok(Consequence::Once { key, acts: acts.collect() })
    }

    fn is_trusted_program(&self, login: &str) -> bool {
        self.parts().policy.trusted_bots.iter().any(|trusted| trusted.eq_ignore_ascii_case(login))
    }

    /// The comment as GitHub has it, if that is the one the delivery told of; else why it does not count.
    async fn comment_now(
        &self,
        repository: &Repository,
        issue: &Issue,
        told: &Comment,
        author: &Person,
        job: &JobContext,
    ) -> Result<Result<CommentNow, &'static str>, Failure> {
        let there = match repository.comment(told.id).await {
            Ok(there) => there,
            Err(GitHubError::NotFound { .. } | GitHubError::Gone { .. }) if job.job.attempts >= LOOKS => {
                return Ok(Err("the comment is not on GitHub (any more)"));
            }
            Err(GitHubError::NotFound { .. } | GitHubError::Gone { .. }) => {
                return Err(Failure::transient("GitHub does not show the comment yet"));
            }
            Err(refused) => return Err(error::github(&refused, self.now())),
        };
        let same_author = there.author.as_ref().is_some_and(|account| account.person.id == author.id);
        Ok(if there.issue != issue.number || !same_author {
            Err("GitHub shows another comment under this number than the delivery claims")
        } else if there.body != told.body {
            Err("the comment was edited before it was read, and an edited one never commands")
        } else {
            Ok(there)
        })
    }

    /// The issue a command is about: the one commented on, or the one behind Baton's pull request.
    async fn issue_of(
        &self,
        reference: &RepositoryRef,
        issue: &Issue,
        on_pull: bool,
    ) -> Result<Option<IssueNumber>, Failure> {
        if !on_pull {
            return Ok(Some(issue.number));
        }
        Ok(self.store().task_of_pull_request(reference.id, issue.number).await?.map(|row| row.issue))
    }

    /// Deleting the comment that approved takes the approval back, until work has begun.
    async fn comment_deleted(
        &self,
        reference: &RepositoryRef,
        issue: &Issue,
        comment: &Comment,
    ) -> Result<Consequence, Failure> {
        let Some(row) = self.store().task_of_issue(reference.id, issue.number).await? else {
            return Ok(Consequence::ignore("a deleted comment; no task there"));
        };
        let task = read(&row)?;
        let approved_by_it = matches!(&task.state, State::Queued(queued)
            if queued.work.approval.through == ApprovedThrough::Comment { id: comment.id });
        if !approved_by_it {
            return Ok(Consequence::ignore("nothing follows from the deletion of this comment"));
        }
        let event = Event::ApprovalDeleted { comment: comment.id };
        Ok(Consequence::Acts(vec![Act::Happened { task: task.id, event }]))
    }
}

fn plan_is_being_posted(task: &Task) -> bool {
    matches!(&task.state, State::AwaitingApproval(waiting) if task.plan_comment(waiting.plan.revision).is_none())
}

/// A command as a refusal repeats it: its words, not a long text behind them.
fn shown(command: &Command) -> String {
    match command {
        Command::Approve { revision: Some(revision) } => format!("/plan approve {revision}"),
        other => format!("/{}", other.name()),
    }
}
