//! The App as its operator has to see it: what GitHub has on record of its settings, its webhook, and what was accepted where.
//! Only asks.
//!
//! Source: GitHub's REST reference, "Apps" and "GitHub App webhooks".

use std::collections::BTreeMap;

use baton_core::domain::ids::InstallationId;
use baton_core::domain::time::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::app::GitHubApp;
use crate::call::Call;
use crate::error::GitHubError;
use crate::operations::{GET_APP, GET_HOOK_CONFIG, LIST_DELIVERIES, LIST_INSTALLATIONS, SUGGESTED_ACTORS};
use crate::pages::{Asker, Enough, each_page_of};
use crate::repository::Repository;

/// Whom GitHub suggests for assignment.
pub(crate) const SUGGESTED_ACTORS_OF: &str = "query($owner: String!, $name: String!) { repository(owner: $owner, name: $name) \
                                              { suggestedActors(capabilities: [CAN_BE_ASSIGNED], first: 100) { nodes { login } } } }";

/// The App's settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkup {
    /// Its name for people.
    pub name: String,
    /// Its name in addresses.
    pub slug: String,
    /// The organisation that owns it; `None` for a person.
    pub organisation: Option<String>,
    /// The permissions it asks for.
    pub permissions: BTreeMap<String, String>,
    /// The events it is subscribed to.
    pub events: Vec<String>,
    /// GitHub's time when it answered.
    pub answered_at: Option<Timestamp>,
}

/// An installation, and what its owner accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Its number.
    pub installation: InstallationId,
    /// The login of the person or organisation, or the name of the enterprise.
    pub account: String,
    /// Whether its owner, or GitHub, switched the App off.
    pub suspended: bool,
    /// The permissions that were accepted.
    pub permissions: BTreeMap<String, String>,
    /// The events that were accepted.
    pub events: Vec<String>,
    /// Where its owner changes it.
    pub page: Option<String>,
}

/// The App's webhook, as GitHub has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hook {
    /// Where deliveries go.
    pub url: Option<String>,
    /// `json` or `form`.
    pub content_type: Option<String>,
    /// Whether a secret signs them.
    pub has_secret: bool,
    /// Whether GitHub skips checking the certificate there.
    pub insecure: bool,
}

/// One attempt to deliver, and how it was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// The attempt's number.
    pub id: i64,
    /// The event's name, which all attempts at it share.
    pub guid: String,
    /// The event.
    pub event: String,
    /// Whether it repeats an earlier one.
    pub redelivery: bool,
    /// The HTTP status it was answered with; 0 when it was not.
    pub status: i64,
    /// What GitHub says of it: `OK`, `timed out`, `failed to connect to host`.
    pub says: String,
}

impl Answered {
    /// Whether it is still under way.
    #[must_use]
    pub fn is_pending(&self) -> bool {
        self.status == 0 && self.says == "pending"
    }

    /// Whether GitHub counts it as delivered.
    #[must_use]
    pub fn is_good(&self) -> bool {
        (200..400).contains(&self.status)
    }
}

#[derive(Deserialize)]
struct WireAccount {
    login: Option<String>,
    slug: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
}

#[derive(Deserialize)]
struct WireApp {
    slug: Option<String>,
    name: Option<String>,
    owner: Option<WireAccount>,
    #[serde(default)]
    permissions: BTreeMap<String, String>,
    #[serde(default)]
    events: Vec<String>,
}

#[derive(Deserialize)]
struct WireInstallation {
    id: i64,
    account: Option<WireAccount>,
    suspended_at: Option<String>,
    html_url: Option<String>,
    #[serde(default)]
    permissions: BTreeMap<String, String>,
    #[serde(default)]
    events: Vec<String>,
}

#[derive(Deserialize)]
struct WireHook {
    url: Option<String>,
    content_type: Option<String>,
    secret: Option<String>,
    insecure_ssl: Option<Value>,
}

#[derive(Deserialize)]
struct WireDelivery {
    id: i64,
    guid: String,
    event: String,
    #[serde(default)]
    redelivery: bool,
    status_code: i64,
    status: String,
}

impl GitHubApp {
    /// The App's settings, and GitHub's time.
    ///
    /// # Errors
    /// [`GitHubError::Unauthorized`] when the App's number and key do not belong together.
    pub async fn checkup(&self) -> Result<Checkup, GitHubError> {
        let reply = self.shared.send_as_app(&Call::new(&GET_APP, &[])).await?;
        let answered_at = reply.answered_at();
        let app: WireApp = reply.json()?;
        let slug = app.slug.unwrap_or_default();
        let organisation = app.owner.filter(|owner| owner.kind.as_deref() == Some("Organization"));
        Ok(Checkup {
            name: app.name.unwrap_or_else(|| slug.clone()),
            slug,
            organisation: organisation.and_then(|owner| owner.login),
            permissions: app.permissions,
            events: app.events,
            answered_at,
        })
    }

    /// All installations, with what was accepted there.
    ///
    /// # Errors
    /// Whatever GitHub refuses.
    pub async fn grants(&self) -> Result<Vec<Grant>, GitHubError> {
        let mut all = Vec::new();
        let first = Call::new(&LIST_INSTALLATIONS, &[]).query(&[("per_page", "100")]);
        each_page_of(&Asker::App(&self.shared), first, |page: Vec<WireInstallation>| {
            all.extend(page.into_iter().map(|it| Grant {
                installation: InstallationId(it.id),
                account: it.account.and_then(|account| account.login.or(account.slug)).unwrap_or_default(),
                suspended: it.suspended_at.is_some(),
                permissions: it.permissions,
                events: it.events,
                page: it.html_url,
            }));
            Enough::No
        })
        .await?;
        Ok(all)
    }

    /// The App's webhook.
    ///
    /// # Errors
    /// Whatever GitHub refuses.
    pub async fn hook(&self) -> Result<Hook, GitHubError> {
        let hook: WireHook = self.shared.send_as_app(&Call::new(&GET_HOOK_CONFIG, &[])).await?.json()?;
        Ok(Hook {
            url: hook.url.filter(|url| !url.is_empty()),
            content_type: hook.content_type,
            has_secret: hook.secret.is_some_and(|secret| !secret.is_empty()),
            insecure: hook.insecure_ssl.is_some_and(|value| value == json!("1") || value == json!(1)),
        })
    }

    /// The newest attempts at deliveries, newest first; 100 at most.
    ///
    /// # Errors
    /// Whatever GitHub refuses.
    pub async fn latest_attempts(&self) -> Result<Vec<Answered>, GitHubError> {
        let call = Call::new(&LIST_DELIVERIES, &[]).query(&[("per_page", "100")]);
        let page: Vec<WireDelivery> = self.shared.send_as_app(&call).await?.json()?;
        Ok(page
            .into_iter()
            .map(|it| Answered {
                id: it.id,
                guid: it.guid,
                event: it.event,
                redelivery: it.redelivery,
                status: it.status_code,
                says: it.status,
            })
            .collect())
    }
}

impl Repository {
    /// The logins GitHub suggests for assignment here, 100 at most.
    ///
    /// # Errors
    /// Whatever GitHub refuses.
    pub async fn suggested_assignees(&self) -> Result<Vec<String>, GitHubError> {
        let variables = json!({ "owner": self.owner(), "name": self.name() });
        let data = self.query(&SUGGESTED_ACTORS, SUGGESTED_ACTORS_OF, variables).await?;
        let nodes = data["repository"]["suggestedActors"]["nodes"].as_array().cloned().unwrap_or_default();
        Ok(nodes.iter().filter_map(|node| node["login"].as_str().map(str::to_owned)).collect())
    }
}
