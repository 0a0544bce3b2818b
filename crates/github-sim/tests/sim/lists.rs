//! Everything that can be listed: pages, `since`, filters, and what a repository consists of.

use std::time::Duration;

use github_sim::Verdict;
use serde_json::{Value, json};

use crate::stage::{REPO, Stage};

/// All pages of a list, by following `Link`; and how many there were.
async fn all(stage: &Stage, path: &str, token: &str) -> (Vec<Value>, usize) {
    let (mut url, mut found, mut pages) = (path.to_owned(), Vec::new(), 0);
    loop {
        let page = stage.send("GET", &url, token, None).await;
        assert_eq!(page.status, 200, "{url}: {}", page.body);
        pages += 1;
        found.extend(page.body.as_array().unwrap().iter().cloned());
        let link = page.header("link").to_owned();
        let Some(next) = link.split(", ").find(|part| part.ends_with("rel=\"next\"")) else { return (found, pages) };
        next.split(['<', '>']).nth(1).unwrap().clone_into(&mut url);
    }
}

fn texts(list: &[Value], field: &str) -> Vec<String> {
    list.iter().map(|it| it[field].as_str().map_or_else(|| it[field].to_string(), str::to_owned)).collect()
}

#[tokio::test]
async fn an_issue_of_the_longest_text_with_five_hundred_comments() {
    let stage = Stage::new();
    let token = stage.mint(json!({})).await;
    let alice = stage.sim.person("alice").quietly();
    let long = "é".repeat(65_536);
    let issue = alice.opens_issue(REPO, "Long", &long).unwrap();
    assert_eq!(alice.opens_issue(REPO, "Too long", &format!("{long}x")).unwrap_err().status, 422);
    for at in 0..500 {
        alice.says(REPO, issue, &format!("comment {at}")).unwrap();
    }
    let path = format!("/repos/acme/app/issues/{issue}/comments?per_page=100");
    let (comments, pages) = all(&stage, &path, &token).await;
    assert_eq!((comments.len(), pages, comments[499]["body"].as_str()), (500, 5, Some("comment 499")));
    let first = stage.send("GET", &path, &token, None).await;
    // GitHub's links name the repository by its id.
    assert!(first.header("link").contains("/repositories/"), "{}", first.header("link"));
    stage.sim.advance(Duration::from_secs(60));
    let since = jiff::Timestamp::now() + Duration::from_secs(30);
    alice.says(REPO, issue, "late").unwrap();
    let since = since.strftime("%Y-%m-%dT%H:%M:%SZ");
    for path in [format!("/repos/acme/app/issues/{issue}/comments"), "/repos/acme/app/issues/comments".into()] {
        let (late, _) = all(&stage, &format!("{path}?since={since}"), &token).await;
        assert_eq!(texts(&late, "body"), ["late"]);
    }
    let (changed, _) = all(&stage, &format!("/repos/acme/app/issues?since={since}&state=all"), &token).await;
    assert_eq!(texts(&changed, "number"), [issue.to_string()]);
}

#[tokio::test]
async fn issues_by_label_assignee_and_state() {
    let stage = Stage::new();
    let token = stage.mint(json!({})).await;
    let alice = stage.sim.person("alice");
    let [one, two, three] = ["One", "Two", "Three"].map(|title| alice.opens_issue(REPO, title, "").unwrap());
    alice.labels(REPO, one, "baton").unwrap();
    alice.labels(REPO, one, "bug").unwrap();
    alice.labels(REPO, two, "baton").unwrap();
    alice.assigns(REPO, two, "rita").unwrap();
    alice.closes_as(REPO, three, "not_planned").unwrap();
    let mut found = Vec::new();
    for query in [
        "labels=baton",
        "labels=baton,bug",
        "assignee=rita",
        "assignee=none",
        "assignee=*",
        "state=closed",
        "state=all",
        "creator=rita",
        "labels=baton&assignee=rita&state=open&sort=updated&direction=asc",
    ] {
        let (issues, _) = all(&stage, &format!("/repos/acme/app/issues?{query}"), &token).await;
        found.push(format!("{query}: {}", texts(&issues, "number").join(" ")));
    }
    insta::assert_snapshot!(found.join("\n"), @r"
    labels=baton: 2 1
    labels=baton,bug: 1
    assignee=rita: 2
    assignee=none: 1
    assignee=*: 2
    state=closed: 3
    state=all: 3 2 1
    creator=rita: 
    labels=baton&assignee=rita&state=open&sort=updated&direction=asc: 2
    ");
    let (timeline, _) = all(&stage, &format!("/repos/acme/app/issues/{two}/timeline"), &token).await;
    assert_eq!(texts(&timeline, "event"), ["labeled", "assigned"]);
    let (events, _) = all(&stage, "/repos/acme/app/issues/events?per_page=2", &token).await;
    assert_eq!(texts(&events, "event"), ["closed", "assigned", "labeled", "labeled", "labeled"]);
    assert_eq!(events[0]["issue"]["number"], three);
}

#[tokio::test]
async fn what_a_repository_consists_of() {
    let stage = Stage::new();
    let token = stage.mint(json!({})).await;
    let files = [("src/deep/a.py", "print(1)\n".to_owned()), ("big.txt", "x".repeat(1_100_000))];
    stage.sim.person("alice").pushes(REPO, "main", files, "more").unwrap();
    let languages = stage.send("GET", "/repos/acme/app/languages", &token, None).await;
    assert_eq!(languages.body, json!({"Rust": 25, "Python": 9}));
    let tree = stage.send("GET", "/repos/acme/app/git/trees/main?recursive=1", &token, None).await;
    let paths = texts(tree.body["tree"].as_array().unwrap(), "path");
    assert_eq!(paths, ["README.md", "big.txt", "src", "src/deep", "src/deep/a.py", "src/lib.rs"]);
    assert_eq!((&tree.body["truncated"], &tree.body["tree"][4]["size"]), (&json!(false), &json!(9)));
    let shallow = stage.send("GET", "/repos/acme/app/git/trees/main", &token, None).await;
    assert_eq!(shallow.body["tree"].as_array().unwrap().len(), 3);
    let blob = tree.body["tree"][4]["url"].as_str().unwrap();
    let blob = stage.send("GET", blob, &token, None).await;
    assert_eq!((&blob.body["encoding"], &blob.body["content"]), (&json!("base64"), &json!("cHJpbnQoMSkK")));
    let head = stage.sim.branch_head(REPO, "main").unwrap();
    let commit = stage.send("GET", &format!("/repos/acme/app/git/commits/{head}"), &token, None).await;
    assert_eq!((commit.status, &commit.body["message"]), (200, &json!("more")));
    let large = stage.send("GET", "/repos/acme/app/contents/big.txt", &token, None).await;
    assert_eq!((&large.body["encoding"], &large.body["content"]), (&json!("none"), &json!("")));
    assert_eq!(stage.send("GET", "/repos/acme/app/git/trees/nowhere", &token, None).await.status, 404);
    stage.sim.repository("acme/empty", github_sim::Files::none()).unwrap();
    for path in ["commits", "git/trees/main", "git/ref/heads/main"] {
        let empty = stage.send("GET", &format!("/repos/acme/empty/{path}"), "", None).await;
        assert_eq!((empty.status, empty.message()), (409, "Git Repository is empty."), "{path}");
    }
    let empty = stage.send("GET", "/repos/acme/empty/contents/a", "", None).await;
    assert_eq!((empty.status, empty.message()), (404, "This repository is empty."));
}

#[tokio::test]
async fn review_comments_of_all_pull_requests_and_paths_by_id() {
    let stage = Stage::new();
    let token = stage.mint(json!({})).await;
    let alice = stage.sim.person("alice");
    alice.pushes(REPO, "fix", [("a", "a\n")], "a").unwrap();
    let pull = alice.opens_pull(REPO, "fix", "main", "A", "").unwrap();
    stage.sim.person("rita").reviews(REPO, pull, Verdict::Comments, "Hm").unwrap();
    let first = stage.sim.person("rita").comments_on_line(REPO, pull, "a", 1, "Why?").unwrap();
    let (comments, _) = all(&stage, "/repos/acme/app/pulls/comments?sort=updated&direction=desc", &token).await;
    assert_eq!(texts(&comments, "id"), [first.to_string()]);
    let one = stage.send("GET", &format!("/repos/acme/app/pulls/comments/{first}"), &token, None).await;
    assert_eq!(one.body["body"], "Why?");
    let id = stage.send("GET", "/repos/acme/app", &token, None).await.body["id"].to_string();
    let by_id = stage.send("GET", &format!("/repositories/{id}/pulls/{pull}"), &token, None).await;
    assert_eq!((by_id.status, &by_id.body["number"]), (200, &json!(pull)));
    let path = format!("/repositories/{id}/issues/{pull}/comments");
    let said = stage.send("POST", &path, &token, Some(json!({"body": "x"})));
    assert_eq!(said.await.status, 201);
}

#[tokio::test]
async fn labels_have_lengths() {
    let stage = Stage::new();
    let token = stage.mint(json!({})).await;
    let issue = stage.sim.person("alice").opens_issue(REPO, "One", "").unwrap();
    let mut said = Vec::new();
    for body in [
        json!({"name": "x".repeat(51)}),
        json!({"name": "a", "description": "x".repeat(101)}),
        json!({"name": "b", "color": "red"}),
        json!({"name": "x".repeat(50), "description": "y".repeat(100), "color": "ff0000"}),
    ] {
        let answer = stage.send("POST", "/repos/acme/app/labels", &token, Some(body)).await;
        said.push(format!("{} {}", answer.status, answer.body["errors"][0]["message"]));
    }
    let on_issue = Some(json!({"labels": ["y".repeat(51)]}));
    said.push(
        stage
            .send("POST", &format!("/repos/acme/app/issues/{issue}/labels"), &token, on_issue)
            .await
            .status
            .to_string(),
    );
    insta::assert_snapshot!(said.join("\n"), @r#"
    422 "name is too long (maximum is 50 characters)"
    422 "description is too long (maximum is 100 characters)"
    422 null
    201 null
    422
    "#);
}
