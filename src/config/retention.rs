//! How long what Baton keeps is kept: the section `[policy.retention]`.

use serde::Deserialize;

/// `[policy.retention]`: days since the end of what is kept, and sizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RetentionConfig {
    /// Bodies of deliveries that were dealt with.
    pub bodies_days: u32,
    /// The rest of them, by which a second arrival is known.
    pub deliveries_days: u32,
    /// Jobs that are done.
    pub jobs_days: u32,
    /// Jobs that were given up on.
    pub dead_days: u32,
    /// What agents said and did, of tasks that have ended.
    pub logs_days: u32,
    /// Commits of tasks that have ended.
    pub work_days: u32,
    /// Mirrors of repositories in which nothing happens.
    pub mirrors_days: u32,
    /// Checkouts that nobody uses.
    pub checkouts_days: u32,
    /// GiB of all checkouts together.
    pub checkouts_gib: u32,
    /// With fewer GiB free than this, less is kept.
    pub free_gib: u32,
}

impl Default for RetentionConfig {
    fn default() -> Self {
        Self {
            bodies_days: 14,
            deliveries_days: 90,
            jobs_days: 30,
            dead_days: 90,
            logs_days: 90,
            work_days: 90,
            mirrors_days: 60,
            checkouts_days: 7,
            checkouts_gib: 20,
            free_gib: 2,
        }
    }
}
