//! Judges what a run left behind before anything is made of it: paths, kinds, sizes. All of it is hostile.

use baton_core::domain::enclosure::{FileMode, WorkspaceChanges, WorkspaceFile};
use baton_core::domain::patch::path::{PathFault, check_path};

use crate::config::ImportLimits;

/// What cannot be imported. Each sentence is fit to be shown and to be given to the agent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HostileChange {
    /// A path that must not exist.
    #[error("the path `{}` is refused: {fault}", .path.escape_debug())]
    Path {
        /// The path.
        path: String,
        /// What is wrong with it.
        fault: PathFault,
    },
    /// The same path twice.
    #[error("the path `{0}` is named twice")]
    Twice(String),
    /// A file where a folder is, or the other way round.
    #[error("`{0}` cannot be both a file and a folder")]
    FileAndFolder(String),
    /// A nested repository.
    #[error("`{0}` is a submodule; Baton adds none")]
    Submodule(String),
    /// A link whose target is empty, too long, or no text.
    #[error("the symbolic link `{0}` has no usable target")]
    Link(String),
    /// A file that steers git, as a link: git itself refuses to read such a one.
    #[error("`{0}` must be a plain file, not a symbolic link")]
    LinkedGitFile(String),
    /// More entries than allowed.
    #[error("{found} files changed; at most {limit} are imported")]
    TooMany {
        /// How many there are.
        found: usize,
        /// How many may be.
        limit: usize,
    },
    /// One file is too large.
    #[error("`{path}` has {found} bytes; at most {limit} are imported")]
    FileTooLarge {
        /// The file.
        path: String,
        /// Its bytes.
        found: u64,
        /// How many there may be.
        limit: u64,
    },
    /// All files together are too large.
    #[error("the changed files have {found} bytes together; at most {limit} are imported")]
    TooLarge {
        /// Their bytes.
        found: u64,
        /// How many there may be.
        limit: u64,
    },
}

/// Checks everything that can be checked without the base.
pub(crate) fn check(changes: &WorkspaceChanges, limits: &ImportLimits) -> Result<(), HostileChange> {
    let found = changes.written.len() + changes.deleted.len();
    if found > limits.entries {
        return Err(HostileChange::TooMany { found, limit: limits.entries });
    }
    let total: u64 = changes.written.iter().map(|file| file.content.len() as u64).sum();
    if total > limits.total_bytes {
        return Err(HostileChange::TooLarge { found: total, limit: limits.total_bytes });
    }
    for path in changes.written.iter().map(|file| &file.path).chain(&changes.deleted) {
        check_path(path).map_err(|fault| HostileChange::Path { path: path.clone(), fault })?;
    }
    changes.written.iter().try_for_each(|file| check_file(file, limits))
}

fn check_file(file: &WorkspaceFile, limits: &ImportLimits) -> Result<(), HostileChange> {
    let size = file.content.len() as u64;
    if size > limits.file_bytes {
        return Err(HostileChange::FileTooLarge { path: file.path.clone(), found: size, limit: limits.file_bytes });
    }
    match file.mode {
        FileMode::Regular | FileMode::Executable => Ok(()),
        FileMode::Submodule => Err(HostileChange::Submodule(file.path.clone())),
        FileMode::Symlink => {
            // Linux' own bound is PATH_MAX with its NUL.
            let usable = (1..4096).contains(&file.content.len()) && !file.content.contains(&0);
            if !usable || std::str::from_utf8(&file.content).is_err() {
                return Err(HostileChange::Link(file.path.clone()));
            }
            let name = file.path.rsplit('/').next().unwrap_or_default().to_lowercase();
            if matches!(name.as_str(), ".gitmodules" | ".gitattributes" | ".gitignore" | ".mailmap") {
                return Err(HostileChange::LinkedGitFile(file.path.clone()));
            }
            Ok(())
        }
    }
}
