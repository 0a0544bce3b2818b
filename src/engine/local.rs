//! What the operator does on the command line: the same commands as in comments, with the operator as the actor.

use baton_core::command::Command;
use baton_core::domain::actor::{AccountKind, Actor, Person, Role};
use baton_core::domain::event::{Commanded, Event, Origin};
use baton_core::domain::ids::{TaskId, UserId};
use baton_core::domain::rejection::Rejection;
use baton_core::domain::task::Task;
use baton_core::prose;
use baton_core::prose::place::ReadAt;
use baton_github::GitHubError;
use baton_queue::Failure;
use baton_store::StoreError;

use super::Engine;
use super::apply::read;

/// Why a command of the operator was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum LocalError {
    /// The state machine refuses.
    #[error("{}", prose::note::refusal(.rejection, ReadAt::CommandLine(*.task)))]
    Refused {
        /// The task.
        task: TaskId,
        /// Why.
        rejection: Rejection,
    },
    /// There is no such task.
    #[error("there is no task {0}; `baton task list` shows them")]
    NoTask(TaskId),
    /// GitHub refuses.
    #[error("GitHub: {0}")]
    GitHub(#[from] GitHubError),
    /// The store fails.
    #[error("the store: {0}")]
    Store(#[from] StoreError),
    /// What GitHub says cannot be found out.
    #[error("{0}")]
    Facts(#[from] Failure),
}

/// The operator as an actor: who can run this can also read the App's key.
fn operator() -> Actor {
    Actor {
        person: Person { id: UserId(0), login: "operator".to_owned() },
        kind: AccountKind::User,
        role: Role::Admin,
        trusted_bot: false,
    }
}

impl Engine {
    /// Carries out a command on a task. Workers take up what follows.
    ///
    /// # Errors
    /// [`LocalError`].
    pub async fn command_task(&self, id: TaskId, command: Command) -> Result<Task, LocalError> {
        let row = self.store().task(id).await?.ok_or(LocalError::NoTask(id))?;
        let task = read(&row)?;
        let github = self.parts().github.repository(&task.repository);
        let commanded = Commanded {
            by: operator(),
            command,
            origin: Origin::CommandLine,
            issue: github.issue(task.issue.number).await?.snapshot(),
            plan_comment: self.plan_comment(&github, Some(&task)).await?,
            quiet_until: None,
        };
        let mut tx = self.store().begin().await?;
        let event = Event::Commanded(Box::new(commanded));
        let task = self
            .apply(&mut tx, id, &event, None)
            .await?
            .map_err(|rejection| LocalError::Refused { task: id, rejection })?;
        tx.commit().await?;
        Ok(task)
    }
}
