//! Real git over HTTP: clone, push, and being refused.

use serde_json::json;

use crate::stage::{REPO, Stage, commit, git, git_ok, receiver, shorts, work};

#[tokio::test(flavor = "multi_thread")]
async fn an_app_clones_pushes_and_the_world_hears_of_it() {
    let stage = Stage::new();
    let (url, inbox) = receiver(200).await;
    let user = format!("x-access-token:{}", stage.mint(json!({})).await);
    let (_folder, work) = work(&stage, &user);
    stage.sim.webhook_url(stage.app.app_id, &url).unwrap();
    git_ok(&work, &["checkout", "-q", "-b", "baton/issue-1"]);
    commit(&work, "src/lib.rs", "pub fn one() -> u8 { 1 }\n");
    git_ok(&work, &["push", "-q", "origin", "baton/issue-1"]);
    let file = stage.sim.branch_file(REPO, "baton/issue-1", "src/lib.rs").unwrap();
    assert_eq!(String::from_utf8(file).unwrap(), "pub fn one() -> u8 { 1 }\n");
    let pull = stage.sim.person("alice").opens_pull(REPO, "baton/issue-1", "main", "Fix", "").unwrap();
    // More than git's http.postBuffer, so that the push comes in chunks.
    commit(&work, "big.bin", &"0123456789abcdef\n".repeat(200_000).chars().rev().collect::<String>());
    git_ok(
        &work,
        &["-c", "http.postBuffer=65536", "-c", "core.compression=0", "push", "-q", "origin", "baton/issue-1"],
    );
    let head = git_ok(&work, &["rev-parse", "HEAD"]).trim().to_owned();
    assert_eq!(stage.sim.pulls(REPO).unwrap()[0].head_sha, head);
    stage.sim.settle().await;
    insta::assert_snapshot!(shorts(&inbox).join("\n"), @r"
    ping
    push by baton[bot]
    create by baton[bot]
    pull_request.opened by alice
    push by baton[bot]
    pull_request.synchronize by baton[bot]
    ");
    git_ok(&work, &["fetch", "-q", "origin", &format!("refs/pull/{pull}/head")]);
    assert_eq!(git_ok(&work, &["rev-parse", "FETCH_HEAD"]).trim(), head);
    let pushes: Vec<_> = stage.sim.ledger().into_iter().filter(|it| it.what == "ref.push").collect();
    assert_eq!(pushes.len(), 2);
    assert!(pushes[0].with.starts_with("installation "), "{}", pushes[0].with);
}

#[tokio::test(flavor = "multi_thread")]
async fn fetching_shallow_and_filtered_works() {
    let stage = Stage::new();
    for at in 0..5 {
        stage.sim.person("alice").pushes(REPO, "main", [("n", format!("{at}\n"))], "more").unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    git_ok(folder.path(), &["clone", "-q", "--bare", "--filter=blob:none", &stage.clone_url(""), "bare"]);
    git_ok(folder.path(), &["clone", "-q", "--depth=1", &stage.clone_url(""), "shallow"]);
    let count = git_ok(&folder.path().join("shallow"), &["rev-list", "--count", "HEAD"]);
    assert_eq!(count.trim(), "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_github_refuses() {
    let stage = Stage::new();
    stage.sim.private_repository("acme/secret", [("a", "a")]).unwrap();
    stage.sim.protect(REPO, "main", true).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let user = format!("x-access-token:{}", stage.mint(json!({})).await);
    let reader = stage.mint(json!({"permissions": {"contents": "read"}})).await;
    let reader = format!("x-access-token:{reader}");
    let (_folder, work) = work(&stage, &user);
    let secret = stage.clone_url(&user).replace("acme/app", "acme/secret");
    let (ok, said) = git(folder.path(), &["clone", "-q", &secret, "secret"]);
    assert!(!ok && said.contains("not found"), "{said}");
    let (ok, said) = git(
        folder.path(),
        &["clone", "-q", &stage.clone_url("x-access-token:wrong").replace("acme/app", "acme/secret"), "x"],
    );
    assert!(!ok && said.contains("Authentication failed"), "{said}");
    commit(&work, "a", "a");
    let (ok, said) = git(&work, &["push", "origin", "HEAD:main"]);
    assert!(!ok && said.contains("GH006: Protected branch update failed for refs/heads/main."), "{said}");
    assert!(said.contains("(protected branch hook declined)"), "{said}");
    let (ok, said) = git(&work, &["push", "origin", "HEAD:refs/pull/7/head"]);
    assert!(!ok && said.contains("deny updating a hidden ref"), "{said}");
    let (ok, said) = git(&work, &["push", &stage.clone_url(&reader), "HEAD:x"]);
    assert!(!ok && said.contains("403"), "{said}");
    let (ok, said) = git(&work, &["push", &stage.clone_url(""), "HEAD:x"]);
    assert!(!ok && said.contains("could not read Username"), "{said}");
    commit(&work, ".github/workflows/ci.yml", "on: push\n");
    let (ok, said) = git(&work, &["push", "origin", "HEAD:refs/heads/ci", "HEAD~1:refs/heads/fine"]);
    let text = "refusing to allow a GitHub App to create or update workflow `.github/workflows/ci.yml` without `workflows` permission";
    assert!(!ok && said.contains(text), "{said}");
    assert_eq!(stage.sim.branches(REPO).unwrap(), ["fine", "main"]);
    let (ok, _) = git(&work, &["push", "--atomic", "origin", "HEAD:refs/heads/ci", "HEAD~1:refs/heads/also"]);
    assert!(!ok);
    assert_eq!(stage.sim.branches(REPO).unwrap(), ["fine", "main"]);
    let alice = format!("alice:{}", stage.sim.personal_token("alice").unwrap());
    git_ok(&work, &["push", "-q", &stage.clone_url(&alice), "HEAD:refs/heads/ci"]);
    git_ok(&work, &["push", "-q", "origin", ":fine"]);
    assert_eq!(stage.sim.branches(REPO).unwrap(), ["ci", "main"]);
    let refused = stage.sim.ledger().into_iter().filter(|it| it.what == "ref.refused").count();
    assert_eq!(refused, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_whose_answer_is_lost_has_happened() {
    let stage = Stage::new();
    let user = format!("x-access-token:{}", stage.mint(json!({})).await);
    let (_folder, work) = work(&stage, &user);
    commit(&work, "a", "a");
    stage.sim.fault(github_sim::FaultRule::new("git/receive-pack", github_sim::Fault::DoAndDrop, 1));
    assert!(!git(&work, &["push", "-q", "origin", "HEAD:x"]).0);
    assert_eq!(stage.sim.branches(REPO).unwrap(), ["main", "x"]);
    // It has happened once, though git itself tries again when a connection breaks that it has used before.
    assert_eq!(stage.sim.ledger().iter().filter(|effect| effect.what == "ref.push").count(), 1);
}
