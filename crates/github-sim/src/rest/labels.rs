//! Labels of a repository and on an issue.

use serde_json::{Value, json};

use super::call::{Answer, Call, Outcome};
use super::operation::{Route, reads, route, writes};
use crate::change::limits::check_label;
use crate::refusal::Refusal;
use crate::world::permission::Role;

const THREADS: &[&str] = &["issues", "pull_requests"];

pub(super) const ROUTES: &[Route] = &[
    route("issues/list-labels-for-repo", "GET", "/repos/{owner}/{repo}/labels", reads(THREADS), |call| {
        let labels = call.world.repo(call.repo).map(|repo| repo.labels.as_slice()).unwrap_or_default();
        call.page(labels.iter().map(|label| call.world.label_json(call.repo, label)).collect())
    }),
    route("issues/create-label", "POST", "/repos/{owner}/{repo}/labels", writes(THREADS, Role::Triage), |call| {
        let (by, name) = (call.actor.clone(), call.required("Label", "name")?);
        let (color, description) = (call.owned("color"), call.owned("description"));
        call.world.create_label(&by, call.repo, &name, color.as_deref(), description.as_deref())?;
        answer(call, &name, 201)
    }),
    route("issues/get-label", "GET", "/repos/{owner}/{repo}/labels/{name}", reads(THREADS), |call| {
        answer(call, call.param("name"), 200)
    }),
    route(
        "issues/update-label",
        "PATCH",
        "/repos/{owner}/{repo}/labels/{name}",
        writes(THREADS, Role::Triage),
        |call| {
            let (name, new) = (call.param("name").to_owned(), call.owned("new_name"));
            let (color, description) = (call.owned("color"), call.owned("description"));
            check_label(new.as_deref().unwrap_or(&name), color.as_deref(), description.as_deref())?;
            let repo = call.world.repositories.get_mut(&call.repo).ok_or_else(Refusal::not_found)?;
            let label = repo.labels.iter_mut().find(|label| label.name.eq_ignore_ascii_case(&name));
            let label = label.ok_or_else(Refusal::not_found)?;
            label.name = new.unwrap_or_else(|| label.name.clone());
            label.color = color.unwrap_or_else(|| label.color.clone());
            label.description = description.or(label.description.take());
            let (by, name) = (call.actor.clone(), label.name.clone());
            call.world.record(&by, "label.edit", Some(call.repo), json!({"name": name}));
            answer(call, &name, 200)
        },
    ),
    route(
        "issues/delete-label",
        "DELETE",
        "/repos/{owner}/{repo}/labels/{name}",
        writes(THREADS, Role::Triage),
        |call| {
            let name = call.param("name").to_owned();
            let repo = call.world.repositories.get_mut(&call.repo).ok_or_else(Refusal::not_found)?;
            let id = repo.label(&name).map(|label| label.id).ok_or_else(Refusal::not_found)?;
            repo.labels.retain(|label| label.id != id);
            repo.issues.values_mut().for_each(|issue| issue.labels.retain(|label| *label != id));
            let by = call.actor.clone();
            call.world.record(&by, "label.delete", Some(call.repo), json!({"name": name}));
            Answer::no_content()
        },
    ),
    route(
        "issues/list-labels-on-issue",
        "GET",
        "/repos/{owner}/{repo}/issues/{issue_number}/labels",
        reads(THREADS),
        on_issue,
    ),
    route(
        "issues/add-labels",
        "POST",
        "/repos/{owner}/{repo}/issues/{issue_number}/labels",
        writes(THREADS, Role::Triage),
        |call| {
            let (by, number, names) = change(call)?;
            call.world.add_labels(&by, call.repo, number, &names)?;
            on_issue(call)
        },
    ),
    route(
        "issues/set-labels",
        "PUT",
        "/repos/{owner}/{repo}/issues/{issue_number}/labels",
        writes(THREADS, Role::Triage),
        |call| {
            let (by, number, names) = change(call)?;
            call.world.set_labels(&by, call.repo, number, &names)?;
            on_issue(call)
        },
    ),
    route(
        "issues/remove-label",
        "DELETE",
        "/repos/{owner}/{repo}/issues/{issue_number}/labels/{name}",
        writes(THREADS, Role::Triage),
        |call| {
            let (by, number, name) = (call.actor.clone(), call.number("issue_number")?, call.param("name").to_owned());
            call.world.remove_label(&by, call.repo, number, &name)?;
            on_issue(call)
        },
    ),
];

fn change(call: &Call<'_>) -> Result<(crate::world::Actor, u64, Vec<String>), Refusal> {
    Ok((call.actor.clone(), call.number("issue_number")?, call.names("labels").unwrap_or_default()))
}

fn answer(call: &Call<'_>, name: &str, status: u16) -> Outcome {
    let label = call.world.repo(call.repo).and_then(|repo| repo.label(name)).ok_or_else(Refusal::not_found)?;
    Ok(Answer { status, body: Some(call.world.label_json(call.repo, label)), headers: Vec::new() })
}

fn on_issue(call: &mut Call<'_>) -> Outcome {
    let issue = call.world.issue(call.repo, call.number("issue_number")?).ok_or_else(Refusal::not_found)?;
    let labels: Vec<Value> = call.world.labels_json(call.repo, issue);
    call.page(labels)
}
