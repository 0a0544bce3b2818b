//! What Baton keeps: deliveries, tasks, history, the queue, runs. The one owner of sqlx; it knows no GitHub and no domain rules.
//!
//! Domain values are kept as JSON beside the columns that are looked for, so the core's types can change without the
//! store. Every writing goes through a [`Tx`]; what is not committed never happened. `now` is always an argument.
//!
//! Only a claim makes a [`Lease`], and every write that ends or postpones a job needs one and holds only while that
//! lease is the newest of its job (fencing): whoever lost a lease can change nothing any more.

mod backup;
mod claim;
mod dead;
mod delivery;
mod engine;
mod enqueue;
mod error;
mod history;
mod hold;
mod job;
mod json;
mod kept;
mod lane;
mod lease;
mod listed;
mod memory;
mod migrate;
#[cfg(test)]
mod plans;
mod prune;
mod rescue;
mod restore;
mod run;
mod setting;
mod store;
mod task;

pub use backup::{BackupError, Content, Written};
pub use claim::{Claim, Limits};
pub use dead::{Died, JOB_DIED};
pub use delivery::{
    Delivery, DeliveryFilter, DeliveryId, DeliveryOutcome, INGEST, Ingest, NewDelivery, OutcomeCount, Recorded,
};
pub use enqueue::{Cancelled, Enqueued, JobFilter, NewJob};
pub use error::StoreError;
pub use history::{HistoryEntry, NewHistory};
pub use hold::Hold;
pub use job::{Job, JobId, JobState, Slot};
pub use json::Json;
pub use kept::{Kept, KeptAbout, NewKept, Packed};
pub use lease::{Ended, Heartbeat, Lease, Outcome};
pub use prune::{Prunable, Pruned, Space};
pub use rescue::Rescued;
pub use restore::{RestoreError, Restored};
pub use run::{LogEntry, NewRun, Run};
pub use setting::Pause;
pub use store::{OpenOptions, Store, Tx};
pub use task::{NewTask, TaskChange, TaskFilter, TaskRow};

/// The format of the JSON in the rows this program writes. It grows when a reader of the old form would misread the new.
pub const ROW_FORMAT: i64 = 1;
