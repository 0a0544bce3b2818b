//! The pages a person sees: what the App is to be, the way to GitHub, and how far it has come. No script, nothing
//! from elsewhere.

use maud::{DOCTYPE, Markup, PreEscaped, html};
use serde_json::Value;

use super::app::rights;
use super::{Addresses, Created, Progress, Wanted};

const STYLE: &str = include_str!("page.css");

/// Asks what the App is to be. `trouble` is what was wrong with the last answer.
pub(super) fn ask(addresses: &Addresses, typed: &Typed, trouble: Option<&str>) -> Markup {
    let github = addresses.web.host_str().unwrap_or("GitHub");
    frame(
        "Create Baton's GitHub App",
        None,
        html! {
            p { "Baton acts on GitHub as a GitHub App of your own. Nobody else has its key; you can delete it at any time." }
            @if let Some(trouble) = trouble { p.trouble role="alert" { (trouble) } }
            form method="post" {
                label for="name" { "Name of the App" }
                input #name name="name" required maxlength="34" value=(typed.name);
                p.hint { "No other App on " (github) " may have it. People see it as " code { "NAME[bot]" } "." }

                label for="organization" { "Organisation that owns it" }
                input #organization name="organization" value=(typed.organization) placeholder="leave empty for your own account";

                label for="public" { "Public address of this server" }
                input #public name="public" value=(typed.public) placeholder="https://baton.example.com";
                p.hint { "GitHub sends its webhooks to this address and " code { "/webhooks/github" } "." }

                label for="tunnel" { "Or a webhook channel" }
                input #tunnel name="tunnel" value=(typed.tunnel) placeholder="https://smee.io/…";
                p.hint {
                    "For laptops and firewalls: the address of a channel that passes webhooks on while Baton listens to \
                     it. Whoever runs the channel can read them, and cannot forge them."
                }
                button { "Continue" }
            }
        },
    )
}

/// What was typed into the first page.
#[derive(Clone, Debug, Default, serde::Deserialize)]
#[serde(default)]
pub(super) struct Typed {
    pub name: String,
    pub organization: String,
    pub public: String,
    pub tunnel: String,
}

/// Shows what will be asked for, and the button that leads to GitHub.
pub(super) fn confirm(addresses: &Addresses, wanted: &Wanted, manifest: &Value, state: &str) -> Markup {
    let (permissions, events) = rights();
    let organization = wanted.organization.as_deref();
    let target = addresses.new_app_page(organization, state);
    frame(
        "One more step on GitHub",
        None,
        html! {
            p {
                "GitHub will ask you to create " strong { (wanted.name) } " for "
                @match organization {
                    Some(organization) => { "the organisation " strong { (organization) } },
                    None => { "your own account" },
                }
                ". Then your browser comes back here by itself."
            }
            h2 { "What it may do, on the repositories you choose" }
            ul { @for (name, level) in &permissions { li { code { (name) ": " (level) } " – " (why(name)) } } }
            p { "It cannot change workflow files, settings, secrets or members." }
            h2 { "What it is told of" }
            p { @for (i, event) in events.iter().enumerate() { @if i > 0 { ", " } code { (event) } } }
            p { "at " code { (wanted.hook.as_ref().map(super::Hook::address).unwrap_or_default()) } }
            form method="post" action=(target) {
                input type="hidden" name="manifest" value=(manifest);
                button { "Create it on GitHub" }
            }
            p { a href="" { "Change something" } }
        },
    )
}

/// Why the App has a permission.
fn why(permission: &str) -> &'static str {
    match permission {
        "checks" => "shows the result of its tests on its branch",
        "contents" => "reads the code and pushes its own branches",
        "issues" => "reads issues; writes comments, labels and reactions",
        "metadata" => "every App has it",
        "pull_requests" => "opens and updates its pull requests",
        _ => "see the documentation",
    }
}

/// How far it has come, once GitHub has made the App. Renews itself until all is there.
pub(super) fn status(created: &Created, progress: &Progress) -> Markup {
    let done = progress.pinged && !progress.installed_on.is_empty();
    frame(
        if done { "Baton is set up" } else { "The App is made" },
        (!done).then_some(2),
        html! {
            ul.steps {
                li.done { "Created: " strong { (created.name) } ", number " (created.id) }
                li.done {
                    "Credentials kept on the server:"
                    ul { @for (what, file) in &created.files { li { (what) ": " code { (file) } } } }
                }
                li.done[!progress.installed_on.is_empty()] {
                    @if progress.installed_on.is_empty() {
                        a.button href=(created.install) target="_blank" rel="noopener noreferrer" {
                            "Install it on your repositories"
                        }
                    } @else {
                        "Installed on " (progress.installed_on.join(", ")) ". "
                        a href=(created.install) target="_blank" rel="noopener noreferrer" { "Install it elsewhere too" }
                    }
                }
                li.done[progress.pinged] {
                    @if progress.pinged { "GitHub's first webhook arrived, and its signature is right." }
                    @else { "Waiting for GitHub's first webhook…" }
                }
            }
            @if done { p { "You can close this page. The terminal says what comes next." } }
            @else { p.hint { "This page renews itself." } }
        },
    )
}

/// Something that cannot go on from here.
pub(super) fn trouble(text: &str) -> Markup {
    frame("This did not work", None, html! { p.trouble role="alert" { (text) } })
}

fn frame(title: &str, renew: Option<u32>, body: Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                @if let Some(seconds) = renew { meta http-equiv="refresh" content=(seconds); }
                title { (title) " – Baton" }
                style { (PreEscaped(STYLE)) }
            }
            body { main { h1 { (title) } (body) } }
        }
    }
}
