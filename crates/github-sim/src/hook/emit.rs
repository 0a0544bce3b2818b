//! Turns a change into the webhooks it causes: which Apps hear of it, and the envelope around the particulars.

use jiff::SignedDuration;
use percent_encoding::{NON_ALPHANUMERIC, percent_decode, utf8_percent_encode};
use rand::Rng;
use serde_json::{Map, Value, json};

use super::delivery::{Delivery, Outcome};
use super::sign::{sha1_signature, sha256_signature};
use crate::world::app::Installation;
use crate::world::permission::Level;
use crate::world::{Actor, World};

/// GitHub sends no payload above 25 MB.
const LARGEST_PAYLOAD: usize = 25 * 1024 * 1024;
/// How long a delivery can be looked at and sent again.
const DELIVERY_LIFE: SignedDuration = SignedDuration::from_hours(3 * 24);
/// And on Enterprise Server.
const DELIVERY_LIFE_OF_ENTERPRISE: SignedDuration = SignedDuration::from_hours(7 * 24);
/// How a form-encoded delivery begins. JSON begins with a brace.
const FORM: &[u8] = b"payload=";

/// The payload in the bytes of a delivery.
pub(crate) fn payload(body: &[u8]) -> Value {
    let plain = body.strip_prefix(FORM).map(|form| percent_decode(form).collect::<Vec<u8>>());
    serde_json::from_slice(plain.as_deref().unwrap_or(body)).unwrap_or_default()
}

/// The particulars of an event, in the order GitHub writes them.
pub(crate) type Particulars = Vec<(&'static str, Value)>;

impl World {
    /// An event in a repository, for every App that is installed there and subscribed.
    pub(crate) fn emit(&mut self, event: &str, action: Option<&str>, repo: u64, by: &Actor, particulars: Particulars) {
        if self.outbox.quiet {
            return;
        }
        let hears = |it: &Installation| it.suspended.is_none() && it.events.contains(event);
        self.emit_where(hears, event, action, repo, by, particulars);
    }

    /// An event about a check that only the App which made the check hears of. Who may write checks is subscribed to
    /// these without asking for them.
    pub(crate) fn emit_to_maker(
        &mut self,
        event: &str,
        action: &str,
        repo: u64,
        by: &Actor,
        maker: u64,
        particulars: Particulars,
    ) {
        let hears = |it: &Installation| {
            let writes = it.permissions.get("checks").is_some_and(|level| *level >= Level::Write);
            it.suspended.is_none() && it.app == maker && writes
        };
        if !self.outbox.quiet {
            self.emit_where(hears, event, Some(action), repo, by, particulars);
        }
    }

    fn emit_where(
        &mut self,
        hears: impl Fn(&Installation) -> bool,
        event: &str,
        action: Option<&str>,
        repo: u64,
        by: &Actor,
        particulars: Particulars,
    ) {
        let installations = self.installations_on(repo).into_iter().filter_map(|id| self.installation(id));
        let listening: Vec<(u64, u64)> = installations.filter(|it| hears(it)).map(|it| (it.app, it.id)).collect();
        let mut body = envelope(action, particulars);
        body.insert("repository".into(), self.repository_json(repo));
        if let Some(organization) = self.organization_json_of(repo) {
            body.insert("organization".into(), organization);
        }
        body.insert("sender".into(), self.user_json(by.user));
        for (app, installation) in listening {
            let mut body = body.clone();
            let node = format!("MDIzOkludGVncmF0aW9uSW5zdGFsbGF0aW9u{installation}");
            body.insert("installation".into(), json!({"id": installation, "node_id": node}));
            self.deliver(app, event, action, Some(installation), Some(repo), Value::Object(body));
        }
    }

    /// An event about an App itself (`ping`, `installation`…), which it hears whatever it subscribed to.
    pub(crate) fn emit_to_app(&mut self, app: u64, event: &str, action: Option<&str>, particulars: Particulars) {
        if self.outbox.quiet {
            return;
        }
        let installation = particulars
            .iter()
            .find(|(name, _)| *name == "installation")
            .and_then(|(_, installation)| installation.get("id")?.as_u64());
        let body = Value::Object(envelope(action, particulars));
        self.deliver(app, event, action, installation, None, body);
    }

    fn deliver(
        &mut self,
        app: u64,
        event: &str,
        action: Option<&str>,
        installation: Option<u64>,
        repository: Option<u64>,
        payload: Value,
    ) {
        let json = payload.to_string();
        let Some(app) = self.app(app).filter(|app| app.hook.active) else { return };
        let Some(url) = app.webhook_url.clone() else { return };
        // GitHub never sends what is larger.
        if json.len() > LARGEST_PAYLOAD {
            return;
        }
        let (id, secret, hook, form) = (app.id, app.webhook_secret.clone(), app.hook_id, app.hook.form);
        let body = if form { format!("payload={}", utf8_percent_encode(&json, NON_ALPHANUMERIC)) } else { json };
        for _ in 0..=self.switches.extra_webhooks {
            let guid = guid();
            let headers = headers(id, hook, event, &guid, &secret, body.as_bytes());
            let delivery = Delivery {
                id: self.fresh_id(),
                guid,
                app: id,
                event: event.into(),
                action: action.map(str::to_owned),
                installation,
                repository,
                body: body.clone().into(),
                headers,
                url: url.clone(),
                redelivery: false,
                at: self.now(),
                outcome: Outcome::Waiting,
            };
            self.outbox.add(delivery);
        }
    }

    /// Whether GitHub still has this delivery.
    pub(crate) fn remembers(&self, delivery: &Delivery) -> bool {
        let life = if self.urls.enterprise() { DELIVERY_LIFE_OF_ENTERPRISE } else { DELIVERY_LIFE };
        self.now().duration_since(delivery.at) < life
    }

    /// Any event with any payload, to an App whatever it subscribed to.
    pub(crate) fn emit_anything(&mut self, app: u64, event: &str, payload: Value) {
        let action = payload.get("action").and_then(Value::as_str).map(str::to_owned);
        let id = |name: &str| payload.get(name).and_then(|it| it.get("id")?.as_u64());
        let (installation, repository) = (id("installation"), id("repository"));
        self.deliver(app, event, action.as_deref(), installation, repository, payload);
    }

    /// Sends the newest attempt's event once more, under its old GUID; the new attempt's id.
    pub(crate) fn redeliver(&mut self, delivery: u64) -> Option<u64> {
        let mut again = self.outbox.find(delivery).filter(|it| self.remembers(it))?.clone();
        if let Some(url) = self.app(again.app).and_then(|app| app.webhook_url.clone()) {
            again.url = url;
        }
        again.id = self.fresh_id();
        again.redelivery = true;
        again.at = self.now();
        again.outcome = Outcome::Waiting;
        let id = again.id;
        self.outbox.add(again);
        Some(id)
    }

    /// Sends the bytes of an earlier delivery under a new GUID, signed with any secret, or not at all.
    pub(crate) fn forge(&mut self, delivery: u64, secret: Option<&str>) -> Option<u64> {
        let mut forged = self.outbox.find(delivery)?.clone();
        let hook = self.app(forged.app)?.hook_id;
        forged.id = self.fresh_id();
        forged.guid = guid();
        forged.headers = headers(forged.app, hook, &forged.event, &forged.guid, secret.unwrap_or(""), &forged.body);
        if secret.is_none() {
            forged.headers.retain(|(name, _)| !name.starts_with("X-Hub-Signature"));
        }
        forged.redelivery = false;
        forged.outcome = Outcome::Waiting;
        let id = forged.id;
        self.outbox.add(forged);
        Some(id)
    }
}

fn envelope(action: Option<&str>, particulars: Particulars) -> Map<String, Value> {
    let mut body = Map::new();
    if let Some(action) = action {
        body.insert("action".into(), action.into());
    }
    body.extend(particulars.into_iter().map(|(name, value)| (name.to_owned(), value)));
    body
}

/// The headers GitHub sends along, in its own capitals.
fn headers(app: u64, hook: u64, event: &str, guid: &str, secret: &str, body: &[u8]) -> Vec<(String, String)> {
    let form = body.starts_with(FORM);
    [
        ("Accept", "*/*".to_owned()),
        ("Content-Type", if form { "application/x-www-form-urlencoded" } else { "application/json" }.to_owned()),
        ("User-Agent", format!("GitHub-Hookshot/{:07x}", hook & 0x0fff_ffff)),
        ("X-GitHub-Delivery", guid.to_owned()),
        ("X-GitHub-Event", event.to_owned()),
        ("X-GitHub-Hook-ID", hook.to_string()),
        ("X-GitHub-Hook-Installation-Target-ID", app.to_string()),
        ("X-GitHub-Hook-Installation-Target-Type", "integration".to_owned()),
        ("X-Hub-Signature", sha1_signature(secret, body)),
        ("X-Hub-Signature-256", sha256_signature(secret, body)),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

/// A random identifier in the shape of a version 1 UUID, as GitHub's are.
fn guid() -> String {
    let mut bytes = [0u8; 16];
    rand::rng().fill_bytes(&mut bytes);
    let hex = hex::encode(bytes);
    format!("{}-{}-11f0-{}-{}", &hex[..8], &hex[8..12], &hex[16..20], &hex[20..32])
}
