//! Pushing: one commit to one branch, refusals by their rule, never over others' commits (F-03, F-04, R-02).

use std::os::unix::fs::PermissionsExt as _;

use baton_core::domain::ids::{BranchName, CommitSha, IssueNumber};
use baton_core::domain::refusal::Refusal;
use baton_git::{PushError, Pushed, Remote};
use insta::assert_snapshot;

use crate::server::Fault;
use crate::world::{REPO, TOKEN, World, git, until};

fn branch() -> BranchName {
    BranchName::for_issue("baton", IssueNumber(1), "Say hello", 1)
}

const BRANCH: &str = "baton/issue-1-say-hello";

/// Installs a hook that records what it is told, says something and decides.
fn pre_receive(w: &World, script: &str) {
    let hook = w.upstream().join("hooks/pre-receive");
    std::fs::write(&hook, format!("#!/bin/sh\ncat >> {}\n{script}\n", ledger(w).display())).unwrap();
    std::fs::set_permissions(&hook, std::fs::Permissions::from_mode(0o755)).unwrap();
}

fn ledger(w: &World) -> std::path::PathBuf {
    w.dir.path().join("ledger")
}

async fn push(w: &World, commit: &CommitSha, expected: Option<&CommitSha>) -> Result<Pushed, PushError> {
    w.git.push(REPO, commit, &branch(), expected, &w.remote()).await
}

#[tokio::test]
async fn the_server_sees_one_new_branch_and_nothing_else() {
    let w = World::new();
    let base = w.fetched().await;
    let head = w.import(&base, &[("README.md", "hello, world\n")]).await;
    pre_receive(&w, "env | grep ^GIT_PUSH_OPTION >> $0.options; exit 0");
    assert_eq!(push(&w, &head, None).await.unwrap(), Pushed::Moved);
    let zero = "0".repeat(40);
    assert_eq!(std::fs::read_to_string(ledger(&w)).unwrap(), format!("{zero} {head} refs/heads/{BRANCH}\n"));
    assert_eq!(w.upstream_ref(BRANCH), Some(head.clone()));
    assert_eq!(w.upstream_ref("main"), Some(base));
    let refs = git(&w.upstream(), &["for-each-ref", "--format=%(refname)"]);
    assert_snapshot!(refs, @r"
    refs/heads/baton/issue-1-say-hello
    refs/heads/main
    ");
    assert_eq!(push(&w, &head, None).await.unwrap(), Pushed::AlreadyThere);
    assert_eq!(std::fs::read_to_string(ledger(&w)).unwrap().lines().count(), 1, "no second push");
}

#[tokio::test]
async fn an_answer_that_was_lost_is_found_out() {
    let w = World::new();
    let base = w.fetched().await;
    let head = w.import(&base, &[("README.md", "hello, world\n")]).await;
    pre_receive(&w, "exit 0");
    w.server.fault(Some(1), Fault::LoseAnswerOfPush);
    let lost = push(&w, &head, None).await;
    assert!(matches!(lost, Err(PushError::Network(_))), "{lost:?}");
    assert_eq!(push(&w, &head, None).await.unwrap(), Pushed::AlreadyThere);
    assert_eq!(std::fs::read_to_string(ledger(&w)).unwrap().lines().count(), 1);
    assert_eq!(w.upstream_ref(BRANCH), Some(head));
}

#[tokio::test]
async fn commits_of_others_are_never_overwritten() {
    let w = World::new();
    let base = w.fetched().await;
    let ours = w.import(&base, &[("README.md", "ours\n")]).await;
    let next = w.import(&ours, &[("README.md", "ours again\n")]).await;
    let sideways = w.import(&base, &[("README.md", "rebased\n")]).await;
    git(&w.upstream(), &["update-ref", &format!("refs/heads/{BRANCH}"), base.as_str()]);
    pre_receive(&w, "exit 0");
    for expected in [None, Some(&ours), Some(&next)] {
        let refused = push(&w, &ours, expected).await;
        let stale = matches!(&refused, Err(PushError::Refused { refusal: Refusal::BranchTaken, .. }));
        assert!(stale, "{refused:?}");
    }
    assert_eq!(w.upstream_ref(BRANCH), Some(base.clone()));
    assert!(!ledger(&w).exists(), "nothing was sent");
    assert_eq!(push(&w, &ours, Some(&base)).await.unwrap(), Pushed::Moved);
    assert_eq!(push(&w, &next, Some(&ours)).await.unwrap(), Pushed::Moved);
    assert_eq!(push(&w, &sideways, Some(&next)).await.unwrap(), Pushed::Moved, "our own branch may be rewritten");
    git(&w.upstream(), &["update-ref", "-d", &format!("refs/heads/{BRANCH}")]);
    let gone = push(&w, &next, Some(&sideways)).await;
    assert!(matches!(gone, Err(PushError::Refused { refusal: Refusal::BranchTaken, .. })), "{gone:?}");
}

#[tokio::test]
async fn a_branch_that_moves_during_the_push_stays_where_it_moved() {
    let w = World::new();
    let base = w.fetched().await;
    let ours = w.import(&base, &[("README.md", "ours\n")]).await;
    let next = w.import(&ours, &[("README.md", "ours again\n")]).await;
    assert_eq!(push(&w, &ours, None).await.unwrap(), Pushed::Moved);
    // After the client looked, before the server updates.
    pre_receive(&w, &format!("env -u GIT_QUARANTINE_PATH git update-ref refs/heads/{BRANCH} {base}"));
    let lost = push(&w, &next, Some(&ours)).await;
    assert!(matches!(lost, Err(PushError::Refused { refusal: Refusal::BranchTaken, .. })), "{lost:?}");
    assert_eq!(w.upstream_ref(BRANCH), Some(base));
}

/// A worker died and its git lived on: what that sends arrives when newer work stands there. The server compares what is
/// there with what the dead worker saw, so it is refused, whether the branch was new then or not.
#[tokio::test]
async fn a_push_of_a_dead_worker_that_arrives_late_overwrites_nothing_newer() {
    for is_there in [false, true] {
        let w = World::new();
        let base = w.fetched().await;
        let first = w.import(&base, &[("README.md", "first\n")]).await;
        let stale = w.import(&base, &[("README.md", "of the dead worker\n")]).await;
        let newest = w.import(&base, &[("README.md", "newest\n")]).await;
        let seen = is_there.then_some(&first);
        if is_there {
            assert_eq!(push(&w, &first, None).await.unwrap(), Pushed::Moved);
        }
        w.server.fault(Some(1), Fault::Hold);
        let late = {
            let (git, stale, seen, remote) = (w.git.clone(), stale.clone(), seen.cloned(), w.remote());
            tokio::spawn(async move { git.push(REPO, &stale, &branch(), seen.as_ref(), &remote).await })
        };
        until("the late push stands before the server", || w.server.waiting() > 0).await;
        assert_eq!(push(&w, &newest, seen).await.unwrap(), Pushed::Moved);
        w.server.open_gate();
        let refused = late.await.unwrap();
        assert!(matches!(refused, Err(PushError::Refused { refusal: Refusal::BranchTaken, .. })), "{refused:?}");
        assert_eq!(w.upstream_ref(BRANCH), Some(newest));
    }
}

#[tokio::test]
async fn refusals_carry_their_rule_and_the_server_s_words() {
    let w = World::new();
    let base = w.fetched().await;
    let head = w.import(&base, &[("README.md", "hello, world\n")]).await;
    let mut table = String::new();
    for said in [
        "error: GH006: Protected branch update failed for refs/heads/x.",
        "error: GH013: Repository rule violations found for refs/heads/x.",
        "error: GH013: Repository rule violations found: push protection found a secret",
        "error: GH001: Large files detected. You may want to try Git Large File Storage.",
        "error: refusing to allow a GitHub App to create or update workflow `a.yml` without `workflows` permission",
        "policy: no pushes on Sundays",
    ] {
        pre_receive(&w, &format!("cat >&2 <<'END'\n{said}\nEND\nexit 1"));
        match push(&w, &head, None).await {
            Err(PushError::Refused { refusal, text }) => table.push_str(&format!("{refusal:?}: {text}\n\n")),
            other => panic!("{said}: {other:?}"),
        }
    }
    assert_snapshot!(table, @r#"
    BranchProtected { rules: [] }: error: GH006: Protected branch update failed for refs/heads/x.
    [remote rejected] (pre-receive hook declined)

    Ruleset { rules: [] }: error: GH013: Repository rule violations found for refs/heads/x.
    [remote rejected] (pre-receive hook declined)

    Secrets { found: [] }: error: GH013: Repository rule violations found: push protection found a secret
    [remote rejected] (pre-receive hook declined)

    TooLarge { files: [] }: error: GH001: Large files detected. You may want to try Git Large File Storage.
    [remote rejected] (pre-receive hook declined)

    Workflow { path: Some("a.yml") }: error: refusing to allow a GitHub App to create or update workflow `a.yml` without `workflows` permission
    [remote rejected] (pre-receive hook declined)

    Hook: policy: no pushes on Sundays
    [remote rejected] (pre-receive hook declined)
    "#);
    assert_eq!(w.upstream_ref(BRANCH), None);
}

#[tokio::test]
async fn faults_of_access_have_their_kinds() {
    let w = World::new();
    let base = w.fetched().await;
    let head = w.import(&base, &[("README.md", "hello, world\n")]).await;
    let to = async |remote: &Remote| w.git.push(REPO, &head, &branch(), None, remote).await.unwrap_err();
    let bad = Remote::new(&w.server.url("o/r.git"), Some("wrong".into())).unwrap();
    assert!(matches!(to(&bad).await, PushError::Unauthorized));
    let missing = Remote::new(&w.server.url("o/missing.git"), Some(TOKEN.into())).unwrap();
    assert!(matches!(to(&missing).await, PushError::NotFound));
    w.server.fault(None, Fault::Status(403, "This repository was archived so it is read-only.".into()));
    let archived = to(&w.remote()).await;
    assert!(matches!(archived, PushError::Refused { refusal: Refusal::Archived, .. }), "{archived:?}");
    w.server.heal();
    w.server.fault(None, Fault::Status(403, format!("Permission denied to baton[bot] with {TOKEN}.")));
    match to(&w.remote()).await {
        PushError::Refused { refusal: Refusal::Permission { .. }, text } => {
            assert!(text.contains("Permission denied") && !text.contains("CANARY"), "{text}");
        }
        other => panic!("{other:?}"),
    }
    w.server.heal();
    w.server.fault(None, Fault::Status(500, String::new()));
    assert!(matches!(to(&w.remote()).await, PushError::Network(_)));
}
