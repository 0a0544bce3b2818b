//! Requests counted and noted: what each caller has used of GitHub's limits, and the log.
//!
//! Source of the figures: GitHub's documentation, "Rate limits for the REST API": 900 points a minute (reading 1,
//! writing 5), 80 content-creating requests a minute and 500 an hour, 100 requests at once.

use std::collections::VecDeque;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::World;
use super::ledger::Request;
use crate::clock::stamp;
use crate::fault::Wait;
use crate::rest::access::Identity;
use crate::rest::serve::Incoming;

const HOUR: SignedDuration = SignedDuration::from_hours(1);
const MINUTE: SignedDuration = SignedDuration::from_mins(1);

/// Limits that are really counted, each per installation or person, on the simulator's clock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Requests an hour: the primary limit.
    pub requests_an_hour: u64,
    /// Points a minute: a request that reads costs 1, one that writes 5.
    pub points_a_minute: u64,
    /// Content-creating requests (`…/create…`, but reactions and tokens) a minute.
    pub content_a_minute: u64,
    /// And an hour.
    pub content_an_hour: u64,
    /// Requests at the same time.
    pub at_once: u64,
    /// Whether a request above a limit is refused; else it is served and noted ([`crate::Sim::above_limits`]).
    pub refuse: bool,
    /// The status of a refusal: 403 or 429.
    pub status: u16,
    /// What `retry-after` says when a secondary limit refuses.
    pub wait: Wait,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            requests_an_hour: 5000,
            points_a_minute: 900,
            content_a_minute: 80,
            content_an_hour: 500,
            at_once: 100,
            refuse: true,
            status: 403,
            wait: Wait::Seconds(60),
        }
    }
}

/// Which limit a request was above.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LimitKind {
    /// [`Limits::requests_an_hour`].
    RequestsAnHour,
    /// [`Limits::points_a_minute`].
    PointsAMinute,
    /// [`Limits::content_a_minute`].
    ContentAMinute,
    /// [`Limits::content_an_hour`].
    ContentAnHour,
    /// [`Limits::at_once`].
    AtOnce,
}

/// A request above a limit.
#[derive(Debug, Clone, Serialize)]
pub struct AboveLimit {
    /// The request's number in the log ([`Request::seq`]).
    pub request: u64,
    /// When, on the simulator's clock.
    pub at: String,
    /// Whose: `installation ID` or the person's login.
    pub whose: String,
    /// What was asked.
    pub operation: String,
    /// The limit.
    pub limit: LimitKind,
    /// What this request brought the count to.
    pub count: u64,
}

/// One caller's use of the limits.
#[derive(Debug, Default)]
pub(crate) struct Usage {
    /// When the present hour of the primary limit began, and the requests since.
    hour: Option<(Timestamp, u64)>,
    /// The last hour's requests: when, points, whether it made content.
    recent: VecDeque<(Timestamp, u64, bool)>,
    pub in_flight: u64,
}

impl Usage {
    fn used(&self, now: Timestamp) -> (u64, Timestamp) {
        let running = self.hour.filter(|(since, _)| now.duration_since(*since) < HOUR);
        running.map_or((0, now), |(since, used)| (used, since))
    }

    fn spend(&mut self, now: Timestamp, points: u64, content: bool) {
        let (used, since) = self.used(now);
        self.hour = Some((since, used + 1));
        self.recent.push_back((now, points, content));
        while self.recent.front().is_some_and(|(at, ..)| now.duration_since(*at) >= HOUR) {
            self.recent.pop_front();
        }
    }

    fn sum(&self, now: Timestamp, span: SignedDuration, count: impl Fn(u64, bool) -> u64) -> u64 {
        let inside = self.recent.iter().rev().take_while(|(at, ..)| now.duration_since(*at) < span);
        inside.map(|(_, points, content)| count(*points, *content)).sum()
    }

    /// The first limit that this request would break, with the count it would bring it to.
    fn above(&self, limits: &Limits, now: Timestamp, points: u64, content: bool) -> Option<(LimitKind, u64)> {
        let content_in = |span| self.sum(now, span, |_, content| u64::from(content)) + u64::from(content);
        let counts = [
            (LimitKind::RequestsAnHour, self.used(now).0 + 1, limits.requests_an_hour, true),
            (LimitKind::AtOnce, self.in_flight, limits.at_once, true),
            (
                LimitKind::PointsAMinute,
                self.sum(now, MINUTE, |points, _| points) + points,
                limits.points_a_minute,
                true,
            ),
            (LimitKind::ContentAMinute, content_in(MINUTE), limits.content_a_minute, content),
            (LimitKind::ContentAnHour, content_in(HOUR), limits.content_an_hour, content),
        ];
        counts
            .into_iter()
            .find(|(_, count, most, counts)| *counts && count > most)
            .map(|(kind, count, ..)| (kind, count))
    }
}

/// Whether a request changes nothing.
pub(crate) fn reads(operation: &str, method: &str) -> bool {
    let query = matches!(operation, "graphql/viewer" | "graphql/rateLimit" | "graphql/node" | "graphql/repository");
    method == "GET" || query
}

/// What a request costs: points, and whether it makes content.
fn cost(operation: &str, method: &str) -> (u64, bool) {
    let reads = reads(operation, method);
    let content = !reads && operation.contains("/create") && !operation.starts_with("reactions/");
    (if reads { 1 } else { 5 }, content && !operation.starts_with("apps/"))
}

impl World {
    /// The caller whose limits count: an installation with all its tokens, or a person.
    pub(crate) fn payer(&self, who: Identity) -> Option<u64> {
        match who {
            Identity::Installation { installation, .. } => Some(installation),
            Identity::Person { user, token } => token.map(|_| user),
            Identity::Anonymous | Identity::App { .. } => None,
        }
    }

    /// Limit, what remains of it, and when the hour is over (seconds since 1970, in GitHub's time).
    pub(crate) fn rate(&self, who: Identity) -> (u64, u64, i64) {
        let limit = self.switches.limits.as_ref().map_or(self.rate_limit, |limits| limits.requests_an_hour);
        let now = self.now();
        let usage = self.payer(who).and_then(|payer| self.usage.get(&payer));
        let (used, since) = usage.map_or((0, now), |usage| usage.used(now));
        let reset = self.in_githubs_time(since.checked_add(HOUR).unwrap_or(since)).as_second();
        (limit, limit.saturating_sub(used), reset)
    }

    /// Which limit a request is above, when limits are counted; noted either way.
    pub(crate) fn above_limit(&mut self, operation: &str, method: &str, who: Identity) -> Option<LimitKind> {
        let (payer, limits) = (self.payer(who)?, self.switches.limits.as_ref()?);
        let (points, content) = cost(operation, method);
        let (limit, count) = self.usage.get(&payer)?.above(limits, self.now(), points, content)?;
        let whose = match who {
            Identity::Installation { installation, .. } => format!("installation {installation}"),
            Identity::Anonymous | Identity::App { .. } | Identity::Person { .. } => self.login(payer).to_owned(),
        };
        let refuse = limits.refuse;
        self.above_limits.push(AboveLimit {
            request: self.requests.len() as u64 + 1,
            at: stamp(self.now()),
            whose,
            operation: operation.to_owned(),
            limit,
            count,
        });
        refuse.then_some(limit)
    }

    pub(crate) fn count_request(&mut self, operation: &str, method: &str, who: Identity) {
        let now = self.now();
        let Some(payer) = self.payer(who) else { return };
        let (points, content) = cost(operation, method);
        self.usage.entry(payer).or_default().spend(now, points, content);
    }

    pub(crate) fn note_request(&mut self, operation: &str, who: Identity, request: &Incoming, status: u16) {
        let query = if request.query.is_empty() { String::new() } else { format!("?{}", request.query) };
        let request = Request {
            seq: self.requests.len() as u64 + 1,
            at: stamp(self.now()),
            operation: operation.to_owned(),
            method: request.method.clone(),
            path: format!("{}{query}", request.path),
            with: self.actor(who).with,
            status,
        };
        self.requests.push(request);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_slide_and_say_which_limit_breaks_first() {
        let at = |second: i64| Timestamp::from_second(1_000_000 + second).unwrap_or_default();
        let limits = Limits { content_a_minute: 2, content_an_hour: 3, points_a_minute: 12, ..Limits::default() };
        let mut usage = Usage::default();
        let mut ask = |second, points, content| {
            let above = usage.above(&limits, at(second), points, content);
            if above.is_none() {
                usage.spend(at(second), points, content);
            }
            above
        };
        assert_eq!(ask(0, 5, true), None);
        assert_eq!(ask(1, 5, true), None);
        assert_eq!(ask(2, 1, false), None);
        assert_eq!(ask(3, 5, false), Some((LimitKind::PointsAMinute, 16)));
        assert_eq!(ask(59, 1, true), Some((LimitKind::ContentAMinute, 3)));
        assert_eq!(ask(60, 1, true), None);
        assert_eq!(ask(200, 1, true), Some((LimitKind::ContentAnHour, 4)));
        assert_eq!(ask(3600, 1, true), None);
    }
}
