//! What GitHub and the network do on bad days (H-04, H-05): bounded, typed, never hammered.

use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use axum::response::Response;
use baton_core::domain::ids::{CommentId, IssueNumber};
use baton_github::{GitHubError, Pause};
use futures::StreamExt;
use serde_json::json;

use crate::fake::{Fake, config, html, now, repository, status, with_header};

const ISSUE: &str = "/repos/acme/app/issues/1";

#[tokio::test]
async fn h_05_a_limit_is_reported_and_not_hammered() {
    let fake = Fake::start(|asked| {
        let limit = json!({"message": "You have exceeded a secondary rate limit."});
        (asked.path == ISSUE).then(|| with_header(status(403, limit), "retry-after", "30"))
    })
    .await;
    let repository = fake.repository();
    for _ in 0..3 {
        let error = repository.issue(IssueNumber(1)).await.unwrap_err();
        let GitHubError::RetryAfter { at, pause: Pause::SecondaryLimit, .. } = error else { panic!("{error:?}") };
        assert!((25..=30).contains(&at.since(now()).as_secs()), "{at}");
    }
    assert_eq!(fake.lines(), [format!("GET {ISSUE}")], "who asks again meanwhile is told so without asking GitHub");
}

#[tokio::test]
async fn h_05_a_read_lost_in_front_of_github_is_sent_once_more() {
    let fake = Fake::start(|asked| (asked.path == ISSUE).then(|| html(502))).await;
    let error = fake.repository().issue(IssueNumber(1)).await.unwrap_err();
    assert!(matches!(error, GitHubError::Server { status: 502, .. }), "{error:?}");
    assert!(!format!("{error:?} {error}").contains("CANARY"), "no HTML is shown");
    assert_eq!(fake.lines().len(), 2);

    let patient = Fake::start(|asked| (asked.path == ISSUE).then(|| with_header(html(503), "retry-after", "20"))).await;
    let error = patient.repository().issue(IssueNumber(1)).await.unwrap_err();
    let GitHubError::RetryAfter { at, pause: Pause::Asked, .. } = error else { panic!("{error:?}") };
    assert!((15..=20).contains(&at.since(now()).as_secs()), "{at}");
    assert_eq!(patient.lines().len(), 1, "GitHub said when");
}

/// A body that never ends, piece by piece.
fn endless(piece: usize, pause: Duration) -> Response {
    let pieces = futures::stream::repeat(()).then(move |()| async move {
        tokio::time::sleep(pause).await;
        Ok::<_, std::io::Error>(Bytes::from(vec![b' '; piece]))
    });
    Response::new(Body::from_stream(pieces))
}

#[tokio::test]
async fn h_04_a_server_that_hangs_is_given_up() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let server = tokio::spawn(async move {
        let mut kept = Vec::new();
        loop {
            kept.push(silent.accept().await.unwrap());
        }
    });
    let start = Instant::now();
    let error = repository(&config(&url)).issue(IssueNumber(1)).await.unwrap_err();
    assert!(matches!(error, GitHubError::Timeout { .. }), "{error:?}");
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    server.abort();

    let dripping = Fake::start(|asked| (asked.path == ISSUE).then(|| endless(1, Duration::from_millis(50)))).await;
    let start = Instant::now();
    let error = dripping.repository().issue(IssueNumber(1)).await.unwrap_err();
    assert!(matches!(error, GitHubError::Timeout { .. }), "{error:?}");
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
}

#[tokio::test]
async fn h_04_an_answer_without_end_is_cut() {
    let fake = Fake::start(|asked| (asked.path == ISSUE).then(|| endless(1 << 20, Duration::ZERO))).await;
    let mut config = fake.config();
    config.timeouts.total = Duration::from_secs(60);
    let error = repository(&config).issue(IssueNumber(1)).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "GitHub's answer makes no sense: the answer is larger than 16777216 bytes (issues/get)"
    );
}

#[tokio::test]
async fn nobody_listens() {
    let port = {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap().port()
    };
    let error = repository(&config(&format!("http://127.0.0.1:{port}"))).issue(IssueNumber(1)).await.unwrap_err();
    assert!(matches!(error, GitHubError::Network { .. }), "{error:?}");
    assert!(error.is_transient());
}

#[tokio::test]
async fn h_04_other_answers_than_expected_are_errors_not_panics() {
    let bodies = [json!(null), json!([]), json!("text"), json!({"number": "1"}), json!({"number": 1, "node_id": null})];
    for body in bodies {
        let fake = Fake::start(move |asked| (asked.path == ISSUE).then(|| status(200, body.clone()))).await;
        let error = fake.repository().issue(IssueNumber(1)).await.unwrap_err();
        assert!(matches!(error, GitHubError::Malformed { .. }), "{error:?}");
    }
    let html_in_a_200 = Fake::start(|asked| (asked.path == ISSUE).then(|| html(200))).await;
    let error = html_in_a_200.repository().issue(IssueNumber(1)).await.unwrap_err();
    assert_eq!(error.to_string(), "GitHub's answer makes no sense: line 1, column 1: not JSON (issues/get)");
}

#[tokio::test]
async fn h_04_null_users_and_bodies_are_fine() {
    let fake =
        Fake::start(|asked| {
            (asked.path == ISSUE).then(|| {
            status(200, json!({
                "number": 1, "node_id": "I_1", "html_url": "https://x", "title": "t", "body": null, "user": null,
                "state": "open", "labels": ["plain", {"name": "object"}, {"name": null}], "assignees": null,
                "updated_at": "2026-11-22T15:00:00Z", "surprise": {"new": true},
            }))
        })
        })
        .await;
    let issue = fake.repository().issue(IssueNumber(1)).await.unwrap();
    assert_eq!(
        (issue.author.clone(), issue.body.as_str(), issue.labels.clone()),
        (None, "", vec!["plain".to_owned(), "object".to_owned()])
    );
    assert!(!issue.is_pull_request && issue.snapshot().open);
}

/// Enterprise Server keeps GraphQL beside the REST API, not below it.
#[tokio::test]
async fn h_04_graphql_has_its_own_address_and_its_errors_are_errors() {
    let fake = Fake::start(|asked| match asked.path.as_str() {
        "/api/v3/app/installations/5/access_tokens" => {
            Some(status(201, json!({"token": "ghs_enterprise", "expires_at": crate::fake::in_an_hour()})))
        }
        "/api/graphql" if asked.body["variables"]["id"] == "IC_1" => {
            Some(status(200, json!({"data": {"minimizeComment": {"minimizedComment": {"isMinimized": true}}}})))
        }
        "/api/graphql" => Some(status(200, json!({
            "data": {"minimizeComment": null},
            "errors": [{"type": "NOT_FOUND", "message": "Could not resolve to a node with the global id of 'gone'"}],
        }))),
        "/api/v3/repos/acme/app/issues/comments/9/reactions" => Some(status(200, json!({"id": 4}))),
        _ => None,
    })
    .await;
    for base in ["/api/v3", "/api/v3/"] {
        let repository = repository(&config(&format!("{}{base}", fake.url)));
        repository.minimize_comment("IC_1").await.unwrap();
        let gone = repository.minimize_comment("gone").await.unwrap_err();
        assert!(matches!(gone, GitHubError::NotFound { .. }), "{gone:?}");
        repository.react_to_comment(CommentId(9)).await.unwrap();
    }
    let graphql: Vec<_> = fake.asked().into_iter().filter(|one| one.path == "/api/graphql").collect();
    assert!(graphql.len() == 4 && graphql.iter().all(|one| one.authorization == "Bearer ghs_enterprise"));
    insta::assert_snapshot!(graphql[0].body, @r#"{"query":"mutation($id: ID!) { minimizeComment(input: {subjectId: $id, classifier: OUTDATED}) { minimizedComment { isMinimized } } }","variables":{"id":"IC_1"}}"#);
}
