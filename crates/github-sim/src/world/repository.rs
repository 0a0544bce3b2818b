//! A repository with everything in it but the git objects, which live in a bare repository on disk.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

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
    pub last_number: u64,
    pub protected: BTreeSet<String>,
    pub check_suites: Vec<CheckSuite>,
    pub check_runs: Vec<CheckRun>,
    pub statuses: Vec<Status>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub pushed_at: Timestamp,
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
