//! What is to be done, in the imperative, each with a stable key: plain data that one job performs.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::ids::{BranchName, CommentId, CommitSha, IssueNumber, RunId};
use super::issue::{IssueSnapshot, Thread};
use super::note::Note;
use super::plan::Plan;
use super::run::RunKind;
use super::task::{Approval, Awaited, Mend, PatchRef, PlanCause, Proof, State};
use super::time::Timestamp;

/// One thing to do outside, or to the queue.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "effect", rename_all = "snake_case")]
pub enum Effect {
    /// React with 👀 to a comment that commands.
    Acknowledge {
        /// The comment.
        comment: CommentId,
    },
    /// Say something once, as a comment.
    Say {
        /// Makes the comment one of its kind: part of the effect's key.
        occasion: String,
        /// Where.
        thread: Thread,
        /// What.
        note: Note,
    },
    /// Post a plan revision as a comment.
    PostPlan {
        /// The plan.
        plan: Plan,
    },
    /// Fold an older revision's comment away.
    MinimisePlan {
        /// Its revision.
        revision: u32,
        /// Its comment.
        comment: CommentId,
    },
    /// Bring the progress comment and the check run up to date with the task as it is then.
    ShowProgress,
    /// Let an agent run.
    Run(RunOrder),
    /// Judge a patch and take evidence.
    Verify {
        /// The patch.
        patch: PatchRef,
        /// What was approved.
        approval: Approval,
        /// The approved plan.
        plan: Plan,
    },
    /// Push the branch.
    Push {
        /// The commit.
        head: CommitSha,
        /// Where to.
        branch: BranchName,
        /// The approval, asked again before anything leaves.
        approval: Approval,
    },
    /// Open the pull request, or bring it up to date.
    OpenPull {
        /// The branch.
        branch: BranchName,
        /// The patch.
        patch: PatchRef,
        /// What was found out.
        proof: Proof,
    },
    /// Ask people for a review.
    RequestReview {
        /// The pull request.
        pull: IssueNumber,
        /// Logins.
        logins: Vec<String>,
    },
    /// Stop the run or the verification that is going on, and drop those that wait.
    StopWork,
    /// Wake the task at a time.
    Wake {
        /// When.
        at: Timestamp,
        /// What for.
        timer: Timer,
    },
}

/// One run to let an agent do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunOrder {
    /// Its number.
    pub run: RunId,
    /// What for, with what it needs.
    pub purpose: Purpose,
}

/// What a run is for, with exactly what it needs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "purpose", rename_all = "snake_case")]
pub enum Purpose {
    /// Write a plan for the issue as it reads then.
    Plan {
        /// Why, with the last plan where there is one.
        cause: PlanCause,
    },
    /// Carry out an approved plan from its base.
    Implement {
        /// The plan.
        plan: Plan,
        /// The approval.
        approval: Approval,
        /// The issue's text as approved.
        issue: IssueSnapshot,
    },
    /// Mend a patch.
    Revise {
        /// The plan.
        plan: Plan,
        /// The approval.
        approval: Approval,
        /// The issue's text as approved.
        issue: IssueSnapshot,
        /// The patch to go on from.
        patch: PatchRef,
        /// What Baton found.
        mend: Mend,
        /// The run to go on from.
        after: RunId,
    },
}

impl Purpose {
    /// The kind of run.
    #[must_use]
    pub fn kind(&self) -> RunKind {
        match self {
            Self::Plan { .. } => RunKind::Plan,
            Self::Implement { .. } => RunKind::Implement,
            Self::Revise { .. } => RunKind::Revise,
        }
    }
}

/// What a task wakes for. A timer names what it was set for, so that a late one does nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "timer", rename_all = "snake_case")]
pub enum Timer {
    /// Remind people of a plan that waits.
    RemindOfPlan {
        /// The plan's revision.
        revision: u32,
    },
    /// Give up waiting for an approval.
    ExpirePlan {
        /// The plan's revision.
        revision: u32,
    },
    /// Remind people of a question.
    RemindOfQuestion {
        /// The task's generation when it was asked.
        generation: u32,
    },
    /// Give up waiting for an answer.
    ExpireQuestion {
        /// The task's generation when it was asked.
        generation: u32,
    },
}

/// How far a task is: how often it was retried or resumed, and how many runs it had. Prints as `1.4`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Turn {
    /// Counts retries and resumptions.
    pub generation: u32,
    /// Counts runs.
    pub runs: u32,
}

impl fmt::Display for Turn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.generation, self.runs)
    }
}

impl Effect {
    /// The stable key: the same effect of the same task always has the same one, whoever asks for it, however often.
    ///
    /// `scope` is the task's (`task/12`) or, where there is no task, the issue's (`issue/REPOSITORY-ID/7`).
    /// `turn` tells repeated work from the same work: a patch that is judged a second time is judged after another run or
    /// another retry. A comment is the same comment in every turn.
    #[must_use]
    pub fn key(&self, scope: &str, turn: Turn) -> String {
        match self {
            Self::Acknowledge { comment } => format!("{scope}/acknowledge/{comment}"),
            Self::Say { occasion, .. } => format!("{scope}/say/{occasion}"),
            Self::PostPlan { plan } => format!("{scope}/plan/{}/{}", plan.revision, plan.digest.short()),
            Self::MinimisePlan { revision, .. } => format!("{scope}/minimise/{revision}"),
            Self::ShowProgress => format!("{scope}/progress"),
            Self::Run(order) => format!("{scope}/run/{}", order.run.number),
            Self::Verify { patch, .. } => format!("{scope}/verify/{}/{turn}", patch.head),
            Self::Push { head, .. } => format!("{scope}/push/{head}/{turn}"),
            Self::OpenPull { patch, .. } => format!("{scope}/pull/{}/{turn}", patch.head),
            Self::RequestReview { pull, .. } => format!("{scope}/request-review/{pull}"),
            Self::StopWork => format!("{scope}/stop/{turn}"),
            Self::Wake { at, timer } => match timer {
                Timer::RemindOfPlan { revision } => format!("{scope}/remind/plan/{revision}/{}", at.0),
                Timer::ExpirePlan { revision } => format!("{scope}/expire/plan/{revision}/{}", at.0),
                Timer::RemindOfQuestion { generation } => format!("{scope}/remind/question/{generation}/{}", at.0),
                Timer::ExpireQuestion { generation } => format!("{scope}/expire/question/{generation}/{}", at.0),
            },
        }
    }

    /// Whether this is what a task in `state` waits for.
    #[must_use]
    pub fn is_awaited_in(&self, state: &State) -> bool {
        match (self, state.awaited()) {
            (Self::Run(order), Some(Awaited::Run(run))) => order.run == run,
            (Self::PostPlan { plan }, Some(Awaited::PostPlan(waiting))) => plan.digest == waiting.digest,
            (Self::Verify { patch, .. }, Some(Awaited::Verify(head))) => patch.head == *head,
            (Self::Push { head, .. }, Some(Awaited::Push(awaited))) => head == awaited,
            (Self::OpenPull { patch, .. }, Some(Awaited::OpenPull(head))) => patch.head == *head,
            _ => false,
        }
    }

    /// What it does, for people: completes "could not …".
    #[must_use]
    pub fn describe(&self) -> &'static str {
        match self {
            Self::Acknowledge { .. } => "react to a comment",
            Self::Say { .. } => "post a comment",
            Self::PostPlan { .. } => "post the plan",
            Self::MinimisePlan { .. } => "fold an older plan away",
            Self::ShowProgress => "update the progress comment",
            Self::Run(order) => match order.purpose.kind() {
                RunKind::Plan => "write a plan",
                RunKind::Implement => "implement the plan",
                RunKind::Revise => "mend the patch",
            },
            Self::Verify { .. } => "judge and test the patch",
            Self::Push { .. } => "push the branch",
            Self::OpenPull { .. } => "open the pull request",
            Self::RequestReview { .. } => "ask for a review",
            Self::StopWork => "stop the work",
            Self::Wake { .. } => "set a timer",
        }
    }
}
