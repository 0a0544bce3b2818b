//! Puts some files of one commit into the tree of another: the branch's tests on the base's source.

use baton_core::domain::ids::{CommitSha, RepositoryId};
use baton_core::domain::patch::path::check_path;

use crate::changes::HostileChange;
use crate::error::GitError;
use crate::import::ImportError;
use crate::mirror::Git;
use crate::objects::{TreeId, commit, file_mode};
use crate::tree::{Edit, Edits};

impl Git {
    /// The tree of `base` with each of `paths` as it is in `head`: changed, added, or gone where `head` does not have it.
    ///
    /// Paths are files, not folders.
    ///
    /// # Errors
    /// [`ImportError::Hostile`] for a path that must not exist or that the base has as a folder, [`ImportError::Git`] for
    /// an unknown commit.
    pub async fn compose_tree(
        &self,
        repo: RepositoryId,
        base: &CommitSha,
        head: &CommitSha,
        paths: Vec<String>,
    ) -> Result<TreeId, ImportError> {
        let (base, head) = (base.clone(), head.clone());
        self.on_objects(repo, move |repository| {
            let base = commit(repository, &base)?.tree().map_err(GitError::from)?;
            let head = commit(repository, &head)?.tree().map_err(GitError::from)?;
            let mut edits = Edits::default();
            for path in &paths {
                check_path(path).map_err(|fault| HostileChange::Path { path: path.clone(), fault })?;
                let edit = match head.get_path(path.as_ref()) {
                    Ok(entry) if file_mode(entry.filemode()).is_some() => {
                        Edit::Put { blob: entry.id(), mode: entry.filemode() }
                    }
                    _ => Edit::Remove,
                };
                edits.insert(path, edit)?;
            }
            Ok(TreeId(edits.apply(repository, &base)?))
        })
        .await
    }
}
