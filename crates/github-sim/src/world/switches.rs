//! How the whole simulated GitHub behaves beyond single faults: everything that stays on until it is switched off.

use serde::{Deserialize, Serialize};

use super::traffic::Limits;

/// Standing behaviours, each off at first. In the library with [`crate::Sim::switch`], over HTTP with
/// `PATCH /_sim/switches`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Switches {
    /// Manifests whose webhook address is on this machine are refused, as on github.com.
    pub refuse_local_webhooks: bool,
    /// An App's first `ping` comes with its first installation instead of with its registration.
    pub ping_at_installation: bool,
    /// For this long after something was made or a branch moved, Apps read the world as it was before (404, or the old
    /// head), though the webhooks are out already.
    pub lag_seconds: u64,
    /// How far GitHub's clock is ahead of the machine's where App JWTs are judged and in `Date`; negative: behind.
    pub clock_ahead_seconds: i64,
    /// Each webhook is sent this many times more, each time under a GUID of its own.
    pub extra_webhooks: u32,
    /// Each webhook waits this long (real time) before it is sent.
    pub webhook_delay_millis: u64,
    /// A locked conversation is closed to Apps too, as Apps have reported it, and not to readers alone.
    pub locked_to_apps: bool,
    /// Larger files cannot be pushed (GH001); 100 MB when absent.
    pub largest_file_bytes: Option<u64>,
    /// Limits that are counted; none are when absent.
    pub limits: Option<Limits>,
}
