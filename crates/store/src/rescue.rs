//! Rescue: what to do with jobs whose worker is gone.

use baton_core::domain::time::Timestamp;

use crate::engine::params;
use crate::error::StoreError;
use crate::job::Job;
use crate::lease::Ended;
use crate::store::Store;

/// What a rescue did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rescued {
    /// Jobs that are queued again.
    pub requeued: usize,
    /// Jobs that took their last attempt with them.
    pub dead: usize,
    /// Jobs that were asked to stop.
    pub cancelled: usize,
}

/// How many are rescued in one transaction, so that others get their turn.
const AT_ONCE: i64 = 100;

const EXPIRED: &str = "
    SELECT * FROM jobs WHERE state = 'running' AND lease_until <= $1 AND lease_owner <> $2 ORDER BY lease_until, id LIMIT $3";

impl Store {
    /// Takes back the jobs whose lease has run out. The attempt counts, so a job that kills its worker each time ends
    /// dead. `rescuer`'s own leases are left alone: who can ask is alive, and its clock may have jumped.
    ///
    /// # Errors
    /// When the database fails; what was rescued before stays so.
    pub async fn rescue_expired(&self, rescuer: &str, now: Timestamp) -> Result<Rescued, StoreError> {
        let mut rescued = Rescued::default();
        loop {
            let params = params![now, rescuer, AT_ONCE];
            // Looked for without the writer's turn first: most times there is nothing.
            if self.engine.first(EXPIRED, params).await?.is_none() {
                return Ok(rescued);
            }
            let mut tx = self.begin().await?;
            for row in tx.session.rows(EXPIRED, params).await? {
                let job = Job::from_row(&row)?;
                let owner = job.lease_owner.as_deref().unwrap_or("unknown");
                let error = format!("the worker {owner} did not report back in time");
                match tx.end_attempt(&job, Some(now), &error, now).await? {
                    Ended::Requeued => rescued.requeued += 1,
                    Ended::Dead => rescued.dead += 1,
                    Ended::Cancelled => rescued.cancelled += 1,
                }
            }
            tx.commit().await?;
        }
    }
}
