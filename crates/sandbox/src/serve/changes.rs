//! What the run changed: the workspace compared with the untouched checkout, by content. Runs when nothing else does,
//! follows no symbolic link, and never descends into a repository that the run made.

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use baton_core::domain::enclosure::FileMode;
use ignore::WalkBuilder;
use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, Stat, openat, readlinkat, statat};

use crate::inside;
use crate::wire::{self, Answer};

/// How much may be taken out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub max_files: u64,
    pub max_file_bytes: u64,
    pub max_total_bytes: u64,
}

/// Compares and sends everything, and then has to be answered what it returns: done, or nothing but that all of it has
/// the fingerprint `unless`. An error is a sentence for the host.
pub(super) fn send(bounds: &Bounds, unless: Option<u64>, out: &mut impl Write) -> Result<Answer, String> {
    let workspace = Path::new(inside::WORKSPACE);
    let upper = Some(Path::new(inside::UPPER)).filter(|upper| upper.exists());
    let changes = compare(Path::new(inside::CHECKOUT), workspace, upper)?;
    let files = (changes.written.len() + changes.deleted.len()) as u64;
    if files > bounds.max_files {
        return Err(format!("{files} files changed, more than the {} that are taken", bounds.max_files));
    }
    if unless.is_some() && unless == Some(for_each_written(&changes, workspace, bounds, |_, _, _| Ok(()))?) {
        return Ok(Answer::Same);
    }
    let fingerprint = for_each_written(&changes, workspace, bounds, |path, mode, content| {
        let written = Answer::Written { path, mode, bytes: content.len() as u64 };
        wire::write(out, &written).and_then(|()| wire::write_bytes(out, content)).map_err(|e| e.to_string())
    })?;
    for path in &changes.deleted {
        wire::write(out, &Answer::Deleted { path: utf8(path)? }).map_err(|e| e.to_string())?;
    }
    Ok(Answer::Done { fingerprint })
}

/// Reads every file that was written, within the bounds; the fingerprint of all that changed. Of the contents, not of
/// times and numbers: what was changed twice within a tick of the clock looks the same by those.
fn for_each_written(
    changes: &Changes,
    workspace: &Path,
    bounds: &Bounds,
    mut take: impl FnMut(String, FileMode, &[u8]) -> Result<(), String>,
) -> Result<u64, String> {
    let mut hasher = DefaultHasher::new();
    changes.deleted.hash(&mut hasher);
    let mut left = bounds.max_total_bytes;
    for path in &changes.written {
        let (mode, content) = content(workspace, path, bounds.max_file_bytes)?;
        left = left.checked_sub(content.len() as u64).ok_or_else(|| {
            format!("the changed files hold more than the {} bytes that are taken", bounds.max_total_bytes)
        })?;
        path.hash(&mut hasher);
        (mode as u8).hash(&mut hasher);
        content.hash(&mut hasher);
        take(utf8(path)?, mode, &content)?;
    }
    Ok(hasher.finish())
}

fn utf8(path: &Path) -> Result<String, String> {
    path.to_str().map(str::to_owned).ok_or_else(|| format!("the file name {} is not UTF-8", path.display()))
}

#[derive(Debug, Default)]
struct Changes {
    written: Vec<PathBuf>,
    deleted: Vec<PathBuf>,
}

/// `upper` is the overlay's upper layer, where there is one: a file of the checkout that has nothing there at the same
/// place was not touched, and a folder that has none was not touched as a whole.
fn compare(checkout: &Path, workspace: &Path, upper: Option<&Path>) -> Result<Changes, String> {
    let open = |path: &Path| open_folder(CWD, path.as_os_str()).map_err(|e| format!("{}: {e}", path.display()));
    let mut comparison = Comparison::default();
    let theirs = Theirs::Touched { folder: open(workspace)?, upper: upper.map(open).transpose()? };
    comparison.folder(&open(checkout)?, &theirs, Path::new("")).map_err(|e| e.to_string())?;
    let Comparison { known, folders, mut found } = comparison;
    found.written.extend(new_files(workspace, &known, folders));
    found.written.sort();
    found.deleted.sort();
    Ok(found)
}

/// What the workspace has where the checkout has a folder.
enum Theirs {
    /// The same, certainly.
    Untouched,
    /// A folder with whatever in it.
    Touched { folder: OwnedFd, upper: Option<OwnedFd> },
    /// No folder.
    Gone,
}

/// The walk over the checkout: which of its files differ or are gone.
#[derive(Default)]
struct Comparison {
    /// Every file and link of the checkout.
    known: HashSet<PathBuf>,
    /// Every folder of the checkout.
    folders: HashSet<PathBuf>,
    found: Changes,
}

impl Comparison {
    fn folder(&mut self, ours: &OwnedFd, theirs: &Theirs, at: &Path) -> io::Result<()> {
        for (name, kind) in entries(ours)? {
            if is_git(&name) {
                continue;
            }
            let path = at.join(&name);
            match kind {
                FileType::Directory => {
                    self.folder(&open_folder(ours, &name)?, &theirs.inner(&name)?, &path)?;
                    self.folders.insert(path);
                }
                FileType::RegularFile | FileType::Symlink => {
                    match theirs.state_of(ours, &name)? {
                        State::Same => {}
                        State::Differs => self.found.written.push(path.clone()),
                        State::Gone => self.found.deleted.push(path.clone()),
                    }
                    self.known.insert(path);
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// What became of a file.
enum State {
    Same,
    Differs,
    Gone,
}

impl Theirs {
    /// What they have for a folder in this one.
    fn inner(&self, name: &OsStr) -> io::Result<Self> {
        let Self::Touched { folder, upper } = self else {
            return Ok(if matches!(self, Self::Gone) { Self::Gone } else { Self::Untouched });
        };
        let inner_upper = match upper {
            None => None,
            Some(upper) => match stat(upper, name)? {
                None => return Ok(Self::Untouched),
                Some(s) if kind(&s) == FileType::Directory => Some(open_folder(upper, name)?),
                // A whiteout, or a file in its place.
                Some(_) => return Ok(Self::Gone),
            },
        };
        match stat(folder, name)? {
            Some(s) if kind(&s) == FileType::Directory => {
                Ok(Self::Touched { folder: open_folder(folder, name)?, upper: inner_upper })
            }
            _ => Ok(Self::Gone),
        }
    }

    fn state_of(&self, ours: &OwnedFd, name: &OsStr) -> io::Result<State> {
        let (folder, upper) = match self {
            Self::Untouched => return Ok(State::Same),
            Self::Gone => return Ok(State::Gone),
            Self::Touched { folder, upper } => (folder, upper),
        };
        // An opaque folder hides what lies below it without a trace at the file's own place: ask the workspace first.
        let Some(their) = stat(folder, name)?.filter(is_file) else { return Ok(State::Gone) };
        if let Some(upper) = upper
            && stat(upper, name)?.is_none()
        {
            return Ok(State::Same);
        }
        let our = stat(ours, name)?.ok_or(io::ErrorKind::NotFound)?;
        Ok(if same(ours, &our, folder, &their, name)? { State::Same } else { State::Differs })
    }
}

fn same(ours: &OwnedFd, our: &Stat, theirs: &OwnedFd, their: &Stat, name: &OsStr) -> io::Result<bool> {
    if mode(our) != mode(their) {
        return Ok(false);
    }
    if kind(our) == FileType::Symlink {
        return Ok(readlinkat(ours, name, Vec::new())? == readlinkat(theirs, name, Vec::new())?);
    }
    Ok(our.st_size == their.st_size && same_content(open_file(ours, name)?, open_file(theirs, name)?)?)
}

/// Files of the workspace that the checkout does not have and that are not ignored.
fn new_files(workspace: &Path, known: &HashSet<PathBuf>, folders: HashSet<PathBuf>) -> Vec<PathBuf> {
    let root = workspace.to_owned();
    let walk = WalkBuilder::new(workspace)
        .standard_filters(false)
        .git_ignore(true)
        .require_git(false)
        .filter_entry(move |entry| {
            let is_folder = entry.file_type().is_some_and(|t| t.is_dir());
            // A repository inside the repository would be a submodule, which nobody asked for.
            let is_repository = || {
                let known = entry.path().strip_prefix(&root).is_ok_and(|p| folders.contains(p));
                !known && entry.path().join(".git").symlink_metadata().is_ok()
            };
            entry.depth() == 0 || !(is_git(entry.file_name()) || (is_folder && is_repository()))
        })
        .build();
    walk.flatten()
        .filter(|e| e.file_type().is_some_and(|t| t.is_file() || t.is_symlink()))
        .filter_map(|e| Some(e.path().strip_prefix(workspace).ok()?.to_owned()))
        .filter(|path| !known.contains(path))
        .collect()
}

/// Mode and content of a changed file, read without following links.
fn content(workspace: &Path, path: &Path, max: u64) -> Result<(FileMode, Vec<u8>), String> {
    let cannot = |e: io::Error| format!("{} cannot be read: {e}", path.display());
    let place = workspace.join(path);
    let stat = statat(CWD, &place, AtFlags::SYMLINK_NOFOLLOW).map_err(|e| cannot(e.into()))?;
    if kind(&stat) == FileType::Symlink {
        let target = readlinkat(CWD, &place, Vec::new()).map_err(|e| cannot(e.into()))?;
        return Ok((FileMode::Symlink, target.into_bytes()));
    }
    let mut content = Vec::new();
    let file = open_file(CWD, place.as_os_str()).map_err(cannot)?;
    file.take(max.saturating_add(1)).read_to_end(&mut content).map_err(cannot)?;
    if content.len() as u64 > max {
        return Err(format!("{} is larger than the {max} bytes that are taken", path.display()));
    }
    Ok((mode(&stat), content))
}

/// `.git` in every spelling that some file system takes for it.
fn is_git(name: &OsStr) -> bool {
    name.eq_ignore_ascii_case(".git")
}

fn kind(stat: &Stat) -> FileType {
    FileType::from_raw_mode(stat.st_mode)
}

fn is_file(stat: &Stat) -> bool {
    matches!(kind(stat), FileType::RegularFile | FileType::Symlink)
}

fn mode(stat: &Stat) -> FileMode {
    match kind(stat) {
        FileType::Symlink => FileMode::Symlink,
        _ if stat.st_mode & 0o100 != 0 => FileMode::Executable,
        _ => FileMode::Regular,
    }
}

fn stat(folder: &OwnedFd, name: &OsStr) -> io::Result<Option<Stat>> {
    match statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => Ok(Some(stat)),
        Err(rustix::io::Errno::NOENT) => Ok(None),
        Err(e) => Err(e.into()),
    }
}

fn open_folder(at: impl AsFd, name: &OsStr) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(openat(at, name, flags, Mode::empty())?)
}

fn open_file(at: impl AsFd, name: &OsStr) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    Ok(openat(at, name, flags, Mode::empty())?.into())
}

fn entries(folder: &OwnedFd) -> io::Result<Vec<(OsString, FileType)>> {
    let mut found = Vec::new();
    for entry in Dir::read_from(folder)? {
        let entry = entry?;
        let name = OsString::from_vec(entry.file_name().to_bytes().to_vec());
        if name == "." || name == ".." {
            continue;
        }
        let kind = match entry.file_type() {
            FileType::Unknown => stat(folder, &name)?.map_or(FileType::Unknown, |s| kind(&s)),
            known => known,
        };
        found.push((name, kind));
    }
    Ok(found)
}

fn same_content(mut a: File, mut b: File) -> io::Result<bool> {
    let (mut x, mut y) = ([0; 16 * 1024], [0; 16 * 1024]);
    loop {
        let n = a.read(&mut x)?;
        if n == 0 {
            return Ok(b.read(&mut y)? == 0);
        }
        match b.read_exact(&mut y[..n]) {
            Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => return Ok(false),
            other => other?,
        }
        if x[..n] != y[..n] {
            return Ok(false);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn put(root: &Path, files: &[(&str, &str)]) {
        for (name, text) in files {
            let path = root.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
    }

    fn both(files: &[(&str, &str)]) -> (tempfile::TempDir, tempfile::TempDir) {
        let (checkout, workspace) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        put(checkout.path(), files);
        put(workspace.path(), files);
        (checkout, workspace)
    }

    fn report(checkout: &Path, workspace: &Path) -> String {
        let changes = compare(checkout, workspace, None).unwrap();
        let mut out = String::new();
        for path in changes.written {
            let (mode, content) = content(workspace, &path, 100).unwrap();
            out += &format!("{} {mode:?} {}\n", path.display(), String::from_utf8_lossy(&content).escape_debug());
        }
        for path in changes.deleted {
            out += &format!("{} deleted\n", path.display());
        }
        out
    }

    #[test]
    fn everything_that_can_happen_to_a_file() {
        let (checkout, workspace) = both(&[
            (".gitignore", "target\n"),
            ("same.rs", "same"),
            ("changed.rs", "one"),
            ("run.sh", "#!"),
            ("gone.rs", ""),
            ("dir/inner.rs", "x"),
            ("file-to-dir", "x"),
            ("file-to-link", "x"),
            ("dir-to-link/a", "x"),
            ("target/tracked", "1"),
        ]);
        let w = workspace.path();
        put(w, &[("changed.rs", "two"), ("new/file.rs", "n"), ("target/ignored", "i"), ("target/tracked", "2")]);
        fs::set_permissions(w.join("run.sh"), fs::Permissions::from_mode(0o755)).unwrap();
        fs::remove_file(w.join("gone.rs")).unwrap();
        fs::remove_file(w.join("file-to-dir")).unwrap();
        put(w, &[("file-to-dir/x", "1")]);
        fs::remove_file(w.join("file-to-link")).unwrap();
        symlink("/etc/passwd", w.join("file-to-link")).unwrap();
        fs::remove_dir_all(w.join("dir-to-link")).unwrap();
        symlink("/usr", w.join("dir-to-link")).unwrap();
        insta::assert_snapshot!(report(checkout.path(), w), @r"
        changed.rs Regular two
        dir-to-link Symlink /usr
        file-to-dir/x Regular 1
        file-to-link Symlink /etc/passwd
        new/file.rs Regular n
        run.sh Executable #!
        target/tracked Regular 2
        dir-to-link/a deleted
        file-to-dir deleted
        gone.rs deleted
        ");
    }

    #[test]
    fn repositories_special_files_and_spellings_of_git_stay_inside() {
        let (checkout, workspace) = both(&[("src/a", "a"), (".git/HEAD", "ref")]);
        let w = workspace.path();
        put(
            w,
            &[
                ("nested/.git/config", "[core]"),
                ("nested/file", "x"),
                (".git/hooks/pre-commit", "evil"),
                (".GIT/x", "y"),
            ],
        );
        // A planted .git does not hide what belongs to the checkout or stands beside it.
        put(w, &[("src/.git/config", "[core]"), ("src/a", "changed"), ("src/b", "new")]);
        rustix::fs::mknodat(CWD, w.join("pipe"), FileType::Fifo, 0o644.into(), 0).unwrap();
        insta::assert_snapshot!(report(checkout.path(), w), @r"
        src/a Regular changed
        src/b Regular new
        ");
    }

    #[test]
    fn same_size_and_time_do_not_hide_a_change() {
        let (checkout, workspace) = both(&[("a", "one")]);
        let place = workspace.path().join("a");
        let before = fs::metadata(&place).unwrap().modified().unwrap();
        fs::write(&place, "two").unwrap();
        File::options().write(true).open(&place).unwrap().set_modified(before).unwrap();
        assert_eq!(report(checkout.path(), workspace.path()), "a Regular two\n");
    }

    #[test]
    fn too_much_is_a_sentence() {
        let workspace = tempfile::tempdir().unwrap();
        put(workspace.path(), &[("big", "0123456789")]);
        assert_eq!(
            content(workspace.path(), Path::new("big"), 9).unwrap_err(),
            "big is larger than the 9 bytes that are taken"
        );
    }
}
