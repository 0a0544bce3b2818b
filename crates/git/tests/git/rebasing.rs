//! Bringing a branch up to date, and composing trees, without a working tree.

use baton_core::domain::enclosure::WorkspaceChanges;
use baton_git::{CheckoutOf, RebaseError};

use crate::world::{NOW, REPO, TASK, World, git, meta};

#[tokio::test]
async fn commits_are_repeated_on_the_new_base() {
    let w = World::new();
    let base = w.fetched().await;
    let one = w.import(&base, &[("src/lib.rs", "pub fn a() {}\npub fn b() {}\n")]).await;
    let two = w.import(&one, &[("new.txt", "new\n")]).await;
    let new_base = w.upstream_commit(&[("README.md", "hello, upstream\n")]);
    w.fetched().await;
    let moved = w.git.rebase(REPO, TASK, &base, &two, &new_base).await.unwrap();
    assert_eq!(moved, w.git.rebase(REPO, TASK, &base, &two, &new_base).await.unwrap(), "the same id again");
    let log = git(&w.mirror(), &["log", "--format=%s %an %at", moved.as_str()]);
    assert_eq!(log.lines().take(2).collect::<Vec<_>>(), ["a change baton[bot] 1795305600"; 2], "{log}");
    assert!(w.git.is_ancestor(REPO, &new_base, &moved).await.unwrap());
    let files = w.git.patch(REPO, &new_base, &moved).await.unwrap().files;
    assert_eq!(files.iter().map(|f| f.path.as_str()).collect::<Vec<_>>(), ["new.txt", "src/lib.rs"]);
}

#[tokio::test]
async fn conflicts_are_named() {
    let w = World::new();
    let base = w.fetched().await;
    let head = w.import(&base, &[("README.md", "hello, Baton\n"), ("x", "1")]).await;
    let new_base = w.upstream_commit(&[("README.md", "hello, upstream\n")]);
    w.fetched().await;
    let said = w.git.rebase(REPO, TASK, &base, &head, &new_base).await;
    assert!(matches!(&said, Err(RebaseError::Conflicts { paths }) if paths == &["README.md"]), "{said:?}");
}

#[tokio::test]
async fn what_the_base_has_already_disappears() {
    let w = World::new();
    let base = w.fetched().await;
    let head = w.import(&base, &[("README.md", "hello, upstream\n")]).await;
    let new_base = w.upstream_commit(&[("README.md", "hello, upstream\n")]);
    w.fetched().await;
    assert_eq!(w.git.rebase(REPO, TASK, &base, &head, &new_base).await.unwrap(), new_base);
    let other = w.git.rebase(REPO, TASK, &head, &new_base, &base).await;
    assert!(matches!(other, Err(RebaseError::NotABranch)), "{other:?}");
}

#[tokio::test]
async fn the_branch_s_tests_stand_on_the_base_s_source() {
    let w = World::new();
    let base = w.fetched().await;
    let mut changes: WorkspaceChanges = crate::world::written(&[
        ("src/lib.rs", "pub fn fixed() {}\n"),
        ("tests/new.rs", "new\n"),
        ("tests/deep/x.rs", "x\n"),
    ]);
    changes.deleted.push("tests/t.rs".into());
    let head = w.git.import(REPO, &base, changes, meta("x")).await.unwrap();
    let paths = ["tests/new.rs", "tests/deep/x.rs", "tests/t.rs", "tests/never.rs"].map(str::to_owned).to_vec();
    let tree = w.git.compose_tree(REPO, &base, &head, paths).await.unwrap();
    let list = git(&w.mirror(), &["ls-tree", "-r", "--name-only", &tree.to_string()]);
    assert_eq!(list, "README.md\nsrc/lib.rs\ntests/deep/x.rs\ntests/new.rs\n");
    let checkout = w.git.checkout(REPO, &CheckoutOf::Tree(tree), NOW).await.unwrap();
    assert_eq!(std::fs::read_to_string(checkout.path().join("src/lib.rs")).unwrap(), "pub fn a() {}\n");
    assert_eq!(git(checkout.path(), &["status", "--porcelain"]), "");
    assert!(w.git.compose_tree(REPO, &base, &head, vec!["../x".into()]).await.is_err());
}
