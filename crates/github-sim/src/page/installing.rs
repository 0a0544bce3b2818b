//! Installing an App in the browser: its own page, the account, its repositories, the button.

use std::collections::BTreeSet;

use super::document;
use super::markdown::escape;
use super::visit::{Visit, not_found, with_query};
use crate::rest::serve::Reply;
use crate::world::World;
use crate::world::app::{App, Installation};

/// `/apps/SLUG`: what the App is, and the way to install it.
pub(super) fn about(world: &World, slug: &str) -> Reply {
    let Some(app) = world.apps.iter().find(|app| app.slug == slug) else { return not_found() };
    let body = format!(
        "<h1>{}</h1><p>{}</p><p><a href=\"{}/installations/new\">Install</a></p>",
        escape(&app.name),
        escape(app.about.description.as_deref().unwrap_or_default()),
        escape(&world.app_page(app))
    );
    Reply::text(200, "text/html", document(&app.name, &body))
}

/// Accounts this person may install the App on: a private App goes to its owner's alone.
fn accounts(world: &World, app: &App, me: u64) -> Vec<u64> {
    let mine = world.accounts.iter().filter(|account| account.id == me || account.owners.contains(&me));
    mine.map(|account| account.id).filter(|id| app.about.public || *id == app.owner).collect()
}

/// `GET /apps/SLUG/installations/new`, and with `target_id` the second page: which repositories.
pub(super) fn choose(visit: &Visit<'_>, slug: &str) -> Reply {
    let here =
        format!("{}{}", visit.path(), visit.query("state").map(|it| with_query("", "state", it)).unwrap_or_default());
    let me = match visit.signed_in(&here) {
        Ok(me) => me,
        Err(reply) => return reply,
    };
    let world = &*visit.world;
    let Some(app) = world.apps.iter().find(|app| app.slug == slug) else { return not_found() };
    let able = accounts(world, app, me.user);
    let target = visit.query("target_id").and_then(|id| id.parse::<u64>().ok());
    match (target, able.as_slice()) {
        (Some(target), able) if able.contains(&target) => repositories(visit, app, target),
        (Some(_), _) | (None, []) => not_found(),
        (None, [only]) => repositories(visit, app, *only),
        (None, able) => {
            let links: String = able
                .iter()
                .map(|id| {
                    let to = with_query(&here, "target_id", &id.to_string());
                    format!("<li><a href=\"{}\">{}</a></li>", escape(&to), escape(world.login(*id)))
                })
                .collect();
            let body = format!(
                "<h1>Install {}</h1><p>Where do you want to install it?</p><ul>{links}</ul>",
                escape(&app.name)
            );
            Reply::text(200, "text/html", document("Install", &body))
        }
    }
}

fn repositories(visit: &Visit<'_>, app: &App, target: u64) -> Reply {
    let world = &*visit.world;
    if let Some(there) = world.installations.iter().find(|it| it.app == app.id && it.account == target) {
        return Reply::see_other(&world.installation_page(there));
    }
    let permissions: String = app
        .permissions
        .iter()
        .map(|(name, level)| format!("<li>{}: {}</li>", escape(name), format!("{level:?}").to_lowercase()))
        .collect();
    let state =
        visit.query("state").map(|state| format!("<input type=\"hidden\" name=\"state\" value=\"{}\">", escape(state)));
    let body = format!(
        "<h1>Install {}</h1><p>on <b>{}</b></p><form method=\"post\" action=\"{}/installations\">{}\
         <input type=\"hidden\" name=\"target_id\" value=\"{target}\">{}<h2>with these permissions</h2><ul>{permissions}</ul>\
         <p><button>Install</button></p></form>",
        escape(&app.name),
        escape(world.login(target)),
        escape(&world.app_page(app)),
        state.unwrap_or_default(),
        selection(world, target, None),
    );
    Reply::text(200, "text/html", document("Install", &body))
}

/// The choice of repositories as form fields; `present` is ticked.
pub(super) fn selection(world: &World, account: u64, present: Option<&Installation>) -> String {
    let selected = present.and_then(|it| it.selected.as_ref());
    let (all, some) = if present.is_some() && selected.is_some() { ("", " checked") } else { (" checked", "") };
    let boxes: String = world
        .repositories
        .values()
        .filter(|repo| repo.owner == account)
        .map(|repo| {
            let ticked = if selected.is_some_and(|selected| selected.contains(&repo.id)) { " checked" } else { "" };
            let name = escape(&world.full_name(repo.id));
            format!(
                "<p><label><input type=\"checkbox\" name=\"repository_ids[]\" value=\"{}\"{ticked}> {name}</label></p>",
                repo.id
            )
        })
        .collect();
    format!(
        "<p><label><input type=\"radio\" name=\"install_target\" value=\"all\"{all}> All repositories</label></p>\
         <p><label><input type=\"radio\" name=\"install_target\" value=\"selected\"{some}> Only select repositories</label></p>\
         <fieldset><legend>Repositories</legend>{boxes}</fieldset>"
    )
}

/// What the form chose: `None` for all.
pub(super) fn chosen(visit: &Visit<'_>) -> Option<BTreeSet<u64>> {
    let some = visit.form("install_target") == Some("selected");
    some.then(|| visit.all("repository_ids[]").into_iter().filter_map(|id| id.parse().ok()).collect())
}

/// `POST /apps/SLUG/installations`: the button.
pub(super) fn install(visit: &mut Visit<'_>, slug: &str) -> Reply {
    let me = match visit.signed_in(&format!("/apps/{slug}/installations/new")) {
        Ok(me) => me,
        Err(reply) => return reply,
    };
    let target = visit.form("target_id").and_then(|id| id.parse::<u64>().ok()).unwrap_or_default();
    let state = visit.form("state").map(str::to_owned);
    let found = visit.world.apps.iter().find(|app| app.slug == slug);
    let Some(app) = found.filter(|app| accounts(visit.world, app, me.user).contains(&target)) else {
        return not_found();
    };
    let (app, setup) = (app.id, app.about.setup_url.clone());
    let chosen = chosen(visit);
    let id = match visit.world.install_on(&me, app, target, chosen) {
        Ok(id) => id,
        Err(refusal) => {
            let body = format!("<h1>Not installed</h1><p role=\"alert\">{}</p>", escape(&refusal.message));
            return Reply::text(422, "text/html", document("Not installed", &body));
        }
    };
    after(visit.world, id, setup.as_deref(), "install", state.as_deref())
}

/// Where the browser goes when an installation was made or changed: the App's setup address, or the settings.
pub(super) fn after(world: &World, id: u64, setup: Option<&str>, action: &str, state: Option<&str>) -> Reply {
    let Some(setup) = setup else {
        let page = world.installation(id).map(|it| world.installation_page(it));
        return Reply::see_other(&page.unwrap_or_else(|| "/".into()));
    };
    let to = with_query(&with_query(setup, "installation_id", &id.to_string()), "setup_action", action);
    Reply::see_other(&state.map_or(to.clone(), |state| with_query(&to, "state", state)))
}
