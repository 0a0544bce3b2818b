//! One repository as one installation sees it: what everything else in this room is a method of.

use std::sync::Arc;

use baton_core::domain::ids::{RepositoryName, UserId};
use baton_core::domain::issue::RepositoryRef;

use crate::app::Shared;
use crate::call::{Call, Reply};
use crate::errand::Errand;
use crate::error::GitHubError;
use crate::markers::Markers;
use crate::operations::Operation;
use crate::tokens::{self, GitAccess, GitToken, Purpose, Scope, TokenOf};

/// A handle; cheap to clone.
#[derive(Clone)]
pub struct Repository {
    pub(crate) shared: Arc<Shared>,
    reference: RepositoryRef,
    errand: Option<Arc<Errand>>,
}

impl std::fmt::Debug for Repository {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Repository").field(&self.reference).finish()
    }
}

impl Repository {
    pub(crate) fn new(shared: Arc<Shared>, reference: RepositoryRef) -> Self {
        Self { shared, reference, errand: None }
    }

    /// Which repository, and through which installation.
    #[must_use]
    pub fn reference(&self) -> &RepositoryRef {
        &self.reference
    }

    /// The same repository under its present name, after a rename.
    #[must_use]
    pub fn renamed(&self, name: RepositoryName) -> Self {
        let reference = RepositoryRef { name, ..self.reference.clone() };
        Self { shared: Arc::clone(&self.shared), reference, errand: self.errand.clone() }
    }

    /// A token for git, for this repository alone, and for nothing but its contents.
    ///
    /// # Errors
    /// [`GitHubError::NotInstalled`], [`GitHubError::Suspended`], and whatever else GitHub refuses.
    pub async fn git_token(&self, access: GitAccess) -> Result<GitToken, GitHubError> {
        tokens::mint_for_git(&self.shared, self.reference.installation, self.reference.id, access).await
    }

    /// Ends a token that [`Repository::git_token`] gave.
    ///
    /// # Errors
    /// Whatever GitHub refuses, and [`GitHubError::RetryAfter`] when there is no room for it under GitHub's limits. The token
    /// ends by itself within the hour.
    pub async fn revoke(&self, token: &GitToken) -> Result<(), GitHubError> {
        tokens::revoke(&self.shared, self.reference.installation, token).await
    }

    pub(crate) async fn send(&self, call: &Call) -> Result<Reply, GitHubError> {
        let scope = Scope {
            installation: self.reference.installation,
            repository: Some(self.reference.id),
            purpose: Purpose::of(call.operation),
        };
        self.shared.send(&TokenOf::new(&self.shared, scope), call, self.errand.as_deref()).await
    }

    pub(crate) fn relative(&self, operation: &Operation, address: &str) -> Option<String> {
        self.shared.transport.relative(operation, address)
    }

    pub(crate) fn errand(&self) -> Option<&Errand> {
        self.errand.as_deref()
    }

    pub(crate) fn with_errand(&self, errand: Arc<Errand>) -> Self {
        Self { errand: Some(errand), ..self.clone() }
    }

    pub(crate) fn owner(&self) -> &str {
        self.reference.name.owner()
    }

    pub(crate) fn name(&self) -> &str {
        self.reference.name.name()
    }

    pub(crate) fn markers(&self) -> &Markers {
        &self.shared.markers
    }

    /// The number of the App's own bot user.
    pub(crate) async fn bot(&self) -> Result<UserId, GitHubError> {
        Ok(self.shared.bot(Some(self.reference.installation)).await?.user)
    }
}
