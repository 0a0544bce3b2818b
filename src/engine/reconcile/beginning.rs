//! From when on what was said is this database's business. A new database knows nothing of what an earlier one has done, a
//! restored one nothing of what was done since the back-up, and nobody expects a bot that begins to serve a repository to do
//! what was asked of it days before. What is older than that is no command; people say it again.

use std::collections::BTreeSet;
use std::time::Duration;

use baton_core::domain::ids::RepositoryId;
use baton_core::domain::time::Timestamp;
use baton_github::Attempt;
use baton_queue::Failure;
use serde::{Deserialize, Serialize};

use super::deliveries::is_wanted;
use super::installations::Place;
use super::repository::Mark;
use crate::engine::Engine;

/// The settings that hold what this file knows.
const TAKEN_ELSEWHERE: &str = "reconcile/taken-elsewhere";
const KNOWN: &str = "reconcile/known";

/// What the App covered when Baton looked last.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Known {
    /// When that was.
    looked_at: Timestamp,
    /// The repositories, served or not.
    repositories: BTreeSet<RepositoryId>,
}

impl Known {
    /// Since when a repository that was never looked into is this Baton's business.
    fn since(earlier: Option<&Self>, place: &Place, now: Timestamp) -> Timestamp {
        match earlier {
            // It came since: with its installation, or into it.
            Some(earlier) if !earlier.repositories.contains(&place.covered.reference.id) => {
                earlier.looked_at.max(place.installed.unwrap_or(earlier.looked_at))
            }
            // This database is new, or the operator has begun to serve it.
            Some(_) | None => now,
        }
    }
}

impl Engine {
    /// Notes since when each repository without a mark is this Baton's business, and what is covered now. Both at once: a look
    /// that ends before it has read the repository must not leave it known and without a beginning.
    pub(super) async fn date(&self, places: &mut [Place], covered: BTreeSet<RepositoryId>) -> Result<(), Failure> {
        let now = self.now();
        let earlier = self.store().setting::<Known>(KNOWN).await?;
        let mut first = Vec::new();
        for place in places {
            place.since = Known::since(earlier.as_ref(), place, now);
            let setting = Mark::setting(place.covered.reference.id);
            if self.store().setting::<Mark>(&setting).await?.is_none() {
                first.push((setting, Mark::first(place.since)));
            }
        }
        let mut tx = self.store().begin().await?;
        for (setting, mark) in first {
            tx.set(&setting, &mark, now).await?;
        }
        tx.set(KNOWN, &Known { looked_at: now, repositories: covered }, now).await?;
        tx.commit().await?;
        Ok(())
    }

    /// When another database than this one took a delivery last: this one was restored from a back-up since, or is new.
    async fn taken_elsewhere(&self) -> Result<Option<Timestamp>, Failure> {
        Ok(self.store().setting::<Timestamp>(TAKEN_ELSEWHERE).await?)
    }

    /// From when on what happened was told to no other database. GitHub's times are whole seconds, and what is of the same one
    /// was told too.
    pub(super) async fn told_to_us_from(&self) -> Result<Option<Timestamp>, Failure> {
        Ok(self.taken_elsewhere().await?.map(|at| at.plus(Duration::from_secs(1))))
    }

    /// Finds deliveries that a Baton took, and that this database has never seen. Baton answers 202 to what it has just put on
    /// disk; channels and proxies that pass deliveries on answer 200 by themselves.
    pub(super) async fn find_taken_elsewhere(&self, attempts: &[Attempt]) -> Result<(), Failure> {
        let app = self.parts().github_config.app_id.map(|id| id.to_string()).unwrap_or_default();
        let until = self.taken_elsewhere().await?;
        let mut newest = until;
        for attempt in attempts.iter().filter(|attempt| attempt.recorded && is_wanted(attempt)) {
            if newest < Some(attempt.at) && !self.store().has_delivery("integration", &app, &attempt.guid).await? {
                newest = Some(attempt.at);
            }
        }
        let Some(newest) = newest.filter(|_| newest != until) else { return Ok(()) };
        tracing::warn!(
            until = %newest,
            "webhooks were taken by another database than this one: what was said until then is not carried out again"
        );
        let mut tx = self.store().begin().await?;
        tx.set(TAKEN_ELSEWHERE, &newest, self.now()).await?;
        tx.commit().await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use baton_core::domain::ids::InstallationId;
    use baton_core::domain::issue::RepositoryRef;
    use baton_github::Covered;

    use super::*;

    #[test]
    fn what_is_older_than_the_acquaintance_is_no_business_of_ours() {
        let place = |installed: Option<i64>| {
            let reference = RepositoryRef {
                id: RepositoryId(7),
                name: "acme/greeter".parse().unwrap(),
                installation: InstallationId(1),
            };
            let covered = Covered { reference, archived: false };
            Place { covered, installed: installed.map(Timestamp), since: Timestamp(0) }
        };
        let now = Timestamp(1_000);
        let knew = |ids: &[i64]| Known {
            looked_at: Timestamp(900),
            repositories: ids.iter().copied().map(RepositoryId).collect(),
        };
        let since = |earlier: Option<&Known>, installed| Known::since(earlier, &place(installed), now).0;
        // A new database.
        assert_eq!(since(None, Some(10)), 1_000);
        // Covered before, and not served.
        assert_eq!(since(Some(&knew(&[7])), Some(10)), 1_000);
        // Put into an installation that was there, or installed anew, since the last look.
        assert_eq!(since(Some(&knew(&[8])), Some(10)), 900);
        assert_eq!(since(Some(&knew(&[8])), Some(950)), 950);
        assert_eq!(since(Some(&knew(&[8])), None), 900);
    }
}
