//! Names of things: every id is its own type, checked when it is made.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Why a text is not the id it claims to be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {what}")]
pub struct InvalidId {
    /// What was expected, as a noun phrase.
    pub what: &'static str,
    /// What was given.
    pub text: String,
}

macro_rules! number_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}", self.0)
            }
        }

        impl From<$name> for i64 {
            fn from(id: $name) -> i64 {
                id.0
            }
        }
    };
}

number_id!(
    /// A task, numbered by the store in the order of creation.
    TaskId
);
number_id!(
    /// A comment on an issue or a pull request, numbered by GitHub.
    CommentId
);
number_id!(
    /// An issue or pull request, numbered within its repository.
    IssueNumber
);
number_id!(
    /// An installation of the GitHub App.
    InstallationId
);
number_id!(
    /// A repository, by GitHub's number, which survives renames.
    RepositoryId
);
number_id!(
    /// A user, by GitHub's number, which survives renames.
    UserId
);

/// `OWNER/NAME`. Compared without case, as GitHub does; printed as given.
#[derive(Clone, Debug, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RepositoryName {
    owner: String,
    name: String,
}

impl RepositoryName {
    /// The account that owns the repository.
    #[must_use]
    pub fn owner(&self) -> &str {
        &self.owner
    }

    /// The repository's name within its owner.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl PartialEq for RepositoryName {
    fn eq(&self, other: &Self) -> bool {
        self.owner.eq_ignore_ascii_case(&other.owner) && self.name.eq_ignore_ascii_case(&other.name)
    }
}

impl fmt::Display for RepositoryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.owner, self.name)
    }
}

impl FromStr for RepositoryName {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let ok = |part: &str| {
            !part.is_empty()
                && part.len() <= 100
                && part != "."
                && part != ".."
                && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
        };
        match text.split_once('/') {
            Some((owner, name)) if ok(owner) && ok(name) => Ok(Self { owner: owner.to_owned(), name: name.to_owned() }),
            _ => Err(InvalidId { what: "a repository name of the form OWNER/NAME", text: text.to_owned() }),
        }
    }
}

impl TryFrom<String> for RepositoryName {
    type Error = InvalidId;

    fn try_from(text: String) -> Result<Self, InvalidId> {
        text.parse()
    }
}

impl From<RepositoryName> for String {
    fn from(name: RepositoryName) -> String {
        name.to_string()
    }
}

/// A full commit id: 40 (SHA-1) or 64 (SHA-256) lower-case hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CommitSha(String);

impl CommitSha {
    /// The digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first seven digits, for people.
    #[must_use]
    pub fn short(&self) -> &str {
        &self.0[..7]
    }
}

impl fmt::Display for CommitSha {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for CommitSha {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let hex = text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        if hex && matches!(text.len(), 40 | 64) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidId { what: "a full commit id", text: text.to_owned() })
        }
    }
}

impl TryFrom<String> for CommitSha {
    type Error = InvalidId;

    fn try_from(text: String) -> Result<Self, InvalidId> {
        text.parse()
    }
}

impl From<CommitSha> for String {
    fn from(sha: CommitSha) -> String {
        sha.0
    }
}

/// A branch Baton made, without `refs/heads/`. Only `[a-z0-9/-]`, so no text of a person or a model can steer git with it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BranchName(String);

impl BranchName {
    /// Names the branch of an issue: `PREFIX/issue-N-slug`, and `…-2` for the second task on the same issue.
    ///
    /// The slug keeps the title's ASCII letters and digits and is at most 40 characters, and it ends with a whole word where
    /// the title has one that fits; everything else is dropped.
    /// A prefix that is not itself a valid branch name falls back to `baton`.
    #[must_use]
    pub fn for_issue(prefix: &str, number: IssueNumber, title: &str, attempt: u32) -> Self {
        let prefix = prefix.trim_matches('/');
        let prefix = if Self::is_valid(prefix) { prefix } else { "baton" };
        let mut slug = String::new();
        for c in title.chars() {
            if slug.len() >= 40 {
                if c.is_ascii_alphanumeric()
                    && let Some(end) = slug.rfind('-')
                {
                    slug.truncate(end);
                }
                break;
            }
            if c.is_ascii_alphanumeric() {
                slug.push(c.to_ascii_lowercase());
            } else if !slug.is_empty() && !slug.ends_with('-') {
                slug.push('-');
            }
        }
        let slug = slug.trim_end_matches('-');
        let mut name = format!("{prefix}/issue-{number}");
        if !slug.is_empty() {
            name.push('-');
            name.push_str(slug);
        }
        if attempt > 1 {
            name.push_str(&format!("-{attempt}"));
        }
        Self(name)
    }

    fn is_valid(text: &str) -> bool {
        !text.is_empty()
            && text.len() <= 200
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'/' | b'-'))
            && text.split('/').all(|part| !part.is_empty() && !part.starts_with('-'))
    }

    /// The name, without `refs/heads/`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for BranchName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for BranchName {
    type Error = InvalidId;

    fn try_from(text: String) -> Result<Self, InvalidId> {
        if Self::is_valid(&text) {
            Ok(Self(text))
        } else {
            Err(InvalidId { what: "a branch name of Baton's form ([a-z0-9/-])", text })
        }
    }
}

impl From<BranchName> for String {
    fn from(name: BranchName) -> String {
        name.0
    }
}

/// One agent execution of a task: the task and a number that counts its runs from 1. Prints as `12.3`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RunId {
    /// The task the run belongs to.
    pub task: TaskId,
    /// Counts the task's runs from 1.
    pub number: u32,
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.task, self.number)
    }
}

impl RunId {
    /// Reads what it prints as; `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (task, number) = text.split_once('.')?;
        Some(Self { task: TaskId(task.parse().ok()?), number: number.parse().ok()? })
    }
}

/// A SHA-256 digest in lower-case hexadecimal: of a plan, or of an issue's title and body.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Digest(String);

impl Digest {
    /// Digests parts in order; each is preceded by its length, so no two different lists collide by concatenation.
    #[must_use]
    pub fn of(parts: &[&str]) -> Self {
        use sha2::{Digest as _, Sha256};
        let mut hash = Sha256::new();
        for part in parts {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part.as_bytes());
        }
        Self(hex::encode(hash.finalize()))
    }

    /// Digests bytes as they are.
    #[must_use]
    pub fn of_bytes(bytes: &[u8]) -> Self {
        use sha2::{Digest as _, Sha256};
        Self(hex::encode(Sha256::digest(bytes)))
    }

    /// The 64 digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first twelve digits, for people.
    #[must_use]
    pub fn short(&self) -> &str {
        &self.0[..12.min(self.0.len())]
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
