//! What a test needs: an upstream repository on a server, Baton's git room in a folder of its own, and a few verbs.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use baton_core::domain::enclosure::{FileMode, WorkspaceChanges, WorkspaceFile};
use baton_core::domain::ids::{CommitSha, RepositoryId, TaskId};
use baton_core::domain::time::Timestamp;
use baton_git::{CommitMeta, CredentialProgram, Git, GitConfig, Identity, Remote};
use tempfile::TempDir;

use crate::server::Server;

pub const REPO: RepositoryId = RepositoryId(7);
pub const TASK: TaskId = TaskId(1);
pub const TOKEN: &str = "ghs_CANARY.7f3a-91c2_tokentokentokentokentokentoken";
/// 2026-11-22.
pub const NOW: Timestamp = Timestamp(1_795_305_600_000);

pub struct World {
    pub dir: TempDir,
    pub server: Server,
    pub git: Git,
}

impl World {
    /// An upstream repository with one commit on `main`.
    pub fn new() -> Self {
        Self::configured(|_| {})
    }

    pub fn configured(change: impl FnOnce(&mut GitConfig)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("srv/o")).unwrap();
        let upstream = dir.path().join("srv/o/r.git");
        git(dir.path(), &["init", "-q", "--bare", "-b", "main", upstream.to_str().unwrap()]);
        git(&upstream, &["config", "http.receivepack", "true"]);
        git(&upstream, &["config", "uploadpack.allowAnySHA1InWant", "true"]);
        git(dir.path(), &["clone", "-q", upstream.to_str().unwrap(), "work"]);
        let server = Server::start(&dir.path().join("srv"), TOKEN);
        let mut config = config(dir.path());
        change(&mut config);
        let world = Self { git: Git::new(config).unwrap(), dir, server };
        world.upstream_commit(&[("README.md", "hello\n"), ("src/lib.rs", "pub fn a() {}\n"), ("tests/t.rs", "1\n")]);
        world
    }

    pub fn root(&self) -> PathBuf {
        self.dir.path().join("baton")
    }

    pub fn mirror(&self) -> PathBuf {
        self.root().join("mirrors/7.git")
    }

    pub fn upstream(&self) -> PathBuf {
        self.dir.path().join("srv/o/r.git")
    }

    pub fn remote(&self) -> Remote {
        Remote::new(&self.server.url("o/r.git"), Some(TOKEN.into())).unwrap()
    }

    /// Somebody pushes these files to upstream's `main`.
    pub fn upstream_commit(&self, files: &[(&str, &str)]) -> CommitSha {
        let work = self.dir.path().join("work");
        for (path, text) in files {
            let path = work.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        git(&work, &["add", "-A"]);
        git(&work, &["commit", "-q", "-m", "a commit upstream"]);
        git(&work, &["push", "-q", "origin", "HEAD:main"]);
        git(&work, &["rev-parse", "HEAD"]).trim().parse().unwrap()
    }

    /// What a branch of the upstream repository points at.
    pub fn upstream_ref(&self, name: &str) -> Option<CommitSha> {
        let list = git(&self.upstream(), &["for-each-ref", "--format=%(objectname) %(refname)"]);
        list.lines().find_map(|line| line.strip_suffix(&format!(" refs/heads/{name}"))?.parse().ok())
    }

    /// The mirror with `main` in it.
    pub async fn fetched(&self) -> CommitSha {
        self.git.fetch_branch(REPO, &self.remote(), "main").await.unwrap()
    }

    pub async fn import(&self, base: &CommitSha, files: &[(&str, &str)]) -> CommitSha {
        self.git.import(REPO, base, written(files), meta("a change")).await.unwrap()
    }
}

pub fn config(dir: &Path) -> GitConfig {
    GitConfig::new(
        dir.join("baton"),
        CredentialProgram { program: env!("CARGO_BIN_EXE_baton-git-credential").into(), args: Vec::new() },
    )
}

pub fn meta(message: &str) -> CommitMeta {
    CommitMeta {
        task: TASK,
        author: Identity { name: "baton[bot]".into(), email: "1+baton[bot]@users.noreply.github.com".into() },
        committer: Identity { name: "baton[bot]".into(), email: "1+baton[bot]@users.noreply.github.com".into() },
        time: NOW,
        message: format!("{message}\n"),
    }
}

pub fn file(path: &str, mode: FileMode, content: &[u8]) -> WorkspaceFile {
    WorkspaceFile { path: path.into(), mode, content: content.to_vec() }
}

pub fn written(files: &[(&str, &str)]) -> WorkspaceChanges {
    WorkspaceChanges {
        written: files.iter().map(|(path, text)| file(path, FileMode::Regular, text.as_bytes())).collect(),
        deleted: Vec::new(),
    }
}

/// Runs the real git, for the side of the world that is not Baton's; panics with what it said.
pub fn git(dir: &Path, args: &[&str]) -> String {
    let output = Command::new("git")
        .args(args)
        .current_dir(dir)
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("HOME", dir)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .envs([("GIT_CONFIG_COUNT", "1"), ("GIT_CONFIG_KEY_0", "safe.directory"), ("GIT_CONFIG_VALUE_0", "*")])
        .envs([("GIT_AUTHOR_NAME", "Ann"), ("GIT_AUTHOR_EMAIL", "ann@example.test")])
        .envs([("GIT_COMMITTER_NAME", "Ann"), ("GIT_COMMITTER_EMAIL", "ann@example.test")])
        .output()
        .unwrap();
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Waits until it is so, or fails after 20 seconds.
pub async fn until(what: &str, mut so: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !so() {
        assert!(Instant::now() < deadline, "waited 20 s until {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
