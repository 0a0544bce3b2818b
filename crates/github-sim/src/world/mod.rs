//! The whole simulated GitHub as plain data behind one lock, with look-ups. Changes live in `change`, shapes in `json`.

pub(crate) mod account;
pub(crate) mod app;
pub(crate) mod check;
pub(crate) mod issue;
pub(crate) mod ledger;
pub(crate) mod permission;
pub(crate) mod pull;
pub(crate) mod repository;
pub(crate) mod switches;
pub(crate) mod traffic;
pub(crate) mod web;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::Value;

use crate::clock::{Clock, stamp};
use crate::fault::FaultRule;
use crate::git::Git;
use crate::hook::delivery::Outbox;
use crate::witness::Witness;
use account::{Account, AccountKind};
use app::{App, Installation, Token, TokenKind};
use issue::{Comment, Issue};
use ledger::{Effect, Mention, Request};
use permission::Role;
use pull::Pull;
use repository::Repository;
use switches::Switches;
use traffic::{AboveLimit, Usage};
use web::Web;

/// Where the simulator is reached.
#[derive(Debug, Clone)]
pub(crate) struct Urls {
    pub api: String,
    pub graphql: String,
    pub web: String,
}

impl Urls {
    /// Whether they look as on GitHub Enterprise Server.
    pub(crate) fn enterprise(&self) -> bool {
        self.api.ends_with("/api/v3")
    }
}

/// Who does something: the account it is shown under, the App behind it, and the proof.
#[derive(Debug, Clone)]
pub(crate) struct Actor {
    pub user: u64,
    pub app: Option<u64>,
    pub with: String,
}

#[derive(Debug)]
pub(crate) struct World {
    pub clock: Clock,
    pub urls: Urls,
    pub git: Git,
    pub accounts: Vec<Account>,
    pub apps: Vec<App>,
    pub installations: Vec<Installation>,
    pub tokens: Vec<Token>,
    pub repositories: BTreeMap<u64, Repository>,
    /// `owner/name` in lower case → id, for names a repository used to have.
    pub renamed: BTreeMap<String, u64>,
    pub outbox: Outbox,
    pub ledger: Vec<Effect>,
    pub requests: Vec<Request>,
    pub mentions: Vec<Mention>,
    pub faults: Vec<FaultRule>,
    pub witness: Witness,
    pub web: Web,
    pub switches: Switches,
    pub rate_limit: u64,
    /// By installation or person.
    pub usage: BTreeMap<u64, Usage>,
    pub above_limits: Vec<AboveLimit>,
    /// What the contract found.
    #[cfg(feature = "contract")]
    pub contract: crate::contract::Book,
    last_id: u64,
}

impl World {
    pub(crate) fn new(clock: Clock, urls: Urls, git: Git, outbox: Outbox) -> Self {
        Self {
            clock,
            urls,
            git,
            accounts: Vec::new(),
            apps: Vec::new(),
            installations: Vec::new(),
            tokens: Vec::new(),
            repositories: BTreeMap::new(),
            renamed: BTreeMap::new(),
            outbox,
            ledger: Vec::new(),
            requests: Vec::new(),
            mentions: Vec::new(),
            faults: Vec::new(),
            witness: Witness::default(),
            web: Web::default(),
            switches: Switches::default(),
            rate_limit: 5000,
            usage: BTreeMap::new(),
            above_limits: Vec::new(),
            #[cfg(feature = "contract")]
            contract: crate::contract::Book::default(),
            last_id: 1000,
        }
    }

    /// Ids are unique over all kinds, so that a mixed-up id never happens to fit.
    pub(crate) fn fresh_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn account(&self, id: u64) -> Option<&Account> {
        self.accounts.iter().find(|account| account.id == id)
    }

    pub(crate) fn account_by_login(&self, login: &str) -> Option<&Account> {
        self.accounts.iter().find(|account| account.login.eq_ignore_ascii_case(login))
    }

    /// The login behind an id; `ghost`, as on GitHub, when nobody is.
    pub(crate) fn login(&self, id: u64) -> &str {
        self.account(id).map_or("ghost", |account| account.login.as_str())
    }

    pub(crate) fn app(&self, id: u64) -> Option<&App> {
        self.apps.iter().find(|app| app.id == id)
    }

    pub(crate) fn installation(&self, id: u64) -> Option<&Installation> {
        self.installations.iter().find(|installation| installation.id == id)
    }

    pub(crate) fn token(&self, id: u64) -> Option<&Token> {
        self.tokens.iter().find(|token| token.id == id)
    }

    pub(crate) fn repo(&self, id: u64) -> Option<&Repository> {
        self.repositories.get(&id)
    }

    pub(crate) fn repo_by_name(&self, owner: &str, name: &str) -> Option<&Repository> {
        let owner = self.account_by_login(owner)?.id;
        self.repositories.values().find(|repo| repo.owner == owner && repo.name.eq_ignore_ascii_case(name))
    }

    /// `owner/name` of a repository.
    pub(crate) fn full_name(&self, repo: u64) -> String {
        self.repo(repo).map_or_else(String::new, |repo| format!("{}/{}", self.login(repo.owner), repo.name))
    }

    pub(crate) fn issue(&self, repo: u64, number: u64) -> Option<&Issue> {
        self.repo(repo)?.issues.get(&number)
    }

    pub(crate) fn issue_mut(&mut self, repo: u64, number: u64) -> Option<&mut Issue> {
        self.repositories.get_mut(&repo)?.issues.get_mut(&number)
    }

    pub(crate) fn pull(&self, repo: u64, number: u64) -> Option<&Pull> {
        self.issue(repo, number)?.pull.as_ref()
    }

    pub(crate) fn pull_mut(&mut self, repo: u64, number: u64) -> Option<&mut Pull> {
        self.issue_mut(repo, number)?.pull.as_mut()
    }

    /// The number of the issue that carries this comment.
    pub(crate) fn comment_place(&self, repo: u64, comment: u64) -> Option<u64> {
        let issues = &self.repo(repo)?.issues;
        issues.values().find(|issue| issue.comments.iter().any(|it| it.id == comment)).map(|issue| issue.number)
    }

    pub(crate) fn comment(&self, repo: u64, comment: u64) -> Option<&Comment> {
        self.repo(repo)?.issues.values().flat_map(|issue| &issue.comments).find(|it| it.id == comment)
    }

    pub(crate) fn comment_mut(&mut self, repo: u64, comment: u64) -> Option<&mut Comment> {
        let issues = &mut self.repositories.get_mut(&repo)?.issues;
        issues.values_mut().flat_map(|issue| &mut issue.comments).find(|it| it.id == comment)
    }

    /// What a person may do on a repository by being its owner, an owner of its organisation, or a collaborator.
    pub(crate) fn granted_role(&self, repo: u64, user: u64) -> Role {
        let Some(repo) = self.repo(repo) else { return Role::None };
        let owns = repo.owner == user || self.account(repo.owner).is_some_and(|owner| owner.owners.contains(&user));
        if owns { Role::Admin } else { repo.collaborators.get(&user).copied().unwrap_or(Role::None) }
    }

    /// [`Self::granted_role`], or reading where the repository is public.
    pub(crate) fn role(&self, repo: u64, user: u64) -> Role {
        let public = self.repo(repo).is_some_and(|repo| !repo.private);
        self.granted_role(repo, user).max(if public { Role::Read } else { Role::None })
    }

    /// Whether somebody can be assigned to issues here: people with access, never an ordinary App's bot.
    pub(crate) fn assignable(&self, repo: u64, user: u64) -> bool {
        let person = self.account(user).is_some_and(|account| account.kind == AccountKind::User);
        person && self.granted_role(repo, user) > Role::None
    }

    /// Installations that reach a repository, suspended ones included.
    pub(crate) fn installations_on(&self, repo: u64) -> Vec<u64> {
        let owner = self.repo(repo).map(|repo| repo.owner);
        let reaches = |it: &&Installation| {
            Some(it.account) == owner && it.selected.as_ref().is_none_or(|selected| selected.contains(&repo))
        };
        self.installations.iter().filter(reaches).map(|it| it.id).collect()
    }

    /// The repositories an installation reaches, in the order of their ids.
    pub(crate) fn repositories_of(&self, installation: u64) -> Vec<u64> {
        let Some(it) = self.installation(installation) else { return Vec::new() };
        let reached = |repo: &&Repository| {
            repo.owner == it.account && it.selected.as_ref().is_none_or(|selected| selected.contains(&repo.id))
        };
        self.repositories.values().filter(reached).map(|repo| repo.id).collect()
    }

    /// The repositories a token reaches: an installation's, narrowed when it was minted.
    pub(crate) fn repositories_of_token(&self, token: &Token) -> BTreeSet<u64> {
        match &token.kind {
            TokenKind::Personal { user } => {
                self.repositories.keys().copied().filter(|repo| self.granted_role(*repo, *user) > Role::None).collect()
            }
            TokenKind::Installation { installation, repositories, .. } => self
                .repositories_of(*installation)
                .into_iter()
                .filter(|repo| repositories.as_ref().is_none_or(|narrowed| narrowed.contains(repo)))
                .collect(),
        }
    }

    /// Writes an effect into the ledger.
    pub(crate) fn record(&mut self, by: &Actor, what: &str, repo: Option<u64>, detail: Value) {
        let effect = Effect {
            seq: self.ledger.len() as u64 + 1,
            at: stamp(self.now()),
            actor: self.login(by.user).to_owned(),
            with: by.with.clone(),
            what: what.to_owned(),
            repository: repo.map(|repo| self.full_name(repo)),
            detail,
        };
        self.ledger.push(effect);
    }
}
