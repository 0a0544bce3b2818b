//! Check runs and statuses.

use serde_json::json;

use crate::stage::{REPO, Stage, receiver, shorts};

#[tokio::test]
async fn a_check_run_lives_and_is_found() {
    let stage = Stage::new();
    let token = stage.mint(json!({})).await;
    let sha = stage.sim.branch_head(REPO, "main").unwrap();
    let new = json!({"name": "baton", "head_sha": sha, "status": "in_progress", "external_id": "task-1",
        "output": {"title": "Working", "summary": "…"}});
    let made = stage.send("POST", "/repos/acme/app/check-runs", &token, Some(new)).await;
    assert_eq!(
        (made.status, &made.body["status"], &made.body["external_id"]),
        (201, &json!("in_progress"), &json!("task-1"))
    );
    let id = made.body["id"].as_u64().unwrap();
    let path = format!("/repos/acme/app/check-runs/{id}");
    let unfinished = stage.send_wrong("PATCH", &path, &token, Some(json!({"status": "completed"}))).await;
    assert_eq!(unfinished.status, 422);
    let done = stage.send("PATCH", &path, &token, Some(json!({"conclusion": "success"}))).await;
    assert_eq!((&done.body["status"], &done.body["conclusion"]), (&json!("completed"), &json!("success")));
    let find = format!("/repos/acme/app/commits/main/check-runs?check_name=baton&app_id={}", stage.app.app_id);
    let found = stage.send("GET", &find, &token, None).await;
    assert_eq!((&found.body["total_count"], &found.body["check_runs"][0]["id"]), (&json!(1), &json!(id)));
    let long = json!({"output": {"title": "t", "summary": "é".repeat(32_768)}});
    assert_eq!(stage.send("PATCH", &path, &token, Some(long)).await.status, 422);
    let alice = stage.sim.personal_token("alice").unwrap();
    let person =
        stage.send("POST", "/repos/acme/app/check-runs", &alice, Some(json!({"name": "x", "head_sha": sha}))).await;
    assert_eq!((person.status, person.message()), (403, "You must authenticate via a GitHub App."));
    let status = stage
        .send(
            "POST",
            &format!("/repos/acme/app/statuses/{sha}"),
            &alice,
            Some(json!({"state": "success", "context": "ci"})),
        )
        .await;
    assert_eq!(status.status, 201);
    let combined = stage.send("GET", "/repos/acme/app/commits/main/status", &alice, None).await;
    assert_eq!((&combined.body["state"], &combined.body["total_count"]), (&json!("success"), &json!(1)));
}

#[tokio::test]
async fn buttons_and_repetitions_reach_the_app_that_made_the_check() {
    let stage = Stage::new();
    let token = stage.mint(json!({})).await;
    let (url, inbox) = receiver(200).await;
    let sha = stage.sim.branch_head(REPO, "main").unwrap();
    let actions = json!([{"label": "Fix it", "description": "Lets the bot fix it", "identifier": "fix"}]);
    let new = json!({"name": "baton", "head_sha": sha, "conclusion": "failure", "actions": actions,
        "completed_at": "2026-11-22T00:00:00Z", "status": "completed"});
    let made = stage.send("POST", "/repos/acme/app/check-runs", &token, Some(new)).await;
    let (id, suite) = (made.body["id"].as_u64().unwrap(), made.body["check_suite"]["id"].as_u64().unwrap());
    stage.sim.webhook_url(stage.app.app_id, &url).unwrap();
    let alice = stage.sim.person("alice");
    alice.presses(REPO, id, "fix").unwrap();
    alice.reruns_check(REPO, id).unwrap();
    alice.reruns_suite(REPO, suite).unwrap();
    assert_eq!(alice.presses(REPO, id, "other").unwrap_err().status, 422);
    assert_eq!(stage.sim.person("rita").presses(REPO, id, "fix").unwrap_err().status, 403);
    stage.sim.settle().await;
    assert_eq!(inbox.lock().unwrap()[1].json()["requested_action"], json!({"identifier": "fix"}));
    insta::assert_snapshot!(shorts(&inbox).join("\n"), @r"
    ping
    check_run.requested_action by alice
    check_run.rerequested by alice
    check_suite.rerequested by alice
    ");
    let found = stage.send("GET", &format!("/repos/acme/app/check-suites/{suite}/check-runs"), &token, None).await;
    assert_eq!((&found.body["total_count"], &found.body["check_runs"][0]["id"]), (&json!(1), &json!(id)));
}

#[tokio::test]
async fn what_is_too_long_for_a_check_run() {
    let stage = Stage::new();
    let token = stage.mint(json!({})).await;
    let sha = stage.sim.branch_head(REPO, "main").unwrap();
    let action = |label: usize, description: usize, identifier: usize| json!({"label": "l".repeat(label), "description": "d".repeat(description), "identifier": "i".repeat(identifier)});
    let output = |title: usize, summary: &str| json!({"title": "t".repeat(title), "summary": summary});
    let annotation = json!({"path": "a", "start_line": 1, "end_line": 1, "annotation_level": "notice", "message": "m"});
    let mut said = Vec::new();
    for more in [
        json!({"output": output(256, "")}),
        json!({"output": output(255, &"é".repeat(32_768))}),
        json!({"output": {"title": "t", "summary": "s", "annotations": vec![annotation; 51]}}),
        json!({"actions": [action(21, 1, 1)]}),
        json!({"actions": [action(20, 41, 1)]}),
        json!({"actions": [action(20, 40, 21)]}),
        json!({"actions": vec![action(20, 40, 20); 4]}),
        json!({"name": null}),
        json!({"actions": vec![action(20, 40, 20); 3], "output": output(255, &"x".repeat(65_535))}),
    ] {
        let mut new = json!({"name": "baton", "head_sha": sha});
        new.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let answer = stage.send_wrong("POST", "/repos/acme/app/check-runs", &token, Some(new)).await;
        assert!(answer.body.get("errors").is_none(), "{}", answer.body);
        said.push(format!("{} {}", answer.status, answer.message().replace("\n\n", " ")));
    }
    insta::assert_snapshot!(said.join("\n"), @r#"
    422 Invalid request. Only 255 characters are allowed; 256 were supplied.
    422 Invalid request. Only 65535 characters are allowed; 65536 were supplied.
    422 Invalid request. Only 50 items are allowed; 51 were supplied.
    422 Invalid request. Only 20 characters are allowed; 21 were supplied.
    422 Invalid request. Only 40 characters are allowed; 41 were supplied.
    422 Invalid request. Only 20 characters are allowed; 21 were supplied.
    422 Invalid request. Only 3 items are allowed; 4 were supplied.
    422 Invalid request. "name" wasn't supplied.
    201 
    "#);
}
