//! Rescue: what to do with jobs whose worker is gone.

use std::collections::HashSet;

use baton_core::domain::time::Timestamp;

use crate::engine::params;
use crate::error::StoreError;
use crate::job::{Job, JobId};
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

/// How many workers a job may cost. The first [`Job::is_suspect`] needs are taken by whatever else was in hand there too; in the
/// others it was the only suspect.
const MOST_LOSSES: u32 = 8;

/// How many are rescued in one transaction, so that others get their turn.
const AT_ONCE: i64 = 100;

const EXPIRED: &str = "
    SELECT * FROM jobs WHERE state = 'running' AND lease_until <= $1 AND id > $2 ORDER BY id LIMIT $3";

const LOSE: &str = "UPDATE jobs SET losses = losses + 1 WHERE id = $1";

impl Store {
    /// Takes back the jobs whose lease has run out. The attempt counts, and so does the loss, so a job that kills its
    /// worker each time ends dead. What the caller itself has in hand is spared: it knows that those are alive, and its clock may have jumped.
    ///
    /// # Errors
    /// When the database fails; what was rescued before stays so.
    pub async fn rescue_expired(&self, now: Timestamp, in_hand: &HashSet<JobId>) -> Result<Rescued, StoreError> {
        let mut rescued = Rescued::default();
        let mut after = 0;
        loop {
            // Looked for without the writer's turn: most times there is nothing.
            let seen = self.engine.rows(EXPIRED, params![now, after, AT_ONCE]).await?;
            let Some(last) = seen.last() else {
                return Ok(rescued);
            };
            let mut tx = self.begin().await?;
            for row in tx.session.rows(EXPIRED, params![now, after, AT_ONCE]).await? {
                let job = Job::from_row(&row)?;
                if in_hand.contains(&job.id) {
                    continue;
                }
                let owner = job.lease_owner.as_deref().unwrap_or("unknown");
                tx.session.execute(LOSE, params![job.id.0]).await?;
                let losses = job.losses + 1;
                let again = (losses < MOST_LOSSES).then_some(now);
                let error = match again {
                    Some(_) => format!("the worker {owner} did not report back in time"),
                    None => format!(
                        "{losses} workers were lost that had this job, the last was {owner}: it may be what ends them"
                    ),
                };
                match tx.end_attempt(&job, again, &error, now).await? {
                    Ended::Requeued => rescued.requeued += 1,
                    Ended::Dead => rescued.dead += 1,
                    Ended::Cancelled => rescued.cancelled += 1,
                }
            }
            tx.commit().await?;
            after = last.int("id")?;
        }
    }
}
