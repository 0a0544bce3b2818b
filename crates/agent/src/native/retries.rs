//! How long to wait before a failed request is tried again. Only computes.

use std::time::Duration;

/// Bounded, growing, jittered pauses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retries {
    /// Requests in all, the first included.
    pub attempts: u32,
    /// The first pause, before jitter; each next one is twice as long.
    pub first: Duration,
    /// The longest pause of our own choice. A provider may ask for longer.
    pub longest: Duration,
}

impl Default for Retries {
    fn default() -> Self {
        Self { attempts: 8, first: Duration::from_secs(1), longest: Duration::from_secs(60) }
    }
}

impl Retries {
    /// The pause after failed request number `attempt`; `None` when it is not to be tried again: too often already, or
    /// the pause would outlast the time that is left.
    pub(crate) fn wait(&self, attempt: u32, asked: Option<Duration>, left: Duration) -> Option<Duration> {
        if attempt >= self.attempts {
            return None;
        }
        let doubled = self.first.saturating_mul(1_u32.checked_shl(attempt.saturating_sub(1)).unwrap_or(u32::MAX));
        let own = doubled.min(self.longest).mul_f64(rand::random_range(0.5..1.0));
        let wait = asked.map_or(own, |asked| asked.max(own));
        (wait < left).then_some(wait)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Pauses are at least what was asked, never longer than needed, and fit into the time left.
        #[test]
        fn pauses_are_bounded(attempt in 1..100_u32, asked in prop::option::of(0..600_u64), left in 0..1000_u64) {
            let retries = Retries { attempts: 50, ..Retries::default() };
            let (asked, left) = (asked.map(Duration::from_secs), Duration::from_secs(left));
            match retries.wait(attempt, asked, left) {
                Some(wait) => {
                    prop_assert!(attempt < 50 && wait < left);
                    prop_assert!(wait >= asked.unwrap_or_default());
                    prop_assert!(wait <= asked.unwrap_or_default().max(Duration::from_secs(60)));
                    prop_assert!(wait >= Duration::from_millis(500));
                }
                None => prop_assert!(attempt >= 50 || left <= asked.unwrap_or_default().max(Duration::from_secs(60))),
            }
        }
    }
}
