//! Writing: once visibly, whatever the network does.

use std::sync::{Arc, Mutex};

use baton_core::domain::ids::{BranchName, CommentId, IssueNumber};
use baton_github::{Found, GitHubError, NewPull, ReviewRequest};
use serde_json::{Value, json};

use crate::fake::{BOT, Fake, comment, cut_off, html, status};

const LIST: &str = "GET /repos/acme/app/issues/1/comments?per_page=50";
const CREATE: &str = "POST /repos/acme/app/issues/1/comments";

#[tokio::test]
async fn a_502_on_a_write_is_one_write() {
    let fake = Fake::start(|asked| match asked.line().as_str() {
        LIST => Some(status(200, json!([]))),
        CREATE => Some(html(502)),
        _ => None,
    })
    .await;
    let error = fake.repository().create_comment(IssueNumber(1), "task/1/plan/1", "Hello").await.unwrap_err();
    assert!(matches!(error, GitHubError::Server { status: 502, .. }), "{error:?}");
    assert_eq!(fake.lines(), [LIST, CREATE, LIST], "looked before and after, wrote once");
}

/// GitHub did it and the answer was lost, in every way an answer can be lost.
#[tokio::test]
async fn done_but_the_answer_is_lost() {
    for lose in [html as fn(u16) -> _, |_| cut_off(201), |_| html(201)] {
        let written: Arc<Mutex<Vec<Value>>> = Arc::default();
        let world = Arc::clone(&written);
        let fake = Fake::start(move |asked| match asked.line().as_str() {
            LIST => Some(status(200, json!(*world.lock().unwrap()))),
            CREATE => {
                let body = asked.body["body"].as_str().unwrap();
                world.lock().unwrap().push(comment(9, BOT, body));
                Some(lose(502))
            }
            _ => None,
        })
        .await;
        let repository = fake.repository();
        let first = repository.create_comment(IssueNumber(1), "task/1/plan/1", "Hello").await.unwrap();
        assert!(matches!(&first, Found::Created(comment) if comment.id == CommentId(9)), "{first:?}");
        let again = repository.create_comment(IssueNumber(1), "task/1/plan/1", "Hello").await.unwrap();
        assert!(matches!(again, Found::Existing(_)), "{again:?}");
        assert_eq!(fake.count(CREATE), 1);
        let other = repository.create_comment(IssueNumber(1), "task/1/plan/2", "Hello").await;
        assert!(other.is_ok() && fake.count(CREATE) == 2, "another effect is another comment");
    }
}

#[tokio::test]
async fn a_forged_mark_is_not_ours() {
    let fake = Fake::start(|asked| match asked.line().as_str() {
        LIST => {
            let real = baton_github::Markers::new(&["CANARY-WEBHOOK-SECRET".into()])
                .unwrap()
                .marker(baton_core::domain::ids::RepositoryId(42), "k");
            let mac = "0".repeat(64);
            Some(status(
                200,
                json!([
                    comment(1, 5, &format!("copied from the bot {real}")),
                    comment(2, BOT, &format!("<!-- baton:k:{mac} -->")),
                    comment(3, BOT, "<!-- baton:k -->"),
                ]),
            ))
        }
        CREATE => Some(status(201, comment(4, BOT, "new"))),
        _ => None,
    })
    .await;
    let made = fake.repository().create_comment(IssueNumber(1), "k", "Hello").await.unwrap();
    assert!(matches!(made, Found::Created(comment) if comment.id == CommentId(4)));
}

#[tokio::test]
async fn comments_are_changed_by_patch_and_keep_their_mark() {
    let fake = Fake::start(|asked| {
        (asked.line() == "PATCH /repos/acme/app/issues/comments/9").then(|| status(200, comment(9, BOT, "x")))
    })
    .await;
    let long = "é".repeat(70_000);
    fake.repository().update_comment(CommentId(9), "k", &long).await.unwrap();
    let sent = fake.asked().last().unwrap().body["body"].as_str().unwrap().to_owned();
    assert!(sent.chars().count() <= 65_536 && sent.contains("<!-- baton:k:"), "{}", sent.len());
}

#[tokio::test]
async fn a_pull_request_that_exists_is_found() {
    let pull = json!({
        "number": 7, "node_id": "PR_7", "html_url": "https://x/7", "title": "t", "body": null, "user": null,
        "state": "open", "draft": true,
        "head": {"ref": "baton/issue-1", "sha": "a".repeat(40), "repo": {"id": 42}},
        "base": {"ref": "main", "sha": "b".repeat(40), "repo": {"id": 42}},
    });
    let mut foreign = pull.clone();
    foreign["number"] = json!(8);
    foreign["head"]["repo"]["id"] = json!(43);
    let asked_before = Mutex::new(false);
    let fake = Fake::start(move |asked| {
        let listing = asked.path.starts_with("/repos/acme/app/pulls?");
        match (asked.method.as_str(), listing) {
            // The list lags behind: the first look sees only a fork's pull request of the same branch name.
            ("GET", true) if !std::mem::replace(&mut *asked_before.lock().unwrap(), true) => {
                Some(status(200, json!([foreign])))
            }
            ("GET", true) => Some(status(200, json!([foreign, pull]))),
            ("POST", false) if asked.path == "/repos/acme/app/pulls" => Some(status(422, json!({
                "message": "Validation Failed",
                "errors": [{"resource": "PullRequest", "code": "custom", "message": "A pull request already exists for acme:baton/issue-1."}],
            }))),
            _ => None,
        }
    })
    .await;
    let head = BranchName::try_from("baton/issue-1".to_owned()).unwrap();
    let commit = "a".repeat(40).parse().unwrap();
    let new = NewPull { head: &head, commit: &commit, base: "main", title: "t", body: "b", draft: true };
    let found = fake.repository().create_pull(&new).await.unwrap();
    assert!(matches!(&found, Found::Existing(pull) if pull.number == IssueNumber(7)), "{found:?}");
    assert_eq!(fake.count("POST /repos/acme/app/pulls"), 1);
    assert!(fake.lines()[0].contains("head=acme%3Abaton%2Fissue-1"), "{:?}", fake.lines());
}

#[tokio::test]
async fn who_cannot_review_is_a_value() {
    let answers = [
        ("Review cannot be requested from pull request author.", Ok(ReviewRequest::IsTheAuthor)),
        (
            "Reviews may only be requested from collaborators. One or more of the users or teams you specified is not a \
             collaborator of the acme/app repository.",
            Ok(ReviewRequest::NotACollaborator),
        ),
        ("Something else", Err(())),
    ];
    for (message, expected) in answers {
        let fake = Fake::start(move |asked| {
            asked.path.ends_with("/requested_reviewers").then(|| status(422, json!({"message": message})))
        })
        .await;
        let got = fake.repository().request_reviewers(IssueNumber(7), &["alice".to_owned()]).await;
        assert_eq!(got.map_err(|_| ()), expected);
    }
}

#[tokio::test]
async fn a_label_that_is_not_there_and_an_issue_that_is_not_there() {
    let fake = Fake::start(|asked| match asked.line().as_str() {
        "GET /repos/acme/app/issues/1/labels?per_page=100" => Some(status(200, json!([{"name": "bug"}]))),
        "DELETE /repos/acme/app/issues/1/labels/needs%2Fwork" => {
            Some(status(404, json!({"message": "Label does not exist"})))
        }
        _ => None,
    })
    .await;
    let repository = fake.repository();
    assert_eq!(repository.remove_label(IssueNumber(1), "needs/work").await, Ok(false));
    let gone = repository.remove_label(IssueNumber(2), "needs/work").await;
    assert!(matches!(gone, Err(GitHubError::NotFound { .. })), "{gone:?}");
}
