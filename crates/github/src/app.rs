//! The App itself: who it is, where it is installed, and the way to its repositories.

use std::collections::BTreeMap;
use std::sync::Arc;

use baton_core::domain::ids::{InstallationId, RepositoryName, UserId};
use baton_core::domain::issue::RepositoryRef;
use tokio::sync::OnceCell;
use url::Url;

use crate::call::{Call, Reply};
use crate::conditional::Conditional;
use crate::config::{Config, ConfigError};
use crate::error::GitHubError;
use crate::gate::Gate;
use crate::jwt::AppKey;
use crate::markers::Markers;
use crate::operations::{GET_APP, GET_INSTALLATION, GET_USER, LIST_INSTALLATIONS};
use crate::outage::Culprit;
use crate::repository::Repository;
use crate::tokens::{AsApp, Purpose, Scope, TokenOf, Tokens};
use crate::transport::Transport;
use crate::wire;

/// What every handle shares.
pub(crate) struct Shared {
    pub transport: Transport,
    pub gate: Gate,
    pub conditional: Conditional,
    pub key: AppKey,
    pub tokens: Tokens,
    pub markers: Markers,
    web: Url,
    bot: OnceCell<BotIdentity>,
}

/// The client for one GitHub App; cheap to clone.
#[derive(Clone)]
pub struct GitHubApp {
    pub(crate) shared: Arc<Shared>,
}

impl std::fmt::Debug for GitHubApp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GitHubApp").field("key", &self.shared.key).finish_non_exhaustive()
    }
}

/// The user as which the App acts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BotIdentity {
    /// `NAME[bot]`.
    pub login: String,
    /// The bot user's number, which is not the App's: our own events and comments are recognised by it.
    pub user: UserId,
}

impl BotIdentity {
    /// The address for commits, by which GitHub shows them as the bot's: `ID+NAME[bot]@users.noreply.HOST`.
    #[must_use]
    pub fn commit_email(&self, web: &Url) -> String {
        let host = web.host_str().unwrap_or("github.com");
        format!("{}+{}@users.noreply.{host}", self.user, self.login)
    }
}

/// The App as GitHub has it on record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppInfo {
    /// Its number.
    pub id: i64,
    /// Its name in addresses.
    pub slug: String,
    /// Its name for people.
    pub name: String,
    /// The permissions it asks for.
    pub permissions: BTreeMap<String, String>,
    /// The events it is subscribed to.
    pub events: Vec<String>,
}

impl GitHubApp {
    /// A client. Sends nothing yet.
    ///
    /// # Errors
    /// [`ConfigError`]: an address, the key or the secrets are unusable, or there is no tokio runtime around.
    pub fn new(config: &Config) -> Result<Self, ConfigError> {
        let shared = Shared {
            transport: Transport::new(config)?,
            gate: Gate::new(config.budget, Arc::clone(&config.clock)),
            conditional: Conditional::new(),
            key: AppKey::new(config)?,
            tokens: Tokens::new(),
            markers: Markers::new(&config.marker_secrets).ok_or(ConfigError::NoMarkerSecret)?,
            web: config.web(),
            bot: OnceCell::new(),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// How far GitHub's clock is ahead of this machine's, in seconds (behind: negative), as far as it kept a signature from
    /// being accepted; 0 otherwise.
    #[must_use]
    pub fn clock_skew(&self) -> i64 {
        self.shared.key.skew()
    }

    /// Where people look at GitHub.
    #[must_use]
    pub fn web_url(&self) -> &Url {
        &self.shared.web
    }

    /// The App as GitHub has it on record.
    ///
    /// # Errors
    /// [`GitHubError::Unauthorized`] when the App's number and key do not belong together.
    pub async fn info(&self) -> Result<AppInfo, GitHubError> {
        self.shared.info().await
    }

    /// The installation that covers a repository.
    ///
    /// # Errors
    /// [`GitHubError::NotInstalled`] when there is none, or no such repository; [`GitHubError::Suspended`] when its owner
    /// switched it off.
    pub async fn installation_of(&self, repository: &RepositoryName) -> Result<InstallationId, GitHubError> {
        let call = Call::new(&GET_INSTALLATION, &[repository.owner(), repository.name()])
            .about(Culprit::Repository(repository.to_string()));
        let reply = self.shared.send_as_app(&call).await;
        let installation: wire::Installation = reply.map_err(not_installed)?.json()?;
        if installation.suspended_at.is_some() {
            Err(GitHubError::Suspended)
        } else {
            Ok(InstallationId(installation.id))
        }
    }

    /// The user as which the App acts. Asked once.
    ///
    /// # Errors
    /// [`GitHubError::NotInstalled`] when the App is installed nowhere: its bot cannot be looked up then.
    pub async fn bot_identity(&self) -> Result<BotIdentity, GitHubError> {
        self.shared.bot(None).await.cloned()
    }

    /// A repository through an installation. Sends nothing.
    #[must_use]
    pub fn repository(&self, reference: &RepositoryRef) -> Repository {
        Repository::new(Arc::clone(&self.shared), reference.clone())
    }
}

fn not_installed(error: GitHubError) -> GitHubError {
    match error {
        GitHubError::NotFound { .. } => GitHubError::NotInstalled,
        other => other,
    }
}

impl Shared {
    /// Sends a request with the App's own signature.
    pub(crate) async fn send_as_app(&self, call: &Call) -> Result<Reply, GitHubError> {
        self.send(&AsApp { key: &self.key }, call, None).await
    }

    async fn info(&self) -> Result<AppInfo, GitHubError> {
        let reply = self.send_as_app(&Call::new(&GET_APP, &[])).await?;
        let app: wire::App = reply.json()?;
        let slug = app.slug.ok_or_else(|| GitHubError::Malformed {
            operation: GET_APP.name,
            detail: "the App has no slug".to_owned(),
        })?;
        Ok(AppInfo {
            id: app.id,
            name: app.name.unwrap_or_else(|| slug.clone()),
            slug,
            permissions: app.permissions,
            events: app.events,
        })
    }

    /// The bot user, looked up with a token of the given installation or of any.
    pub(crate) async fn bot(&self, installation: Option<InstallationId>) -> Result<&BotIdentity, GitHubError> {
        self.bot
            .get_or_try_init(|| async {
                let installation = match installation {
                    Some(id) => id,
                    None => self.any_installation().await?,
                };
                let login = format!("{}[bot]", self.info().await?.slug);
                let scope = Scope { installation, repository: None, purpose: Purpose::Look };
                let call = Call::new(&GET_USER, &[&login]);
                let user: wire::User = self.send(&TokenOf::new(self, scope), &call, None).await?.json()?;
                Ok(BotIdentity { login: user.login, user: UserId(user.id) })
            })
            .await
    }

    async fn any_installation(&self) -> Result<InstallationId, GitHubError> {
        let call = Call::new(&LIST_INSTALLATIONS, &[]).query(&[("per_page", "100")]);
        let list: Vec<wire::Installation> = self.send_as_app(&call).await?.json()?;
        list.iter()
            .find(|installation| installation.suspended_at.is_none())
            .map(|installation| InstallationId(installation.id))
            .ok_or(GitHubError::NotInstalled)
    }
}
