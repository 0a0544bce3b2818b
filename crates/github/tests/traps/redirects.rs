//! Renamed repositories, and addresses that lead elsewhere: a write stays a write, a credential stays at home (H-01).

use baton_core::domain::ids::CommentId;
use baton_github::GitHubError;
use serde_json::json;

use crate::fake::{Asked, Fake, status, with_header};

const REACT: &str = "/repos/acme/app/issues/comments/9/reactions";
const MOVED: &str = "/repositories/42/issues/comments/9/reactions";

fn redirect(code: u16, to: &str) -> axum::response::Response {
    with_header(status(code, json!({"message": "Moved"})), "location", to)
}

#[tokio::test]
async fn a_307_is_followed_once_with_method_body_and_credential() {
    let fake = Fake::start(|asked| match asked.path.as_str() {
        REACT => Some(redirect(307, MOVED)),
        MOVED => Some(status(201, json!({"id": 3}))),
        _ => None,
    })
    .await;
    fake.repository().react_to_comment(CommentId(9)).await.unwrap();
    let sent: Vec<Asked> = fake.asked().into_iter().filter(|one| one.path.ends_with("/reactions")).collect();
    assert_eq!(sent.iter().map(Asked::line).collect::<Vec<_>>(), [format!("POST {REACT}"), format!("POST {MOVED}")]);
    assert_eq!(sent[0].body, sent[1].body);
    assert_eq!(sent[1].body, json!({"content": "eyes"}));
    assert_eq!(sent[0].authorization, sent[1].authorization);
    assert!(sent[1].authorization.starts_with("Bearer ghs_"));
}

#[tokio::test]
async fn a_second_307_is_not_followed() {
    let fake = Fake::start(|asked| asked.path.ends_with("/reactions").then(|| redirect(307, MOVED))).await;
    let error = fake.repository().react_to_comment(CommentId(9)).await.unwrap_err();
    assert!(matches!(error, GitHubError::Moved { status: 307, .. }), "{error:?}");
    assert_eq!(fake.lines().len(), 2);
}

/// 301, 302 and 303 would turn the POST into a GET and lose the write.
#[tokio::test]
async fn no_redirect_changes_a_write() {
    for code in [301, 302, 303] {
        let fake = Fake::start(move |asked| match asked.path.as_str() {
            REACT => Some(redirect(code, MOVED)),
            MOVED => Some(status(200, json!({"id": 3}))),
            _ => None,
        })
        .await;
        let error = fake.repository().react_to_comment(CommentId(9)).await.unwrap_err();
        assert_eq!(error, GitHubError::Moved { operation: "reactions/create-for-issue-comment", status: code });
        assert_eq!(fake.lines(), [format!("POST {REACT}")]);
    }
}

#[tokio::test]
async fn h_01_no_redirect_leads_to_another_host() {
    let evil = Fake::start(|_| Some(status(200, json!({})))).await;
    let there = evil.url.clone();
    let port = there.rsplit(':').next().unwrap().to_owned();
    let tricks = [
        format!("{there}/x"),
        format!("//127.0.0.1:{port}/x"),
        format!("http://localhost:{port}/x"),
        format!("http://user@127.0.0.1:{port}/x"),
        "ftp://127.0.0.1/x".to_owned(),
        "http://".to_owned(),
    ];
    for trick in tricks {
        for code in [301, 307] {
            let to = trick.clone();
            let fake = Fake::start(move |asked| asked.path.starts_with("/repos/").then(|| redirect(code, &to))).await;
            let repository = fake.repository();
            let read = repository.info().await.unwrap_err();
            assert!(matches!(read, GitHubError::Moved { .. }), "{trick}: {read:?}");
            let write = repository.react_to_comment(CommentId(9)).await.unwrap_err();
            assert!(matches!(write, GitHubError::Moved { .. }), "{trick}: {write:?}");
        }
    }
    assert_eq!(evil.asked().len(), 0, "nothing was sent there, no credential either");
}

#[tokio::test]
async fn a_read_follows_a_rename_and_not_for_ever() {
    let fake = Fake::start(|asked| match asked.path.as_str() {
        "/repos/acme/app" => Some(redirect(301, "/repositories/42")),
        "/repositories/42" => Some(status(
            200,
            json!({
                "id": 42, "full_name": "acme/renamed", "private": true, "archived": false, "default_branch": "main",
                "html_url": "https://x",
            }),
        )),
        _ => None,
    })
    .await;
    let info = fake.repository().info().await.unwrap();
    assert_eq!(info.name.to_string(), "acme/renamed");

    let circle = Fake::start(|asked| asked.path.starts_with("/repos/").then(|| redirect(301, "/repos/acme/app"))).await;
    assert!(matches!(circle.repository().info().await, Err(GitHubError::Moved { .. })));
    assert_eq!(circle.lines().len(), 4, "once, and three hops");
}

/// A repository of the same name that is not the one meant.
#[tokio::test]
async fn another_repository_under_the_name_is_not_found() {
    let fake = Fake::start(|asked| {
        (asked.path == "/repos/acme/app").then(|| {
            status(200, json!({"id": 43, "full_name": "acme/app", "default_branch": "main", "html_url": "https://x"}))
        })
    })
    .await;
    assert!(matches!(fake.repository().info().await, Err(GitHubError::NotFound { .. })));
}
