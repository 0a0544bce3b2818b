//! A plan: what an agent proposes, and the numbered revision of it that a writer approves.

use serde::{Deserialize, Serialize};

use super::ids::{CommitSha, Digest};

/// What a planning run hands in, by the `submit_plan` tool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanDraft {
    /// What will be true afterwards, in a sentence or two.
    pub goal: String,
    /// Files it expects to touch, relative to the repository.
    pub files: Vec<String>,
    /// The steps, in order.
    pub steps: Vec<String>,
    /// How it will be tested.
    pub testing: String,
    /// What may go wrong.
    #[serde(default)]
    pub risks: Vec<String>,
    /// What the agent would like to know.
    #[serde(default)]
    pub questions: Vec<String>,
}

/// One revision of a plan, bound to what it was written for. An approval names all four.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Counts the task's plans from 1.
    pub revision: u32,
    /// Digest of the draft, the commands and the revision's other bindings.
    pub digest: Digest,
    /// Digest of the issue's title and body the plan was written for.
    pub issue_digest: Digest,
    /// The commit the agent read, where work starts.
    pub base: CommitSha,
    /// The proposal.
    pub draft: PlanDraft,
    /// The commands Baton will set up and test with.
    pub commands: PlannedCommands,
}

/// The command lines Baton will run in the sandbox: part of what is approved.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedCommands {
    /// Prepare a fresh checkout, in order.
    pub setup: Vec<String>,
    /// Run the tests, in order.
    pub test: Vec<String>,
    /// Where they come from, for people: `.github/baton.yml`, or what was found.
    pub source: String,
}

impl Plan {
    /// Numbers and binds a draft.
    #[must_use]
    pub fn new(
        revision: u32,
        issue_digest: Digest,
        base: CommitSha,
        draft: PlanDraft,
        commands: PlannedCommands,
    ) -> Self {
        let list = |items: &[String]| Digest::of(&items.iter().map(String::as_str).collect::<Vec<_>>());
        let digest = Digest::of(&[
            &revision.to_string(),
            issue_digest.as_str(),
            base.as_str(),
            &draft.goal,
            list(&draft.files).as_str(),
            list(&draft.steps).as_str(),
            &draft.testing,
            list(&draft.risks).as_str(),
            list(&draft.questions).as_str(),
            list(&commands.setup).as_str(),
            list(&commands.test).as_str(),
        ]);
        Self { revision, digest, issue_digest, base, draft, commands }
    }
}
