//! Pull requests from their opening to their merge.

use github_sim::Verdict;
use serde_json::json;

use crate::stage::{REPO, Stage};

#[tokio::test]
async fn from_draft_to_merge() {
    let stage = Stage::new();
    let token = stage.mint(json!({})).await;
    let sim = &stage.sim;
    let issue = sim.person("alice").opens_issue(REPO, "One is two", "").unwrap();
    sim.person("alice").pushes(REPO, "fix", [("src/lib.rs", "pub fn one() -> u8 { 1 }\n")], "Make one one").unwrap();
    let open =
        json!({"title": "Fix", "head": "fix", "base": "main", "draft": true, "body": format!("Closes #{issue}")});
    let made = stage.send("POST", "/repos/acme/app/pulls", &token, Some(open.clone())).await;
    assert_eq!((made.status, &made.body["draft"], &made.body["commits"]), (201, &json!(true), &json!(1)));
    assert_eq!((&made.body["additions"], &made.body["deletions"]), (&json!(1), &json!(1)));
    let number = made.body["number"].as_u64().unwrap();
    let twin = stage.send("POST", "/repos/acme/app/pulls", &token, Some(open)).await;
    assert_eq!(twin.body["errors"][0]["message"], "A pull request already exists for acme:fix.");
    let nothing = json!({"title": "Fix", "head": "main", "base": "main"});
    let nothing = stage.send("POST", "/repos/acme/app/pulls", &token, Some(nothing)).await;
    assert_eq!(nothing.body["errors"][0]["message"], "No commits between main and main");
    let found = stage.send("GET", "/repos/acme/app/pulls?head=acme:fix&state=open", &token, None).await;
    assert_eq!(found.body[0]["number"], number);
    let none = stage.send("GET", "/repos/acme/app/pulls?head=acme:other", &token, None).await;
    assert_eq!(none.body, json!([]));
    let asked = stage
        .send(
            "POST",
            &format!("/repos/acme/app/pulls/{number}/requested_reviewers"),
            &token,
            Some(json!({"reviewers": ["alice"]})),
        )
        .await;
    assert_eq!(asked.body["requested_reviewers"][0]["login"], "alice");
    let draft = sim.person("alice").merges(REPO, number).unwrap_err();
    assert_eq!((draft.status, draft.message.as_str()), (405, "Pull Request is still a draft"));
    let node = made.body["node_id"].clone();
    let query = json!({"query": "mutation($id: ID!) { markPullRequestReadyForReview(input: {pullRequestId: $id}) { pullRequest { isDraft } } }",
        "variables": {"id": node}});
    let ready = stage.send("POST", sim.graphql_url(), &token, Some(query)).await;
    assert_eq!(ready.body, json!({"data": {"markPullRequestReadyForReview": {"pullRequest": {"isDraft": false}}}}));
    sim.person("alice").reviews(REPO, number, Verdict::Approves, "Good").unwrap();
    let own = stage
        .send("POST", &format!("/repos/acme/app/pulls/{number}/reviews"), &token, Some(json!({"event": "APPROVE"})))
        .await;
    assert_eq!((own.status, &own.body["errors"][0]), (422, &json!("Review Can not approve your own pull request")));
    let files = stage.send("GET", &format!("/repos/acme/app/pulls/{number}/files"), &token, None).await;
    assert_eq!(files.body[0]["patch"], "@@ -1 +1 @@\n-pub fn one() -> u8 { 2 }\n+pub fn one() -> u8 { 1 }");
    let sha = sim.person("alice").merges(REPO, number).unwrap();
    assert_eq!(sim.branch_head(REPO, "main").unwrap(), sha);
    let closed = stage.send("GET", &format!("/repos/acme/app/issues/{issue}"), &token, None).await;
    assert_eq!((&closed.body["state"], &closed.body["state_reason"]), (&json!("closed"), &json!("completed")));
    let merged = stage.send("GET", &format!("/repos/acme/app/pulls/{number}"), &token, None).await;
    assert_eq!((&merged.body["merged"], &merged.body["merge_commit_sha"]), (&json!(true), &json!(sha)));
    insta::assert_snapshot!(sim.thread(REPO, number).unwrap(), @r"
    # Fix #2 (merged pull request)

    --- @baton[bot]
    Closes #1

    --- @alice (approved)
    Good
    ");
}

#[tokio::test]
async fn conflicts_closed_branches_and_other_methods() {
    let stage = Stage::new();
    let alice = stage.sim.person("alice");
    alice.pushes(REPO, "a", [("README.md", "# A\n")], "a").unwrap();
    alice.pushes(REPO, "b", [("README.md", "# B\n")], "b").unwrap();
    let (a, b) =
        (alice.opens_pull(REPO, "a", "main", "A", "").unwrap(), alice.opens_pull(REPO, "b", "main", "B", "").unwrap());
    let token = stage.sim.personal_token("alice").unwrap();
    let squash = Some(json!({"merge_method": "squash"}));
    assert_eq!(stage.send("PUT", &format!("/repos/acme/app/pulls/{a}/merge"), &token, squash).await.status, 200);
    let dirty = stage.send("GET", &format!("/repos/acme/app/pulls/{b}"), &token, None).await;
    assert_eq!((&dirty.body["mergeable"], &dirty.body["mergeable_state"]), (&json!(false), &json!("dirty")));
    assert_eq!(alice.merges(REPO, b).unwrap_err().status, 405);
    alice.deletes_branch(REPO, "b").unwrap();
    let states: Vec<_> = stage.sim.pulls(REPO).unwrap().into_iter().map(|it| it.state).collect();
    assert_eq!(states, ["merged", "closed"]);
    alice.pushes(REPO, "c", [("c", "c\n")], "c").unwrap();
    alice.pushes(REPO, "main", [("d", "d\n")], "Fixes nothing").unwrap();
    let c = alice.opens_pull(REPO, "c", "main", "C", "").unwrap();
    let rebase = Some(json!({"merge_method": "rebase"}));
    assert_eq!(stage.send("PUT", &format!("/repos/acme/app/pulls/{c}/merge"), &token, rebase).await.status, 200);
    assert!(stage.sim.branch_file(REPO, "main", "c").is_some() && stage.sim.branch_file(REPO, "main", "d").is_some());
}

#[tokio::test]
async fn a_fork_is_a_head_too() {
    let stage = Stage::new();
    let fork = stage.sim.person("olaf").forks(REPO).unwrap();
    stage.sim.person("olaf").pushes(&fork, "idea", [("idea", "x\n")], "idea").unwrap();
    let pull = stage.sim.person("olaf").opens_pull(REPO, "olaf:idea", "main", "Idea", "").unwrap();
    let head = stage.sim.person("olaf").pushes(&fork, "idea", [("idea", "y\n")], "better").unwrap();
    assert_eq!(stage.sim.pulls(REPO).unwrap()[0].head_sha, head);
    assert!(stage.sim.diff(REPO, pull).unwrap().contains("+y"));
}

#[tokio::test]
async fn a_branch_is_brought_up_to_date_by_its_expected_head_alone() {
    let stage = Stage::new();
    let token = stage.mint(json!({})).await;
    let alice = stage.sim.person("alice");
    let head = alice.pushes(REPO, "fix", [("a", "a\n")], "a").unwrap();
    let pull = alice.opens_pull(REPO, "fix", "main", "A", "").unwrap();
    let path = format!("/repos/acme/app/pulls/{pull}/update-branch");
    let fresh = stage.send("PUT", &path, &token, None).await;
    assert_eq!((fresh.status, fresh.message()), (422, "There are no new commits on the base branch."));
    let base = alice.pushes(REPO, "main", [("b", "b\n")], "b").unwrap();
    let wrong = stage.send("PUT", &path, &token, Some(json!({"expected_head_sha": base}))).await;
    assert_eq!((wrong.status, wrong.message()), (422, "expected head sha didn't match current head ref."));
    let done = stage.send("PUT", &path, &token, Some(json!({"expected_head_sha": head}))).await;
    assert_eq!((done.status, done.message()), (202, "Updating pull request branch."));
    let now = stage.sim.branch_head(REPO, "fix").unwrap();
    let commit = stage.send("GET", &format!("/repos/acme/app/git/commits/{now}"), &token, None).await;
    let parents: Vec<_> =
        commit.body["parents"].as_array().unwrap().iter().map(|it| it["sha"].as_str().unwrap()).collect();
    assert_eq!(parents, [head, base]);
    assert_eq!(stage.sim.pulls(REPO).unwrap()[0].head_sha, now);
}
