//! What is polled is asked for with its ETag: unchanged, it costs nothing; changed, it is read; and a permission is never
//! kept.

use std::sync::Mutex;

use baton_core::domain::actor::Role;
use baton_core::domain::ids::{IssueNumber, UserId};
use serde_json::{Value, json};

use crate::fake::{Asked, Fake, comment, status, with_header};

fn tag(asked: &Asked) -> String {
    asked.headers.iter().find(|(name, _)| name == "if-none-match").map(|(_, tag)| tag.clone()).unwrap_or_default()
}

fn issue(title: &str) -> Value {
    json!({
        "number": 1, "node_id": "I_1", "html_url": "https://x", "title": title, "user": null, "state": "open",
        "updated_at": "2026-11-22T15:00:00Z",
    })
}

#[tokio::test]
async fn what_is_unchanged_is_not_sent_again() {
    let title = std::sync::Arc::new(Mutex::new("first"));
    let now = std::sync::Arc::clone(&title);
    let fake = Fake::start(move |asked| {
        if asked.path != "/repos/acme/app/issues/1" {
            return None;
        }
        let title = *now.lock().unwrap();
        let etag = format!("W/\"{title}\"");
        let answer = if tag(asked) == etag { status(304, Value::Null) } else { status(200, issue(title)) };
        Some(with_header(answer, "etag", &etag))
    })
    .await;
    let repository = fake.repository();
    let read = async || repository.issue(IssueNumber(1)).await.unwrap().title;
    assert_eq!((read().await, read().await), ("first".to_owned(), "first".to_owned()));
    *title.lock().unwrap() = "second";
    assert_eq!((read().await, read().await), ("second".to_owned(), "second".to_owned()));
    let tags: Vec<String> = fake.asked().iter().filter(|one| one.path.starts_with("/repos/")).map(tag).collect();
    assert_eq!(tags, ["", "W/\"first\"", "W/\"first\"", "W/\"second\""], "asked every time, and sent twice");
}

#[tokio::test]
async fn an_unchanged_page_still_leads_to_the_next() {
    let fake = Fake::start(|asked| {
        let page = asked.path.contains("page=2");
        let known = !tag(asked).is_empty();
        let answer = match (known, page) {
            (true, _) => status(304, Value::Null),
            (false, false) => with_header(
                status(200, json!([comment(1, 5, "one")])),
                "link",
                "</repos/acme/app/issues/1/comments?per_page=50&page=2>; rel=\"next\"",
            ),
            (false, true) => status(200, json!([comment(2, 5, "two")])),
        };
        asked.path.contains("/comments").then(|| with_header(answer, "etag", "\"same\""))
    })
    .await;
    let repository = fake.repository();
    for _ in 0..2 {
        let comments = repository.comments(IssueNumber(1)).await.unwrap();
        assert_eq!(comments.iter().map(|one| one.body.as_str()).collect::<Vec<_>>(), ["one", "two"]);
    }
}

#[tokio::test]
async fn permissions_are_asked_for_in_full_every_time() {
    let fake = Fake::start(|asked| {
        let role = json!({"permission": "write", "role_name": "write", "user": {"id": 65}});
        asked.path.contains("/collaborators/").then(|| with_header(status(200, role), "etag", "\"role\""))
    })
    .await;
    let repository = fake.repository();
    for _ in 0..3 {
        assert_eq!(repository.permission_of("alice", Some(UserId(65))).await, Ok(Role::Write));
    }
    assert!(fake.asked().iter().all(|asked| tag(asked).is_empty()), "no permission is ever a known one");
}

/// Who set a label is a question of rights: a label that was taken off and set by somebody else is seen whatever a list's
/// ETag says.
#[tokio::test]
async fn who_labelled_is_asked_in_full_every_time() {
    let who = std::sync::Arc::new(Mutex::new("alice"));
    let now = std::sync::Arc::clone(&who);
    let fake = Fake::start(move |asked| {
        let login = *now.lock().unwrap();
        let event = json!({
            "id": 1, "event": "labeled", "label": {"name": "baton:auto"}, "created_at": "2026-11-22T15:00:00Z",
            "actor": {"id": 65, "login": login, "type": "User"},
        });
        let answer = if tag(asked).is_empty() { status(200, json!([event])) } else { status(304, Value::Null) };
        asked.path.contains("/events").then(|| with_header(answer, "etag", "\"same\""))
    })
    .await;
    let repository = fake.repository();
    for login in ["alice", "mallory"] {
        *who.lock().unwrap() = login;
        let labelling = repository.who_labelled(IssueNumber(1), "baton:auto").await.unwrap().unwrap();
        assert_eq!(labelling.actor.unwrap().person.login, login);
    }
    assert!(fake.asked().iter().all(|asked| tag(asked).is_empty()), "no history is ever a known one");
}

/// A 304 that nobody asked for is no answer.
#[tokio::test]
async fn an_unchanged_that_is_not_known_is_an_error() {
    let fake = Fake::start(|asked| (asked.path == "/repos/acme/app/issues/1").then(|| status(304, Value::Null))).await;
    assert!(fake.repository().issue(IssueNumber(1)).await.is_err());
}
