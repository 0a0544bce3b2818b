//! Commits made by the simulator itself: first commits from a folder or a map, and what people push in a test.

use std::path::Path;

use super::{Git, GitError};

/// A file as it stands in a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum File {
    /// An ordinary file.
    Plain(Vec<u8>),
    /// A file with the executable bit.
    Executable(Vec<u8>),
    /// A symbolic link to this target.
    Link(String),
}

/// Files by their path in the repository, with `/` between folders.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Files(pub(crate) std::collections::BTreeMap<String, File>);

impl Files {
    /// No files at all: a repository with these stays without a commit.
    pub fn none() -> Self {
        Self::default()
    }

    /// Adds or replaces a text file.
    #[must_use]
    pub fn with(mut self, path: &str, text: impl Into<Vec<u8>>) -> Self {
        self.0.insert(path.to_owned(), File::Plain(text.into()));
        self
    }

    /// Adds or replaces a file of any kind.
    #[must_use]
    pub fn with_file(mut self, path: &str, file: File) -> Self {
        self.0.insert(path.to_owned(), file);
        self
    }

    /// Everything in a folder but `.git`, with executable bits and symbolic links.
    ///
    /// # Errors
    /// When the folder or something in it cannot be read.
    pub fn from_folder(folder: &Path) -> std::io::Result<Self> {
        let mut files = Self::default();
        files.gather(folder, "")?;
        Ok(files)
    }

    fn gather(&mut self, folder: &Path, prefix: &str) -> std::io::Result<()> {
        use std::os::unix::fs::PermissionsExt;
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if prefix.is_empty() && name == ".git" {
                continue;
            }
            let path = format!("{prefix}{name}");
            let kind = entry.file_type()?;
            if kind.is_dir() {
                self.gather(&entry.path(), &format!("{path}/"))?;
            } else if kind.is_symlink() {
                let target = std::fs::read_link(entry.path())?.to_string_lossy().into_owned();
                self.0.insert(path, File::Link(target));
            } else {
                let bytes = std::fs::read(entry.path())?;
                let executable = entry.metadata()?.permissions().mode() & 0o100 != 0;
                self.0.insert(path, if executable { File::Executable(bytes) } else { File::Plain(bytes) });
            }
        }
        Ok(())
    }
}

impl<P: Into<String>, T: Into<Vec<u8>>, const N: usize> From<[(P, T); N]> for Files {
    fn from(files: [(P, T); N]) -> Self {
        Self(files.into_iter().map(|(path, text)| (path.into(), File::Plain(text.into()))).collect())
    }
}

/// Who stands in a commit, and when (seconds since 1970).
pub(crate) struct Author<'a> {
    pub name: &'a str,
    pub email: &'a str,
    pub at: i64,
}

/// A commit to make: `changes` on top of `parent`; a path with `None` is deleted.
pub(crate) struct NewCommit<'a> {
    pub branch: &'a str,
    pub parent: Option<&'a str>,
    pub author: Author<'a>,
    pub message: &'a str,
    pub changes: Vec<(&'a str, Option<&'a File>)>,
}

impl Git {
    /// Makes the commit, moves the branch to it, and says its id.
    pub(crate) fn make_commit(&self, repo: u64, new: &NewCommit<'_>) -> Result<String, GitError> {
        let mut stream = Vec::new();
        let who = format!("{} <{}> {} +0000", new.author.name, new.author.email, new.author.at);
        stream.extend(format!("commit refs/heads/{}\nauthor {who}\ncommitter {who}\n", new.branch).into_bytes());
        data(&mut stream, new.message.as_bytes());
        if let Some(parent) = new.parent {
            stream.extend(format!("from {parent}\n").into_bytes());
        }
        for (path, file) in &new.changes {
            let path = quoted(path);
            match file {
                None => stream.extend(format!("D {path}\n").into_bytes()),
                Some(file) => {
                    let (mode, bytes) = match file {
                        File::Plain(bytes) => ("100644", bytes.as_slice()),
                        File::Executable(bytes) => ("100755", bytes.as_slice()),
                        File::Link(target) => ("120000", target.as_bytes()),
                    };
                    stream.extend(format!("M {mode} inline {path}\n").into_bytes());
                    data(&mut stream, bytes);
                }
            }
        }
        stream.extend(b"\ndone\n");
        self.command(Some(repo), &["fast-import", "--quiet", "--force", "--done"], &[], &stream)?;
        self.line(repo, &["rev-parse", &format!("refs/heads/{}", new.branch)])
    }
}

fn data(stream: &mut Vec<u8>, bytes: &[u8]) {
    stream.extend(format!("data {}\n", bytes.len()).into_bytes());
    stream.extend_from_slice(bytes);
    stream.push(b'\n');
}

/// A path in fast-import's C-like quotes, which are safe for every name.
fn quoted(path: &str) -> String {
    let mut out = String::from("\"");
    for c in path.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
