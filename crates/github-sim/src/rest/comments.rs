//! Comments on issues and pull requests.

use super::call::{Answer, Call, Outcome};
use super::operation::{Route, reads, route, writes};
use crate::refusal::Refusal;
use crate::world::issue::Comment;
use crate::world::permission::Role;

const THREADS: &[&str] = &["issues", "pull_requests"];

pub(super) const ROUTES: &[Route] = &[
    route("issues/list-comments-for-repo", "GET", "/repos/{owner}/{repo}/issues/comments", reads(THREADS), |call| {
        let repo = call.world.repo(call.repo).ok_or_else(Refusal::not_found)?;
        let all = repo.issues.values().flat_map(|issue| issue.comments.iter().map(|it| (issue.number, it)));
        let since = since(call);
        let mut all: Vec<_> = all.filter(|(_, it)| since.is_none_or(|since| it.updated_at >= since)).collect();
        let by_update = call.query("sort") == Some("updated");
        all.sort_by_key(|(_, it)| (by_update.then_some(it.updated_at), it.id));
        if call.query("direction") == Some("desc") {
            all.reverse();
        }
        call.page(all.into_iter().map(|(number, it)| call.world.comment_json(call.repo, number, it)).collect())
    }),
    route(
        "issues/list-comments",
        "GET",
        "/repos/{owner}/{repo}/issues/{issue_number}/comments",
        reads(THREADS),
        |call| {
            let number = call.number("issue_number")?;
            let issue = call.world.issue(call.repo, number).ok_or_else(Refusal::not_found)?;
            let since = since(call);
            let wanted = issue.comments.iter().filter(|it| since.is_none_or(|since| it.updated_at >= since));
            call.page(wanted.map(|it| call.world.comment_json(call.repo, number, it)).collect())
        },
    ),
    route(
        "issues/create-comment",
        "POST",
        "/repos/{owner}/{repo}/issues/{issue_number}/comments",
        writes(THREADS, Role::Read),
        |call| {
            let (by, number, body) =
                (call.actor.clone(), call.number("issue_number")?, call.required("IssueComment", "body")?);
            let issue = call.world.issue(call.repo, number).ok_or_else(Refusal::not_found)?;
            let app = call.actor.app.is_some() && call.world.switches.locked_to_apps;
            if issue.locked && (app || call.world.standing(call.who, call.repo) < Role::Write) {
                return Err(Refusal::new(403, "Unable to create comment because issue is locked."));
            }
            let id = call.world.add_comment(&by, call.repo, number, &body)?;
            answer(call, id, 201)
        },
    ),
    route("issues/get-comment", "GET", "/repos/{owner}/{repo}/issues/comments/{comment_id}", reads(THREADS), |call| {
        answer(call, call.number("comment_id")?, 200)
    }),
    route(
        "issues/update-comment",
        "PATCH",
        "/repos/{owner}/{repo}/issues/comments/{comment_id}",
        writes(THREADS, Role::Read),
        |call| {
            let (by, id, body) = (call.actor.clone(), own_or_writer(call)?, call.required("IssueComment", "body")?);
            call.world.edit_comment(&by, call.repo, id, &body)?;
            answer(call, id, 200)
        },
    ),
    route(
        "issues/delete-comment",
        "DELETE",
        "/repos/{owner}/{repo}/issues/comments/{comment_id}",
        writes(THREADS, Role::Read),
        |call| {
            let (by, id) = (call.actor.clone(), own_or_writer(call)?);
            call.world.delete_comment(&by, call.repo, id)?;
            Answer::no_content()
        },
    ),
];

fn since(call: &Call<'_>) -> Option<jiff::Timestamp> {
    call.query("since").and_then(|text| text.parse().ok())
}

fn answer(call: &Call<'_>, id: u64, status: u16) -> Outcome {
    let number = call.world.comment_place(call.repo, id).ok_or_else(Refusal::not_found)?;
    let comment: &Comment = call.world.comment(call.repo, id).ok_or_else(Refusal::not_found)?;
    let body = call.world.comment_json(call.repo, number, comment);
    Ok(Answer { status, body: Some(body), headers: Vec::new() })
}

/// One's own comment, or anybody's for those who may write.
fn own_or_writer(call: &Call<'_>) -> Result<u64, Refusal> {
    let id = call.number("comment_id")?;
    let comment = call.world.comment(call.repo, id).ok_or_else(Refusal::not_found)?;
    let may = comment.author == call.actor.user || call.world.standing(call.who, call.repo) >= Role::Write;
    if may { Ok(id) } else { Err(Refusal::needs_admin()) }
}
