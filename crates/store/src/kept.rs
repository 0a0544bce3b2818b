//! What is kept of a run's work while it goes on, and after it stopped before its end: one newest snapshot a task,
//! compressed, replaced under the lease of the job that does the run; and what of a run's use is not booked yet.
//!
//! A snapshot lasts until the run comes to its end ([`Tx::forget_kept`]), a later one replaces it, or whoever prunes lets
//! it go with its task (the same function).

use std::io::{Read as _, Write as _};

use baton_core::domain::ids::{RunId, TaskId};
use baton_core::domain::time::Timestamp;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

use crate::ROW_FORMAT;
use crate::engine::{Row, params};
use crate::error::StoreError;
use crate::json::Json;
use crate::lease::Lease;
use crate::store::{Store, Tx};

/// Bytes, compressed, with a checksum: what came to harm is told from what did not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packed(Vec<u8>);

impl Packed {
    /// Compresses. Takes its time: a tenth of a second for ten megabytes or so.
    ///
    /// # Errors
    /// When there is no memory for it.
    pub fn of(plain: &[u8]) -> std::io::Result<Self> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(plain)?;
        encoder.finish().map(Self)
    }

    /// How many bytes it takes in the database.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether it takes none, which nothing that was packed does.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What was packed; of at most `max` bytes, however many the packed ones claim.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when they are damaged, or hold more.
    pub fn plain(&self, max: u64) -> Result<Vec<u8>, StoreError> {
        let corrupt = |reason: String| StoreError::Corrupt { what: "kept work", reason };
        let mut plain = Vec::new();
        GzDecoder::new(self.0.as_slice())
            .take(max.saturating_add(1))
            .read_to_end(&mut plain)
            .map_err(|error| corrupt(error.to_string()))?;
        if plain.len() as u64 > max {
            return Err(corrupt(format!("it holds more than {max} bytes")));
        }
        Ok(plain)
    }
}

/// A snapshot to keep.
#[derive(Clone, Copy, Debug)]
pub struct NewKept<'a> {
    /// Of which run; its task has one snapshot.
    pub run: RunId,
    /// What may go on from it: compared as a whole, never read.
    pub purpose: &'a str,
    /// What is to be known of it without unpacking it.
    pub about: &'a Json,
    /// The changed files. `None` if they are as in the last snapshot of the same lease.
    pub changes: Option<&'a Packed>,
    /// The agent's conversation.
    pub conversation: &'a Packed,
}

/// What is known of a snapshot without unpacking it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptAbout {
    /// Of which run.
    pub run: String,
    /// What may go on from it.
    pub purpose: String,
    /// When it was kept.
    pub at: Timestamp,
    /// As it was given.
    pub about: Json,
}

/// A snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// What it is.
    pub about: KeptAbout,
    /// The changed files.
    pub changes: Packed,
    /// The agent's conversation.
    pub conversation: Packed,
}

impl KeptAbout {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        let format = row.int("format")?;
        if format > ROW_FORMAT {
            let reason = format!("it has format {format}, this Baton knows {ROW_FORMAT}");
            return Err(StoreError::Corrupt { what: "kept work", reason });
        }
        Ok(Self {
            run: row.text("run_id")?,
            purpose: row.text("purpose")?,
            at: row.time("at")?,
            about: row.json("about")?,
        })
    }
}

/// Older leases never replace what newer ones kept: not even where the two checks of one transaction see different
/// moments, as they may in PostgreSQL.
const KEEP: &str = "
    INSERT INTO kept (task_id, run_id, purpose, job_id, fence, at, format, about, changes, conversation)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
    ON CONFLICT (task_id) DO UPDATE SET
        run_id = excluded.run_id, purpose = excluded.purpose, job_id = excluded.job_id, fence = excluded.fence,
        at = excluded.at, format = excluded.format, about = excluded.about, changes = excluded.changes,
        conversation = excluded.conversation
    WHERE kept.job_id < excluded.job_id OR (kept.job_id = excluded.job_id AND kept.fence <= excluded.fence)
    RETURNING task_id";

const KEEP_CONVERSATION: &str = "
    UPDATE kept SET at = $6, about = $7, conversation = $8
    WHERE task_id = $1 AND run_id = $2 AND purpose = $3 AND job_id = $4 AND fence = $5
    RETURNING task_id";

const READ: &str = "SELECT * FROM kept WHERE task_id = $1";

const ABOUT: &str = "SELECT run_id, purpose, at, format, about FROM kept WHERE task_id = $1";

const FORGET: &str = "DELETE FROM kept WHERE task_id = $1 RETURNING task_id";

/// `AgentEvent` writes its tag first.
const USED: &str = "
    SELECT entry FROM run_log WHERE run_id = $1 AND seq > $2 AND entry LIKE '{\"type\":\"used\"%' ORDER BY seq";

const BOOKED: &str = "SELECT booked_through FROM runs WHERE id = $1";

const BOOK: &str = "
    UPDATE runs SET booked_through = (SELECT COALESCE(MAX(seq), 0) FROM run_log WHERE run_log.run_id = runs.id)
    WHERE id = $1";

impl Store {
    /// What is kept of a task's work.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when it was written by a newer Baton; when the database fails.
    pub async fn kept(&self, task: TaskId) -> Result<Option<Kept>, StoreError> {
        let Some(row) = self.engine.first(READ, params![task.0]).await? else { return Ok(None) };
        Ok(Some(Kept {
            about: KeptAbout::from_row(&row)?,
            changes: Packed(row.bytes("changes")?),
            conversation: Packed(row.bytes("conversation")?),
        }))
    }

    /// The same without what takes room.
    ///
    /// # Errors
    /// As [`Store::kept`].
    pub async fn kept_about(&self, task: TaskId) -> Result<Option<KeptAbout>, StoreError> {
        self.engine.first(ABOUT, params![task.0]).await?.as_ref().map(KeptAbout::from_row).transpose()
    }

    /// The entries of a run's log that tell of tokens and money, of all its attempts.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn used(&self, run: RunId) -> Result<Vec<Json>, StoreError> {
        let rows = self.engine.rows(USED, params![run.to_string(), 0_i64]).await?;
        rows.iter().map(|row| row.json("entry")).collect()
    }
}

impl Tx {
    /// Keeps a snapshot in place of the last one of its task.
    ///
    /// # Errors
    /// [`StoreError::LostLease`]: roll back; another worker's work is what is kept now.
    pub async fn keep(&mut self, lease: &Lease, kept: &NewKept<'_>, now: Timestamp) -> Result<(), StoreError> {
        self.held(lease).await?;
        let run = kept.run.to_string();
        let (task, job, fence) = (kept.run.task.0, lease.job().0, lease.fence());
        let conversation = kept.conversation.0.as_slice();
        let row = match kept.changes {
            Some(changes) => {
                let changes = changes.0.as_slice();
                let (purpose, about) = (kept.purpose, kept.about);
                let all = params![task, run, purpose, job, fence, now, ROW_FORMAT, about, changes, conversation];
                self.session.first(KEEP, all).await?
            }
            None => {
                let all = params![task, run, kept.purpose, job, fence, now, kept.about, conversation];
                self.session.first(KEEP_CONVERSATION, all).await?
            }
        };
        row.map(|_| ()).ok_or(StoreError::LostLease(lease.job()))
    }

    /// Lets go of what is kept of a task's work; whether there was anything. For a run that has come to its end, and for
    /// whoever prunes what tasks left behind.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn forget_kept(&mut self, task: TaskId) -> Result<bool, StoreError> {
        Ok(self.session.first(FORGET, params![task.0]).await?.is_some())
    }

    /// The entries of a run's log that tell of tokens and money and were not handed out by this before. They are to be
    /// booked on the run's task in this very transaction: so each is booked once, whichever worker does it. Load the task
    /// first, so that no two workers are here at once.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn take_unbooked(&mut self, run: RunId) -> Result<Vec<Json>, StoreError> {
        let id = run.to_string();
        let Some(row) = self.session.first(BOOKED, params![id]).await? else { return Ok(Vec::new()) };
        let rows = self.session.rows(USED, params![id, row.int("booked_through")?]).await?;
        let entries = rows.iter().map(|row| row.json("entry")).collect::<Result<_, _>>()?;
        self.session.execute(BOOK, params![id]).await?;
        Ok(entries)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_packed_comes_back(plain in prop::collection::vec(any::<u8>(), 0..2_000)) {
            let packed = Packed::of(&plain).unwrap();
            prop_assert_eq!(packed.plain(2_000).unwrap(), plain);
        }

        #[test]
        fn a_damaged_byte_is_noticed(plain in prop::collection::vec(any::<u8>(), 1..500), at in any::<prop::sample::Index>(), with in 1..=255_u8) {
            let mut packed = Packed::of(&plain).unwrap();
            let at = at.index(packed.0.len());
            packed.0[at] ^= with;
            // The head holds a time and a name of the compressing system, which nobody reads.
            if let Ok(read) = packed.plain(10_000) {
                prop_assert_eq!(read, plain);
                prop_assert!(at < 10, "byte {} of {}", at, packed.0.len());
            }
        }

        #[test]
        fn any_bytes_are_refused_or_read(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Packed(bytes).plain(1_000);
        }
    }

    #[test]
    fn what_unpacks_to_more_than_is_taken_is_refused() {
        let bomb = Packed::of(&vec![0; 50_000_000]).unwrap();
        assert!(bomb.len() < 300_000, "{}", bomb.len());
        let refused = bomb.plain(1_000).unwrap_err();
        assert!(matches!(refused, StoreError::Corrupt { .. }), "{refused}");
    }
}
