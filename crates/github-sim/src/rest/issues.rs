//! Issues: listed, opened, read, changed, locked; their events and timeline.

use serde_json::{Value, json};

use super::call::{Answer, Call, Outcome};
use super::operation::{Route, reads, route, writes};
use crate::change::issue::IssueEdit;
use crate::refusal::Refusal;
use crate::world::issue::Issue;
use crate::world::permission::Role;

const THREADS: &[&str] = &["issues", "pull_requests"];

pub(super) const ROUTES: &[Route] = &[
    route("issues/list-for-repo", "GET", "/repos/{owner}/{repo}/issues", reads(&["issues"]), list),
    route("issues/create", "POST", "/repos/{owner}/{repo}/issues", writes(&["issues"], Role::Read), create),
    route("issues/get", "GET", "/repos/{owner}/{repo}/issues/{issue_number}", reads(&["issues"]), |call| {
        answer(call, 200)
    }),
    route("issues/update", "PATCH", "/repos/{owner}/{repo}/issues/{issue_number}", writes(THREADS, Role::Read), update),
    route(
        "issues/lock",
        "PUT",
        "/repos/{owner}/{repo}/issues/{issue_number}/lock",
        writes(THREADS, Role::Write),
        |call| {
            let (by, number, reason) = (call.actor.clone(), call.number("issue_number")?, call.owned("lock_reason"));
            call.world.set_lock(&by, call.repo, number, Some(reason.as_deref()))?;
            Answer::no_content()
        },
    ),
    route(
        "issues/unlock",
        "DELETE",
        "/repos/{owner}/{repo}/issues/{issue_number}/lock",
        writes(THREADS, Role::Write),
        |call| {
            let (by, number) = (call.actor.clone(), call.number("issue_number")?);
            call.world.set_lock(&by, call.repo, number, None)?;
            Answer::no_content()
        },
    ),
    route("issues/list-events", "GET", "/repos/{owner}/{repo}/issues/{issue_number}/events", reads(THREADS), |call| {
        let issue = call.world.issue(call.repo, call.number("issue_number")?).ok_or_else(Refusal::not_found)?;
        call.page(issue.events.iter().map(|event| call.world.issue_event_json(call.repo, event)).collect())
    }),
    route("issues/list-events-for-repo", "GET", "/repos/{owner}/{repo}/issues/events", reads(THREADS), |call| {
        let repo = call.world.repo(call.repo).ok_or_else(Refusal::not_found)?;
        let all = repo.issues.values().flat_map(|issue| issue.events.iter().map(|event| (issue.number, event)));
        let mut all: Vec<_> = all.collect();
        all.sort_by_key(|(_, event)| std::cmp::Reverse((event.at, event.id)));
        let written = all.into_iter().map(|(number, event)| {
            let mut line = call.world.issue_event_json(call.repo, event);
            crate::json::merge(&mut line, json!({"issue": call.world.issue_json(call.repo, number)}));
            line
        });
        call.page(written.collect())
    }),
    route(
        "issues/list-events-for-timeline",
        "GET",
        "/repos/{owner}/{repo}/issues/{issue_number}/timeline",
        reads(THREADS),
        |call| {
            let number = call.number("issue_number")?;
            call.world.issue(call.repo, number).ok_or_else(Refusal::not_found)?;
            call.page(call.world.timeline_json(call.repo, number))
        },
    ),
];

fn answer(call: &Call<'_>, status: u16) -> Outcome {
    let issue = call.world.issue_json(call.repo, call.number("issue_number")?);
    if issue.is_null() {
        Err(Refusal::not_found())
    } else {
        Ok(Answer { status, body: Some(issue), headers: Vec::new() })
    }
}

fn list(call: &mut Call<'_>) -> Outcome {
    let repo = call.world.repo(call.repo).ok_or_else(Refusal::not_found)?;
    let since = call.query("since").and_then(|text| text.parse::<jiff::Timestamp>().ok());
    let labels: Vec<&str> = call.query("labels").unwrap_or_default().split(',').filter(|it| !it.is_empty()).collect();
    let is = |id: u64, login: &str| call.world.login(id).eq_ignore_ascii_case(login);
    let wanted = |issue: &&Issue| {
        let state = match call.query("state").unwrap_or("open") {
            "all" => true,
            state => (state == "open") == issue.open,
        };
        let labelled = labels.iter().all(|name| repo.label(name).is_some_and(|label| issue.labels.contains(&label.id)));
        let assigned = match call.query("assignee") {
            None | Some("*") if call.query("assignee").is_none() => true,
            Some("*") => !issue.assignees.is_empty(),
            Some("none") => issue.assignees.is_empty(),
            Some(login) => issue.assignees.iter().any(|id| is(*id, login)),
            None => true,
        };
        // Where issues are switched off, the list holds the pull requests alone.
        let there = repo.has_issues || issue.pull.is_some();
        let created = call.query("creator").is_none_or(|login| is(issue.author, login));
        there && state && labelled && assigned && created && since.is_none_or(|since| issue.updated_at >= since)
    };
    let mut found: Vec<&Issue> = repo.issues.values().filter(wanted).collect();
    let by_update = call.query("sort") == Some("updated");
    found.sort_by_key(
        |issue| if by_update { (issue.updated_at, issue.number) } else { (issue.created_at, issue.number) },
    );
    if call.query("direction") != Some("asc") {
        found.reverse();
    }
    call.page(found.iter().map(|issue| call.world.issue_json(call.repo, issue.number)).collect())
}

fn create(call: &mut Call<'_>) -> Outcome {
    if call.world.repo(call.repo).is_some_and(|repo| !repo.has_issues) {
        return Err(Refusal::issues_disabled());
    }
    let (by, title, body) = (call.actor.clone(), call.required("Issue", "title")?, call.owned("body"));
    // Who may not label or assign is not refused: GitHub drops these wishes silently.
    let may = call.world.standing(call.who, call.repo) >= Role::Triage;
    let list = |field| if may && call.body.is_object() { call.names(field).unwrap_or_default() } else { Vec::new() };
    let (labels, assignees) = (list("labels"), list("assignees"));
    let number = call.world.open_issue(&by, call.repo, &title, body.as_deref(), &labels, &assignees)?;
    Answer::created(call.world.issue_json(call.repo, number))
}

fn update(call: &mut Call<'_>) -> Outcome {
    let (by, repo, number) = (call.actor.clone(), call.repo, call.number("issue_number")?);
    let issue = call.world.issue(repo, number).ok_or_else(Refusal::not_found)?;
    if issue.author != by.user && call.world.standing(call.who, repo) < Role::Triage {
        return Err(Refusal::needs_admin());
    }
    let state = call.owned("state");
    if state.as_deref().is_some_and(|state| !["open", "closed"].contains(&state)) {
        return Err(Refusal::invalid("Issue", "state", "invalid"));
    }
    let body = match call.body.get("body") {
        None => None,
        Some(Value::Null) => Some(None),
        Some(text) => Some(text.as_str().map(str::to_owned)),
    };
    let edit = IssueEdit { title: call.owned("title"), body };
    let (labels, assignees) = (field_names(call, "labels"), field_names(call, "assignees"));
    call.world.edit_issue(&by, repo, number, edit)?;
    if let Some(labels) = labels {
        call.world.set_labels(&by, repo, number, &labels)?;
    }
    if let Some(assignees) = assignees {
        call.world.set_assignees(&by, repo, number, &assignees)?;
    }
    match state.as_deref() {
        Some("closed") => {
            let reason = call.owned("state_reason");
            call.world.close_issue(&by, repo, number, reason.as_deref(), None);
        }
        Some("open") => call.world.reopen_issue(&by, repo, number)?,
        _ => {}
    }
    answer(call, 200)
}

fn field_names(call: &Call<'_>, field: &str) -> Option<Vec<String>> {
    call.body.get(field).filter(|it| it.is_array()).and_then(|_| call.names(field))
}
