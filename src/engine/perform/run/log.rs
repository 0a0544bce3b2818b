//! A run's log as it goes: what the agent says and does, written in batches; and the progress comment every so often.

use std::sync::{Mutex, MutexGuard, PoisonError};

use baton_core::domain::ids::{RunId, TaskId};
use baton_core::domain::run::AgentEvent;
use baton_core::domain::time::Timestamp;
use baton_core::domain::usage::Usage;
use baton_store::{Json, StoreError};

use crate::engine::Engine;
use crate::engine::perform::fetching::live_progress;

/// Entries are written when so many wait, or the agent is done with a step.
const BATCH: usize = 16;

/// The progress comment is edited at most so often while a run goes on.
const PROGRESS_EVERY_MILLIS: i64 = 30_000;

pub(super) struct Log {
    engine: Engine,
    run: RunId,
    task: Option<TaskId>,
    state: Mutex<State>,
}

struct State {
    waiting: Vec<(Timestamp, Json)>,
    /// What the entries that wait say was used.
    waiting_usage: Usage,
    /// What was used and could not be written down.
    unlogged: Usage,
    shown_at: Timestamp,
}

impl Log {
    pub(super) fn new(engine: Engine, run: RunId, task: Option<TaskId>) -> Self {
        let shown_at = engine.now();
        let (waiting_usage, unlogged) = (Usage::default(), Usage::default());
        let state = Mutex::new(State { waiting: Vec::new(), waiting_usage, unlogged, shown_at });
        Self { engine, run, task, state }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the run used and does not stand in its log, because that could not be written.
    pub(super) fn unlogged(&self) -> Usage {
        self.state().unlogged
    }

    /// Notes an event. A log that cannot be written does not stop the run.
    pub(super) async fn write(&self, event: AgentEvent) {
        let now = self.engine.now();
        let full = {
            let mut state = self.state();
            match Json::of(&event) {
                Ok(entry) => {
                    state.waiting.push((now, entry));
                    if let AgentEvent::Used { usage } = &event {
                        state.waiting_usage += *usage;
                    }
                }
                Err(error) => tracing::warn!(run = %self.run, %error, "an event cannot be logged"),
            }
            state.waiting.len() >= BATCH || !matches!(event, AgentEvent::Text { .. })
        };
        if full {
            self.flush().await;
        }
        self.show(now).await;
    }

    /// Writes what waits.
    pub(super) async fn flush(&self) {
        let (waiting, usage) = {
            let mut state = self.state();
            (std::mem::take(&mut state.waiting), std::mem::take(&mut state.waiting_usage))
        };
        if waiting.is_empty() {
            return;
        }
        if let Err(error) = self.engine.store().append_run_log(self.run, &waiting).await {
            tracing::warn!(run = %self.run, %error, entries = waiting.len(), "the log could not be written");
            self.state().unlogged += usage;
        }
    }

    async fn show(&self, now: Timestamp) {
        {
            let mut state = self.state();
            if now.0 - state.shown_at.0 < PROGRESS_EVERY_MILLIS {
                return;
            }
            state.shown_at = now;
        }
        if let Err(error) = self.enqueue_progress(now).await {
            tracing::warn!(run = %self.run, %error, "the progress comment will be late");
        }
    }

    async fn enqueue_progress(&self, now: Timestamp) -> Result<(), StoreError> {
        let Some(id) = self.task else { return Ok(()) };
        let Some(row) = self.engine.store().task(id).await? else { return Ok(()) };
        let job = live_progress(&crate::engine::apply::read(&row)?)?;
        let mut tx = self.engine.store().begin().await?;
        tx.enqueue(&job, now).await?;
        tx.commit().await
    }
}
