//! Reviews, review comments, and who is asked for a review.

use serde_json::{Value, json};

use super::call::{Answer, Call, Outcome};
use super::operation::{Route, reads, route, writes};
use super::pulls::pull;
use crate::change::review::NewReviewComment;
use crate::refusal::Refusal;
use crate::world::permission::Role;
use crate::world::pull::{ReviewComment, ReviewState};

const PULLS: &[&str] = &["pull_requests"];

pub(super) const ROUTES: &[Route] = &[
    route(
        "pulls/list-requested-reviewers",
        "GET",
        "/repos/{owner}/{repo}/pulls/{pull_number}/requested_reviewers",
        reads(PULLS),
        |call| {
            let users: Vec<Value> =
                pull(call)?.requested_reviewers.iter().map(|id| call.world.user_json(*id)).collect();
            Answer::ok(json!({"users": users, "teams": []}))
        },
    ),
    route(
        "pulls/request-reviewers",
        "POST",
        "/repos/{owner}/{repo}/pulls/{pull_number}/requested_reviewers",
        writes(PULLS, Role::Triage),
        |call| {
            let (by, number) = (call.actor.clone(), call.number("pull_number")?);
            let names = call.names("reviewers").unwrap_or_default();
            pull(call)?;
            call.world.request_reviewers(&by, call.repo, number, &names)?;
            Answer::created(call.world.pull_json(call.repo, number))
        },
    ),
    route(
        "pulls/remove-requested-reviewers",
        "DELETE",
        "/repos/{owner}/{repo}/pulls/{pull_number}/requested_reviewers",
        writes(PULLS, Role::Triage),
        |call| {
            let (by, number) = (call.actor.clone(), call.number("pull_number")?);
            let names = call.names("reviewers").unwrap_or_default();
            pull(call)?;
            call.world.remove_reviewers(&by, call.repo, number, &names)?;
            Answer::ok(call.world.pull_json(call.repo, number))
        },
    ),
    route("pulls/list-reviews", "GET", "/repos/{owner}/{repo}/pulls/{pull_number}/reviews", reads(PULLS), |call| {
        let number = call.number("pull_number")?;
        let reviews = pull(call)?.reviews.iter();
        call.page(reviews.map(|review| call.world.review_json(call.repo, number, review)).collect())
    }),
    route(
        "pulls/create-review",
        "POST",
        "/repos/{owner}/{repo}/pulls/{pull_number}/reviews",
        writes(PULLS, Role::Read),
        create,
    ),
    route(
        "pulls/get-review",
        "GET",
        "/repos/{owner}/{repo}/pulls/{pull_number}/reviews/{review_id}",
        reads(PULLS),
        |call| answer(call, call.number("review_id")?),
    ),
    route(
        "pulls/list-review-comments",
        "GET",
        "/repos/{owner}/{repo}/pulls/{pull_number}/comments",
        reads(PULLS),
        |call| {
            let number = call.number("pull_number")?;
            let comments = pull(call)?.review_comments.iter().map(|it| (number, it)).collect();
            list_comments(call, comments)
        },
    ),
    route("pulls/list-review-comments-for-repo", "GET", "/repos/{owner}/{repo}/pulls/comments", reads(PULLS), |call| {
        list_comments(call, all_comments(call)?)
    }),
    route(
        "pulls/get-review-comment",
        "GET",
        "/repos/{owner}/{repo}/pulls/comments/{review_comment_id}",
        reads(PULLS),
        |call| {
            let id = call.number("review_comment_id")?;
            let found = all_comments(call)?.into_iter().find(|(_, it)| it.id == id);
            let (number, comment) = found.ok_or_else(Refusal::not_found)?;
            Answer::ok(call.world.review_comment_json(call.repo, number, comment))
        },
    ),
    route(
        "pulls/create-reply-for-review-comment",
        "POST",
        "/repos/{owner}/{repo}/pulls/{pull_number}/comments/{comment_id}/replies",
        writes(PULLS, Role::Read),
        reply,
    ),
];

type Numbered<'a> = Vec<(u64, &'a ReviewComment)>;

/// Every review comment of the repository, with its pull request's number.
fn all_comments<'a>(call: &'a Call<'_>) -> Result<Numbered<'a>, Refusal> {
    let issues = call.world.repo(call.repo).ok_or_else(Refusal::not_found)?.issues.values();
    let pulls = issues.filter_map(|issue| Some((issue.number, issue.pull.as_ref()?)));
    Ok(pulls.flat_map(|(number, pull)| pull.review_comments.iter().map(move |it| (number, it))).collect())
}

fn list_comments(call: &Call<'_>, mut comments: Numbered<'_>) -> Outcome {
    if let Some(since) = call.query("since").and_then(|text| text.parse::<jiff::Timestamp>().ok()) {
        comments.retain(|(_, it)| it.updated_at >= since);
    }
    if call.query("sort") == Some("updated") {
        comments.sort_by_key(|(_, it)| (it.updated_at, it.id));
    } else {
        comments.sort_by_key(|(_, it)| it.id);
    }
    if call.query("direction") == Some("desc") {
        comments.reverse();
    }
    call.page(comments.into_iter().map(|(number, it)| call.world.review_comment_json(call.repo, number, it)).collect())
}

fn answer(call: &Call<'_>, id: u64) -> Outcome {
    let number = call.number("pull_number")?;
    let review = pull(call)?.reviews.iter().find(|review| review.id == id).ok_or_else(Refusal::not_found)?;
    Answer::ok(call.world.review_json(call.repo, number, review))
}

fn create(call: &mut Call<'_>) -> Outcome {
    let (by, number) = (call.actor.clone(), call.number("pull_number")?);
    pull(call)?;
    let state = match call.text("event") {
        None | Some("") => ReviewState::Pending,
        Some(event) => {
            ReviewState::of_event(event).ok_or_else(|| Refusal::invalid("PullRequestReview", "event", "invalid"))?
        }
    };
    let body = call.owned("body").unwrap_or_default();
    let comments = call.body.get("comments").and_then(Value::as_array).cloned().unwrap_or_default();
    let text = |it: &Value, name: &str| it.get(name).and_then(Value::as_str).map(str::to_owned);
    let comments = comments.iter().map(|it| NewReviewComment {
        path: text(it, "path").unwrap_or_default(),
        line: it.get("line").or_else(|| it.get("position")).and_then(Value::as_u64),
        side: text(it, "side").unwrap_or_else(|| "RIGHT".into()),
        body: text(it, "body").unwrap_or_default(),
        in_reply_to: None,
    });
    let id = call.world.add_review(&by, call.repo, number, state, &body, comments.collect())?;
    answer(call, id)
}

fn reply(call: &mut Call<'_>) -> Outcome {
    let (by, number, to) = (call.actor.clone(), call.number("pull_number")?, call.number("comment_id")?);
    let body = call.required("PullRequestReviewComment", "body")?;
    let first = pull(call)?.review_comments.iter().find(|it| it.id == to).ok_or_else(Refusal::not_found)?;
    let new = NewReviewComment {
        path: first.path.clone(),
        line: first.line,
        side: first.side.clone(),
        body,
        in_reply_to: Some(first.in_reply_to.unwrap_or(first.id)),
    };
    let review = first.review;
    let id = call.world.add_review_comment(&by, call.repo, number, review, new)?;
    let comment = pull(call)?.review_comments.iter().find(|it| it.id == id).ok_or_else(Refusal::not_found)?;
    Answer::created(call.world.review_comment_json(call.repo, number, comment))
}
