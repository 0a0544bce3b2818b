//! A person's own clone on this machine: its committed state comes in, a finished branch goes out. For `baton run` only;
//! the clone is the person's, so its configuration is trusted as far as opening it goes, and no program is run in it.

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
    /// The branch is there and is something else.
    #[error("the branch `{0}` exists there already with other commits; rename or delete it")]
    BranchExists(BranchName),
    /// Fetching from it failed.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// A fault of the object stores.
    #[error(transparent)]
    Git(#[from] GitError),
}

impl From<git2::Error> for CloneError {
    fn from(error: git2::Error) -> Self {
        Self::Git(error.into())
    }
}

fn open(path: &Path) -> Result<Repository, CloneError> {
    Repository::open(path)
        .map_err(|error| CloneError::NotARepository { path: path.to_owned(), reason: error.message().to_owned() })
}

/// What a clone stands at.
///
/// # Errors
/// [`CloneError`].
pub async fn head_of_clone(path: &Path) -> Result<CloneHead, CloneError> {
    let path = path.to_owned();
    blocking(move || {
        let clone = open(&path)?;
        let head = clone.head().map_err(|_| CloneError::NoBranch(path.clone()))?;
        let (Ok(branch), true) = (head.shorthand().map(str::to_owned), head.is_branch()) else {
            return Err(CloneError::NoBranch(path));
        };
        let commit = sha(head.peel_to_commit()?.id())?;
        let has_changes = clone.statuses(None)?.iter().any(|entry| !entry.status().is_ignored());
        Ok(CloneHead { branch, commit, has_changes })
    })
    .await
}

impl Git {
    /// Fetches what a clone stands at into the mirror.
    ///
    /// # Errors
    /// [`CloneError`]; `allow_file` must be set.
    pub async fn take_in(&self, repo: RepositoryId, path: &Path, head: &CloneHead) -> Result<CommitSha, CloneError> {
        let absolute = std::path::absolute(path).map_err(GitError::io("finding the clone"))?;
        let url = format!("file://{}", absolute.display());
        let remote = Remote::new(&url, None)
            .map_err(|invalid| CloneError::NotARepository { path: path.to_owned(), reason: invalid.to_string() })?;
        Ok(self.fetch_branch(repo, &remote, &head.branch).await?)
    }

    /// Puts a commit of the mirror into a clone as a branch. Nothing else there changes.
    ///
    /// # Errors
    /// [`CloneError::BranchExists`] when the branch is there with other commits.
    pub async fn hand_out(
        &self,
        repo: RepositoryId,
        commit: &CommitSha,
        path: &Path,
        branch: &BranchName,
    ) -> Result<(), CloneError> {
        let mirror = self.mirror_path(repo);
        let (commit, path, branch) = (commit.clone(), path.to_owned(), branch.clone());
        blocking(move || {
            let clone = open(&path)?;
            let reference = format!("refs/heads/{branch}");
            match clone.refname_to_id(&reference) {
                Ok(there) if there == oid(&commit)? => return Ok(()),
                Ok(_) => return Err(CloneError::BranchExists(branch)),
                Err(error) if error.code() == ErrorCode::NotFound => {}
                Err(error) => return Err(error.into()),
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
            clone.reference(&reference, target.id(), false, "baton run")?;
            Ok(())
        })
        .await
    }
}
