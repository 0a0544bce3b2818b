//! Who may do what: an App's permission levels and a person's roles. Plain order relations, nothing about HTTP.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// How much of one App permission is granted (`issues: write`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Reading only.
    Read,
    /// Reading and writing.
    Write,
    /// Everything.
    Admin,
}

/// The permissions of an App, an installation or a token, by GitHub's names (`pull_requests`).
pub type Permissions = BTreeMap<String, Level>;

/// A person's role on one repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// No access besides what everyone has.
    None,
    /// May read.
    Read,
    /// May label, assign and close.
    Triage,
    /// May push.
    Write,
    /// May push and manage without the dangerous settings.
    Maintain,
    /// May do everything.
    Admin,
}

impl Role {
    /// The `permission` field of GitHub's answer, which knows only four words.
    pub fn legacy(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Read | Self::Triage => "read",
            Self::Write | Self::Maintain => "write",
            Self::Admin => "admin",
        }
    }

    /// The `role_name` field of GitHub's answer.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Read => "read",
            Self::Triage => "triage",
            Self::Write => "write",
            Self::Maintain => "maintain",
            Self::Admin => "admin",
        }
    }
}
