//! An App made from a manifest: what GitHub takes, what it says about the rest, and the code for the App's secrets.
//!
//! Source of the keys: GitHub's documentation, "Registering a GitHub App from a manifest". The wording of the
//! complaints is that of the page GitHub shows ("Invalid GitHub App configuration").

use jiff::SignedDuration;
use serde_json::{Map, Value};

use super::setup::{AppCredentials, AppSpec};
use super::{Done, Refusal};
use crate::world::World;
use crate::world::permission::{Level, Permissions};
use crate::world::web::ManifestCode;

/// How long a code can be traded in.
const CODE_LIFE: SignedDuration = SignedDuration::from_hours(1);
/// GitHub's limit for an App's name, in characters.
const LONGEST_NAME: usize = 34;

/// What a manifest says, once it is one.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Manifest {
    pub name: String,
    pub homepage: String,
    pub redirect_url: Option<String>,
    pub setup_url: Option<String>,
    pub setup_on_update: bool,
    pub description: Option<String>,
    pub public: bool,
    pub hook_url: Option<String>,
    pub hook_active: bool,
    pub permissions: Permissions,
    pub events: Vec<String>,
}

/// The keys of a manifest, and what each must be.
const KEYS: [(&str, &str); 12] = [
    ("name", "string"),
    ("url", "string"),
    ("hook_attributes", "object"),
    ("redirect_url", "string"),
    ("callback_urls", "array"),
    ("setup_url", "string"),
    ("description", "string"),
    ("public", "boolean"),
    ("default_events", "array"),
    ("default_permissions", "object"),
    ("request_oauth_on_install", "boolean"),
    ("setup_on_update", "boolean"),
];

/// The permissions an App may ask for, on repositories, organisations and accounts.
const PERMISSIONS: &[&str] = &[
    "actions",
    "actions_variables",
    "administration",
    "attestations",
    "blocking",
    "checks",
    "codespaces",
    "codespaces_lifecycle_admin",
    "codespaces_metadata",
    "codespaces_secrets",
    "contents",
    "dependabot_secrets",
    "deployments",
    "discussions",
    "emails",
    "environments",
    "followers",
    "gists",
    "git_ssh_keys",
    "gpg_keys",
    "interaction_limits",
    "issues",
    "keys",
    "members",
    "merge_queues",
    "metadata",
    "organization_administration",
    "organization_announcement_banners",
    "organization_copilot_seat_management",
    "organization_custom_org_roles",
    "organization_custom_properties",
    "organization_custom_roles",
    "organization_events",
    "organization_hooks",
    "organization_packages",
    "organization_personal_access_token_requests",
    "organization_personal_access_tokens",
    "organization_plan",
    "organization_projects",
    "organization_secrets",
    "organization_self_hosted_runners",
    "organization_user_blocking",
    "packages",
    "pages",
    "profile",
    "pull_requests",
    "repository_custom_properties",
    "repository_hooks",
    "repository_projects",
    "secret_scanning_alerts",
    "secrets",
    "security_events",
    "single_file",
    "starring",
    "statuses",
    "team_discussions",
    "variables",
    "vulnerability_alerts",
    "watching",
    "workflows",
];

/// Events an App may subscribe to, with the permissions one of which it needs; none: any App may.
const EVENTS: &[(&str, &[&str])] = &[
    ("branch_protection_rule", &["administration"]),
    ("check_run", &["checks"]),
    ("check_suite", &["checks"]),
    ("code_scanning_alert", &["security_events"]),
    ("commit_comment", &["contents"]),
    ("create", &["contents"]),
    ("delete", &["contents"]),
    ("deployment", &["deployments"]),
    ("deployment_status", &["deployments"]),
    ("discussion", &["discussions"]),
    ("discussion_comment", &["discussions"]),
    ("fork", &["contents"]),
    ("gollum", &["contents"]),
    ("issue_comment", &["issues", "pull_requests"]),
    ("issues", &["issues"]),
    ("label", &["issues", "pull_requests", "metadata"]),
    ("member", &["members", "metadata"]),
    ("membership", &["members"]),
    ("merge_group", &["merge_queues"]),
    ("meta", &[]),
    ("milestone", &["issues", "pull_requests"]),
    ("organization", &["members"]),
    ("public", &["metadata"]),
    ("pull_request", &["pull_requests"]),
    ("pull_request_review", &["pull_requests"]),
    ("pull_request_review_comment", &["pull_requests"]),
    ("pull_request_review_thread", &["pull_requests"]),
    ("push", &["contents"]),
    ("release", &["contents"]),
    ("repository", &["metadata"]),
    ("repository_dispatch", &["contents"]),
    ("repository_ruleset", &["administration"]),
    ("star", &["metadata"]),
    ("status", &["statuses"]),
    ("sub_issues", &["issues"]),
    ("team", &["members"]),
    ("team_add", &["members", "metadata"]),
    ("watch", &["metadata"]),
    ("workflow_dispatch", &["contents"]),
    ("workflow_job", &["actions"]),
    ("workflow_run", &["actions"]),
];

impl Manifest {
    /// Reads a manifest, or says everything that is wrong with it.
    pub(crate) fn read(text: &str, refuse_local: bool) -> Result<Self, Vec<String>> {
        let Ok(Value::Object(fields)) = serde_json::from_str::<Value>(text) else {
            return Err(vec!["Problems parsing JSON".into()]);
        };
        let mut wrong = wrong_shape(&fields);
        wrong.sort();
        if !wrong.is_empty() {
            return Err(wrong);
        }
        let word = |name: &str| fields.get(name).and_then(Value::as_str).map(str::to_owned);
        let flag = |name: &str| fields.get(name).and_then(Value::as_bool);
        let hook = fields.get("hook_attributes");
        let manifest = Self {
            name: word("name").unwrap_or_default(),
            homepage: word("url").unwrap_or_default(),
            redirect_url: word("redirect_url"),
            setup_url: word("setup_url"),
            setup_on_update: flag("setup_on_update").unwrap_or(false),
            description: word("description"),
            public: flag("public").unwrap_or(false),
            hook_url: hook.and_then(|it| it.get("url")?.as_str()).map(str::to_owned),
            hook_active: hook.and_then(|it| it.get("active")).and_then(Value::as_bool).unwrap_or(true),
            permissions: permissions(&fields, &mut wrong),
            events: names(fields.get("default_events")),
        };
        manifest.check(refuse_local, &mut wrong);
        wrong.sort();
        if wrong.is_empty() { Ok(manifest) } else { Err(wrong) }
    }

    fn check(&self, refuse_local: bool, wrong: &mut Vec<String>) {
        let urls = [
            ("Url", Some(&self.homepage)),
            ("Redirect url", self.redirect_url.as_ref()),
            ("Setup url", self.setup_url.as_ref()),
            ("Hook url", self.hook_url.as_ref()),
        ];
        for (what, url) in urls {
            if url.is_some_and(|url| !is_web_url(url)) {
                wrong.push(format!("{what} must be a valid URL"));
            }
        }
        let local = self.hook_url.as_deref().and_then(local_host);
        if let Some(host) = local.filter(|_| refuse_local) {
            wrong.push(format!(
                "Webhook URL is not supported because it isn't reachable over the public Internet ({host})"
            ));
        }
        let unknown = |event: &&String| EVENTS.iter().all(|(name, _)| name != event);
        let unsupported: Vec<&str> = self.events.iter().filter(unknown).map(String::as_str).collect();
        if !unsupported.is_empty() {
            wrong.push(format!("Default events unsupported: {}", unsupported.join(", ")));
        }
        let short = |event: &&String| {
            let needs = EVENTS.iter().find(|(name, _)| name == event).map_or(&[][..], |(_, needs)| *needs);
            let has = |name: &&str| *name == "metadata" || self.permissions.contains_key(*name);
            !needs.is_empty() && !needs.iter().any(has)
        };
        let unsupported: Vec<&str> = self.events.iter().filter(short).map(String::as_str).collect();
        if !unsupported.is_empty() {
            wrong.push(format!("Default events are not supported by permissions: {}", unsupported.join(", ")));
        }
    }

    fn spec(self, name: &str, owner: &str) -> AppSpec {
        AppSpec {
            name: name.to_owned(),
            owner: owner.to_owned(),
            webhook_url: self.hook_url.filter(|_| self.hook_active),
            webhook_secret: None,
            permissions: self.permissions,
            events: self.events,
            description: self.description,
            homepage: Some(self.homepage),
            public: self.public,
            setup_url: self.setup_url,
            setup_on_update: self.setup_on_update,
        }
    }
}

fn wrong_shape(fields: &Map<String, Value>) -> Vec<String> {
    let mut wrong = Vec::new();
    for (name, value) in fields {
        match KEYS.iter().find(|(key, _)| key == name) {
            None => wrong.push(format!("\"{name}\" is not a permitted key.")),
            Some((_, kind)) if !is(value, kind) => wrong.push(not_a(name, value, kind)),
            Some(_) => {}
        }
    }
    // GitHub names the missing field of `hook_attributes` without its parent.
    let no_hook_url = fields.get("hook_attributes").is_some_and(|hook| hook.get("url").is_none());
    if !fields.contains_key("url") || no_hook_url {
        wrong.push("\"url\" wasn't supplied.".into());
    }
    let Some(Value::Object(hook)) = fields.get("hook_attributes") else { return wrong };
    for (name, value) in hook {
        match (name.as_str(), value) {
            ("url", Value::String(_)) | ("active", Value::Bool(_)) => {}
            ("url", other) => wrong.push(not_a("url", other, "string")),
            ("active", other) => wrong.push(not_a("active", other, "boolean")),
            (other, _) => wrong.push(format!("\"{other}\" is not a permitted key.")),
        }
    }
    wrong
}

fn is(value: &Value, kind: &str) -> bool {
    match kind {
        "string" => value.is_string(),
        "object" => value.is_object(),
        "array" => value.is_array(),
        _ => value.is_boolean(),
    }
}

fn not_a(name: &str, value: &Value, kind: &str) -> String {
    let article = if matches!(kind, "object" | "array") { "an" } else { "a" };
    format!("For 'properties/{name}', {value} is not {article} {kind}.")
}

fn names(list: Option<&Value>) -> Vec<String> {
    list.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

fn permissions(fields: &Map<String, Value>, wrong: &mut Vec<String>) -> Permissions {
    let mut permissions = Permissions::new();
    let wanted = fields.get("default_permissions").and_then(Value::as_object);
    for (name, level) in wanted.into_iter().flatten() {
        let known = PERMISSIONS.contains(&name.as_str());
        match serde_json::from_value::<Level>(level.clone()) {
            Ok(level) if known => {
                permissions.insert(name.clone(), level);
            }
            Ok(_) => wrong.push("Default permission records resource is not included in the list".into()),
            Err(_) if level == "none" && known => {}
            Err(_) => wrong.push(format!("Default permission records action is not included in the list ({name})")),
        }
    }
    permissions
}

fn is_web_url(url: &str) -> bool {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/') && !rest.contains(char::is_whitespace))
}

/// The host of an address on this machine.
fn local_host(url: &str) -> Option<&str> {
    let host = url.split_once("://")?.1.split(['/', '?', '#']).next()?;
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    matches!(name, "localhost" | "127.0.0.1" | "[::1]" | "0.0.0.0").then_some(name)
}

impl World {
    /// Registers the App of a manifest; the code that `POST /app-manifests/{code}/conversions` takes.
    pub(crate) fn register_from_manifest(
        &mut self,
        manifest: Manifest,
        name: &str,
        owner: &str,
    ) -> Done<(u64, String)> {
        let name = name.trim();
        if name.is_empty() {
            return Err(Refusal::new(422, "Name can't be blank"));
        }
        if name.chars().count() > LONGEST_NAME {
            return Err(Refusal::new(422, format!("Name is too long (maximum is {LONGEST_NAME} characters)")));
        }
        let made: AppCredentials = self.add_app(manifest.spec(name, owner))?;
        let code = super::setup::random_hex(20);
        let made_at = self.now();
        let entry = ManifestCode { app: made.app_id, private_key_pem: made.private_key_pem, made_at };
        self.web.codes.insert(code.clone(), entry);
        if !self.switches.ping_at_installation {
            self.ping(made.app_id);
        }
        Ok((made.app_id, code))
    }

    /// Trades a code in: the App and its private key, once and within the hour.
    pub(crate) fn trade_code(&mut self, code: &str) -> Option<ManifestCode> {
        let entry = self.web.codes.remove(code)?;
        (self.now().duration_since(entry.made_at) < CODE_LIFE).then_some(entry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn wrong(text: &str) -> String {
        Manifest::read(text, true).expect_err("a complaint").join(" | ")
    }

    #[test]
    fn what_github_says_about_a_bad_manifest() {
        insta::assert_snapshot!([
            wrong("{"),
            wrong("{}"),
            wrong(r#"{"url": {"a": 1}, "logo": "x"}"#),
            wrong(r#"{"url": "https://x", "hook_attributes": {"active": false}}"#),
            wrong(r#"{"url": "https://x", "hook_attributes": {"url": "https://x", "secret": "s"}}"#),
            wrong(r#"{"url": "https://x", "hook_attributes": {"url": "http://localhost:1/h"}}"#),
            wrong(r#"{"url": "x", "default_permissions": {"nonsense": "write", "issues": "full"}}"#),
            wrong(r#"{"url": "https://x", "default_events": ["installation", "push"]}"#),
        ].join("\n"), @r#"
        Problems parsing JSON
        "url" wasn't supplied.
        "logo" is not a permitted key. | For 'properties/url', {"a":1} is not a string.
        "url" wasn't supplied.
        "secret" is not a permitted key.
        Webhook URL is not supported because it isn't reachable over the public Internet (localhost)
        Default permission records action is not included in the list (issues) | Default permission records resource is not included in the list | Url must be a valid URL
        Default events are not supported by permissions: push | Default events unsupported: installation
        "#);
    }

    proptest! {
        #[test]
        fn no_text_breaks_the_reader(text in "[\\{\\}\\[\\]\":,a-z_ 0-9]{0,200}") {
            let _ = Manifest::read(&text, true);
        }
    }
}
