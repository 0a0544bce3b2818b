//! How much one installation may ask of GitHub, and who goes first when there is not room for all. Pure: the time is an
//! argument.
//!
//! GitHub's published limits: 80 content-creating requests a minute and 500 an hour, 900 points a minute (a read costs 1, a
//! write 5), 100 requests at once, and "at least one second between" many writes. GitHub does not say which requests
//! create content, so every write that people can see counts here. The budget lets a burst through, so that a single task
//! never notices it, and then one write each 1.25 s: at most 30 + 48 in any minute. It is a little below the limits, because
//! requests travel.
//!
//! This holds for all tasks of one process. Several processes do not know of each other; there GitHub's own refusals rule,
//! and each of them waits as it is told.

use std::collections::VecDeque;
use std::time::Duration;

use baton_core::domain::time::Timestamp;

use crate::importance::Importance;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);
/// Points of a write.
const WRITE_POINTS: u32 = 5;
/// Reads leave so many points of a minute to writes.
const POINTS_FOR_WRITES: u32 = 100;
/// Who was told to come back and did not, this long after the time, gives up the place in the line.
const PATIENCE: Duration = Duration::from_secs(90);
/// Room that was made and not used is free again after this.
const HELD_FOR: Duration = Duration::from_secs(120);

/// What one installation may use up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Writes that may be made at once.
    pub burst: u32,
    /// The time after which one more may be made.
    pub gap: Duration,
    /// Writes in any hour.
    pub writes_per_hour: usize,
    /// Points in any minute: a read is one, a write five.
    pub points_per_minute: u32,
    /// Requests at once.
    pub concurrent: usize,
}

/// A little below what GitHub publishes.
impl Default for Budget {
    fn default() -> Self {
        Self {
            burst: 30,
            gap: Duration::from_millis(1250),
            writes_per_hour: 490,
            points_per_minute: 880,
            concurrent: 90,
        }
    }
}

/// A wish to write.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ask<'a> {
    pub importance: Importance,
    /// Names what the writing is for, so that who comes back is known.
    pub errand: &'a str,
    /// How many writes.
    pub writes: u32,
}

#[derive(Clone, Debug)]
struct Waiting {
    errand: String,
    importance: Importance,
    writes: u32,
    /// Told to come back then.
    due: Timestamp,
}

#[derive(Clone, Debug)]
struct Held {
    errand: String,
    left: u32,
    until: Timestamp,
}

/// The writes that were made, as far as they still count.
#[derive(Clone, Debug)]
struct Spent {
    /// When the burst would be whole again.
    whole_at: Timestamp,
    hour: VecDeque<Timestamp>,
}

/// One installation's account.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    budget: Budget,
    spent: Spent,
    points: VecDeque<(Timestamp, u32)>,
    /// In the order they came.
    waiting: Vec<Waiting>,
    held: Vec<Held>,
}

impl Spent {
    /// The first time, not before `at`, at which one more write may be made.
    fn free_at(&self, budget: &Budget, hour_limit: usize, at: Timestamp) -> Timestamp {
        let burst = budget.gap.saturating_mul(budget.burst.saturating_sub(1));
        let by_burst = Timestamp(self.whole_at.0.saturating_sub(millis(burst)));
        let by_hour = match self.hour.len().checked_sub(hour_limit.max(1)) {
            Some(over) => self.hour.get(over).map_or(at, |oldest| oldest.plus(HOUR)),
            None => at,
        };
        at.max(by_burst).max(by_hour)
    }

    fn spend(&mut self, budget: &Budget, at: Timestamp) {
        self.whole_at = self.whole_at.max(at).plus(budget.gap);
        self.hour.push_back(at);
        while self.hour.front().is_some_and(|first| first.plus(HOUR) <= at) {
            self.hour.pop_front();
        }
    }
}

impl Account {
    pub(crate) fn new(budget: Budget) -> Self {
        Self {
            budget,
            spent: Spent { whole_at: Timestamp(i64::MIN), hour: VecDeque::new() },
            points: VecDeque::new(),
            waiting: Vec::new(),
            held: Vec::new(),
        }
    }

    /// Makes room for an errand's writes, or says when to come back: not before everything that is more important, or as
    /// important and came earlier, has had its turn.
    pub(crate) fn reserve(&mut self, ask: Ask<'_>, now: Timestamp) -> Result<(), Timestamp> {
        self.forget(now);
        let held = self.held.iter().find(|held| held.errand == ask.errand).map_or(0, |held| held.left);
        let writes = ask.writes.saturating_sub(held).min(self.budget.burst);
        if writes == 0 {
            return Ok(());
        }
        let slot = self.slot(ask, writes, now);
        if slot <= now {
            self.waiting.retain(|waiting| waiting.errand != ask.errand);
            self.hold(ask.errand, writes, now);
            return Ok(());
        }
        match self.waiting.iter_mut().find(|waiting| waiting.errand == ask.errand) {
            Some(waiting) => (waiting.due, waiting.writes, waiting.importance) = (slot, writes, ask.importance),
            None => self.waiting.push(Waiting {
                errand: ask.errand.to_owned(),
                importance: ask.importance,
                writes,
                due: slot,
            }),
        }
        Err(slot)
    }

    /// Writes down that a write with room made for it goes out now.
    pub(crate) fn spend(&mut self, errand: &str, now: Timestamp) {
        if let Some(held) = self.held.iter_mut().find(|held| held.errand == errand) {
            held.left = held.left.saturating_sub(1);
        }
        self.held.retain(|held| held.left > 0);
        self.spent.spend(&self.budget, now);
        self.points.push_back((now, WRITE_POINTS));
    }

    /// Writes down a read, or says when there is room for it.
    pub(crate) fn read(&mut self, now: Timestamp) -> Result<(), Timestamp> {
        self.forget(now);
        let most = self.budget.points_per_minute.saturating_sub(POINTS_FOR_WRITES);
        self.points_free_at(1, most, now).map_or_else(
            || {
                self.points.push_back((now, 1));
                Ok(())
            },
            Err,
        )
    }

    /// Writes down a write that nobody sees, such as the end of a token: it costs points alone. Or says when there is room.
    pub(crate) fn aside(&mut self, now: Timestamp) -> Result<(), Timestamp> {
        self.forget(now);
        if let Some(later) = self.points_free_at(WRITE_POINTS, self.budget.points_per_minute, now) {
            return Err(later);
        }
        self.points.push_back((now, WRITE_POINTS));
        Ok(())
    }

    /// An errand is over: what room was made for it and not used is free again.
    pub(crate) fn release(&mut self, errand: &str) {
        self.held.retain(|held| held.errand != errand);
    }

    fn hold(&mut self, errand: &str, writes: u32, now: Timestamp) {
        let until = now.plus(HELD_FOR);
        match self.held.iter_mut().find(|held| held.errand == errand) {
            Some(held) => (held.left, held.until) = (held.left + writes, until),
            None => self.held.push(Held { errand: errand.to_owned(), left: writes, until }),
        }
    }

    /// The time at which the last of these writes can be made, all those that go first being made as soon as they can.
    fn slot(&self, ask: Ask<'_>, writes: u32, now: Timestamp) -> Timestamp {
        let own_place = self.waiting.iter().position(|waiting| waiting.errand == ask.errand);
        let goes_first = |place: usize, waiting: &Waiting| match waiting.importance.cmp(&ask.importance) {
            std::cmp::Ordering::Less => true,
            std::cmp::Ordering::Equal => own_place.is_none_or(|own| place < own),
            std::cmp::Ordering::Greater => false,
        };
        let first: u32 = self
            .waiting
            .iter()
            .enumerate()
            .filter(|(place, waiting)| goes_first(*place, waiting) && waiting.errand != ask.errand)
            .map(|(_, waiting)| waiting.writes)
            .sum();
        let held: u32 = self.held.iter().map(|held| held.left).sum();
        let hour = self.budget.writes_per_hour * ask.importance.share_of_the_hour() / 100;
        let left_free = ask.importance.leaves_at_once().min(self.budget.burst.saturating_sub(writes));
        let mut ahead = self.spent.clone();
        let mut at = now;
        for _ in 0..first + held + writes {
            at = ahead.free_at(&self.budget, hour, at);
            ahead.spend(&self.budget, at);
        }
        // So much of the burst must still be there after the last of them.
        for _ in 0..left_free {
            at = at.max(ahead.free_at(&self.budget, usize::MAX, at));
            ahead.whole_at = ahead.whole_at.max(at).plus(self.budget.gap);
        }
        self.points_free_at(WRITE_POINTS * writes, self.budget.points_per_minute, at).unwrap_or(at)
    }

    /// When so many more points fit below `most`; nothing if they fit at `at`.
    fn points_free_at(&self, points: u32, most: u32, at: Timestamp) -> Option<Timestamp> {
        let counts = self.points.iter().filter(|(when, _)| when.plus(MINUTE) > at);
        let mut used: u32 = counts.clone().map(|(_, points)| points).sum();
        let mut free = None;
        for (when, spent) in counts {
            if used + points <= most {
                break;
            }
            used -= spent;
            free = Some(when.plus(MINUTE));
        }
        free
    }

    fn forget(&mut self, now: Timestamp) {
        self.waiting.retain(|waiting| waiting.due.plus(PATIENCE) > now);
        self.held.retain(|held| held.until > now);
        while self.points.front().is_some_and(|(when, _)| when.plus(MINUTE) <= now) {
            self.points.pop_front();
        }
    }
}

fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ask(errand: &str, importance: Importance) -> Ask<'_> {
        Ask { importance, errand, writes: 1 }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp(1_700_000_000_000 + seconds * 1000)
    }

    /// Makes one write, now or not at all.
    fn write(account: &mut Account, errand: &str, importance: Importance, now: Timestamp) -> Result<(), Timestamp> {
        account.reserve(ask(errand, importance), now)?;
        account.spend(errand, now);
        Ok(())
    }

    #[test]
    fn a_single_task_never_notices() {
        let mut account = Account::new(Budget::default());
        for n in 0..20 {
            assert_eq!(write(&mut account, &n.to_string(), Importance::Progress, at(0)), Ok(()), "{n}");
        }
    }

    #[test]
    fn after_the_burst_one_each_gap_and_each_has_a_time_of_its_own() {
        let mut account = Account::new(Budget::default());
        let told: Vec<i64> = (0..34)
            .filter_map(|n| write(&mut account, &n.to_string(), Importance::Pull, at(0)).err())
            .map(|told| told.0 - at(0).0)
            .collect();
        assert_eq!(told, [1250, 2500, 3750, 5000]);
        assert_eq!(
            account.reserve(ask("30", Importance::Pull), Timestamp(at(0).0 + 1249)),
            Err(Timestamp(at(0).0 + 1250))
        );
        assert_eq!(
            account.reserve(ask("31", Importance::Pull), Timestamp(at(0).0 + 1250)),
            Err(Timestamp(at(0).0 + 2500))
        );
        assert_eq!(account.reserve(ask("30", Importance::Pull), Timestamp(at(0).0 + 1250)), Ok(()));
    }

    #[test]
    fn what_is_more_important_overtakes() {
        let mut account = Account::new(Budget::default());
        for n in 0..30 {
            write(&mut account, &n.to_string(), Importance::Pull, at(0)).unwrap();
        }
        assert_eq!(
            write(&mut account, "progress", Importance::Progress, at(0)).unwrap_err(),
            Timestamp(at(0).0 + 7 * 1250)
        );
        assert_eq!(write(&mut account, "answer", Importance::Answer, at(0)).unwrap_err(), Timestamp(at(0).0 + 1250));
        // At the time the answer has its turn, the progress is not let in front of it.
        assert!(write(&mut account, "progress", Importance::Progress, at(2)).is_err());
        assert_eq!(write(&mut account, "answer", Importance::Answer, at(2)), Ok(()));
        assert!(write(&mut account, "progress", Importance::Progress, at(60)).is_ok());
    }

    #[test]
    fn who_does_not_come_back_holds_nobody_up_for_long() {
        let mut account = Account::new(Budget { burst: 1, ..Budget::default() });
        write(&mut account, "first", Importance::Answer, at(0)).unwrap();
        write(&mut account, "vanished", Importance::Answer, at(0)).unwrap_err();
        assert!(write(&mut account, "patient", Importance::Pull, at(2)).is_err());
        assert!(write(&mut account, "patient", Importance::Pull, at(100)).is_ok());
    }

    #[test]
    fn room_made_for_several_writes_is_not_given_away() {
        let mut account = Account::new(Budget { burst: 3, ..Budget::default() });
        let two = Ask { importance: Importance::Pull, errand: "pull", writes: 2 };
        account.reserve(two, at(0)).unwrap();
        write(&mut account, "other", Importance::Pull, at(0)).unwrap();
        assert!(write(&mut account, "third", Importance::Answer, at(0)).is_err());
        account.reserve(ask("pull", Importance::Pull), at(0)).unwrap();
        account.spend("pull", at(0));
        account.release("pull");
        assert!(write(&mut account, "third", Importance::Answer, at(0)).is_ok(), "what was not used is free again");
    }

    #[test]
    fn reads_leave_points_to_writes() {
        let mut account = Account::new(Budget::default());
        let reads = (0..2000).filter(|_| account.read(at(0)).is_ok()).count();
        assert_eq!(reads, 780);
        assert_eq!(account.read(at(1)), Err(at(60)));
        let writes = (0..30).filter(|n| write(&mut account, &n.to_string(), Importance::Answer, at(0)).is_ok()).count();
        assert_eq!(writes, 20);
    }

    #[test]
    fn progress_never_uses_up_the_hour() {
        let mut account = Account::new(Budget::default());
        let mut progress = 0;
        for second in 0..3000 {
            progress += u32::from(write(&mut account, "progress", Importance::Progress, at(second)).is_ok());
        }
        assert_eq!(progress, 343);
        let answers =
            (0..400).filter(|n| write(&mut account, "answer", Importance::Answer, at(3000 + n)).is_ok()).count();
        assert_eq!(answers, 490 - 343);
    }

    /// The most that any span of this length holds; the times are in order.
    fn most_within(spent: &[(Timestamp, u32)], span: Duration) -> u32 {
        let (mut begin, mut sum, mut most) = (0, 0, 0);
        for (at, much) in spent {
            sum += much;
            while spent[begin].0.plus(span) <= *at {
                sum -= spent[begin].1;
                begin += 1;
            }
            most = most.max(sum);
        }
        most
    }

    fn importance() -> impl Strategy<Value = Importance> {
        proptest::sample::select(Importance::ALL.to_vec())
    }

    proptest! {
        /// Whoever asks for whatever whenever: no minute with more than 80 writes or 900 points, no hour with more than 500.
        #[test]
        fn no_limit_is_ever_exceeded(steps in prop::collection::vec((0_u64..4000, importance(), 0_u8..40, 1_u32..4), 1..1500)) {
            let mut account = Account::new(Budget::default());
            let mut now = at(0);
            let mut made: Vec<Timestamp> = Vec::new();
            let mut points: Vec<(Timestamp, u32)> = Vec::new();
            for (pause, importance, errand, writes) in steps {
                now = now.plus(Duration::from_millis(pause));
                if errand % 3 == 0 && account.read(now).is_ok() {
                    points.push((now, 1));
                }
                if errand % 4 == 0 && account.aside(now).is_ok() {
                    points.push((now, 5));
                }
                let errand = errand.to_string();
                match account.reserve(Ask { importance, errand: &errand, writes }, now) {
                    Ok(()) => for _ in 0..writes {
                        account.spend(&errand, now);
                        made.push(now);
                        points.push((now, 5));
                    },
                    Err(later) => prop_assert!(later > now && later <= now.plus(HOUR * 2)),
                }
            }
            let writes: Vec<(Timestamp, u32)> = made.iter().map(|at| (*at, 1)).collect();
            prop_assert!(most_within(&writes, MINUTE) <= 80);
            prop_assert!(most_within(&writes, HOUR) <= 500);
            prop_assert!(most_within(&points, MINUTE) <= 900);
        }

        /// Whoever comes back when told gets through in the end.
        #[test]
        fn nobody_waits_for_ever(wishes in prop::collection::vec(importance(), 1..200)) {
            let mut account = Account::new(Budget::default());
            let mut queue: Vec<(Timestamp, usize)> = (0..wishes.len()).map(|n| (at(0), n)).collect();
            let mut asked = 0;
            while let Some(next) = queue.iter().min().copied() {
                asked += 1;
                prop_assert!(asked < wishes.len() * 60, "asked too often");
                queue.retain(|one| *one != next);
                if let Err(later) = write(&mut account, &next.1.to_string(), wishes[next.1], next.0) {
                    queue.push((later, next.1));
                }
            }
        }
    }
}
