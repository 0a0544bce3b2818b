//! What happened, in the past tense, each with its actor or run. Events are all that changes a task, and its history.

use serde::{Deserialize, Serialize};

use super::actor::{Actor, Person};
use super::effect::Effect;
use super::evidence::Evidence;
use super::ids::{CommentId, CommitSha, Digest, IssueNumber, RunId};
use super::issue::{CommentRef, IssueSnapshot};
use super::note::VoidApproval;
use super::plan::{PlanDraft, PlannedCommands};
use super::refusal::Refusal;
use super::run::NothingReason;
use super::settings::{RepositorySettings, TaskPolicy};
use super::task::{PatchRef, Withdrawal};
use super::time::Timestamp;
use super::usage::{Exhausted, Usage};
use super::wait::Wait;
use crate::command::Command;

/// Something that happened to a task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// Somebody handed the issue over: the task begins, or begins anew.
    Triggered(Box<Triggered>),
    /// Somebody typed a command, on the issue, on the pull request, or at the operator's command line.
    Commanded(Box<Commanded>),
    /// The issue was taken away.
    Withdrawn {
        /// How.
        because: Withdrawal,
        /// Who did it, as the delivery says; for the history alone.
        #[serde(default)]
        by: Option<Person>,
    },
    /// The issue's title or body was edited.
    IssueEdited {
        /// The issue as it reads now.
        issue: IssueSnapshot,
    },
    /// The label `baton:auto` was set by this actor.
    AdvanceGiven {
        /// Who set it, with the role GitHub tells now.
        by: Actor,
        /// The issue as it reads now.
        issue: IssueSnapshot,
    },
    /// The comment that approved was deleted.
    ApprovalDeleted {
        /// The comment.
        comment: CommentId,
    },
    /// The label `baton:auto` was taken off.
    AdvanceTakenBack,
    /// The approval does not count any more, asked before the work was started, judged or pushed.
    ApprovalVoided {
        /// Why.
        because: VoidApproval,
    },
    /// A worker took up a run.
    RunStarted {
        /// The run.
        run: RunId,
    },
    /// A run was broken off, by whoever stopped it or by a fault that may pass: what it used until then is spent.
    RunInterrupted {
        /// The run.
        run: RunId,
        /// What it used in this attempt.
        usage: Usage,
    },
    /// A run goes on from the work of an earlier attempt, or of an earlier run for the same purpose.
    RunContinued {
        /// The run.
        run: RunId,
        /// When what it goes on from was kept.
        kept_at: Timestamp,
    },
    /// Work was kept, but could not be read or put back: the run starts anew.
    KeptWorkUnusable {
        /// The run.
        run: RunId,
        /// Why.
        reason: String,
    },
    /// A planning run handed in a plan.
    PlanWritten(Box<PlanWritten>),
    /// The plan's comment stands on the issue.
    PlanPosted {
        /// The revision.
        revision: u32,
        /// Its comment.
        comment: CommentRef,
    },
    /// `.github/baton.yml` cannot be used.
    ConfigurationInvalid {
        /// The run that found out.
        run: RunId,
        /// Each fault with its line.
        problems: Vec<String>,
    },
    /// A person's pull request already closes the issue.
    AlreadyServed {
        /// The run that found out.
        run: RunId,
        /// Its number.
        pull: IssueNumber,
    },
    /// A run made a patch, kept in Baton's own repository.
    PatchMade {
        /// The run.
        run: RunId,
        /// The patch.
        patch: PatchRef,
        /// What the run used.
        usage: Usage,
    },
    /// A run ended without any change and without saying why.
    NothingChanged {
        /// The run.
        run: RunId,
        /// What the agent says it did.
        summary: String,
        /// Whether it took back everything that an earlier run had changed, so that nothing is left to judge.
        #[serde(default)]
        taken_back: bool,
        /// What the run used.
        usage: Usage,
    },
    /// A run ended because nothing is to be done.
    NothingToDo {
        /// The run.
        run: RunId,
        /// Which of the known ends.
        reason: NothingReason,
        /// What was tried and seen.
        explanation: String,
        /// What the run used.
        usage: Usage,
    },
    /// A limit stopped a run.
    RunExhausted {
        /// The run.
        run: RunId,
        /// Which limit.
        limit: Exhausted,
        /// What the run used.
        usage: Usage,
    },
    /// A run broke for good.
    RunBroke {
        /// The run.
        run: RunId,
        /// What went wrong.
        reason: String,
        /// What the run used.
        usage: Usage,
    },
    /// The patch breaks the policy.
    PatchRefused {
        /// The judged commit.
        head: CommitSha,
        /// Each finding, as a sentence.
        findings: Vec<String>,
    },
    /// The work conflicts with what the base has become.
    BaseConflicted {
        /// The commit that could not be brought up to date.
        head: CommitSha,
        /// Files in conflict.
        files: Vec<String>,
    },
    /// The base has come to contain the very same change.
    BaseHasIt {
        /// The commit that is not needed any more.
        head: CommitSha,
    },
    /// The tests were run on the base and on the branch.
    EvidenceTaken {
        /// The judged commit.
        head: CommitSha,
        /// The patch as it was tested: brought up to date with its base.
        patch: PatchRef,
        /// What came out.
        evidence: Box<Evidence>,
        /// What a reviewer should look at with care.
        notices: Vec<String>,
    },
    /// The branch stands on GitHub.
    BranchPushed {
        /// The commit.
        head: CommitSha,
    },
    /// GitHub said no to something Baton had to do, and names why.
    EffectRefused {
        /// What it was.
        effect: Box<Effect>,
        /// What stands in the way.
        refusal: Refusal,
        /// GitHub's words.
        said: String,
    },
    /// The pull request is open.
    PullOpened {
        /// Its number.
        pull: IssueNumber,
    },
    /// The pull request was merged or closed.
    PullClosed {
        /// Its number.
        pull: IssueNumber,
        /// Whether it was merged.
        merged: bool,
        /// Who did it, as the delivery says; for the history alone.
        #[serde(default)]
        by: Option<Person>,
    },
    /// A closed pull request was opened again.
    PullReopened {
        /// Its number.
        pull: IssueNumber,
        /// Who did it, as the delivery says; for the history alone.
        #[serde(default)]
        by: Option<Person>,
    },
    /// A timer fired.
    TimerFired {
        /// Which.
        timer: super::effect::Timer,
    },
    /// Something Baton had to do failed for good: its job is in the dead-letter list.
    EffectFailed {
        /// The effect's key.
        key: String,
        /// What it was.
        effect: Box<Effect>,
        /// What went wrong, fit for everybody.
        reason: String,
    },
    /// What the task needs next had to wait for GitHub for some minutes, and waits no more.
    Waited {
        /// For what, and how long.
        wait: Wait,
    },
}

/// See [`Event::Triggered`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Triggered {
    /// Who.
    pub by: Actor,
    /// How.
    pub trigger: Trigger,
    /// When that was done, by GitHub's clock, where it tells. A command's comment has its own time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// The issue as it read at that moment.
    pub issue: IssueSnapshot,
    /// The operator's policy.
    pub policy: TaskPolicy,
}

/// How a task starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "trigger", rename_all = "snake_case")]
pub enum Trigger {
    /// The issue was assigned to one of the bot's logins.
    Assigned,
    /// The issue got the label.
    Labelled,
    /// The label `baton:auto`: start, and approval in advance.
    LabelledAuto,
    /// `/plan`.
    Command {
        /// The comment.
        comment: CommentRef,
    },
    /// `baton task start`.
    CommandLine,
}

/// See [`Event::Commanded`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Commanded {
    /// Who.
    pub by: Actor,
    /// What.
    pub command: Command,
    /// Where from.
    pub origin: Origin,
    /// The issue as it reads at this moment.
    pub issue: IssueSnapshot,
    /// What became of the newest plan's comment on GitHub.
    pub plan_comment: PlanCommentCheck,
    /// Set where an answer to this is the last one that this person gets here for now: when the next one comes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quiet_until: Option<Timestamp>,
}

/// Where a command was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "origin", rename_all = "snake_case")]
pub enum Origin {
    /// A comment on the issue.
    Issue {
        /// The comment.
        comment: CommentRef,
        /// Which command of the comment, from 0.
        index: u32,
    },
    /// A comment on the task's pull request.
    Pull {
        /// The comment.
        comment: CommentRef,
        /// Which command of the comment, from 0.
        index: u32,
    },
    /// The operator's command line; nobody to answer on GitHub.
    CommandLine,
}

/// Whether the newest plan's comment still says what Baton posted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlanCommentCheck {
    /// It does, or there is no plan to look at.
    Intact,
    /// Somebody edited it.
    Edited,
    /// It is gone.
    Missing,
}

/// See [`Event::PlanWritten`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlanWritten {
    /// The run.
    pub run: RunId,
    /// The issue's text the agent read.
    pub issue_digest: Digest,
    /// The commit the agent read.
    pub base: CommitSha,
    /// The proposal.
    pub draft: PlanDraft,
    /// How Baton will set up and test.
    pub commands: PlannedCommands,
    /// The repository's own file.
    pub settings: RepositorySettings,
    /// What the run used.
    pub usage: Usage,
}

impl Event {
    /// What a run used, where the event books that on its task.
    pub fn booked(&mut self) -> Option<&mut Usage> {
        match self {
            Self::PlanWritten(written) => Some(&mut written.usage),
            Self::RunInterrupted { usage, .. }
            | Self::PatchMade { usage, .. }
            | Self::NothingChanged { usage, .. }
            | Self::NothingToDo { usage, .. }
            | Self::RunExhausted { usage, .. }
            | Self::RunBroke { usage, .. } => Some(usage),
            _ => None,
        }
    }

    /// Writes down who did it, where the event has room for that and does not say it yet.
    pub fn name_the_doer(&mut self, person: Option<&Person>) {
        if let Self::Withdrawn { by, .. } | Self::PullClosed { by, .. } | Self::PullReopened { by, .. } = self
            && by.is_none()
        {
            *by = person.cloned();
        }
    }

    /// The login of the person who did this; `None` where Baton did it, or nobody knows who.
    #[must_use]
    pub fn person(&self) -> Option<&str> {
        match self {
            Self::Triggered(triggered) => Some(&triggered.by.person.login),
            Self::Commanded(commanded) => Some(&commanded.by.person.login),
            Self::AdvanceGiven { by, .. } => Some(&by.person.login),
            Self::Withdrawn { because: Withdrawal::Command { by }, .. } => Some(&by.login),
            Self::Withdrawn { by, .. } | Self::PullClosed { by, .. } | Self::PullReopened { by, .. } => {
                by.as_ref().map(|by| by.login.as_str())
            }
            Self::IssueEdited { .. }
            | Self::ApprovalDeleted { .. }
            | Self::AdvanceTakenBack
            | Self::ApprovalVoided { .. }
            | Self::RunStarted { .. }
            | Self::RunInterrupted { .. }
            | Self::RunContinued { .. }
            | Self::KeptWorkUnusable { .. }
            | Self::PlanWritten(_)
            | Self::PlanPosted { .. }
            | Self::ConfigurationInvalid { .. }
            | Self::AlreadyServed { .. }
            | Self::PatchMade { .. }
            | Self::NothingChanged { .. }
            | Self::NothingToDo { .. }
            | Self::RunExhausted { .. }
            | Self::RunBroke { .. }
            | Self::PatchRefused { .. }
            | Self::BaseConflicted { .. }
            | Self::BaseHasIt { .. }
            | Self::EvidenceTaken { .. }
            | Self::BranchPushed { .. }
            | Self::EffectRefused { .. }
            | Self::PullOpened { .. }
            | Self::TimerFired { .. }
            | Self::EffectFailed { .. }
            | Self::Waited { .. } => None,
        }
    }
}
