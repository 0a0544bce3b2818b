//! Things that are no longer where they were: repositories, issues, branches; and reads that lag behind.

use std::time::Duration;

use serde_json::json;

use crate::stage::{REPO, Stage, git, git_ok, receiver, shorts};

#[tokio::test(flavor = "multi_thread")]
async fn a_transferred_repository_redirects_reads_writes_and_git() {
    let stage = Stage::new();
    stage.sim.org("guild").unwrap();
    stage.sim.transfer(REPO, "guild").unwrap();
    let token = stage.sim.personal_token("alice").unwrap();
    let get = stage.send("GET", "/repos/acme/app/issues?state=all", &token, None).await;
    let id = get.header("location").split("/repositories/").nth(1).unwrap().split('/').next().unwrap().to_owned();
    assert_eq!((get.status, get.message()), (301, "Moved Permanently"));
    assert!(get.header("location").ends_with(&format!("/repositories/{id}/issues?state=all")));
    let body = || Some(json!({"title": "Moved"}));
    let post = stage.send("POST", "/repos/acme/app/issues", &token, body()).await;
    assert_eq!((post.status, post.message()), (307, "Temporary Redirect"));
    assert_eq!(stage.send("POST", post.header("location"), &token, body()).await.status, 201);
    // Its old owner's installation does not cover it any more.
    let app = stage.mint(json!({})).await;
    assert_eq!(stage.send_wrong("POST", post.header("location"), &app, body()).await.status, 403);
    let folder = tempfile::tempdir().unwrap();
    let said = git_ok(folder.path(), &["clone", &stage.clone_url(""), "work"]);
    assert!(said.contains("redirecting to") && said.contains("/guild/app.git"), "{said}");
    assert!(!git(folder.path(), &["-c", "http.followRedirects=false", "clone", &stage.clone_url(""), "other"]).0);
}

#[tokio::test]
async fn issues_that_moved_were_deleted_or_are_switched_off() {
    let stage = Stage::new();
    let token = stage.mint(json!({})).await;
    stage.sim.repository("acme/other", [("a", "a")]).unwrap();
    stage.sim.install(stage.app.app_id, "acme/other").unwrap();
    let alice = stage.sim.person("alice");
    let [one, two, three] = ["One", "Two", "Three"].map(|title| alice.opens_issue(REPO, title, "").unwrap());
    let acme = stage.sim.person("acme");
    let there = acme.transfers_issue(REPO, one, "acme/other").unwrap();
    acme.deletes_issue(REPO, two).unwrap();
    let moved = stage.send("GET", &format!("/repos/acme/app/issues/{one}/comments"), &token, None).await;
    assert_eq!(moved.status, 301);
    assert!(moved.header("location").ends_with(&format!("/issues/{there}/comments")), "{}", moved.header("location"));
    assert_eq!(stage.send("GET", moved.header("location"), &token, None).await.status, 200);
    let path = format!("/repos/acme/app/issues/{one}/comments");
    let said = stage.send("POST", &path, &token, Some(json!({"body": "x"})));
    assert_eq!(said.await.status, 301);
    let gone = stage.send("GET", &format!("/repos/acme/app/issues/{two}"), &token, None).await;
    assert_eq!((gone.status, gone.message()), (410, "This issue was deleted"));
    stage.sim.issues_enabled(REPO, false).unwrap();
    let off = stage.send("GET", &format!("/repos/acme/app/issues/{three}"), &token, None).await;
    assert_eq!((off.status, off.message()), (410, "Issues are disabled for this repo"));
    let off = stage.send("POST", "/repos/acme/app/issues", &token, Some(json!({"title": "x"}))).await;
    assert_eq!((off.status, off.message()), (410, "Issues are disabled for this repo"));
    assert_eq!(stage.send("GET", "/repos/acme/app/issues", &token, None).await.body, json!([]));
}

#[tokio::test]
async fn the_default_branch_is_renamed_and_the_base_is_forced() {
    let stage = Stage::new();
    let token = stage.mint(json!({})).await;
    let (url, inbox) = receiver(200).await;
    let alice = stage.sim.person("alice");
    alice.pushes(REPO, "fix", [("a", "a\n")], "a").unwrap();
    let pull = alice.opens_pull(REPO, "fix", "main", "A", "").unwrap();
    let old = stage.sim.branch_head(REPO, "main").unwrap();
    alice.pushes(REPO, "main", [("b", "b\n")], "b").unwrap();
    stage.sim.webhook_url(stage.app.app_id, &url).unwrap();
    let forced = alice.force_pushes(REPO, "main", &old, [("c", "c\n")], "c").unwrap();
    stage.sim.settle().await;
    let push = inbox.lock().unwrap().last().unwrap().json();
    assert_eq!((&push["forced"], &push["after"]), (&json!(true), &json!(forced)));
    inbox.lock().unwrap().clear();
    stage.sim.rename_branch(REPO, "main", "trunk").unwrap();
    let repository = stage.send("GET", "/repos/acme/app", &token, None).await;
    assert_eq!(repository.body["default_branch"], "trunk");
    assert_eq!(stage.sim.pulls(REPO).unwrap()[0].base, "trunk");
    let moved = stage.send("GET", "/repos/acme/app/branches/main", &token, None).await;
    assert_eq!(moved.status, 301);
    let there = stage.send("GET", moved.header("location"), &token, None).await;
    assert_eq!((there.status, &there.body["name"]), (200, &json!("trunk")));
    assert_eq!(stage.send("GET", "/repos/acme/app/git/ref/heads/main", &token, None).await.status, 404);
    stage.sim.settle().await;
    insta::assert_snapshot!(shorts(&inbox).join("\n"), @r"
    push by acme
    create by acme
    pull_request.edited by acme
    push by acme
    ");
    assert_eq!(stage.sim.pulls(REPO).unwrap()[0].number, pull);
    let sideways = json!({"sha": stage.sim.branch_head(REPO, "fix").unwrap()});
    let refused = stage.send("PATCH", "/repos/acme/app/git/refs/heads/trunk", &token, Some(sideways)).await;
    assert_eq!((refused.status, refused.message()), (422, "Update is not a fast forward"));
    let forced = json!({"sha": old, "force": true});
    let done = stage.send("PATCH", "/repos/acme/app/git/refs/heads/trunk", &token, Some(forced)).await;
    assert_eq!((done.status, &done.body["object"]["sha"]), (200, &json!(old)));
}

#[tokio::test]
async fn an_app_reads_behind_its_webhooks_while_people_see_everything() {
    let stage = Stage::new();
    let (app, person) = (stage.mint(json!({})).await, stage.sim.personal_token("alice").unwrap());
    let alice = stage.sim.person("alice");
    alice.pushes(REPO, "fix", [("a", "a\n")], "a").unwrap();
    let pull = alice.opens_pull(REPO, "fix", "main", "A", "").unwrap();
    let old = stage.sim.branch_head(REPO, "fix").unwrap();
    stage.sim.advance(Duration::from_secs(60));
    stage.sim.switch(|switches| switches.lag_seconds = 30);
    let new = alice.pushes(REPO, "fix", [("b", "b\n")], "b").unwrap();
    let issue = alice.opens_issue(REPO, "New", "").unwrap();
    let path = format!("/repos/acme/app/issues/{issue}");
    let pull_path = format!("/repos/acme/app/pulls/{pull}");
    assert_eq!(stage.send("GET", &path, &app, None).await.status, 404);
    assert_eq!(stage.send("GET", &path, &person, None).await.status, 200);
    assert_eq!(stage.send("GET", &pull_path, &app, None).await.body["head"]["sha"], old);
    assert_eq!(stage.send("GET", "/repos/acme/app/git/ref/heads/fix", &app, None).await.body["object"]["sha"], old);
    assert_eq!(stage.send("GET", "/repos/acme/app/branches/fix", &app, None).await.body["commit"]["sha"], old);
    let listed = stage.send("GET", "/repos/acme/app/issues?state=all", &app, None).await;
    assert_eq!(listed.body.as_array().unwrap().len(), 1);
    // Writing is not behind.
    let said = stage.send("POST", &format!("{path}/comments"), &app, Some(json!({"body": "x"}))).await;
    assert_eq!(said.status, 201);
    stage.sim.advance(Duration::from_secs(31));
    assert_eq!(stage.send("GET", &path, &app, None).await.status, 200);
    assert_eq!(stage.send("GET", &pull_path, &app, None).await.body["head"]["sha"], new);
}
