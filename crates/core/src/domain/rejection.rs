//! Why something that was asked is not done. A rejection is a value the person sees, never an error.

use serde::{Deserialize, Serialize};

use super::actor::Role;
use super::ids::IssueNumber;
use super::task::StateName;

/// Why a command or trigger is refused. Each is a sentence in `prose`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "rejection", rename_all = "snake_case")]
pub enum Rejection {
    /// Programs do not command. Never answered: two bots must not talk to each other.
    ProgramsMayNot,
    /// The actor's role is too low.
    NeedsWrite {
        /// What GitHub tells.
        role: Role,
    },
    /// A second person has to approve.
    NeedsSecondPerson,
    /// There is no task on this issue.
    NoTask,
    /// Nothing here can be approved, revised or rejected.
    NoPlanWaits {
        /// Where the task stands.
        state: StateName,
    },
    /// The plan's comment is still on its way.
    PlanNotPosted,
    /// Another revision is the newest.
    NotTheNewest {
        /// What was named.
        asked: u32,
        /// The newest.
        newest: u32,
    },
    /// The plan came after the approving comment.
    PlanIsNewer {
        /// The plan's revision.
        revision: u32,
    },
    /// The issue's title or body changed after the plan.
    IssueChanged {
        /// The plan's revision.
        revision: u32,
    },
    /// Somebody edited or deleted the plan's comment.
    PlanCommentChanged {
        /// The plan's revision.
        revision: u32,
    },
    /// This command belongs on the issue.
    OnlyOnIssue,
    /// The pull request is of an earlier task on the same issue.
    OfAnEarlierTask {
        /// Its number.
        pull: IssueNumber,
    },
    /// The comment was written before the task was asked for.
    BeforeThisTask,
    /// The issue is closed.
    IssueClosed,
    /// The issue's conversation is locked.
    IssueLocked,
    /// A plan is being written.
    AlreadyPlanning,
    /// The work is under way.
    UnderWay {
        /// Where the task stands.
        state: StateName,
    },
    /// The task has ended.
    Ended {
        /// How.
        state: StateName,
    },
    /// The issue is handed over again after a failure.
    FailedBefore,
    /// Only failed and waiting tasks are retried.
    NothingToRetry {
        /// Where the task stands.
        state: StateName,
    },
    /// Only a task that is under way can be paused.
    NothingToPause {
        /// Where the task stands.
        state: StateName,
    },
    /// Only a paused task can be resumed.
    NotPaused {
        /// Where the task stands.
        state: StateName,
    },
    /// The task's money is used up.
    BudgetSpent,
    /// The command exists and is not built yet.
    NotYet {
        /// Its name.
        command: String,
    },
    /// The event is not about what the task is doing now: late, repeated, or from a run that was stopped. Never answered.
    Outdated,
}

impl Rejection {
    /// Whether the person hears of it at all.
    #[must_use]
    pub fn is_answered(&self) -> bool {
        !matches!(self, Self::ProgramsMayNot | Self::Outdated)
    }

    /// Whether it is answered once per person and issue, rather than each time: it says something about the person.
    #[must_use]
    pub fn is_about_the_person(&self) -> bool {
        matches!(self, Self::NeedsWrite { .. })
    }
}
