//! Claiming: which job is next, and the lease on it. One transaction, so that no limit is ever exceeded.

use std::time::Duration;

use baton_core::domain::time::Timestamp;

use crate::engine::params;
use crate::error::StoreError;
use crate::job::{Job, Slot};
use crate::lease::Lease;
use crate::store::{Store, Tx};

/// How many agent runs may go on at once, counted over all workers of the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// In all.
    pub global_runs: u32,
    /// Of one repository.
    pub per_repository_runs: u32,
}

/// A wish for work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim<'a> {
    /// Who asks: one name per process and start, so that a restarted worker is another.
    pub owner: &'a str,
    /// Which class of jobs.
    pub slot: Slot,
    /// How long the lease holds without a heartbeat.
    pub ttl: Duration,
    /// The limits on runs. They do not concern light jobs.
    pub limits: Limits,
}

/// Lets through what was waiting for its time.
pub(crate) const RIPEN: &str =
    "UPDATE jobs SET waits_for = 0 WHERE state = 'queued' AND waits_for = 1 AND run_at <= $1";

/// The next job of a class. Every repository with something ready offers its first (highest priority, then oldest);
/// among those goes what is of no repository and urgent, such as deliveries that nobody has looked into, then the repository that
/// has least running, then the one served longest ago: nobody's flood of urgent work keeps another waiting.
///
/// The recursion hops from repository to repository on the index, so the cost grows with the repositories that wait, not
/// with the jobs.
pub(crate) const NEXT: &str = "
    WITH RECURSIVE waiting (repository) AS (
        SELECT MIN(repository) FROM jobs WHERE state = 'queued' AND waits_for = 0 AND slot = $1
        UNION ALL
        SELECT (SELECT MIN(j.repository) FROM jobs j
                WHERE j.state = 'queued' AND j.waits_for = 0 AND j.slot = $1 AND j.repository > waiting.repository)
        FROM waiting WHERE waiting.repository IS NOT NULL
    ), offers (repository, running, first_id) AS (
        SELECT waiting.repository,
               (SELECT COUNT(*) FROM jobs r
                WHERE r.state = 'running' AND r.slot = $1 AND r.repository = waiting.repository),
               (SELECT h.id FROM jobs h
                WHERE h.state = 'queued' AND h.waits_for = 0 AND h.slot = $1 AND h.repository = waiting.repository
                ORDER BY h.priority DESC, h.id LIMIT 1)
        FROM waiting WHERE waiting.repository IS NOT NULL
    )
    SELECT first.id FROM offers
    JOIN jobs first ON first.id = offers.first_id
    LEFT JOIN turns ON turns.slot = $1 AND turns.repository = offers.repository
    WHERE $1 <> 'run' OR (
        offers.running < $2
        AND (SELECT COUNT(*) FROM jobs r WHERE r.state = 'running' AND r.slot = 'run') < $3
        AND NOT EXISTS (SELECT 1 FROM settings WHERE name = 'paused'))
    ORDER BY CASE WHEN offers.repository = '' THEN first.priority ELSE 0 END DESC, offers.running,
             COALESCE(turns.turn, 0), first.priority DESC, first.id
    LIMIT 1";

const TAKE: &str = "
    UPDATE jobs SET state = 'running', attempts = attempts + 1, fence = fence + 1, lease_owner = $2, lease_until = $3,
                    started_at = $4
    WHERE id = $1 RETURNING *";

const TAKE_TURN: &str = "
    INSERT INTO turns (slot, repository, turn) VALUES ($1, $2, (SELECT COALESCE(MAX(turn), 0) + 1 FROM turns))
    ON CONFLICT (slot, repository) DO UPDATE SET turn = excluded.turn";

const READY: &str = "SELECT run_at AS at FROM jobs WHERE state = 'queued' AND waits_for = 0 LIMIT 1";

const RIPENS_NEXT: &str = "SELECT MIN(run_at) AS at FROM jobs WHERE state = 'queued' AND waits_for = 1";

impl Store {
    /// Claims the next job of a class, if there is one that may go now.
    ///
    /// # Errors
    /// When the database fails; then nothing was claimed.
    pub async fn claim(&self, claim: &Claim<'_>, now: Timestamp) -> Result<Option<(Lease, Job)>, StoreError> {
        let mut tx = self.begin().await?;
        let claimed = tx.claim(claim, now).await?;
        tx.commit().await?;
        Ok(claimed)
    }

    /// When the next job may go by its time: a time that is past if one may go now (limits and pause aside), `None` if
    /// nothing waits for its time.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn next_run_at(&self) -> Result<Option<Timestamp>, StoreError> {
        let ready = self.engine.first(READY, &[]).await?;
        let row = match ready {
            Some(row) => Some(row),
            None => self.engine.first(RIPENS_NEXT, &[]).await?,
        };
        Ok(row.map(|row| row.maybe_time("at")).transpose()?.flatten())
    }
}

impl Tx {
    async fn claim(&mut self, claim: &Claim<'_>, now: Timestamp) -> Result<Option<(Lease, Job)>, StoreError> {
        self.session.execute(RIPEN, params![now]).await?;
        let slot = claim.slot.name();
        let limits = params![slot, i64::from(claim.limits.per_repository_runs), i64::from(claim.limits.global_runs)];
        let Some(next) = self.session.first(NEXT, limits).await? else {
            return Ok(None);
        };
        let params = params![next.int("id")?, claim.owner, now.plus(claim.ttl), now];
        let Some(row) = self.session.first(TAKE, params).await? else {
            return Ok(None);
        };
        let job = Job::from_row(&row)?;
        self.session.execute(TAKE_TURN, params![slot, job.repository]).await?;
        Ok(Some((Lease::on(&job, row.int("fence")?), job)))
    }
}
