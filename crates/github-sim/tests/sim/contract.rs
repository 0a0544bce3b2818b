//! The contract catches what it is there to catch: seeded violations of each kind, and nothing else.

use github_sim::contract::{
    Violation, Whose, check_answer, check_graphql_answer, check_graphql_request, check_request, described_operations,
};
use github_sim::{Fault, FaultRule, Level};
use serde_json::{Value, json};

use crate::stage::{REPO, Stage, permissions};

fn lines(found: &[Violation]) -> String {
    found.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// What a stage's simulator found.
async fn found_by(story: impl AsyncFnOnce(&Stage)) -> String {
    let stage = Stage::new();
    story(&stage).await;
    lines(&stage.sim.violations())
}

#[tokio::test]
async fn requests_that_github_does_not_describe() {
    let found = found_by(async |stage| {
        let token = &stage.mint(json!({})).await;
        let issue = stage.sim.person("alice").opens_issue(REPO, "One", "").unwrap();
        let thread = format!("/repos/acme/app/issues/{issue}");
        let send = async |method: &str, path: &str, body: Option<Value>| {
            stage.send(method, path, token, body).await;
        };
        send("POST", "/repos/acme/app/issues", Some(json!({"title": true}))).await;
        send("POST", "/repos/acme/app/issues", Some(json!({"body": "no title"}))).await;
        send("POST", "/repos/acme/app/issues", Some(json!({"title": "Two", "colour": "red"}))).await;
        send("POST", &format!("{thread}/labels"), Some(json!({"labels": [{"name": "bug", "shade": 1}]}))).await;
        send("POST", &format!("{thread}/reactions"), Some(json!({"content": "thumbs"}))).await;
        send("PATCH", &thread, Some(json!({"state": "gone"}))).await;
        send("GET", "/repos/acme/app/issues?state=open&sortby=created", None).await;
        send("GET", "/repos/acme/app/issues?per_page=many", None).await;
        send("GET", "/repos/acme/app/issues/first", None).await;
        send("GET", "/repos/acme/app/plans", None).await;
        send("PUT", &format!("{thread}/comments"), Some(json!({}))).await;
        send("GET", "/plans/of/acme", None).await;
        send("DELETE", &format!("{thread}/lock"), Some(json!({"why": "bored"}))).await;
    });
    insta::assert_snapshot!(found.await, @r#"
    issues/create (POST /repos/acme/app/issues): request, body/title: value is not valid under any of the schemas listed in the 'oneOf' keyword
    issues/create (POST /repos/acme/app/issues): request, body: "title" is a required property
    issues/create (POST /repos/acme/app/issues): request, body: Additional properties are not allowed ('colour' was unexpected)
    issues/add-labels (POST /repos/acme/app/issues/1/labels): request, body/labels/0: Additional properties are not allowed ('shade' was unexpected)
    reactions/create-for-issue (POST /repos/acme/app/issues/1/reactions): request, body/content: value is not one of "+1", "-1" or 6 other candidates
    issues/update (PATCH /repos/acme/app/issues/1): request, body/state: value is not one of "open" or "closed"
    issues/list-for-repo (GET /repos/acme/app/issues?state=open&sortby=created): request, query/sortby: GitHub describes no such parameter
    issues/list-for-repo (GET /repos/acme/app/issues?per_page=many): request, query/per_page: value is not of type "integer"
    issues/get (GET /repos/acme/app/issues/first): request, path/issue_number: value is not of type "integer"
    no operation (GET /repos/acme/app/plans): request, route: GitHub describes no such operation
    no operation (PUT /repos/acme/app/issues/1/comments): request, route: GitHub describes no such operation
    no operation (GET /plans/of/acme): request, route: GitHub describes no such operation
    issues/unlock (DELETE /repos/acme/app/issues/1/lock): request, body: GitHub describes no body of this request
    "#);
}

#[tokio::test]
async fn an_app_that_may_not() {
    let found = found_by(async |stage| {
        let issue = stage.sim.person("alice").opens_issue(REPO, "One", "").unwrap();
        let comments = format!("/repos/acme/app/issues/{issue}/comments");
        let narrow = stage.mint(json!({"permissions": {"issues": "read"}})).await;
        stage.send("POST", &comments, &narrow, Some(json!({"body": "hello"}))).await;
        // What the whole App does not have, no token has.
        let whole = stage.mint(json!({})).await;
        stage.send("PATCH", "/repos/acme/app", &whole, Some(json!({"description": "mine"}))).await;
        let too_much = json!({"permissions": {"issue": "write"}});
        let mint = format!("/app/installations/{}/access_tokens", stage.installation);
        stage.send("POST", &mint, &stage.jwt(), Some(too_much)).await;
        // Planned, and so no lack of the App's.
        let text = Some("Resource not accessible by integration".to_owned());
        stage.sim.fault(FaultRule::new("issues/create-comment", Fault::Refuse { status: 403, message: text }, 1));
        stage.send("POST", &comments, &whole, Some(json!({"body": "hello"}))).await;
    });
    insta::assert_snapshot!(found.await, @r#"
    issues/create-comment (POST /repos/acme/app/issues/1/comments): permission, status: the App's permissions, or its token's, do not allow this
    repos/update (PATCH /repos/acme/app): permission, status: the App's permissions, or its token's, do not allow this
    apps/create-installation-access-token (POST /app/installations/1009/access_tokens): request, body/permissions: Additional properties are not allowed ('issue' was unexpected)
    "#);
}

#[tokio::test]
async fn graphql_that_githubs_schema_does_not_allow() {
    let found = found_by(async |stage| {
        let token = &stage.mint(json!({})).await;
        let pull =
            "mutation($id: ID!) { convertPullRequestToDraft(input: {pullRequestId: $id}) { pullRequest { isDraft } } }";
        let ask = async |query: &str, variables: Value| {
            let body = json!({"query": query, "variables": variables});
            stage.send("POST", stage.sim.graphql_url(), token, Some(body)).await;
        };
        ask("{ viewer { login shoeSize } }", json!({})).await;
        ask("{ viewer { login } plans { id } }", json!({})).await;
        ask("{ repository(owner: \"acme\") { id } }", json!({})).await;
        ask("{ repository(owner: \"acme\", name: 7) { id } }", json!({})).await;
        ask(&pull.replace("ID!", "Int!"), json!({"id": 1})).await;
        ask(pull, json!({"id": ["PR_1"]})).await;
        ask(pull, json!({})).await;
        ask(pull, json!({"id": "PR_1", "reason": "none"})).await;
        ask(
            "mutation($id: ID!) { minimizeComment(input: {subjectId: $id, classifier: BORING}) { clientMutationId } }",
            json!({"id": "IC_1"}),
        )
        .await;
    });
    insta::assert_snapshot!(found.await, @r#"
    graphql/viewer (POST /graphql): request, document: type `User` does not have a field `shoeSize`
    graphql/viewer (POST /graphql): request, document: type `Query` does not have a field `plans`
    graphql/repository (POST /graphql): request, document: the required argument `Query.repository(name:)` is not provided
    graphql/repository (POST /graphql): request, document: expected value of type String!, found an integer
    graphql/convertPullRequestToDraft (POST /graphql): request, document: expected value of type ID!, found a variable
    graphql/convertPullRequestToDraft (POST /graphql): request, variables: could not coerce variable id: ["PR_1"] to type ID
    graphql/convertPullRequestToDraft (POST /graphql): request, variables: missing value for non-null variable 'id'
    graphql/convertPullRequestToDraft (POST /graphql): request, variables/reason: the document declares no such variable
    graphql/minimizeComment (POST /graphql): request, document: value `BORING` does not exist on `ReportedContentClassifiers`
    "#);
}

/// An answer of the simulator's, spoiled.
#[tokio::test]
async fn answers_that_are_not_as_described() {
    let stage = Stage::new();
    let token = stage.mint(json!({})).await;
    let issue = stage.sim.person("alice").opens_issue(REPO, "One", "Body").unwrap();
    let path = format!("/repos/acme/app/issues/{issue}");
    let right = stage.send("GET", &path, &token, None).await;
    let headers: Vec<(String, String)> =
        right.headers.iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect();
    let judged = |status: u16, headers: &[(String, String)], body: &Value| {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let found = check_answer("GET", &path, status, headers, body.as_bytes());
        assert!(found.iter().all(|it| it.whose == Whose::Answer));
        lines(&found)
    };
    let spoiled = |change: &dyn Fn(&mut Value)| {
        let mut body = right.body.clone();
        change(&mut body);
        judged(200, &headers, &body)
    };
    assert_eq!(judged(200, &headers, &right.body), "");
    let without = |name: &str| headers.iter().filter(|(it, _)| it != name).cloned().collect::<Vec<_>>();
    let with = |name: &str, value: &str| [without(name), vec![(name.to_owned(), value.to_owned())]].concat();
    let found = [
        spoiled(&|body| body["number"] = json!("1")),
        spoiled(&|body| drop(body.as_object_mut().unwrap().remove("comments_url"))),
        spoiled(&|body| body["title"] = Value::Null),
        spoiled(&|body| body["user"]["login"] = Value::Null),
        spoiled(&|body| body["created_at"] = json!("yesterday")),
        spoiled(&|body| body["labels"] = json!([{"name": 7}])),
        judged(202, &headers, &right.body),
        judged(204, &headers, &Value::Null),
        judged(304, &headers, &right.body),
        judged(410, &headers, &json!({"message": ["gone"]})),
        judged(200, &with("content-type", "text/html"), &right.body),
        judged(200, &with("link", "</issues?page=2>; rel=next"), &right.body),
        judged(200, &without("x-ratelimit-remaining"), &right.body),
        judged(301, &headers, &json!({"message": "Moved Permanently"})),
    ];
    insta::assert_snapshot!(found.join("\n"), @r#"
    issues/get (GET /repos/acme/app/issues/1): answer, body/number: value is not of type "integer"
    issues/get (GET /repos/acme/app/issues/1): answer, body: "comments_url" is a required property
    issues/get (GET /repos/acme/app/issues/1): answer, body/title: value is not of type "string"
    issues/get (GET /repos/acme/app/issues/1): answer, body/user/login: value is not of type "string"
    issues/get (GET /repos/acme/app/issues/1): answer, body/created_at: value is not a "date-time"
    issues/get (GET /repos/acme/app/issues/1): answer, body/labels/0/name: value is not of type "string"
    issues/get (GET /repos/acme/app/issues/1): answer, status: GitHub describes no answer 202 of this operation
    issues/get (GET /repos/acme/app/issues/1): answer, status: GitHub describes no answer 204 of this operation
    issues/get (GET /repos/acme/app/issues/1): answer, body: this answer has no body
    issues/get (GET /repos/acme/app/issues/1): answer, body/message: value is not of type "string"
    issues/get (GET /repos/acme/app/issues/1): answer, header/content-type: GitHub describes no answer of the type "text/html"
    issues/get (GET /repos/acme/app/issues/1): answer, header/link: not of the form <absolute URL>; rel="next"
    issues/get (GET /repos/acme/app/issues/1): answer, header/x-ratelimit-remaining: it stands on every answer of GitHub's
    issues/get (GET /repos/acme/app/issues/1): answer, header/location: a redirect says where to, as an absolute URL
    "#);
    // Nobody minds what is described as nullable, and what GitHub may add.
    assert_eq!(spoiled(&|body| body["closed_at"] = Value::Null), "");
    assert_eq!(spoiled(&|body| body["novelty"] = json!(1)), "");
}

#[test]
fn answers_over_graphql_that_are_not_as_asked_for() {
    let asked = json!({"query": "{ viewer { login id databaseId ... on User { isHireable } } rateLimit { remaining resetAt } \
        repository(owner: \"a\", name: \"b\") { visibility issues(first: 2) { nodes { number title } } } }"});
    let right = json!({
        "viewer": {"login": "baton", "id": "U_1", "databaseId": null, "isHireable": false},
        "rateLimit": {"remaining": 5, "resetAt": "2026-01-01T00:00:00Z"},
        "repository": {"visibility": "PUBLIC", "issues": {"nodes": [{"number": 1, "title": "One"}, null]}},
    });
    let spoiled = |change: &dyn Fn(&mut Value)| {
        let mut data = right.clone();
        change(&mut data);
        let answer = json!({"data": data}).to_string();
        lines(&check_graphql_answer(asked.to_string().as_bytes(), answer.as_bytes()))
    };
    assert_eq!(spoiled(&|_| ()), "");
    let found = [
        spoiled(&|data| data["viewer"]["login"] = Value::Null),
        spoiled(&|data| data["viewer"]["isHireable"] = json!("no")),
        spoiled(&|data| data["viewer"]["shoeSize"] = json!(43)),
        spoiled(&|data| drop(data["rateLimit"].as_object_mut().unwrap().remove("remaining"))),
        spoiled(&|data| data["rateLimit"]["resetAt"] = json!(1)),
        spoiled(&|data| data["repository"]["visibility"] = json!("SECRET")),
        spoiled(&|data| data["repository"]["issues"]["nodes"] = json!({})),
        spoiled(&|data| data["repository"]["issues"]["nodes"][0]["number"] = json!(1.5)),
        spoiled(&|data| *data = Value::Null),
    ];
    insta::assert_snapshot!(found.join("\n"), @r#"
    graphql (POST /graphql): answer, data/viewer/login: null, and its type is String!
    graphql (POST /graphql): answer, data/viewer/isHireable: of another type than Boolean!
    graphql (POST /graphql): answer, data/viewer/shoeSize: nobody asked for this
    graphql (POST /graphql): answer, data/rateLimit/remaining: this was asked for and is missing
    graphql (POST /graphql): answer, data/rateLimit/resetAt: of another type than DateTime!
    graphql (POST /graphql): answer, data/repository/visibility: of another type than RepositoryVisibility!
    graphql (POST /graphql): answer, data/repository/issues/nodes: no list, and its type is [Issue]
    graphql (POST /graphql): answer, data/repository/issues/nodes/0/number: of another type than Int!
    graphql (POST /graphql): answer, data: neither data nor errors
    "#);
    assert_eq!(check_graphql_request(asked.to_string().as_bytes()), []);
}

/// A server that stands in for GitHub asks without a simulator.
#[test]
fn a_request_is_judged_without_a_simulator() {
    let judged = |body: &str| lines(&check_request("POST", "/repos/acme/app/pulls", "", body.as_bytes()));
    assert_eq!(judged(r#"{"title": "One", "head": "a", "base": "b"}"#), "");
    insta::assert_snapshot!(judged(r#"{"title": "One", "head": "a"}"#), @r#"pulls/create (POST /repos/acme/app/pulls): request, body: "base" is a required property"#);
}

#[tokio::test]
async fn what_was_checked_is_counted_and_faults_are_no_answers() {
    let stage = Stage::new();
    let token = stage.mint(json!({})).await;
    let issue = stage.sim.person("alice").opens_issue(REPO, "One", "").unwrap();
    let path = format!("/repos/acme/app/issues/{issue}");
    let faults = [
        Fault::Refuse { status: 502, message: None },
        Fault::Garbage { status: 200, body: "{".into() },
        Fault::SecondaryLimit { retry_after: None },
        Fault::Delay { millis: 1 },
    ];
    for fault in faults {
        stage.sim.fault(FaultRule::new("issues/get", fault, 1));
        stage.send("GET", &path, &token, None).await;
    }
    let tally = stage.sim.contract()["issues/get"];
    assert_eq!((tally.requests, tally.answers), (4, 1));
    let seen = stage.send("GET", &format!("{}/contract", stage.sim.control_url()), "", None).await;
    assert_eq!(seen.body["checked"]["issues/get"], json!({"requests": 4, "answers": 1}));
    assert_eq!(seen.body["violations"], json!([]));
}

/// Every operation that the simulator serves is one of GitHub's, under GitHub's name; but for the path where redirects of
/// renamed repositories lead, and the root of a repository's files, which GitHub serves and does not describe.
#[test]
fn the_simulator_serves_nothing_of_its_own() {
    let unnamed = |path: &str| -> Vec<String> {
        path.split('/').map(|part| if part.starts_with('{') { "{}".to_owned() } else { part.to_owned() }).collect()
    };
    let described: std::collections::BTreeMap<(&str, Vec<String>), &str> =
        described_operations().map(|it| ((it.method, unnamed(it.path)), it.name)).collect();
    let unknown: Vec<String> = github_sim::operations()
        .filter(|it| described.get(&(it.method, unnamed(it.path))) != Some(&it.id))
        .map(|it| format!("{} {} {}", it.id, it.method, it.path))
        .collect();
    insta::assert_snapshot!(unknown.join("\n"), @r#"
    repos/get-by-id GET /repositories/{repository_id}
    repos/get-content GET /repos/{owner}/{repo}/contents
    "#);
}

#[test]
#[ignore = "fetches GitHub's descriptions from npm: `script/test --full` runs it"]
fn the_cut_is_what_the_script_makes() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let done = std::process::Command::new("script/contract").arg("--check").current_dir(root).output().unwrap();
    assert!(
        done.status.success(),
        "script/contract --check (needs npm, which script/setup --test installs):\n{}",
        String::from_utf8_lossy(&done.stderr)
    );
}

#[tokio::test]
async fn a_granted_permission_is_no_violation() {
    let stage = Stage::new();
    stage.sim.app_permissions(stage.app.app_id, permissions(&[("administration", Level::Write)])).unwrap();
    stage.sim.accept_permissions(stage.installation);
    let token = stage.mint(json!({})).await;
    let changed = stage.send("PATCH", "/repos/acme/app", &token, Some(json!({"description": "mine"}))).await;
    assert_eq!(changed.status, 200);
    assert_eq!(stage.sim.violations(), []);
}
