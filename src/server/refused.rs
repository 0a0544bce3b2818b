//! What is not taken, how it is answered, and what the operator reads of it: no more than that it happens, however often
//! strangers try, and nothing that they wrote.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::http::StatusCode;
use axum::http::header::RETRY_AFTER;
use axum::response::{IntoResponse, Response};

/// Between two lines of the log about refused deliveries.
const QUIET: Duration = Duration::from_secs(10);

/// When to come again after a 503, in seconds.
const COME_AGAIN: &str = "30";

/// Why a request is no delivery that could be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    NoSignature,
    BadSignature,
    TooLarge,
    TooSlow,
    NoRoom,
    Broken,
    Nameless,
    Store,
}

impl Refused {
    fn status(self) -> StatusCode {
        match self {
            Self::NoSignature | Self::BadSignature => StatusCode::UNAUTHORIZED,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::Broken | Self::Nameless => StatusCode::BAD_REQUEST,
            Self::NoRoom | Self::Store => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::NoSignature => "no X-Hub-Signature-256\n",
            Self::BadSignature => "bad signature\n",
            Self::TooLarge => "more than 25 MiB\n",
            Self::TooSlow => "the body took too long\n",
            Self::NoRoom => "too much at once\n",
            Self::Broken => "the body could not be read\n",
            Self::Nameless => {
                "X-GitHub-Event and X-GitHub-Delivery are needed, and no other characters than GitHub's\n"
            }
            Self::Store => "the store does not answer\n",
        }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let mut response = (self.status(), self.words()).into_response();
        if self.status() == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(RETRY_AFTER, axum::http::HeaderValue::from_static(COME_AGAIN));
        }
        response
    }
}

/// Counts refusals, and tells the operator of them.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    told: Mutex<Told>,
}

#[derive(Debug, Default)]
struct Told {
    at: Option<Instant>,
    since: u64,
}

impl Refusals {
    /// One more. The first is told at once, those that follow together.
    pub(super) fn note(&self, refused: Refused) {
        if let Some(times) = self.due(Instant::now()) {
            let why = refused.words().trim_end();
            tracing::info!(status = refused.status().as_u16(), why, times, "a delivery was refused");
        }
    }

    /// How many there were since the last line, when it is time for another.
    fn due(&self, now: Instant) -> Option<u64> {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.since += 1;
        if told.at.is_some_and(|at| now.duration_since(at) < QUIET) {
            return None;
        }
        told.at = Some(now);
        Some(std::mem::take(&mut told.since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_a_line_in_ten_seconds() {
        let refusals = Refusals::default();
        let start = Instant::now();
        let at = |seconds: u64| refusals.due(start + Duration::from_secs(seconds));
        assert_eq!([at(0), at(1), at(9), at(10), at(11), at(25)], [Some(1), None, None, Some(3), None, Some(2)]);
    }
}
