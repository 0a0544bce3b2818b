//! What becomes of webhooks in a story. Every story can be told in any weather: `BATON_STORY_WEATHER` says in which, and
//! `scenarios/weathers` tells them again that way. The end of a story is the same in all of them.

use std::time::Duration;

use github_sim::{DeliveryRecord, Fate};

/// The variable that says in which weather stories are told: `lost`, `failing`, or `mixed:SEED`.
pub const VARIABLE: &str = "BATON_STORY_WEATHER";

/// What becomes of webhooks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weather {
    /// They arrive, and Baton never asks GitHub for what it missed.
    Fine,
    /// None was ever made.
    Lost,
    /// Nobody answers them; GitHub lists them as failed.
    Failing,
    /// Half is lost or fails; the rest arrives, comes twice or late, by this seed.
    Mixed(u64),
}

impl Weather {
    /// The weather that the environment asks for.
    #[expect(
        clippy::disallowed_methods,
        reason = "the runner of the stories tells them again in other weathers this way"
    )]
    pub fn of_the_day() -> Self {
        let said = std::env::var(VARIABLE).unwrap_or_default();
        match said.split_once(':') {
            None if said.is_empty() => Self::Fine,
            None if said == "lost" => Self::Lost,
            None if said == "failing" => Self::Failing,
            Some(("mixed", seed)) => Self::Mixed(seed.parse().expect("a seed")),
            _ => panic!("{VARIABLE}={said} is no weather"),
        }
    }

    /// How often Baton looks: time moves by a second with everything people do.
    pub fn looks_every(self) -> Option<Duration> {
        (self != Self::Fine).then_some(Duration::from_secs(1))
    }

    /// Decides what becomes of each webhook.
    pub fn fates(self) -> impl FnMut(&DeliveryRecord) -> Fate + Send + 'static {
        let mut state = match self {
            Self::Mixed(seed) => seed,
            Self::Fine | Self::Lost | Self::Failing => 0,
        };
        move |delivery| match self {
            _ if delivery.redelivery => Fate::Arrives,
            Self::Fine => Fate::Arrives,
            Self::Lost => Fate::IsLost,
            Self::Failing => Fate::Fails,
            Self::Mixed(_) => match chance(&mut state) % 10 {
                0..4 => Fate::IsLost,
                4 => Fate::Fails,
                5 | 6 => Fate::ComesTwice,
                7 | 8 => Fate::ComesLate,
                _ => Fate::Arrives,
            },
        }
    }
}

/// SplitMix64 (Steele, Lea, Flood, 2014): the same numbers for the same seed everywhere.
pub fn chance(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
