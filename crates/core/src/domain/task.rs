//! A task: one issue on its way to one pull request. The states it can be in are in [`super::state`].

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::actor::Person;
use super::effect::Turn;
use super::ids::{BranchName, CommentId, CommitSha, Digest, IssueNumber, RunId, TaskId};
use super::issue::{CommentRef, IssueSnapshot, RepositoryRef, Thread};
use super::plan::Plan;
use super::settings::{RepositorySettings, TaskPolicy};
pub use super::state::{
    Awaited, AwaitingApproval, Cancelled, Closed, Failed, Failure, Implementing, InReview, Mend, Paused, PlanCause,
    Planning, Proof, Question, Queued, Revising, Stage, State, StateName, Verifying, WaitingForUser, Withdrawal,
};
use super::time::Timestamp;
use super::usage::{MicroDollars, Usage};
use super::wait::Wait;

/// So many waits are told.
const WAITS: usize = 3;

/// Of so many runs it is told that they went on.
const CONTINUED: usize = 20;

/// GitHub's times are cut to these.
const SECOND: Duration = Duration::from_secs(1);

/// One issue on its way to one pull request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Task {
    /// Its number.
    pub id: TaskId,
    /// Where it lives.
    pub repository: RepositoryRef,
    /// The issue as last heard of. What was approved is kept with the approval.
    pub issue: IssueSnapshot,
    /// Counts the tasks on this issue from 1.
    pub attempt: u32,
    /// Who asked for it.
    pub requester: Person,
    /// When it began.
    pub began: Timestamp,
    /// When it was asked for, by GitHub's clock, in whole seconds: what was written before that was not written for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_at: Option<Timestamp>,
    /// Whether the label `baton:auto` began it: taking that off then takes the issue away.
    pub began_by_label: bool,
    /// The operator's policy, narrowed by the repository's file once that was read.
    pub policy: TaskPolicy,
    /// The repository's own file, as read with the newest plan.
    pub settings: RepositorySettings,
    /// A writer's label `baton:auto`.
    pub advance: Advance,
    /// Runs so far.
    pub runs: u32,
    /// Plan revisions so far.
    pub plans: u32,
    /// The plans' comments that stand on the issue, oldest first.
    pub plan_comments: Vec<PostedPlan>,
    /// The branch of its work, named when the first plan was approved and kept from then on.
    pub branch: Option<BranchName>,
    /// Its pull request, once there is one.
    pub pull: Option<IssueNumber>,
    /// Counts retries and resumptions, so that repeated work has keys of its own.
    pub generation: u32,
    /// What all runs used together.
    pub usage: Usage,
    /// Its last long waits for GitHub, the newest at the end.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waits: Vec<Wait>,
    /// Runs that went on from what was kept, the newest at the end.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub continued: Vec<Continued>,
    /// Where it stood when it ended, where the end itself does not hold that: how far it came.
    #[serde(default)]
    pub ended_from: Option<Box<State>>,
    /// Where it stands.
    pub state: State,
}

impl Task {
    /// Whether it was asked for after that, by GitHub's clock, as far as that is known: what was done then was not done for it.
    #[must_use]
    pub fn was_asked_for_after(&self, at: Timestamp) -> bool {
        self.asked_at.is_some_and(|asked| at < asked)
    }

    /// Whether what happened at that time, by GitHub's clock in whole seconds, was about an earlier task. Where nobody on GitHub
    /// asked for this one, Baton's own clock has to do.
    #[must_use]
    pub fn is_later_than(&self, at: Timestamp) -> bool {
        match self.asked_at {
            Some(asked) => at < asked,
            None => at.plus(SECOND) <= self.began,
        }
    }

    /// The issue's thread.
    #[must_use]
    pub fn thread(&self) -> Thread {
        Thread { repository: self.repository.clone(), number: self.issue.number }
    }

    /// The thread of its pull request, once there is one.
    #[must_use]
    pub fn pull_thread(&self) -> Option<Thread> {
        self.pull.map(|number| Thread { repository: self.repository.clone(), number })
    }

    /// The state that tells how far it came: the present one, or the one it ended from.
    #[must_use]
    pub fn reached(&self) -> &State {
        self.ended_from.as_deref().unwrap_or(&self.state)
    }

    /// Keeps a wait that is over; of many, the newest.
    pub(super) fn has_waited(&mut self, wait: Wait) {
        self.waits.push(wait);
        let too_many = self.waits.len().saturating_sub(WAITS);
        self.waits.drain(..too_many);
    }

    /// Keeps that a run went on; of one that did so several times, the last time.
    pub(super) fn has_continued(&mut self, continued: Continued) {
        self.continued.retain(|earlier| earlier.run != continued.run);
        self.continued.push(continued);
        let too_many = self.continued.len().saturating_sub(CONTINUED);
        self.continued.drain(..too_many);
    }

    /// When that was kept from which a run went on, if it did.
    #[must_use]
    pub fn went_on_from(&self, run: RunId) -> Option<Timestamp> {
        self.continued.iter().find(|continued| continued.run == run).map(|continued| continued.kept_at)
    }

    /// Numbers the next run.
    pub fn next_run(&mut self) -> RunId {
        self.runs += 1;
        RunId { task: self.id, number: self.runs }
    }

    /// Whether it has ended.
    #[must_use]
    pub fn ended(&self) -> bool {
        self.state.name().is_end()
    }

    /// The run that is under way or waits for a worker, if any.
    #[must_use]
    pub fn current_run(&self) -> Option<RunId> {
        match &self.state {
            State::Planning(s) => Some(s.run),
            State::Queued(s) => Some(s.run),
            State::Implementing(s) => Some(s.run),
            State::Revising(s) => Some(s.run),
            _ => None,
        }
    }

    /// The approved work, if there is any.
    #[must_use]
    pub fn work(&self) -> Option<&Work> {
        self.state.work()
    }

    /// The comment of a plan revision, once it stands on the issue.
    #[must_use]
    pub fn plan_comment(&self, revision: u32) -> Option<CommentRef> {
        self.plan_comments.iter().rev().find(|p| p.revision == revision).map(|p| p.comment)
    }

    /// The operator's policy, narrowed by the repository's own file.
    #[must_use]
    pub fn effective_policy(&self) -> TaskPolicy {
        self.policy.narrowed_by(&self.settings)
    }

    /// Money that is left for the next run.
    #[must_use]
    pub fn money_left(&self) -> MicroDollars {
        MicroDollars(self.policy.task_cost.0.saturating_sub(self.usage.cost.0))
    }

    /// How far it is, for the keys of its effects.
    #[must_use]
    pub fn turn(&self) -> Turn {
        Turn { generation: self.generation, runs: self.runs }
    }

    /// The prefix of the keys of everything this task does outside.
    #[must_use]
    pub fn scope(&self) -> String {
        format!("task/{}", self.id)
    }
}

/// A run that went on from work which had been kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Continued {
    /// The run.
    pub run: RunId,
    /// When that work was kept.
    pub kept_at: Timestamp,
}

/// A plan's comment on the issue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PostedPlan {
    /// The plan's revision.
    pub revision: u32,
    /// Where it stands.
    pub comment: CommentRef,
}

/// Approval in advance by the label `baton:auto`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "advance", rename_all = "snake_case")]
pub enum Advance {
    /// None was given.
    Nothing,
    /// A writer set the label while the issue read like this.
    Given {
        /// Who.
        by: Person,
        /// When the label was set.
        at: Timestamp,
        /// The issue's text at that time.
        issue_digest: Digest,
    },
}

/// A writer's word that exactly this plan is to be carried out for exactly this issue text from exactly this commit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// Who gave it.
    pub by: Person,
    /// How.
    pub through: ApprovedThrough,
    /// When.
    pub at: Timestamp,
    /// The approved revision.
    pub revision: u32,
    /// The approved plan's digest.
    pub plan_digest: Digest,
    /// The digest of the issue's title and body.
    pub issue_digest: Digest,
    /// Where work starts.
    pub base: CommitSha,
}

/// How an approval was given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "through", rename_all = "snake_case")]
pub enum ApprovedThrough {
    /// A comment `/plan approve`.
    Comment {
        /// Its number.
        id: CommentId,
    },
    /// The label `baton:auto`, where the default branch's file allows it.
    Label,
    /// The operator's command line.
    CommandLine,
}

/// What was approved, on its way through implementation and verification.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Work {
    /// The approved plan.
    pub plan: Plan,
    /// The approval.
    pub approval: Approval,
    /// The issue's text as approved. Runs see this one, whatever the issue says now.
    pub issue: IssueSnapshot,
    /// The branch the work is pushed to.
    pub branch: BranchName,
    /// How often the agent was sent back.
    pub rounds: u32,
}

/// A patch, as commits in Baton's own repository.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PatchRef {
    /// Where it starts.
    pub base: CommitSha,
    /// The commit.
    pub head: CommitSha,
    /// What the agent says it did.
    pub summary: String,
}
