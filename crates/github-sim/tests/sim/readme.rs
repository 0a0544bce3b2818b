//! The README names every fault and every switch there is, and each can be switched over HTTP as it says.

use serde_json::{Value, json};

use crate::stage::{REPO, Stage};

/// One of each fault, as the control API takes it.
const FAULTS: &[&str] = &[
    r#"{"kind": "refuse", "status": 502}"#,
    r#"{"kind": "do_and_drop"}"#,
    r#"{"kind": "drop"}"#,
    r#"{"kind": "delay", "millis": 1}"#,
    r#"{"kind": "primary_limit", "reset_after": 60}"#,
    r#"{"kind": "secondary_limit", "retry_after": 7}"#,
    r#"{"kind": "limited", "primary": false, "status": 429, "wait": {"date": 30}}"#,
    r#"{"kind": "trickle", "millis": 1}"#,
    r#"{"kind": "throttle", "bytes_per_second": 1}"#,
    r#"{"kind": "endless_body"}"#,
    r#"{"kind": "big_body", "bytes": 1}"#,
    r#"{"kind": "gzip_bomb", "bytes": 1}"#,
    r#"{"kind": "redirect", "status": 307, "to": "http://127.0.0.1:9/"}"#,
    r#"{"kind": "content_type", "content_type": "text/html"}"#,
    r#"{"kind": "next_page"}"#,
    r#"{"kind": "graphql_error", "error": "FORBIDDEN", "message": "no"}"#,
    r#"{"kind": "garbage", "status": 200, "body": "x"}"#,
];

#[tokio::test]
async fn every_fault_and_switch_is_in_the_readme_and_can_be_set_over_http() {
    let stage = Stage::new();
    let readme = include_str!("../../README.md");
    let control = stage.sim.control_url();
    let send = async |method: &str, path: &str, body: &str| {
        let request = stage.http.request(method.parse().unwrap(), format!("{control}{path}")).body(body.to_owned());
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.json::<Value>().await.unwrap_or_default())
    };
    for fault in FAULTS {
        let rule = format!(r#"{{"operation": "nothing/at-all", "fault": {fault}, "times": 1}}"#);
        assert_eq!(send("POST", "/faults", &rule).await.0, 200, "{fault}");
        let kind: Value = serde_json::from_str(fault).unwrap();
        let kind = kind["kind"].as_str().unwrap();
        assert!(readme.contains(&format!("`{kind}`")), "the README does not name the fault {kind}");
    }
    let switches = serde_json::to_value(stage.sim.switches()).unwrap();
    for name in switches.as_object().unwrap().keys() {
        assert!(readme.contains(&format!("`{name}`")), "the README does not name the switch {name}");
    }
    let limits = serde_json::to_value(github_sim::Limits::default()).unwrap();
    for name in limits.as_object().unwrap().keys() {
        assert!(readme.contains(&format!("`{name}`")), "the README does not name the limit {name}");
    }
    let wish = r#"{"lag_seconds": 5, "limits": {"content_a_minute": 1, "wait": {"seconds": 9}}}"#;
    assert_eq!(send("PATCH", "/switches", wish).await.0, 200);
    let set = stage.sim.switches();
    assert_eq!((set.lag_seconds, set.limits.unwrap().content_a_minute), (5, 1));
    assert_eq!(send("PATCH", "/switches", r#"{"limits": null, "lag_seconds": 0}"#).await.1["limits"], json!(null));
    assert_eq!(send("PATCH", "/switches", r#"{"nonsense": 1}"#).await.0, 422);
    assert_eq!(send("GET", "/above-limits", "").await.1, json!([]));
}

#[tokio::test]
async fn a_repository_is_changed_and_looked_after_over_http() {
    let stage = Stage::new();
    stage.sim.org("guild").unwrap();
    let send = async |method: &str, path: &str, body: Value| {
        let url = format!("{}{path}", stage.sim.control_url());
        let response = stage.http.request(method.parse().unwrap(), url).json(&body).send().await.unwrap();
        let status = response.status().as_u16();
        let body: Value = response.json().await.unwrap();
        assert_eq!(status, 200, "{path}: {body}");
        body
    };
    let deed = async |body: Value| send("POST", "/people/alice", body).await;
    let old = stage.sim.branch_head(REPO, "main").unwrap();
    let issue = deed(json!({"verb": "opens_issue", "repo": REPO, "title": "One"})).await["number"].clone();
    let comment = deed(json!({"verb": "says", "repo": REPO, "number": issue, "body": "old"})).await["comment"].clone();
    deed(json!({"verb": "reacts", "repo": REPO, "comment": comment, "word": "eyes"})).await;
    deed(json!({"verb": "minimizes", "repo": REPO, "comment": comment, "word": "OUTDATED"})).await;
    deed(json!({"verb": "locks", "repo": REPO, "number": issue})).await;
    deed(json!({"verb": "unlocks", "repo": REPO, "number": issue})).await;
    deed(json!({"verb": "closes_as", "repo": REPO, "number": issue, "word": "not_planned"})).await;
    deed(json!({"verb": "pushes", "repo": REPO, "branch": "fix", "files": {"a": "a\n"}, "message": "a"})).await;
    let pull = deed(json!({"verb": "opens_pull", "repo": REPO, "head": "fix", "base": "main", "title": "A"})).await;
    deed(json!({"verb": "asks_for_review", "repo": REPO, "number": pull["number"], "login": "rita"})).await;
    deed(json!({"verb": "marks_draft", "repo": REPO, "number": pull["number"], "draft": true})).await;
    deed(json!({"verb": "force_pushes", "repo": REPO, "branch": "main", "onto": old, "files": {"b": "b\n"}, "message": "b"})).await;
    let change = async |body: Value| send("PATCH", "/repositories/acme/app", body).await;
    change(json!({"rename_branch": {"from": "main", "to": "trunk"}, "push_protection": false})).await;
    change(json!({"protection": {"branch": "trunk", "rule": {"status_check": "build"}}})).await;
    change(json!({"ruleset": {"branch": "~ALL", "rule": "force_push"}})).await;
    change(json!({"transfer": "guild"})).await;
    let pulls = stage.sim.pulls("guild/app").unwrap();
    assert_eq!(
        (pulls[0].draft, pulls[0].base.as_str(), &pulls[0].requested_reviewers),
        (true, "trunk", &vec!["rita".to_owned()])
    );
    insta::assert_snapshot!(stage.sim.thread("guild/app", 1).unwrap(), @r"
    # One #1 (closed issue)

    --- @alice


    --- @alice (minimized: outdated) [eyes]
    old
    ");
    let key = send("POST", &format!("/apps/{}/keys", stage.app.app_id), json!({})).await;
    assert!(key["private_key_pem"].as_str().unwrap().contains("RSA PRIVATE KEY"));
    send("POST", "/tokens/expiry", json!({})).await;
    let all = send("POST", "/installations", json!({"app_id": stage.app.app_id, "account": "guild"})).await;
    assert!(all["id"].is_u64());
}
