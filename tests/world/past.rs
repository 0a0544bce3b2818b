//! Histories that no person would push by hand: written with git's own `fast-import` into the simulator's repository, deltas
//! and all, so that a large one costs seconds.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};

use super::{REPO, World};

/// A stream for `git fast-import`.
#[derive(Debug, Default)]
pub struct Past {
    stream: Vec<u8>,
}

/// One commit in the making.
#[derive(Debug)]
pub struct Commit<'p> {
    past: &'p mut Past,
}

impl Past {
    /// A commit on `main`, on top of this one, or on nothing.
    pub fn commit(&mut self, on: Option<&str>, message: &str) -> Commit<'_> {
        let mut head = String::new();
        let _ = writeln!(head, "commit refs/heads/main\ncommitter Olga <olga@example.com> 1767500000 +0000");
        let _ = writeln!(head, "data {}\n{message}", message.len());
        if let Some(on) = on {
            let _ = writeln!(head, "from {on}");
        }
        self.stream.extend_from_slice(head.as_bytes());
        Commit { past: self }
    }
}

impl Commit<'_> {
    /// Writes a file of this name, whatever is in it.
    pub fn file(self, path: &str, content: &[u8]) -> Self {
        let quoted = path.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        let head = format!("M 100644 inline \"{quoted}\"\ndata {}\n", content.len());
        self.past.stream.extend_from_slice(head.as_bytes());
        self.past.stream.extend_from_slice(content);
        self.past.stream.push(b'\n');
        self
    }

    /// Puts a submodule there.
    pub fn submodule(self, path: &str, commit: &str) -> Self {
        self.past.stream.extend_from_slice(format!("M 160000 {commit} {path}\n").as_bytes());
        self
    }
}

/// A history on its way into [`REPO`], commit by commit: what is as large as a disk never stands in memory.
#[derive(Debug)]
pub struct Import {
    git: std::process::Child,
}

impl Import {
    /// The next part of it.
    pub fn takes(&mut self, past: &Past) {
        self.git.stdin.as_mut().expect("its input").write_all(&past.stream).expect("git reads");
    }

    /// The end of it.
    pub fn ends(mut self) {
        drop(self.git.stdin.take());
        assert!(self.git.wait().expect("git ends").success(), "git refused the history");
    }
}

impl World {
    /// The past of [`REPO`] becomes this; its `main` is moved by force if need be.
    pub fn had(&self, past: &Past) {
        let mut import = self.imports();
        import.takes(past);
        import.ends();
    }

    /// Every file of the only branch of Baton's: mode, kind and name.
    #[expect(clippy::disallowed_methods, reason = "read with git's own program, not with the code under test")]
    pub fn tree_of_the_branch(&self) -> Vec<String> {
        let folder = self.folder.path().join("github").join(format!("{}.git", self.numbers[REPO]));
        let mut command = Command::new("git");
        command.arg("--git-dir").arg(folder).args(["ls-tree", "-r", "-z"]);
        let output = command.arg(format!("refs/heads/{}", self.pull().head)).output().expect("git starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let listed = String::from_utf8_lossy(&output.stdout);
        // `MODE KIND ID`, a tab, and the name to the letter.
        let entry = |line: &str| {
            let (head, name) = line.split_once('\t').expect("a name");
            format!("{} {name}", head.rsplit_once(' ').expect("an id").0)
        };
        listed.split_terminator('\0').map(entry).collect()
    }

    /// Begins a long past. Files of a megabyte and more are kept whole, as GitHub's own servers keep them.
    #[expect(clippy::disallowed_methods, reason = "git's own program writes what the code under test will read")]
    pub fn imports(&self) -> Import {
        let folder = self.folder.path().join("github").join(format!("{}.git", self.numbers[REPO]));
        let git = |args: &[&str]| {
            let mut command = Command::new("git");
            command.arg("--git-dir").arg(&folder).args(args);
            command
        };
        let whole =
            git(&["config", "core.bigFileThreshold", "1m"]).status().expect("git starts; script/setup installs it");
        assert!(whole.success());
        let mut import = git(&["fast-import", "--quiet", "--force"]);
        Import { git: import.stdin(Stdio::piped()).spawn().expect("git starts; script/setup installs it") }
    }
}
