//! Reads from commits in a mirror: files, lists, ancestry.

use baton_core::domain::enclosure::FileMode;
use baton_core::domain::ids::{CommitSha, RepositoryId};
use git2::{ErrorCode, ObjectType, Oid, Repository};

use crate::error::GitError;
use crate::fetch::branch_ref;
use crate::mirror::Git;
use crate::objects::{commit, file_mode, oid, sha};

/// Folders below folders beyond this many are not looked into: no honest repository has them.
const MAX_DEPTH: usize = 200;

/// One file of a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedFile {
    /// Path with `/`; bytes that are no UTF-8 are shown as replacement characters.
    pub path: String,
    /// What it is.
    pub mode: FileMode,
    /// Bytes; 0 for a submodule.
    pub size: u64,
}

/// Why a file is not read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It has more bytes than asked for.
    #[error("the file has {size} bytes, more than the {max} asked for")]
    TooLarge {
        /// Its bytes.
        size: u64,
        /// The caller's bound.
        max: u64,
    },
    /// A fault of the local repository.
    #[error(transparent)]
    Git(#[from] GitError),
}

impl Git {
    /// A file's bytes; none if the commit has no plain file there. Links are not followed.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn read_file(
        &self,
        repo: RepositoryId,
        at: &CommitSha,
        path: &str,
        max: u64,
    ) -> Result<Option<Vec<u8>>, ReadError> {
        let (at, path) = (at.clone(), path.to_owned());
        self.on_objects(repo, move |repository| {
            let tree = commit(repository, &at)?.tree().map_err(GitError::from)?;
            let entry = match tree.get_path(path.as_ref()) {
                Ok(entry) => entry,
                Err(e) if e.code() == ErrorCode::NotFound => return Ok(None),
                Err(e) => return Err(GitError::from(e).into()),
            };
            if !matches!(file_mode(entry.filemode()), Some(FileMode::Regular | FileMode::Executable)) {
                return Ok(None);
            }
            let size = size(repository, entry.id())?;
            if size > max {
                return Err(ReadError::TooLarge { size, max });
            }
            let blob = repository.find_blob(entry.id()).map_err(GitError::from)?;
            Ok(Some(blob.content().to_vec()))
        })
        .await
    }

    /// Every file of a commit, in git's order.
    ///
    /// # Errors
    /// [`GitError`].
    pub async fn list_files(&self, repo: RepositoryId, at: &CommitSha) -> Result<Vec<ListedFile>, GitError> {
        let at = at.clone();
        self.on_objects(repo, move |repository| {
            let root = commit(repository, &at)?.tree_id();
            let mut files = Vec::new();
            for entry in walk(repository, root)? {
                let Some(mode) = file_mode(entry.mode) else { continue };
                files.push(ListedFile {
                    path: String::from_utf8_lossy(&entry.path).into_owned(),
                    mode,
                    size: if mode == FileMode::Submodule { 0 } else { size(repository, entry.id)? },
                });
            }
            Ok(files)
        })
        .await
    }

    /// The commit that a branch pointed at when it was last fetched, or a full commit id if the mirror has it.
    ///
    /// # Errors
    /// [`GitError`].
    pub async fn resolve(&self, repo: RepositoryId, name: &str) -> Result<Option<CommitSha>, GitError> {
        let name = name.to_owned();
        self.on_objects(repo, move |repository| {
            let found = match name.parse::<CommitSha>() {
                Ok(id) => repository.find_commit(oid(&id)?),
                Err(_) => repository.find_reference(&branch_ref(&name)).and_then(|r| r.peel_to_commit()),
            };
            match found {
                Ok(commit) => sha(commit.id()).map(Some),
                Err(e) if e.code() == ErrorCode::NotFound => Ok(None),
                Err(e) => Err(e.into()),
            }
        })
        .await
    }

    /// Whether `ancestor` is `descendant` or one of its ancestors. Both must be in the mirror.
    ///
    /// # Errors
    /// [`GitError`].
    pub async fn is_ancestor(
        &self,
        repo: RepositoryId,
        ancestor: &CommitSha,
        descendant: &CommitSha,
    ) -> Result<bool, GitError> {
        let (ancestor, descendant) = (ancestor.clone(), descendant.clone());
        self.on_objects(repo, move |repository| {
            let (a, d) = (commit(repository, &ancestor)?.id(), commit(repository, &descendant)?.id());
            Ok(a == d || repository.graph_descendant_of(d, a)?)
        })
        .await
    }
}

/// One entry of a tree, folders included.
pub(crate) struct Walked {
    pub path: Vec<u8>,
    pub name: Vec<u8>,
    pub id: Oid,
    pub mode: i32,
}

/// All entries of a tree, each folder before what it holds. Works without recursion: trees are outside data.
pub(crate) fn walk(repository: &Repository, root: Oid) -> Result<Vec<Walked>, GitError> {
    let mut found = Vec::new();
    let mut folders = vec![(Vec::new(), root, 0)];
    while let Some((prefix, id, depth)) = folders.pop() {
        if depth > MAX_DEPTH {
            return Err(git2::Error::from_str("the tree has too many folders within folders").into());
        }
        let tree = repository.find_tree(id)?;
        for entry in &tree {
            let name = entry.name_bytes().to_vec();
            let mut path = prefix.clone();
            if !path.is_empty() {
                path.push(b'/');
            }
            path.extend_from_slice(&name);
            if entry.kind() == Some(ObjectType::Tree) {
                folders.push((path.clone(), entry.id(), depth + 1));
            }
            found.push(Walked { path, name, id: entry.id(), mode: entry.filemode() });
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

/// Bytes of an object, without reading it.
pub(crate) fn size(repository: &Repository, id: Oid) -> Result<u64, GitError> {
    Ok(repository.odb()?.read_header(id)?.0 as u64)
}
