//! Small translations between the core's types and libgit2's.

use std::fmt;

use baton_core::domain::enclosure::FileMode;
use baton_core::domain::ids::CommitSha;
use git2::{Commit, Oid, Repository, Signature, Time};

use crate::error::GitError;
use crate::import::Identity;
use baton_core::domain::time::Timestamp;

/// The id of a tree in one of Baton's repositories.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TreeId(pub(crate) Oid);

impl fmt::Display for TreeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

pub(crate) fn oid(sha: &CommitSha) -> Result<Oid, GitError> {
    Ok(Oid::from_str(sha.as_str())?)
}

pub(crate) fn sha(oid: Oid) -> Result<CommitSha, GitError> {
    oid.to_string().parse().map_err(|_| GitError::Objects(git2::Error::from_str("a commit id of an unknown kind")))
}

pub(crate) fn commit<'r>(repository: &'r Repository, sha: &CommitSha) -> Result<Commit<'r>, GitError> {
    Ok(repository.find_commit(oid(sha)?)?)
}

/// The mode of a tree entry; none for a folder. Git's older modes count as what git itself takes them for.
pub(crate) fn file_mode(mode: i32) -> Option<FileMode> {
    match mode & 0o170_000 {
        0o040_000 => None,
        0o120_000 => Some(FileMode::Symlink),
        0o160_000 => Some(FileMode::Submodule),
        _ if mode & 0o100 != 0 => Some(FileMode::Executable),
        _ => Some(FileMode::Regular),
    }
}

pub(crate) fn tree_mode(mode: FileMode) -> i32 {
    match mode {
        FileMode::Regular => 0o100_644,
        FileMode::Executable => 0o100_755,
        FileMode::Symlink => 0o120_000,
        FileMode::Submodule => 0o160_000,
    }
}

pub(crate) fn signature(who: &Identity, when: Timestamp) -> Result<Signature<'static>, GitError> {
    Ok(Signature::new(&who.name, &who.email, &Time::new(when.0.div_euclid(1000), 0))?)
}
