//! Apps, installations, tokens and webhook deliveries as GitHub writes them.

use serde_json::{Value, json};

use crate::clock::{stamp, stamp_or_null};
use crate::hook::delivery::{Delivery, Outcome};
use crate::world::World;
use crate::world::account::AccountKind;
use crate::world::app::{App, Installation, Token, TokenKind};

impl World {
    pub(crate) fn app_json(&self, app: &App) -> Value {
        json!({
            "id": app.id,
            "slug": app.slug,
            "client_id": app.client_id,
            "node_id": format!("A_kwDO{}", app.id),
            "owner": self.user_json(app.owner),
            "name": app.name,
            "description": null,
            "external_url": format!("{}/apps/{}", self.urls.web, app.slug),
            "html_url": format!("{}/apps/{}", self.urls.web, app.slug),
            "created_at": stamp(app.created_at),
            "updated_at": stamp(app.created_at),
            "permissions": app.permissions,
            "events": app.events,
            "installations_count": self.installations.iter().filter(|it| it.app == app.id).count(),
        })
    }

    pub(crate) fn installation_json(&self, it: &Installation) -> Value {
        let slug = self.app(it.app).map_or("", |app| app.slug.as_str());
        let kind = self.account(it.account).map_or(AccountKind::User, |account| account.kind);
        let login = self.login(it.account);
        let html = match kind {
            AccountKind::Organization => {
                format!("{}/organizations/{login}/settings/installations/{}", self.urls.web, it.id)
            }
            AccountKind::User | AccountKind::Bot => format!("{}/settings/installations/{}", self.urls.web, it.id),
        };
        json!({
            "id": it.id,
            "account": self.user_json(it.account),
            "repository_selection": if it.selected.is_some() { "selected" } else { "all" },
            "access_tokens_url": format!("{}/app/installations/{}/access_tokens", self.urls.api, it.id),
            "repositories_url": format!("{}/installation/repositories", self.urls.api),
            "html_url": html,
            "app_id": it.app,
            "app_slug": slug,
            "client_id": self.app(it.app).map(|app| app.client_id.as_str()),
            "target_id": it.account,
            "target_type": kind.name(),
            "permissions": it.permissions,
            "events": it.events,
            "created_at": stamp(it.created_at),
            "updated_at": stamp(it.suspended_at.unwrap_or(it.created_at)),
            "single_file_name": null,
            "has_multiple_single_files": false,
            "single_file_paths": [],
            "suspended_by": it.suspended_at.map(|_| self.user_json(it.account)),
            "suspended_at": stamp_or_null(it.suspended_at),
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
                (reason.unwrap_or("Unknown").to_owned(), *status, *seconds_milli)
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
        let payload: Value = serde_json::from_slice(&it.body).unwrap_or_default();
        let more = json!({
            "url": it.url,
            "request": {"headers": pairs(&it.headers), "payload": payload},
            "response": {"headers": headers, "payload": body},
        });
        super::merge(&mut line, more);
        line
    }
}
