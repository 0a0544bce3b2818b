//! Issues, comments, labels, reactions, pages.

use serde_json::json;

use crate::stage::{REPO, Stage};

#[tokio::test]
async fn a_thread_as_a_reader_sees_it() {
    let stage = Stage::new();
    let token = stage.mint(json!({})).await;
    let alice = stage.sim.person("alice");
    let issue = alice.opens_issue(REPO, "It crashes", "When I press **it**, @rita.").unwrap();
    alice.assigns(REPO, issue, "rita").unwrap();
    alice.labels(REPO, issue, "baton").unwrap();
    let said = alice.says(REPO, issue, "/plan").unwrap();
    let eyes = || Some(json!({"content": "eyes"}));
    let reactions = format!("/repos/acme/app/issues/comments/{said}/reactions");
    assert_eq!(stage.send("POST", &reactions, &token, eyes()).await.status, 201);
    assert_eq!(stage.send("POST", &reactions, &token, eyes()).await.status, 200);
    let path = format!("/repos/acme/app/issues/{issue}/comments");
    let made = stage.send("POST", &path, &token, Some(json!({"body": "The plan, `@olaf`."}))).await;
    assert_eq!((made.status, &made.body["user"]["login"]), (201, &json!("baton[bot]")));
    let id = made.body["id"].as_u64().unwrap();
    let edit = Some(json!({"body": "The plan, edited."}));
    assert_eq!(stage.send("PATCH", &format!("/repos/acme/app/issues/comments/{id}"), &token, edit).await.status, 200);
    insta::assert_snapshot!(stage.sim.thread(REPO, issue).unwrap(), @r"
    # It crashes #1 (open issue)
    labels: baton
    assignees: rita

    --- @alice
    When I press **it**, @rita.

    --- @alice [eyes]
    /plan

    --- @baton[bot]
    The plan, edited.
    ");
    let mentions: Vec<String> =
        stage.sim.mentions().into_iter().map(|it| format!("{} by {}", it.login, it.by)).collect();
    assert_eq!(mentions, ["rita by alice"]);
    let edits: Vec<String> = stage.sim.edits(REPO, issue).unwrap().into_iter().map(|it| it.from).collect();
    assert_eq!(edits, ["The plan, `@olaf`."]);
    let effects: Vec<String> =
        stage.sim.ledger().into_iter().map(|it| format!("{} by {}", it.what, it.actor)).collect();
    insta::assert_snapshot!(effects.join("\n"), @r"
    installation.create by acme
    token.mint by baton[bot]
    issue.create by alice
    issue.assigned by alice
    label.create by alice
    issue.labeled by alice
    comment.create by alice
    reaction.create by baton[bot]
    comment.create by baton[bot]
    comment.edit by baton[bot]
    ");
}

#[tokio::test]
async fn pages_follow_links() {
    let stage = Stage::new();
    let token = stage.mint(json!({})).await;
    let issue = stage.sim.person("alice").opens_issue(REPO, "Long", "").unwrap();
    for at in 0..25 {
        stage.sim.person("alice").says(REPO, issue, &format!("comment {at}")).unwrap();
    }
    let mut url = format!("/repos/acme/app/issues/{issue}/comments?per_page=10");
    let mut sizes = Vec::new();
    loop {
        let page = stage.send("GET", &url, &token, None).await;
        sizes.push(page.body.as_array().unwrap().len());
        let link = page.header("link").to_owned();
        let next = link.split(", ").find(|part| part.ends_with("rel=\"next\""));
        let Some(next) = next else { break };
        url = next.split(['<', '>']).nth(1).unwrap().to_owned();
        assert!(url.starts_with(stage.sim.api_url()), "{url}");
    }
    assert_eq!(sizes, [10, 10, 5]);
    let most = stage.send("GET", &format!("/repos/acme/app/issues/{issue}/comments?per_page=500"), &token, None).await;
    assert_eq!(most.body.as_array().unwrap().len(), 25);
}

#[tokio::test]
async fn a_known_etag_costs_nothing() {
    let stage = Stage::new();
    let token = stage.mint(json!({})).await;
    let first = stage.send("GET", "/repos/acme/app", &token, None).await;
    let url = format!("{}/repos/acme/app", stage.sim.api_url());
    let again =
        stage.http.get(url).bearer_auth(&token).header("if-none-match", first.header("etag")).send().await.unwrap();
    assert_eq!(again.status().as_u16(), 304);
    assert_eq!(again.headers()["x-ratelimit-remaining"], first.header("x-ratelimit-remaining"));
}

#[tokio::test]
async fn what_is_wrong_is_said_in_githubs_shape() {
    let stage = Stage::new();
    let token = stage.mint(json!({})).await;
    let issue = stage.sim.person("alice").opens_issue(REPO, "One", "").unwrap();
    let path = format!("/repos/acme/app/issues/{issue}/comments");
    let long = stage.send("POST", &path, &token, Some(json!({"body": "x".repeat(65_537)}))).await;
    assert_eq!((long.status, long.message()), (422, "Validation Failed"));
    assert_eq!(stage.send("POST", &path, &token, Some(json!({"body": "x".repeat(65_536)}))).await.status, 201);
    let untitled = stage.send_wrong("POST", "/repos/acme/app/issues", &token, Some(json!({}))).await;
    assert_eq!(untitled.body["errors"], json!([{"resource": "Issue", "field": "title", "code": "missing_field"}]));
    let missing = stage.send("GET", "/repos/acme/app/issues/99", &token, None).await;
    assert_eq!((missing.status, missing.message()), (404, "Not Found"));
    assert!(missing.body["documentation_url"].is_string());
    assert_eq!(stage.send("GET", "/repos/acme/app", "ghs_wrong", None).await.message(), "Bad credentials");
    let broken = stage
        .http
        .post(format!("{}{path}", stage.sim.api_url()))
        .bearer_auth(&token)
        .header("x-github-sim-wrong-on-purpose", "yes")
        .body("{");
    assert_eq!(broken.send().await.unwrap().status().as_u16(), 400);
}

#[tokio::test]
async fn the_apps_bot_cannot_be_assigned_and_nobody_says_so() {
    let stage = Stage::new();
    let token = stage.mint(json!({})).await;
    let issue = stage.sim.person("alice").opens_issue(REPO, "One", "").unwrap();
    let path = format!("/repos/acme/app/issues/{issue}/assignees");
    let ignored = stage.send("POST", &path, &token, Some(json!({"assignees": ["baton[bot]"]}))).await;
    assert_eq!((ignored.status, &ignored.body["assignees"]), (201, &json!([])));
    assert_eq!(stage.send("GET", "/repos/acme/app/assignees/baton%5Bbot%5D", &token, None).await.status, 404);
    assert_eq!(stage.send("GET", "/repos/acme/app/assignees/alice", &token, None).await.status, 204);
}

#[tokio::test]
async fn labels_events_and_lists() {
    let stage = Stage::new();
    let token = stage.mint(json!({})).await;
    let alice = stage.sim.person("alice");
    let (one, two) = (alice.opens_issue(REPO, "One", "").unwrap(), alice.opens_issue(REPO, "Two", "").unwrap());
    let add = Some(json!({"labels": ["baton:auto"]}));
    assert_eq!(
        stage.send("POST", &format!("/repos/acme/app/issues/{one}/labels"), &token, add).await.body[0]["name"],
        "baton:auto"
    );
    let remove = format!("/repos/acme/app/issues/{one}/labels/baton%3Aauto");
    assert_eq!(stage.send("DELETE", &remove, &token, None).await.body, json!([]));
    assert_eq!(stage.send("DELETE", &remove, &token, None).await.message(), "Label does not exist");
    alice.labels(REPO, two, "bug").unwrap();
    alice.closes(REPO, one).unwrap();
    let numbers = |body: &serde_json::Value| -> Vec<u64> {
        body.as_array().unwrap().iter().map(|it| it["number"].as_u64().unwrap()).collect()
    };
    let open = stage.send("GET", "/repos/acme/app/issues", &token, None).await;
    let closed = stage.send("GET", "/repos/acme/app/issues?state=closed", &token, None).await;
    let bugs = stage.send("GET", "/repos/acme/app/issues?state=all&labels=bug", &token, None).await;
    assert_eq!((numbers(&open.body), numbers(&closed.body), numbers(&bugs.body)), (vec![two], vec![one], vec![two]));
    let events = stage.send("GET", &format!("/repos/acme/app/issues/{one}/events"), &token, None).await;
    let events: Vec<String> =
        events.body.as_array().unwrap().iter().map(|it| format!("{} {}", it["event"], it["actor"]["login"])).collect();
    insta::assert_snapshot!(events.join("\n"), @r#"
    "labeled" "baton[bot]"
    "unlabeled" "baton[bot]"
    "closed" "alice"
    "#);
}
