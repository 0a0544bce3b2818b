//! Where the App is installed, and on what: the truth behind the `installation` webhooks.

use baton_core::domain::ids::{InstallationId, RepositoryId};
use baton_core::domain::issue::RepositoryRef;
use baton_core::domain::time::Timestamp;
use serde::Deserialize;

use crate::app::GitHubApp;
use crate::call::Call;
use crate::error::GitHubError;
use crate::operations::{LIST_INSTALLATION_REPOSITORIES, LIST_INSTALLATIONS};
use crate::pages::{Asker, Enough, each_page_of};
use crate::wire;

/// An installation of the App.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installation {
    /// Its number.
    pub id: InstallationId,
    /// The login of the person or organisation, or the name of the enterprise.
    pub account: String,
    /// Whether its owner, or GitHub, switched the App off.
    pub suspended: bool,
    /// When the App was installed; before that it was told nothing.
    pub created_at: Option<Timestamp>,
}

/// A repository that an installation covers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Covered {
    /// Which, under its present name.
    pub reference: RepositoryRef,
    /// Whether it is read-only.
    pub archived: bool,
}

#[derive(Deserialize)]
struct Page {
    repositories: Vec<wire::Repository>,
}

impl GitHubApp {
    /// All installations of the App.
    ///
    /// # Errors
    /// Whatever GitHub refuses.
    pub async fn installations(&self) -> Result<Vec<Installation>, GitHubError> {
        let mut all = Vec::new();
        let first = Call::new(&LIST_INSTALLATIONS, &[]).query(&[("per_page", "100")]);
        each_page_of(&Asker::App(&self.shared), first, |page: Vec<wire::Installation>| {
            all.extend(page.into_iter().map(|it| Installation {
                id: InstallationId(it.id),
                account: it.account.and_then(|it| it.login.or(it.slug)).unwrap_or_default(),
                suspended: it.suspended_at.is_some(),
                created_at: it.created_at.as_deref().and_then(Timestamp::parse_rfc3339),
            }));
            Enough::No
        })
        .await?;
        Ok(all)
    }

    /// The repositories that an installation covers.
    ///
    /// # Errors
    /// [`GitHubError::NotInstalled`], [`GitHubError::Suspended`], and whatever else GitHub refuses.
    pub async fn repositories_of(&self, installation: InstallationId) -> Result<Vec<Covered>, GitHubError> {
        let mut all = Vec::new();
        let first = Call::new(&LIST_INSTALLATION_REPOSITORIES, &[]).query(&[("per_page", "100")]);
        each_page_of(&Asker::Installation(&self.shared, installation), first, |page: Page| {
            all.extend(page.repositories.into_iter().filter_map(|it| {
                let reference =
                    RepositoryRef { id: RepositoryId(it.id), name: it.full_name.parse().ok()?, installation };
                Some(Covered { reference, archived: it.archived })
            }));
            Enough::No
        })
        .await?;
        Ok(all)
    }
}
