//! Deliveries: every webhook exactly as it arrived, kept before it is answered, and what became of it.

use std::fmt;

use baton_core::domain::ids::Digest;
use baton_core::domain::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::engine::{Row, params};
use crate::enqueue::NewJob;
use crate::error::StoreError;
use crate::job::JobId;
use crate::json::Json;
use crate::store::{Store, Tx};

/// The kind of the job that looks into a delivery; its payload is an [`Ingest`].
pub const INGEST: &str = "ingest";

/// Deliveries are looked into before ordinary work: they may call that work off.
const INGEST_PRIORITY: i64 = 50;

/// What somebody typed must not be lost to an outage of a few hours.
const INGEST_ATTEMPTS: u32 = 30;

/// The payload of an [`INGEST`] job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ingest {
    /// The delivery to look into.
    pub delivery: DeliveryId,
}

/// A delivery, numbered by the store in the order of arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DeliveryId(pub i64);

impl fmt::Display for DeliveryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// A webhook whose signature was found good.
#[derive(Clone, Copy, Debug)]
pub struct NewDelivery<'a> {
    /// `X-GitHub-Hook-Installation-Target-Type`.
    pub hook_type: &'a str,
    /// `X-GitHub-Hook-Installation-Target-ID`.
    pub hook_id: &'a str,
    /// `X-GitHub-Delivery`.
    pub guid: &'a str,
    /// `X-GitHub-Event`.
    pub event: &'a str,
    /// The further headers worth keeping: name and value.
    pub headers: &'a [(&'a str, &'a str)],
    /// The body, byte for byte.
    pub body: &'a [u8],
}

/// What recording found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// It is kept, and a job will look into it.
    New(DeliveryId),
    /// The same hook's delivery of this GUID and this body was kept before; nothing happens again.
    Duplicate(DeliveryId),
}

/// What became of a delivery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", content = "reason", rename_all = "snake_case")]
pub enum DeliveryOutcome {
    /// Not looked into yet.
    Received,
    /// It had its effect.
    Handled,
    /// Nothing follows from it, because.
    Ignored(String),
    /// It could not be understood or dealt with, because.
    Failed(String),
}

impl DeliveryOutcome {
    fn parts(&self) -> (&'static str, Option<&str>) {
        match self {
            Self::Received => ("received", None),
            Self::Handled => ("handled", None),
            Self::Ignored(reason) => ("ignored", Some(reason)),
            Self::Failed(reason) => ("failed", Some(reason)),
        }
    }

    fn stored(name: &str, reason: Option<String>) -> Result<Self, StoreError> {
        let reason = reason.unwrap_or_default();
        match name {
            "received" => Ok(Self::Received),
            "handled" => Ok(Self::Handled),
            "ignored" => Ok(Self::Ignored(reason)),
            "failed" => Ok(Self::Failed(reason)),
            _ => Err(StoreError::Corrupt {
                what: "delivery outcome",
                reason: format!("`{name}` is unknown to this version"),
            }),
        }
    }
}

/// A delivery as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Delivery {
    /// Its number.
    pub id: DeliveryId,
    /// What the hook belongs to: `integration`, `repository`, `organization`.
    pub hook_type: String,
    /// GitHub's number of that.
    pub hook_id: String,
    /// GitHub's name of the delivery.
    pub guid: String,
    /// The event's name.
    pub event: String,
    /// The further headers: name and value.
    pub headers: Vec<(String, String)>,
    /// When it arrived.
    pub received_at: Timestamp,
    /// What became of it.
    #[serde(flatten)]
    pub outcome: DeliveryOutcome,
    /// When that was known.
    pub settled_at: Option<Timestamp>,
}

impl Delivery {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: DeliveryId(row.int("id")?),
            hook_type: row.text("hook_type")?,
            hook_id: row.text("hook_id")?,
            guid: row.text("guid")?,
            event: row.text("event")?,
            headers: row.json("headers")?.read("delivery's headers")?,
            received_at: row.time("received_at")?,
            outcome: DeliveryOutcome::stored(&row.text("outcome")?, row.maybe_text("reason")?)?,
            settled_at: row.maybe_time("settled_at")?,
        })
    }
}

/// Which deliveries; what is not set does not matter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeliveryFilter<'a> {
    /// Of this event.
    pub event: Option<&'a str>,
    /// With this outcome: `received`, `handled`, `ignored`, `failed`.
    pub outcome: Option<&'a str>,
}

/// How many deliveries of one event had one outcome.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OutcomeCount {
    /// The event's name.
    pub event: String,
    /// `received`, `handled`, `ignored` or `failed`.
    pub outcome: String,
    /// How many.
    pub count: u64,
}

const INSERT: &str = "
    INSERT INTO deliveries (hook_type, hook_id, guid, digest, event, headers, body, received_at, outcome)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'received')
    ON CONFLICT (hook_type, hook_id, guid, digest) DO NOTHING RETURNING id";

const BY_GUID: &str = "SELECT id FROM deliveries WHERE hook_type = $1 AND hook_id = $2 AND guid = $3";

/// What was kept before digests were has its body alone to go by.
const BY_CONTENT: &str = "
    SELECT id FROM deliveries
    WHERE hook_type = $1 AND hook_id = $2 AND guid = $3 AND (digest = $4 OR (digest = '' AND body = $5))
    ORDER BY id LIMIT 1";

const BY_ID: &str = "
    SELECT id, hook_type, hook_id, guid, event, headers, received_at, outcome, reason, settled_at
    FROM deliveries WHERE id = $1";

const BODY: &str = "SELECT body FROM deliveries WHERE id = $1";

const PRUNED: &str = "SELECT id FROM deliveries WHERE id = $1 AND LENGTH(body) = 0 AND digest <> $2";

const NEWEST_FIRST: &str = "
    SELECT id, hook_type, hook_id, guid, event, headers, received_at, outcome, reason, settled_at
    FROM deliveries
    WHERE (id < $1 OR $1 IS NULL) AND (event = $2 OR $2 IS NULL) AND (outcome = $3 OR $3 IS NULL)
    ORDER BY id DESC LIMIT $4";

const COUNTS: &str = "
    SELECT event, outcome, COUNT(*) AS n FROM deliveries GROUP BY event, outcome ORDER BY event, outcome";

const SETTLE: &str = "UPDATE deliveries SET outcome = $2, reason = $3, settled_at = $4 WHERE id = $1";

impl Store {
    /// Keeps a delivery together with the job that will look into it. When this returns, both are on disk.
    ///
    /// The GUID is in no signature: another body under one that was used is a delivery of its own. Otherwise whoever captured
    /// a GUID, or guesses one, could have the true delivery taken for one that is known.
    ///
    /// # Errors
    /// When the database fails; then the delivery must not be acknowledged.
    pub async fn record_delivery(&self, delivery: &NewDelivery<'_>, now: Timestamp) -> Result<Recorded, StoreError> {
        let headers = Json::of(&delivery.headers)?;
        let mut tx = self.begin().await?;
        let digest = Digest::of_bytes(delivery.body);
        let name: &[_] = params![delivery.hook_type, delivery.hook_id, delivery.guid, digest.as_str()];
        if let Some(row) = tx.session.first(BY_CONTENT, &[name, params![delivery.body]].concat()).await? {
            return Ok(Recorded::Duplicate(DeliveryId(row.int("id")?)));
        }
        let content: &[_] = params![delivery.event, headers, delivery.body, now];
        let row = tx.session.first(INSERT, &[name, content].concat()).await?;
        // Another process was faster, where two may write at once.
        let row = row.ok_or_else(|| StoreError::Conflict(format!("delivery {}", delivery.guid)))?;
        let id = DeliveryId(row.int("id")?);
        tx.enqueue_ingest(id, now).await?;
        tx.commit().await?;
        Ok(Recorded::New(id))
    }

    /// Has a delivery looked into again; what was given up on about it is given up on no more. While that is still to come,
    /// asking again changes nothing.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is none of this number, [`StoreError::Conflict`] when its body was pruned.
    pub async fn replay_delivery(&self, id: DeliveryId, now: Timestamp) -> Result<JobId, StoreError> {
        if self.is_pruned(id).await? {
            return Err(StoreError::Conflict(format!(
                "delivery {id} is so old that its body was pruned; there is nothing to look into"
            )));
        }
        let mut tx = self.begin().await?;
        tx.settle_delivery(id, &DeliveryOutcome::Received, now).await?;
        tx.dismiss_about(&Json::of(&Ingest { delivery: id })?).await?;
        let job = tx.enqueue_ingest(id, now).await?;
        tx.commit().await?;
        Ok(job)
    }

    /// One delivery, without its body.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn delivery(&self, id: DeliveryId) -> Result<Option<Delivery>, StoreError> {
        self.engine.first(BY_ID, params![id.0]).await?.as_ref().map(Delivery::from_row).transpose()
    }

    /// Whether a hook's delivery of this GUID is kept.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn has_delivery(&self, hook_type: &str, hook_id: &str, guid: &str) -> Result<bool, StoreError> {
        Ok(self.engine.first(BY_GUID, params![hook_type, hook_id, guid]).await?.is_some())
    }

    /// The body of a delivery, byte for byte.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn delivery_body(&self, id: DeliveryId) -> Result<Option<Vec<u8>>, StoreError> {
        self.engine.first(BODY, params![id.0]).await?.map(|row| row.bytes("body")).transpose()
    }

    /// Whether the body of a delivery was pruned: it is empty, and was not when it came.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn is_pruned(&self, id: DeliveryId) -> Result<bool, StoreError> {
        let nothing = Digest::of_bytes(b"");
        Ok(self.engine.first(PRUNED, params![id.0, nothing.as_str()]).await?.is_some())
    }

    /// Deliveries, newest first, from before `before` on, `limit` at most.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn deliveries(
        &self,
        filter: &DeliveryFilter<'_>,
        before: Option<DeliveryId>,
        limit: u32,
    ) -> Result<Vec<Delivery>, StoreError> {
        let params = params![before.map(|id| id.0), filter.event, filter.outcome, i64::from(limit)];
        self.engine.rows(NEWEST_FIRST, params).await?.iter().map(Delivery::from_row).collect()
    }

    /// How many deliveries there are of each event and outcome.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn delivery_counts(&self) -> Result<Vec<OutcomeCount>, StoreError> {
        let count = |row: &Row| {
            Ok(OutcomeCount {
                event: row.text("event")?,
                outcome: row.text("outcome")?,
                count: u64::from(row.small("n")?),
            })
        };
        self.engine.rows(COUNTS, &[]).await?.iter().map(count).collect()
    }
}

impl Tx {
    /// Notes what became of a delivery.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is none of this number.
    pub async fn settle_delivery(
        &mut self,
        id: DeliveryId,
        outcome: &DeliveryOutcome,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let (name, reason) = outcome.parts();
        let settled_at = (*outcome != DeliveryOutcome::Received).then_some(now);
        match self.session.execute(SETTLE, params![id.0, name, reason, settled_at]).await? {
            0 => Err(StoreError::NotFound(format!("delivery {id}"))),
            _ => Ok(()),
        }
    }

    async fn enqueue_ingest(&mut self, id: DeliveryId, now: Timestamp) -> Result<JobId, StoreError> {
        let mut job = NewJob::new(INGEST, &Ingest { delivery: id })?;
        job.dedupe_key = Some(format!("{INGEST}:{id}"));
        job.priority = INGEST_PRIORITY;
        job.max_attempts = INGEST_ATTEMPTS;
        Ok(self.enqueue(&job, now).await?.id())
    }
}
