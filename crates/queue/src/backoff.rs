//! How long to wait before another attempt: exponential, capped, with full jitter so that failures do not come back in
//! step.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// A source of numbers from 0 up to but not including 1.
#[derive(Clone)]
pub struct Jitter(Arc<dyn Fn() -> f64 + Send + Sync>);

impl Jitter {
    /// From a function; tests give one that is no surprise.
    pub fn from_fn(next: impl Fn() -> f64 + Send + Sync + 'static) -> Self {
        Self(Arc::new(next))
    }

    /// A part of a span, chosen by the next number.
    pub(crate) fn part_of(&self, span: Duration) -> Duration {
        span.mul_f64((self.0)().clamp(0.0, 1.0))
    }
}

impl fmt::Debug for Jitter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Jitter")
    }
}

/// True chance.
#[must_use]
pub fn random_jitter() -> Jitter {
    Jitter::from_fn(rand::random::<f64>)
}

/// The waits between attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// The longest wait after the first failure; each further failure doubles it.
    pub first: Duration,
    /// No wait is longer, unless the other side asks for one.
    pub cap: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { first: Duration::from_secs(1), cap: Duration::from_secs(10 * 60) }
    }
}

impl Backoff {
    /// How long to wait after attempt number `attempt` (from 1) failed. Where the other side said how long to wait, no
    /// less than that, and spread out after it.
    pub(crate) fn wait(&self, attempt: u32, asked_for: Option<Duration>, jitter: &Jitter) -> Duration {
        let doublings = attempt.saturating_sub(1).min(31);
        let longest = self.first.saturating_mul(1 << doublings).min(self.cap);
        let spread = jitter.part_of(longest);
        asked_for.map_or(spread, |asked| asked.saturating_add(spread.min(asked)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn always(part: f64) -> Jitter {
        Jitter::from_fn(move || part)
    }

    #[test]
    fn waits_double_up_to_the_cap() {
        let backoff = Backoff::default();
        let waits: Vec<_> = (1..=12).map(|n| backoff.wait(n, None, &always(1.0)).as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 600, 600]);
        assert_eq!(backoff.wait(u32::MAX, None, &always(0.5)).as_secs(), 300);
    }

    #[test]
    fn who_asks_for_a_wait_gets_it_and_not_all_come_back_at_once() {
        let backoff = Backoff::default();
        let asked = Some(Duration::from_secs(60));
        assert_eq!(backoff.wait(20, asked, &always(0.0)).as_secs(), 60);
        assert_eq!(backoff.wait(20, asked, &always(0.99)).as_secs(), 120);
        assert_eq!(backoff.wait(1, asked, &always(1.0)).as_secs(), 61);
    }

    proptest! {
        #[test]
        fn no_wait_is_longer_than_the_cap(attempt in 0_u32.., part in 0.0..1.0_f64, first in 0_u64..10_000, cap in 0_u64..10_000_000) {
            let backoff = Backoff { first: Duration::from_millis(first), cap: Duration::from_millis(cap) };
            prop_assert!(backoff.wait(attempt, None, &always(part)) <= backoff.cap);
        }
    }

    #[test]
    fn chance_spreads() {
        let waits: std::collections::BTreeSet<_> =
            (0..50).map(|_| Backoff::default().wait(10, None, &random_jitter())).collect();
        assert!(waits.len() > 40, "{waits:?}");
    }
}
