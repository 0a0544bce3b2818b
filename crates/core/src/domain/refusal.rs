//! Why GitHub says no to something Baton has to do, read from GitHub's own words.
//!
//! GitHub has codes for pushes only (GH001, GH006, GH009, GH013), and sentences for everything else. Both are read here, and
//! nowhere else: words come in, a closed list of reasons comes out. What is kept of the words is short, and is shown by
//! `prose::refusal` alone, which makes it inert.
//!
//! Source: GitHub's documentation on protected branches, rulesets, push protection, large files and "Troubleshooting the
//! REST API", and recorded traffic.

use serde::{Deserialize, Serialize};

/// So many rules, files or secrets are named at most.
const NAMED: usize = 10;
/// The longest name that is kept, in characters.
const NAME_CHARS: usize = 200;

/// What stands in the way. Each is something a person can put right, except where it says otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "refusal", rename_all = "snake_case")]
pub enum Refusal {
    /// GH006: a protected branch.
    BranchProtected {
        /// The broken rules, in GitHub's words.
        rules: Vec<String>,
    },
    /// GH013: a ruleset of the repository or its organisation.
    Ruleset {
        /// The broken rules, in GitHub's words.
        rules: Vec<String>,
    },
    /// GH013 or GH009: push protection found secrets.
    Secrets {
        /// What and where; never the secret.
        found: Vec<SecretPlace>,
    },
    /// GH001: a file, or everything together, is too large.
    TooLarge {
        /// The files that GitHub names.
        files: Vec<String>,
    },
    /// The repository or its owner has no room left.
    OverQuota,
    /// A workflow file, and the App may not write those.
    Workflow {
        /// The file, where GitHub names it.
        path: Option<String>,
    },
    /// The branch is not where Baton left it: somebody else's commits are on it.
    BranchTaken,
    /// A hook of the server said no, for reasons of its own.
    Hook,
    /// The repository is archived: read-only.
    Archived,
    /// The repository has no commit.
    Empty,
    /// The branch to merge into is not there.
    BaseMissing,
    /// The App lacks a permission.
    Permission {
        /// What it needs (`workflows: write`), where that is known.
        needs: Option<String>,
        /// What the App asks for already and the installation's owner has not accepted yet.
        unaccepted: Vec<String>,
        /// Where the owner grants it.
        page: Option<String>,
    },
    /// The installation is suspended.
    Suspended,
    /// The App is not installed there.
    NotInstalled,
    /// 404: not there, or hidden from the App.
    Hidden,
    /// Issues are switched off.
    IssuesOff,
    /// Pull requests are switched off.
    PullsOff,
    /// The conversation is locked, for the App too.
    Locked,
    /// The branch has nothing that its base lacks.
    NoCommits,
    /// There is a pull request from this branch already.
    PullExists,
    /// Only some people may open pull requests or comment here.
    Restricted,
    /// GitHub itself keeps everybody out of the repository.
    Blocked,
    /// What it is about is gone.
    Gone,
    /// Words that are not known here.
    Other,
}

/// A secret that push protection found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretPlace {
    /// The kind, as GitHub names it: `Stripe Live API Secret Key`.
    pub kind: String,
    /// The file, mostly with its line: `config/pay.py:4`.
    pub place: String,
}

impl Refusal {
    /// What stands in the way according to GitHub's words: the lines of a push, or the message and errors of an answer.
    /// Words that say nothing known are [`Refusal::Other`].
    #[must_use]
    pub fn read(words: &str) -> Self {
        let text = words.to_lowercase();
        let has = |part: &str| text.contains(part);
        if has("refusing to allow") && has("workflow") {
            Self::Workflow { path: quoted(words) }
        } else if has("gh001") || has("exceeds github's file size limit") || has("exceeds maximum allowed size") {
            Self::TooLarge { files: named(words, too_large) }
        } else if has("gh009") || has("gh013") && (has("push protection") || has("cannot contain secrets")) {
            Self::Secrets { found: secrets(words) }
        } else if has("gh013") || has("repository rule violations") {
            Self::Ruleset { rules: named(words, rule) }
        } else if has("gh006") || has("protected branch") {
            Self::BranchProtected { rules: named(words, rule) }
        } else if QUOTA.iter().any(|part| has(part)) {
            Self::OverQuota
        } else if has("was archived so") || has("is read-only") {
            Self::Archived
        } else if has("repository is empty") {
            Self::Empty
        } else if has("has no commit yet") || has("pullrequest base invalid") {
            Self::BaseMissing
        } else if NOT_GRANTED.iter().any(|part| has(part)) || has("permission to ") && has(" denied") {
            Self::permission(None)
        } else if has("has been suspended") || has("account was suspended") {
            Self::Suspended
        } else if has("issues are disabled") || has("issues has been disabled") {
            Self::IssuesOff
        } else if has("pull requests are disabled") || has("pull requests has been disabled") {
            Self::PullsOff
        } else if has("is locked") {
            Self::Locked
        } else if has("no commits between") {
            Self::NoCommits
        } else if has("a pull request already exists") {
            Self::PullExists
        } else if RESTRICTED.iter().any(|part| has(part)) {
            Self::Restricted
        } else if has("repository access blocked") || has("repository has been disabled") {
            Self::Blocked
        } else if has("was deleted") {
            Self::Gone
        } else if MOVED.iter().any(|part| has(part)) {
            Self::BranchTaken
        } else if has("hook declined") {
            Self::Hook
        } else {
            Self::Other
        }
    }

    /// A missing permission, before anybody looked what was granted.
    #[must_use]
    pub fn permission(needs: Option<String>) -> Self {
        Self::Permission { needs, unaccepted: Vec::new(), page: None }
    }

    /// Whether nothing can be said where it happened, so that people have to be told elsewhere.
    #[must_use]
    pub fn silences(&self) -> bool {
        match self {
            Self::Archived
            | Self::Suspended
            | Self::NotInstalled
            | Self::Hidden
            | Self::IssuesOff
            | Self::Locked
            | Self::Restricted
            | Self::Blocked
            | Self::Gone => true,
            Self::BranchProtected { .. }
            | Self::Ruleset { .. }
            | Self::Secrets { .. }
            | Self::TooLarge { .. }
            | Self::OverQuota
            | Self::Workflow { .. }
            | Self::BranchTaken
            | Self::Hook
            | Self::Empty
            | Self::BaseMissing
            | Self::Permission { .. }
            | Self::PullsOff
            | Self::NoCommits
            | Self::PullExists
            | Self::Other => false,
        }
    }
}

/// No room, in the words of GitHub's storage and of the disks behind a server of one's own.
const QUOTA: [&str; 6] = [
    "over its data quota",
    "disk quota",
    "storage quota",
    "over its size limit",
    "repository size limit",
    "no space left on device",
];

const NOT_GRANTED: [&str; 4] = [
    "resource not accessible by integration",
    "permissions requested are not granted",
    "write access to repository not granted",
    "must have admin rights to repository",
];

const RESTRICTED: [&str; 3] =
    ["has limited the ability to", "must be a collaborator", "pull request creation is restricted"];

/// git's and GitHub's words for a branch that somebody moved before or during the push.
const MOVED: [&str; 7] = [
    "(stale info)",
    "(fetch first)",
    "(non-fast-forward)",
    "(remote ref updated since checkout)",
    "cannot lock ref",
    "failed to update ref",
    "reference already exists",
];

/// What a line names, for the first few lines that name something.
fn named(words: &str, one: impl Fn(&str) -> Option<&str>) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for name in words.lines().filter_map(|line| one(line.trim())).map(short) {
        if names.len() < NAMED && !name.is_empty() && !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

fn short(name: &str) -> String {
    name.trim().chars().filter(|c| !c.is_control()).take(NAME_CHARS).collect()
}

/// `- Changes must be made through a pull request.`
fn rule(line: &str) -> Option<&str> {
    line.strip_prefix("- ")
}

/// `error: File a.bin is 120.00 MB; this exceeds GitHub's file size limit of 100.00 MB`
fn too_large(line: &str) -> Option<&str> {
    let (before, _) = line.split_once("; this exceeds")?;
    let (_, file) = before.split_once("File ")?;
    Some(file.rsplit_once(" is ").map_or(file, |(name, _)| name))
}

/// What stands between the first two backticks.
fn quoted(words: &str) -> Option<String> {
    let (_, rest) = words.split_once('`')?;
    let (name, _) = rest.split_once('`')?;
    Some(short(name)).filter(|name| !name.is_empty())
}

/// A heading between dashes names the kind, and each `path:` under it a place.
fn secrets(words: &str) -> Vec<SecretPlace> {
    let (mut kind, mut found) = (String::new(), Vec::new());
    for line in words.lines().map(str::trim) {
        if let Some(heading) = line.strip_prefix("——") {
            let heading = heading.trim_matches(['—', ' ']);
            if !heading.is_empty() {
                kind = short(heading);
            }
        } else if let Some(place) = line.strip_prefix("path:") {
            let one = SecretPlace { kind: kind.clone(), place: short(place) };
            if found.len() < NAMED && !one.place.is_empty() && !found.contains(&one) {
                found.push(one);
            }
        }
    }
    found
}
