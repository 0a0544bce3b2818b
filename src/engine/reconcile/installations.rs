//! Where the App is installed, against where tasks are: an App that was taken off, suspended, or narrowed to other
//! repositories ends its tasks there, as the webhook would have.

use std::collections::{BTreeMap, BTreeSet};

use baton_core::domain::ids::{InstallationId, RepositoryId};
use baton_core::domain::task::Task;
use baton_core::domain::time::Timestamp;
use baton_github::{Covered, GitHubError};
use baton_queue::Failure;

use super::observe::{Observation, Seen};
use crate::engine::Engine;

/// A repository to look at.
pub(super) struct Place {
    pub covered: Covered,
    /// When the App was installed there, or something else began that makes what is older no command.
    pub installed: Option<Timestamp>,
    /// Since when it is this Baton's business, if it was never looked into.
    pub since: Timestamp,
}

impl Engine {
    /// The repositories that are served, after tasks in others were seen to.
    pub(super) async fn covered(&self, tasks: &BTreeMap<RepositoryId, Vec<Task>>) -> Result<Vec<Place>, Failure> {
        let github = &self.parts().github;
        let mut places = Vec::new();
        let mut unknown: BTreeSet<InstallationId> = BTreeSet::new();
        for installation in github.installations().await.map_err(|refused| self.refused(&refused))? {
            if installation.suspended {
                continue;
            }
            match github.repositories_of(installation.id).await {
                Ok(list) => {
                    let installed = installation.created_at;
                    places.extend(list.into_iter().map(|covered| Place { covered, installed, since: self.now() }));
                }
                // Gone in this very moment.
                Err(GitHubError::NotInstalled | GitHubError::Suspended) => {}
                Err(refused @ GitHubError::RetryAfter { .. }) => return Err(self.refused(&refused)),
                Err(refused) => {
                    tracing::warn!(installation = %installation.id, %refused, "its repositories cannot be listed");
                    unknown.insert(installation.id);
                }
            }
        }
        let there: BTreeSet<RepositoryId> = places.iter().map(|place| place.covered.reference.id).collect();
        for (id, theirs) in tasks {
            if let (false, Some(task)) = (there.contains(id), theirs.first())
                && !unknown.contains(&task.repository.installation)
            {
                self.note_uncovered(task).await?;
            }
        }
        places.retain(|place| {
            let Covered { reference, archived } = &place.covered;
            let is_served = self.parts().policy.serves(reference.name.owner(), &reference.name.to_string());
            is_served && (!archived || tasks.contains_key(&reference.id))
        });
        self.date(&mut places, there).await?;
        Ok(places)
    }

    /// A list may be wrong for a moment: whether tasks end for that is asked where the observation is considered.
    async fn note_uncovered(&self, task: &Task) -> Result<(), Failure> {
        let what = Seen::NotCovered { newest: task.id };
        let observation = Observation { repository: task.repository.clone(), at: self.now(), version: None, what };
        let mut tx = self.store().begin().await?;
        self.enqueue_observation(&mut tx, &observation).await?;
        tx.commit().await?;
        Ok(())
    }
}
