//! Pruning: what is over and old goes, in small transactions with room for everybody else between them. Never anything of a
//! task that goes on, nor a job or delivery that is not done with.
//!
//! The space is used again: SQLite keeps the pages that become free and fills them before the file grows. It is not given
//! back to the file system, because that moves pages about (`auto_vacuum` costs every write of a large body one page more) or
//! stops everybody (`VACUUM`). A back-up has no holes; restoring one makes the file small.

use std::path::PathBuf;
use std::time::Duration;

use baton_core::domain::time::Timestamp;
use serde::Serialize;

use crate::engine::{Param, params};
use crate::error::StoreError;
use crate::store::{Store, Tx};

/// What can be pruned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prunable {
    /// The bodies and headers of deliveries that were dealt with. The rows stay, by which a second arrival is known.
    Bodies,
    /// Deliveries that were dealt with, as a whole.
    Deliveries,
    /// Notes that an event was dealt with, whatever it was delivered under, and that a person was answered in some hour.
    Notices,
    /// Jobs that are done or were called off, of no task or of one that has ended.
    Jobs,
    /// Jobs that were given up on, of no task or of one that has ended.
    DeadJobs,
    /// What agents said and did in runs of tasks that have ended.
    Logs,
}

/// How much it was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Pruned {
    /// Rows.
    pub rows: u64,
    /// The bytes of what they held; about what the file can use again.
    pub bytes: u64,
}

impl Pruned {
    fn add(&mut self, more: Self) {
        self.rows += more.rows;
        self.bytes += more.bytes;
    }
}

/// The room that a database file takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Space {
    /// The file.
    pub file: PathBuf,
    /// Its size in bytes.
    pub bytes: u64,
    /// Of these, bytes that are free to be used again.
    pub free: u64,
}

/// Rows that are looked at in one transaction. A large body frees hundreds of pages.
const AT_ONCE: i64 = 200;

/// Between two transactions others have their turn.
const REST: Duration = Duration::from_millis(5);

/// Where the bodies up to are pruned, so that a million rows without one are not looked at again.
const BODIES_PRUNED: &str = "prune/bodies";

/// Rows of a table by a key that grows: where a part of them ends, what of it goes, and how.
struct ByNumber {
    /// `$1` the number to begin after, `$2` how many; `last` and the `oldest` of them.
    part: &'static str,
    /// `$1` and `$2` as bounds, `$3` and `$4` as times; `n` and `bytes`.
    measure: &'static str,
    /// The same bounds and times.
    prune: &'static str,
}

/// A delivery that is on the list of what was given up on keeps all it has.
macro_rules! deliveries {
    ($verb:literal, $and:literal) => {
        concat!(
            $verb,
            " WHERE id > $1 AND id <= $2 AND received_at < $3 AND received_at < $4 AND outcome <> 'received' ",
            $and,
            " AND NOT EXISTS (SELECT 1 FROM jobs WHERE jobs.state = 'dead'
                              AND jobs.payload = '{\"delivery\":' || deliveries.id || '}')"
        )
    };
}

const DELIVERIES_PART: &str = "
    SELECT MAX(id) AS last, MIN(received_at) AS oldest
    FROM (SELECT id, received_at FROM deliveries WHERE id > $1 ORDER BY id LIMIT $2) part";

const BODIES: ByNumber = ByNumber {
    part: DELIVERIES_PART,
    measure: deliveries!(
        "SELECT COUNT(*) AS n, CAST(COALESCE(SUM(LENGTH(body)), 0) AS BIGINT) AS bytes FROM deliveries",
        "AND LENGTH(body) > 0"
    ),
    prune: deliveries!("UPDATE deliveries SET body = SUBSTR(body, 1, 0), headers = '[]'", "AND LENGTH(body) > 0"),
};

const DELIVERIES: ByNumber = ByNumber {
    part: DELIVERIES_PART,
    measure: deliveries!(
        "SELECT COUNT(*) AS n, CAST(COALESCE(SUM(LENGTH(body) + 300), 0) AS BIGINT) AS bytes FROM deliveries",
        ""
    ),
    prune: deliveries!("DELETE FROM deliveries", ""),
};

const JOBS_PART: &str = "
    SELECT MAX(id) AS last, MIN(created_at) AS oldest
    FROM (SELECT id, created_at FROM jobs WHERE id > $1 ORDER BY id LIMIT $2) part";

/// The key of an effect of no task keeps it from being done again, so such a job stays until `$4`; that of recurring work
/// names a period that is over.
macro_rules! jobs {
    ($verb:expr) => {
        concat!(
            $verb,
            " WHERE id > $1 AND id <= $2 AND state IN ('done', 'cancelled') AND finished_at < $3
              AND ((task_id IS NULL AND (effect_key IS NULL OR effect_key LIKE kind || '@%' OR finished_at < $4))
                   OR EXISTS (SELECT 1 FROM tasks t WHERE t.id = jobs.task_id AND t.live = 0 AND t.updated_at < $3))"
        )
    };
}

macro_rules! dead_jobs {
    ($verb:expr) => {
        concat!(
            $verb,
            " WHERE id > $1 AND id <= $2 AND state = 'dead' AND finished_at < $3 AND finished_at < $4
              AND (task_id IS NULL
                   OR EXISTS (SELECT 1 FROM tasks t WHERE t.id = jobs.task_id AND t.live = 0 AND t.updated_at < $3))"
        )
    };
}

const JOBS: ByNumber = ByNumber {
    part: JOBS_PART,
    measure: jobs!("SELECT COUNT(*) AS n, CAST(COALESCE(SUM(LENGTH(payload) + 300), 0) AS BIGINT) AS bytes FROM jobs"),
    prune: jobs!("DELETE FROM jobs"),
};

const DEAD_JOBS: ByNumber = ByNumber {
    part: JOBS_PART,
    measure: dead_jobs!(
        "SELECT COUNT(*) AS n, CAST(COALESCE(SUM(LENGTH(payload) + 300), 0) AS BIGINT) AS bytes FROM jobs"
    ),
    prune: dead_jobs!("DELETE FROM jobs"),
};

/// Notes by their first word; these two grow with every delivery and every answer.
const NOTICES: [(&str, &str); 2] = [("answers/", "answers0"), ("delivery/", "delivery0")];

const NOTICES_PART: &str = "
    SELECT MAX(key) AS last FROM (SELECT key FROM notices WHERE key > $1 AND key < $2 ORDER BY key LIMIT $3) part";

const MEASURE_NOTICES: &str = "
    SELECT COUNT(*) AS n, CAST(COALESCE(SUM(2 * LENGTH(key)), 0) AS BIGINT) AS bytes
    FROM notices WHERE key > $1 AND key <= $2 AND at < $3";

const PRUNE_NOTICES: &str = "DELETE FROM notices WHERE key > $1 AND key <= $2 AND at < $3";

/// Runs that have a log and need none any more, in the order of their names.
const LOGS_PART: &str = "
    SELECT r.id FROM runs r JOIN tasks t ON t.id = r.task_id
    WHERE r.id > $1 AND r.ended_at < $2 AND t.live = 0 AND t.updated_at < $2
      AND EXISTS (SELECT 1 FROM run_log l WHERE l.run_id = r.id)
    ORDER BY r.id LIMIT 1";

const MEASURE_LOG: &str = "
    SELECT COUNT(*) AS n, CAST(COALESCE(SUM(LENGTH(entry)), 0) AS BIGINT) AS bytes FROM run_log WHERE run_id = $1";

const PRUNE_LOG: &str = "
    DELETE FROM run_log WHERE run_id = $1
      AND seq < (SELECT MIN(seq) FROM run_log WHERE run_id = $1) + $2";

impl Store {
    /// Prunes what is older than `before`; with `really` unset, tells what that would be. `keys_before` is the time until which
    /// the key of a job that belongs to no task keeps its work from being done again. Goes on while `go_on` says so; what
    /// is left is pruned the next time.
    ///
    /// # Errors
    /// When the database fails; what was pruned before stays so.
    pub async fn prune(
        &self,
        what: Prunable,
        before: Timestamp,
        keys_before: Timestamp,
        really: bool,
        go_on: &(dyn Fn() -> bool + Sync),
    ) -> Result<Pruned, StoreError> {
        match what {
            Prunable::Bodies => {
                let from = self.setting::<i64>(BODIES_PRUNED).await?.unwrap_or(0);
                self.by_number(&BODIES, [before, before], from, really, Some(BODIES_PRUNED), go_on).await
            }
            Prunable::Deliveries => self.by_number(&DELIVERIES, [before, before], 0, really, None, go_on).await,
            Prunable::Jobs => self.by_number(&JOBS, [before, keys_before], 0, really, None, go_on).await,
            Prunable::DeadJobs => self.by_number(&DEAD_JOBS, [before, before], 0, really, None, go_on).await,
            Prunable::Notices => self.notices(before, really, go_on).await,
            Prunable::Logs => self.logs(before, really, go_on).await,
        }
    }

    async fn by_number(
        &self,
        rows: &ByNumber,
        [before, also_before]: [Timestamp; 2],
        mut from: i64,
        really: bool,
        noted_as: Option<&str>,
        go_on: &(dyn Fn() -> bool + Sync),
    ) -> Result<Pruned, StoreError> {
        let mut all = Pruned::default();
        while go_on() {
            let Some(part) = self.engine.first(rows.part, params![from, AT_ONCE]).await? else { break };
            let (Some(last), Some(oldest)) = (part.maybe_int("last")?, part.maybe_time("oldest")?) else { break };
            // They are numbered as they come: from here on all are younger.
            if oldest >= before {
                break;
            }
            let bounds: &[Param<'_>] = params![from, last, before, also_before];
            let found = self.measured(rows.measure, bounds).await?;
            all.add(found);
            if really && found.rows > 0 {
                self.in_turn(async |tx: &mut Tx| {
                    tx.session.execute(rows.prune, bounds).await?;
                    match noted_as {
                        Some(name) => tx.set(name, &from, before).await,
                        None => Ok(()),
                    }
                })
                .await?;
            }
            from = last;
        }
        Ok(all)
    }

    async fn notices(
        &self,
        before: Timestamp,
        really: bool,
        go_on: &(dyn Fn() -> bool + Sync),
    ) -> Result<Pruned, StoreError> {
        let mut all = Pruned::default();
        for (first, end) in NOTICES {
            let mut from = first.to_owned();
            while go_on() {
                let part = self.engine.first(NOTICES_PART, params![from, end, 10 * AT_ONCE]).await?;
                let Some(last) = part.map(|row| row.maybe_text("last")).transpose()?.flatten() else { break };
                let bounds: &[Param<'_>] = params![from, last, before];
                let found = self.measured(MEASURE_NOTICES, bounds).await?;
                all.add(found);
                if really && found.rows > 0 {
                    self.in_turn(async |tx: &mut Tx| tx.session.execute(PRUNE_NOTICES, bounds).await.map(drop)).await?;
                }
                from = last;
            }
        }
        Ok(all)
    }

    async fn logs(
        &self,
        before: Timestamp,
        really: bool,
        go_on: &(dyn Fn() -> bool + Sync),
    ) -> Result<Pruned, StoreError> {
        let mut all = Pruned::default();
        let mut from = String::new();
        while go_on() {
            let Some(run) = self.engine.first(LOGS_PART, params![from, before]).await? else { break };
            let run = run.text("id")?;
            let found = self.measured(MEASURE_LOG, params![run]).await?;
            all.add(found);
            let mut left = if really { found.rows } else { 0 };
            while left > 0 && go_on() {
                let bounds: &[Param<'_>] = params![run, AT_ONCE];
                self.in_turn(async |tx: &mut Tx| tx.session.execute(PRUNE_LOG, bounds).await.map(drop)).await?;
                left = left.saturating_sub(AT_ONCE.unsigned_abs());
            }
            from = run;
        }
        Ok(all)
    }

    async fn measured(&self, sql: &'static str, bounds: &[Param<'_>]) -> Result<Pruned, StoreError> {
        let Some(row) = self.engine.first(sql, bounds).await? else { return Ok(Pruned::default()) };
        Ok(Pruned { rows: row.int("n")?.unsigned_abs(), bytes: row.int("bytes")?.unsigned_abs() })
    }

    /// One transaction of its own, and then a rest in which others have theirs.
    async fn in_turn(&self, work: impl AsyncFnOnce(&mut Tx) -> Result<(), StoreError>) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        work(&mut tx).await?;
        tx.commit().await?;
        tokio::time::sleep(REST).await;
        Ok(())
    }

    /// The room that the database takes, where it is a file.
    pub async fn space(&self) -> Option<Space> {
        let number = async |sql: &'static str, column: &'static str| {
            self.engine.first(sql, &[]).await.ok()??.int(column).ok().map(i64::unsigned_abs)
        };
        let file = "SELECT file FROM pragma_database_list WHERE name = 'main'";
        let file = self.engine.first(file, &[]).await.ok()??.text("file").ok()?;
        let page = number("PRAGMA page_size", "page_size").await?;
        let pages = number("PRAGMA page_count", "page_count").await?;
        let free = number("PRAGMA freelist_count", "freelist_count").await?;
        Some(Space { file: file.into(), bytes: pages * page, free: free * page })
    }
}
