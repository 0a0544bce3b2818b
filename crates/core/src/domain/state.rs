//! Where a task stands: every state and what it holds, side by side. Nothing is decided here (see [`super::step`]).
//!
//! Long because a state is read beside the others.

use serde::{Deserialize, Serialize};

use super::actor::Person;
use super::evidence::Evidence;
use super::ids::{CommitSha, IssueNumber, RunId};
use super::plan::Plan;
use super::refusal::Refusal;
use super::run::NothingReason;
use super::task::{PatchRef, Work};
use super::time::Timestamp;
use super::usage::Exhausted;

/// Where a task stands. Each state holds exactly what it needs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
#[expect(clippy::large_enum_variant, reason = "a task has one state, and few tasks are held at a time")]
pub enum State {
    /// A planning run is under way or waits for a worker.
    Planning(Planning),
    /// A plan waits for a writer.
    AwaitingApproval(AwaitingApproval),
    /// Approved; an implementing run waits for a worker.
    Queued(Queued),
    /// An agent makes the change.
    Implementing(Implementing),
    /// Baton judges, tests, pushes and opens.
    Verifying(Verifying),
    /// The pull request is open.
    InReview(Box<InReview>),
    /// An agent mends what Baton found.
    Revising(Revising),
    /// A writer stopped it for a while.
    Paused(Paused),
    /// It needs a word from a writer to go on.
    WaitingForUser(WaitingForUser),
    /// The pull request was merged.
    Merged(Box<InReview>),
    /// It ended without a merge and without a fault: pull request closed, nothing to do, plan rejected.
    Closed(Closed),
    /// Somebody took the issue away from the bot.
    Cancelled(Cancelled),
    /// It broke; `/baton retry` goes on from where it was.
    Failed(Failed),
    /// Nobody answered in time.
    Expired,
}

/// What a task waits for from Baton itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Awaited<'a> {
    /// A run.
    Run(RunId),
    /// A plan's comment.
    PostPlan(&'a Plan),
    /// The judgement of a patch.
    Verify(&'a CommitSha),
    /// A push.
    Push(&'a CommitSha),
    /// A pull request.
    OpenPull(&'a CommitSha),
}

/// See [`State::Planning`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Planning {
    /// The run.
    pub run: RunId,
    /// Why there is a planning run.
    pub cause: PlanCause,
}

/// Why a plan is written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "cause", rename_all = "snake_case")]
pub enum PlanCause {
    /// The first one, or anew from nothing.
    Fresh,
    /// A writer asked for a change of the last one.
    Revise {
        /// The last plan.
        previous: Plan,
        /// What was asked.
        wish: String,
    },
    /// The base moved so that the work conflicts with it.
    Conflict {
        /// The plan that was carried out.
        previous: Plan,
        /// Files in conflict.
        files: Vec<String>,
    },
}

/// See [`State::AwaitingApproval`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AwaitingApproval {
    /// The newest plan.
    pub plan: Plan,
    /// Since when it waits.
    pub since: Timestamp,
}

/// See [`State::Queued`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Queued {
    /// What to do.
    pub work: Work,
    /// The run that waits.
    pub run: RunId,
}

/// See [`State::Implementing`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Implementing {
    /// What to do.
    pub work: Work,
    /// The run.
    pub run: RunId,
}

/// See [`State::Verifying`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verifying {
    /// What was done.
    pub work: Work,
    /// The patch.
    pub patch: PatchRef,
    /// How far it is.
    pub stage: Stage,
}

/// How far a patch is on its way out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "stage", rename_all = "snake_case")]
pub enum Stage {
    /// The patch is judged and tested.
    Testing,
    /// The branch is pushed.
    Pushing(Proof),
    /// The pull request is opened.
    Opening(Proof),
}

/// What was found out about a patch: goes into the pull request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Proof {
    /// The tests' results.
    pub evidence: Evidence,
    /// What a reviewer should look at with care.
    pub notices: Vec<String>,
}

/// See [`State::InReview`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InReview {
    /// What was done.
    pub work: Work,
    /// The patch as pushed.
    pub patch: PatchRef,
    /// What was found out about it.
    pub proof: Proof,
    /// The pull request's number.
    pub pull: IssueNumber,
}

/// See [`State::Revising`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Revising {
    /// What to do.
    pub work: Work,
    /// The run.
    pub run: RunId,
    /// The run whose conversation it goes on from.
    pub after: RunId,
    /// The patch to mend.
    pub patch: PatchRef,
    /// What Baton found.
    pub mend: Mend,
}

/// What an agent is sent back for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "mend", rename_all = "snake_case")]
pub enum Mend {
    /// The patch breaks the policy.
    Refused {
        /// Each finding, as a sentence.
        findings: Vec<String>,
    },
    /// Something fails that did not fail before.
    Failing {
        /// The tests' results.
        evidence: Box<Evidence>,
    },
}

/// See [`State::Paused`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Paused {
    /// Who stopped it.
    pub by: Person,
    /// Where it goes on.
    pub resume: Box<State>,
}

/// See [`State::WaitingForUser`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WaitingForUser {
    /// What is asked.
    pub question: Question,
    /// Since when.
    pub since: Timestamp,
    /// Where it goes on.
    pub resume: Box<State>,
}

/// What a task waits for a word about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "question", rename_all = "snake_case")]
pub enum Question {
    /// A run reached a limit; may it go on?
    Exhausted {
        /// The run.
        run: RunId,
        /// Which limit.
        limit: Exhausted,
    },
}

/// See [`State::Closed`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "because", rename_all = "snake_case")]
pub enum Closed {
    /// The pull request was closed without a merge. Reopening it brings this back.
    PullClosed(Box<InReview>),
    /// A writer rejected the plan.
    Rejected {
        /// Who.
        by: Person,
    },
    /// The agent found nothing to do.
    NothingToDo {
        /// Which of the known ends.
        reason: NothingReason,
    },
    /// The run ended without any change.
    EmptyPatch,
    /// A pull request by a person already closes the issue.
    AlreadyServed {
        /// Its number.
        pull: IssueNumber,
    },
}

/// See [`State::Cancelled`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cancelled {
    /// What happened.
    pub because: Withdrawal,
}

/// How an issue is taken away from the bot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "withdrawal", rename_all = "snake_case")]
pub enum Withdrawal {
    /// `/baton cancel`, or the same through the command line.
    Command {
        /// Who.
        by: Person,
    },
    /// The bot's user was unassigned.
    Unassigned,
    /// The label was taken off.
    Unlabelled,
    /// The issue was closed.
    IssueClosed,
    /// The issue was deleted.
    IssueDeleted,
    /// The issue was moved to another repository.
    IssueTransferred,
    /// The App was removed from the repository.
    Uninstalled,
}

/// See [`State::Failed`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Failed {
    /// What happened.
    pub reason: Failure,
    /// Where `/baton retry` goes on.
    pub resume: Box<State>,
}

/// Why a task broke. Each is a sentence for the people on the issue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "failure", rename_all = "snake_case")]
pub enum Failure {
    /// A run broke: the agent, its provider or the sandbox.
    RunBroke {
        /// Which run.
        run: RunId,
        /// What went wrong.
        reason: String,
    },
    /// `.github/baton.yml` cannot be used.
    Configuration {
        /// Each fault with its line.
        problems: Vec<String>,
    },
    /// The patch breaks the policy, and the agent could not mend that.
    PatchRefused {
        /// Each finding, as a sentence.
        findings: Vec<String>,
    },
    /// GitHub said no to something Baton had to do.
    Refused {
        /// What it was: completes "could not …".
        what: String,
        /// What stands in the way.
        refusal: Refusal,
        /// GitHub's words.
        said: String,
    },
    /// Something Baton had to do failed for good.
    Effect {
        /// What it was.
        what: String,
        /// What went wrong.
        reason: String,
    },
}

impl State {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> StateName {
        match self {
            Self::Planning(_) => StateName::Planning,
            Self::AwaitingApproval(_) => StateName::AwaitingApproval,
            Self::Queued(_) => StateName::Queued,
            Self::Implementing(_) => StateName::Implementing,
            Self::Verifying(_) => StateName::Verifying,
            Self::InReview(_) => StateName::InReview,
            Self::Revising(_) => StateName::Revising,
            Self::Paused(_) => StateName::Paused,
            Self::WaitingForUser(_) => StateName::WaitingForUser,
            Self::Merged(_) => StateName::Merged,
            Self::Closed(_) => StateName::Closed,
            Self::Cancelled(_) => StateName::Cancelled,
            Self::Failed(_) => StateName::Failed,
            Self::Expired => StateName::Expired,
        }
    }

    /// Whether a task that ended in it forgets how far it was.
    #[must_use]
    pub fn is_bare_end(&self) -> bool {
        match self {
            Self::Closed(closed) => !matches!(closed, Closed::PullClosed(_)),
            Self::Cancelled(_) | Self::Expired => true,
            Self::Planning(_)
            | Self::AwaitingApproval(_)
            | Self::Queued(_)
            | Self::Implementing(_)
            | Self::Verifying(_)
            | Self::InReview(_)
            | Self::Revising(_)
            | Self::Paused(_)
            | Self::WaitingForUser(_)
            | Self::Merged(_)
            | Self::Failed(_) => false,
        }
    }

    /// Whether a patch is kept in it.
    #[must_use]
    pub fn has_patch(&self) -> bool {
        match self {
            Self::Verifying(_) | Self::Revising(_) | Self::InReview(_) => true,
            Self::Paused(s) => s.resume.has_patch(),
            Self::WaitingForUser(s) => s.resume.has_patch(),
            Self::Failed(s) => s.resume.has_patch(),
            _ => false,
        }
    }

    /// The plan that waits for an answer in it, if any; looks through a pause.
    #[must_use]
    pub fn waiting_plan(&self) -> Option<&Plan> {
        match self {
            Self::AwaitingApproval(s) => Some(&s.plan),
            Self::Paused(s) => s.resume.waiting_plan(),
            _ => None,
        }
    }

    /// The effect that the task cannot leave this state without, as it was ordered.
    #[must_use]
    pub fn awaited(&self) -> Option<Awaited<'_>> {
        match self {
            Self::Planning(s) => Some(Awaited::Run(s.run)),
            Self::Queued(s) => Some(Awaited::Run(s.run)),
            Self::Implementing(s) => Some(Awaited::Run(s.run)),
            Self::Revising(s) => Some(Awaited::Run(s.run)),
            Self::AwaitingApproval(s) => Some(Awaited::PostPlan(&s.plan)),
            Self::Verifying(s) => Some(match s.stage {
                Stage::Testing => Awaited::Verify(&s.patch.head),
                Stage::Pushing(_) => Awaited::Push(&s.patch.head),
                Stage::Opening(_) => Awaited::OpenPull(&s.patch.head),
            }),
            Self::InReview(_)
            | Self::Paused(_)
            | Self::WaitingForUser(_)
            | Self::Merged(_)
            | Self::Closed(_)
            | Self::Cancelled(_)
            | Self::Failed(_)
            | Self::Expired => None,
        }
    }

    /// The approved work in it, if any; looks through pauses, failures and the end of the pull request.
    #[must_use]
    pub fn work(&self) -> Option<&Work> {
        match self {
            Self::Queued(s) => Some(&s.work),
            Self::Implementing(s) => Some(&s.work),
            Self::Verifying(s) => Some(&s.work),
            Self::InReview(s) => Some(&s.work),
            Self::Revising(s) => Some(&s.work),
            Self::Paused(s) => s.resume.work(),
            Self::WaitingForUser(s) => s.resume.work(),
            Self::Failed(s) => s.resume.work(),
            Self::Merged(s) | Self::Closed(Closed::PullClosed(s)) => Some(&s.work),
            Self::Planning(_) | Self::AwaitingApproval(_) | Self::Closed(_) | Self::Cancelled(_) | Self::Expired => {
                None
            }
        }
    }
}
/// The states' names, as the contract spells them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "described at the variants of `State`")]
pub enum StateName {
    Planning,
    AwaitingApproval,
    Queued,
    Implementing,
    Verifying,
    InReview,
    Revising,
    Paused,
    WaitingForUser,
    Merged,
    Closed,
    Cancelled,
    Failed,
    Expired,
}

impl StateName {
    /// Every state, in the order of the contract.
    pub const ALL: [StateName; 14] = [
        Self::Planning,
        Self::AwaitingApproval,
        Self::Queued,
        Self::Implementing,
        Self::Verifying,
        Self::InReview,
        Self::Revising,
        Self::Paused,
        Self::WaitingForUser,
        Self::Merged,
        Self::Closed,
        Self::Cancelled,
        Self::Failed,
        Self::Expired,
    ];

    /// The name in commands, files and the store.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Planning => "planning",
            Self::AwaitingApproval => "awaiting_approval",
            Self::Queued => "queued",
            Self::Implementing => "implementing",
            Self::Verifying => "verifying",
            Self::InReview => "in_review",
            Self::Revising => "revising",
            Self::Paused => "paused",
            Self::WaitingForUser => "waiting_for_user",
            Self::Merged => "merged",
            Self::Closed => "closed",
            Self::Cancelled => "cancelled",
            Self::Failed => "failed",
            Self::Expired => "expired",
        }
    }

    /// Whether a task in this state has ended. `failed` has, but `/baton retry` revives it.
    #[must_use]
    pub fn is_end(self) -> bool {
        matches!(self, Self::Merged | Self::Closed | Self::Cancelled | Self::Failed | Self::Expired)
    }
}
