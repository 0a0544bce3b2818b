//! GraphQL: what is served, and how the rest is refused.

use github_sim::Verdict;
use serde_json::{Value, json};

use crate::stage::{REPO, Stage};

/// As [`ask`], with what GitHub's schema or the token does not allow.
async fn ask_wrong(stage: &Stage, token: &str, query: &str) -> Value {
    stage.send_wrong("POST", stage.sim.graphql_url(), token, Some(json!({"query": query}))).await.body
}

async fn ask(stage: &Stage, token: &str, query: &str, variables: Value) -> Value {
    stage.send("POST", stage.sim.graphql_url(), token, Some(json!({"query": query, "variables": variables}))).await.body
}

#[tokio::test]
async fn comments_fold_and_threads_resolve() {
    let stage = Stage::new();
    let token = stage.mint(json!({})).await;
    let alice = stage.sim.person("alice");
    let issue = alice.opens_issue(REPO, "One", "").unwrap();
    let comment = alice.says(REPO, issue, "old").unwrap();
    let query = "mutation M($id: ID!) { minimizeComment(input: {subjectId: $id, classifier: OUTDATED}) \
                 { minimizedComment { isMinimized minimizedReason ... on IssueComment { body } } } }";
    let answer = ask(&stage, &token, query, json!({"id": format!("IC_kwDO{comment}")})).await;
    assert_eq!(
        answer,
        json!({"data": {"minimizeComment": {"minimizedComment": {"isMinimized": true, "minimizedReason": "outdated", "body": "old"}}}})
    );
    assert!(stage.sim.thread(REPO, issue).unwrap().contains("@alice (minimized: outdated)"));
    alice.pushes(REPO, "fix", [("a", "a\n")], "a").unwrap();
    let pull = alice.opens_pull(REPO, "fix", "main", "A", "").unwrap();
    stage.sim.person("rita").reviews(REPO, pull, Verdict::Comments, "Hm").unwrap();
    let first = stage.sim.person("rita").comments_on_line(REPO, pull, "a", 1, "Why?").unwrap();
    let query = "mutation { resolveReviewThread(input: {threadId: \"PRRT_kwDO0\"}) { thread { isResolved } } }";
    let resolved = ask(&stage, &token, &query.replace("PRRT_kwDO0", &format!("PRRT_kwDO{first}")), json!({})).await;
    assert_eq!(resolved["data"]["resolveReviewThread"]["thread"]["isResolved"], true);
    let narrow = stage.mint(json!({"permissions": {"pull_requests": "write"}})).await;
    let refused = ask_wrong(&stage, &narrow, &query.replace("PRRT_kwDO0", &format!("PRRT_kwDO{first}"))).await;
    assert_eq!(refused["errors"][0]["type"], "FORBIDDEN");
}

#[tokio::test]
async fn queries_and_errors() {
    let stage = Stage::new();
    let token = stage.mint(json!({})).await;
    let query = "query { repository(owner: \"acme\", name: \"app\") { id assignableUsers(first: 100) \
                 { nodes { login __typename } } } }";
    let answer = ask(&stage, &token, query, json!({})).await;
    let logins: Vec<&str> = answer["data"]["repository"]["assignableUsers"]["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["login"].as_str().unwrap())
        .collect();
    assert_eq!(logins, ["acme", "alice", "rita"]);
    let errors = [
        ask_wrong(&stage, &token, "query { nonsense }").await,
        ask_wrong(&stage, &token, "query { viewer { nonsense } }").await,
        ask_wrong(&stage, &token, "query {").await,
        ask(&stage, &token, "query { node(id: \"I_kwDO999\") { id } }", json!({})).await,
    ];
    let messages: Vec<String> = errors
        .iter()
        .map(|it| it["errors"][0]["message"].as_str().unwrap().lines().next().unwrap().to_owned())
        .collect();
    assert_eq!(messages[0], "Field 'nonsense' doesn't exist on type 'Query'");
    assert_eq!(messages[1], "Field 'nonsense' doesn't exist on type 'Bot'");
    assert!(messages[2].starts_with("Parse error"), "{}", messages[2]);
    assert_eq!(messages[3], "Could not resolve to a node with the global id of 'I_kwDO999'.");
    let anonymous =
        stage.send("POST", stage.sim.graphql_url(), "", Some(json!({"query": "{ viewer { login } }"}))).await;
    assert_eq!(anonymous.status, 401);
}
