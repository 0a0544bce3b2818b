//! The `.git` of a checkout: one commit, cut off from its past, with an index that already knows every file. It has no
//! remote, no hook, no other reference and no way to the mirror.

use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use baton_core::domain::enclosure::FileMode;
use git2::{Index, IndexEntry, IndexTime};

use super::CheckoutError;
use super::content::Content;
use crate::error::GitError;
use crate::objects::{file_mode, tree_mode};

/// `checkStat = minimal` compares time and size only: device, inode and owner look different through an overlay.
const CONFIG: &str = "\
[core]
\trepositoryformatversion = 0
\tfilemode = true
\tbare = false
\tlogallrefupdates = true
\tcheckStat = minimal
\ttrustctime = false
[gc]
\tauto = 0
[user]
\tname = Baton agent
\temail = agent@localhost
[advice]
\tdetachedHead = false
";

/// Writes everything but objects and index.
pub(crate) fn lay_out(content: &Content, target: &Path) -> Result<(), CheckoutError> {
    let git = target.join(".git");
    let fault = || GitError::io("making the checkout's .git");
    for folder in ["", "objects/pack", "objects/info", "refs/heads", "refs/tags", "info"] {
        fs::create_dir_all(git.join(folder)).map_err(fault())?;
    }
    let commit = format!("{}\n", content.commit);
    fs::write(git.join("HEAD"), "ref: refs/heads/work\n").map_err(fault())?;
    fs::write(git.join("config"), CONFIG).map_err(fault())?;
    fs::write(git.join("refs/heads/work"), &commit).map_err(fault())?;
    if content.has_parents {
        fs::write(git.join("shallow"), &commit).map_err(fault())?;
    }
    Ok(())
}

/// Writes an index whose entries match the files as they lie there.
pub(crate) fn write_index(content: &Content, target: &Path) -> Result<(), CheckoutError> {
    let mut index = Index::open(&target.join(".git/index"))?;
    for entry in &content.entries {
        let Some(mode) = file_mode(entry.mode) else { continue };
        let path = target.join(std::ffi::OsStr::from_bytes(&entry.path));
        let stat = fs::symlink_metadata(&path).map_err(GitError::io("reading the checkout"))?;
        index.add(&IndexEntry {
            ctime: IndexTime::new(stat.ctime() as i32, stat.ctime_nsec() as u32),
            mtime: IndexTime::new(stat.mtime() as i32, stat.mtime_nsec() as u32),
            dev: stat.dev() as u32,
            ino: stat.ino() as u32,
            mode: tree_mode(mode) as u32,
            uid: stat.uid(),
            gid: stat.gid(),
            file_size: if mode == FileMode::Submodule { 0 } else { stat.size() as u32 },
            id: entry.id,
            flags: 0,
            flags_extended: 0,
            path: entry.path.clone(),
        })?;
    }
    index.write()?;
    Ok(())
}
