//! What exists before anything happens: people, organisations, repositories, Apps.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rand::Rng;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Done, Refusal};
use crate::git::commit::{Author, Files, NewCommit};
use crate::world::World;
use crate::world::account::{Account, AccountKind};
use crate::world::app::{About, App, HookSettings};
use crate::world::permission::{Level, Permissions};
use crate::world::repository::Repository;

/// An App to register.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AppSpec {
    /// Display name; the slug is made from it.
    pub name: String,
    /// Login of the owner; the first account when empty.
    pub owner: String,
    /// Where webhooks go; none are sent without it.
    pub webhook_url: Option<String>,
    /// The secret that signs them; a random one when absent.
    pub webhook_secret: Option<String>,
    /// `issues` → `write`, …; `metadata: read` is always added.
    pub permissions: Permissions,
    /// The events subscribed to.
    pub events: Vec<String>,
    /// What its page says.
    pub description: Option<String>,
    /// Its homepage.
    pub homepage: Option<String>,
    /// Anybody may install it through its page, not its owner alone.
    pub public: bool,
    /// Where the browser goes after an installation.
    pub setup_url: Option<String>,
    /// And after its repositories changed.
    pub setup_on_update: bool,
}

/// What the owner of a new App is shown once.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AppCredentials {
    /// The numeric id.
    pub app_id: u64,
    /// The name in URLs; the bot's login is `slug[bot]`.
    pub slug: String,
    /// The client id, which may stand for the app id in a JWT.
    pub client_id: String,
    /// The client secret, which only web flows use.
    pub client_secret: String,
    /// The private RSA key that signs the App's JWTs.
    pub private_key_pem: String,
    /// What signs the webhooks.
    pub webhook_secret: String,
    /// The id of the bot's account (not of the App).
    pub bot_user_id: u64,
}

impl World {
    /// The account's id; made when there is none of this login.
    pub(crate) fn ensure_account(&mut self, login: &str, kind: AccountKind) -> Done<u64> {
        if let Some(there) = self.account_by_login(login) {
            return Ok(there.id);
        }
        let plain = !login.is_empty() && login.chars().all(|c| c.is_ascii_alphanumeric() || "-_[]".contains(c));
        if !plain {
            return Err(Refusal::new(422, format!("{login:?} is no login: letters, digits and '-' only")));
        }
        let (id, now) = (self.fresh_id(), self.now());
        self.accounts.push(Account {
            id,
            login: login.to_owned(),
            kind,
            created_at: now,
            app: None,
            owners: BTreeSet::new(),
        });
        Ok(id)
    }

    /// Makes a repository with a first commit of `files`; the owner becomes a user when not known yet.
    pub(crate) fn add_repository(&mut self, full_name: &str, files: &Files, private: bool) -> Done<u64> {
        let (owner, name) = full_name
            .split_once('/')
            .filter(|(owner, name)| !owner.is_empty() && !name.is_empty() && !name.contains('/'))
            .ok_or_else(|| Refusal::new(422, format!("{full_name:?} is no repository name; write owner/name")))?;
        if self.repo_by_name(owner, name).is_some() {
            return Err(Refusal::custom("Repository", "name already exists on this account"));
        }
        let owner = self.ensure_account(owner, AccountKind::User)?;
        let (id, now) = (self.fresh_id(), self.now());
        self.git.init(id, "main")?;
        if !files.0.is_empty() {
            let (author, email) = (self.login(owner).to_owned(), self.email_of(owner));
            let commit = NewCommit {
                branch: "main",
                parent: None,
                author: Author { name: &author, email: &email, at: now.as_second() },
                message: "Initial commit",
                changes: files.0.iter().map(|(path, file)| (path.as_str(), Some(file))).collect(),
            };
            self.git.make_commit(id, &commit)?;
        }
        self.repositories.insert(
            id,
            Repository {
                id,
                owner,
                name: name.to_owned(),
                description: None,
                private,
                archived: false,
                has_issues: true,
                default_branch: "main".into(),
                fork_of: None,
                collaborators: BTreeMap::new(),
                labels: Vec::new(),
                issues: BTreeMap::new(),
                deleted_issues: BTreeSet::new(),
                moved_issues: BTreeMap::new(),
                last_number: 0,
                protected: BTreeMap::new(),
                rulesets: Vec::new(),
                push_protection: !private,
                renamed_branches: BTreeMap::new(),
                moves: Vec::new(),
                check_suites: Vec::new(),
                check_runs: Vec::new(),
                statuses: Vec::new(),
                created_at: now,
                updated_at: now,
                pushed_at: now,
            },
        );
        self.announce_new_repository(id);
        Ok(id)
    }

    /// A copy of a repository under another owner; the copy's id.
    pub(crate) fn fork(&mut self, repo: u64, owner: u64) -> Done<u64> {
        let (name, default, private) = self
            .repo(repo)
            .map(|repo| (repo.name.clone(), repo.default_branch.clone(), repo.private))
            .ok_or_else(Refusal::not_found)?;
        let full_name = format!("{}/{name}", self.login(owner));
        let id = self.add_repository(&full_name, &Files::none(), private)?;
        let source = self.git.dir(repo).to_string_lossy().into_owned();
        self.git.run(id, &["fetch", "--quiet", &source, "+refs/heads/*:refs/heads/*"])?;
        if let Some(fork) = self.repositories.get_mut(&id) {
            fork.fork_of = Some(repo);
            fork.default_branch = default;
        }
        Ok(id)
    }

    /// Registers an App with a bot account and a fresh key.
    pub(crate) fn add_app(&mut self, spec: AppSpec) -> Done<AppCredentials> {
        let slug = slug_of(&spec.name);
        if slug.is_empty() || self.apps.iter().any(|app| app.slug == slug) {
            return Err(Refusal::new(422, format!("the App name {:?} is empty or already taken", spec.name)));
        }
        let owner = match (spec.owner.as_str(), self.accounts.first()) {
            ("", Some(first)) => first.id,
            ("", None) => self.ensure_account(&format!("{slug}-owner"), AccountKind::User)?,
            (login, _) => self.ensure_account(login, AccountKind::User)?,
        };
        let keys = KeyPair::generate()?;
        // The App's id and its bot's id differ on GitHub, and mixing them up is a common mistake.
        let (id, bot) = (self.fresh_id(), self.ensure_account(&format!("{slug}[bot]"), AccountKind::Bot)?);
        if let Some(account) = self.accounts.iter_mut().find(|account| account.id == bot) {
            account.app = Some(id);
        }
        let mut permissions = spec.permissions;
        permissions.entry("metadata".into()).or_insert(Level::Read);
        let app = App {
            id,
            slug: slug.clone(),
            name: spec.name,
            client_id: format!("Iv23{}", random_hex(8)),
            client_secret: random_hex(20),
            owner,
            bot,
            public_key_pem: keys.public_pem,
            about: About {
                description: spec.description,
                homepage: spec.homepage,
                public: spec.public,
                setup_url: spec.setup_url,
                setup_on_update: spec.setup_on_update,
            },
            hook: HookSettings { active: spec.webhook_url.is_some(), form: false, insecure_ssl: false },
            webhook_url: spec.webhook_url,
            webhook_secret: spec.webhook_secret.unwrap_or_else(|| random_hex(20)),
            hook_id: self.fresh_id(),
            permissions,
            events: spec.events.into_iter().collect(),
            created_at: self.now(),
        };
        let credentials = AppCredentials {
            app_id: id,
            slug,
            client_id: app.client_id.clone(),
            client_secret: app.client_secret.clone(),
            private_key_pem: keys.private_pem,
            webhook_secret: app.webhook_secret.clone(),
            bot_user_id: bot,
        };
        self.apps.push(app);
        Ok(credentials)
    }

    /// Gives an App a new key in the place of its old one; the key.
    pub(crate) fn rotate_key(&mut self, app: u64) -> Done<String> {
        let keys = KeyPair::generate()?;
        let it = self.apps.iter_mut().find(|it| it.id == app).ok_or_else(Refusal::not_found)?;
        it.public_key_pem = keys.public_pem;
        Ok(keys.private_pem)
    }

    /// Sets where an App's webhooks go, and pings it there.
    pub(crate) fn set_webhook_url(&mut self, app: u64, url: Option<String>) -> Done<()> {
        let it = self.apps.iter_mut().find(|it| it.id == app).ok_or_else(Refusal::not_found)?;
        it.hook.active = url.is_some();
        it.webhook_url = url;
        self.ping(app);
        Ok(())
    }

    /// Sends the App a `ping`, as for a new hook.
    pub(crate) fn ping(&mut self, app: u64) {
        let Some(it) = self.app(app) else { return };
        let (hook, at) = (it.hook_id, crate::clock::stamp(it.created_at));
        let deliveries = format!("{}/app/hook/deliveries", self.urls.api);
        let hook_json = json!({"type": "App", "id": hook, "name": "web", "active": it.hook.active, "events": it.events,
            "config": self.hook_config_json(it), "updated_at": at, "created_at": at, "app_id": app,
            "deliveries_url": deliveries});
        let particulars = vec![("zen", json!("Design for failure.")), ("hook_id", json!(hook)), ("hook", hook_json)];
        self.emit_to_app(app, "ping", None, particulars);
    }
}

struct KeyPair {
    private_pem: String,
    public_pem: String,
}

impl KeyPair {
    fn generate() -> Done<Self> {
        use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
        use aws_lc_rs::rsa::{KeyPair, KeySize};
        use aws_lc_rs::signature::KeyPair as _;
        let failed = |_| Refusal::new(500, "no RSA key could be generated; the machine's crypto library failed");
        let pair = KeyPair::generate(KeySize::Rsa2048).map_err(failed)?;
        let private: Pkcs8V1Der<'_> = pair.as_der().map_err(failed)?;
        let public: PublicKeyX509Der<'_> = pair.public_key().as_der().map_err(failed)?;
        let private = pkcs1(private.as_ref())
            .ok_or_else(|| Refusal::new(500, "the machine's crypto library wrote a key in an unknown form"))?;
        Ok(Self { private_pem: pem("RSA PRIVATE KEY", private), public_pem: pem("PUBLIC KEY", public.as_ref()) })
    }
}

/// The RSA key (RFC 8017) inside PKCS #8's wrapping (RFC 5208): GitHub hands out `BEGIN RSA PRIVATE KEY`.
fn pkcs1(der: &[u8]) -> Option<&[u8]> {
    let (fields, _) = element(der)?;
    let (_version, rest) = element(fields)?;
    let (_algorithm, rest) = element(rest)?;
    element(rest).map(|(key, _)| key)
}

/// The content of the first DER element, and what follows it.
fn element(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (first, rest) = (usize::from(*der.get(1)?), der.get(2..)?);
    let count = if first < 0x80 { 0 } else { first & 0x7f };
    let length = match count {
        0 => first,
        _ => rest.get(..count)?.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)),
    };
    rest.get(count..)?.split_at_checked(length)
}

/// RFC 7468's text form.
fn pem(label: &str, der: &[u8]) -> String {
    let encoded = STANDARD.encode(der);
    let lines: Vec<&str> =
        encoded.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap_or_default()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

pub(super) fn random_hex(bytes: usize) -> String {
    let mut random = vec![0u8; bytes];
    rand::rng().fill_bytes(&mut random);
    hex::encode(random)
}

fn slug_of(name: &str) -> String {
    let dashed: String =
        name.trim().chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect();
    dashed.trim_matches('-').to_owned()
}
