//! Builds a tree from another tree and a set of edits, touching only the folders that change.

use std::collections::BTreeMap;

use git2::{Oid, Repository, Tree};

use crate::error::GitError;

/// What happens to one path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Edit {
    /// It becomes this blob with this mode.
    Put { blob: Oid, mode: i32 },
    /// It goes; a folder goes with everything in it.
    Remove,
}

/// Edits by path, as a tree of their own.
#[derive(Debug, Default)]
pub(crate) struct Edits {
    here: Option<Edit>,
    below: BTreeMap<String, Edits>,
}

/// Why edits make no tree.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EditError {
    #[error("`{0}` is named twice")]
    Twice(String),
    #[error("`{0}` cannot be both a file and a folder")]
    FileAndFolder(String),
    #[error(transparent)]
    Git(#[from] GitError),
}

impl From<git2::Error> for EditError {
    fn from(error: git2::Error) -> Self {
        Self::Git(error.into())
    }
}

impl Edits {
    /// Adds one edit. The path has been checked.
    pub(crate) fn insert(&mut self, path: &str, edit: Edit) -> Result<(), EditError> {
        let mut node = self;
        for name in path.split('/') {
            node = node.below.entry(name.to_owned()).or_default();
        }
        if node.here.replace(edit).is_some() {
            return Err(EditError::Twice(path.to_owned()));
        }
        Ok(())
    }

    /// The tree that results, which is written to the repository.
    pub(crate) fn apply(&self, repository: &Repository, base: &Tree<'_>) -> Result<Oid, EditError> {
        match self.folder(repository, Some(base), "")? {
            Some(tree) => Ok(tree),
            None => Ok(repository.treebuilder(None)?.write()?),
        }
    }

    /// Applies what lies below to a folder; none if nothing is left in it.
    fn folder(&self, repository: &Repository, base: Option<&Tree<'_>>, path: &str) -> Result<Option<Oid>, EditError> {
        let mut builder = repository.treebuilder(base)?;
        for (name, edits) in &self.below {
            let path = if path.is_empty() { name.clone() } else { format!("{path}/{name}") };
            let old = builder.get(name)?.map(|entry| (entry.id(), entry.filemode()));
            match edits.entry(repository, old, &path)? {
                Some((id, mode)) => {
                    builder.insert(name, id, mode)?;
                }
                None if old.is_some() => builder.remove(name)?,
                None => {}
            }
        }
        Ok(if builder.is_empty() { None } else { Some(builder.write()?) })
    }

    /// What becomes of one entry of a folder.
    fn entry(
        &self,
        repository: &Repository,
        old: Option<(Oid, i32)>,
        path: &str,
    ) -> Result<Option<(Oid, i32)>, EditError> {
        const FOLDER: i32 = 0o040_000;
        let old_folder = match old {
            Some((id, FOLDER)) => Some(repository.find_tree(id)?),
            _ => None,
        };
        let conflict = || EditError::FileAndFolder(path.to_owned());
        match self.here {
            Some(Edit::Put { blob, mode }) => {
                if self.folder(repository, old_folder.as_ref(), path)?.is_some() {
                    return Err(conflict());
                }
                Ok(Some((blob, mode)))
            }
            Some(Edit::Remove) => Ok(self.folder(repository, None, path)?.map(|id| (id, FOLDER))),
            None => match (old, old_folder) {
                (Some(file), None) => match self.folder(repository, None, path)? {
                    Some(_) => Err(conflict()),
                    None => Ok(Some(file)),
                },
                (_, folder) => Ok(self.folder(repository, folder.as_ref(), path)?.map(|id| (id, FOLDER))),
            },
        }
    }
}
