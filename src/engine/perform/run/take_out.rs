//! From the agent's end to the task's event: what changed comes out of the sandbox as data and becomes one commit in
//! Baton's own repository.

use baton_core::domain::effect::{Purpose, RunOrder};
use baton_core::domain::event::{Event, PlanWritten};
use baton_core::domain::ids::CommitSha;
use baton_core::domain::run::{Finish, RunEnd, RunOutcome};
use baton_core::domain::task::{PatchRef, Task};
use baton_core::domain::usage::Usage;
use baton_core::prose::pull::{Origin, commit_message};
use baton_git::{CommitMeta, Identity, ImportError};
use baton_queue::Failure;
use baton_sandbox::{SandboxError, Session};
use baton_store::Json;

use super::ground::Ground;
use super::keeping::{Keeper, Keeping};
use super::{Came, RunRecord};
use crate::engine::{Engine, enclose, error};

impl Engine {
    /// Ends a run: its outcome as an event, what it changed as a commit. `None` when it was told to stop.
    pub(super) async fn take_out(
        &self,
        session: &mut dyn Session,
        order: &RunOrder,
        task: &Task,
        ground: &Ground,
        outcome: RunOutcome,
        keeper: &mut Keeper<'_>,
    ) -> Result<Option<Came>, Failure> {
        let RunOutcome { end, usage: own, conversation } = outcome;
        let run = order.run;
        // What is booked is what the run's log says, which has earlier attempts too.
        let (usage, unlogged) = (Usage::default(), Usage::default());
        let came = |ended: &str, conversation: serde_json::Value, event: Event| {
            // What cannot be taken out ends a run, but not the work.
            let is_over = !matches!(event, Event::RunBroke { .. });
            Ok(Some(Came { event, record: RunRecord { ended: ended.to_owned(), conversation }, is_over, unlogged }))
        };
        match end {
            RunEnd::Cancelled => {
                let record = RunRecord { ended: "was stopped".to_owned(), conversation };
                if keep_the_end(keeper, session, &record).await || keeper.is_called_off() {
                    // A stopped run is ended by nobody else.
                    let mut tx = self.store().begin().await?;
                    tx.end_run(run, &Json::of(&record)?, &Json::of(&own)?, self.now()).await?;
                    tx.commit().await?;
                }
                Ok(None)
            }
            RunEnd::Finished(Finish::Plan { draft }) => came(
                "wrote a plan",
                conversation,
                Event::PlanWritten(Box::new(PlanWritten {
                    run,
                    issue_digest: task.issue.digest(),
                    base: ground.base.clone(),
                    draft,
                    commands: ground.commands.planned(),
                    settings: ground.settings.clone(),
                    usage,
                })),
            ),
            RunEnd::Finished(Finish::Nothing { reason, explanation }) => {
                came("found nothing to do", conversation, Event::NothingToDo { run, reason, explanation, usage })
            }
            RunEnd::Finished(Finish::Done { summary }) => {
                let imported = self.import(session, task, ground, &summary).await?;
                let taken_back = matches!(imported, Ok(Some(_))) && ground.start != ground.base;
                let made = match imported {
                    Ok(Some(head)) => Ok(self.as_one_commit(task, ground, &head, &summary).await?),
                    // Kept work of an earlier run may be the whole work.
                    Ok(None) if ground.start != ground.base && matches!(order.purpose, Purpose::Implement { .. }) => {
                        Ok(self.as_one_commit(task, ground, &ground.start, &summary).await?)
                    }
                    other => other,
                };
                match made {
                    Ok(Some(head)) => {
                        let patch = PatchRef { base: ground.base.clone(), head, summary };
                        came("made a patch", conversation, Event::PatchMade { run, patch, usage })
                    }
                    Ok(None) => {
                        let event = Event::NothingChanged { run, summary, taken_back, usage };
                        came("changed nothing", conversation, event)
                    }
                    Err(reason) => {
                        came("left what cannot be taken out", conversation, Event::RunBroke { run, reason, usage })
                    }
                }
            }
            RunEnd::Exhausted { limit } => {
                let record = RunRecord { ended: "reached a limit".to_owned(), conversation };
                keep_the_end(keeper, session, &record).await;
                Ok(Some(Came { event: Event::RunExhausted { run, limit, usage }, record, is_over: false, unlogged }))
            }
        }
    }

    /// The changes as a commit in Baton's own repository; none if nothing changed. The inner error is for people: the
    /// agent left something that Baton does not take from anybody.
    pub(super) async fn import(
        &self,
        session: &mut dyn Session,
        task: &Task,
        ground: &Ground,
        summary: &str,
    ) -> Result<Result<Option<CommitSha>, String>, Failure> {
        let changes = match session.changes().await {
            Ok(changes) => changes,
            Err(error @ (SandboxError::Changes(_) | SandboxError::Hostile(_))) => return Ok(Err(error.to_string())),
            Err(error) => return Err(enclose::failure(&error)),
        };
        let meta = self.commit_meta(task, summary).await?;
        match self.parts().git.import(task.repository.id, &ground.start, changes, meta).await {
            Ok(head) => Ok(Ok(Some(head))),
            Err(ImportError::NothingChanged) => Ok(Ok(None)),
            Err(ImportError::Hostile(hostile)) => Ok(Err(hostile.to_string())),
            Err(ImportError::Git(failure)) => Err(error::git(&failure)),
        }
    }

    /// The whole work as one commit on its base. What an earlier round did and this one took back (a secret, a refused
    /// file) is not in the history that is pushed.
    async fn as_one_commit(
        &self,
        task: &Task,
        ground: &Ground,
        head: &CommitSha,
        summary: &str,
    ) -> Result<Option<CommitSha>, Failure> {
        if ground.start == ground.base {
            return Ok(Some(head.clone()));
        }
        let meta = self.commit_meta(task, summary).await?;
        match self.parts().git.squash(task.repository.id, &ground.base, head, meta).await {
            Ok(head) => Ok(Some(head)),
            Err(ImportError::NothingChanged) => Ok(None),
            Err(ImportError::Hostile(hostile)) => Err(Failure::bug(hostile)),
            Err(ImportError::Git(failure)) => Err(error::git(&failure)),
        }
    }

    /// Everything about a commit is Baton's: author, message, trailers. In a person's own clone it is that person's.
    async fn commit_meta(&self, task: &Task, summary: &str) -> Result<CommitMeta, Failure> {
        let title = task.work().map_or(&task.issue.title, |work| &work.issue.title);
        if let Some(person) = &self.parts().commits_as {
            let message = commit_message(title, summary, None);
            let (author, committer) = (person.clone(), person.clone());
            return Ok(CommitMeta { task: task.id, author, committer, time: self.now(), message });
        }
        let bot = self.parts().github.bot_identity().await.map_err(|e| error::github(&e, self.now()))?;
        let web = &self.parts().github_config.web_url;
        let identity = Identity { name: bot.login.clone(), email: bot.commit_email(web) };
        let origin = Origin {
            issue: task.issue.number,
            task: task.id,
            requester: &task.requester,
            noreply_host: web.host_str().unwrap_or("github.com"),
        };
        let message = commit_message(title, summary, Some(origin));
        Ok(CommitMeta { task: task.id, author: identity.clone(), committer: identity, time: self.now(), message })
    }
}

/// Keeps what a run that was stopped had come to; whether it could. Where the sandbox went with whatever it was doing, what
/// was kept before stays.
async fn keep_the_end(keeper: &mut Keeper<'_>, session: &mut dyn Session, record: &RunRecord) -> bool {
    match keeper.keep_with(session, record.conversation.clone()).await {
        Ok(kept) => kept == Keeping::Kept,
        Err(gone) => {
            tracing::debug!(%gone, "nothing more can be kept of a run that was stopped");
            false
        }
    }
}
