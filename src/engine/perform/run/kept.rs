//! The work of a run that did not come to its end, kept for the next one of the same purpose to go on from.

use baton_core::domain::effect::{Purpose, RunOrder};
use baton_core::domain::ids::{CommitSha, RunId};
use baton_core::domain::task::Task;
use baton_queue::Failure;
use baton_sandbox::Session;
use serde::{Deserialize, Serialize};

use super::ground::Ground;
use crate::engine::Engine;

/// Work of a run that was stopped by a limit or by a person, for the next one of the same purpose to go on from.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Kept {
    pub run: RunId,
    /// What it is a change of.
    pub base: CommitSha,
    pub head: CommitSha,
}

impl Engine {
    /// Keeps the changes of a run that did not come to its end, for the next one to go on from; whether there were any.
    pub(super) async fn keep(
        &self,
        session: &mut dyn Session,
        order: &RunOrder,
        task: &Task,
        ground: &Ground,
    ) -> Result<bool, Failure> {
        let Some(key) = kept_key(task, order) else { return Ok(false) };
        let Ok(Some(head)) = self.import(session, task, ground, "Work in progress").await? else { return Ok(false) };
        let mut tx = self.store().begin().await?;
        tx.remember(&key, &Kept { run: order.run, base: ground.base.clone(), head }, self.now()).await?;
        tx.commit().await?;
        Ok(true)
    }
}

/// Kept work belongs to one approved plan and to the commit its purpose starts from: nothing else may go on from it.
pub(super) fn kept_key(task: &Task, order: &RunOrder) -> Option<String> {
    let (plan, start) = match &order.purpose {
        Purpose::Plan { .. } => return None,
        Purpose::Implement { plan, .. } => (plan, &plan.base),
        Purpose::Revise { plan, patch, .. } => (plan, &patch.head),
    };
    Some(format!("{}/kept/{}/{start}", task.scope(), plan.digest.short()))
}
