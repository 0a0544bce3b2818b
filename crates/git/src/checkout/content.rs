//! The files of a checkout: listed from a tree, checked, and written into a folder that nobody else can reach yet.

use std::fs::{self, File, FileTimes};
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
use std::time::{Duration, SystemTime};

use baton_core::domain::enclosure::FileMode;
use baton_core::domain::patch::path::is_dot_git;
use baton_core::domain::time::Timestamp;
use git2::{Oid, Repository, Signature, Time};

use super::{CheckoutError, CheckoutOf};
use crate::error::GitError;
use crate::objects::{commit, file_mode};
use crate::read::{Walked, walk};

/// The time of files of a bare tree, and the earliest one of any: archives made of a workspace cannot hold earlier ones.
const EARLIEST: i64 = 1_577_836_800; // 2020-01-01

/// What a checkout consists of.
pub(crate) struct Content {
    pub commit: Oid,
    pub has_parents: bool,
    /// Seconds since 1970: every file gets this time, which is always in the past, so git trusts the index at once.
    pub time: i64,
    pub entries: Vec<Walked>,
    root: Oid,
}

impl Content {
    pub(crate) fn of(repository: &Repository, what: &CheckoutOf, now: Timestamp) -> Result<Self, CheckoutError> {
        let (commit, has_parents, time, root) = match what {
            CheckoutOf::Commit(sha) => {
                let commit = commit(repository, sha)?;
                (commit.id(), commit.parent_count() > 0, commit.time().seconds(), commit.tree_id())
            }
            CheckoutOf::Tree(tree) => (synthetic_commit(repository, tree.0)?, false, EARLIEST, tree.0),
        };
        // Times from the repository are outside data: one in the future would make every file look just edited.
        let latest = now.0 / 1000 - 24 * 60 * 60;
        let entries = walk(repository, root)?;
        for entry in &entries {
            check_name(entry)?;
        }
        Ok(Self { commit, has_parents, time: time.min(latest).max(EARLIEST), entries, root })
    }

    /// Every object that git needs inside: the commit, its trees, its blobs.
    pub(crate) fn objects(&self) -> Vec<Oid> {
        let mut ids = vec![self.commit, self.root];
        ids.extend(self.entries.iter().filter(|e| file_mode(e.mode) != Some(FileMode::Submodule)).map(|e| e.id));
        ids.sort();
        ids.dedup();
        ids
    }

    /// Writes the tree. Every name is made anew and must not exist, so nothing that is there, a link above all, is ever
    /// followed, whatever the tree says.
    pub(crate) fn write_files(&self, repository: &Repository, target: &Path) -> Result<(), CheckoutError> {
        fs::create_dir(target).map_err(GitError::io("making a checkout"))?;
        for entry in &self.entries {
            let path = target.join(std::ffi::OsStr::from_bytes(&entry.path));
            self.write_entry(repository, entry, &path)
                .map_err(|error| GitError::io(format!("writing {}", path.display()))(error))?;
        }
        Ok(())
    }

    fn write_entry(&self, repository: &Repository, entry: &Walked, path: &Path) -> std::io::Result<()> {
        let blob = || repository.find_blob(entry.id).map_err(std::io::Error::other);
        match file_mode(entry.mode) {
            None | Some(FileMode::Submodule) => fs::create_dir(path),
            Some(FileMode::Symlink) => {
                std::os::unix::fs::symlink(std::ffi::OsStr::from_bytes(blob()?.content()), path)?;
                self.set_link_time(path)
            }
            Some(mode) => {
                let mode = if mode == FileMode::Executable { 0o755 } else { 0o644 };
                let mut file = File::options().write(true).create_new(true).mode(mode).open(path)?;
                file.write_all(blob()?.content())?;
                // The mask of the process may have taken bits away.
                file.set_permissions(fs::Permissions::from_mode(mode))?;
                let time = SystemTime::UNIX_EPOCH + Duration::from_secs(self.time.unsigned_abs());
                file.set_times(FileTimes::new().set_modified(time).set_accessed(time))
            }
        }
    }

    fn set_link_time(&self, path: &Path) -> std::io::Result<()> {
        let time = rustix::fs::Timespec { tv_sec: self.time, tv_nsec: 0 };
        let times = rustix::fs::Timestamps { last_access: time, last_modification: time };
        Ok(rustix::fs::utimensat(rustix::fs::CWD, path, &times, rustix::fs::AtFlags::SYMLINK_NOFOLLOW)?)
    }
}

/// Refuses names that fsck should have refused: the disk must not depend on it.
fn check_name(entry: &Walked) -> Result<(), CheckoutError> {
    let name = String::from_utf8_lossy(&entry.name);
    let hostile = name.is_empty() || name == "." || name == ".." || name.contains(['/', '\0']) || is_dot_git(&name);
    if hostile {
        return Err(CheckoutError::HostilePath(String::from_utf8_lossy(&entry.path).into_owned()));
    }
    Ok(())
}

/// A commit for a tree that has none. The same tree gives the same commit.
fn synthetic_commit(repository: &Repository, tree: Oid) -> Result<Oid, CheckoutError> {
    let who = Signature::new("Baton", "baton@localhost", &Time::new(EARLIEST, 0))?;
    let tree = repository.find_tree(tree)?;
    Ok(repository.commit(None, &who, &who, "A tree prepared by Baton\n", &tree, &[])?)
}

/// Gives everything below a folder, and the folder, to its owner; returns the bytes it takes.
pub(crate) fn hand_over(folder: &Path, owner: Option<(u32, u32)>) -> Result<u64, GitError> {
    let mut bytes = 0;
    let mut pending = vec![folder.to_owned()];
    let fault = || GitError::io("handing a checkout over");
    while let Some(path) = pending.pop() {
        let kind = fs::symlink_metadata(&path).map_err(fault())?;
        if kind.is_dir() {
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).map_err(fault())?;
            for entry in fs::read_dir(&path).map_err(fault())? {
                pending.push(entry.map_err(fault())?.path());
            }
        }
        if let Some((uid, gid)) = owner {
            std::os::unix::fs::lchown(&path, Some(uid), Some(gid)).map_err(fault())?;
        }
        bytes += kind.blocks() * 512;
    }
    Ok(bytes)
}
