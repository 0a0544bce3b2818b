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
    /// What was pushed is not replaced by other commits. Baton does that where its branch is brought up to date.
    FastForward,
    /// Something about its commits fits a pattern.
    Commits {
        /// What.
        of: CommitPart,
        /// How.
        pattern: Pattern,
    },
    /// Files that are not pushed, whatever is in them.
    Files {
        /// Which.
        refused: RefusedFiles,
    },
    /// It was deployed to these environments.
    Deployments {
        /// Their names.
        environments: Vec<String>,
    },
    /// These workflows of the organisation have succeeded on it.
    Workflows {
        /// Their files.
        paths: Vec<String>,
        /// Already when it is made.
        on_creation: bool,
    },
    /// These tools have scanned it.
    Scans {
        /// Their names.
        tools: Vec<String>,
    },
    /// It changes through a merge queue alone.
    MergeQueue,
}

/// What of a commit a pattern is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CommitPart {
    /// Its message.
    Message,
    /// Its author's address.
    Author,
    /// Its committer's address.
    Committer,
}

/// A pattern of a ruleset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pattern {
    /// Where the text has to be, or that it is a regular expression.
    pub operator: Operator,
    /// The text.
    pub text: String,
    /// Whether what fits is refused, and not what does not.
    pub negate: bool,
}

/// How a pattern fits. What is not known here is taken for a regular expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operator {
    /// At the beginning.
    StartsWith,
    /// At the end.
    EndsWith,
    /// Anywhere.
    Contains,
    /// As a regular expression.
    Regex,
}

/// Files that a ruleset refuses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "files", rename_all = "snake_case")]
pub enum RefusedFiles {
    /// Those at these paths.
    Paths {
        /// Globs.
        paths: Vec<String>,
    },
    /// Those with these endings.
    Extensions {
        /// With their dots, or without.
        extensions: Vec<String>,
    },
    /// Those with longer paths.
    LongerPaths {
        /// Characters.
        characters: u32,
    },
    /// Larger ones.
    Larger {
        /// Megabytes.
        megabytes: u32,
    },
}

impl BranchRule {
    /// Whether a push of Baton's may break it: the one that makes a branch, or one that replaces what stands there.
    #[must_use]
    pub fn may_refuse_a_push(&self) -> bool {
        match self {
            Self::Creation
            // Whoever makes a branch pushes to it for the first time; what comes later is refused.
            | Self::Update
            | Self::PullRequest { .. }
            | Self::Signatures
            | Self::NamePattern
            | Self::FastForward
            | Self::Commits { .. }
            | Self::Files { .. }
            | Self::Deployments { .. }
            | Self::Scans { .. }
            | Self::MergeQueue => true,
            Self::Checks { on_creation, .. } | Self::Workflows { on_creation, .. } => *on_creation,
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
