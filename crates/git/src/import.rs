//! Makes a commit of what a run left behind, from data alone. The same input gives the same commit id, so importing
//! again after a crash is harmless.

use std::time::Duration;

use baton_core::domain::enclosure::{FileMode, WorkspaceChanges};
use baton_core::domain::ids::{CommitSha, RepositoryId, TaskId};
use baton_core::domain::time::Timestamp;
use git2::{ErrorCode, Oid, Repository};

use crate::changes::{HostileChange, check};
use crate::error::GitError;
use crate::mirror::Git;
use crate::objects::{commit, sha, signature, tree_mode};
use crate::tree::{Edit, EditError, Edits};

/// Who stands in a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The name.
    pub name: String,
    /// The address.
    pub email: String,
}

/// Everything about a commit but its tree and its parent. Made by Baton, never by a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitMeta {
    /// The task whose work it is: a reference of that task keeps the commit alive.
    pub task: TaskId,
    /// Who wrote it.
    pub author: Identity,
    /// Who committed it.
    pub committer: Identity,
    /// When, in whole seconds UTC; the rest is dropped.
    pub time: Timestamp,
    /// The whole message with its trailers.
    pub message: String,
}

/// Why there is no commit.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The changes contain what Baton imports from nobody.
    #[error(transparent)]
    Hostile(#[from] HostileChange),
    /// The changes change nothing.
    #[error("the run changed nothing")]
    NothingChanged,
    /// A fault of the local repository.
    #[error(transparent)]
    Git(#[from] GitError),
}

impl From<EditError> for ImportError {
    fn from(error: EditError) -> Self {
        match error {
            EditError::Twice(path) => HostileChange::Twice(path).into(),
            EditError::FileAndFolder(path) => HostileChange::FileAndFolder(path).into(),
            EditError::Git(error) => error.into(),
        }
    }
}

impl Git {
    /// Commits changes on top of `base`, which must be in the mirror.
    ///
    /// A deleted path that the base does not have is ignored.
    ///
    /// # Errors
    /// [`ImportError`].
    pub async fn import(
        &self,
        repo: RepositoryId,
        base: &CommitSha,
        changes: WorkspaceChanges,
        meta: CommitMeta,
    ) -> Result<CommitSha, ImportError> {
        let (base, limits) = (base.clone(), self.inner.config.import_limits);
        self.on_objects(repo, move |repository| {
            check(&changes, &limits)?;
            let base = commit(repository, &base)?;
            let base_tree = base.tree().map_err(GitError::from)?;
            let tree = edits(repository, &changes)?.apply(repository, &base_tree)?;
            if tree == base_tree.id() {
                return Err(ImportError::NothingChanged);
            }
            Ok(write_commit(repository, tree, &[base.id()], &meta)?)
        })
        .await
    }

    /// One commit on `base` with all that `head` is: what lay between them is in nobody's history any more.
    ///
    /// # Errors
    /// [`ImportError::NothingChanged`] if `head` has the files of `base`, [`ImportError::Git`] for an unknown commit.
    pub async fn squash(
        &self,
        repo: RepositoryId,
        base: &CommitSha,
        head: &CommitSha,
        meta: CommitMeta,
    ) -> Result<CommitSha, ImportError> {
        let (base, head) = (base.clone(), head.clone());
        self.on_objects(repo, move |repository| {
            let (base, head) = (commit(repository, &base)?, commit(repository, &head)?);
            if base.tree_id() == head.tree_id() {
                return Err(ImportError::NothingChanged);
            }
            Ok(write_commit(repository, head.tree_id(), &[base.id()], &meta)?)
        })
        .await
    }
}

fn edits(repository: &Repository, changes: &WorkspaceChanges) -> Result<Edits, ImportError> {
    let mut edits = Edits::default();
    for path in &changes.deleted {
        edits.insert(path, Edit::Remove)?;
    }
    for file in &changes.written {
        debug_assert_ne!(file.mode, FileMode::Submodule, "checked before");
        let blob = repository.blob(&file.content).map_err(GitError::from)?;
        edits.insert(&file.path, Edit::Put { blob, mode: tree_mode(file.mode) })?;
    }
    Ok(edits)
}

/// Writes a commit and the reference that keeps it.
pub(crate) fn write_commit(
    repository: &Repository,
    tree: Oid,
    parents: &[Oid],
    meta: &CommitMeta,
) -> Result<CommitSha, GitError> {
    let tree = repository.find_tree(tree)?;
    let parents = parents.iter().map(|id| repository.find_commit(*id)).collect::<Result<Vec<_>, _>>()?;
    let id = repository.commit(
        None,
        &signature(&meta.author, meta.time)?,
        &signature(&meta.committer, meta.time)?,
        &meta.message,
        &tree,
        &parents.iter().collect::<Vec<_>>(),
    )?;
    keep(repository, meta.task, id)
}

/// How long writing one reference can take at the very most.
const ABANDONED: Duration = Duration::from_secs(1);

/// Keeps a commit alive for its task.
pub(crate) fn keep(repository: &Repository, task: TaskId, id: Oid) -> Result<CommitSha, GitError> {
    let name = format!("refs/baton/tasks/{task}/{id}");
    if repository.refname_to_id(&name).is_ok() {
        return sha(id);
    }
    let written = repository.reference(&name, id, true, "").map(|_| ());
    match written {
        Err(e) if e.code() == ErrorCode::Locked => {
            // Whoever imports the same at the same moment is done in no time; a lock that stays was left by a crash, and
            // the same import would meet it for ever.
            std::thread::sleep(ABANDONED);
            let lock = repository.path().join(format!("{name}.lock"));
            if repository.refname_to_id(&name).is_err() {
                let _ = std::fs::remove_file(lock);
                repository.reference(&name, id, true, "")?;
            }
        }
        other => other?,
    }
    sha(id)
}
