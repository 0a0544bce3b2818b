//! Pages for people: what is in the world, an issue's thread, a pull request with its difference; and those through
//! which an App is registered and installed.

mod installing;
mod markdown;
mod raw;
mod references;
mod registering;
mod settings;
mod thread;
mod visit;

use std::sync::Mutex;

use crate::reading::state;
use crate::rest::serve::{Incoming, Reply};
use crate::sim::lock;
use crate::world::World;
use crate::world::issue::Issue;
use markdown::escape;
use visit::Visit;

const STYLE: &str = include_str!("style.css");

/// A page, or 404. Private repositories show too: whoever reaches the simulator may see its world.
pub(crate) fn serve(world: &Mutex<World>, request: &Incoming) -> Reply {
    let mut world = lock(world);
    let parts: Vec<&str> = request.path.trim_matches('/').split('/').collect();
    // A page of an organisation is the page of an account at another address.
    let (org, parts) = match parts.as_slice() {
        ["organizations", org, rest @ ..] => (Some(*org), rest),
        all => (None, all),
    };
    let mut visit = Visit::new(&mut world, request);
    match (request.method.as_str(), parts) {
        (_, ["login"]) => visit::sign_in(&visit),
        ("GET" | "POST", ["settings", "apps", "new"]) => registering::new(&mut visit, org),
        ("POST", ["settings", "apps"]) => registering::create(&mut visit, org),
        ("GET", ["settings", "apps", slug]) => settings::app(&visit, org, slug),
        ("GET", ["settings", "installations"]) => settings::installations(&visit, org),
        ("GET", ["settings", "installations", id]) => settings::installation(&visit, org, id),
        ("POST", ["settings", "installations", id]) => settings::change(&mut visit, org, id),
        ("GET", ["apps" | "github-apps", slug]) => installing::about(visit.world, slug),
        ("GET", ["apps" | "github-apps", slug, "installations", "new", ..]) => installing::choose(&visit, slug),
        ("POST", ["apps" | "github-apps", slug, "installations"]) => installing::install(&mut visit, slug),
        ("GET", parts) => read(visit.world, parts),
        _ => visit::not_found(),
    }
}

fn read(world: &World, parts: &[&str]) -> Reply {
    let page = match parts {
        [""] => Some(home(world)),
        [owner, name] => repository(world, owner, name, |_| true),
        [owner, name, "issues"] => repository(world, owner, name, |issue| issue.pull.is_none()),
        [owner, name, "pulls"] => repository(world, owner, name, |issue| issue.pull.is_some()),
        [owner, name, "pull", number] if number.ends_with(".diff") => {
            let number = number.trim_end_matches(".diff").parse().ok();
            let diff = world.repo_by_name(owner, name).zip(number).and_then(|(repo, n)| world.pull_diff(repo.id, n));
            return diff.map_or_else(visit::not_found, |diff| Reply::text(200, "text/plain", diff));
        }
        [owner, name, "issues" | "pull", number, ..] => world.repo_by_name(owner, name).and_then(|repo| {
            let issue = repo.issues.get(&number.parse().ok()?)?;
            Some(thread::page(world, repo.id, issue))
        }),
        _ => None,
    };
    page.map_or_else(visit::not_found, |page| Reply::text(200, "text/html", page))
}

fn document(title: &str, body: &str) -> String {
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width\"><title>{} · github-sim</title><style>{STYLE}</style></head><body>\
         <header><a href=\"/\">github-sim</a> <small>a simulated GitHub</small></header><main>{body}</main></body></html>",
        escape(title)
    )
}

fn home(world: &World) -> String {
    let repositories: String = world
        .repositories
        .keys()
        .map(|id| {
            let name = escape(&world.full_name(*id));
            format!("<li><a href=\"/{name}\">{name}</a></li>")
        })
        .collect();
    document("Repositories", &format!("<h1>Repositories</h1><ul>{repositories}</ul>"))
}

/// A repository's threads, newest first.
fn repository(world: &World, owner: &str, name: &str, shows: impl Fn(&Issue) -> bool) -> Option<String> {
    let repo = world.repo_by_name(owner, name)?;
    let name = escape(&world.full_name(repo.id));
    let threads: String = repo
        .issues
        .values()
        .rev()
        .filter(|issue| shows(issue))
        .map(|issue| {
            let (kind, number, title) = (thread::kind(issue), issue.number, escape(&issue.title));
            format!(
                "<li>{} <a href=\"/{name}/{kind}/{number}\">{title}</a> <small>#{number}</small></li>",
                badge(issue)
            )
        })
        .collect();
    let threads = if threads.is_empty() { "<li>None so far.</li>".to_owned() } else { threads };
    Some(document(
        &world.full_name(repo.id),
        &format!(
            "<h1><a href=\"/{name}\">{name}</a></h1><p><a href=\"/{name}/issues\">Issues</a> · \
             <a href=\"/{name}/pulls\">Pull requests</a></p><ul class=\"threads\">{threads}</ul>"
        ),
    ))
}

fn badge(issue: &Issue) -> String {
    let draft = issue.open && issue.pull.as_ref().is_some_and(|pull| pull.draft);
    let state = if draft { "draft" } else { state(issue) };
    format!("<span class=\"badge {state}\">{state}</span>")
}
