//! Check runs and suites.

use serde_json::{Value, json};

use super::call::{Answer, Call, Outcome};
use super::commits::commit_of_path;
use super::operation::{Route, reads, route, writes};
use crate::change::check::CheckRunFields;
use crate::refusal::Refusal;
use crate::world::check::CheckRun;
use crate::world::permission::Role;

const CHECKS: &[&str] = &["checks"];

pub(super) const ROUTES: &[Route] = &[
    route("checks/create", "POST", "/repos/{owner}/{repo}/check-runs", writes(CHECKS, Role::Read), |call| {
        let by = call.actor.clone();
        if by.app.is_none() {
            return Err(Refusal::new(403, "You must authenticate via a GitHub App."));
        }
        let supplied = |name: &str| {
            let missing = || Refusal::schema(format!("\"{name}\" wasn't supplied."));
            call.owned(name).ok_or_else(missing)
        };
        supplied("name")?;
        let sha = supplied("head_sha")?;
        let fields = fields(call)?;
        let id = call.world.create_check_run(&by, call.repo, &sha, fields)?;
        answer(call, id, 201)
    }),
    route("checks/get", "GET", "/repos/{owner}/{repo}/check-runs/{check_run_id}", reads(CHECKS), |call| {
        answer(call, call.number("check_run_id")?, 200)
    }),
    route(
        "checks/update",
        "PATCH",
        "/repos/{owner}/{repo}/check-runs/{check_run_id}",
        writes(CHECKS, Role::Read),
        |call| {
            let (by, id, fields) = (call.actor.clone(), call.number("check_run_id")?, fields(call)?);
            call.world.update_check_run(&by, call.repo, id, fields)?;
            answer(call, id, 200)
        },
    ),
    route(
        "checks/rerequest-run",
        "POST",
        "/repos/{owner}/{repo}/check-runs/{check_run_id}/rerequest",
        writes(CHECKS, Role::Write),
        |call| {
            let (by, id) = (call.actor.clone(), call.number("check_run_id")?);
            call.world.rerequest_check_run(&by, call.repo, id)?;
            Answer::created(json!({}))
        },
    ),
    route(
        "checks/rerequest-suite",
        "POST",
        "/repos/{owner}/{repo}/check-suites/{check_suite_id}/rerequest",
        writes(CHECKS, Role::Write),
        |call| {
            let (by, id) = (call.actor.clone(), call.number("check_suite_id")?);
            call.world.rerequest_check_suite(&by, call.repo, id)?;
            Answer::created(json!({}))
        },
    ),
    route("checks/get-suite", "GET", "/repos/{owner}/{repo}/check-suites/{check_suite_id}", reads(CHECKS), |call| {
        let id = call.number("check_suite_id")?;
        let repo = call.world.repo(call.repo).ok_or_else(Refusal::not_found)?;
        let suite = repo.check_suites.iter().find(|suite| suite.id == id).ok_or_else(Refusal::not_found)?;
        Answer::ok(call.world.check_suite_json(call.repo, suite))
    }),
    route(
        "checks/list-for-suite",
        "GET",
        "/repos/{owner}/{repo}/check-suites/{check_suite_id}/check-runs",
        reads(CHECKS),
        |call| {
            let id = call.number("check_suite_id")?;
            let repo = call.world.repo(call.repo).ok_or_else(Refusal::not_found)?;
            let runs = repo.check_runs.iter().filter(|run| run.suite == id);
            call.counted_page("check_runs", runs.map(|run| call.world.check_run_json(call.repo, run)).collect())
        },
    ),
    route(
        "checks/list-annotations",
        "GET",
        "/repos/{owner}/{repo}/check-runs/{check_run_id}/annotations",
        reads(CHECKS),
        |call| call.page(run(call, call.number("check_run_id")?)?.annotations.clone()),
    ),
    route("checks/list-for-ref", "GET", "/repos/{owner}/{repo}/commits/{ref*}/check-runs", reads(CHECKS), list),
    route(
        "checks/list-suites-for-ref",
        "GET",
        "/repos/{owner}/{repo}/commits/{ref*}/check-suites",
        reads(CHECKS),
        |call| {
            let sha = commit_of_path(call)?;
            let repo = call.world.repo(call.repo).ok_or_else(Refusal::not_found)?;
            let suites = repo.check_suites.iter().filter(|suite| suite.head_sha == sha);
            call.counted_page("check_suites", suites.map(|it| call.world.check_suite_json(call.repo, it)).collect())
        },
    ),
];

fn run<'a>(call: &'a Call<'_>, id: u64) -> Result<&'a CheckRun, Refusal> {
    let repo = call.world.repo(call.repo).ok_or_else(Refusal::not_found)?;
    repo.check_runs.iter().find(|run| run.id == id).ok_or_else(Refusal::not_found)
}

fn answer(call: &Call<'_>, id: u64, status: u16) -> Outcome {
    let body = call.world.check_run_json(call.repo, run(call, id)?);
    Ok(Answer { status, body: Some(body), headers: Vec::new() })
}

fn fields(call: &Call<'_>) -> Result<CheckRunFields, Refusal> {
    let time = |name: &str| match call.text(name) {
        None => Ok(None),
        Some(text) => text.parse().map(Some).map_err(|_| Refusal::invalid("CheckRun", name, "invalid")),
    };
    Ok(CheckRunFields {
        name: call.owned("name"),
        status: call.owned("status"),
        conclusion: call.owned("conclusion"),
        external_id: call.owned("external_id"),
        details_url: call.owned("details_url"),
        started_at: time("started_at")?,
        completed_at: time("completed_at")?,
        output: call.body.get("output").filter(|it| it.is_object()).cloned(),
        actions: call.body.get("actions").and_then(Value::as_array).cloned(),
    })
}

fn list(call: &mut Call<'_>) -> Outcome {
    let sha = commit_of_path(call)?;
    let repo = call.world.repo(call.repo).ok_or_else(Refusal::not_found)?;
    let at = |run: &&CheckRun| {
        run.head_sha == sha
            && call.query("check_name").is_none_or(|name| run.name == name)
            && call.query("app_id").is_none_or(|app| run.app.to_string() == app)
            && call.query("status").is_none_or(|status| run.status == status)
    };
    let mut newest: Vec<&CheckRun> = Vec::new();
    for run in repo.check_runs.iter().rev().filter(at) {
        let twin = newest.iter().any(|it| it.name == run.name && it.app == run.app);
        // `latest`, the default, keeps only the newest run of each name.
        if call.query("filter") == Some("all") || !twin {
            newest.push(run);
        }
    }
    call.counted_page("check_runs", newest.iter().map(|run| call.world.check_run_json(call.repo, run)).collect())
}
