//! Whether GitHub is down, or only what one installation asks for: failures in a row are counted for each of them, so that a
//! tenant whose requests always fail stops nobody else.
//!
//! What belongs to everybody (the App's own endpoints, connections that never come about) counts at once; what belongs to
//! an installation counts for everybody only when several installations fail and nobody is answered in between.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Duration;

use baton_core::domain::ids::InstallationId;
use baton_core::domain::time::Timestamp;

/// So many failures in a row, and whatever failed counts as down.
const OUTAGE: u32 = 5;
/// So many installations have to fail before all of GitHub counts as down.
const SEVERAL: usize = 3;
/// While it is down, it is asked once in this time.
pub(crate) const PROBE_EVERY: Duration = Duration::from_secs(60);
/// Who asks and is never heard of again asks no longer after this.
const PROBE_FOR: Duration = Duration::from_secs(90);
/// Who comes while another asks whether it is over comes again after this.
const ASKED_BY_ANOTHER: Duration = Duration::from_secs(5);
/// Who asked in vain whether it is over lets the others go first the next time: by so much for each that asked before.
const STEP_BACK: Duration = Duration::from_secs(2);
/// So many of them are remembered.
const IN_VAIN: usize = 10;

/// Whose a failure is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Culprit {
    /// Nobody's in particular.
    Everybody,
    /// An installation's, its tokens included.
    Installation(InstallationId),
    /// A repository's, of which it is not known which installation covers it.
    Repository(String),
}

/// When a culprit is asked again.
#[derive(Clone, Copy, Debug)]
struct Shut {
    until: Timestamp,
    /// Since when somebody asks whether it is over.
    probe: Option<Timestamp>,
}

/// Failures in a row.
#[derive(Default)]
struct Failing {
    times: u32,
    shut: Option<Shut>,
}

/// What fails at this time.
#[derive(Default)]
pub(crate) struct Outages {
    all: Failing,
    /// Who asks whether it is over for all.
    prober: Option<Culprit>,
    /// Who did in vain, the last one at the end. One that always fails must not be the one to ask each time.
    in_vain: VecDeque<Culprit>,
    /// Who failed since anybody was answered, and how often in all.
    together: HashSet<InstallationId>,
    together_times: u32,
    each: HashMap<Culprit, Failing>,
}

impl Outages {
    /// When to come back, if this is not to be asked now.
    pub(crate) fn closed(&self, culprit: &Culprit, now: Timestamp) -> Option<Timestamp> {
        let own = self.each.get(culprit).and_then(|failing| failing.shut);
        let all = self.all.shut.map(|shut| Shut { until: shut.until.plus(self.steps_back(culprit)), ..shut });
        [all, own].into_iter().flatten().find_map(|shut| shut.closed(now))
    }

    /// How much later than others this one asks whether it is over for all.
    fn steps_back(&self, culprit: &Culprit) -> Duration {
        let asked = self.in_vain.iter().position(|one| one == culprit).map_or(0, |before| before + 1);
        STEP_BACK.saturating_mul(u32::try_from(asked).unwrap_or(u32::MAX))
    }

    /// A request goes out: if it is the first after a pause, it asks for all that wait.
    pub(crate) fn asks(&mut self, culprit: &Culprit, now: Timestamp) {
        if self.all.shut.is_some() {
            self.prober = Some(culprit.clone());
        }
        self.each_shut(culprit, |shut| shut.probe = Some(now));
    }

    /// The same request is sent once more: nobody asks for the others until then.
    pub(crate) fn asks_no_more(&mut self, culprit: &Culprit) {
        self.each_shut(culprit, |shut| shut.probe = None);
    }

    /// It was answered, whatever the answer.
    pub(crate) fn answered(&mut self, culprit: &Culprit) {
        if self.all.shut.is_some() {
            tracing::info!("GitHub answers again");
        }
        self.all = Failing::default();
        self.prober = None;
        self.in_vain.clear();
        self.together.clear();
        self.together_times = 0;
        if self.each.remove(culprit).is_some_and(|failing| failing.shut.is_some()) {
            tracing::info!(?culprit, "GitHub answers this one again");
        }
    }

    /// GitHub said when this one may come back. A later time that it named before stands.
    pub(crate) fn waits(&mut self, culprit: &Culprit, until: Timestamp) {
        let failing = self.each.entry(culprit.clone()).or_default();
        let until = failing.shut.map_or(until, |shut| shut.until.max(until));
        failing.shut = Some(Shut { until, probe: None });
    }

    /// It failed. `connected`: whether there was a connection at all.
    pub(crate) fn failed(&mut self, culprit: &Culprit, connected: bool, now: Timestamp) {
        self.asks_no_more(culprit);
        if self.prober.take_if(|prober| prober == culprit).is_some() && *culprit != Culprit::Everybody {
            self.in_vain.retain(|one| one != culprit);
            self.in_vain.push_back(culprit.clone());
            let too_many = self.in_vain.len().saturating_sub(IN_VAIN);
            self.in_vain.drain(..too_many);
        }
        if !connected || *culprit == Culprit::Everybody {
            self.all.times = self.all.times.saturating_add(1);
        } else {
            if let Culprit::Installation(installation) = culprit {
                self.together.insert(*installation);
            }
            self.together_times = self.together_times.saturating_add(1);
            if self.each.entry(culprit.clone()).or_default().failed(now) {
                tracing::warn!(
                    ?culprit,
                    "what it asks failed several times in a row; GitHub is asked for it once a minute"
                );
            }
        }
        let of_several = if self.together.len() >= SEVERAL { self.together_times } else { 0 };
        let down = self.all.times.saturating_add(of_several) >= OUTAGE;
        if (down || self.all.shut.is_some()) && self.all.shuts(now) {
            tracing::warn!("GitHub failed several times in a row; it is asked once a minute until it is back");
        }
    }

    fn each_shut(&mut self, culprit: &Culprit, change: impl Fn(&mut Shut)) {
        let own = self.each.get_mut(culprit).and_then(|failing| failing.shut.as_mut());
        self.all.shut.iter_mut().chain(own).for_each(change);
    }
}

impl Failing {
    /// One more; whether that is when it begins to count as down.
    fn failed(&mut self, now: Timestamp) -> bool {
        self.times = self.times.saturating_add(1);
        self.times >= OUTAGE && self.shuts(now)
    }

    /// Nobody asks for a while; whether that is new.
    fn shuts(&mut self, now: Timestamp) -> bool {
        self.shut.replace(Shut { until: now.plus(PROBE_EVERY), probe: None }).is_none()
    }
}

impl Shut {
    fn closed(self, now: Timestamp) -> Option<Timestamp> {
        closed(self.until, self.probe, now)
    }
}

/// When to come back, if a pause is not over, or somebody asks already whether it is.
pub(crate) fn closed(until: Timestamp, probe: Option<Timestamp>, now: Timestamp) -> Option<Timestamp> {
    if now < until {
        return Some(until);
    }
    let asked = probe.is_some_and(|since| now < since.plus(PROBE_FOR));
    asked.then(|| now.plus(ASKED_BY_ANOTHER))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tenant(number: i64) -> Culprit {
        Culprit::Installation(InstallationId(number))
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp(seconds * 1000)
    }

    #[test]
    fn one_that_always_fails_stops_itself() {
        let mut outages = Outages::default();
        for second in 0..50 {
            if outages.closed(&tenant(1), at(second)).is_none() {
                outages.asks(&tenant(1), at(second));
                outages.failed(&tenant(1), true, at(second));
            }
            assert_eq!(outages.closed(&tenant(2), at(second)), None, "{second}");
            assert_eq!(outages.closed(&Culprit::Everybody, at(second)), None, "{second}");
        }
        assert_eq!(outages.closed(&tenant(1), at(50)), Some(at(64)), "after five failures, a minute");
    }

    #[test]
    fn several_at_once_are_everybody() {
        let mut outages = Outages::default();
        for (second, number) in [1, 2, 1, 2, 3].into_iter().enumerate() {
            outages.failed(&tenant(number), true, at(i64::try_from(second).unwrap()));
        }
        assert_eq!(outages.closed(&tenant(9), at(5)), Some(at(64)));
        // One asks, the others wait for it; and what goes well for one is over for all.
        assert_eq!(outages.closed(&tenant(9), at(64)), None);
        outages.asks(&tenant(9), at(64));
        assert_eq!(outages.closed(&tenant(8), at(64)), Some(at(69)));
        outages.answered(&tenant(9));
        assert_eq!(outages.closed(&tenant(8), at(64)), None);
    }

    #[test]
    fn all_that_one_tenant_asks_is_one_tenants() {
        let mut outages = Outages::default();
        for second in 0..9 {
            outages.failed(&tenant(1), true, at(second));
            outages.failed(&Culprit::Repository("acme/app".to_owned()), true, at(second));
        }
        assert_eq!(outages.closed(&tenant(2), at(9)), None);
    }

    #[test]
    fn who_is_told_when_to_come_back_waits_alone_and_that_long() {
        let mut outages = Outages::default();
        outages.waits(&tenant(1), at(3600));
        outages.waits(&tenant(1), at(1));
        assert_eq!(outages.closed(&tenant(1), at(2)), Some(at(3600)));
        assert_eq!(outages.closed(&tenant(2), at(2)), None);
    }

    #[test]
    fn an_answer_in_between_tells_them_apart() {
        let mut outages = Outages::default();
        for second in 0..40 {
            outages.failed(&tenant(second % 4), true, at(second));
            outages.answered(&tenant(9));
        }
        assert_eq!(outages.closed(&tenant(9), at(40)), None);
        assert!(outages.closed(&tenant(3), at(40)).is_some());
    }

    /// GitHub is back, and one tenant goes on failing, who is always the first to ask.
    #[test]
    fn one_that_always_fails_lengthens_no_outage() {
        let mut outages = Outages::default();
        (0..5).for_each(|second| outages.failed(&Culprit::Everybody, true, at(second)));
        let (mut minutes, mut now) = (0, at(64));
        loop {
            assert_eq!(outages.closed(&tenant(1), now), None, "at its time it may ask");
            outages.asks(&tenant(1), now);
            outages.failed(&tenant(1), true, now);
            minutes += 1;
            let (first, second) = (outages.closed(&tenant(1), now).unwrap(), outages.closed(&tenant(2), now).unwrap());
            now = first.min(second);
            if second < first {
                break;
            }
        }
        assert_eq!(minutes, 1);
        assert_eq!(outages.closed(&tenant(2), now), None);
        outages.asks(&tenant(2), now);
        outages.answered(&tenant(2));
        assert_eq!(outages.closed(&tenant(3), now), None);
    }

    #[test]
    fn what_is_everybodys_counts_at_once() {
        for (culprit, connected) in [(Culprit::Everybody, true), (tenant(1), false)] {
            let mut outages = Outages::default();
            (0..5).for_each(|second| outages.failed(&culprit, connected, at(second)));
            assert_eq!(outages.closed(&tenant(2), at(5)), Some(at(64)), "{culprit:?}");
        }
    }

    proptest! {
        /// So many tenants always fail, and one is well again: an outage ends after as many more minutes at most, and GitHub is
        /// asked once in each.
        #[test]
        fn an_outage_ends_with_its_cause(bad in 1_i64..8, order in any::<u64>()) {
            let mut outages = Outages::default();
            (0..5).for_each(|second| outages.failed(&Culprit::Everybody, true, at(second)));
            let mut now = at(64);
            for asked in 0..=bad {
                // Whoever may come first comes first; of several, any.
                let times: Vec<(Timestamp, i64)> = (0..=bad)
                    .map(|number| (outages.closed(&tenant(number), now).unwrap_or(now), number))
                    .collect();
                let first = times.iter().map(|(time, _)| *time).min().unwrap();
                let ready: Vec<i64> = times.iter().filter(|(time, _)| *time == first).map(|(_, number)| *number).collect();
                let turn = usize::try_from(order.rotate_left(u32::try_from(asked).unwrap() * 7) % 1_000).unwrap();
                let number = ready[turn % ready.len()];
                now = first;
                prop_assert_eq!(outages.closed(&tenant(number), now), None);
                outages.asks(&tenant(number), now);
                if number == 0 {
                    outages.answered(&tenant(0));
                    return Ok(());
                }
                outages.failed(&tenant(number), true, now);
            }
            prop_assert!(false, "the one that is well never had its turn");
        }

        /// Two tenants fail as they like: nobody else ever waits, and each is asked at most five times and once a minute.
        #[test]
        fn no_two_stop_a_third(steps in prop::collection::vec((1_i64..3, 0_i64..20), 1..300)) {
            let mut outages = Outages::default();
            let mut now = 0;
            let mut asked = [0_i64; 3];
            for (number, pause) in steps {
                now += pause;
                if outages.closed(&tenant(number), at(now)).is_none() {
                    outages.asks(&tenant(number), at(now));
                    outages.failed(&tenant(number), true, at(now));
                    asked[usize::try_from(number).unwrap()] += 1;
                }
                prop_assert_eq!(outages.closed(&tenant(9), at(now)), None);
            }
            prop_assert!(asked.iter().all(|times| *times <= 5 + now / 60));
        }
    }
}
