//! Requests counted and noted: the rate limit and the log.

use jiff::SignedDuration;

use super::World;
use super::ledger::Request;
use crate::clock::stamp;
use crate::rest::access::Identity;
use crate::rest::serve::Incoming;

const WINDOW: SignedDuration = SignedDuration::from_hours(1);

impl World {
    /// Limit, what remains of it, and when the hour is over (seconds since 1970).
    pub(crate) fn rate(&self, who: Identity) -> (u64, u64, i64) {
        let token = token_of(who).and_then(|id| self.token(id));
        let (used, since) = token.map_or((0, self.now()), |token| (token.used, token.window_started));
        let reset = since.checked_add(WINDOW).unwrap_or(since).as_second();
        (self.rate_limit, self.rate_limit.saturating_sub(used), reset)
    }

    pub(crate) fn count_request(&mut self, who: Identity) {
        let now = self.now();
        let Some(id) = token_of(who) else { return };
        if let Some(token) = self.tokens.iter_mut().find(|token| token.id == id) {
            if now.duration_since(token.window_started) >= WINDOW {
                token.window_started = now;
                token.used = 0;
            }
            token.used += 1;
        }
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

fn token_of(who: Identity) -> Option<u64> {
    match who {
        Identity::Installation { token, .. } => Some(token),
        Identity::Person { token, .. } => token,
        Identity::Anonymous | Identity::App { .. } => None,
    }
}
