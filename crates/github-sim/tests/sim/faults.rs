//! Faults on purpose.

use github_sim::{Fault, FaultRule};
use serde_json::json;

use crate::stage::{REPO, Stage};

#[tokio::test]
async fn refused_limited_garbled_and_dropped() {
    let stage = Stage::new();
    let token = stage.mint(json!({})).await;
    let issue = stage.sim.person("alice").opens_issue(REPO, "One", "").unwrap();
    let path = format!("/repos/acme/app/issues/{issue}/comments");
    let body = || Some(json!({"body": "hello"}));
    let fault = |fault| stage.sim.fault(FaultRule::new("issues/create-comment", fault, 1));
    fault(Fault::Refuse { status: 502, message: None });
    let refused = stage.send("POST", &path, &token, body()).await;
    assert_eq!((refused.status, refused.header("content-type")), (502, "text/html; charset=utf-8"));
    fault(Fault::PrimaryLimit { reset_after: 60 });
    let limited = stage.send("POST", &path, &token, body()).await;
    assert_eq!((limited.status, limited.header("x-ratelimit-remaining")), (403, "0"));
    fault(Fault::SecondaryLimit { retry_after: Some(7) });
    let limited = stage.send("POST", &path, &token, body()).await;
    assert_eq!((limited.status, limited.header("retry-after")), (403, "7"));
    let comments = || stage.sim.thread(REPO, issue).unwrap().matches("hello").count();
    assert_eq!(comments(), 0);
    fault(Fault::DoAndDrop);
    let request = stage.http.post(format!("{}{path}", stage.sim.api_url())).bearer_auth(&token).json(&body());
    assert!(request.send().await.is_err());
    assert_eq!(comments(), 1);
    fault(Fault::Drop);
    let request = stage.http.post(format!("{}{path}", stage.sim.api_url())).bearer_auth(&token).json(&body());
    assert!(request.send().await.is_err());
    assert_eq!(comments(), 1);
    fault(Fault::Garbage { status: 201, body: "{".into() });
    assert_eq!(stage.send("POST", &path, &token, body()).await.body, json!("{"));
    assert_eq!(comments(), 2);
    assert_eq!(stage.send("POST", &path, &token, body()).await.status, 201);
    let statuses: Vec<u16> = stage
        .sim
        .requests()
        .into_iter()
        .filter(|it| it.operation == "issues/create-comment")
        .map(|it| it.status)
        .collect();
    assert_eq!(statuses, [502, 403, 403, 0, 0, 201, 201]);
}
