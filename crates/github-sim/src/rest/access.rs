//! Who may: compares what an operation needs with what a caller has, and says no in GitHub's words.

use super::operation::Needs;
use crate::refusal::Refusal;
use crate::world::app::TokenKind;
use crate::world::permission::{Level, Role};
use crate::world::{Actor, World};

/// Who is asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Identity {
    Anonymous,
    App {
        app: u64,
    },
    Installation {
        installation: u64,
        token: u64,
    },
    /// `token` is absent for a person who acts through the library.
    Person {
        user: u64,
        token: Option<u64>,
    },
}

impl World {
    /// The name under which an identity acts.
    pub(crate) fn actor(&self, who: Identity) -> Actor {
        let last = |token: u64| {
            let text = self.token(token).map_or("", |token| token.text.as_str());
            text.get(text.len().saturating_sub(4)..).unwrap_or_default().to_owned()
        };
        match who {
            Identity::Anonymous => Actor { user: 0, app: None, with: "nothing".into() },
            Identity::App { app } => {
                let bot = self.app(app).map_or(0, |app| app.bot);
                Actor { user: bot, app: Some(app), with: "app jwt".into() }
            }
            Identity::Installation { installation, token } => {
                let app = self.installation(installation).map(|it| it.app);
                let bot = app.and_then(|app| self.app(app)).map_or(0, |app| app.bot);
                let with = format!("installation {installation} token …{}", last(token));
                Actor { user: bot, app, with }
            }
            Identity::Person { user, token: None } => Actor { user, app: None, with: "person".into() },
            Identity::Person { user, token: Some(token) } => {
                Actor { user, app: None, with: format!("personal token …{}", last(token)) }
            }
        }
    }

    /// Lets the call through or refuses it.
    pub(crate) fn admit(&self, who: Identity, needs: Needs, repo: u64, number: Option<u64>) -> Result<(), Refusal> {
        match (needs, who) {
            (Needs::Nothing, _) => Ok(()),
            (Needs::Token | Needs::AppJwt | Needs::InstallationToken, Identity::Anonymous) => {
                Err(Refusal::requires_authentication())
            }
            (Needs::AppJwt, Identity::App { .. }) | (Needs::InstallationToken, Identity::Installation { .. }) => Ok(()),
            (Needs::AppJwt, _) => Err(Refusal::new(401, "A JSON web token could not be decoded")),
            (Needs::InstallationToken, _) => Err(Refusal::new(
                403,
                "You must authenticate with an installation access token in order to list repositories for an installation.",
            )),
            (Needs::Token, Identity::App { .. }) => Err(Refusal::not_by_integration()),
            (Needs::Token, _) => Ok(()),
            (Needs::Repository { any_of, level, role }, who) => {
                let permissions = self.permissions_for(any_of, repo, number);
                self.admit_to_repository(who, &permissions, level, role, repo)
            }
        }
    }

    /// Where both kinds of thread are served, an issue is only for `issues`.
    fn permissions_for(&self, any_of: &[&'static str], repo: u64, number: Option<u64>) -> Vec<&'static str> {
        let both = any_of.contains(&"issues") && any_of.contains(&"pull_requests");
        let issue = both && number.is_some_and(|number| self.pull(repo, number).is_none());
        any_of.iter().copied().filter(|name| !issue || *name == "issues").collect()
    }

    /// Whether a caller with these rights may do something on a repository.
    pub(crate) fn admit_to_repository(
        &self,
        who: Identity,
        any_of: &[&str],
        level: Level,
        role: Role,
        repo: u64,
    ) -> Result<(), Refusal> {
        let repository = self.repo(repo).ok_or_else(Refusal::not_found)?;
        match who {
            Identity::Anonymous if repository.private => Err(Refusal::not_found()),
            Identity::Anonymous if level == Level::Read && role <= Role::Read => Ok(()),
            Identity::Anonymous => Err(Refusal::requires_authentication()),
            Identity::App { .. } => Err(Refusal::not_by_integration()),
            Identity::Person { user, .. } => match self.role(repo, user) {
                has if has >= role => self.refuse_archived(repo, level),
                Role::None => Err(Refusal::not_found()),
                Role::Read | Role::Triage | Role::Write | Role::Maintain | Role::Admin => Err(Refusal::needs_admin()),
            },
            Identity::Installation { installation, token } => {
                self.admit_installation(installation, token, any_of, level, repo)?;
                self.refuse_archived(repo, level)
            }
        }
    }

    fn admit_installation(
        &self,
        installation: u64,
        token: u64,
        any_of: &[&str],
        level: Level,
        repo: u64,
    ) -> Result<(), Refusal> {
        let token = self.token(token).ok_or_else(Refusal::bad_credentials)?;
        if self.installation(installation).is_some_and(|it| it.suspended.is_some()) {
            return Err(Refusal::new(403, "This installation has been suspended"));
        }
        if !self.repositories_of_token(token).contains(&repo) {
            let private = self.repo(repo).is_none_or(|repo| repo.private);
            return match (private, level) {
                (true, _) => Err(Refusal::not_found()),
                (false, Level::Read) => Ok(()),
                (false, Level::Write | Level::Admin) => Err(Refusal::not_by_integration()),
            };
        }
        let TokenKind::Installation { permissions, .. } = &token.kind else { return Ok(()) };
        let granted = |name: &&str| permissions.get(*name).is_some_and(|has| *has >= level);
        let metadata = level == Level::Read && any_of.contains(&"metadata");
        if metadata || any_of.iter().any(granted) { Ok(()) } else { Err(Refusal::not_by_integration()) }
    }

    fn refuse_archived(&self, repo: u64, level: Level) -> Result<(), Refusal> {
        let archived = self.repo(repo).is_some_and(|repo| repo.archived);
        if archived && level > Level::Read { Err(Refusal::archived()) } else { Ok(()) }
    }

    /// A person's or an App's role where handlers look closer: an App that got this far counts as a writer.
    pub(crate) fn standing(&self, who: Identity, repo: u64) -> Role {
        match who {
            Identity::Anonymous | Identity::App { .. } => Role::None,
            Identity::Person { user, .. } => self.role(repo, user),
            Identity::Installation { .. } => Role::Write,
        }
    }

    /// Whether a repository may be seen at all.
    pub(crate) fn can_see(&self, who: Identity, repo: u64) -> bool {
        self.admit_to_repository(who, &["metadata"], Level::Read, Role::Read, repo).is_ok()
    }
}
