//! Where the token is not (F-06, E-02): everywhere but in Baton's memory, one pipe and one request header.

use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use baton_core::domain::ids::{BranchName, IssueNumber};
use baton_git::Remote;

use crate::server::{Fault, Server};
use crate::world::{REPO, TOKEN, World, until};

/// Processes that carry a text in their arguments or environment, as `PID kind`. This test's own process knows the token
/// and is the one exception.
fn processes_showing(text: &[u8]) -> Vec<String> {
    let own = std::process::id().to_string();
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let pid = entry.file_name().to_string_lossy().into_owned();
        if pid == own || !pid.bytes().all(|b| b.is_ascii_digit()) {
            continue;
        }
        for kind in ["cmdline", "environ"] {
            let bytes = std::fs::read(entry.path().join(kind)).unwrap_or_default();
            if bytes.windows(text.len()).any(|window| window == text) {
                found.push(format!("{pid} {kind}"));
            }
        }
    }
    found
}

/// The descriptors that a program started now is born with.
fn inherited() -> String {
    let output = std::process::Command::new("ls").arg("/proc/self/fd").output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// Files below a folder that contain a text, or have it in their name.
fn files_showing(folder: &Path, text: &[u8]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            if entry.file_type().unwrap().is_dir() {
                folders.push(path.clone());
            }
            let bytes = std::fs::read(&path).unwrap_or_default();
            let shows = |bytes: &[u8]| bytes.windows(text.len()).any(|window| window == text);
            if shows(&bytes) || shows(path.as_os_str().as_bytes()) {
                found.push(path);
            }
        }
    }
    found
}

#[tokio::test]
async fn during_and_after_fetch_and_push_the_token_shows_nowhere() {
    let w = World::new();
    let base = w.fetched().await;
    let head = w.import(&base, &[("README.md", "hello, world\n")]).await;
    w.upstream_commit(&[("more", "more\n")]);
    let branch = BranchName::for_issue("baton", IssueNumber(1), "x", 1);
    let inherited_before = inherited();
    for pushing in [false, true] {
        w.server.close_gate();
        let (git, remote, head, branch) = (w.git.clone(), w.remote(), head.clone(), branch.clone());
        let work = tokio::spawn(async move {
            if pushing {
                git.push(REPO, &head, &branch, None, &remote).await.map(|_| ()).map_err(|e| e.to_string())
            } else {
                git.fetch_branch(REPO, &remote, "main").await.map(|_| ()).map_err(|e| e.to_string())
            }
        });
        until("git waits with the token in hand", || w.server.waiting() > 0).await;
        let url = w.server.url("o/r.git");
        assert!(!processes_showing(url.as_bytes()).is_empty(), "the search finds the running git by its URL");
        assert_eq!(processes_showing(b"CANARY.7f3a-91c2"), Vec::<String>::new());
        // A program started at this moment inherits nothing of it.
        assert_eq!(inherited(), inherited_before);
        w.server.open_gate();
        work.await.unwrap().unwrap();
    }
    assert!(w.server.seen().iter().any(|seen| seen.authorization.is_some()), "the token was used");
    assert!(w.server.seen().iter().all(|seen| !seen.line.contains("CANARY")));
    assert!(!files_showing(&w.root(), b"repositoryformatversion").is_empty(), "the search finds what there is");
    assert_eq!(files_showing(&w.root(), b"CANARY.7f3a-91c2"), Vec::<PathBuf>::new());
    assert!(!format!("{:?}", w.remote()).contains("CANARY"), "nor in a debug print");
}

#[tokio::test]
async fn a_redirect_takes_the_token_nowhere() {
    let w = World::new();
    let evil = Server::start(&w.dir.path().join("srv"), "another token");
    w.server.fault(None, Fault::Redirect(evil.url("").trim_end_matches('/').to_owned()));
    let said = w.git.fetch_branch(REPO, &w.remote(), "main").await;
    assert!(said.is_err(), "{said:?}");
    assert!(!evil.seen().is_empty(), "the redirect was followed");
    assert!(evil.seen().iter().all(|seen| seen.authorization.is_none()), "{:?}", evil.seen());
}

#[tokio::test]
async fn configuration_around_baton_changes_nothing() {
    let w = World::new();
    let evil = Server::start(&w.dir.path().join("srv"), "another token");
    // What a home folder or a mirror's configuration could say if somebody managed to write there.
    let home = w.root().join("empty-home");
    let rewrite = format!("[url \"{}\"]\n\tinsteadOf = {}\n", evil.url(""), w.server.url(""));
    std::fs::set_permissions(&home, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    std::fs::write(home.join(".gitconfig"), &rewrite).unwrap();
    let canary = w.dir.path().join("canary");
    std::fs::create_dir_all(w.dir.path().join("hooks")).unwrap();
    w.fetched().await;
    for hook in ["post-merge", "pre-push", "reference-transaction", "post-checkout"] {
        let hook = w.mirror().join("hooks").join(hook);
        std::fs::create_dir_all(hook.parent().unwrap()).unwrap();
        std::fs::write(&hook, format!("#!/bin/sh\ntouch {}\n", canary.display())).unwrap();
        std::fs::set_permissions(&hook, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    }
    w.upstream_commit(&[("more", "more\n")]);
    let base = w.fetched().await;
    let head = w.import(&base, &[("README.md", "x\n")]).await;
    let branch = BranchName::for_issue("baton", IssueNumber(1), "x", 1);
    w.git.push(REPO, &head, &branch, None, &w.remote()).await.unwrap();
    assert!(!canary.exists(), "a hook ran");
    assert!(evil.seen().is_empty(), "{:?}", evil.seen());
}

#[tokio::test]
async fn a_token_too_long_to_be_one_is_refused() {
    let w = World::new();
    let remote = Remote::new(&w.server.url("o/r.git"), Some("t".repeat(5000).into())).unwrap();
    let said = w.git.fetch_branch(REPO, &remote, "main").await.unwrap_err().to_string();
    assert!(said.contains("too long") && !said.contains(TOKEN), "{said}");
}
