//! Branches and git refs.

use serde_json::{Value, json};

use super::call::{Answer, Call, Outcome};
use super::operation::{Route, reads, route, writes};
use crate::git::read::ZERO;
use crate::refusal::Refusal;
use crate::world::permission::Role;

const CONTENTS: &[&str] = &["contents"];

pub(super) const ROUTES: &[Route] = &[
    route("repos/list-branches", "GET", "/repos/{owner}/{repo}/branches", reads(CONTENTS), |call| {
        let refs = call.world.git.refs(call.repo, "refs/heads");
        let short = |(name, sha): &(String, String)| {
            let name = name.trim_start_matches("refs/heads/");
            let protected = call.world.repo(call.repo).is_some_and(|repo| repo.protected.contains_key(name));
            let url = format!("{}/commits/{sha}", call.world.repo_url(call.repo));
            json!({"name": name, "commit": {"sha": sha, "url": url}, "protected": protected})
        };
        call.page(refs.iter().map(short).collect())
    }),
    route("repos/get-branch", "GET", "/repos/{owner}/{repo}/branches/{branch*}", reads(CONTENTS), |call| {
        let branch = call.param("branch");
        let missing = || Refusal::new(404, "Branch not found");
        let now_called = call.world.repo(call.repo).and_then(|repo| repo.renamed_branches.get(branch));
        if let (Some(to), None) = (now_called, call.world.git.branch(call.repo, branch)) {
            let url = format!("{}/repositories/{}/branches/{to}", call.world.urls.api, call.repo);
            let body = json!({"message": "Moved Permanently", "url": url});
            return Ok(Answer { status: 301, body: Some(body), headers: vec![("location", url)] });
        }
        let sha = call.world.git.branch(call.repo, branch).ok_or_else(missing)?;
        let commit = call.world.git.commit(call.repo, &sha).ok_or_else(missing)?;
        Answer::ok(call.world.branch_json(call.repo, branch, &commit))
    }),
    route(
        "repos/rename-branch",
        "POST",
        "/repos/{owner}/{repo}/branches/{branch*}/rename",
        writes(CONTENTS, Role::Write),
        |call| {
            let (by, from) = (call.actor.clone(), call.param("branch").to_owned());
            let to = call.required("Branch", "new_name")?;
            let default = call.world.repo(call.repo).is_some_and(|repo| repo.default_branch == from);
            if default && call.world.standing(call.who, call.repo) < Role::Admin {
                return Err(Refusal::needs_admin());
            }
            call.world.rename_branch(&by, call.repo, &from, &to)?;
            let sha = call.world.git.branch(call.repo, &to).ok_or_else(Refusal::not_found)?;
            let commit = call.world.git.commit(call.repo, &sha).ok_or_else(Refusal::not_found)?;
            Answer::created(call.world.branch_json(call.repo, &to, &commit))
        },
    ),
    route("git/get-ref", "GET", "/repos/{owner}/{repo}/git/ref/{ref*}", reads(CONTENTS), |call| {
        let name = format!("refs/{}", call.param("ref"));
        refuse_empty(call)?;
        answer(call, &name, 200)
    }),
    route("git/list-matching-refs", "GET", "/repos/{owner}/{repo}/git/matching-refs/{ref*}", reads(CONTENTS), |call| {
        let prefix = format!("refs/{}", call.param("ref"));
        let all = call.world.git.refs(call.repo, "refs");
        let fitting = all.iter().filter(|(name, _)| name.starts_with(&prefix));
        call.page(fitting.map(|(name, sha)| call.world.ref_json(call.repo, name, sha)).collect::<Vec<Value>>())
    }),
    route("git/create-ref", "POST", "/repos/{owner}/{repo}/git/refs", writes(CONTENTS, Role::Write), |call| {
        let (by, name, sha) =
            (call.actor.clone(), call.required("Reference", "ref")?, call.required("Reference", "sha")?);
        if !name.starts_with("refs/") || name.matches('/').count() < 2 {
            return Err(Refusal::new(422, "Reference name must start with 'refs/' and have at least two slashes"));
        }
        if find(call, &name).is_some() {
            return Err(Refusal::new(422, "Reference already exists"));
        }
        let sha = call.world.git.resolve(call.repo, &sha).ok_or_else(|| Refusal::new(422, "Object does not exist"))?;
        call.world.git.set_ref(call.repo, &name, &sha)?;
        call.world.after_push(&by, call.repo, &name, ZERO, &sha, false);
        answer(call, &name, 201)
    }),
    route("git/update-ref", "PATCH", "/repos/{owner}/{repo}/git/refs/{ref*}", writes(CONTENTS, Role::Write), update),
    route("git/delete-ref", "DELETE", "/repos/{owner}/{repo}/git/refs/{ref*}", writes(CONTENTS, Role::Write), |call| {
        let (by, name) = (call.actor.clone(), format!("refs/{}", call.param("ref")));
        let old = find(call, &name).ok_or_else(|| Refusal::new(422, "Reference does not exist"))?;
        let branch = name.trim_start_matches("refs/heads/");
        if call.world.repo(call.repo).is_some_and(|repo| repo.protected.contains_key(branch)) {
            return Err(Refusal::new(422, "Cannot delete a protected branch"));
        }
        call.world.git.delete_ref(call.repo, &name)?;
        call.world.after_push(&by, call.repo, &name, &old, ZERO, false);
        Answer::no_content()
    }),
];

fn update(call: &mut Call<'_>) -> Outcome {
    let (by, name) = (call.actor.clone(), format!("refs/{}", call.param("ref")));
    let sha = call.required("Reference", "sha")?;
    let old = find(call, &name).ok_or_else(|| Refusal::new(422, "Reference does not exist"))?;
    let new = call.world.git.resolve(call.repo, &sha).ok_or_else(|| Refusal::new(422, "Object does not exist"))?;
    if call.flag("force") != Some(true) && !call.world.git.is_ancestor(call.repo, &old, &new) {
        return Err(Refusal::new(422, "Update is not a fast forward"));
    }
    let branch = name.trim_start_matches("refs/heads/");
    if call.world.repo(call.repo).is_some_and(|repo| repo.protected.contains_key(branch)) {
        return Err(Refusal::new(422, "Changes must be made through a pull request."));
    }
    call.world.git.set_ref(call.repo, &name, &new)?;
    call.world.after_push(&by, call.repo, &name, &old, &new, false);
    answer(call, &name, 200)
}

fn find(call: &Call<'_>, name: &str) -> Option<String> {
    call.world.git.refs(call.repo, name).into_iter().find(|(it, _)| it == name).map(|(_, sha)| sha)
}

fn answer(call: &Call<'_>, name: &str, status: u16) -> Outcome {
    let sha = find(call, name).ok_or_else(Refusal::not_found)?;
    Ok(Answer { status, body: Some(call.world.ref_json(call.repo, name, &sha)), headers: Vec::new() })
}

/// 409, where there is no commit at all.
pub(super) fn refuse_empty(call: &Call<'_>) -> Result<(), Refusal> {
    let empty = call.world.git.refs(call.repo, "refs/heads").is_empty();
    if empty { Err(Refusal::new(409, "Git Repository is empty.")) } else { Ok(()) }
}
