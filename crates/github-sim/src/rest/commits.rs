//! Commits, comparisons, contents, and commit statuses.

use serde_json::json;

use super::call::{Answer, Call, Outcome};
use super::operation::{Route, reads, route, writes};
use super::refs::refuse_empty;
use crate::refusal::Refusal;
use crate::world::check::Status;
use crate::world::permission::Role;

const CONTENTS: &[&str] = &["contents"];
const STATUSES: &[&str] = &["statuses"];
const MEGABYTE: u64 = 1024 * 1024;

pub(super) const ROUTES: &[Route] = &[
    route("repos/list-commits", "GET", "/repos/{owner}/{repo}/commits", reads(CONTENTS), |call| {
        refuse_empty(call)?;
        let from = call.query("sha").map_or_else(|| default_branch(call), str::to_owned);
        let sha = resolve(call, &from).ok_or_else(Refusal::not_found)?;
        let commits = call.world.git.newest_commits(call.repo, &sha, 1000);
        call.page(commits.iter().map(|commit| call.world.commit_json(call.repo, commit)).collect())
    }),
    route("repos/get-commit", "GET", "/repos/{owner}/{repo}/commits/{ref*}", reads(CONTENTS), |call| {
        refuse_empty(call)?;
        let sha = commit_of_path(call)?;
        if call.accept.contains("sha") {
            return Ok(Answer::raw(sha.as_bytes(), "application/vnd.github.v3.sha; charset=utf-8"));
        }
        let commit = call.world.git.commit(call.repo, &sha).ok_or_else(Refusal::not_found)?;
        Answer::ok(call.world.full_commit_json(call.repo, &commit))
    }),
    route(
        "repos/compare-commits-with-basehead",
        "GET",
        "/repos/{owner}/{repo}/compare/{basehead*}",
        reads(CONTENTS),
        compare,
    ),
    route("repos/get-content", "GET", "/repos/{owner}/{repo}/contents/{path*}", reads(CONTENTS), content),
    route("repos/get-content", "GET", "/repos/{owner}/{repo}/contents", reads(CONTENTS), content),
    route(
        "repos/get-combined-status-for-ref",
        "GET",
        "/repos/{owner}/{repo}/commits/{ref*}/status",
        reads(STATUSES),
        combined,
    ),
    route(
        "repos/list-commit-statuses-for-ref",
        "GET",
        "/repos/{owner}/{repo}/commits/{ref*}/statuses",
        reads(STATUSES),
        |call| {
            let sha = commit_of_path(call)?;
            let repo = call.world.repo(call.repo).ok_or_else(Refusal::not_found)?;
            let statuses = repo.statuses.iter().rev().filter(|status| status.sha == sha);
            call.page(statuses.map(|status| call.world.status_json(call.repo, status)).collect())
        },
    ),
    route(
        "repos/create-commit-status",
        "POST",
        "/repos/{owner}/{repo}/statuses/{sha}",
        writes(STATUSES, Role::Write),
        |call| {
            let (by, sha, state) =
                (call.actor.clone(), call.param("sha").to_owned(), call.required("Status", "state")?);
            let context = call.owned("context").unwrap_or_else(|| "default".into());
            let (description, url) = (call.owned("description"), call.owned("target_url"));
            let what = (state.as_str(), context.as_str(), description.as_deref(), url.as_deref());
            let id = call.world.create_status(&by, call.repo, &sha, what)?;
            let repo = call.world.repo(call.repo).ok_or_else(Refusal::not_found)?;
            let status = repo.statuses.iter().find(|status| status.id == id).ok_or_else(Refusal::not_found)?;
            Answer::created(call.world.status_json(call.repo, status))
        },
    ),
];

fn default_branch(call: &Call<'_>) -> String {
    call.world.repo(call.repo).map(|repo| repo.default_branch.clone()).unwrap_or_default()
}

/// A branch, a tag, `heads/…` or a commit's id.
pub(super) fn resolve(call: &Call<'_>, name: &str) -> Option<String> {
    let git = &call.world.git;
    git.branch(call.repo, name)
        .or_else(|| git.resolve(call.repo, &format!("refs/{name}")))
        .or_else(|| git.resolve(call.repo, name))
}

pub(super) fn commit_of_path(call: &Call<'_>) -> Result<String, Refusal> {
    let name = call.param("ref");
    resolve(call, name).ok_or_else(|| Refusal::new(422, format!("No commit found for SHA: {name}")))
}

fn compare(call: &mut Call<'_>) -> Outcome {
    let (base, head) = call.param("basehead").split_once("...").ok_or_else(Refusal::not_found)?;
    let (base, head) = resolve(call, base).zip(resolve(call, head)).ok_or_else(Refusal::not_found)?;
    let git = &call.world.git;
    let fork = git.merge_base(call.repo, &base, &head).ok_or_else(Refusal::not_found)?;
    let (ahead, behind) = (git.commits_between(call.repo, &base, &head), git.commits_between(call.repo, &head, &base));
    let status = match (ahead.len(), behind.len()) {
        (0, 0) => "identical",
        (_, 0) => "ahead",
        (0, _) => "behind",
        _ => "diverged",
    };
    let files = git.changed_files(call.repo, &fork, &head);
    let commit = |sha: &str| git.commit(call.repo, sha).map(|commit| call.world.commit_json(call.repo, &commit));
    let html = format!("{}/compare/{base}...{head}", call.world.repo_html_url(call.repo));
    Answer::ok(json!({
        "url": call.url, "html_url": html, "permalink_url": html, "diff_url": format!("{html}.diff"),
        "patch_url": format!("{html}.patch"), "base_commit": commit(&base), "merge_base_commit": commit(&fork),
        "status": status, "ahead_by": ahead.len(), "behind_by": behind.len(), "total_commits": ahead.len(),
        "commits": ahead.iter().map(|it| call.world.commit_json(call.repo, it)).collect::<Vec<_>>(),
        "files": files.iter().map(|it| call.world.changed_file_json(call.repo, &head, it)).collect::<Vec<_>>(),
    }))
}

fn content(call: &mut Call<'_>) -> Outcome {
    let path = call.param("path").trim_matches('/').to_owned();
    let name = call.query("ref").map_or_else(|| default_branch(call), str::to_owned);
    let git = &call.world.git;
    if git.refs(call.repo, "refs/heads").is_empty() {
        return Err(Refusal::new(404, "This repository is empty."));
    }
    let commit =
        resolve(call, &name).ok_or_else(|| Refusal::new(404, format!("No commit found for the ref {name}")))?;
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let kind = if path.is_empty() {
        "tree".into()
    } else {
        git.object_at(call.repo, &commit, &path).ok_or_else(Refusal::not_found)?.0
    };
    if kind == "tree" {
        let mut entries = git.folder(call.repo, &commit, &path);
        // More than a thousand entries are only in the git trees.
        entries.truncate(1000);
        let listed = entries.iter().map(|entry| call.world.content_json(call.repo, &name, entry, None));
        return Answer::ok(listed.collect::<Vec<_>>().into());
    }
    let entries = git.folder(call.repo, &commit, folder);
    let entry = entries.into_iter().find(|entry| entry.path == path).ok_or_else(Refusal::not_found)?;
    if entry.size > 100 * MEGABYTE {
        let text = "This API returns blobs up to 100 MB in size. The requested blob is too large to fetch via the API.";
        let refusal = Refusal::validation(vec![json!({"resource": "Blob", "field": "data", "code": "too_large"})]);
        return Err(Refusal { message: text.into(), ..refusal.with(403) });
    }
    let bytes = git.file(call.repo, &commit, &path).ok_or_else(Refusal::not_found)?;
    if call.accept.contains("raw") {
        return Ok(Answer::raw(&bytes, "application/vnd.github.v3.raw; charset=utf-8"));
    }
    Answer::ok(call.world.content_json(call.repo, &name, &entry, Some(&bytes)))
}

fn combined(call: &mut Call<'_>) -> Outcome {
    let sha = commit_of_path(call)?;
    let repo = call.world.repo(call.repo).ok_or_else(Refusal::not_found)?;
    let mut newest: Vec<&Status> = Vec::new();
    for status in repo.statuses.iter().rev().filter(|status| status.sha == sha) {
        if newest.iter().all(|it| it.context != status.context) {
            newest.push(status);
        }
    }
    let any = |state: &str| newest.iter().any(|it| it.state == state);
    let state = match (any("failure") || any("error"), any("pending") || newest.is_empty()) {
        (true, _) => "failure",
        (false, true) => "pending",
        (false, false) => "success",
    };
    let url = format!("{}/commits/{sha}", call.world.repo_url(call.repo));
    Answer::ok(json!({
        "state": state, "statuses": newest.iter().map(|it| call.world.status_json(call.repo, it)).collect::<Vec<_>>(),
        "sha": sha, "total_count": newest.len(), "repository": call.world.repository_json(call.repo),
        "commit_url": url, "url": format!("{url}/status"),
    }))
}
