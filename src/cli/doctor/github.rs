//! The App on GitHub: key, clock, permissions, events, installations, and who can be assigned.

use std::collections::BTreeMap;
use std::path::PathBuf;

use baton_core::domain::contact::{Contact, Content};
use baton_core::domain::issue::RepositoryRef;
use baton_core::prose::contact::refusals;
use baton_github::{Checkup, GitHubApp, GitHubError, Grant, missing_permissions};
use baton_sandbox::Toolchains;
use baton_store::{OpenOptions, Store};

use super::report::{Outcome, fault, good, skipped, warning};
use crate::clock;
use crate::config::{Config, manifest_events, rust_folders};
use crate::engine::contact_key;

/// Clocks further apart than this are worth a look.
const APART: i64 = 30;

/// Beyond this, GitHub refuses what we sign.
const TOO_FAR: i64 = 60;

/// Repositories that are looked at; with more, the first ones stand for all.
const REPOSITORIES: usize = 20;

/// What later checks need of earlier ones.
#[derive(Debug, Default)]
pub(super) struct Seen {
    app: Option<Checkup>,
    /// Seconds that GitHub's clock is ahead of ours.
    ahead: Option<i64>,
    grants: Vec<Grant>,
    /// Repositories that are served; at most [`REPOSITORIES`].
    served: Vec<RepositoryRef>,
    more: usize,
}

/// Whether GitHub takes what the key signs.
pub(super) async fn key(app: &GitHubApp, config: &Config, seen: &mut Seen) -> Vec<Outcome> {
    let asked = app.checkup().await;
    // GitHub says what time it is with a refusal too.
    seen.ahead = Some(app.clock_skew()).filter(|ahead| *ahead != 0);
    vec![match asked {
        Ok(info) => {
            let answered = info.answered_at.map(|at| (at.0 - clock::now().0).div_euclid(1000));
            seen.ahead = answered.or(seen.ahead);
            let says = format!("GitHub takes it: the App is {} ({})", info.name, info.slug);
            seen.app = Some(info);
            good(says)
        }
        Err(GitHubError::Unauthorized { .. }) => fault(
            format!("GitHub does not take it for App {}", config.github.app_id.unwrap_or_default()),
            "Download a new key on the App's page (Private keys) and let `github.private_key_file` name it; \
             check `github.app_id`, and this machine's clock",
        ),
        Err(GitHubError::NotFound { .. }) => fault(
            format!("there is no App {} at {}", config.github.app_id.unwrap_or_default(), config.github.api_url),
            "Check `github.app_id` and `github.api_url` (Enterprise Server: https://HOST/api/v3)",
        ),
        Err(error) => fault(error.to_string(), format!("Check that this machine reaches {}", config.github.api_url)),
    }]
}

/// Whether the two clocks agree.
pub(super) async fn clock(seen: &Seen) -> Vec<Outcome> {
    let Some(ahead) = seen.ahead else { return vec![skipped("GitHub did not say what time it is")] };
    let apart = ahead.abs();
    let side = if ahead > 0 { "behind" } else { "ahead of" };
    let remedy = "Let the machine's clock be set by NTP (`timedatectl set-ntp true`)";
    vec![if apart > TOO_FAR {
        fault(format!("this machine's clock is {apart} s {side} GitHub's: what it signs is refused"), remedy)
    } else if apart > APART {
        warning(format!("this machine's clock is {apart} s {side} GitHub's"), remedy)
    } else if apart <= 2 {
        good("the same as GitHub's")
    } else {
        good(format!("{apart} s {side} GitHub's"))
    }]
}

/// Where the App's owner changes a setting of it.
fn settings(app: &Checkup, config: &Config, page: &str) -> String {
    let web = config.github.web_url.as_str().trim_end_matches('/');
    match &app.organisation {
        Some(organisation) => format!("{web}/organizations/{organisation}/settings/apps/{}/{page}", app.slug),
        None => format!("{web}/settings/apps/{}/{page}", app.slug),
    }
}

/// The App's permissions against the manifest's.
pub(super) async fn permissions(seen: &Seen, config: &Config) -> Vec<Outcome> {
    let Some(app) = &seen.app else { return vec![skipped("GitHub does not know the App")] };
    let page = settings(app, config, "permissions");
    let missing = missing_permissions(&app.permissions);
    let mut outcomes: Vec<Outcome> = missing
        .iter()
        .map(|permission| fault(format!("the App lacks `{permission}`"), format!("Grant it: {page}")))
        .collect();
    let wanted: BTreeMap<&str, &str> = baton_github::needed_permissions()
        .into_iter()
        .map(|(permission, level)| (permission.name(), level.name()))
        .collect();
    let too_much: Vec<String> = app
        .permissions
        .iter()
        .filter(|(name, level)| match wanted.get(name.as_str()) {
            Some(wanted) => *wanted == "read" && level.as_str() != "read",
            None => true,
        })
        .map(|(name, level)| format!("`{name}: {level}`"))
        .collect();
    if !too_much.is_empty() {
        let says = format!("the App may do more than Baton needs: {}", too_much.join(", "));
        outcomes.push(warning(says, format!("Take it away: {page}")));
    }
    if outcomes.is_empty() {
        let all: Vec<String> = wanted.iter().map(|(name, level)| format!("{name}: {level}")).collect();
        outcomes.push(good(all.join(", ")));
    }
    outcomes
}

/// The events the App is told of, against the manifest's.
pub(super) async fn events(seen: &Seen, config: &Config) -> Vec<Outcome> {
    let Some(app) = &seen.app else { return vec![skipped("GitHub does not know the App")] };
    let page = settings(app, config, "permissions");
    let wanted = manifest_events();
    let missing: Vec<Outcome> = wanted
        .iter()
        .filter(|event| !app.events.contains(event))
        .map(|event| {
            fault(format!("the App is not told of `{event}`"), format!("Tick it under \"Subscribe to events\": {page}"))
        })
        .collect();
    if missing.is_empty() { vec![good(wanted.join(", "))] } else { missing }
}

/// Where the App is installed, and what its owners accepted.
pub(super) async fn installations(app: &GitHubApp, config: &Config, seen: &mut Seen) -> Vec<Outcome> {
    seen.grants = match app.grants().await {
        Ok(grants) => grants,
        Err(error) => return vec![fault(error.to_string(), "Run `baton doctor` again")],
    };
    if seen.grants.is_empty() {
        let slug = seen.app.as_ref().map(|app| app.slug.clone()).unwrap_or_default();
        let web = config.github.web_url.as_str().trim_end_matches('/');
        let page = format!("{web}/apps/{slug}/installations/new");
        return vec![warning("the App is installed nowhere", format!("Install it: {page}"))];
    }
    let mut outcomes = Vec::new();
    for grant in seen.grants.clone() {
        outcomes.push(installation(app, config, seen, &grant).await);
    }
    outcomes
}

async fn installation(app: &GitHubApp, config: &Config, seen: &mut Seen, grant: &Grant) -> Outcome {
    let who = format!("{} (installation {})", grant.account, grant.installation);
    let page = grant.page.clone().unwrap_or_else(|| "the App's page on GitHub".to_owned());
    if grant.suspended {
        return fault(format!("{who} is suspended: nothing works there"), format!("Its owner ends that: {page}"));
    }
    let covered = match app.repositories_of(grant.installation).await {
        Ok(covered) => covered,
        Err(error) => return fault(format!("{who}: {error}"), format!("Look at {page}")),
    };
    let all = covered.len();
    let served: Vec<RepositoryRef> = covered
        .into_iter()
        .map(|it| it.reference)
        .filter(|it| config.policy.serves(it.name.owner(), &it.name.to_string()))
        .collect();
    let count = served.len();
    for reference in served {
        if seen.served.len() < REPOSITORIES {
            seen.served.push(reference);
        } else {
            seen.more += 1;
        }
    }
    let lacks = missing_permissions(&grant.permissions);
    if !lacks.is_empty() {
        let says = format!("{who} has not accepted {}", lacks.join(", "));
        return fault(says, format!("Its owner accepts the App's new permissions: {page}"));
    }
    let deaf: Vec<String> = manifest_events().into_iter().filter(|event| !grant.events.contains(event)).collect();
    if !deaf.is_empty() {
        let says = format!("{who} does not tell of {}", deaf.join(", "));
        return fault(says, format!("Its owner accepts the App's new events: {page}"));
    }
    if count == 0 {
        let says = format!("{who}: none of its {all} repositories is served");
        return warning(says, "Name it in `policy.owners` or `policy.repositories`, or have the App uninstalled there");
    }
    good(format!("{who}: {count} of {all} {} served", repositories(all)))
}

/// Whether issues can be assigned to the configured logins.
pub(super) async fn assignees(app: &GitHubApp, config: &Config, seen: &Seen) -> Vec<Outcome> {
    let logins = &config.github.assignees;
    if logins.is_empty() {
        return vec![skipped("`github.assignees` is empty: the label and `/plan` hand issues over")];
    }
    if seen.served.is_empty() {
        return vec![skipped("no repository is served")];
    }
    let mut outcomes = Vec::new();
    for reference in &seen.served {
        let repository = app.repository(reference);
        for login in logins {
            match repository.is_assignable(login).await {
                Ok(true) => {}
                Ok(false) => {
                    let others = suggested(&repository, logins).await;
                    outcomes.push(fault(
                        format!("issues of {} cannot be assigned to {login}", reference.name),
                        format!(
                            "Give {login} triage rights there (an App's own bot cannot be assigned), or take it out of \
                             `github.assignees`{others}"
                        ),
                    ));
                }
                Err(error) => outcomes.push(fault(format!("{}: {error}", reference.name), "Run `baton doctor` again")),
            }
        }
    }
    if outcomes.is_empty() {
        let count = seen.served.len();
        let more = if seen.more > 0 { format!(" ({} more were not asked)", seen.more) } else { String::new() };
        let says = format!("{} can be assigned in {count} {}{more}", logins.join(", "), repositories(count));
        outcomes.push(good(says));
    }
    outcomes
}

/// Whom GitHub would suggest instead. Not knowing that is no fault.
async fn suggested(repository: &baton_github::Repository, logins: &[String]) -> String {
    let Ok(mut suggested) = repository.suggested_assignees().await else { return String::new() };
    suggested.retain(|login| !logins.contains(login));
    suggested.truncate(8);
    if suggested.is_empty() { String::new() } else { format!(". GitHub suggests {}", suggested.join(", ")) }
}

/// What was found in the served repositories when the App was installed there.
pub(super) async fn contacts(config: &Config, seen: &Seen) -> Vec<Outcome> {
    if seen.served.is_empty() {
        return vec![skipped("no repository is served")];
    }
    let Ok(store) = Store::open(&config.store.url, OpenOptions { migrate: false }).await else {
        return vec![skipped("the database cannot be opened")];
    };
    let mut outcomes = Vec::new();
    let mut unmet = Vec::new();
    for reference in &seen.served {
        match store.recall::<Contact>(&contact_key(reference.id)).await {
            Ok(Some(contact)) => {
                let name = reference.name.to_string();
                outcomes.push(contact_outcome(&name, &contact));
                outcomes.extend(contact.content.iter().flat_map(|content| obstacles(&name, content, config)));
            }
            Ok(None) => unmet.push(reference.name.to_string()),
            Err(error) => outcomes.push(fault(error.to_string(), "Run `baton doctor` again")),
        }
    }
    store.close().await;
    if !unmet.is_empty() {
        outcomes.push(skipped(format!(
            "nobody has looked at {} yet: `baton serve` does when GitHub tells it of an installation, and at once when \
             somebody comments `/baton doctor` on an issue there",
            unmet.join(", ")
        )));
    }
    outcomes
}

fn contact_outcome(name: &str, contact: &Contact) -> Outcome {
    let ask = "Comment `/baton doctor` on an issue there for the whole of it";
    let Some(content) = &contact.content else { return warning(format!("{name} is empty"), "Push a first commit") };
    if contact.is_in_the_way() {
        return warning(format!("{name}: something is in the way of work there"), ask);
    }
    match content.commands.test.as_slice() {
        [] => warning(format!("{name}: no command that runs tests was found"), ask),
        tests => good(format!("{name}: {} (from {})", tests.join("; "), content.commands.source)),
    }
}

/// What will make work fail there, for reasons outside the repository.
fn obstacles(name: &str, content: &Content, config: &Config) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    let refusals = content.rules.as_ref().map(refusals).unwrap_or_default();
    if let Some(rules) = content.rules.as_ref().filter(|_| !refusals.is_empty()) {
        outcomes.push(warning(
            format!("{name}: a ruleset may refuse Baton's branches ({}/…): {}", rules.prefix, refusals.join("; ")),
            "Have such branches left out of the ruleset, or the App put on its bypass list",
        ));
    }
    // As it is now: the operator may have changed it since the repository was looked at.
    let folders = &config.sandbox.read_only_paths;
    let toolchains = Toolchains::found_in(folders);
    for program in content.missing_programs.iter().filter(|program| !toolchains.finds(program, folders)) {
        outcomes.push(warning(
            format!("{name}: no sandbox finds `{program}`, so its commands will fail with status 127"),
            offer(program, folders),
        ));
    }
    outcomes
}

/// How a program gets into sandboxes. Rustup keeps `cargo` and what it starts in two folders of somebody's home.
fn offer(program: &str, folders: &[PathBuf]) -> String {
    if program != "cargo" {
        return format!(
            "Install {program} in /usr, or offer the folder whose `bin` has it: `read_only_paths = [\"/opt/…\"]` in `[sandbox]`"
        );
    }
    let own = rust_folders();
    let own = if own.is_empty() { ["/opt/rust/.cargo", "/opt/rust/.rustup"].map(PathBuf::from).into() } else { own };
    let all: Vec<String> = folders.iter().chain(&own).map(|path| format!("{:?}", path.display().to_string())).collect();
    format!("Offer rustup's folders, in `[sandbox]`: read_only_paths = [{}]", all.join(", "))
}

fn repositories(count: usize) -> &'static str {
    if count == 1 { "repository" } else { "repositories" }
}
