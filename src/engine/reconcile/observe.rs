//! Something that was seen, on its way through the engine: a job in the lane of its issue, told as the webhook would have told
//! it, and considered by the same code.

use baton_core::domain::ids::{CommentId, Digest, IssueNumber, TaskId};
use baton_core::domain::issue::RepositoryRef;
use baton_core::domain::time::Timestamp;
use baton_queue::{Failure, Handled, JobContext};
use baton_store::{DeliveryOutcome, Json, NewJob, Outcome, StoreError, Tx};
use serde::{Deserialize, Serialize};

use super::told::Told;
use crate::engine::Engine;

/// The kind of the job that considers an observation.
pub(in crate::engine) const OBSERVE: &str = "observe";

/// As for deliveries: they may call other work off.
const PRIORITY: i64 = 50;

/// What somebody typed must not be lost to an outage of a few hours.
const ATTEMPTS: u32 = 30;

/// Something that is so, and that no task knows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::engine) struct Observation {
    /// Where.
    pub repository: RepositoryRef,
    /// When it came to be so, by GitHub's clock, where that is known; else when it was seen.
    pub at: Timestamp,
    /// When what was seen changed last, by GitHub's clock: the same thing seen after a change is another observation. One that
    /// came to nothing must not stand for those to come.
    #[serde(default)]
    pub version: Option<Timestamp>,
    /// What.
    pub what: Seen,
}

/// What is so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "seen", rename_all = "snake_case")]
pub(in crate::engine) enum Seen {
    /// Somebody wrote a comment that commands.
    Comment { comment: CommentId, thread: IssueNumber, on_pull: bool },
    /// The comment that approved is not there.
    CommentGone { comment: CommentId, thread: IssueNumber },
    /// Somebody assigned or labelled an issue, by GitHub's number of that event.
    HandedOver { issue: IssueNumber, event: i64 },
    /// The issue of a task changed.
    Issue { issue: IssueNumber, task: TaskId, change: Change },
    /// The pull request of a task changed.
    Pull { pull: IssueNumber, now: PullNow },
    /// The App may not act there any more. `newest` is a task that goes on there.
    NotCovered { newest: TaskId },
}

/// What became of an issue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub(in crate::engine) enum Change {
    Closed,
    Deleted,
    Transferred,
    /// It reads otherwise: the digest of its text.
    Edited {
        text: Digest,
    },
    Unassigned {
        login: String,
    },
    Unlabelled {
        label: String,
    },
}

/// What became of a pull request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "pull", rename_all = "snake_case")]
pub(in crate::engine) enum PullNow {
    Closed { merged: bool },
    Reopened,
}

impl Observation {
    /// Whether this is that something is not there: it has no time of its own, is in doubt for a while, and what was found
    /// to be there after all may be gone the next time.
    fn is_absence(&self) -> bool {
        match &self.what {
            Seen::CommentGone { .. } | Seen::NotCovered { .. } => true,
            Seen::Issue { change, .. } => matches!(change, Change::Deleted | Change::Transferred),
            Seen::Comment { .. } | Seen::HandedOver { .. } | Seen::Pull { .. } => false,
        }
    }

    /// Names what was seen: the same thing seen in the next look is the same thing, unless it has changed since.
    fn key(&self) -> String {
        let repository = self.repository.id;
        let rest = match &self.what {
            Seen::Comment { comment, .. } => format!("comment/{repository}/{comment}"),
            Seen::CommentGone { comment, .. } => format!("comment-gone/{repository}/{comment}"),
            Seen::HandedOver { event, .. } => format!("handover/{repository}/{event}"),
            Seen::Issue { task, change: Change::Edited { text }, .. } => format!("edited/{task}/{}", text.short()),
            Seen::Issue { task, change: Change::Deleted, .. } => format!("deleted/{task}"),
            Seen::Issue { task, change: Change::Transferred, .. } => format!("transferred/{task}"),
            Seen::Issue { task, change, .. } => {
                let name = match change {
                    Change::Closed => "closed",
                    Change::Deleted => "deleted",
                    Change::Transferred => "transferred",
                    Change::Edited { .. } => "edited",
                    Change::Unassigned { .. } => "unassigned",
                    Change::Unlabelled { .. } => "unlabelled",
                };
                format!("{name}/{task}/{}", self.at.0)
            }
            Seen::Pull { pull, now } => {
                let name = match now {
                    PullNow::Closed { merged: true } => "merged",
                    PullNow::Closed { merged: false } => "closed",
                    PullNow::Reopened => "reopened",
                };
                format!("pull/{repository}/{pull}/{name}/{}", self.at.0)
            }
            Seen::NotCovered { newest } => {
                format!("not-covered/{repository}/{}/{newest}", self.repository.installation)
            }
        };
        match self.version {
            Some(version) => format!("{OBSERVE}/{rest}@{}", version.0),
            None => format!("{OBSERVE}/{rest}"),
        }
    }

    /// The lane of the deliveries about the same issue or pull request. What is in doubt holds up nobody.
    fn lane(&self) -> Option<String> {
        if self.is_absence() {
            return None;
        }
        let number = match &self.what {
            Seen::Comment { thread, .. } | Seen::CommentGone { thread, .. } => thread,
            Seen::HandedOver { issue, .. } | Seen::Issue { issue, .. } => issue,
            Seen::Pull { pull, .. } => pull,
            Seen::NotCovered { .. } => return None,
        };
        Some(crate::engine::ingest::lane_of(self.repository.id, *number))
    }
}

impl Engine {
    /// Enqueues what was seen, unless it is about to be dealt with, or was and is nothing that can be so again.
    pub(super) async fn enqueue_observation(&self, tx: &mut Tx, seen: &Observation) -> Result<(), StoreError> {
        let mut job = NewJob::new(OBSERVE, seen)?;
        if seen.is_absence() {
            job.dedupe_key = Some(seen.key());
        } else {
            job.effect_key = Some(seen.key());
        }
        job.lane = seen.lane();
        job.repository = seen.repository.id.to_string();
        job.priority = PRIORITY;
        job.max_attempts = ATTEMPTS;
        tx.enqueue(&job, self.now()).await.map(drop)
    }

    /// Considers what was seen, as if the webhook had come now.
    pub(in crate::engine) async fn observe(&self, context: &JobContext) -> Result<Handled, Failure> {
        let seen: Observation = context.job.payload.read("observation")?;
        let outcome = match self.told(&seen).await? {
            Told::Moot(reason) => Err(DeliveryOutcome::Ignored(reason.to_owned())),
            Told::So(incoming) => Ok(self.consider_or_ignore(&incoming, context).await?),
            Told::InDoubt(until) => return Ok(Handled::Postponed(until)),
        };
        let now = self.now();
        let mut tx = self.store().begin().await?;
        let outcome = match outcome {
            Err(ignored) => ignored,
            Ok(consequence) => self.carry_out(&mut tx, consequence, None, context.job.id).await?,
        };
        tracing::info!(seen = seen.key(), ?outcome, "no webhook told of this");
        tx.complete(&context.lease, &Outcome::Done(Some(Json::of(&outcome)?)), now).await?;
        tx.commit().await?;
        Ok(Handled::Completed)
    }
}
