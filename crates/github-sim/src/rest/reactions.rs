//! Reactions to issues and comments: 201 when new, 200 when it was there already.

use super::call::{Answer, Call, Outcome};
use super::operation::{Route, reads, route, writes};
use crate::change::reaction::Target;
use crate::refusal::Refusal;
use crate::world::permission::Role;

/// GitHub asks for this one even where it is a pull request that is reacted to.
const ISSUES: &[&str] = &["issues"];

pub(super) const ROUTES: &[Route] = &[
    route(
        "reactions/list-for-issue",
        "GET",
        "/repos/{owner}/{repo}/issues/{issue_number}/reactions",
        reads(ISSUES),
        list,
    ),
    route(
        "reactions/create-for-issue",
        "POST",
        "/repos/{owner}/{repo}/issues/{issue_number}/reactions",
        writes(ISSUES, Role::Read),
        create,
    ),
    route(
        "reactions/delete-for-issue",
        "DELETE",
        "/repos/{owner}/{repo}/issues/{issue_number}/reactions/{reaction_id}",
        writes(ISSUES, Role::Read),
        delete,
    ),
    route(
        "reactions/list-for-issue-comment",
        "GET",
        "/repos/{owner}/{repo}/issues/comments/{comment_id}/reactions",
        reads(ISSUES),
        list,
    ),
    route(
        "reactions/create-for-issue-comment",
        "POST",
        "/repos/{owner}/{repo}/issues/comments/{comment_id}/reactions",
        writes(ISSUES, Role::Read),
        create,
    ),
    route(
        "reactions/delete-for-issue-comment",
        "DELETE",
        "/repos/{owner}/{repo}/issues/comments/{comment_id}/reactions/{reaction_id}",
        writes(ISSUES, Role::Read),
        delete,
    ),
];

fn target(call: &Call<'_>) -> Result<Target, Refusal> {
    if call.param("comment_id").is_empty() {
        Ok(Target::Issue(call.number("issue_number")?))
    } else {
        Ok(Target::Comment(call.number("comment_id")?))
    }
}

fn list(call: &mut Call<'_>) -> Outcome {
    let (repo, target) = (call.repo, target(call)?);
    let reactions = call.world.reactions_mut(repo, target)?.clone();
    let wanted = reactions.iter().filter(|it| call.query("content").is_none_or(|content| it.content == content));
    call.page(wanted.map(|it| call.world.reaction_json(it)).collect())
}

fn create(call: &mut Call<'_>) -> Outcome {
    let (by, target, content) = (call.actor.clone(), target(call)?, call.required("Reaction", "content")?);
    let (reaction, new) = call.world.react(&by, call.repo, target, &content)?;
    let body = Some(call.world.reaction_json(&reaction));
    Ok(Answer { status: if new { 201 } else { 200 }, body, headers: Vec::new() })
}

fn delete(call: &mut Call<'_>) -> Outcome {
    let (by, target, id) = (call.actor.clone(), target(call)?, call.number("reaction_id")?);
    call.world.unreact(&by, call.repo, target, id)?;
    Answer::no_content()
}
