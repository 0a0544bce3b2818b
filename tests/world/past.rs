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

impl World {
    /// The past of [`REPO`] becomes this; its `main` is moved by force if need be.
    #[expect(clippy::disallowed_methods, reason = "git's own program writes what the code under test will read")]
    pub fn had(&self, past: &Past) {
        let folder = self.folder.path().join("github").join(format!("{}.git", self.numbers[REPO]));
        let mut command = Command::new("git");
        command.arg("--git-dir").arg(folder).args(["fast-import", "--quiet", "--force"]);
        let mut import = command.stdin(Stdio::piped()).spawn().expect("git starts; script/setup installs it");
        import.stdin.take().expect("its input").write_all(&past.stream).expect("git reads");
        assert!(import.wait().expect("git ends").success(), "git refused the history");
    }
}
