//! A person's own clone on this machine: its committed state comes in, a finished branch goes out. For `baton run` only;
//! the clone is the person's, so its configuration is trusted as far as opening it goes, and nothing it names is run.

use std::path::{Path, PathBuf};

use baton_core::domain::ids::{BranchName, CommitSha, RepositoryId};
use git2::{ErrorCode, FetchOptions, Repository};

use crate::error::GitError;
use crate::fetch::FetchError;
use crate::mirror::{Git, blocking};
use crate::objects::{oid, sha};
use crate::remote::Remote;

/// What a clone stands at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CloneHead {
    /// The clone's top folder.
    pub root: PathBuf,
    /// The branch that is checked out.
    pub branch: String,
    /// Its commit.
    pub commit: CommitSha,
    /// Whether there are changes that are not committed, which do not take part.
    pub has_changes: bool,
}

/// Why a clone cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CloneError {
    /// It is no repository.
    #[error("{} is not a git repository: {reason}", path.display())]
    NotARepository {
        /// The path.
        path: PathBuf,
        /// What git says.
        reason: String,
    },
    /// No branch is checked out, or it has no commit.
    #[error("{} has no branch with a commit checked out; check out the branch to start from", .0.display())]
    NoBranch(PathBuf),
    /// It has no working tree.
    #[error("{} is a bare repository; give a clone with a working tree", .0.display())]
    Bare(PathBuf),
    /// A part of its history is not there.
    #[error("{} is a shallow clone, and Baton needs its history; run `git fetch --unshallow` there first", .0.display())]
    Shallow(PathBuf),
    /// The branch is there with other commits, and so are all names tried for it.
    #[error("the branch `{0}` and {MOST_NAMES} more names for it are taken there; delete some of them")]
    NoFreeName(BranchName),
    /// Git does not know whose commits are made there.
    #[error(
        "git does not know who you are ({said}); tell it with `git -C {path} config user.name NAME` and \
         `git -C {path} config user.email ADDRESS`, which the commit will carry",
        path = path.display()
    )]
    NoAuthor {
        /// The clone.
        path: PathBuf,
        /// What git says.
        said: String,
    },
    /// Fetching from it failed.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// A fault of the object stores.
    #[error(transparent)]
    Git(#[from] GitError),
}

/// So many names are tried for a branch.
const MOST_NAMES: u32 = 100;

impl From<git2::Error> for CloneError {
    fn from(error: git2::Error) -> Self {
        Self::Git(error.into())
    }
}

/// The clone that a path is in: its top folder or one below.
fn open(path: &Path) -> Result<Repository, CloneError> {
    Repository::discover(path)
        .map_err(|error| CloneError::NotARepository { path: path.to_owned(), reason: error.message().to_owned() })
}

/// What a clone stands at. `path` may be any folder of it.
///
/// # Errors
/// [`CloneError`].
pub async fn head_of_clone(path: &Path) -> Result<CloneHead, CloneError> {
    let path = path.to_owned();
    blocking(move || {
        let clone = open(&path)?;
        let Some(root) = clone.workdir().map(Path::to_owned) else { return Err(CloneError::Bare(path)) };
        if clone.is_shallow() {
            return Err(CloneError::Shallow(path));
        }
        let head = clone.head().map_err(|_| CloneError::NoBranch(path.clone()))?;
        let (Ok(branch), true) = (head.shorthand().map(str::to_owned), head.is_branch()) else {
            return Err(CloneError::NoBranch(path));
        };
        let commit = sha(head.peel_to_commit()?.id())?;
        let has_changes = clone.statuses(None)?.iter().any(|entry| !entry.status().is_ignored());
        Ok(CloneHead { root, branch, commit, has_changes })
    })
    .await
}

/// The first of `branch`, `branch-2`, … that is free in a clone, or stands at `commit` already; and whether it stands there.
fn free_name(clone: &Repository, branch: &BranchName, commit: git2::Oid) -> Result<(BranchName, bool), CloneError> {
    for number in 1..=MOST_NAMES {
        let name = if number == 1 { branch.to_string() } else { format!("{branch}-{number}") };
        let there = match clone.refname_to_id(&format!("refs/heads/{name}")) {
            Ok(there) if there == commit => true,
            Ok(_) => continue,
            Err(error) if error.code() == ErrorCode::NotFound => false,
            Err(error) => return Err(error.into()),
        };
        if let Ok(name) = BranchName::try_from(name) {
            return Ok((name, there));
        }
    }
    Err(CloneError::NoFreeName(branch.clone()))
}

impl Git {
    /// Fetches what a clone stands at into the mirror.
    ///
    /// # Errors
    /// [`CloneError`]; `allow_file` must be set.
    pub async fn take_in(&self, repo: RepositoryId, head: &CloneHead) -> Result<CommitSha, CloneError> {
        let absolute = std::path::absolute(&head.root).map_err(GitError::io("finding the clone"))?;
        let url = format!("file://{}", absolute.display());
        let remote = Remote::new(&url, None)
            .map_err(|invalid| CloneError::NotARepository { path: head.root.clone(), reason: invalid.to_string() })?;
        Ok(self.fetch_branch(repo, &remote, &head.branch).await?)
    }

    /// Puts a commit of the mirror into a clone as a branch: under this name, or, where that is taken by other commits,
    /// with the first free number behind it. Nothing else there changes. The name it got.
    ///
    /// # Errors
    /// [`CloneError`].
    pub async fn hand_out(
        &self,
        repo: RepositoryId,
        commit: &CommitSha,
        clone: &CloneHead,
        branch: &BranchName,
    ) -> Result<BranchName, CloneError> {
        let mirror = self.mirror_path(repo);
        let (commit, path, branch) = (commit.clone(), clone.root.clone(), branch.clone());
        blocking(move || {
            let clone = open(&path)?;
            let (branch, is_there) = free_name(&clone, &branch, oid(&commit)?)?;
            if is_there {
                return Ok(branch);
            }
            let url = format!("file://{}", mirror.display());
            let mut remote = clone.remote_anonymous(&url)?;
            let mut options = FetchOptions::new();
            options.update_fetchhead(false);
            // Objects only: every commit of the task is kept by a reference of the mirror.
            remote.fetch(&["+refs/baton/*:refs/baton-in/*"], Some(&mut options), None)?;
            for incoming in clone.references_glob("refs/baton-in/*")? {
                incoming?.delete()?;
            }
            let target = clone.find_commit(oid(&commit)?)?;
            clone.reference(&format!("refs/heads/{branch}"), target.id(), false, "baton run")?;
            Ok(branch)
        })
        .await
    }
}
