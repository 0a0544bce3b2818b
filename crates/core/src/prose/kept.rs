//! What people read about work that was kept when a run broke off.

use crate::domain::time::Timestamp;

/// From where a run went on, as the end of a sentence: `went on from what was kept at 12:03 UTC`. The day is told where it
/// is not the day of `now`.
#[must_use]
pub fn went_on(kept_at: Timestamp, now: Timestamp) -> String {
    format!("went on from what was kept at {}", clock(kept_at, now))
}

/// What stands above a diff of work that nobody has judged.
#[must_use]
pub fn unfinished(kept_at: Timestamp, now: Timestamp) -> String {
    format!("Unfinished work, as kept at {}: neither judged nor tested, and not pushed.", clock(kept_at, now))
}

fn clock(time: Timestamp, now: Timestamp) -> String {
    let day = if time.day() == now.day() { String::new() } else { format!(" on {}", time.day()) };
    format!("{} UTC{day}", time.hour_and_minute())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_is_told_and_the_day_where_it_is_another() {
        let at = |text: &str| Timestamp::parse_rfc3339(text).unwrap();
        let kept = at("2026-01-05T12:03:59Z");
        insta::assert_snapshot!(went_on(kept, at("2026-01-05T13:00:00Z")), @"went on from what was kept at 12:03 UTC");
        insta::assert_snapshot!(unfinished(kept, at("2026-01-06T00:00:00Z")), @"Unfinished work, as kept at 12:03 UTC on 2026-01-05: neither judged nor tested, and not pushed.");
    }
}
