//! Check runs and statuses.

use serde_json::json;

use crate::stage::{REPO, Stage};

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
