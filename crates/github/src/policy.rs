//! The one place that decides what follows from an answer, or from none: for reads and for writes apart. Pure.
//!
//! A write is sent again only where it is certain that nothing was done: the connection never stood, GitHub named the
//! address to repeat it at, or it refused the credential. Everything else goes back to the caller, who looks before
//! repeating. What takes longer than a moment holds nobody: it becomes a time to come back at.
//!
//! Source: GitHub's "Rate limits for the REST API" and "Best practices for using the REST API".

use std::time::Duration;

use baton_core::domain::time::Timestamp;

use crate::operations::{Operation, Verb};

/// The pause before something that failed in front of GitHub is sent once more.
pub(crate) const MOMENT: Duration = Duration::from_millis(300);
/// What GitHub asks for at least when it names no time.
const UNNAMED_WAIT: Duration = Duration::from_secs(60);
/// Doubled with each refusal in a row, an unnamed wait is no longer than this.
const LONGEST_UNNAMED_WAIT: Duration = Duration::from_secs(15 * 60);
/// Whatever a header says, no wait is longer, so that a broken header is no end.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 60 * 60);
/// Nor shorter: headers are cut to whole seconds.
const SHORTEST_WAIT: Duration = Duration::from_secs(1);

/// Whether a request only looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Read,
    Write,
}

impl Kind {
    pub(crate) fn of(operation: &Operation) -> Self {
        match operation.verb {
            Verb::Get => Self::Read,
            Verb::Post | Verb::Patch | Verb::Delete => Self::Write,
        }
    }
}

/// Which of GitHub's limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Limit {
    /// The hourly one.
    Primary,
    /// The one on bursts and content.
    Secondary,
}

/// What came of one try. Waits are spans from now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It went well, or is known and unchanged.
    Answered,
    /// A redirect. `home`: to the API's own host. `changes_method`: 301 or 302, which turn a POST into a GET.
    Moved { home: bool, changes_method: bool },
    /// Too many requests; how long GitHub says to wait, if it does.
    Limited { limit: Limit, wait: Option<Duration> },
    /// 5xx: a write may have been done.
    Troubled { status: u16, wait: Option<Duration> },
    /// No connection came about: nothing was sent.
    Unsent,
    /// The connection broke after something was sent: a write may have been done.
    Lost,
    /// No answer in time: a write may have been done.
    Silent,
    /// 401: nothing was done.
    Unauthorized,
    /// 403: the credential lacks a permission. Nothing was done.
    Lacking,
    /// Every other no: nothing was done, and nothing else will be said next time.
    Refused,
}

/// What was tried already for the same request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Attempt {
    /// Times it was sent again unchanged.
    pub repeats: u32,
    /// Redirects that were followed.
    pub hops: u32,
    /// Times its credential was renewed.
    pub renewals: u32,
    /// Times in a row that this account ran into a limit before.
    pub strikes: u32,
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Hand the answer on.
    Take,
    /// Send the same, method and body kept, to the address that was named.
    Follow,
    /// Send the same once more, after a moment.
    Again(Duration),
    /// Send the same with a renewed credential.
    Renew,
    /// Nobody asks before this time; whoever wants it comes back then.
    Later(Timestamp),
    /// Hand the failure on.
    Fail,
}

/// The decision.
pub(crate) fn decide(kind: Kind, outcome: Outcome, attempt: Attempt, now: Timestamp) -> Decision {
    let once_more = if attempt.repeats == 0 { Decision::Again(MOMENT) } else { Decision::Fail };
    match (kind, outcome) {
        (_, Outcome::Answered) => Decision::Take,
        (Kind::Read, Outcome::Moved { home: true, .. }) if attempt.hops < 3 => Decision::Follow,
        (Kind::Write, Outcome::Moved { home: true, changes_method: false }) if attempt.hops < 1 => Decision::Follow,
        (_, Outcome::Moved { .. }) => Decision::Fail,
        (_, Outcome::Limited { wait, .. }) => {
            Decision::Later(now.plus(bounded(wait.unwrap_or_else(|| unnamed(attempt.strikes)))))
        }
        (_, Outcome::Troubled { wait: Some(wait), .. }) => Decision::Later(now.plus(bounded(wait))),
        (Kind::Read, Outcome::Troubled { status: 502..=504, wait: None } | Outcome::Lost) => once_more,
        (_, Outcome::Unsent) => once_more,
        (_, Outcome::Troubled { .. } | Outcome::Lost | Outcome::Silent) => Decision::Fail,
        (_, Outcome::Unauthorized | Outcome::Lacking) if attempt.renewals == 0 => Decision::Renew,
        (_, Outcome::Unauthorized | Outcome::Lacking | Outcome::Refused) => Decision::Fail,
    }
}

/// The wait where GitHub names none: a minute at least, twice as long each time.
pub(crate) fn unnamed(strikes: u32) -> Duration {
    UNNAMED_WAIT.saturating_mul(1 << strikes.min(10)).min(LONGEST_UNNAMED_WAIT)
}

fn bounded(wait: Duration) -> Duration {
    wait.clamp(SHORTEST_WAIT, LONGEST_WAIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(0);

    fn outcomes() -> Vec<Outcome> {
        let named = Some(Duration::from_secs(7));
        let endless = Some(Duration::from_secs(10 * 24 * 60 * 60));
        let mut all = vec![Outcome::Answered];
        for home in [true, false] {
            for changes_method in [false, true] {
                all.push(Outcome::Moved { home, changes_method });
            }
        }
        for limit in [Limit::Primary, Limit::Secondary] {
            for wait in [named, None] {
                all.push(Outcome::Limited { limit, wait });
            }
        }
        all.push(Outcome::Limited { limit: Limit::Primary, wait: Some(Duration::ZERO) });
        all.push(Outcome::Limited { limit: Limit::Primary, wait: endless });
        for status in [500, 502, 503, 504] {
            all.push(Outcome::Troubled { status, wait: None });
        }
        all.push(Outcome::Troubled { status: 503, wait: named });
        all.extend([
            Outcome::Unsent,
            Outcome::Lost,
            Outcome::Silent,
            Outcome::Unauthorized,
            Outcome::Lacking,
            Outcome::Refused,
        ]);
        all
    }

    fn shown(decision: Decision) -> String {
        match decision {
            Decision::Later(at) => format!("later, in {} s", at.since(NOW).as_secs()),
            Decision::Again(after) => format!("again after {} ms", after.as_millis()),
            Decision::Take => "take".to_owned(),
            Decision::Follow => "follow".to_owned(),
            Decision::Renew => "renew".to_owned(),
            Decision::Fail => "fail".to_owned(),
        }
    }

    /// The whole policy: outcome, then what a read and a write do the first time and the second.
    #[test]
    fn the_table() {
        let second = Attempt { repeats: 1, hops: 1, renewals: 1, strikes: 1 };
        let mut table =
            format!("{:<60} | {:<18} | {:<18} | {:<18} | write again\n", "outcome", "read", "read again", "write");
        for outcome in outcomes() {
            let cell = |kind, attempt| shown(decide(kind, outcome, attempt, NOW));
            let row = format!(
                "{:<60} | {:<18} | {:<18} | {:<18} | {}\n",
                format!("{outcome:?}"),
                cell(Kind::Read, Attempt::default()),
                cell(Kind::Read, second),
                cell(Kind::Write, Attempt::default()),
                cell(Kind::Write, second),
            );
            table.push_str(&row);
        }
        insta::assert_snapshot!("policy", table);
    }

    /// What may have been done is never sent again, whatever was tried before.
    #[test]
    fn no_write_that_may_have_been_done_is_repeated() {
        for outcome in outcomes() {
            let ambiguous = matches!(outcome, Outcome::Troubled { .. } | Outcome::Lost | Outcome::Silent);
            for repeats in 0..3 {
                let decision = decide(Kind::Write, outcome, Attempt { repeats, ..Attempt::default() }, NOW);
                if ambiguous {
                    assert!(matches!(decision, Decision::Fail | Decision::Later(_)), "{outcome:?}: {decision:?}");
                }
            }
        }
    }

    #[test]
    fn nothing_goes_on_for_ever() {
        let tired = Attempt { repeats: 9, hops: 9, renewals: 9, strikes: 40 };
        for outcome in outcomes() {
            for kind in [Kind::Read, Kind::Write] {
                let decision = decide(kind, outcome, tired, NOW);
                assert!(matches!(decision, Decision::Take | Decision::Later(_) | Decision::Fail), "{outcome:?}");
            }
        }
        assert_eq!(unnamed(u32::MAX), LONGEST_UNNAMED_WAIT);
        assert_eq!((0..6).map(|n| unnamed(n).as_secs()).collect::<Vec<_>>(), [60, 120, 240, 480, 900, 900]);
    }
}
