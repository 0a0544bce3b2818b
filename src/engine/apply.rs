//! The one place that writes a task's state: load, step, save, history and effects, all in the caller's transaction.

use baton_core::domain::effect::{Effect, Turn};
use baton_core::domain::event::{Event, Triggered};
use baton_core::domain::ids::TaskId;
use baton_core::domain::issue::{RepositoryRef, Thread};
use baton_core::domain::rejection::Rejection;
use baton_core::domain::step::{Transition, begin, step};
use baton_core::domain::task::{State, Task};
use baton_store::{JobId, Json, NewHistory, NewTask, ROW_FORMAT, StoreError, TaskChange, TaskRow, Tx};

use super::Engine;
use super::jobs::{Scope, enqueue};

impl Engine {
    /// Applies an event to a task. `doer` is the job in whose name this happens.
    ///
    /// The outer error is the store's; the inner one is what the person who asked is told.
    pub(super) async fn apply(
        &self,
        tx: &mut Tx,
        id: TaskId,
        event: &Event,
        doer: Option<JobId>,
    ) -> Result<Result<Task, Rejection>, StoreError> {
        let row = tx.load_task(id).await?.ok_or(StoreError::NotFound(format!("task {id}")))?;
        let task = read(&row)?;
        match step(&task, event, self.now()) {
            Ok(transition) => self.write(tx, &row, Some(&task), event, transition, doer).await.map(Ok),
            Err(rejection) => Ok(Err(rejection)),
        }
    }

    /// Begins a task on an issue that has no live one.
    pub(super) async fn begin(
        &self,
        tx: &mut Tx,
        repository: &RepositoryRef,
        triggered: &Triggered,
        doer: Option<JobId>,
    ) -> Result<Result<Task, Rejection>, StoreError> {
        let now = self.now();
        // The row gives the number and the attempt; whether it may begin at all depends on neither.
        let provisional = match begin(TaskId(0), 1, repository.clone(), triggered, now) {
            Ok(transition) => transition.next,
            Err(rejection) => return Ok(Err(rejection)),
        };
        let row = tx
            .insert_task(
                &NewTask {
                    repository_id: repository.id,
                    repository: &repository.name.to_string(),
                    issue: triggered.issue.number,
                    state: provisional.state.name().as_str(),
                    document: &Json::of(&provisional)?,
                },
                now,
            )
            .await?;
        match begin(row.id, row.attempt, repository.clone(), triggered, now) {
            Ok(transition) => {
                let event = Event::Triggered(Box::new(triggered.clone()));
                self.write(tx, &row, None, &event, transition, doer).await.map(Ok)
            }
            Err(rejection) => Ok(Err(rejection)),
        }
    }

    async fn write(
        &self,
        tx: &mut Tx,
        row: &TaskRow,
        before: Option<&Task>,
        event: &Event,
        transition: Transition,
        doer: Option<JobId>,
    ) -> Result<Task, StoreError> {
        let now = self.now();
        let Transition { next, effects } = transition;
        let state = next.state.name();
        tx.save_task(
            &TaskChange {
                id: next.id,
                version: row.version,
                repository: &next.repository.name.to_string(),
                state: state.as_str(),
                // A failed task can be retried: it keeps its issue until somebody begins anew or takes it away.
                live: !next.ended() || matches!(next.state, State::Failed(_)),
                pull_request: next.pull.or(row.pull_request),
                document: &Json::of(&next)?,
            },
            now,
        )
        .await?;
        tx.append_history(
            &NewHistory {
                task: next.id,
                actor: event.person().unwrap_or("baton"),
                state_before: before.map_or("", |task| task.state.name().as_str()),
                state_after: state.as_str(),
                event: &Json::of(event)?,
            },
            now,
        )
        .await?;
        let name = next.scope();
        let scope = Scope { repository: &next.repository, name: &name, task: Some(next.id), turn: next.turn(), doer };
        for effect in &effects {
            enqueue(tx, effect, &scope, now).await?;
        }
        tracing::info!(task = %next.id, state = state.as_str(), effects = effects.len(), "task changed");
        Ok(next)
    }

    /// Enqueues an effect that belongs to no task: an answer on an issue Baton does not work on.
    pub(super) async fn without_task(&self, tx: &mut Tx, thread: &Thread, effect: &Effect) -> Result<(), StoreError> {
        let repository = &thread.repository;
        let name = format!("issue/{}/{}", repository.id, thread.number);
        let scope = Scope { repository, name: &name, task: None, turn: Turn::default(), doer: None };
        enqueue(tx, effect, &scope, self.now()).await
    }
}

/// The task in a row; not that of a newer Baton, which this one would misread and then overwrite.
pub(super) fn read(row: &TaskRow) -> Result<Task, StoreError> {
    if row.format > ROW_FORMAT {
        return Err(StoreError::NewerRow { what: "task", format: row.format, known: ROW_FORMAT });
    }
    row.document.read("task")
}
