//! A patch: what an implementing run produced, as read from Baton's own repository, and the policy that judges it.

pub mod notices;
pub mod path;
pub mod policy;
pub mod secrets;

pub use notices::{Notice, NoticeKind, notices};
pub use policy::{Finding, PatchPolicy, PatchVerdict, judge};

use serde::{Deserialize, Serialize};

use super::enclosure::FileMode;
use super::ids::CommitSha;

/// The difference between the base and what a run made of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Patch {
    /// Where the work started.
    pub base: CommitSha,
    /// The commit Baton made of it.
    pub head: CommitSha,
    /// Each file that differs, by path.
    pub files: Vec<FileChange>,
}

/// One file of a patch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileChange {
    /// Path in the repository.
    pub path: String,
    /// What it was; none for a new file.
    pub old_mode: Option<FileMode>,
    /// What it is; none for a deleted file.
    pub new_mode: Option<FileMode>,
    /// Lines added; 0 for a binary file.
    pub added_lines: u32,
    /// Lines removed; 0 for a binary file.
    pub removed_lines: u32,
    /// Whether git takes it for binary.
    pub binary: bool,
    /// Bytes of the new content.
    pub new_size: u64,
    /// The added lines with their numbers in the new file, for the secret scan; empty for a binary file.
    pub additions: Vec<(u32, String)>,
    /// Target of a new or changed symbolic link.
    pub link_target: Option<String>,
}
