//! GitHub's limits: in each of their shapes, and really counted.

use std::time::Duration;

use github_sim::{Fault, FaultRule, LimitKind, Limits, Wait};
use serde_json::json;

use crate::stage::{REPO, Stage};

#[tokio::test]
async fn every_shape_of_a_limit() {
    let stage = Stage::new();
    let token = stage.mint(json!({})).await;
    let mut seen = Vec::new();
    for status in [403, 429] {
        for (primary, wait) in
            [(true, Wait::Seconds(60)), (false, Wait::Seconds(7)), (false, Wait::Date(7)), (false, Wait::Unsaid)]
        {
            stage.sim.fault(FaultRule::new("repos/get", Fault::Limited { primary, status, wait }, 1));
            let answer = stage.send("GET", "/repos/acme/app", &token, None).await;
            let now = stage.sim.now().as_second();
            let reset = answer.header("x-ratelimit-reset").parse::<i64>().unwrap() - now;
            let after = answer.header("retry-after");
            let after = if after.ends_with(" GMT") { "a date" } else { after };
            let reset = if primary {
                format!(", reset within a minute: {}", (50..=60).contains(&reset))
            } else {
                String::new()
            };
            let remaining = if answer.header("x-ratelimit-remaining") == "0" { "none" } else { "some" };
            seen.push(format!("{} {remaining} left, retry-after: {after}{reset}", answer.status));
        }
    }
    insta::assert_snapshot!(seen.join("\n"), @r"
    403 none left, retry-after: , reset within a minute: true
    403 some left, retry-after: 7
    403 some left, retry-after: a date
    403 some left, retry-after: 
    429 none left, retry-after: , reset within a minute: true
    429 some left, retry-after: 7
    429 some left, retry-after: a date
    429 some left, retry-after: 
    ");
    stage.sim.fault(FaultRule::new(
        "rate-limit/get",
        Fault::Refuse { status: 404, message: Some("Rate limiting is not enabled.".into()) },
        1,
    ));
    assert_eq!(stage.send("GET", "/rate_limit", &token, None).await.status, 404);
    assert_eq!(stage.send("GET", "/rate_limit", &token, None).await.status, 200);
}

#[tokio::test]
async fn content_is_counted_by_the_minute_and_the_ledger_says_who_went_above() {
    let stage = Stage::new();
    let token = stage.mint(json!({})).await;
    let issue = stage.sim.person("alice").opens_issue(REPO, "One", "").unwrap();
    let path = format!("/repos/acme/app/issues/{issue}/comments");
    let limits =
        Limits { content_a_minute: 3, content_an_hour: 5, status: 429, wait: Wait::Seconds(30), ..Limits::default() };
    stage.sim.switch(|switches| switches.limits = Some(limits));
    let say = async || stage.send("POST", &path, &token, Some(json!({"body": "hello"}))).await;
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(say().await.status);
    }
    let refused = say().await;
    assert_eq!((statuses, refused.status, refused.header("retry-after")), (vec![201, 201, 201, 429], 429, "30"));
    assert!(refused.message().contains("blocked from content creation"), "{}", refused.message());
    // Reading is not content, another token of the same installation is the same payer, and people pay for themselves.
    assert_eq!(stage.send("GET", &path, &token, None).await.status, 200);
    let other = stage.mint(json!({})).await;
    assert_eq!(stage.send("POST", &path, &other, Some(json!({"body": "x"}))).await.status, 429);
    let person = stage.sim.personal_token("alice").unwrap();
    assert_eq!(stage.send("POST", &path, &person, Some(json!({"body": "x"}))).await.status, 201);
    stage.sim.advance(Duration::from_secs(60));
    assert_eq!([say().await.status, say().await.status, say().await.status], [201, 201, 429]);
    let above: Vec<LimitKind> = stage.sim.above_limits().iter().map(|it| it.limit).collect();
    assert_eq!(
        above,
        [LimitKind::ContentAMinute, LimitKind::ContentAMinute, LimitKind::ContentAMinute, LimitKind::ContentAnHour]
    );
    assert_eq!(stage.sim.above_limits()[0].whose, format!("installation {}", stage.installation));
}

#[tokio::test]
async fn the_primary_limit_ends_with_its_hour_and_a_known_page_is_free() {
    let stage = Stage::new();
    let token = stage.mint(json!({})).await;
    stage.sim.switch(|switches| switches.limits = Some(Limits { requests_an_hour: 2, ..Limits::default() }));
    let ask = async || stage.send("GET", "/repos/acme/app", &token, None).await;
    let first = ask().await;
    assert_eq!((first.header("x-ratelimit-limit"), first.header("x-ratelimit-remaining")), ("2", "1"));
    let again = stage.http.get(format!("{}/repos/acme/app", stage.sim.api_url())).bearer_auth(&token);
    let again = again.header("if-none-match", first.header("etag")).send().await.unwrap();
    assert_eq!((again.status().as_u16(), again.headers()["x-ratelimit-remaining"].to_str().unwrap()), (304, "1"));
    assert_eq!(ask().await.status, 200);
    let refused = ask().await;
    assert_eq!((refused.status, refused.header("x-ratelimit-remaining")), (403, "0"));
    let reset = refused.header("x-ratelimit-reset").parse::<i64>().unwrap();
    let wait = u64::try_from(reset - stage.sim.now().as_second()).unwrap();
    stage.sim.advance(Duration::from_secs(wait + 1));
    let token = stage.mint(json!({})).await;
    assert_eq!(stage.send("GET", "/repos/acme/app", &token, None).await.status, 200);
}

#[tokio::test]
async fn only_watched_or_too_many_at_once() {
    let stage = Stage::new();
    let token = stage.mint(json!({})).await;
    stage.sim.switch(|switches| {
        switches.limits = Some(Limits { points_a_minute: 1, at_once: 1, refuse: false, ..Limits::default() });
    });
    let ask = || stage.send("GET", "/repos/acme/app", &token, None);
    assert_eq!([ask().await.status, ask().await.status], [200, 200]);
    assert_eq!(stage.sim.above_limits().iter().map(|it| it.limit).collect::<Vec<_>>(), [LimitKind::PointsAMinute]);
    stage.sim.switch(|switches| switches.limits = Some(Limits { at_once: 1, ..Limits::default() }));
    stage.sim.fault(FaultRule::new("repos/get", Fault::Delay { millis: 1500 }, 1));
    let slow = ask();
    let quick = async {
        // The slow one is in the log as soon as it waits to be answered.
        let before = stage.sim.requests().len();
        while stage.sim.requests().len() == before {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        ask().await.status
    };
    let (slow, quick) = futures::join!(slow, quick);
    assert_eq!((slow.status, quick), (200, 403));
    assert_eq!(stage.sim.above_limits().last().unwrap().limit, LimitKind::AtOnce);
}
