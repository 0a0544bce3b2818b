//! Installation tokens: one for each repository and purpose, minted once however many ask at the same time, renewed before
//! they expire, each no wider than what it is for.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use baton_core::domain::ids::{InstallationId, RepositoryId};
use baton_core::domain::time::Timestamp;
use moka::future::Cache;
use moka::ops::compute::Op;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::json;
use tokio::time::Instant;

use crate::app::Shared;
use crate::call::Call;
use crate::error::GitHubError;
use crate::gate::Account;
use crate::jwt::AppKey;
use crate::operations::{CREATE_TOKEN, GET_GRANT, Level, Needs, Operation, Permission, REVOKE_TOKEN};
use crate::outage::Culprit;
use crate::send::Credential;

/// A token is renewed when it has less than this left.
const RENEW_BEFORE: Duration = Duration::from_secs(5 * 60);
/// GitHub's tokens live an hour; none is kept longer, whatever an answer says.
const LIFETIME: Duration = Duration::from_secs(60 * 60);

/// What a token is for, and so what it may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Purpose {
    /// Everything but code: reads contents, writes issues, pull requests and checks.
    Talk,
    /// The two operations on drafts that GitHub ties to `contents: write`.
    Draft,
    /// Reads names only: what any token may.
    Look,
}

impl Purpose {
    /// The narrowest purpose that an operation fits in.
    pub(crate) fn of(operation: &Operation) -> Self {
        match operation.needs {
            Needs::Nothing | Needs::AppKey | Needs::AnyToken => Self::Look,
            Needs::Permissions(list) if list.contains(&(Permission::Contents, Level::Write)) => Self::Draft,
            Needs::Permissions(_) => Self::Talk,
        }
    }

    fn permissions(self) -> &'static [(Permission, Level)] {
        match self {
            Self::Talk => &[
                (Permission::Checks, Level::Write),
                (Permission::Contents, Level::Read),
                (Permission::Issues, Level::Write),
                (Permission::Metadata, Level::Read),
                (Permission::PullRequests, Level::Write),
            ],
            Self::Draft => &[
                (Permission::Contents, Level::Write),
                (Permission::Metadata, Level::Read),
                (Permission::PullRequests, Level::Write),
            ],
            Self::Look => &[(Permission::Metadata, Level::Read)],
        }
    }
}

/// What a git token may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GitAccess {
    /// Fetch: `contents: read`.
    Fetch,
    /// Fetch and push: `contents: write`. Never `workflows`: a push that touches a workflow is refused by GitHub too.
    Push,
}

/// A token for git alone. Revoke it when done.
#[derive(Clone)]
pub struct GitToken {
    /// The password; the user is `x-access-token`.
    pub secret: SecretString,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
}

/// Never shows the token.
impl fmt::Debug for GitToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GitToken").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

/// Whose token: an installation's, for one repository or (only to look) for none in particular.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Scope {
    pub installation: InstallationId,
    pub repository: Option<RepositoryId>,
    pub purpose: Purpose,
}

struct Token {
    secret: SecretString,
    renew_at: Instant,
    /// What of it the installation's owner has accepted, where that is not all that it should do.
    reduced_to: Option<Vec<(Permission, Level)>>,
}

#[derive(Deserialize)]
struct Minted {
    token: SecretString,
    expires_at: Option<String>,
}

/// The tokens at hand.
pub(crate) struct Tokens {
    cache: Cache<Scope, Arc<Token>>,
}

impl Tokens {
    pub(crate) fn new() -> Self {
        Self { cache: Cache::builder().max_capacity(10_000).time_to_live(LIFETIME).build() }
    }

    /// A token with time left. Whoever asks while one is being minted waits for that one.
    async fn get(&self, shared: &Shared, scope: Scope) -> Result<Arc<Token>, GitHubError> {
        if let Some(token) = self.cache.get(&scope).await {
            if token.renew_at > Instant::now() {
                return Ok(token);
            }
            self.forget(scope, &token.secret).await;
        }
        self.cache
            .try_get_with(scope, async { mint_cached(shared, scope).await.map(Arc::new) })
            .await
            .map_err(|shared| GitHubError::clone(&shared))
    }

    /// Whether a token does less than it should, and another would do more: the owner has accepted more since. That is asked
    /// before anything is minted, because whoever was refused once is refused again and again.
    async fn could_do_more(&self, shared: &Shared, scope: Scope, secret: &SecretString) -> bool {
        let same = |token: &Arc<Token>| token.secret.expose_secret() == secret.expose_secret();
        let Some(token) = self.cache.get(&scope).await.filter(same) else { return false };
        let Some(had) = &token.reduced_to else { return false };
        let accepted = accepted_of(shared, scope.installation, scope.purpose.permissions()).await;
        accepted.is_ok_and(|accepted| accepted != *had)
    }

    /// Drops a token, unless another has taken its place meanwhile.
    async fn forget(&self, scope: Scope, token: &SecretString) {
        self.cache
            .entry(scope)
            .and_compute_with(|entry| {
                let same = entry.is_some_and(|entry| entry.value().secret.expose_secret() == token.expose_secret());
                std::future::ready(if same { Op::Remove } else { Op::Nop })
            })
            .await;
    }
}

/// An installation's token, as a credential. A token that GitHub no longer takes is replaced once; 401 means that nothing
/// was done, so that is safe for writes too.
pub(crate) struct TokenOf<'a> {
    shared: &'a Shared,
    scope: Scope,
}

impl<'a> TokenOf<'a> {
    pub(crate) fn new(shared: &'a Shared, scope: Scope) -> Self {
        Self { shared, scope }
    }
}

impl Credential for TokenOf<'_> {
    fn account(&self) -> Account {
        Account::Installation(self.scope.installation)
    }

    fn scope(&self) -> Option<Scope> {
        Some(self.scope)
    }

    async fn current(&self) -> Result<SecretString, GitHubError> {
        Ok(self.shared.tokens.get(self.shared, self.scope).await?.secret.clone())
    }

    async fn could_do_more(&self, secret: &SecretString) -> bool {
        self.shared.tokens.could_do_more(self.shared, self.scope, secret).await
    }

    async fn renew(&self, refused: &SecretString, _answered_at: Option<Timestamp>) -> bool {
        self.shared.tokens.forget(self.scope, refused).await;
        true
    }
}

/// The App's own signature, as a credential. When GitHub refuses it because our clock is wrong, its time is taken over;
/// when the key was replaced, the new one is read.
pub(crate) struct AsApp<'a> {
    pub key: &'a AppKey,
}

impl Credential for AsApp<'_> {
    fn account(&self) -> Account {
        Account::App
    }

    fn scope(&self) -> Option<Scope> {
        None
    }

    async fn current(&self) -> Result<SecretString, GitHubError> {
        self.key.sign()
    }

    async fn could_do_more(&self, _secret: &SecretString) -> bool {
        false
    }

    async fn renew(&self, _refused: &SecretString, answered_at: Option<Timestamp>) -> bool {
        // Both, whichever it was: a signature is tried once more only.
        self.key.learn_time(answered_at) | self.key.reread()
    }
}

/// A token that is at its end, of an installation, whose limits that counts against.
struct Ending<'a>(&'a SecretString, InstallationId);

impl Credential for Ending<'_> {
    fn account(&self) -> Account {
        Account::Installation(self.1)
    }

    fn scope(&self) -> Option<Scope> {
        None
    }

    async fn current(&self) -> Result<SecretString, GitHubError> {
        Ok(self.0.clone())
    }

    async fn could_do_more(&self, _secret: &SecretString) -> bool {
        false
    }

    async fn renew(&self, _refused: &SecretString, _answered_at: Option<Timestamp>) -> bool {
        false
    }
}

async fn mint_cached(shared: &Shared, scope: Scope) -> Result<Token, GitHubError> {
    let wanted = scope.purpose.permissions();
    let mut reduced_to = None;
    let minted = match mint(shared, scope.installation, scope.repository, wanted).await {
        Err(refused @ GitHubError::Forbidden { .. }) => {
            // With what was accepted, people can still be told what was not.
            let accepted = match accepted_of(shared, scope.installation, wanted).await {
                Ok(accepted) if !accepted.is_empty() && accepted != wanted => accepted,
                Err(later) if later.is_transient() => return Err(later),
                Ok(_) | Err(_) => return Err(refused),
            };
            let minted = mint(shared, scope.installation, scope.repository, &accepted).await;
            reduced_to = Some(accepted);
            minted
        }
        other => other,
    };
    let (minted, asked_at) = minted?;
    // Measured on GitHub's clock, so that ours may be wrong.
    let left = match (minted.expires_at.as_deref().and_then(Timestamp::parse_rfc3339), asked_at) {
        (Some(end), Some(start)) => end.since(start).min(LIFETIME),
        _ => LIFETIME,
    };
    Ok(Token { secret: minted.token, renew_at: Instant::now() + left.saturating_sub(RENEW_BEFORE), reduced_to })
}

/// What of the wanted permissions the installation's owner has accepted.
async fn accepted_of(
    shared: &Shared,
    installation: InstallationId,
    wanted: &[(Permission, Level)],
) -> Result<Vec<(Permission, Level)>, GitHubError> {
    #[derive(Deserialize)]
    struct Grant {
        #[serde(default)]
        permissions: BTreeMap<String, String>,
    }
    let call = Call::new(&GET_GRANT, &[&installation.to_string()]).about(Culprit::Installation(installation));
    let grant: Grant = shared.send_as_app(&call).await?.json()?;
    let granted = |permission: Permission| match grant.permissions.get(permission.name()).map(String::as_str) {
        Some("read") => Some(Level::Read),
        Some(_) => Some(Level::Write),
        None => (permission == Permission::Metadata).then_some(Level::Read),
    };
    let accepted =
        wanted.iter().filter_map(|(permission, level)| Some((*permission, granted(*permission)?.min(*level))));
    Ok(accepted.collect())
}

/// A token for git, for one repository; not kept here.
pub(crate) async fn mint_for_git(
    shared: &Shared,
    installation: InstallationId,
    repository: RepositoryId,
    access: GitAccess,
) -> Result<GitToken, GitHubError> {
    let contents = match access {
        GitAccess::Fetch => Level::Read,
        GitAccess::Push => Level::Write,
    };
    let permissions = [(Permission::Contents, contents), (Permission::Metadata, Level::Read)];
    let (minted, _) = mint(shared, installation, Some(repository), &permissions).await?;
    Ok(GitToken { expires_at: minted.expires_at.as_deref().and_then(Timestamp::parse_rfc3339), secret: minted.token })
}

/// Ends a token. One that is over already is as good.
pub(crate) async fn revoke(shared: &Shared, installation: InstallationId, token: &GitToken) -> Result<(), GitHubError> {
    match shared.send(&Ending(&token.secret, installation), &Call::new(&REVOKE_TOKEN, &[]), None).await {
        Ok(_) | Err(GitHubError::Unauthorized { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

/// The token, and GitHub's time when it answered. 404 here means that the App is not installed (any more).
async fn mint(
    shared: &Shared,
    installation: InstallationId,
    repository: Option<RepositoryId>,
    permissions: &[(Permission, Level)],
) -> Result<(Minted, Option<Timestamp>), GitHubError> {
    let permissions: BTreeMap<_, _> = permissions.iter().map(|(what, level)| (what.name(), level.name())).collect();
    let mut body = json!({ "permissions": permissions });
    if let Some(RepositoryId(id)) = repository {
        body["repository_ids"] = json!([id]);
    }
    let call =
        Call::new(&CREATE_TOKEN, &[&installation.to_string()]).about(Culprit::Installation(installation)).body(body);
    let reply = shared.send_as_app(&call).await.map_err(|error| match error {
        GitHubError::NotFound { .. } => GitHubError::NotInstalled,
        GitHubError::Validation { operation, message, .. } => GitHubError::Forbidden {
            operation,
            message: format!(
                "{message} The installation does not cover this repository, or its owner has not yet accepted what the \
                 App asks for (both are in the installation's settings)"
            ),
            needs: None,
        },
        other => other,
    })?;
    Ok((reply.json()?, reply.answered_at()))
}
