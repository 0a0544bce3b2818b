//! Settings of Apps and installations, as far as an App's owner and its users need them.

use super::document;
use super::installing::{after, chosen, selection};
use super::markdown::escape;
use super::visit::{Visit, not_found};
use crate::rest::serve::Reply;
use crate::world::World;
use crate::world::app::Installation;

/// `…/settings/installations`: what is installed on the account.
pub(super) fn installations(visit: &Visit<'_>, org: Option<&str>) -> Reply {
    let account = match visit.signed_in(visit.path()).and_then(|me| visit.account_of(org, &me)) {
        Ok(account) => account,
        Err(reply) => return reply,
    };
    let world = &*visit.world;
    let lines: String = world
        .installations
        .iter()
        .filter(|it| it.account == account)
        .map(|it| {
            let name = world.app(it.app).map_or("", |app| app.name.as_str());
            format!("<li><a href=\"{}\">{}</a></li>", escape(&world.installation_page(it)), escape(name))
        })
        .collect();
    let body = format!("<h1>Installed GitHub Apps</h1><ul>{lines}</ul>");
    Reply::text(200, "text/html", document("Installed GitHub Apps", &body))
}

/// `…/settings/apps/SLUG`: the App, to its owner.
pub(super) fn app(visit: &Visit<'_>, org: Option<&str>, slug: &str) -> Reply {
    let account = match visit.signed_in(visit.path()).and_then(|me| visit.account_of(org, &me)) {
        Ok(account) => account,
        Err(reply) => return reply,
    };
    let world = &*visit.world;
    let Some(app) = world.apps.iter().find(|app| app.slug == slug && app.owner == account) else { return not_found() };
    let body = format!(
        "<h1>{}</h1><p>App ID: {}</p><p>Client ID: {}</p><p>Webhook: {}</p><p><a href=\"{}\">Public page</a></p>",
        escape(&app.name),
        app.id,
        escape(&app.client_id),
        escape(app.webhook_url.as_deref().unwrap_or("none")),
        escape(&world.app_page(app))
    );
    Reply::text(200, "text/html", document(&app.name, &body))
}

/// `GET …/settings/installations/ID`.
pub(super) fn installation(visit: &Visit<'_>, org: Option<&str>, id: &str) -> Reply {
    match own(visit, org, id) {
        Ok(id) => visit.world.installation(id).map_or_else(not_found, |it| show(visit.world, it)),
        Err(reply) => reply,
    }
}

/// The installation of the path, when the person signed in owns the account.
fn own(visit: &Visit<'_>, org: Option<&str>, id: &str) -> Result<u64, Reply> {
    let me = visit.signed_in(visit.path())?;
    let account = visit.account_of(org, &me)?;
    let found = id.parse().ok().and_then(|id| visit.world.installation(id)).filter(|it| it.account == account);
    found.map(|it| it.id).ok_or_else(not_found)
}

fn show(world: &World, it: &Installation) -> Reply {
    let Some(app) = world.app(it.app) else { return not_found() };
    let asked = app.permissions != it.permissions || app.events != it.events;
    let request = asked.then_some(
        "<p role=\"status\">The App asks for other permissions now.</p>\
         <p><button name=\"action\" value=\"accept\">Accept new permissions</button></p>",
    );
    let suspended = it.suspended.is_some();
    let (word, action) = if suspended { ("Unsuspend", "unsuspend") } else { ("Suspend", "suspend") };
    let body = format!(
        "<h1>{}</h1><p>Installed on <b>{}</b>{}</p><form method=\"post\"><h2>Repository access</h2>{}\
         <p><button name=\"action\" value=\"save\">Save</button></p>{}\
         <h2>Danger zone</h2><p><button name=\"action\" value=\"{action}\">{word}</button> \
         <button name=\"action\" value=\"uninstall\">Uninstall</button></p></form>",
        escape(&app.name),
        escape(world.login(it.account)),
        if suspended { ", suspended" } else { "" },
        selection(world, it.account, Some(it)),
        request.unwrap_or_default(),
    );
    Reply::text(200, "text/html", document(&app.name, &body))
}

/// `POST …/settings/installations/ID`: one of its buttons.
pub(super) fn change(visit: &mut Visit<'_>, org: Option<&str>, id: &str) -> Reply {
    let (id, me) = match own(visit, org, id).and_then(|id| Ok((id, visit.signed_in(visit.path())?))) {
        Ok(found) => found,
        Err(reply) => return reply,
    };
    let action = visit.form("action").unwrap_or("save").to_owned();
    let about = visit.world.installation(id).and_then(|it| visit.world.app(it.app)).map(|app| app.about.clone());
    match action.as_str() {
        "save" => {
            let chosen = chosen(visit);
            visit.world.select(&me, id, chosen);
        }
        "accept" => visit.world.accept_permissions(&me, id),
        "suspend" | "unsuspend" => visit.world.suspend(&me, id, action == "suspend"),
        "uninstall" => {
            visit.world.uninstall(&me, id);
            return Reply::see_other("/settings/installations");
        }
        _ => return not_found(),
    }
    let setup = about.filter(|about| about.setup_on_update && action == "save").and_then(|about| about.setup_url);
    after(visit.world, id, setup.as_deref(), "update", None)
}
