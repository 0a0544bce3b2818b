//! A repository with everything in it but the git objects, which live in a bare repository on disk.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::check::{CheckRun, CheckSuite, Status};
use super::issue::Issue;
use super::permission::Role;

#[derive(Debug, Clone)]
pub(crate) struct Label {
    pub id: u64,
    pub name: String,
    pub color: String,
    pub description: Option<String>,
}

#[derive(Debug)]
pub(crate) struct Repository {
    pub id: u64,
    pub owner: u64,
    pub name: String,
    pub description: Option<String>,
    pub private: bool,
    pub archived: bool,
    pub has_issues: bool,
    pub default_branch: String,
    pub fork_of: Option<u64>,
    pub collaborators: BTreeMap<u64, Role>,
    pub labels: Vec<Label>,
    pub issues: BTreeMap<u64, Issue>,
    pub deleted_issues: BTreeSet<u64>,
    /// Where transferred issues are now: repository and number.
    pub moved_issues: BTreeMap<u64, (u64, u64)>,
    pub last_number: u64,
    /// Protected branches, and what is refused on each.
    pub protected: BTreeMap<String, BTreeSet<Rule>>,
    /// Rulesets: a pattern of branch names, and a rule.
    pub rulesets: Vec<(String, Rule)>,
    /// Pushes with secrets in them are refused.
    pub push_protection: bool,
    /// What a branch used to be called, and is called now.
    pub renamed_branches: BTreeMap<String, String>,
    /// Every move of a ref, in order.
    pub moves: Vec<RefMove>,
    pub check_suites: Vec<CheckSuite>,
    pub check_runs: Vec<CheckRun>,
    pub statuses: Vec<Status>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub pushed_at: Timestamp,
}

/// A ref that went from one commit to another; zeros stand for none.
#[derive(Debug, Clone)]
pub(crate) struct RefMove {
    pub at: Timestamp,
    pub old: String,
    pub new: String,
}

/// What a protected branch or a ruleset refuses.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Rule {
    /// Every push: changes go through pull requests.
    PullRequest,
    /// Pushes that drop commits.
    ForcePush,
    /// Deleting the branch.
    Deletion,
    /// Making the branch.
    Creation,
    /// Commits without a signature.
    Signatures,
    /// Commits on which this check has not succeeded, and that is every pushed one.
    StatusCheck(String),
}

/// Whether the pattern of a ruleset is about this branch.
pub(crate) fn covers(pattern: &str, branch: &str, default_branch: &str) -> bool {
    match pattern {
        "~ALL" => true,
        "~DEFAULT_BRANCH" => branch == default_branch,
        pattern => match pattern.strip_suffix('*') {
            Some(start) => branch.starts_with(start),
            None => branch == pattern,
        },
    }
}

impl Repository {
    pub(crate) fn label(&self, name: &str) -> Option<&Label> {
        self.labels.iter().find(|label| label.name.eq_ignore_ascii_case(name))
    }

    pub(crate) fn label_by_id(&self, id: u64) -> Option<&Label> {
        self.labels.iter().find(|label| label.id == id)
    }

    pub(crate) fn next_number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }
}
