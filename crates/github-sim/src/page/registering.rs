//! Registering an App from a manifest: the page GitHub shows for it, the button, and the way back with a code.

use super::document;
use super::markdown::escape;
use super::visit::{Visit, not_found, with_query};
use crate::change::manifest::Manifest;
use crate::rest::serve::Reply;
use crate::world::web::PendingManifest;

/// Where the pages of an account's Apps are.
fn folder(org: Option<&str>) -> String {
    org.map_or_else(|| "/settings/apps".to_owned(), |org| format!("/organizations/{org}/settings/apps"))
}

/// `GET` and `POST` of `…/settings/apps/new`.
pub(super) fn new(visit: &mut Visit<'_>, org: Option<&str>) -> Reply {
    let key = match (visit.form("manifest"), visit.query("pending")) {
        (Some(text), _) => {
            let state = visit.query("state").or_else(|| visit.form("state")).map(str::to_owned);
            let pending = PendingManifest { text: text.to_owned(), state, org: org.map(str::to_owned) };
            let key = format!("{:x}", visit.world.fresh_id());
            visit.world.web.manifests.insert(key.clone(), pending);
            Some(key)
        }
        (None, key) => key.map(str::to_owned),
    };
    let here = format!("{}/new", folder(org));
    let back = key.as_ref().map_or_else(|| here.clone(), |key| with_query(&here, "pending", key));
    let me = match visit.signed_in(&back) {
        Ok(me) => me,
        Err(reply) => return reply,
    };
    let owner = match visit.account_of(org, &me) {
        Ok(owner) => visit.world.login(owner).to_owned(),
        Err(reply) => return reply,
    };
    let Some(key) = key else { return by_hand(&here) };
    match visit.world.web.manifests.get(&key) {
        None => not_found(),
        Some(pending) => confirm(visit, &key, pending, &owner, None),
    }
}

/// Without a manifest: a place to paste one.
fn by_hand(here: &str) -> Reply {
    let body = format!(
        "<h1>Register new GitHub App</h1><p>Paste the App's manifest (JSON). Your App's own page would post it here.</p>\
         <form method=\"post\" action=\"{}\"><p><label>Manifest<br><textarea name=\"manifest\" rows=\"16\" cols=\"80\">\
         </textarea></label></p><p><button>Continue</button></p></form>",
        escape(here)
    );
    Reply::text(200, "text/html", document("Register new GitHub App", &body))
}

/// What the App will be, and the button; or what is wrong with the manifest.
fn confirm(visit: &Visit<'_>, key: &str, pending: &PendingManifest, owner: &str, problem: Option<&str>) -> Reply {
    let manifest = match Manifest::read(&pending.text, visit.world.switches.refuse_local_webhooks) {
        Ok(manifest) => manifest,
        Err(problems) => {
            let lines: String = problems.iter().map(|line| format!("<li><b>Error</b> {}</li>", escape(line))).collect();
            let body = format!(
                "<h1>Invalid GitHub App configuration</h1>\
                 <p>The configuration does not appear to be a valid GitHub App manifest.</p><ul>{lines}</ul>"
            );
            return Reply::text(422, "text/html", document("Invalid GitHub App configuration", &body));
        }
    };
    let permissions: String = manifest
        .permissions
        .iter()
        .map(|(name, level)| {
            let level = format!("{level:?}").to_lowercase();
            format!("<li>{}: {level}</li>", escape(name))
        })
        .collect();
    let events: Vec<&str> = manifest.events.iter().map(String::as_str).collect();
    let body = format!(
        "<h1>Create GitHub App</h1>{}<form method=\"post\" action=\"{}\">\
         <input type=\"hidden\" name=\"pending\" value=\"{}\">\
         <p><label>GitHub App name <input name=\"name\" value=\"{}\" required maxlength=\"34\"></label></p>\
         <p>It will belong to <b>{owner}</b>. Homepage: {}. Webhook: {}.</p>\
         <h2>Permissions</h2><ul>{permissions}</ul><h2>Events</h2><p>{}</p>\
         <p><button>Create GitHub App for {owner}</button></p></form>",
        problem.map(|line| format!("<p role=\"alert\"><b>Error</b> {}</p>", escape(line))).unwrap_or_default(),
        escape(&folder(pending.org.as_deref())),
        escape(key),
        escape(&manifest.name),
        escape(&manifest.homepage),
        escape(manifest.hook_url.as_deref().unwrap_or("none")),
        escape(&events.join(", ")),
        owner = escape(owner),
    );
    let status = if problem.is_some() { 422 } else { 200 };
    Reply::text(status, "text/html", document("Create GitHub App", &body))
}

/// The button: registers the App and sends the browser back with the code.
pub(super) fn create(visit: &mut Visit<'_>, org: Option<&str>) -> Reply {
    let key = visit.form("pending").unwrap_or_default().to_owned();
    let me = match visit.signed_in(&with_query(&format!("{}/new", folder(org)), "pending", &key)) {
        Ok(me) => me,
        Err(reply) => return reply,
    };
    let owner = match visit.account_of(org, &me) {
        Ok(owner) => visit.world.login(owner).to_owned(),
        Err(reply) => return reply,
    };
    let Some(pending) = visit.world.web.manifests.get(&key).filter(|it| it.org.as_deref() == org).cloned() else {
        return not_found();
    };
    let Ok(manifest) = Manifest::read(&pending.text, visit.world.switches.refuse_local_webhooks) else {
        return confirm(visit, &key, &pending, &owner, None);
    };
    let (redirect, name) = (manifest.redirect_url.clone(), visit.form("name").unwrap_or(&manifest.name).to_owned());
    let (app, code) = match visit.world.register_from_manifest(manifest, &name, &owner) {
        Ok(made) => made,
        Err(refusal) => return confirm(visit, &key, &pending, &owner, Some(&refusal.message)),
    };
    visit.world.web.manifests.remove(&key);
    let slug = visit.world.app(app).map(|app| app.slug.clone()).unwrap_or_default();
    let Some(redirect) = redirect else { return Reply::see_other(&format!("{}/{slug}", folder(org))) };
    let back = with_query(&redirect, "code", &code);
    Reply::see_other(&pending.state.map_or(back.clone(), |state| with_query(&back, "state", &state)))
}
