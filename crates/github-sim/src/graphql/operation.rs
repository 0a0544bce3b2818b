//! The queries and mutations that are served, with what they need.

use async_graphql_parser::types::OperationType;
use serde_json::{Value, json};

use super::FieldError;
use super::nodes::{Node, list};
use crate::refusal::Refusal;
use crate::rest::Needs;
use crate::rest::access::Identity;
use crate::rest::operation::{Operation, writes};
use crate::world::permission::{Level, Role};
use crate::world::{Actor, World};

const THREADS: &[&str] = &["issues", "pull_requests"];
const PULLS: &[&str] = &["pull_requests"];

const fn mutation(id: &'static str, needs: Needs) -> Operation {
    Operation { id, method: "POST", path: "/graphql", needs }
}

static OPERATIONS: &[Operation] = &[
    mutation("graphql/viewer", Needs::Token),
    mutation("graphql/rateLimit", Needs::Token),
    mutation("graphql/node", Needs::Token),
    mutation("graphql/repository", Needs::Token),
    mutation("graphql/minimizeComment", writes(THREADS, Role::Triage)),
    mutation("graphql/unminimizeComment", writes(THREADS, Role::Triage)),
    mutation("graphql/markPullRequestReadyForReview", writes(PULLS, Role::Write)),
    mutation("graphql/convertPullRequestToDraft", writes(PULLS, Role::Write)),
    mutation("graphql/resolveReviewThread", writes(PULLS, Role::Write)),
    mutation("graphql/unresolveReviewThread", writes(PULLS, Role::Write)),
    mutation("graphql/deleteIssue", writes(&["administration"], Role::Admin)),
];

/// Every GraphQL field the simulator serves at the top of a document, with what it asks of the caller. Ending and
/// beginning a draft and resolving a review thread ask for `contents: write` besides, as on GitHub.
pub fn operations() -> &'static [Operation] {
    OPERATIONS
}

/// Performs one field of a document.
pub(super) fn perform(
    world: &mut World,
    who: Identity,
    kind: OperationType,
    name: &str,
    arguments: &Value,
) -> Result<Value, FieldError> {
    let id = format!("graphql/{name}");
    let served = OPERATIONS.iter().find(|operation| operation.id == id);
    match (kind, served.map(|operation| operation.needs)) {
        (OperationType::Query, Some(Needs::Token)) => query(world, who, name, arguments),
        (OperationType::Mutation, Some(Needs::Repository { any_of, level, role })) => {
            mutate(world, who, name, arguments, (any_of, level, role))
        }
        _ => {
            let of = if kind == OperationType::Mutation { "Mutation" } else { "Query" };
            Err(FieldError { kind: "undefinedField", message: format!("Field '{name}' doesn't exist on type '{of}'") })
        }
    }
}

fn text<'a>(arguments: &'a Value, name: &str) -> Result<&'a str, FieldError> {
    let missing = || FieldError {
        kind: "missingRequiredArguments",
        message: format!("Argument '{name}' is missing or no string"),
    };
    arguments.get(name).and_then(Value::as_str).ok_or_else(missing)
}

fn query(world: &World, who: Identity, name: &str, arguments: &Value) -> Result<Value, FieldError> {
    match name {
        "viewer" => Ok(world.actor_value(world.actor(who).user)),
        "rateLimit" => {
            let (limit, remaining, reset) = world.rate(who);
            let at = jiff::Timestamp::from_second(reset).map(crate::clock::stamp).unwrap_or_default();
            Ok(json!({"__typename": "RateLimit", "limit": limit, "remaining": remaining, "cost": 1, "resetAt": at,
                "used": limit - remaining}))
        }
        "node" => Ok(world.node_value(world.node(who, text(arguments, "id")?)?)),
        _ => repository(world, who, arguments),
    }
}

/// A repository with its threads: a small world, so everything is there and the selection cuts it down.
fn repository(world: &World, who: Identity, arguments: &Value) -> Result<Value, FieldError> {
    let (owner, name) = (text(arguments, "owner")?, text(arguments, "name")?);
    let message = format!("Could not resolve to a Repository with the name '{owner}/{name}'.");
    let found = world.repo_by_name(owner, name).filter(|repo| world.can_see(who, repo.id));
    let repo = found.ok_or(FieldError { kind: "NOT_FOUND", message })?;
    let mut value = world.repository_value(repo.id);
    let assignable = world.accounts.iter().filter(|account| world.assignable(repo.id, account.id));
    let assignable: Vec<Value> = assignable.map(|account| world.actor_value(account.id)).collect();
    let threads = |pulls: bool| -> Vec<Value> {
        let wanted = repo.issues.values().filter(|issue| issue.pull.is_some() == pulls);
        wanted.map(|issue| world.thread_value(repo.id, issue.number)).collect()
    };
    let more = json!({"assignableUsers": list(assignable),
        "issues": list(threads(false)), "pullRequests": list(threads(true))});
    crate::json::merge(&mut value, more);
    Ok(value)
}

fn mutate(
    world: &mut World,
    who: Identity,
    name: &str,
    arguments: &Value,
    (any_of, level, role): (&[&'static str], Level, Role),
) -> Result<Value, FieldError> {
    let input = arguments.get("input").cloned().unwrap_or_default();
    let field = match name {
        "minimizeComment" | "unminimizeComment" => "subjectId",
        "resolveReviewThread" | "unresolveReviewThread" => "threadId",
        "deleteIssue" => "issueId",
        _ => "pullRequestId",
    };
    let id = text(&input, field)?.to_owned();
    let node = world.node(who, &id)?;
    let repo = node.repo().ok_or_else(Refusal::not_found)?;
    // The author of a comment may fold it away without more rights.
    let own = matches!(node, Node::Comment { id, .. }
        if world.comment(repo, id).is_some_and(|comment| comment.author == world.actor(who).user));
    let role = if own { Role::Read } else { role };
    world.admit_to_repository(who, any_of, level, role, repo)?;
    let by = world.actor(who);
    let mut payload = perform_on(world, who, &by, name, node, &input)?;
    crate::json::merge(
        &mut payload,
        json!({"__typename": "Payload", "clientMutationId": input.get("clientMutationId")}),
    );
    Ok(payload)
}

fn perform_on(
    world: &mut World,
    who: Identity,
    by: &Actor,
    name: &str,
    node: Node,
    input: &Value,
) -> Result<Value, FieldError> {
    match (name, node) {
        ("minimizeComment" | "unminimizeComment", Node::Comment { repo, number, id }) => {
            let reason = if name == "minimizeComment" { Some(classifier(input)?) } else { None };
            world.minimize_comment(by, repo, id, reason)?;
            let field = if name == "minimizeComment" { "minimizedComment" } else { "unminimizedComment" };
            Ok(json!({field: world.comment_value(repo, number, id)}))
        }
        ("markPullRequestReadyForReview" | "convertPullRequestToDraft", Node::Thread { repo, number }) => {
            world.admit_to_repository(who, &["contents"], Level::Write, Role::Write, repo)?;
            world.set_draft(by, repo, number, name == "convertPullRequestToDraft")?;
            Ok(json!({"pullRequest": world.thread_value(repo, number)}))
        }
        ("resolveReviewThread" | "unresolveReviewThread", Node::ReviewThread { repo, number, first }) => {
            world.admit_to_repository(who, &["contents"], Level::Write, Role::Write, repo)?;
            world.resolve_thread(by, repo, number, first, name == "resolveReviewThread")?;
            Ok(json!({"thread": world.review_thread_value(repo, number, first)}))
        }
        ("deleteIssue", Node::Thread { repo, number }) if world.pull(repo, number).is_none() => {
            world.delete_issue(by, repo, number)?;
            Ok(json!({"repository": world.repository_value(repo)}))
        }
        _ => Err(FieldError { kind: "NOT_FOUND", message: "Could not resolve to a node of the expected type.".into() }),
    }
}

fn classifier(input: &Value) -> Result<&str, FieldError> {
    let classifier = text(input, "classifier")?;
    let known = ["ABUSE", "DUPLICATE", "LOW_QUALITY", "OFF_TOPIC", "OUTDATED", "RESOLVED", "SPAM"];
    let message = format!("Argument 'classifier' has an invalid value ({classifier}).");
    let invalid = FieldError { kind: "argumentLiteralsIncompatible", message };
    if known.contains(&classifier) { Ok(classifier) } else { Err(invalid) }
}
