//! A run as data: what an agent is asked, what it says while it works, and how it ends.

use serde::{Deserialize, Serialize};

use super::ids::RunId;
use super::plan::PlanDraft;
use super::tool::{ToolReply, ToolRequest};
use super::usage::{Exhausted, RunBudget, Usage};

/// What a run is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunKind {
    /// Read the repository and write a plan. Its workspace is read-only.
    Plan,
    /// Make the change the approved plan describes.
    Implement,
    /// Mend what Baton's own test run found, on the same branch.
    Revise,
}

impl RunKind {
    /// The word for people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Plan => "plan",
            Self::Implement => "implement",
            Self::Revise => "revise",
        }
    }
}

/// A comment that may reach a model: written by someone who may write to the repository.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrustedComment {
    /// Who wrote it.
    pub author: String,
    /// Its text, hidden parts removed.
    pub text: String,
}

/// Everything an agent is told. All texts are already cleaned of hidden parts; they are data, never instructions to Baton.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunRequest {
    /// Which run this is.
    pub run: RunId,
    /// What it is for.
    pub kind: RunKind,
    /// `OWNER/NAME`.
    pub repository: String,
    /// The issue's number.
    pub issue_number: i64,
    /// The issue's title.
    pub title: String,
    /// The issue's body.
    pub body: String,
    /// Comments by writers, oldest first.
    pub comments: Vec<TrustedComment>,
    /// Instructions the repository gives to agents (`AGENTS.md` and its kin): path and text.
    pub instructions: Vec<(String, String)>,
    /// How Baton will set up and test, so that the agent can do the same.
    pub commands: Vec<String>,
    /// The approved plan; none while planning.
    pub plan: Option<PlanDraft>,
    /// The plan a revision is asked of, and what was asked (`/plan revise TEXT`).
    pub revise: Option<(PlanDraft, String)>,
    /// What Baton found when it judged or tested the last patch.
    pub feedback: Option<String>,
    /// The limits.
    pub budget: RunBudget,
    /// What earlier attempts at this very run used before they were broken off. It counts towards the limits.
    #[serde(default)]
    pub spent: Spent,
    /// The conversation of an earlier run to go on from.
    pub conversation: Option<serde_json::Value>,
}

/// What is gone of a run's budget.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Spent {
    /// Tokens, money, turns.
    pub usage: Usage,
    /// Wall-clock seconds.
    pub seconds: u64,
}

/// One thing an agent did, for the transcript and the live log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum AgentEvent {
    /// The agent is up: backend, model and whether it is a replay.
    Started {
        /// Name of the agent's kind, for example `native` or `replay`.
        agent: String,
        /// The model, as the provider names it.
        model: String,
    },
    /// The agent said something.
    Text {
        /// What it said.
        text: String,
    },
    /// A tool is called.
    ToolStarted {
        /// The model's id of the call.
        id: String,
        /// What is asked.
        request: ToolRequest,
    },
    /// A tool answered.
    ToolFinished {
        /// The model's id of the call.
        id: String,
        /// What it answered.
        reply: ToolReply,
    },
    /// A model call ended: what it used.
    Used {
        /// Tokens and money of this call alone.
        usage: Usage,
    },
    /// A model call failed and is tried again.
    Retrying {
        /// Why.
        reason: String,
        /// After how many milliseconds.
        after_millis: u64,
    },
    /// Baton stepped in: compaction, a reminder, a limit that comes near.
    Notice {
        /// What it did.
        text: String,
    },
}

/// How a run ended when the agent ended it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "finish", rename_all = "snake_case")]
pub enum Finish {
    /// A plan was handed in.
    Plan {
        /// The proposal.
        draft: PlanDraft,
    },
    /// The work is done; what changed is in the workspace.
    Done {
        /// What was done and why, for the pull request.
        summary: String,
    },
    /// Nothing is to be done: already fixed, cannot be reproduced, and the like.
    Nothing {
        /// Which of the known ends.
        reason: NothingReason,
        /// What was tried and seen.
        explanation: String,
    },
}

/// Why an agent ends without a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NothingReason {
    /// The problem did not show.
    CannotReproduce,
    /// The default branch already does what is asked.
    AlreadyFixed,
    /// The agent cannot do it: too vague, out of reach, not a change of code.
    CannotDo,
}

/// The result of a run that did not break.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunOutcome {
    /// How it ended.
    pub end: RunEnd,
    /// What it used in all.
    pub usage: Usage,
    /// The conversation, to go on from; opaque to everything but the agent that wrote it.
    pub conversation: serde_json::Value,
}

/// The ways a run can end without breaking.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "end", rename_all = "snake_case")]
pub enum RunEnd {
    /// The agent finished.
    Finished(Finish),
    /// A limit stopped it; its work is kept.
    Exhausted {
        /// Which limit.
        limit: Exhausted,
    },
    /// It was told to stop.
    Cancelled,
}
