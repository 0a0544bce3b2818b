//! Pages for people: what is in the world, an issue's thread, a pull request with its difference; and those through
//! which an App is registered and installed.

mod installing;
mod markdown;
mod registering;
mod settings;
mod visit;

use std::sync::Mutex;

use crate::clock::stamp;
use crate::reading::{label_names, state};
use crate::rest::serve::{Incoming, Reply};
use crate::sim::lock;
use crate::world::World;
use crate::world::issue::{Comment, Issue};
use markdown::{escape, render};
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
        [owner, name] => world.repo_by_name(owner, name).map(|repo| repository(world, repo.id)),
        [owner, name, "issues" | "pull", number, ..] => world.repo_by_name(owner, name).and_then(|repo| {
            let issue = repo.issues.get(&number.parse().ok()?)?;
            Some(thread(world, repo.id, issue))
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

fn repository(world: &World, repo: u64) -> String {
    let name = world.full_name(repo);
    let threads: String = world
        .repo(repo)
        .into_iter()
        .flat_map(|repo| repo.issues.values().rev())
        .map(|issue| {
            let kind = if issue.pull.is_some() { "pull" } else { "issues" };
            let (number, title) = (issue.number, escape(&issue.title));
            format!(
                "<li>{} <a href=\"/{}/{kind}/{number}\">{title}</a> <small>#{number}</small></li>",
                badge(issue),
                escape(&name)
            )
        })
        .collect();
    document(&name, &format!("<h1>{}</h1><ul class=\"threads\">{threads}</ul>", escape(&name)))
}

fn badge(issue: &Issue) -> String {
    let draft = issue.open && issue.pull.as_ref().is_some_and(|pull| pull.draft);
    let state = if draft { "draft" } else { state(issue) };
    format!("<span class=\"badge {state}\">{state}</span>")
}

fn thread(world: &World, repo: u64, issue: &Issue) -> String {
    let name = escape(&world.full_name(repo));
    let labels: String = label_names(world, repo, issue)
        .iter()
        .map(|label| format!("<span class=\"label\">{}</span>", escape(label)))
        .collect();
    let branches = issue.pull.as_ref().map(|pull| {
        format!("<p>from <code>{}</code> into <code>{}</code></p>", escape(&pull.head_ref), escape(&pull.base_ref))
    });
    let mut body = format!(
        "<p><a href=\"/{name}\">{name}</a></p><h1>{} <small>#{}</small></h1><p>{} {labels}</p>{}",
        escape(&issue.title),
        issue.number,
        badge(issue),
        branches.unwrap_or_default()
    );
    let opened = stamp(issue.created_at);
    body.push_str(&post(world.login(issue.author), &opened, "", issue.body.as_deref().unwrap_or_default(), None));
    for comment in &issue.comments {
        body.push_str(&comment_post(world, comment));
    }
    for review in issue.pull.iter().flat_map(|pull| &pull.reviews) {
        let verdict = review.state.name().to_lowercase().replace('_', " ");
        body.push_str(&post(world.login(review.author), &stamp(review.submitted_at), &verdict, &review.body, None));
    }
    if issue.pull.is_some() {
        body.push_str(&checks(world, repo, issue));
        let diff = world.pull_diff(repo, issue.number).unwrap_or_default();
        body.push_str(&format!("<h2>Changes</h2><pre class=\"diff\">{}</pre>", colour(&diff)));
    }
    document(&issue.title, &body)
}

fn comment_post(world: &World, comment: &Comment) -> String {
    let reactions: Vec<&str> = comment.reactions.iter().map(|it| it.content.as_str()).collect();
    let folded = comment.minimized.as_deref();
    let (at, note) = (stamp(comment.created_at), reactions.join(" "));
    post(world.login(comment.author), &at, &note, &comment.body, folded)
}

fn post(login: &str, at: &str, note: &str, body: &str, folded: Option<&str>) -> String {
    let head = format!("<b>{}</b> <small>{at} {}</small>", escape(login), escape(note));
    let text = render(body);
    match folded {
        None => format!("<article><div class=\"head\">{head}</div><div class=\"text\">{text}</div></article>"),
        Some(why) => format!(
            "<article><details><summary class=\"head\">{head} <i>hidden as {}</i></summary><div class=\"text\">{text}</div>\
             </details></article>",
            escape(&why.to_lowercase())
        ),
    }
}

fn checks(world: &World, repo: u64, issue: &Issue) -> String {
    let Some((pull, repository)) = issue.pull.as_ref().zip(world.repo(repo)) else { return String::new() };
    let runs = repository.check_runs.iter().filter(|run| run.head_sha == pull.head_sha);
    let lines: String = runs
        .map(|run| {
            let state = escape(run.conclusion.as_deref().unwrap_or(&run.status));
            let title = escape(run.title.as_deref().unwrap_or_default());
            format!(
                "<li><span class=\"badge {state}\">{state}</span> {} <small>{title}</small></li>",
                escape(&run.name)
            )
        })
        .collect();
    if lines.is_empty() { String::new() } else { format!("<h2>Checks</h2><ul class=\"threads\">{lines}</ul>") }
}

fn colour(diff: &str) -> String {
    let line = |line: &str| {
        let kind = match line.as_bytes().first() {
            Some(b'+') => "added",
            Some(b'-') => "removed",
            Some(b'@') => "place",
            _ => return format!("{}\n", escape(line)),
        };
        format!("<span class=\"{kind}\">{}</span>\n", escape(line))
    };
    diff.lines().map(line).collect()
}
