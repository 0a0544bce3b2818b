//! What the bot says in single comments, as data. `prose` turns each into Markdown; nothing else makes sentences.

use serde::{Deserialize, Serialize};

use super::actor::Person;
use super::evidence::Doubt;
use super::ids::IssueNumber;
use super::rejection::Rejection;
use super::run::NothingReason;
use super::task::{Failure, Question, Withdrawal};
use super::time::Timestamp;

/// One thing to say on an issue or a pull request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "note", rename_all = "snake_case")]
pub enum Note {
    /// The operator does not serve this repository.
    NotServed,
    /// Something asked is not done.
    Refused {
        /// Whom it is for.
        to: Person,
        /// What they asked.
        asked: Asked,
        /// Why not.
        rejection: Rejection,
    },
    /// A line looked like a command and is none.
    Mistyped {
        /// Whom it is for.
        to: Person,
        /// The line.
        line: String,
        /// What is wrong with it, as a sentence.
        problem: String,
        /// The nearest command.
        nearest: Option<String>,
    },
    /// Answer to `/baton status`.
    Status,
    /// Answer to `/baton help`.
    Help,
    /// Answer to `/baton doctor`.
    Doctor,
    /// A plan waits, half of the time is over.
    ReminderOfPlan {
        /// The plan's revision.
        revision: u32,
        /// Days left.
        days_left: u32,
    },
    /// A question waits, half of the time is over.
    ReminderOfQuestion {
        /// Days left.
        days_left: u32,
    },
    /// Nobody answered in time.
    Expired,
    /// The agent found nothing to do.
    NothingToDo {
        /// Which of the known ends.
        reason: NothingReason,
        /// What was tried and seen.
        explanation: String,
    },
    /// The run ended without any change.
    EmptyPatch {
        /// What the agent says it did.
        summary: String,
    },
    /// A person's pull request already closes the issue.
    AlreadyServed {
        /// Its number.
        pull: IssueNumber,
    },
    /// The plan was rejected.
    PlanRejected {
        /// By whom.
        by: Person,
    },
    /// The task was cancelled.
    Cancelled {
        /// How.
        because: Withdrawal,
    },
    /// The task broke.
    Failed {
        /// Why.
        reason: Failure,
        /// Whether work is kept.
        work_kept: bool,
    },
    /// The task needs a word.
    Asks {
        /// What.
        question: Question,
    },
    /// The base moved so that the work conflicts; a new plan is being written.
    Conflict {
        /// Files in conflict.
        files: Vec<String>,
    },
    /// The pull request is open and no more than a draft.
    OpenedAsDraft {
        /// Its number.
        pull: IssueNumber,
        /// What is wrong with its evidence.
        doubt: Doubt,
    },
    /// An answer, and the last one that this person gets here for now.
    LastForNow {
        /// The answer.
        answer: Box<Note>,
        /// When the next one comes.
        next: Timestamp,
    },
    /// The approval no longer counts; another is needed.
    ApprovalVoid {
        /// Why.
        because: VoidApproval,
    },
}

/// What somebody asked for, as a refusal repeats it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "asked", rename_all = "snake_case")]
pub enum Asked {
    /// They typed this.
    Command {
        /// The command as typed.
        line: String,
    },
    /// They assigned the issue to the bot.
    Assignment,
    /// They set the label.
    Label,
}

/// Why an approval no longer counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "void", rename_all = "snake_case")]
pub enum VoidApproval {
    /// Who gave it may not write any more.
    LostAccess {
        /// Who.
        by: Person,
    },
    /// The approving comment was deleted before work began.
    CommentDeleted,
    /// The label `baton:auto` that approved was taken off, or set anew by somebody else.
    LabelRemoved,
}
