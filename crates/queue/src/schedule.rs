//! Work that recurs: put into the queue once in each period, whoever of all the workers comes first.

use std::time::Duration;

use baton_core::domain::time::Timestamp;
use baton_store::{NewJob, Store, StoreError};

/// Work that is to be done again and again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recurring {
    /// The kind of the job; its payload is empty.
    pub kind: String,
    /// How long a period is. Periods are counted from the epoch, so all workers agree on them.
    pub every: Duration,
}

impl Recurring {
    /// Which period a time is in.
    fn period(&self, now: Timestamp) -> i64 {
        let every = i64::try_from(self.every.as_millis()).unwrap_or(i64::MAX).max(1);
        now.0.div_euclid(every)
    }

    /// Enqueues this period's job, unless it was enqueued before or the last one is still not done. `seen` is the period
    /// this worker saw to last, so that the store is asked once a period only.
    pub(crate) async fn enqueue(&self, store: &Store, now: Timestamp, seen: &mut i64) -> Result<(), StoreError> {
        let period = self.period(now);
        if period <= *seen {
            return Ok(());
        }
        let mut job = NewJob::new(&self.kind, &())?;
        job.effect_key = Some(format!("{}@{period}", self.kind));
        job.dedupe_key = Some(format!("{}@", self.kind));
        let mut tx = store.begin().await?;
        tx.enqueue(&job, now).await?;
        tx.commit().await?;
        *seen = period;
        Ok(())
    }
}
