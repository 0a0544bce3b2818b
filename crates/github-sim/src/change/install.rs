//! Installing an App: on repositories, with permissions accepted, suspended, taken away. And its tokens.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::SignedDuration;
use rand::Rng;
use serde_json::{Value, json};

use super::{Done, Refusal};
use crate::world::app::{Installation, Token, TokenKind};
use crate::world::permission::Permissions;
use crate::world::{Actor, World};

/// How long an installation token lives.
pub(crate) const TOKEN_LIFE: SignedDuration = SignedDuration::from_hours(1);

/// What a new installation token is narrowed to.
#[derive(Debug, Default)]
pub(crate) struct Narrowing {
    pub repositories: Option<BTreeSet<u64>>,
    pub permissions: Option<Permissions>,
}

impl World {
    /// Installs an App on a repository, or adds the repository to what is installed; the installation's id.
    pub(crate) fn install(&mut self, app: u64, repo: u64) -> Done<u64> {
        let account = self.repo(repo).map(|repo| repo.owner).ok_or_else(Refusal::not_found)?;
        let short = vec![self.short_repository_json(repo)];
        let by = self.person_actor(account);
        let known = self.installations.iter_mut().find(|it| it.app == app && it.account == account);
        if let Some(known) = known {
            let id = known.id;
            if known.selected.as_mut().is_some_and(|selected| selected.insert(repo)) {
                self.announce_repositories(&by, id, "added", &short);
            }
            return Ok(id);
        }
        let (id, now) = (self.fresh_id(), self.now());
        let (permissions, events) =
            self.app(app).map(|app| (app.permissions.clone(), app.events.clone())).ok_or_else(Refusal::not_found)?;
        self.installations.push(Installation {
            id,
            app,
            account,
            selected: Some(BTreeSet::from([repo])),
            permissions,
            events,
            suspended_at: None,
            created_at: now,
        });
        self.record(&by, "installation.create", Some(repo), json!({"installation": id, "app": app}));
        self.announce_installation(&by, id, "created", Some(short));
        Ok(id)
    }

    /// Takes a repository out of an installation.
    pub(crate) fn uninstall_from(&mut self, installation: u64, repo: u64) {
        let short = vec![self.short_repository_json(repo)];
        let Some(it) = self.installations.iter_mut().find(|it| it.id == installation) else { return };
        let account = it.account;
        if it.selected.as_mut().is_some_and(|selected| selected.remove(&repo)) {
            let by = self.person_actor(account);
            self.announce_repositories(&by, installation, "removed", &short);
        }
    }

    /// Ends an installation with all its tokens.
    pub(crate) fn uninstall(&mut self, installation: u64) {
        let Some(account) = self.installation(installation).map(|it| it.account) else { return };
        let by = self.person_actor(account);
        self.record(&by, "installation.delete", None, json!({"installation": installation}));
        self.announce_installation(&by, installation, "deleted", None);
        self.installations.retain(|it| it.id != installation);
        self.tokens.retain(
            |token| !matches!(token.kind, TokenKind::Installation { installation: of, .. } if of == installation),
        );
    }

    pub(crate) fn suspend(&mut self, installation: u64, suspended: bool) {
        let now = self.now();
        let Some(it) = self.installations.iter_mut().find(|it| it.id == installation) else { return };
        it.suspended_at = suspended.then_some(now);
        let by = self.person_actor(self.installation(installation).map_or(0, |it| it.account));
        self.announce_installation(&by, installation, if suspended { "suspend" } else { "unsuspend" }, None);
    }

    /// The owner accepts the permissions and events the App asks for now.
    pub(crate) fn accept_permissions(&mut self, installation: u64) {
        let Some(app) = self.installation(installation).and_then(|it| self.app(it.app)) else { return };
        let (permissions, events) = (app.permissions.clone(), app.events.clone());
        let Some(it) = self.installations.iter_mut().find(|it| it.id == installation) else { return };
        it.permissions = permissions;
        it.events = events;
        let by = self.person_actor(self.installation(installation).map_or(0, |it| it.account));
        self.announce_installation(&by, installation, "new_permissions_accepted", None);
    }

    fn announce_installation(&mut self, by: &Actor, id: u64, action: &str, repositories: Option<Vec<Value>>) {
        let Some((app, written)) = self.installation(id).map(|it| (it.app, self.installation_json(it))) else { return };
        let mut particulars = vec![("installation", written)];
        if let Some(repositories) = repositories {
            particulars.extend([("repositories", json!(repositories)), ("requester", Value::Null)]);
        }
        particulars.push(("sender", self.user_json(by.user)));
        self.emit_to_app(app, "installation", Some(action), particulars);
    }

    fn announce_repositories(&mut self, by: &Actor, id: u64, action: &str, changed: &[Value]) {
        let Some((app, written)) = self.installation(id).map(|it| (it.app, self.installation_json(it))) else { return };
        let (added, removed) = if action == "added" { (changed, &[][..]) } else { (&[][..], changed) };
        let particulars = vec![
            ("installation", written),
            ("repository_selection", json!("selected")),
            ("repositories_added", json!(added)),
            ("repositories_removed", json!(removed)),
            ("requester", Value::Null),
            ("sender", self.user_json(by.user)),
        ];
        self.emit_to_app(app, "installation_repositories", Some(action), particulars);
    }

    fn short_repository_json(&self, id: u64) -> Value {
        let (name, private) = self.repo(id).map_or((String::new(), false), |repo| (repo.name.clone(), repo.private));
        let node = format!("R_kgDO{id}");
        json!({"id": id, "node_id": node, "name": name, "full_name": self.full_name(id), "private": private})
    }

    /// Mints an installation token, checked against what the installation has.
    pub(crate) fn mint(&mut self, installation: u64, wish: Narrowing) -> Done<u64> {
        let it = self.installation(installation).ok_or_else(Refusal::not_found)?;
        if it.suspended_at.is_some() {
            return Err(Refusal::new(403, "This installation has been suspended"));
        }
        let granted = it.permissions.clone();
        let permissions = match wish.permissions {
            None => granted,
            Some(wanted) => {
                let too_much = wanted.iter().any(|(name, level)| granted.get(name).is_none_or(|has| has < level));
                if too_much {
                    let text = "The permissions requested are not granted to this installation.";
                    return Err(Refusal::new(422, text));
                }
                with_metadata(wanted)
            }
        };
        if let Some(wanted) = &wish.repositories {
            let reached = self.repositories_of(installation);
            if wanted.iter().any(|repo| !reached.contains(repo)) {
                let text = "There is at least one repository that does not exist or is not accessible to the parent \
                            installation.";
                return Err(Refusal::new(422, text));
            }
        }
        let app = self.installation(installation).map_or(0, |it| it.app);
        let now = self.now();
        let kind = TokenKind::Installation { installation, repositories: wish.repositories, permissions };
        let token = Token {
            id: self.fresh_id(),
            text: format!("ghs_{app}_{}", long_text()),
            kind,
            expires_at: Some(now.checked_add(TOKEN_LIFE).unwrap_or(now)),
            revoked: false,
            used: 0,
            window_started: now,
        };
        let id = token.id;
        self.tokens.push(token);
        Ok(id)
    }

    /// A token for a person; the same one every time.
    pub(crate) fn personal_token(&mut self, user: u64) -> String {
        let mine = |token: &&Token| matches!(token.kind, TokenKind::Personal { user: of } if of == user);
        if let Some(token) = self.tokens.iter().find(mine) {
            return token.text.clone();
        }
        let (id, now) = (self.fresh_id(), self.now());
        let mut bytes = [0u8; 18];
        rand::rng().fill_bytes(&mut bytes);
        let text = format!("ghp_{}", hex::encode(bytes));
        let kind = TokenKind::Personal { user };
        self.tokens.push(Token {
            id,
            text: text.clone(),
            kind,
            expires_at: None,
            revoked: false,
            used: 0,
            window_started: now,
        });
        text
    }

    /// A person acting in the browser, so to speak.
    pub(crate) fn person_actor(&self, user: u64) -> Actor {
        Actor { user, app: None, with: "person".into() }
    }
}

fn with_metadata(mut permissions: Permissions) -> Permissions {
    permissions.entry("metadata".into()).or_insert(crate::Level::Read);
    permissions
}

/// Three random parts in the shape and about the length of the long tokens GitHub hands out since April 2026.
fn long_text() -> String {
    let part = |length: usize| {
        let mut bytes = vec![0u8; length];
        rand::rng().fill_bytes(&mut bytes);
        URL_SAFE_NO_PAD.encode(bytes)
    };
    format!("{}.{}.{}", part(30), part(200), part(140))
}
