//! Webhooks that GitHub could not deliver: asked for again, oldest first, a bounded number in each look, each a few times.
//! GitHub keeps them for three days and never repeats one by itself.

use std::collections::BTreeMap;
use std::time::Duration;

use baton_core::domain::time::Timestamp;
use baton_github::{Attempt, AttemptOutcome, GitHubError};
use baton_queue::Failure;
use baton_webhook::HANDLED;
use serde::{Deserialize, Serialize};

use crate::engine::Engine;

const MINUTE: u64 = 60;
const DAY: u64 = 24 * 60 * MINUTE;

/// For how long github.com keeps deliveries.
const KEPT: Duration = Duration::from_secs(3 * DAY);
/// For how long Enterprise Server does.
const KEPT_BY_ENTERPRISE: Duration = Duration::from_secs(7 * DAY);
/// An attempt shows in the list when it has ended; later ones may have ended before.
const OVERLAP: Duration = Duration::from_secs(15 * MINUTE);
/// As many are asked for in one look at most.
const AT_ONCE: usize = 50;
/// As often one is asked for at most; what still fails then is found by comparing with the truth.
const TIMES: u32 = 4;
/// The pause before one is asked for a second time; it doubles with each.
const PAUSE: Duration = Duration::from_secs(5 * MINUTE);

/// What was read of deliveries before that says nothing about whether this database was restored since.
const FRESH: Duration = Duration::from_secs(60 * MINUTE);

/// Events from which nothing follows: not worth asking for.
const WITHOUT_CONSEQUENCE: [&str; 3] = ["check_run", "ping", "push"];

/// The setting that holds a [`Log`].
const SETTING: &str = "reconcile/deliveries";

/// What is known of deliveries.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Log {
    /// What failed before this is none of this database's business: it is older.
    #[serde(default)]
    begun: Option<Timestamp>,
    /// When GitHub's list was read last.
    #[serde(default)]
    looked: Option<Timestamp>,
    /// The newest attempt seen.
    until: Option<Timestamp>,
    /// What was not delivered yet, by GUID.
    open: BTreeMap<String, Open>,
}

/// A delivery that failed.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Open {
    /// The newest attempt.
    attempt: i64,
    /// When the first one was seen to fail.
    since: Timestamp,
    /// How often it was asked for.
    asked: u32,
    /// When last.
    asked_at: Timestamp,
}

impl Log {
    /// Takes in what GitHub lists, newest first.
    fn read(&mut self, attempts: &[Attempt]) {
        for attempt in attempts.iter().rev() {
            self.until = self.until.max(Some(attempt.at));
            match attempt.outcome {
                AttemptOutcome::Succeeded => drop(self.open.remove(&attempt.guid)),
                AttemptOutcome::Failed if is_wanted(attempt) => {
                    let new = Open { attempt: attempt.id, since: attempt.at, asked: 0, asked_at: Timestamp(0) };
                    let open = self.open.entry(attempt.guid.clone()).or_insert(new);
                    open.attempt = open.attempt.max(attempt.id);
                }
                AttemptOutcome::Failed | AttemptOutcome::Pending => {}
            }
        }
    }

    /// What to ask for now, oldest first: things happen again in the order in which they happened.
    fn due(&self, now: Timestamp) -> Vec<String> {
        let ripe = |open: &Open| {
            let pause = PAUSE * 2_u32.pow(open.asked.saturating_sub(1).min(TIMES));
            open.asked < TIMES && (open.asked == 0 || open.asked_at.plus(pause) <= now)
        };
        let mut due: Vec<(&String, &Open)> = self.open.iter().filter(|(_, open)| ripe(open)).collect();
        due.sort_by_key(|(_, open)| (open.since, open.attempt));
        due.into_iter().take(AT_ONCE).map(|(guid, _)| guid.clone()).collect()
    }
}

pub(super) fn is_wanted(attempt: &Attempt) -> bool {
    let action = attempt.action.as_deref().unwrap_or_default();
    !WITHOUT_CONSEQUENCE.contains(&attempt.event.as_str())
        && HANDLED.iter().any(|(event, actions)| *event == attempt.event && actions.contains(&action))
}

impl Engine {
    /// Asks for what could not be delivered and has not arrived since.
    pub(super) async fn ask_for_failed_deliveries(&self) -> Result<(), Failure> {
        let now = self.now();
        let mut log = self.store().setting::<Log>(SETTING).await?.unwrap_or_default();
        let oldest = before(now, self.deliveries_are_kept());
        if log.until.is_none() {
            (log.begun, log.until) = (Some(now), Some(now));
        }
        let since = log.until.map_or(oldest, |until| oldest.max(before(until, OVERLAP)));
        let attempts = self.parts().github.attempts_since(since).await.map_err(|refused| self.refused(&refused))?;
        log.read(&attempts);
        log.looked = Some(now);
        self.find_taken_elsewhere(&attempts).await?;
        log.begun = log.begun.max(self.told_to_us_from().await?);
        log.open.retain(|_, open| open.since >= oldest && Some(open.since) >= log.begun);
        self.forget_what_arrived(&mut log).await?;
        let asked = self.ask_for(&mut log, now).await;
        let mut tx = self.store().begin().await?;
        tx.set(SETTING, &log, now).await?;
        tx.commit().await?;
        asked.map_err(|refused| self.refused(&refused))
    }

    /// Whether GitHub's list of deliveries was read for this database a short time ago. Else nobody knows what was told to
    /// another one meanwhile, and what that one did must not be done again.
    pub(super) async fn knows_deliveries(&self) -> Result<bool, Failure> {
        let log = self.store().setting::<Log>(SETTING).await?.unwrap_or_default();
        Ok(log.looked.is_some_and(|looked| looked.plus(FRESH) > self.now()))
    }

    /// GitHub counts as failed what arrived here and was answered too late.
    async fn forget_what_arrived(&self, log: &mut Log) -> Result<(), Failure> {
        let app = self.parts().github_config.app_id.map(|id| id.to_string()).unwrap_or_default();
        for guid in log.open.keys().cloned().collect::<Vec<_>>() {
            if self.store().has_delivery("integration", &app, &guid).await? {
                log.open.remove(&guid);
            }
        }
        Ok(())
    }

    async fn ask_for(&self, log: &mut Log, now: Timestamp) -> Result<(), GitHubError> {
        let due = log.due(now);
        if !due.is_empty() {
            tracing::warn!(failed = log.open.len(), asked_for = due.len(), "GitHub could not deliver webhooks");
        }
        for guid in due {
            let Some(open) = log.open.get_mut(&guid) else { continue };
            match self.parts().github.redeliver(open.attempt).await {
                Ok(()) => {
                    open.asked += 1;
                    open.asked_at = now;
                }
                // GitHub does not keep it any more.
                Err(GitHubError::NotFound { .. } | GitHubError::Validation { .. }) => drop(log.open.remove(&guid)),
                Err(refused) => return Err(refused),
            }
        }
        Ok(())
    }

    fn deliveries_are_kept(&self) -> Duration {
        // The one form of address that Enterprise Server has and github.com has not.
        let is_enterprise = self.parts().github_config.api_url.path().trim_end_matches('/').ends_with("/api/v3");
        if is_enterprise { KEPT_BY_ENTERPRISE } else { KEPT }
    }
}

/// The time so long before another.
pub(super) fn before(at: Timestamp, span: Duration) -> Timestamp {
    Timestamp(at.0.saturating_sub(i64::try_from(span.as_millis()).unwrap_or(i64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt(id: i64, guid: &str, outcome: AttemptOutcome) -> Attempt {
        let (event, action) = ("issues".to_owned(), Some("labeled".to_owned()));
        Attempt { id, guid: guid.to_owned(), at: Timestamp(id * 1_000), event, action, outcome, recorded: false }
    }

    #[test]
    fn what_failed_is_asked_for_oldest_first_until_it_succeeds() {
        use AttemptOutcome::{Failed, Pending, Succeeded};
        let mut log = Log::default();
        // Newest first, as GitHub lists them.
        log.read(&[attempt(5, "e", Pending), attempt(4, "b", Succeeded), attempt(3, "c", Failed)]);
        log.read(&[attempt(2, "b", Failed), attempt(1, "a", Failed)]);
        let now = Timestamp(1_000_000);
        assert_eq!(log.due(now), ["a", "b", "c"]);
        log.read(&[attempt(7, "a", Failed), attempt(6, "b", Succeeded)]);
        assert_eq!(log.due(now), ["a", "c"]);
        assert_eq!(log.open["a"].attempt, 7, "the newest attempt is the one to repeat");
        assert_eq!(log.until, Some(Timestamp(7_000)));
    }

    #[test]
    fn nothing_is_asked_for_for_ever() {
        let mut log = Log::default();
        log.read(&[attempt(1, "a", AttemptOutcome::Failed)]);
        let mut asked = Vec::new();
        for minute in 0..600 {
            let now = Timestamp(minute * 60_000);
            for guid in log.due(now) {
                let open = log.open.get_mut(&guid).unwrap();
                (open.asked, open.asked_at) = (open.asked + 1, now);
                asked.push(minute);
            }
        }
        assert_eq!(asked, [0, 5, 15, 35]);
    }

    #[test]
    fn a_storm_is_asked_for_in_portions() {
        let mut log = Log::default();
        let all: Vec<Attempt> =
            (0..1_000).rev().map(|id| attempt(id, &id.to_string(), AttemptOutcome::Failed)).collect();
        log.read(&all);
        assert_eq!(log.due(Timestamp(0)).len(), AT_ONCE);
        assert_eq!(log.due(Timestamp(0))[0], "0");
    }

    #[test]
    fn what_has_no_consequence_is_not_asked_for() {
        for (event, action, wanted) in [
            ("issues", Some("labeled"), true),
            ("issue_comment", Some("created"), true),
            ("issues", Some("pinned"), false),
            ("push", None, false),
            ("ping", None, false),
            ("check_run", Some("rerequested"), false),
            ("installation", Some("deleted"), true),
        ] {
            let mut one = attempt(1, "a", AttemptOutcome::Failed);
            (one.event, one.action) = (event.to_owned(), action.map(str::to_owned));
            assert_eq!(is_wanted(&one), wanted, "{event} {action:?}");
        }
    }
}
