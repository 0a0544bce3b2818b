//! Who can be assigned, and who is.

use serde_json::Value;

use super::call::{Answer, Call, Outcome};
use super::operation::{Route, reads, route, writes};
use crate::refusal::Refusal;
use crate::world::permission::Role;

const THREADS: &[&str] = &["issues", "pull_requests"];

pub(super) const ROUTES: &[Route] = &[
    route("issues/list-assignees", "GET", "/repos/{owner}/{repo}/assignees", reads(THREADS), |call| {
        let able = call.world.accounts.iter().filter(|it| call.world.assignable(call.repo, it.id));
        call.page(able.map(|it| call.world.user_json(it.id)).collect())
    }),
    route(
        "issues/check-user-can-be-assigned",
        "GET",
        "/repos/{owner}/{repo}/assignees/{assignee}",
        reads(THREADS),
        |call| {
            let user = call.world.account_by_login(call.param("assignee")).map(|account| account.id);
            let able = user.is_some_and(|user| call.world.assignable(call.repo, user));
            if able { Answer::no_content() } else { Err(Refusal::not_found()) }
        },
    ),
    route(
        "issues/add-assignees",
        "POST",
        "/repos/{owner}/{repo}/issues/{issue_number}/assignees",
        writes(THREADS, Role::Read),
        |call| {
            // People who may not are ignored without a word, like accounts that cannot be assigned.
            if call.world.standing(call.who, call.repo) >= Role::Triage {
                let (by, number, names) = (call.actor.clone(), call.number("issue_number")?, names(call));
                call.world.assign(&by, call.repo, number, &names)?;
            }
            answer(call, 201)
        },
    ),
    route(
        "issues/remove-assignees",
        "DELETE",
        "/repos/{owner}/{repo}/issues/{issue_number}/assignees",
        writes(THREADS, Role::Triage),
        |call| {
            let (by, number, names) = (call.actor.clone(), call.number("issue_number")?, names(call));
            call.world.unassign(&by, call.repo, number, &names)?;
            answer(call, 200)
        },
    ),
];

fn names(call: &Call<'_>) -> Vec<String> {
    call.names("assignees").unwrap_or_default()
}

fn answer(call: &Call<'_>, status: u16) -> Outcome {
    match call.world.issue_json(call.repo, call.number("issue_number")?) {
        Value::Null => Err(Refusal::not_found()),
        issue => Ok(Answer { status, body: Some(issue), headers: Vec::new() }),
    }
}
