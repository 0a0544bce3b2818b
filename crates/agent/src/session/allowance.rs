//! What a run may still use. Only counts; who stops is the session's decision.

use std::time::Duration;

use baton_core::domain::run::Spent;
use baton_core::domain::usage::{Exhausted, RunBudget, Usage};
use tokio::time::Instant;

/// A budget, what is gone of it already, and the moment it started to run.
#[derive(Debug)]
pub(super) struct Allowance {
    budget: RunBudget,
    spent: Spent,
    started: Instant,
    warned: bool,
}

impl Allowance {
    pub(super) fn starting(budget: RunBudget, spent: Spent) -> Self {
        Self { budget, spent, started: Instant::now(), warned: false }
    }

    /// When the time is over. A budget too long to be a date ends in a year.
    pub(super) fn deadline(&self) -> Instant {
        const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);
        self.started + Duration::from_secs(self.budget.seconds.saturating_sub(self.spent.seconds)).min(YEAR)
    }

    pub(super) fn time_left(&self) -> Duration {
        self.deadline().saturating_duration_since(Instant::now())
    }

    /// The limit on tokens or money that is reached, if one is.
    pub(super) fn spent(&self, usage: &Usage) -> Option<Exhausted> {
        let usage = &self.with_what_went_before(usage);
        if usage.tokens() >= self.budget.tokens {
            Some(Exhausted::Tokens)
        } else if usage.cost >= self.budget.cost {
            Some(Exhausted::Cost)
        } else {
            None
        }
    }

    fn with_what_went_before(&self, usage: &Usage) -> Usage {
        let mut all = self.spent.usage;
        all += *usage;
        all
    }

    pub(super) fn turns_used(&self, usage: &Usage) -> bool {
        self.with_what_went_before(usage).calls >= self.budget.turns
    }

    /// Whether four fifths of any limit are used: true once.
    pub(super) fn comes_near(&mut self, usage: &Usage) -> bool {
        let usage = &self.with_what_went_before(usage);
        let most = |used: u64, limit: u64| used >= limit - limit / 5;
        let near = most(usage.tokens(), self.budget.tokens)
            || most(usage.calls, self.budget.turns)
            || (usage.cost.0 > 0 && most(usage.cost.0, self.budget.cost.0))
            || most(self.spent.seconds.saturating_add(self.started.elapsed().as_secs()), self.budget.seconds);
        near && !std::mem::replace(&mut self.warned, true)
    }
}
