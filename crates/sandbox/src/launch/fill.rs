//! Fills a private workspace from the checkout where no overlay can be mounted. Only the trusted checkout is read.

use std::fs;
use std::os::unix::fs::{PermissionsExt, lchown, symlink};
use std::path::Path;

use super::{Failure, Step};

/// Copies files, folders and symbolic links with their permissions; anything else is left out. With `owner`, what is
/// made belongs to it.
pub(super) fn copy_tree(from: &Path, to: &Path, owner: Option<(u32, u32)>) -> Result<(), Failure> {
    let own = |path: &Path| match owner {
        Some((uid, gid)) => lchown(path, Some(uid), Some(gid)).step(|| format!("giving {} away", path.display())),
        None => Ok(()),
    };
    own(to)?;
    let mut folders = vec![(from.to_owned(), to.to_owned())];
    while let Some((from, to)) = folders.pop() {
        for entry in fs::read_dir(&from).step(|| format!("reading {}", from.display()))? {
            let entry = entry.step(|| format!("reading {}", from.display()))?;
            let kind = entry.file_type().step(|| format!("reading {}", entry.path().display()))?;
            let (source, target) = (entry.path(), to.join(entry.file_name()));
            let copied = || format!("copying {}", source.display());
            if kind.is_dir() {
                fs::create_dir(&target).step(copied)?;
                let mode = entry.metadata().step(copied)?.permissions().mode();
                fs::set_permissions(&target, fs::Permissions::from_mode(mode | 0o700)).step(copied)?;
                folders.push((source.clone(), target.clone()));
            } else if kind.is_symlink() {
                symlink(fs::read_link(&source).step(copied)?, &target).step(copied)?;
            } else if kind.is_file() {
                fs::copy(&source, &target).step(copied)?;
            } else {
                continue;
            }
            own(&target)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_what_git_knows_and_leaves_the_rest() {
        let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let path = |name: &str| from.path().join(name);
        fs::create_dir(path("bin")).unwrap();
        fs::write(path("bin/run"), "#!/bin/sh\n").unwrap();
        fs::set_permissions(path("bin/run"), fs::Permissions::from_mode(0o755)).unwrap();
        symlink("../../outside", path("bin/link")).unwrap();
        rustix::fs::mknodat(rustix::fs::CWD, path("pipe"), rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
        copy_tree(from.path(), to.path(), None).unwrap();
        assert_eq!(fs::metadata(to.path().join("bin/run")).unwrap().permissions().mode() & 0o777, 0o755);
        assert_eq!(fs::read_link(to.path().join("bin/link")).unwrap(), Path::new("../../outside"));
        assert!(!to.path().join("pipe").exists());
    }
}
