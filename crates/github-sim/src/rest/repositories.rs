//! Repositories themselves, and what people may do on them.

use serde_json::{Value, json};

use super::call::{Answer, Call, Outcome};
use super::operation::{Needs, Route, reads, route, writes};
use crate::refusal::Refusal;
use crate::world::permission::Role;
use crate::world::repository::{Rule, covers};

pub(super) const ROUTES: &[Route] = &[
    route("repos/get", "GET", "/repos/{owner}/{repo}", reads(&["metadata"]), |call| answer(call, call.repo)),
    route("repos/get-by-id", "GET", "/repositories/{repository_id}", Needs::Nothing, |call| {
        let id = call.number("repository_id")?;
        if !call.world.can_see(call.who, id) {
            return Err(Refusal::not_found());
        }
        answer(call, id)
    }),
    route("repos/update", "PATCH", "/repos/{owner}/{repo}", writes(&["administration"], Role::Admin), |call| {
        let by = call.actor.clone();
        if let Some(description) = call.owned("description")
            && let Some(repo) = call.world.repositories.get_mut(&call.repo)
        {
            repo.description = Some(description);
        }
        if let Some(branch) = call.owned("default_branch") {
            call.world.set_default_branch(&by, call.repo, &branch)?;
        }
        if let Some(name) = call.owned("name") {
            call.world.rename_repository(&by, call.repo, &name)?;
        }
        if let Some(archived) = call.flag("archived") {
            call.world.archive(&by, call.repo, archived)?;
        }
        answer(call, call.repo)
    }),
    route(
        "repos/get-collaborator-permission-level",
        "GET",
        "/repos/{owner}/{repo}/collaborators/{username}/permission",
        reads(&["metadata"]),
        permission,
    ),
    route(
        "repos/check-collaborator",
        "GET",
        "/repos/{owner}/{repo}/collaborators/{username}",
        reads(&["metadata"]),
        |call| {
            let user = call.world.account_by_login(call.param("username")).map(|account| account.id);
            let there = user.is_some_and(|user| call.world.granted_role(call.repo, user) > Role::None);
            if there { Answer::no_content() } else { Err(Refusal::not_found()) }
        },
    ),
    route(
        "repos/get-branch-rules",
        "GET",
        "/repos/{owner}/{repo}/rules/branches/{branch*}",
        reads(&["metadata"]),
        rules,
    ),
    route(
        "repos/list-languages",
        "GET",
        "/repos/{owner}/{repo}/languages",
        reads(&["metadata"]),
        super::languages::list,
    ),
];

/// What the rulesets say about a branch, which need not be there. What protects a branch in the older way is not among it,
/// and neither is who may pass over a rule.
fn rules(call: &mut Call<'_>) -> Outcome {
    let branch = call.param("branch");
    let source = call.world.full_name(call.repo);
    let Some(repo) = call.world.repo(call.repo) else { return Err(Refusal::not_found()) };
    let hit =
        repo.rulesets.iter().enumerate().filter(|(_, (pattern, _))| covers(pattern, branch, &repo.default_branch));
    let written = hit.map(|(at, (_, rule))| {
        let mut rule = rule_json(rule);
        let from = json!({"ruleset_source_type": "Repository", "ruleset_source": source, "ruleset_id": at + 1});
        crate::json::merge(&mut rule, from);
        rule
    });
    Answer::ok(written.collect())
}

fn rule_json(rule: &Rule) -> Value {
    match rule {
        Rule::PullRequest => json!({"type": "pull_request", "parameters": {
            "dismiss_stale_reviews_on_push": false, "require_code_owner_review": false,
            "require_last_push_approval": false, "required_approving_review_count": 1,
            "required_review_thread_resolution": false,
        }}),
        Rule::ForcePush => json!({"type": "non_fast_forward"}),
        Rule::Deletion => json!({"type": "deletion"}),
        Rule::Creation => json!({"type": "creation"}),
        Rule::Signatures => json!({"type": "required_signatures"}),
        Rule::StatusCheck(name) => json!({"type": "required_status_checks", "parameters": {
            "required_status_checks": [{"context": name}], "strict_required_status_checks_policy": false,
        }}),
    }
}

fn answer(call: &Call<'_>, repo: u64) -> Outcome {
    Answer::ok(call.world.full_repository_json(repo, call.world.standing(call.who, repo)))
}

fn permission(call: &mut Call<'_>) -> Outcome {
    let name = call.param("username");
    let user = call.world.account_by_login(name).map(|account| account.id);
    let user = user.ok_or_else(|| Refusal::new(404, format!("{name} is not a user")))?;
    let role = call.world.role(call.repo, user);
    let mut written = call.world.user_json(user);
    let permissions = json!({
        "pull": role >= Role::Read, "triage": role >= Role::Triage, "push": role >= Role::Write,
        "maintain": role >= Role::Maintain, "admin": role >= Role::Admin,
    });
    crate::json::merge(&mut written, json!({"permissions": permissions, "role_name": role.name()}));
    Answer::ok(json!({"permission": role.legacy(), "role_name": role.name(), "user": written}))
}
