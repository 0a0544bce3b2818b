//! What every request passes before it leaves: is GitHub to be left alone, and is there room in the budget? Learns from
//! every answer. Waits for nothing but one of the places for requests under way; everything else is a time to come back.
//!
//! After a limit nothing is sent for the account until the time that GitHub named; after several failures in a row nothing
//! is for a minute, for the installation that failed or for all (`outage`). Then one request goes first, and only if it goes
//! well do the others follow: GitHub is asked once a minute at most while it is down.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use baton_core::domain::ids::InstallationId;
use baton_core::domain::time::Timestamp;
use baton_core::domain::wait::Pause;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::budget::{self, Ask, Budget};
use crate::call::Call;
use crate::config::Clock;
use crate::error::GitHubError;
use crate::importance::Importance;
use crate::operations::Needs;
use crate::outage::{self, Culprit, Outages, PROBE_EVERY};
use crate::policy::{Decision, Kind, Limit, Outcome};

/// After this long without a refusal, the next one counts as the first.
const CALM: Duration = Duration::from_secs(60 * 60);

/// Whose limits a request counts against.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Account {
    /// The App, by its own signature.
    App,
    /// One installation.
    Installation(InstallationId),
}

/// Why nothing is sent, and until when.
#[derive(Clone, Copy, Debug)]
struct Shut {
    until: Timestamp,
    pause: Pause,
    /// Since when somebody asks whether it is over.
    probe: Option<Timestamp>,
}

/// Refusals in a row.
#[derive(Clone, Copy, Debug)]
struct Strikes {
    count: u32,
    last: Timestamp,
    /// A refused write is only forgotten when a write goes well.
    by_write: bool,
}

struct State {
    shut: Option<Shut>,
    strikes: Option<Strikes>,
    budget: budget::Account,
    places: Arc<Semaphore>,
}

#[derive(Default)]
struct All {
    outages: Outages,
    accounts: HashMap<Account, State>,
}

/// The gate.
pub(crate) struct Gate {
    clock: Clock,
    budget: Budget,
    all: Mutex<All>,
}

/// Leave to send one request.
pub(crate) struct Pass {
    account: Account,
    culprit: Culprit,
    kind: Kind,
    _place: Option<OwnedSemaphorePermit>,
}

impl Gate {
    pub(crate) fn new(budget: Budget, clock: Clock) -> Self {
        Self { clock, budget, all: Mutex::default() }
    }

    pub(crate) fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// Leave to send, or the time to come back. `errand` names what a write is for.
    pub(crate) async fn enter(
        &self,
        account: Account,
        call: &Call,
        importance: Importance,
        errand: &str,
    ) -> Result<Pass, GitHubError> {
        let operation = call.operation;
        let kind = Kind::of(operation);
        let culprit = culprit(account, call);
        let refused = |(at, pause)| GitHubError::RetryAfter { operation: operation.name, at, pause };
        let places = {
            let now = self.now();
            let mut all = self.lock();
            let All { outages, accounts } = &mut *all;
            let state = self.state(accounts, account);
            if let Some(closed) = closed(outages, &culprit, state, now) {
                return Err(refused(closed));
            }
            let admitted = match (kind, operation.needs) {
                (Kind::Read, _) => state.budget.read(now),
                // Tokens that are made: they count for no installation, and without them nothing else can be done.
                (Kind::Write, Needs::Nothing | Needs::AppKey) => Ok(()),
                (Kind::Write, Needs::AnyToken) => state.budget.aside(now),
                (Kind::Write, Needs::Permissions(_)) => {
                    let reserved = state.budget.reserve(Ask { importance, errand, writes: 1 }, now);
                    reserved.map(|()| state.budget.spend(errand, now))
                }
            };
            admitted.map_err(|at| refused((at, Pause::Budget)))?;
            outages.asks(&culprit, now);
            if let Some(shut) = &mut state.shut {
                shut.probe = Some(now);
            }
            Arc::clone(&state.places)
        };
        // Only fails when closed, which nobody does.
        Ok(Pass { account, culprit, kind, _place: places.acquire_owned().await.ok() })
    }

    /// Makes room for an errand's writes before anything is done for it, or says when to come back.
    pub(crate) fn reserve(&self, account: Account, ask: Ask<'_>) -> Result<(), (Timestamp, Pause)> {
        let now = self.now();
        let mut all = self.lock();
        let All { outages, accounts } = &mut *all;
        let state = self.state(accounts, account);
        let culprit = match account {
            Account::Installation(installation) => Culprit::Installation(installation),
            Account::App => Culprit::Everybody,
        };
        if let Some(closed) = closed(outages, &culprit, state, now) {
            return Err(closed);
        }
        state.budget.reserve(ask, now).map_err(|at| (at, Pause::Budget))
    }

    /// An errand is over.
    pub(crate) fn release(&self, account: Account, errand: &str) {
        if let Some(state) = self.lock().accounts.get_mut(&account) {
            state.budget.release(errand);
        }
    }

    /// How often in a row this account was refused for asking too much.
    pub(crate) fn strikes(&self, account: Account) -> u32 {
        let now = self.now();
        let all = self.lock();
        let strikes = all.accounts.get(&account).and_then(|state| state.strikes);
        strikes.filter(|strikes| strikes.last.plus(CALM) > now).map_or(0, |strikes| strikes.count)
    }

    /// Takes in what came of a request, and what was decided about it.
    pub(crate) fn learn(&self, pass: &Pass, outcome: Outcome, decision: Decision, remaining: Option<Timestamp>) {
        let now = self.now();
        let mut all = self.lock();
        let All { outages, accounts } = &mut *all;
        let state = self.state(accounts, pass.account);
        if matches!(decision, Decision::Again(_) | Decision::Renew | Decision::Follow) {
            // The same request goes on: who asks whether it is over is still this one.
            outages.asks_no_more(&pass.culprit);
            if let Some(shut) = &mut state.shut {
                shut.probe = None;
            }
            return;
        }
        match outcome {
            Outcome::Troubled { .. } | Outcome::Lost | Outcome::Silent => outages.failed(&pass.culprit, true, now),
            Outcome::Unsent => outages.failed(&pass.culprit, false, now),
            _ => outages.answered(&pass.culprit),
        }
        match (outcome, decision) {
            (Outcome::Limited { limit, .. }, Decision::Later(until)) => {
                let pause = match limit {
                    Limit::Primary => Pause::PrimaryLimit,
                    Limit::Secondary => Pause::SecondaryLimit,
                };
                let before = state.strikes.filter(|strikes| strikes.last.plus(CALM) > now);
                state.strikes = Some(Strikes {
                    count: before.map_or(0, |before| before.count) + 1,
                    last: until,
                    by_write: pass.kind == Kind::Write || before.is_some_and(|before| before.by_write),
                });
                // A request that was under way does not shorten the wait that another was told.
                let until = state.shut.map_or(until, |shut| shut.until.max(until));
                tracing::warn!(account = ?pass.account, %until, "{pause}; nothing is asked for it until then");
                state.shut = Some(Shut { until, pause, probe: None });
            }
            // The App's own signature, and only this one is in trouble.
            (Outcome::Troubled { .. }, Decision::Later(until))
                if pass.account == Account::App && pass.culprit != Culprit::Everybody =>
            {
                outages.waits(&pass.culprit, until);
            }
            (Outcome::Troubled { .. }, Decision::Later(until)) => {
                let until = state.shut.map_or(until, |shut| shut.until.max(until));
                state.shut = Some(Shut { until, pause: Pause::Asked, probe: None });
            }
            (Outcome::Unauthorized, Decision::Fail) if pass.account == Account::App => {
                state.shut = Some(Shut { until: now.plus(PROBE_EVERY), pause: Pause::Credentials, probe: None });
            }
            (Outcome::Answered | Outcome::Moved { .. } | Outcome::Lacking | Outcome::Refused, _) => {
                // What was under way when the limit struck says nothing about its end.
                if state.shut.is_some_and(|shut| shut.until <= now) {
                    state.shut = None;
                }
                if outcome == Outcome::Answered
                    && state.strikes.is_some_and(|strikes| !strikes.by_write || pass.kind == Kind::Write)
                {
                    state.strikes = None;
                }
                if let Some(reset) = remaining {
                    state.shut = Some(Shut { until: reset, pause: Pause::PrimaryLimit, probe: None });
                }
            }
            _ => {
                if let Some(shut) = &mut state.shut
                    && shut.probe.take().is_some()
                {
                    shut.until = shut.until.max(now.plus(PROBE_EVERY));
                }
            }
        }
    }

    fn state<'a>(&self, accounts: &'a mut HashMap<Account, State>, account: Account) -> &'a mut State {
        accounts.entry(account).or_insert_with(|| State {
            shut: None,
            strikes: None,
            budget: budget::Account::new(self.budget),
            places: Arc::new(Semaphore::new(self.budget.concurrent.max(1))),
        })
    }

    fn lock(&self) -> MutexGuard<'_, All> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whose fault it is if this request fails.
fn culprit(account: Account, call: &Call) -> Culprit {
    match account {
        Account::Installation(installation) => Culprit::Installation(installation),
        // By the App's own signature, and yet perhaps about one installation.
        Account::App => call.about.clone(),
    }
}

/// When to come back, and why, if the gate is shut and nobody is to ask now whether it still must be.
fn closed(outages: &Outages, culprit: &Culprit, state: &State, now: Timestamp) -> Option<(Timestamp, Pause)> {
    let down = outages.closed(culprit, now).map(|until| (until, Pause::Outage));
    down.or_else(|| {
        let shut = state.shut?;
        Some((outage::closed(shut.until, shut.probe, now)?, shut.pause))
    })
}
