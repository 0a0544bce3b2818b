//! A point in time and spans of it, as data. The clock itself lives outside the core.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Milliseconds since the Unix epoch, UTC. This is also how the store keeps times.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// The time `span` later; saturates at the end of time.
    #[must_use]
    pub fn plus(self, span: Duration) -> Self {
        let millis = i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
        Self(self.0.saturating_add(millis))
    }

    /// How long after `earlier` this is; zero if it is not after.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// The day in UTC, for people: `2026-12-06`.
    #[must_use]
    pub fn day(self) -> String {
        self.shown("%Y-%m-%d")
    }

    /// The hour and the minute in UTC, for people: `15:00`.
    #[must_use]
    pub fn hour_and_minute(self) -> String {
        self.shown("%H:%M")
    }

    fn shown(self, format: &str) -> String {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(t) => t.strftime(format).to_string(),
            Err(_) => format!("{}ms", self.0),
        }
    }

    /// Reads an RFC 3339 time as GitHub writes it (`2026-11-22T15:34:57Z`).
    #[must_use]
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        text.parse::<jiff::Timestamp>().ok().map(|t| Self(t.as_millisecond()))
    }
}

/// RFC 3339 with seconds, as GitHub writes it.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown("%Y-%m-%dT%H:%M:%SZ"))
    }
}
