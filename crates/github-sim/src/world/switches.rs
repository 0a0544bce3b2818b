//! How the whole simulated GitHub behaves beyond single faults: everything that stays on until it is switched off.

use serde::{Deserialize, Serialize};

/// Standing behaviours, each off at first. In the library with [`crate::Sim::switch`], over HTTP with
/// `PATCH /_sim/switches`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Switches {
    /// Manifests whose webhook address is on this machine are refused, as on github.com.
    pub refuse_local_webhooks: bool,
    /// An App's first `ping` comes with its first installation instead of with its registration.
    pub ping_at_installation: bool,
}
