//! What is waited for, and what was.

use crate::domain::time::Timestamp;
use crate::domain::wait::{Pause, Wait};

/// A wait that goes on, as a sentence: `GitHub limits how fast Baton may go; it goes on at 14:05 UTC.`
#[must_use]
pub fn goes_on(wait: &Wait, now: Timestamp) -> String {
    let then = clock(wait.until, now);
    match wait.why {
        Pause::PrimaryLimit => format!("Baton's requests of this hour are used up on GitHub; it goes on at {then}."),
        Pause::SecondaryLimit => format!("GitHub limits how fast Baton may go; it goes on at {then}."),
        Pause::Asked => format!("GitHub is in trouble and asks to be left alone; Baton asks again at {then}."),
        Pause::Outage => format!("GitHub does not answer as it should; Baton asks again at {then}."),
        Pause::Credentials => format!(
            "GitHub does not accept Baton's credentials, which its operator has to put right; it asks again at {then}."
        ),
        Pause::Budget => {
            format!("Baton keeps under GitHub's limits on writing, and other work goes first; it goes on at {then}.")
        }
    }
}

/// A wait that is over: `Waited 20 min, until 14:05 UTC: GitHub limited how fast Baton may go.`
#[must_use]
pub fn is_over(wait: &Wait) -> String {
    let why = match wait.why {
        Pause::PrimaryLimit => "Baton's requests of an hour were used up on GitHub",
        Pause::SecondaryLimit => "GitHub limited how fast Baton may go",
        Pause::Asked => "GitHub was in trouble and asked to be left alone",
        Pause::Outage => "GitHub did not answer as it should",
        Pause::Credentials => "GitHub did not accept Baton's credentials",
        Pause::Budget => "Baton kept under GitHub's limits on writing, and other work went first",
    };
    format!("Waited {}, until {}: {why}.", super::duration(wait.span()), clock(wait.until, wait.since))
}

/// The minute in which `time` lies or that follows it, with its day where that is not the day of `now`.
fn clock(time: Timestamp, now: Timestamp) -> String {
    // Whoever comes at the minute that was named should not be too early.
    let minute = Timestamp(time.0.saturating_add(59_999));
    if minute.day() == now.day() {
        format!("{} UTC", minute.hour_and_minute())
    } else {
        format!("{} UTC on {}", minute.hour_and_minute(), minute.day())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_wait_has_its_sentences() {
        let at = |text: &str| Timestamp::parse_rfc3339(text).unwrap();
        let (now, until) = (at("2026-01-05T13:45:10Z"), at("2026-01-05T14:04:01Z"));
        let all = [
            Pause::PrimaryLimit,
            Pause::SecondaryLimit,
            Pause::Asked,
            Pause::Outage,
            Pause::Credentials,
            Pause::Budget,
        ];
        let lines: Vec<String> = all
            .into_iter()
            .map(|why| Wait { why, since: now, until })
            .map(|wait| format!("{}\n  {}", goes_on(&wait, now), is_over(&wait)))
            .collect();
        insta::assert_snapshot!(lines.join("\n"), @r"
        Baton's requests of this hour are used up on GitHub; it goes on at 14:05 UTC.
          Waited 18 min, until 14:05 UTC: Baton's requests of an hour were used up on GitHub.
        GitHub limits how fast Baton may go; it goes on at 14:05 UTC.
          Waited 18 min, until 14:05 UTC: GitHub limited how fast Baton may go.
        GitHub is in trouble and asks to be left alone; Baton asks again at 14:05 UTC.
          Waited 18 min, until 14:05 UTC: GitHub was in trouble and asked to be left alone.
        GitHub does not answer as it should; Baton asks again at 14:05 UTC.
          Waited 18 min, until 14:05 UTC: GitHub did not answer as it should.
        GitHub does not accept Baton's credentials, which its operator has to put right; it asks again at 14:05 UTC.
          Waited 18 min, until 14:05 UTC: GitHub did not accept Baton's credentials.
        Baton keeps under GitHub's limits on writing, and other work goes first; it goes on at 14:05 UTC.
          Waited 18 min, until 14:05 UTC: Baton kept under GitHub's limits on writing, and other work went first.
        ");
        let late =
            Wait { why: Pause::PrimaryLimit, since: at("2026-01-05T23:30:00Z"), until: at("2026-01-06T00:10:00Z") };
        insta::assert_snapshot!(goes_on(&late, late.since), @"Baton's requests of this hour are used up on GitHub; it goes on at 00:10 UTC on 2026-01-06.");
    }
}
