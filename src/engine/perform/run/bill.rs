//! What a run used, booked on its task once: each model call stands in the run's log when it is over, and what of the log
//! is booked is known. So nothing is forgotten when a worker dies, and nothing counts twice when two believe that the run
//! is theirs.

use baton_core::domain::event::Event;
use baton_core::domain::ids::{RunId, TaskId};
use baton_core::domain::run::AgentEvent;
use baton_core::domain::usage::Usage;
use baton_queue::Failure;
use baton_store::{Json, StoreError, Tx};

use crate::engine::Engine;

/// What entries of a log say was used, together.
pub(super) fn sum(entries: &[Json]) -> Result<Usage, StoreError> {
    let mut sum = Usage::default();
    for entry in entries {
        if let AgentEvent::Used { usage } = entry.read("log entry")? {
            sum += usage;
        }
    }
    Ok(sum)
}

impl Engine {
    /// What a run used and nobody has booked; to be booked in this transaction. `unlogged` is what could not be written down.
    pub(super) async fn unbooked(
        &self,
        tx: &mut Tx,
        task: TaskId,
        run: RunId,
        unlogged: Usage,
    ) -> Result<Usage, StoreError> {
        tx.load_task(task).await?;
        let mut usage = sum(&tx.take_unbooked(run).await?)?;
        usage += unlogged;
        Ok(usage)
    }

    /// What broken-off attempts used is spent all the same.
    pub(super) async fn bill(&self, task: TaskId, run: RunId, unlogged: Usage) -> Result<(), Failure> {
        let mut tx = self.store().begin().await?;
        let usage = self.unbooked(&mut tx, task, run, unlogged).await?;
        if usage != Usage::default()
            && self.apply(&mut tx, task, &Event::RunInterrupted { run, usage }, None).await?.is_ok()
        {
            tx.commit().await?;
        }
        Ok(())
    }
}
