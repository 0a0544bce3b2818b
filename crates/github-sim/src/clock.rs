//! The simulator's own clock: the machine's, or a fixed one, moved forward by hand. Nothing else here may ask for the time.

use jiff::{SignedDuration, Timestamp};

/// Where the simulator's time comes from.
#[derive(Debug, Clone, Copy, Default)]
pub enum TimeSource {
    /// The machine's clock, plus whatever [`crate::Sim::advance`] added.
    #[default]
    Machine,
    /// Stands still at this moment until [`crate::Sim::advance`] moves it.
    Fixed(Timestamp),
}

#[derive(Debug)]
pub(crate) struct Clock {
    source: TimeSource,
    ahead: SignedDuration,
}

impl Clock {
    pub(crate) fn new(source: TimeSource) -> Self {
        Self { source, ahead: SignedDuration::ZERO }
    }

    pub(crate) fn now(&self) -> Timestamp {
        let base = match self.source {
            TimeSource::Machine => Timestamp::now(),
            TimeSource::Fixed(at) => at,
        };
        base.checked_add(self.ahead).unwrap_or(Timestamp::MAX)
    }

    pub(crate) fn advance(&mut self, by: SignedDuration) {
        self.ahead = self.ahead.saturating_add(by);
    }
}

/// GitHub's way to write a moment: UTC, whole seconds, `Z`.
pub(crate) fn stamp(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// [`stamp`] of a moment that may not have come: JSON null then.
pub(crate) fn stamp_or_null(at: Option<Timestamp>) -> serde_json::Value {
    at.map_or(serde_json::Value::Null, |at| stamp(at).into())
}

/// A moment as HTTP writes it (RFC 9110, section 5.6.7).
pub(crate) fn http_date(at: Timestamp) -> String {
    at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}
