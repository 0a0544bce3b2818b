//! Pull requests: listed, opened, read, changed, merged.

use serde_json::{Value, json};

use super::call::{Answer, Call, Outcome};
use super::operation::{Route, reads, route, writes};
use crate::change::issue::IssueEdit;
use crate::change::merge::MergeWish;
use crate::change::pull::NewPull;
use crate::refusal::Refusal;
use crate::world::issue::Issue;
use crate::world::permission::Role;
use crate::world::pull::Pull;

const PULLS: &[&str] = &["pull_requests"];

pub(super) const ROUTES: &[Route] = &[
    route("pulls/list", "GET", "/repos/{owner}/{repo}/pulls", reads(PULLS), list),
    route("pulls/create", "POST", "/repos/{owner}/{repo}/pulls", writes(PULLS, Role::Read), create),
    route("pulls/get", "GET", "/repos/{owner}/{repo}/pulls/{pull_number}", reads(PULLS), get),
    route("pulls/update", "PATCH", "/repos/{owner}/{repo}/pulls/{pull_number}", writes(PULLS, Role::Read), update),
    route("pulls/list-files", "GET", "/repos/{owner}/{repo}/pulls/{pull_number}/files", reads(PULLS), |call| {
        let (base, head) = range(call)?;
        let files = call.world.git.changed_files(call.repo, &base, &head);
        call.page(files.iter().map(|file| call.world.changed_file_json(call.repo, &head, file)).collect())
    }),
    route("pulls/list-commits", "GET", "/repos/{owner}/{repo}/pulls/{pull_number}/commits", reads(PULLS), |call| {
        let (base, head) = range(call)?;
        let commits = call.world.git.commits_between(call.repo, &base, &head);
        call.page(commits.iter().map(|commit| call.world.commit_json(call.repo, commit)).collect())
    }),
    route("pulls/check-if-merged", "GET", "/repos/{owner}/{repo}/pulls/{pull_number}/merge", reads(PULLS), |call| {
        let merged = pull(call)?.merge.is_some();
        if merged { Answer::no_content() } else { Err(Refusal::not_found()) }
    }),
    route(
        "pulls/update-branch",
        "PUT",
        "/repos/{owner}/{repo}/pulls/{pull_number}/update-branch",
        writes(PULLS, Role::Write),
        update_branch,
    ),
    route(
        "pulls/merge",
        "PUT",
        "/repos/{owner}/{repo}/pulls/{pull_number}/merge",
        writes(&["contents"], Role::Write),
        |call| {
            let (by, number) = (call.actor.clone(), call.number("pull_number")?);
            pull(call)?;
            let wish = MergeWish {
                method: call.owned("merge_method"),
                sha: call.owned("sha"),
                title: call.owned("commit_title"),
                message: call.owned("commit_message"),
            };
            let sha = call.world.merge_pull(&by, call.repo, number, &wish)?;
            Answer::ok(json!({"sha": sha, "merged": true, "message": "Pull Request successfully merged"}))
        },
    ),
];

/// Merges the base into the head.
fn update_branch(call: &mut Call<'_>) -> Outcome {
    let (by, number) = (call.actor.clone(), call.number("pull_number")?);
    pull(call)?;
    let expected = call.owned("expected_head_sha");
    call.world.update_pull_branch(&by, call.repo, number, expected.as_deref())?;
    let url = format!("{}/pull/{number}", call.world.repo_html_url(call.repo));
    let body = json!({"message": "Updating pull request branch.", "url": url});
    Ok(Answer { status: 202, body: Some(body), headers: Vec::new() })
}

pub(super) fn pull<'a>(call: &'a Call<'_>) -> Result<&'a Pull, Refusal> {
    call.world.pull(call.repo, call.number("pull_number")?).ok_or_else(Refusal::not_found)
}

/// The merge base and the head of the pull request.
fn range(call: &Call<'_>) -> Result<(String, String), Refusal> {
    let pull = pull(call)?;
    let base = call.world.git.merge_base(call.repo, &pull.base_sha, &pull.head_sha);
    Ok((base.unwrap_or_else(|| pull.base_sha.clone()), pull.head_sha.clone()))
}

fn get(call: &mut Call<'_>) -> Outcome {
    let number = call.number("pull_number")?;
    pull(call)?;
    if call.accept.contains("diff") {
        let (base, head) = range(call)?;
        return Ok(Answer {
            status: 200,
            body: Some(Value::String(call.world.git.diff(call.repo, &base, &head))),
            headers: vec![("content-type", "application/vnd.github.v3.diff; charset=utf-8".into())],
        });
    }
    Answer::ok(call.world.full_pull_json(call.repo, number))
}

fn list(call: &mut Call<'_>) -> Outcome {
    let repo = call.world.repo(call.repo).ok_or_else(Refusal::not_found)?;
    let head = call.query("head").and_then(|head| call.world.find_head(call.repo, head));
    let wanted = |issue: &&Issue| {
        let Some(pull) = &issue.pull else { return false };
        let state = match call.query("state").unwrap_or("open") {
            "all" => true,
            state => (state == "open") == issue.open,
        };
        // GitHub ignores a `head` without its owner.
        let named = call.query("head").is_some_and(|head| head.contains(':'));
        let from = !named || head.as_ref().is_some_and(|(id, name)| pull.head_repo == *id && pull.head_ref == *name);
        state && from && call.query("base").is_none_or(|base| pull.base_ref == base)
    };
    let mut found: Vec<&Issue> = repo.issues.values().filter(wanted).collect();
    let by_update = call.query("sort") == Some("updated");
    found.sort_by_key(
        |issue| if by_update { (issue.updated_at, issue.number) } else { (issue.created_at, issue.number) },
    );
    if call.query("direction") != Some("asc") {
        found.reverse();
    }
    call.page(found.iter().map(|issue| call.world.pull_json(call.repo, issue.number)).collect())
}

fn create(call: &mut Call<'_>) -> Outcome {
    let (by, repo) = (call.actor.clone(), call.repo);
    let (title, head, base) = (
        call.required("PullRequest", "title")?,
        call.required("PullRequest", "head")?,
        call.required("PullRequest", "base")?,
    );
    let (head_repo, _) =
        call.world.find_head(repo, &head).ok_or_else(|| Refusal::invalid("PullRequest", "head", "invalid"))?;
    let own_fork = call.world.repo(head_repo).is_some_and(|repo| repo.owner == by.user);
    if call.world.standing(call.who, repo) < Role::Write && !own_fork {
        return Err(Refusal::new(403, "You must have push access to the head repository to open a pull request"));
    }
    let body = call.owned("body");
    let new = NewPull {
        title: &title,
        body: body.as_deref(),
        head: &head,
        base: &base,
        draft: call.flag("draft").unwrap_or(false),
        maintainer_can_modify: call.flag("maintainer_can_modify").unwrap_or(true),
    };
    let number = call.world.open_pull(&by, repo, &new)?;
    Answer::created(call.world.full_pull_json(repo, number))
}

fn update(call: &mut Call<'_>) -> Outcome {
    let (by, repo, number) = (call.actor.clone(), call.repo, call.number("pull_number")?);
    pull(call)?;
    let author = call.world.issue(repo, number).map(|issue| issue.author);
    if author != Some(by.user) && call.world.standing(call.who, repo) < Role::Write {
        return Err(Refusal::needs_admin());
    }
    let state = call.owned("state");
    if state.as_deref().is_some_and(|state| !["open", "closed"].contains(&state)) {
        return Err(Refusal::invalid("PullRequest", "state", "invalid"));
    }
    let body = call.body.get("body").map(|body| body.as_str().map(str::to_owned));
    call.world.edit_issue(&by, repo, number, IssueEdit { title: call.owned("title"), body })?;
    if let Some(base) = call.owned("base") {
        call.world.change_base(&by, repo, number, &base)?;
    }
    match state.as_deref() {
        Some("closed") => call.world.close_issue(&by, repo, number, None, None),
        Some("open") => call.world.reopen_issue(&by, repo, number)?,
        _ => {}
    }
    Answer::ok(call.world.full_pull_json(repo, number))
}
