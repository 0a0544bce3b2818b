//! Fetching: incremental, one at a time, typed faults.

use std::time::Duration;

use baton_core::domain::ids::CommitSha;
use baton_git::{FetchError, Remote};

use crate::server::Fault;
use crate::world::{REPO, TASK, TOKEN, World, git, until};

#[tokio::test]
async fn a_branch_arrives_and_later_only_what_is_new() {
    let w = World::new();
    let first = w.fetched().await;
    assert_eq!(Some(&first), w.upstream_ref("main").as_ref());
    let second = w.upstream_commit(&[("new.txt", "new\n")]);
    assert_eq!(w.fetched().await, second);
    assert!(w.git.is_ancestor(REPO, &first, &second).await.unwrap());
    assert!(!w.git.is_ancestor(REPO, &second, &first).await.unwrap());
    assert_eq!(w.git.resolve(REPO, "main").await.unwrap(), Some(second));
    assert_eq!(w.git.resolve(REPO, "other").await.unwrap(), None);
    // The second conversation told the server what is here: the pack brought three objects, not the whole again.
    let counted = git(&w.mirror(), &["count-objects", "-v"]);
    let number = |name: &str| -> u32 {
        counted.lines().find_map(|l| l.strip_prefix(name)?.strip_prefix(": ")?.parse().ok()).unwrap()
    };
    assert_eq!(number("count") + number("in-pack"), 7 + 3, "{counted}");
}

#[tokio::test]
async fn a_branch_whose_name_becomes_a_folder_is_no_trouble() {
    let w = World::new();
    git(&w.upstream(), &["branch", "topic", "main"]);
    w.git.fetch_branch(REPO, &w.remote(), "topic").await.unwrap();
    git(&w.upstream(), &["branch", "-m", "topic", "topic/part"]);
    w.git.fetch_branch(REPO, &w.remote(), "topic/part").await.unwrap();
}

#[tokio::test]
async fn a_commit_is_fetched_by_its_id() {
    let w = World::new();
    let old = w.upstream_ref("main").unwrap();
    w.upstream_commit(&[("new.txt", "new\n")]);
    w.git.fetch_commit(REPO, &w.remote(), &old).await.unwrap();
    assert_eq!(w.git.resolve(REPO, old.as_str()).await.unwrap(), Some(old.clone()));
    let before = w.server.seen().len();
    w.git.fetch_commit(REPO, &w.remote(), &old).await.unwrap();
    assert_eq!(w.server.seen().len(), before, "what is here is not asked for");
}

#[tokio::test]
async fn many_at_once_all_succeed() {
    let w = World::new();
    let tip = w.upstream_ref("main").unwrap();
    let fetches: Vec<_> = (0..8)
        .map(|_| {
            let (git, remote) = (w.git.clone(), w.remote());
            tokio::spawn(async move { git.fetch_branch(REPO, &remote, "main").await.unwrap() })
        })
        .collect();
    for fetch in fetches {
        assert_eq!(fetch.await.unwrap(), tip);
    }
}

#[tokio::test]
async fn faults_have_their_kinds() {
    let w = World::configured(|c| c.stall_timeout = Duration::from_secs(1));
    let fetch = async |remote: &Remote, branch: &str| w.git.fetch_branch(REPO, remote, branch).await.unwrap_err();
    let bad = Remote::new(&w.server.url("o/r.git"), Some("wrong".into())).unwrap();
    assert!(matches!(fetch(&bad, "main").await, FetchError::Unauthorized));
    let none = Remote::new(&w.server.url("o/r.git"), None).unwrap();
    assert!(matches!(fetch(&none, "main").await, FetchError::Unauthorized));
    let missing = Remote::new(&w.server.url("o/missing.git"), Some(TOKEN.into())).unwrap();
    assert!(matches!(fetch(&missing, "main").await, FetchError::NotFound));
    assert!(matches!(fetch(&w.remote(), "nope").await, FetchError::NoSuchRef(name) if name == "nope"));
    assert!(matches!(fetch(&w.remote(), "a..b").await, FetchError::NoSuchRef(_)));
    assert!(matches!(fetch(&w.remote(), "*").await, FetchError::NoSuchRef(_)));
    let nowhere = Remote::new("http://127.0.0.1:1/o/r.git", None).unwrap();
    assert!(matches!(fetch(&nowhere, "main").await, FetchError::Network(_)));
    let file = Remote::new(&format!("file://{}", w.upstream().display()), None).unwrap();
    assert!(matches!(fetch(&file, "main").await, FetchError::FileNotAllowed));
    w.server.fault(None, Fault::Status(403, "Your IP address is not permitted".into()));
    assert!(matches!(fetch(&w.remote(), "main").await, FetchError::Forbidden(text) if text.contains("not permitted")));
    w.server.heal();
    w.server.fault(None, Fault::Status(502, "<html>bad gateway</html>".into()));
    assert!(matches!(fetch(&w.remote(), "main").await, FetchError::Network(_)));
    w.server.heal();
    w.server.fault(None, Fault::Hang);
    assert!(matches!(fetch(&w.remote(), "main").await, FetchError::Stalled(_)), "a stalled transfer ends");
}

#[tokio::test]
async fn a_local_clone_works_where_it_is_allowed() {
    let w = World::configured(|c| c.allow_file = true);
    let file = Remote::new(&format!("file://{}", w.upstream().display()), None).unwrap();
    assert_eq!(Some(w.git.fetch_branch(REPO, &file, "main").await.unwrap()), w.upstream_ref("main"));
}

#[tokio::test]
async fn locks_of_killed_processes_are_cleared() {
    let w = World::new();
    let base = w.fetched().await;
    for entry in std::fs::read_dir(w.mirror().join("refs/baton/branches")).unwrap().flatten() {
        std::fs::write(entry.path().with_extension("lock"), "").unwrap();
    }
    let young = w.mirror().join("packed-refs.lock");
    std::fs::write(&young, "").unwrap();
    let tip = w.upstream_commit(&[("more", "more\n")]);
    assert_eq!(w.fetched().await, tip);
    assert!(young.exists(), "somebody may hold it");
    let old = std::fs::metadata(&young).unwrap().modified().unwrap() - Duration::from_secs(3600);
    std::fs::File::options().write(true).open(&young).unwrap().set_modified(old).unwrap();
    w.fetched().await;
    assert!(!young.exists());
    // And for imports, whose references are named by what they hold.
    let head = w.import(&base, &[("a", "1")]).await;
    let reference = w.mirror().join(format!("refs/baton/tasks/{TASK}/{head}"));
    std::fs::rename(&reference, reference.with_extension("lock")).unwrap();
    assert_eq!(w.import(&base, &[("a", "1")]).await, head);
    assert!(reference.exists() && !reference.with_extension("lock").exists());
}

#[tokio::test]
async fn dropping_the_future_kills_git_and_its_helpers() {
    let w = World::new();
    w.server.close_gate();
    let (git, remote) = (w.git.clone(), w.remote());
    let fetch = tokio::spawn(async move { git.fetch_branch(REPO, &remote, "main").await });
    until("git talks to the server", || w.server.waiting() > 0).await;
    let url = w.server.url("o/r.git");
    let running = || processes_with(&url);
    assert!(running().len() >= 2, "git and its HTTP helper run: {:?}", running());
    fetch.abort();
    until("they are gone", || running().is_empty()).await;
    w.server.open_gate();
    let again: CommitSha = w.fetched().await;
    assert_eq!(Some(again), w.upstream_ref("main"), "nothing was left locked");
}

/// Command lines of processes that contain a text.
fn processes_with(text: &str) -> Vec<String> {
    std::fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter_map(|entry| std::fs::read_to_string(entry.path().join("cmdline")).ok())
        .filter(|line| line.contains(text))
        .collect()
}
