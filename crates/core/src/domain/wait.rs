//! Waiting for GitHub: why, since when, until when. Waiting is no failure, but whoever waits is told what for.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::time::Timestamp;

/// Why nothing is asked of GitHub for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pause {
    /// The hour's requests are used up.
    PrimaryLimit,
    /// Too much at once, or too much content.
    SecondaryLimit,
    /// GitHub is in trouble and named a time.
    Asked,
    /// GitHub fails, or cannot be reached.
    Outage,
    /// GitHub takes neither the App's key nor another one.
    Credentials,
    /// Baton's own budget: more would go over a limit, or something more important goes first.
    Budget,
}

/// For the operator's log; what people read on an issue is in `prose::wait`.
impl fmt::Display for Pause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PrimaryLimit => "GitHub's primary rate limit is reached",
            Self::SecondaryLimit => "GitHub's secondary rate limit is reached",
            Self::Asked => "GitHub is in trouble and asks for a pause",
            Self::Outage => "GitHub does not answer as it should",
            Self::Credentials => {
                "GitHub does not accept the App's credentials (check github.app_id and the private key)"
            }
            Self::Budget => "Baton keeps under GitHub's limits on writing",
        })
    }
}

/// A wait, under way or over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wait {
    /// What for.
    pub why: Pause,
    /// Since when.
    pub since: Timestamp,
    /// Until when; work goes on then, unless GitHub says something else.
    pub until: Timestamp,
}

/// What begins so soon after a wait is the same one going on.
const SAME: Duration = Duration::from_secs(2 * 60);

/// A shorter wait is not worth a word afterwards.
const WORTH_TELLING: Duration = Duration::from_secs(3 * 60);

impl Wait {
    /// A wait that begins `now`; one that goes on from `before` keeps its beginning.
    #[must_use]
    pub fn beginning(before: Option<Self>, why: Pause, until: Timestamp, now: Timestamp) -> Self {
        let goes_on = before.filter(|before| now <= before.until.plus(SAME));
        Self { why, since: goes_on.map_or(now, |before| before.since), until }
    }

    /// How long it takes, or took.
    #[must_use]
    pub fn span(&self) -> Duration {
        self.until.since(self.since)
    }

    /// Whether people are told of it when it is over.
    #[must_use]
    pub fn is_worth_telling(&self) -> bool {
        self.span() >= WORTH_TELLING
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_follows_at_once_is_the_same_wait() {
        let at = |minutes: i64| Timestamp(minutes * 60_000);
        let first = Wait::beginning(None, Pause::Budget, at(2), at(0));
        assert!(!first.is_worth_telling());
        let second = Wait::beginning(Some(first), Pause::PrimaryLimit, at(20), at(3));
        assert_eq!(second, Wait { why: Pause::PrimaryLimit, since: at(0), until: at(20) });
        assert!(second.is_worth_telling());
        assert_eq!(Wait::beginning(Some(second), Pause::Budget, at(31), at(30)).since, at(30), "a wait of its own");
    }
}
