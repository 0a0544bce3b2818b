//! Lists in pages (H-06), and what is read of them.

use std::sync::Mutex;

use baton_core::domain::actor::Role;
use baton_core::domain::ids::{IssueNumber, UserId};
use serde_json::json;

use crate::fake::{Fake, comment, status, with_header};

const FIRST: &str = "/repos/acme/app/issues/1/comments?per_page=50";

/// GitHub's `Link` is absolute; octocrab sends no credential to absolute addresses of other hosts than api.github.com.
#[tokio::test]
async fn every_page_is_asked_with_the_credential() {
    let fake = Fake::start(move |asked| {
        let host = asked.headers.iter().find(|(name, _)| name == "host").unwrap().1.clone();
        let next = format!("<http://{host}/repositories/42/issues/1/comments?per_page=50&page=2>; rel=\"next\", <http://{host}/x>; rel=\"last\"");
        match asked.path.as_str() {
            FIRST => Some(with_header(status(200, json!([comment(1, 5, "one")])), "link", &next)),
            "/repositories/42/issues/1/comments?per_page=50&page=2" => Some(status(200, json!([comment(2, 5, "two")]))),
            _ => None,
        }
    })
    .await;
    let comments = fake.repository().comments(IssueNumber(1)).await.unwrap();
    assert_eq!(comments.iter().map(|comment| comment.body.as_str()).collect::<Vec<_>>(), ["one", "two"]);
    let pages: Vec<_> = fake.asked().into_iter().filter(|one| one.path.contains("/comments")).collect();
    assert_eq!(pages.len(), 2);
    assert!(pages.iter().all(|page| page.authorization.starts_with("Bearer ghs_")), "{pages:?}");
}

#[tokio::test]
async fn h_06_no_page_is_fetched_elsewhere_nor_for_ever() {
    let evil = Fake::start(|_| Some(status(200, json!([])))).await;
    let there = format!("<{}/page2>; rel=\"next\"", evil.url);
    let fake = Fake::start(move |asked| {
        asked.path.contains("/comments").then(|| with_header(status(200, json!([])), "link", &there))
    })
    .await;
    let error = fake.repository().comments(IssueNumber(1)).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "GitHub's answer makes no sense: the next page is on another host (issues/list-comments)"
    );
    assert_eq!(evil.asked().len(), 0);

    let itself = Fake::start(move |asked| {
        let link = format!("<{FIRST}>; rel=next");
        asked.path.contains("/comments").then(|| with_header(status(200, json!([])), "link", &link))
    })
    .await;
    let error = itself.repository().comments(IssueNumber(1)).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "GitHub's answer makes no sense: the next page is one that was read before (issues/list-comments)"
    );
    assert_eq!(itself.lines().len(), 1);

    let circle = Fake::start(move |asked| {
        let next = if asked.path.ends_with("page=2") { 3 } else { 2 };
        let link = format!("</repos/acme/app/issues/1/comments?page={next}>; rel=\"next\"");
        asked.path.contains("/comments").then(|| with_header(status(200, json!([])), "link", &link))
    })
    .await;
    let error = circle.repository().comments(IssueNumber(1)).await.unwrap_err();
    assert!(error.to_string().contains("the next page is one that was read before"), "{error}");
    assert_eq!(circle.lines().len(), 3);

    let endless = Fake::start(move |asked| {
        let page: u32 = asked.path.rsplit_once("page=").map_or(0, |(_, page)| page.parse().unwrap());
        let link = format!("</repos/acme/app/issues/1/comments?page={}>; rel=\"next\"", page + 1);
        asked.path.contains("/comments").then(|| with_header(status(200, json!([])), "link", &link))
    })
    .await;
    let error = endless.repository().comments(IssueNumber(1)).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "GitHub's answer makes no sense: the list has more than 100 pages (issues/list-comments)"
    );
    assert_eq!(endless.lines().len(), 100);
}

#[tokio::test]
async fn who_labelled_is_the_last_who_did() {
    let event = |kind: &str, label: &str, actor: serde_json::Value| json!({"event": kind, "label": {"name": label}, "actor": actor, "created_at": "2026-11-22T15:00:00Z"});
    let user = |id: i64, login: &str, kind: &str| json!({"id": id, "login": login, "type": kind});
    let history = json!([
        event("labeled", "Baton", user(1, "alice", "User")),
        {"event": "assigned", "actor": user(3, "carol", "User")},
        event("unlabeled", "baton", user(1, "alice", "User")),
        event("labeled", "baton", user(2, "evil[bot]", "Bot")),
        event("labeled", "other", user(3, "carol", "User")),
    ]);
    let fake = Fake::start(move |asked| asked.path.contains("/events").then(|| status(200, history.clone()))).await;
    let repository = fake.repository();
    let last = repository.who_labelled(IssueNumber(1), "baton").await.unwrap().unwrap();
    let actor = last.actor.unwrap();
    assert_eq!(
        (actor.person.login.as_str(), actor.kind, last.removed),
        ("evil[bot]", baton_core::domain::actor::AccountKind::Bot, false)
    );
    assert!(repository.who_labelled(IssueNumber(1), "never").await.unwrap().is_none());
}

/// B-02, B-04: the live role of this repository, and no answer is no permission.
#[tokio::test]
async fn roles_are_asked_every_time_and_failure_is_an_error() {
    let answers = Mutex::new(vec![
        status(500, json!({"message": "oops"})),
        status(404, json!({"message": "alice is not a user"})),
        status(403, json!({"message": "Resource not accessible by integration"})),
        status(200, json!({"permission": 7})),
        status(200, json!({"permission": "write", "role_name": "maintain", "user": {"id": 66}})),
        status(200, json!({"permission": "read", "role_name": "triage", "user": {"id": 65}})),
        status(200, json!({"permission": "write", "user": null})),
    ]);
    let fake = Fake::start(move |asked| {
        asked.path.contains("/collaborators/").then(|| answers.lock().unwrap().pop().unwrap())
    })
    .await;
    let repository = fake.repository();
    let alice = Some(UserId(65));
    assert_eq!(repository.permission_of("alice", alice).await, Ok(Role::Write));
    assert_eq!(repository.permission_of("alice", alice).await, Ok(Role::Triage));
    assert_eq!(repository.permission_of("alice", alice).await, Ok(Role::None), "the login is somebody else's now");
    for kind in ["Malformed", "Forbidden", "NotFound", "Server"] {
        let error = repository.permission_of("alice", alice).await.unwrap_err();
        assert!(format!("{error:?}").starts_with(kind), "{error:?}");
    }
    assert_eq!(fake.lines().len(), 7, "each time anew");
}
