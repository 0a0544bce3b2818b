//! What a run used: tokens, money, turns; and the limits on them.

use std::fmt;
use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

/// US dollars in millionths, so that sums are exact. Prints as `$0.0123`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MicroDollars(pub u64);

impl MicroDollars {
    /// From whole and fractional dollars; negative and non-finite amounts are `None`.
    #[must_use]
    pub fn from_dollars(dollars: f64) -> Option<Self> {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "range checked just before")]
        (dollars.is_finite() && (0.0..1e12).contains(&dollars)).then(|| Self((dollars * 1e6).round() as u64))
    }
}

impl fmt::Display for MicroDollars {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hundredths_of_cents = self.0.div_ceil(100);
        write!(f, "${}.{:04}", hundredths_of_cents / 10_000, hundredths_of_cents % 10_000)
    }
}

/// Tokens and money of one or more model calls. Input does not include the cached part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Usage {
    /// Calls of a model.
    pub calls: u64,
    /// Input tokens charged at the full price.
    pub input_tokens: u64,
    /// Input tokens read from the provider's cache.
    pub cache_read_tokens: u64,
    /// Input tokens written to the provider's cache.
    pub cache_write_tokens: u64,
    /// Output tokens, reasoning included.
    pub output_tokens: u64,
    /// What it cost by the provider's price table; zero where no prices are configured.
    pub cost: MicroDollars,
}

impl Usage {
    /// All tokens together.
    #[must_use]
    pub fn tokens(&self) -> u64 {
        self.input_tokens + self.cache_read_tokens + self.cache_write_tokens + self.output_tokens
    }
}

impl AddAssign for Usage {
    fn add_assign(&mut self, other: Self) {
        self.calls += other.calls;
        self.input_tokens += other.input_tokens;
        self.cache_read_tokens += other.cache_read_tokens;
        self.cache_write_tokens += other.cache_write_tokens;
        self.output_tokens += other.output_tokens;
        self.cost.0 += other.cost.0;
    }
}

/// What one run may use before it is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RunBudget {
    /// Wall-clock seconds.
    pub seconds: u64,
    /// Model calls.
    pub turns: u64,
    /// Tokens of all kinds.
    pub tokens: u64,
    /// Money, in millionths of a US dollar.
    pub cost: MicroDollars,
}

impl Default for RunBudget {
    fn default() -> Self {
        Self { seconds: 45 * 60, turns: 200, tokens: 5_000_000, cost: MicroDollars(10_000_000) }
    }
}

/// Which limit stopped a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Exhausted {
    /// Wall-clock time.
    Time,
    /// Model calls.
    Turns,
    /// Tokens.
    Tokens,
    /// Money.
    Cost,
}
