//! Apps, installations, tokens and webhook deliveries as GitHub writes them.

use serde_json::{Value, json};

use crate::clock::{stamp, stamp_or_null};
use crate::hook::delivery::{Delivery, Outcome};
use crate::world::World;
use crate::world::account::AccountKind;
use crate::world::app::{App, Installation, Token, TokenKind};

impl World {
    /// The App's page for people.
    pub(crate) fn app_page(&self, app: &App) -> String {
        let folder = if self.urls.enterprise() { "github-apps" } else { "apps" };
        format!("{}/{folder}/{}", self.urls.web, app.slug)
    }

    /// The address of an installation's settings.
    pub(crate) fn installation_page(&self, it: &Installation) -> String {
        let login = self.login(it.account);
        let org = self.account(it.account).is_some_and(|account| account.kind == AccountKind::Organization);
        let of = if org { format!("/organizations/{login}") } else { String::new() };
        format!("{}{of}/settings/installations/{}", self.urls.web, it.id)
    }

    pub(crate) fn app_json(&self, app: &App) -> Value {
        json!({
            "id": app.id,
            "slug": app.slug,
            "client_id": app.client_id,
            "node_id": format!("A_kwDO{}", app.id),
            "owner": self.user_json(app.owner),
            "name": app.name,
            "description": app.about.description,
            "external_url": app.about.homepage.clone().unwrap_or_else(|| self.app_page(app)),
            "html_url": self.app_page(app),
            "created_at": stamp(app.created_at),
            "updated_at": stamp(app.created_at),
            "permissions": app.permissions,
            "events": app.events,
            "installations_count": self.installations.iter().filter(|it| it.app == app.id).count(),
        })
    }

    /// The answer of `GET /app/hook/config`; the secret is never shown, and an address that was never set is not there.
    pub(crate) fn hook_config_json(&self, app: &App) -> Value {
        let mut config = json!({"content_type": app.hook.content_type(),
            "insecure_ssl": if app.hook.insecure_ssl { "1" } else { "0" }, "secret": "********"});
        if let Some(url) = &app.webhook_url {
            config["url"] = url.as_str().into();
        }
        config
    }

    pub(crate) fn installation_json(&self, it: &Installation) -> Value {
        let slug = self.app(it.app).map_or("", |app| app.slug.as_str());
        let kind = self.account(it.account).map_or(AccountKind::User, |account| account.kind);
        json!({
            "id": it.id,
            "account": self.user_json(it.account),
            "repository_selection": if it.selected.is_some() { "selected" } else { "all" },
            "access_tokens_url": format!("{}/app/installations/{}/access_tokens", self.urls.api, it.id),
            "repositories_url": format!("{}/installation/repositories", self.urls.api),
            "html_url": self.installation_page(it),
            "app_id": it.app,
            "app_slug": slug,
            "client_id": self.app(it.app).map(|app| app.client_id.as_str()),
            "target_id": it.account,
            "target_type": kind.name(),
            "permissions": it.permissions,
            "events": it.events,
            "created_at": stamp(it.created_at),
            "updated_at": stamp(it.suspended.map_or(it.created_at, |(at, _)| at)),
            "single_file_name": null,
            "has_multiple_single_files": false,
            "single_file_paths": [],
            "suspended_by": it.suspended.map(|(_, by)| self.user_json(by)),
            "suspended_at": stamp_or_null(it.suspended.map(|(at, _)| at)),
        })
    }

    /// The answer to minting; the text of the token stands in no other answer.
    pub(crate) fn installation_token_json(&self, token: &Token) -> Value {
        let TokenKind::Installation { repositories, permissions, installation } = &token.kind else {
            return Value::Null;
        };
        let all = repositories.is_none() && self.installation(*installation).is_some_and(|it| it.selected.is_none());
        let mut answer = json!({
            "token": token.text,
            "expires_at": stamp_or_null(token.expires_at),
            "permissions": permissions,
            "repository_selection": if all { "all" } else { "selected" },
        });
        if let (Some(narrowed), Value::Object(fields)) = (repositories, &mut answer) {
            fields.insert("repositories".into(), narrowed.iter().map(|repo| self.repository_json(*repo)).collect());
        }
        answer
    }

    /// One line of `GET /app/hook/deliveries`.
    pub(crate) fn delivery_json(&self, it: &Delivery) -> Value {
        let (status, code, seconds) = match &it.outcome {
            Outcome::Waiting | Outcome::Held => ("pending".to_owned(), 0, 0),
            Outcome::Answered { status, seconds_milli, .. } => {
                let reason = http::StatusCode::from_u16(*status).ok().and_then(|it| it.canonical_reason());
                let words = match reason {
                    Some(reason) if (200..300).contains(status) => reason.to_owned(),
                    _ => format!("Invalid HTTP Response: {status}"),
                };
                (words, *status, *seconds_milli)
            }
            Outcome::Failed { reason, seconds_milli } => (reason.clone(), 0, *seconds_milli),
        };
        json!({
            "id": it.id,
            "guid": it.guid,
            "delivered_at": stamp(it.at),
            "redelivery": it.redelivery,
            "duration": std::time::Duration::from_millis(seconds).as_secs_f64(),
            "status": status,
            "status_code": code,
            "event": it.event,
            "action": it.action,
            "installation_id": it.installation,
            "repository_id": it.repository,
            "throttled_at": null,
        })
    }

    /// `GET /app/hook/deliveries/{id}`: the line, and what was sent and answered.
    pub(crate) fn full_delivery_json(&self, it: &Delivery) -> Value {
        let pairs = |pairs: &[(String, String)]| -> Value {
            pairs
                .iter()
                .map(|(name, value)| (name.clone(), Value::from(value.clone())))
                .collect::<serde_json::Map<_, _>>()
                .into()
        };
        let (headers, body) = match &it.outcome {
            Outcome::Answered { headers, body, .. } => (pairs(headers), Value::from(body.clone())),
            Outcome::Waiting | Outcome::Held | Outcome::Failed { .. } => (json!({}), Value::Null),
        };
        let mut line = self.delivery_json(it);
        let payload = crate::hook::emit::payload(&it.body);
        let more = json!({
            "url": it.url,
            "request": {"headers": pairs(&it.headers), "payload": payload},
            "response": {"headers": headers, "payload": body},
        });
        super::merge(&mut line, more);
        line
    }
}
