//! A world written down in JSON: people, repositories, Apps. For the server's `--seed` and the control API.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::change::setup::{AppCredentials, AppSpec};
use crate::git::commit::Files;
use crate::refusal::Refusal;
use crate::sim::Sim;
use crate::world::permission::Role;

/// What to make.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Seed {
    /// Logins.
    pub users: Vec<String>,
    /// Organisations' logins, with their owners.
    pub orgs: BTreeMap<String, Vec<String>>,
    /// Repositories.
    pub repositories: Vec<SeedRepository>,
    /// Apps.
    pub apps: Vec<SeedApp>,
}

/// One repository of a [`Seed`].
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SeedRepository {
    /// `owner/name`.
    pub name: String,
    /// Only for those with a role.
    pub private: bool,
    /// The folder whose files are the first commit.
    pub folder: Option<PathBuf>,
    /// Text files of the first commit, by path; added to those of the folder.
    pub files: BTreeMap<String, String>,
    /// Login → role.
    pub roles: BTreeMap<String, Role>,
    /// Branches nobody may push to.
    pub protected: Vec<String>,
}

/// One App of a [`Seed`].
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct SeedApp {
    /// The App itself.
    #[serde(flatten)]
    pub spec: AppSpec,
    /// The repositories it is installed on.
    pub install_on: Vec<String>,
}

/// Why a seed could not be planted.
#[derive(Debug, thiserror::Error)]
pub enum SeedError {
    /// A folder of files could not be read.
    #[error("cannot read the files in {0}: {1}")]
    Folder(PathBuf, std::io::Error),
    /// GitHub's rules forbid it.
    #[error("{0}: {1}")]
    Refused(String, Box<Refusal>),
}

impl Sim {
    /// Makes everything a seed says; the credentials of its Apps, in order.
    ///
    /// # Errors
    /// [`SeedError`] names what could not be made; what was made before it stays.
    pub fn plant(&self, seed: &Seed) -> Result<Vec<AppCredentials>, SeedError> {
        let refused = |what: &str| {
            let what = what.to_owned();
            move |refusal| SeedError::Refused(what, Box::new(refusal))
        };
        for login in &seed.users {
            self.user(login).map_err(refused(login))?;
        }
        for (org, owners) in &seed.orgs {
            self.org(org).map_err(refused(org))?;
            for owner in owners {
                self.user(owner).map_err(refused(owner))?;
                self.org_owner(org, owner).map_err(refused(org))?;
            }
        }
        for repository in &seed.repositories {
            self.plant_repository(repository)?;
        }
        let mut credentials = Vec::new();
        for app in &seed.apps {
            let made = self.app(app.spec.clone()).map_err(refused(&app.spec.name))?;
            for repository in &app.install_on {
                self.install(made.app_id, repository).map_err(refused(repository))?;
            }
            credentials.push(made);
        }
        Ok(credentials)
    }

    fn plant_repository(&self, seed: &SeedRepository) -> Result<(), SeedError> {
        let refused = |refusal| SeedError::Refused(seed.name.clone(), Box::new(refusal));
        let mut files = match &seed.folder {
            None => Files::none(),
            Some(folder) => Files::from_folder(folder).map_err(|error| SeedError::Folder(folder.clone(), error))?,
        };
        for (path, text) in &seed.files {
            files = files.with(path, text.as_str());
        }
        self.lock().add_repository(&seed.name, &files, seed.private).map_err(refused)?;
        for (login, role) in &seed.roles {
            self.role(&seed.name, login, *role).map_err(refused)?;
        }
        for branch in &seed.protected {
            self.protect(&seed.name, branch, true).map_err(refused)?;
        }
        Ok(())
    }
}
