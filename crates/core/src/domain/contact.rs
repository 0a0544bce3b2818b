//! What Baton finds in a repository before anybody hands it an issue: whether it could work there.

use serde::{Deserialize, Serialize};

use super::plan::PlannedCommands;
use super::time::Timestamp;
use super::usage::MicroDollars;

/// A repository as Baton met it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Contact {
    /// When it was looked at.
    pub at: Timestamp,
    /// The default branch.
    pub branch: String,
    /// Whether the repository is read-only.
    pub archived: bool,
    /// What stands on the default branch; nothing where there is no commit.
    pub content: Option<Content>,
    /// Permissions that the App still lacks there, as `name: level`.
    pub missing_permissions: Vec<String>,
}

/// What stands on the default branch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Content {
    /// The commit, shortened.
    pub commit: String,
    /// Languages whose projects were recognised.
    pub languages: Vec<String>,
    /// The commands Baton would run, and where they come from.
    pub commands: PlannedCommands,
    /// What `.github/baton.yml` says.
    pub file: RepositoryFile,
    /// The agent that would work.
    pub agent: AgentAtHand,
    /// The limits of one run and of a patch.
    pub limits: LimitsInForce,
    /// What GitHub's rulesets ask, where GitHub tells.
    #[serde(default)]
    pub rules: Option<Rules>,
    /// Programs that those commands begin with and that no sandbox finds.
    #[serde(default)]
    pub missing_programs: Vec<String>,
}

/// What the repository's rulesets ask. Who may pass over them GitHub does not say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rules {
    /// What Baton's own branches begin with.
    pub prefix: String,
    /// For a branch of Baton's own.
    pub own: Vec<BranchRule>,
    /// For the default branch.
    pub default: Vec<BranchRule>,
}

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "rule", rename_all = "snake_case")]
pub enum BranchRule {
    /// Only some may make such a branch.
    Creation,
    /// Only some may push to it.
    Update,
    /// It changes through pull requests alone.
    PullRequest {
        /// Approvals by people that one needs.
        approvals: u32,
    },
    /// Its commits are signed. Baton's are not.
    Signatures,
    /// These checks have succeeded on its commits.
    Checks {
        /// Their names.
        names: Vec<String>,
        /// Already when it is made.
        on_creation: bool,
    },
    /// Names of branches fit a pattern.
    NamePattern,
}

impl BranchRule {
    /// Whether a push that makes the branch breaks it.
    #[must_use]
    pub fn refuses_a_new_branch(&self) -> bool {
        match self {
            Self::Creation | Self::PullRequest { .. } | Self::Signatures | Self::NamePattern => true,
            Self::Checks { on_creation, .. } => *on_creation,
            // Whoever makes a branch pushes to it for the first time; what comes later is refused.
            Self::Update => true,
        }
    }
}

/// The state of `.github/baton.yml`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "file", rename_all = "snake_case")]
pub enum RepositoryFile {
    /// There is none.
    Absent,
    /// It is good.
    Good,
    /// It cannot be used.
    Faulty {
        /// Each with its line.
        problems: Vec<String>,
    },
}

/// The agent that would work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "agent", rename_all = "snake_case")]
pub enum AgentAtHand {
    /// This one.
    Named {
        /// Its name in the operator's configuration.
        name: String,
        /// What it is.
        label: String,
    },
    /// None: the file names one that is not configured.
    Missing {
        /// What is wrong.
        problem: String,
    },
}

/// What one run may use, and what a patch may contain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitsInForce {
    /// Minutes of one run.
    pub minutes: u64,
    /// Tokens of one run.
    pub tokens: u64,
    /// Dollars of one run.
    pub run: MicroDollars,
    /// Dollars of a task.
    pub task: MicroDollars,
    /// Files a patch may change.
    pub files: usize,
    /// Lines a patch may add and remove together.
    pub lines: u64,
}

impl Contact {
    /// Whether anything would keep Baton from working there.
    #[must_use]
    pub fn is_in_the_way(&self) -> bool {
        let content_is = self.content.as_ref().is_none_or(|content| {
            matches!(content.file, RepositoryFile::Faulty { .. })
                || matches!(content.agent, AgentAtHand::Missing { .. })
        });
        self.archived || !self.missing_permissions.is_empty() || content_is
    }
}
