//! Webhooks as they arrive.

use std::time::Duration;

use serde_json::json;

use crate::stage::{REPO, Stage, receiver, shorts};

#[tokio::test]
async fn a_story_arrives_in_order_and_signed() {
    let stage = Stage::new();
    let (url, inbox) = receiver(202).await;
    let sim = &stage.sim;
    sim.webhook_url(stage.app.app_id, &url).unwrap();
    let token = stage.mint(json!({})).await;
    let alice = sim.person("alice");
    let issue = alice.opens_issue(REPO, "It crashes", "Body").unwrap();
    alice.edits_issue(REPO, issue, None, Some("Better body")).unwrap();
    alice.labels(REPO, issue, "baton").unwrap();
    alice.assigns(REPO, issue, "rita").unwrap();
    let comment = alice.says(REPO, issue, "/plan").unwrap();
    alice.edits_comment(REPO, comment, "/plan please").unwrap();
    sim.person("olaf").quietly().says(REPO, issue, "nobody hears").unwrap();
    let path = format!("/repos/acme/app/issues/{issue}/comments");
    stage.send("POST", &path, &token, Some(json!({"body": "The plan"}))).await;
    alice.closes(REPO, issue).unwrap();
    sim.settle().await;
    let got = inbox.lock().unwrap().clone();
    for delivery in &got {
        let expected = github_sim::sha256_signature(&stage.app.webhook_secret, &delivery.body);
        assert_eq!(delivery.header("x-hub-signature-256"), expected);
        assert_eq!(delivery.header("x-github-hook-installation-target-id"), stage.app.app_id.to_string());
        assert_eq!(delivery.header("x-github-hook-installation-target-type"), "integration");
        assert!(delivery.header("user-agent").starts_with("GitHub-Hookshot/"));
    }
    assert_eq!(got[2].json()["changes"], json!({"body": {"from": "Body"}}));
    assert_eq!(got[1].json()["installation"]["id"], stage.installation);
    insta::assert_snapshot!(shorts(&inbox).join("\n"), @r"
    ping
    issues.opened by alice
    issues.edited by alice
    issues.labeled by alice
    issues.assigned by alice
    issue_comment.created by alice
    issue_comment.edited by alice
    issue_comment.created by baton[bot]
    issues.closed by alice
    ");
}

#[tokio::test]
async fn a_failed_delivery_stays_failed_until_sent_again_under_its_guid() {
    let stage = Stage::new();
    let (broken, _) = receiver(500).await;
    stage.sim.webhook_url(stage.app.app_id, &broken).unwrap();
    stage.sim.person("alice").opens_issue(REPO, "One", "").unwrap();
    stage.sim.settle().await;
    let failed = stage.send("GET", "/app/hook/deliveries?status=failure", &stage.jwt(), None).await;
    let delivery = failed.body.as_array().unwrap().iter().find(|it| it["event"] == "issues").unwrap().clone();
    assert_eq!((&delivery["status_code"], &delivery["redelivery"]), (&json!(500), &json!(false)));
    let (url, inbox) = receiver(200).await;
    stage.sim.webhook_url(stage.app.app_id, &url).unwrap();
    let id = delivery["id"].as_u64().unwrap();
    let again = stage.send("POST", &format!("/app/hook/deliveries/{id}/attempts"), &stage.jwt(), None).await;
    assert_eq!(again.status, 202);
    stage.sim.settle().await;
    let got = inbox.lock().unwrap().clone();
    let issue = got.iter().find(|it| it.header("x-github-event") == "issues").unwrap();
    assert_eq!(issue.header("x-github-delivery"), delivery["guid"].as_str().unwrap());
    let full = stage.send("GET", &format!("/app/hook/deliveries/{id}"), &stage.jwt(), None).await;
    assert_eq!(full.body["request"]["payload"]["action"], "opened");
}

#[tokio::test]
async fn held_webhooks_come_late_and_backwards_and_forged_ones_fail_their_signature() {
    let stage = Stage::new();
    let (url, inbox) = receiver(200).await;
    stage.sim.webhook_url(stage.app.app_id, &url).unwrap();
    stage.sim.settle().await;
    shorts(&inbox);
    stage.sim.hold_webhooks();
    let issue = stage.sim.person("alice").opens_issue(REPO, "One", "").unwrap();
    stage.sim.person("alice").says(REPO, issue, "/plan").unwrap();
    stage.sim.settle().await;
    assert!(inbox.lock().unwrap().is_empty());
    stage.sim.release_webhooks(true);
    stage.sim.settle().await;
    assert_eq!(shorts(&inbox), ["issue_comment.created by alice", "issues.opened by alice"]);
    let guid = stage.sim.deliveries().last().unwrap().guid.clone();
    stage.sim.forge(&guid, Some("not the secret")).unwrap();
    stage.sim.forge(&guid, None).unwrap();
    stage.sim.settle().await;
    let got = inbox.lock().unwrap().clone();
    let signature = github_sim::sha256_signature(&stage.app.webhook_secret, &got[0].body);
    assert_ne!(got[0].header("x-hub-signature-256"), signature);
    assert_eq!(got[1].header("x-hub-signature-256"), "");
    assert_ne!(got[0].header("x-github-delivery"), guid);
}

#[tokio::test]
async fn only_subscribed_events_of_installed_repositories_are_sent() {
    let stage = Stage::new();
    let (url, inbox) = receiver(200).await;
    stage.sim.webhook_url(stage.app.app_id, &url).unwrap();
    stage.sim.repository("acme/other", [("a", "a")]).unwrap();
    stage.sim.person("acme").opens_issue("acme/other", "Unheard", "").unwrap();
    stage.sim.install(stage.app.app_id, "acme/other").unwrap();
    stage.sim.person("acme").opens_issue("acme/other", "Heard", "").unwrap();
    stage.sim.suspend(stage.installation, true);
    stage.sim.person("acme").opens_issue("acme/other", "Unheard too", "").unwrap();
    stage.sim.settle().await;
    insta::assert_snapshot!(shorts(&inbox).join("\n"), @r"
    ping
    installation_repositories.added by acme
    issues.opened by acme
    installation.suspend by acme
    ");
}

#[tokio::test]
async fn deliveries_are_listed_by_cursor_kept_three_days_and_sent_again_under_their_guid() {
    let stage = Stage::new();
    stage.sim.webhook_url(stage.app.app_id, "http://127.0.0.1:9/nobody-listens").unwrap();
    for at in 0..4 {
        stage.sim.person("alice").opens_issue(REPO, &format!("Issue {at}"), "").unwrap();
    }
    stage.sim.settle().await;
    let (mut url, mut found) = ("/app/hook/deliveries?per_page=2&status=failure".to_owned(), Vec::new());
    loop {
        let page = stage.send("GET", &url, &stage.jwt(), None).await;
        found.extend(page.body.as_array().unwrap().clone());
        let link = page.header("link").to_owned();
        let Some(next) = link.split(['<', '>']).nth(1) else { break };
        assert!(next.contains("cursor=") && !next.contains("page=1"), "{next}");
        next.clone_into(&mut url);
    }
    assert_eq!(found.len(), 5);
    assert_eq!((&found[0]["status"], &found[0]["status_code"]), (&json!("failed to connect to host"), &json!(0)));
    let (hook, inbox) = receiver(200).await;
    stage.send("PATCH", "/app/hook/config", &stage.jwt(), Some(json!({"url": hook}))).await;
    let attempts = format!("/app/hook/deliveries/{}/attempts", found[0]["id"]);
    assert_eq!(stage.send("POST", &attempts, &stage.jwt(), None).await.status, 202);
    stage.sim.settle().await;
    let again = inbox.lock().unwrap().last().unwrap().header("x-github-delivery");
    assert_eq!(again, found[0]["guid"].as_str().unwrap());
    let newest = stage.send("GET", "/app/hook/deliveries?per_page=1", &stage.jwt(), None).await;
    assert_eq!((&newest.body[0]["redelivery"], &newest.body[0]["guid"]), (&json!(true), &found[0]["guid"]));
    stage.sim.advance(Duration::from_secs(72 * 3600));
    let old = stage.send("GET", "/app/hook/deliveries", &stage.jwt(), None).await;
    assert_eq!(old.body, json!([]));
    assert_eq!(stage.send("POST", &attempts, &stage.jwt(), None).await.status, 404);
}

#[tokio::test]
async fn a_hook_may_send_forms_and_copies() {
    let stage = Stage::new();
    let (hook, inbox) = receiver(200).await;
    let config = json!({"url": hook, "content_type": "form", "insecure_ssl": "1", "secret": "new secret"});
    let config = stage.send("PATCH", "/app/hook/config", &stage.jwt(), Some(config)).await;
    assert_eq!((&config.body["content_type"], &config.body["insecure_ssl"]), (&json!("form"), &json!("1")));
    assert_eq!(config.body["secret"], "********");
    stage.sim.switch(|switches| switches.extra_webhooks = 1);
    let issue = stage.sim.person("alice").opens_issue(REPO, "A & b=c", "").unwrap();
    stage.sim.settle().await;
    let got = inbox.lock().unwrap().clone();
    let issues: Vec<_> = got.iter().filter(|it| it.header("x-github-event") == "issues").collect();
    assert_eq!(issues.len(), 2);
    assert_ne!(issues[0].header("x-github-delivery"), issues[1].header("x-github-delivery"));
    assert_eq!(issues[0].header("content-type"), "application/x-www-form-urlencoded");
    let signed = github_sim::sha256_signature("new secret", &issues[0].body);
    assert_eq!(issues[0].header("x-hub-signature-256"), signed);
    let form = issues[0].body.strip_prefix(b"payload=").unwrap();
    let json: Vec<u8> = percent_encoding::percent_decode(form).collect();
    let payload: serde_json::Value = serde_json::from_slice(&json).unwrap();
    assert_eq!((&payload["issue"]["number"], &payload["issue"]["title"]), (&json!(issue), &json!("A & b=c")));
    assert_eq!(stage.sim.deliveries().last().unwrap().payload["action"], "opened");
}

#[tokio::test]
async fn unheard_of_events_arrive_late_and_what_is_too_large_never() {
    let stage = Stage::new();
    let (hook, inbox) = receiver(200).await;
    stage.sim.webhook_url(stage.app.app_id, &hook).unwrap();
    stage.sim.switch(|switches| switches.webhook_delay_millis = 50);
    let started = std::time::Instant::now();
    stage.sim.send_webhook(stage.app.app_id, "moon_landing", json!({"action": "landed", "sender": null})).unwrap();
    let large = json!({"action": "x".repeat(25 * 1024 * 1024)});
    stage.sim.send_webhook(stage.app.app_id, "moon_landing", large).unwrap();
    stage.sim.settle().await;
    assert!(started.elapsed() >= Duration::from_millis(50));
    let got = inbox.lock().unwrap().last().unwrap().clone();
    let signed = github_sim::sha256_signature(&stage.app.webhook_secret, &got.body);
    assert_eq!(got.header("x-hub-signature-256"), signed);
    assert_eq!(shorts(&inbox), ["ping", "moon_landing.landed"]);
}
