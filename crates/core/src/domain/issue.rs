//! Where a task lives on GitHub: the repository, the issue as it was read, and the comments that matter.

use serde::{Deserialize, Serialize};

use super::ids::{CommentId, Digest, InstallationId, IssueNumber, RepositoryId, RepositoryName};
use super::time::Timestamp;

/// A repository the App is installed on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepositoryRef {
    /// GitHub's number, which survives renames.
    pub id: RepositoryId,
    /// The name when it was last heard of.
    pub name: RepositoryName,
    /// The installation that gives access to it.
    pub installation: InstallationId,
}

/// An issue's thread, or a pull request's: where the bot can say something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Thread {
    /// The repository.
    pub repository: RepositoryRef,
    /// The issue's or pull request's number.
    pub number: IssueNumber,
}

/// An issue as GitHub told it at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssueSnapshot {
    /// Its number.
    pub number: IssueNumber,
    /// Its title.
    pub title: String,
    /// Its body, raw.
    pub body: String,
    /// Login of who opened it; empty for a deleted account.
    pub author: String,
    /// Whether it is open.
    pub open: bool,
    /// Whether its conversation is locked.
    pub locked: bool,
}

impl IssueSnapshot {
    /// The digest of title and body: what a plan and an approval are bound to.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(&[&self.title, &self.body])
    }
}

/// A comment that was posted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommentRef {
    /// GitHub's number; later comments have higher ones.
    pub id: CommentId,
    /// When it was created, to the second.
    pub at: Timestamp,
}

impl CommentRef {
    /// Whether this comment stood before `other` was created. Times have one second's resolution, so the number decides.
    #[must_use]
    pub fn is_before(&self, other: &Self) -> bool {
        self.id < other.id && self.at <= other.at
    }
}
