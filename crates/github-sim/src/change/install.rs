//! Installing an App: on all or some repositories of an account, with permissions accepted, suspended, taken away.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Done, Refusal};
use crate::world::app::{Installation, TokenKind};
use crate::world::{Actor, World};

impl World {
    /// Installs an App on an account: on all its repositories (`None`) or on these; the installation's id.
    pub(crate) fn install_on(
        &mut self,
        by: &Actor,
        app: u64,
        account: u64,
        selected: Option<BTreeSet<u64>>,
    ) -> Done<u64> {
        if let Some(known) = self.installations.iter().find(|it| it.app == app && it.account == account) {
            let id = known.id;
            self.select(by, id, selected);
            return Ok(id);
        }
        let foreign = |id: &u64| self.repo(*id).is_none_or(|repo| repo.owner != account);
        if selected.as_ref().is_some_and(|selected| selected.is_empty() || selected.iter().any(foreign)) {
            return Err(Refusal::new(422, "Choose at least one repository of the account"));
        }
        let (id, now) = (self.fresh_id(), self.now());
        let (permissions, events) =
            self.app(app).map(|app| (app.permissions.clone(), app.events.clone())).ok_or_else(Refusal::not_found)?;
        self.installations.push(Installation {
            id,
            app,
            account,
            selected,
            permissions,
            events,
            suspended: None,
            created_at: now,
        });
        let reached = self.repositories_of(id);
        let first = self.installations.iter().filter(|it| it.app == app).count() == 1;
        self.record(by, "installation.create", reached.first().copied(), json!({"installation": id, "app": app}));
        if first && self.switches.ping_at_installation {
            self.ping(app);
        }
        let short = reached.iter().map(|repo| self.short_repository_json(*repo)).collect();
        self.announce_installation(by, id, "created", Some(short));
        Ok(id)
    }

    /// Installs an App on one repository, or adds the repository to what is installed, as the account's owner.
    pub(crate) fn install(&mut self, app: u64, repo: u64) -> Done<u64> {
        let account = self.repo(repo).map(|repo| repo.owner).ok_or_else(Refusal::not_found)?;
        let by = self.person_actor(account);
        let known = self.installations.iter().find(|it| it.app == app && it.account == account);
        let selected = match known {
            None => Some(BTreeSet::from([repo])),
            Some(known) => known.selected.clone().map(|mut selected| {
                selected.insert(repo);
                selected
            }),
        };
        self.install_on(&by, app, account, selected)
    }

    /// Takes a repository out of an installation.
    pub(crate) fn uninstall_from(&mut self, installation: u64, repo: u64) {
        let Some(it) = self.installation(installation) else { return };
        let (account, selected) = (it.account, it.selected.clone());
        let by = self.person_actor(account);
        if let Some(mut selected) = selected
            && selected.remove(&repo)
        {
            self.select(&by, installation, Some(selected));
        }
    }

    /// Changes what an installation covers, and says what came and what went.
    pub(crate) fn select(&mut self, by: &Actor, installation: u64, selected: Option<BTreeSet<u64>>) {
        let before: BTreeSet<u64> = self.repositories_of(installation).into_iter().collect();
        let Some(it) = self.installations.iter_mut().find(|it| it.id == installation) else { return };
        it.selected = selected;
        let after: BTreeSet<u64> = self.repositories_of(installation).into_iter().collect();
        let written = |ids: Vec<u64>| ids.into_iter().map(|id| self.short_repository_json(id)).collect::<Vec<_>>();
        let added = written(after.difference(&before).copied().collect());
        let removed = written(before.difference(&after).copied().collect());
        if !added.is_empty() {
            self.announce_repositories(by, installation, "added", &added);
        }
        if !removed.is_empty() {
            self.announce_repositories(by, installation, "removed", &removed);
        }
    }

    /// A new repository is in every installation that covers all of its account.
    pub(crate) fn announce_new_repository(&mut self, repo: u64) {
        let Some(account) = self.repo(repo).map(|repo| repo.owner) else { return };
        let covering = self.installations.iter().filter(|it| it.account == account && it.selected.is_none());
        let by = self.person_actor(account);
        let short = vec![self.short_repository_json(repo)];
        for installation in covering.map(|it| it.id).collect::<Vec<_>>() {
            self.announce_repositories(&by, installation, "added", &short);
        }
    }

    /// Ends an installation with all its tokens.
    pub(crate) fn uninstall(&mut self, by: &Actor, installation: u64) {
        if self.installation(installation).is_none() {
            return;
        }
        let reached = self.repositories_of(installation);
        let short = reached.iter().map(|repo| self.short_repository_json(*repo)).collect();
        self.record(by, "installation.delete", None, json!({"installation": installation}));
        self.announce_installation(by, installation, "deleted", Some(short));
        self.installations.retain(|it| it.id != installation);
        self.tokens.retain(
            |token| !matches!(token.kind, TokenKind::Installation { installation: of, .. } if of == installation),
        );
    }

    pub(crate) fn suspend(&mut self, by: &Actor, installation: u64, suspended: bool) {
        let now = self.now();
        let Some(it) = self.installations.iter_mut().find(|it| it.id == installation) else { return };
        it.suspended = suspended.then_some((now, by.user));
        self.announce_installation(by, installation, if suspended { "suspend" } else { "unsuspend" }, None);
    }

    /// The owner accepts the permissions and events the App asks for now.
    pub(crate) fn accept_permissions(&mut self, by: &Actor, installation: u64) {
        let Some(app) = self.installation(installation).and_then(|it| self.app(it.app)) else { return };
        let (permissions, events) = (app.permissions.clone(), app.events.clone());
        let Some(it) = self.installations.iter_mut().find(|it| it.id == installation) else { return };
        it.permissions = permissions;
        it.events = events;
        self.announce_installation(by, installation, "new_permissions_accepted", None);
    }

    /// The owner of an installation's account, as whoever acts on it from the library.
    pub(crate) fn owner_of(&self, installation: u64) -> Actor {
        self.person_actor(self.installation(installation).map_or(0, |it| it.account))
    }

    fn announce_installation(&mut self, by: &Actor, id: u64, action: &str, repositories: Option<Vec<Value>>) {
        let Some((app, written)) = self.installation(id).map(|it| (it.app, self.installation_json(it))) else { return };
        let mut particulars = vec![("installation", written)];
        if let Some(repositories) = repositories {
            particulars.push(("repositories", json!(repositories)));
        }
        if action == "created" {
            particulars.push(("requester", Value::Null));
        }
        particulars.push(("sender", self.user_json(by.user)));
        self.emit_to_app(app, "installation", Some(action), particulars);
    }

    fn announce_repositories(&mut self, by: &Actor, id: u64, action: &str, changed: &[Value]) {
        let Some((app, written)) = self.installation(id).map(|it| (it.app, self.installation_json(it))) else { return };
        let all = self.installation(id).is_some_and(|it| it.selected.is_none());
        let (added, removed) = if action == "added" { (changed, &[][..]) } else { (&[][..], changed) };
        let particulars = vec![
            ("installation", written),
            ("repository_selection", json!(if all { "all" } else { "selected" })),
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

    /// A person acting in the browser, so to speak.
    pub(crate) fn person_actor(&self, user: u64) -> Actor {
        Actor { user, app: None, with: "person".into() }
    }
}
