//! Brings a branch up to date with its base without a working tree: each commit's change is merged onto the new base.

use baton_core::domain::ids::{CommitSha, RepositoryId, TaskId};
use git2::{MergeOptions, Oid, Repository};

use crate::error::GitError;
use crate::import::keep;
use crate::mirror::Git;
use crate::objects::{commit, sha};

/// Commits of Baton's own branch are few; a longer chain is not one.
const MAX_COMMITS: usize = 1000;

/// Why a branch was not moved.
#[derive(Debug, thiserror::Error)]
pub enum RebaseError {
    /// Both sides changed the same places.
    #[error("both sides changed {}", .paths.join(", "))]
    Conflicts {
        /// The files, in order.
        paths: Vec<String>,
    },
    /// `head` does not descend from `base` along first parents.
    #[error("the branch does not begin at the commit it should begin at")]
    NotABranch,
    /// A fault of the local repository.
    #[error(transparent)]
    Git(#[from] GitError),
}

impl From<git2::Error> for RebaseError {
    fn from(error: git2::Error) -> Self {
        Self::Git(error.into())
    }
}

impl Git {
    /// Repeats the commits between `base` and `head` on top of `new_base`, with their authors, times and messages. The
    /// same input gives the same commit. A commit whose change the new base already has disappears; if all do, the
    /// result is `new_base` itself.
    ///
    /// # Errors
    /// [`RebaseError`].
    pub async fn rebase(
        &self,
        repo: RepositoryId,
        task: TaskId,
        base: &CommitSha,
        head: &CommitSha,
        new_base: &CommitSha,
    ) -> Result<CommitSha, RebaseError> {
        let (base, head, new_base) = (base.clone(), head.clone(), new_base.clone());
        self.on_objects(repo, move |repository| {
            let base = commit(repository, &base)?.id();
            let mut tip = commit(repository, &new_base)?.id();
            for id in chain(repository, base, commit(repository, &head)?.id())? {
                tip = replay(repository, id, tip)?;
                keep(repository, task, tip)?;
            }
            Ok(sha(tip)?)
        })
        .await
    }
}

/// The commits after `base` up to `head` along first parents, oldest first.
fn chain(repository: &Repository, base: Oid, head: Oid) -> Result<Vec<Oid>, RebaseError> {
    let mut found = Vec::new();
    let mut at = head;
    while at != base {
        if found.len() == MAX_COMMITS {
            return Err(RebaseError::NotABranch);
        }
        found.push(at);
        at = repository.find_commit(at)?.parent_id(0).map_err(|_| RebaseError::NotABranch)?;
    }
    found.reverse();
    Ok(found)
}

/// One commit's change, on top of `tip`.
fn replay(repository: &Repository, id: Oid, tip: Oid) -> Result<Oid, RebaseError> {
    let original = repository.find_commit(id)?;
    let onto = repository.find_commit(tip)?;
    let before = original.parent(0)?.tree()?;
    let mut merged = repository.merge_trees(&before, &onto.tree()?, &original.tree()?, Some(&MergeOptions::new()))?;
    if merged.has_conflicts() {
        let mut paths = Vec::new();
        for conflict in merged.conflicts()? {
            let conflict = conflict?;
            let entry = conflict.our.or(conflict.their).or(conflict.ancestor);
            paths.extend(entry.map(|e| String::from_utf8_lossy(&e.path).into_owned()));
        }
        paths.sort();
        paths.dedup();
        return Err(RebaseError::Conflicts { paths });
    }
    let tree = repository.find_tree(merged.write_tree_to(repository)?)?;
    if tree.id() == onto.tree_id() {
        return Ok(tip);
    }
    let message = String::from_utf8_lossy(original.message_bytes());
    Ok(repository.commit(None, &original.author(), &original.committer(), &message, &tree, &[&onto])?)
}
