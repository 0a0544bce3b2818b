//! The wall clock: the one place that asks what time it is.

use std::time::{SystemTime, UNIX_EPOCH};

use baton_core::domain::time::Timestamp;

/// The time now.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the owner: everybody else asks here")]
pub fn now() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
}
