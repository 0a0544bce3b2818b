//! An App's webhook: its configuration, its deliveries, and sending one again.

use serde_json::json;

use super::call::{Answer, Call, Outcome};
use super::operation::{Needs, Route, route};
use crate::refusal::Refusal;

pub(super) const ROUTES: &[Route] = &[
    route("apps/get-webhook-config-for-app", "GET", "/app/hook/config", Needs::AppJwt, config),
    route("apps/update-webhook-config-for-app", "PATCH", "/app/hook/config", Needs::AppJwt, update),
    route("apps/list-webhook-deliveries", "GET", "/app/hook/deliveries", Needs::AppJwt, list),
    route("apps/get-webhook-delivery", "GET", "/app/hook/deliveries/{delivery_id}", Needs::AppJwt, |call| {
        let id = own_delivery(call)?;
        let delivery = call.world.outbox.find(id).ok_or_else(Refusal::not_found)?;
        Answer::ok(call.world.full_delivery_json(delivery))
    }),
    route(
        "apps/redeliver-webhook-delivery",
        "POST",
        "/app/hook/deliveries/{delivery_id}/attempts",
        Needs::AppJwt,
        |call| {
            let id = own_delivery(call)?;
            call.world.redeliver(id).ok_or_else(Refusal::not_found)?;
            Ok(Answer { status: 202, body: Some(json!({})), headers: Vec::new() })
        },
    ),
];

fn config(call: &mut Call<'_>) -> Outcome {
    let app = call.world.app(call.app()?).ok_or_else(Refusal::not_found)?;
    Answer::ok(call.world.hook_config_json(app))
}

fn update(call: &mut Call<'_>) -> Outcome {
    let app = call.app()?;
    let form = match call.text("content_type") {
        None => None,
        Some("json") => Some(false),
        Some("form") => Some(true),
        Some(_) => return Err(Refusal::invalid("Hook", "content_type", "invalid")),
    };
    let insecure = call.body.get("insecure_ssl").map(|it| it == "1" || it == 1);
    let secret = call.owned("secret");
    if let Some(it) = call.world.apps.iter_mut().find(|it| it.id == app) {
        it.webhook_secret = secret.unwrap_or_else(|| it.webhook_secret.clone());
        it.hook.form = form.unwrap_or(it.hook.form);
        it.hook.insecure_ssl = insecure.unwrap_or(it.hook.insecure_ssl);
    }
    if let Some(url) = call.owned("url") {
        call.world.set_webhook_url(app, Some(url))?;
    }
    config(call)
}

fn own_delivery(call: &Call<'_>) -> Result<u64, Refusal> {
    let (app, id) = (call.app()?, call.number("delivery_id")?);
    let mine = call.world.outbox.find(id).is_some_and(|it| it.app == app && call.world.remembers(it));
    if mine { Ok(id) } else { Err(Refusal::not_found()) }
}

/// Newest first, with GitHub's cursor: the `cursor` parameter names the delivery to go on with.
fn list(call: &mut Call<'_>) -> Outcome {
    let app = call.app()?;
    let size = call.query("per_page").and_then(|it| it.parse().ok()).unwrap_or(30usize).clamp(1, 100);
    let cursor = call.query("cursor").and_then(|it| it.trim_start_matches("v1_").parse::<u64>().ok());
    let from = |id: u64| cursor.is_none_or(|cursor| id <= cursor);
    let wanted = match call.query("status") {
        Some("success") => Some(true),
        Some("failure") => Some(false),
        _ => None,
    };
    let mine =
        call.world.outbox.deliveries.iter().rev().filter(|it| it.app == app && from(it.id) && call.world.remembers(it));
    let mine = mine.filter(|it| wanted.is_none_or(|wanted| it.succeeded() == wanted));
    let mut found: Vec<_> = mine.take(size + 1).collect();
    let next = (found.len() > size).then(|| found.pop()).flatten().map(|it| it.id);
    let page: Vec<_> = found.into_iter().map(|it| call.world.delivery_json(it)).collect();
    let link = next.map(|id| ("link", format!("<{}?per_page={size}&cursor=v1_{id}>; rel=\"next\"", call.url)));
    Ok(Answer { status: 200, body: Some(page.into()), headers: link.into_iter().collect() })
}
