//! Who gets in, with what, and how far.

use std::time::Duration;

use github_sim::{Level, Role};
use serde_json::json;

use crate::stage::{REPO, Stage, jwt, permissions};

#[tokio::test]
async fn an_app_proves_itself_and_gets_a_token() {
    let stage = Stage::new();
    let me = stage.send("GET", "/app", &stage.jwt(), None).await;
    assert_eq!((me.status, &me.body["slug"], &me.body["id"]), (200, &json!("baton"), &json!(stage.app.app_id)));
    let found = stage.send("GET", "/repos/acme/app/installation", &stage.jwt(), None).await;
    assert_eq!(found.body["id"], stage.installation);
    let token = stage.mint(json!({})).await;
    assert!(token.starts_with(&format!("ghs_{}_", stage.app.app_id)) && token.len() > 500, "{token}");
    let repositories = stage.send("GET", "/installation/repositories", &token, None).await;
    assert_eq!(repositories.body["repositories"][0]["full_name"], REPO);
    assert_eq!(repositories.header("x-ratelimit-limit"), "5000");
    let bot = stage.send("GET", "/users/baton%5Bbot%5D", &token, None).await;
    assert_eq!((&bot.body["type"], &bot.body["id"]), (&json!("Bot"), &json!(stage.app.bot_user_id)));
    assert_ne!(stage.app.bot_user_id, stage.app.app_id);
}

#[tokio::test]
async fn bad_jwts_are_refused_in_githubs_words() {
    let stage = Stage::new();
    let now = jiff::Timestamp::now().as_second();
    let id = stage.app.app_id;
    let mut said = Vec::new();
    for claims in [
        json!({"iss": id, "iat": now, "exp": now + 3600}),
        json!({"iss": id, "iat": now - 700, "exp": now - 1}),
        json!({"iss": id, "iat": now + 600, "exp": now + 600}),
        json!({"iss": 1, "iat": now, "exp": now + 60}),
    ] {
        let refused = stage.send("GET", "/app", &jwt(&stage.app, &claims), None).await;
        said.push(format!("{} {}", refused.status, refused.message()));
    }
    let mut tampered = stage.jwt();
    tampered.replace_range(tampered.len() - 6.., "AAAAAA");
    let refused = stage.send("GET", "/app", &tampered, None).await;
    said.push(format!("{} {}", refused.status, refused.message()));
    let refused = stage.send("GET", "/app", &stage.mint(json!({})).await, None).await;
    said.push(format!("{} {}", refused.status, refused.message()));
    insta::assert_snapshot!(said.join("\n"), @r"
    401 'Expiration time' claim ('exp') is too far in the future
    401 'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires
    401 'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued
    404 Integration not found
    401 A JSON web token could not be decoded
    401 A JSON web token could not be decoded
    ");
}

#[tokio::test]
async fn tokens_end_by_time_revocation_and_suspension() {
    let stage = Stage::new();
    let (first, second) = (stage.mint(json!({})).await, stage.mint(json!({})).await);
    assert_eq!(stage.send("DELETE", "/installation/token", &first, None).await.status, 204);
    let revoked = stage.send("GET", "/repos/acme/app", &first, None).await;
    assert_eq!((revoked.status, revoked.message()), (401, "Bad credentials"));
    stage.sim.advance(Duration::from_secs(3599));
    assert_eq!(stage.send("GET", "/repos/acme/app", &second, None).await.status, 200);
    stage.sim.advance(Duration::from_secs(1));
    assert_eq!(stage.send("GET", "/repos/acme/app", &second, None).await.status, 401);
    stage.sim.suspend(stage.installation, true);
    let path = format!("/app/installations/{}/access_tokens", stage.installation);
    let suspended = stage.send("POST", &path, &stage.jwt(), None).await;
    assert_eq!((suspended.status, suspended.message()), (403, "This installation has been suspended"));
    stage.sim.uninstall(stage.installation);
    assert_eq!(stage.send("POST", &path, &stage.jwt(), None).await.status, 404);
}

#[tokio::test]
async fn a_narrowed_token_reaches_no_further() {
    let stage = Stage::new();
    stage.sim.private_repository("acme/secret", [("a", "a")]).unwrap();
    stage.sim.install(stage.app.app_id, "acme/secret").unwrap();
    let issue = stage.sim.person("alice").opens_issue(REPO, "One", "").unwrap();
    let comments = format!("/repos/acme/app/issues/{issue}/comments");
    let body = Some(json!({"body": "hello"}));
    let token = stage.mint(json!({"repositories": ["app"], "permissions": {"issues": "read"}})).await;
    assert_eq!(stage.send("GET", &comments, &token, None).await.status, 200);
    let refused = stage.send_wrong("POST", &comments, &token, body.clone()).await;
    assert_eq!((refused.status, refused.message()), (403, "Resource not accessible by integration"));
    assert_eq!(stage.send("GET", "/repos/acme/secret", &token, None).await.status, 404);
    assert_eq!(stage.send_wrong("GET", "/repos/acme/app/contents/README.md", &token, None).await.status, 403);
    let all = stage.mint(json!({})).await;
    assert_eq!(stage.send("GET", "/repos/acme/secret", &all, None).await.status, 200);
    let path = format!("/app/installations/{}/access_tokens", stage.installation);
    let too_much =
        stage.send("POST", &path, &stage.jwt(), Some(json!({"permissions": {"administration": "write"}}))).await;
    assert_eq!(too_much.status, 422);
    let unreachable = stage.send("POST", &path, &stage.jwt(), Some(json!({"repositories": ["other"]}))).await;
    assert_eq!(unreachable.status, 422);
}

#[tokio::test]
async fn new_permissions_count_once_accepted() {
    let stage = Stage::new();
    stage.sim.app_permissions(stage.app.app_id, permissions(&[("statuses", Level::Write)])).unwrap();
    let sha = stage.sim.branch_head(REPO, "main").unwrap();
    let (path, body) = (format!("/repos/acme/app/statuses/{sha}"), Some(json!({"state": "success"})));
    assert_eq!(stage.send_wrong("POST", &path, &stage.mint(json!({})).await, body.clone()).await.status, 403);
    stage.sim.accept_permissions(stage.installation);
    assert_eq!(stage.send("POST", &path, &stage.mint(json!({})).await, body).await.status, 201);
}

#[tokio::test]
async fn people_have_the_rights_of_their_role() {
    let stage = Stage::new();
    let token = stage.mint(json!({})).await;
    let mut roles = Vec::new();
    for (login, role) in [("tim", Role::Triage), ("wendy", Role::Write), ("adam", Role::Admin)] {
        stage.sim.role(REPO, login, role).unwrap();
    }
    for login in ["olaf", "rita", "tim", "wendy", "alice", "adam", "acme"] {
        let path = format!("/repos/acme/app/collaborators/{login}/permission");
        let answer = stage.send("GET", &path, &token, None).await;
        roles.push(format!("{login}: {} {}", answer.body["permission"], answer.body["role_name"]));
    }
    insta::assert_snapshot!(roles.join("\n"), @r#"
    olaf: "read" "read"
    rita: "read" "read"
    tim: "read" "triage"
    wendy: "write" "write"
    alice: "write" "maintain"
    adam: "admin" "admin"
    acme: "admin" "admin"
    "#);
    let issue = stage.sim.person("olaf").opens_issue(REPO, "One", "").unwrap();
    let refused = stage.sim.person("rita").labels(REPO, issue, "bug").unwrap_err();
    assert_eq!((refused.status, refused.message.as_str()), (403, "Must have admin rights to Repository."));
    stage.sim.person("tim").labels(REPO, issue, "bug").unwrap();
    assert!(stage.sim.person("tim").pushes(REPO, "x", [("a", "b")], "m").is_err());
}

#[tokio::test]
async fn archived_locked_deleted_renamed_and_disabled() {
    let stage = Stage::new();
    let token = stage.mint(json!({})).await;
    let sim = &stage.sim;
    let issue = sim.person("alice").opens_issue(REPO, "One", "").unwrap();
    let path = format!("/repos/acme/app/issues/{issue}/comments");
    let body = || Some(json!({"body": "hello"}));
    sim.person("alice").locks(REPO, issue).unwrap();
    let locked = sim.person("olaf").says(REPO, issue, "hello").unwrap_err();
    assert_eq!((locked.status, locked.message.as_str()), (403, "Unable to create comment because issue is locked."));
    // Apps have reported that a locked conversation is closed to them too; whoever wants that switches it on.
    assert_eq!(stage.send("POST", &path, &token, body()).await.status, 201);
    sim.switch(|switches| switches.locked_to_apps = true);
    let locked = stage.send("POST", &path, &token, body()).await;
    assert_eq!((locked.status, locked.message()), (403, "Unable to create comment because issue is locked."));
    sim.person("alice").unlocks(REPO, issue).unwrap();
    assert_eq!(stage.send("POST", &path, &token, body()).await.status, 201);
    sim.archive(REPO, true).unwrap();
    let archived = stage.send("POST", &path, &token, body()).await;
    assert_eq!((archived.status, archived.message()), (403, "Repository was archived so is read-only."));
    sim.archive(REPO, false).unwrap();
    sim.person("acme").deletes_issue(REPO, issue).unwrap();
    let deleted = stage.send("POST", &path, &token, body()).await;
    assert_eq!((deleted.status, deleted.message()), (410, "This issue was deleted"));
    sim.issues_enabled(REPO, false).unwrap();
    assert_eq!(stage.send("POST", "/repos/acme/app/issues", &token, Some(json!({"title": "x"}))).await.status, 410);
    sim.rename(REPO, "renamed").unwrap();
    let moved = stage.send("GET", "/repos/acme/app/issues?state=all", &token, None).await;
    assert_eq!(moved.status, 301);
    assert!(moved.header("location").ends_with("/issues?state=all"), "{}", moved.header("location"));
    assert_eq!(stage.send("POST", "/repos/acme/app/issues", &token, Some(json!({"title": "x"}))).await.status, 307);
}

#[tokio::test]
async fn an_organisation_installs_on_everything_it_has_and_will_have() {
    let stage = Stage::new();
    stage.sim.org("guild").unwrap();
    stage.sim.repository("guild/one", [("a", "a")]).unwrap();
    let id = stage.sim.install_all(stage.app.app_id, "guild").unwrap();
    let found = stage.send("GET", "/orgs/guild/installation", &stage.jwt(), None).await;
    let of = (&found.body["id"], &found.body["repository_selection"], &found.body["target_type"]);
    assert_eq!(of, (&json!(id), &json!("all"), &json!("Organization")));
    stage.sim.private_repository("guild/two", [("a", "a")]).unwrap();
    let minted = stage.send("POST", &format!("/app/installations/{id}/access_tokens"), &stage.jwt(), None).await;
    let token = minted.body["token"].as_str().unwrap().to_owned();
    let reached = stage.send("GET", "/installation/repositories", &token, None).await;
    let names: Vec<_> =
        reached.body["repositories"].as_array().unwrap().iter().map(|it| it["full_name"].as_str().unwrap()).collect();
    assert_eq!(names, ["guild/one", "guild/two"]);
    let suspended = format!("/app/installations/{id}/suspended");
    assert_eq!(stage.send("PUT", &suspended, &stage.jwt(), None).await.status, 204);
    let refused = stage.send("GET", "/repos/guild/two", &token, None).await;
    assert_eq!((refused.status, refused.message()), (403, "This installation has been suspended"));
    assert_eq!(stage.send("DELETE", &suspended, &stage.jwt(), None).await.status, 204);
    assert_eq!(stage.send("GET", "/repos/guild/two", &token, None).await.status, 200);
    assert_eq!(stage.send("DELETE", &format!("/app/installations/{id}"), &stage.jwt(), None).await.status, 204);
    assert_eq!(stage.send("GET", "/orgs/guild/installation", &stage.jwt(), None).await.status, 404);
}
