//! What a piece of work writes for, so that its writes go in the order of their importance and are let in together.

use std::sync::Arc;

use crate::app::Shared;
use crate::budget::Ask;
use crate::error::GitHubError;
use crate::gate::Account;
use crate::importance::Importance;
use crate::repository::Repository;

/// A named piece of work on one installation. What room was made for it and not used is free when it ends.
pub(crate) struct Errand {
    pub importance: Importance,
    pub key: String,
    account: Account,
    shared: Arc<Shared>,
}

impl Drop for Errand {
    fn drop(&mut self) {
        self.shared.gate.release(self.account, &self.key);
    }
}

impl Repository {
    /// The same repository, for one errand: whatever is written through this handle goes by this importance. `key` names
    /// the errand: who was told to come back later and comes under the same key has kept the place in the line.
    #[must_use]
    pub fn on_errand(&self, importance: Importance, key: &str) -> Self {
        let errand = Errand {
            importance,
            key: key.to_owned(),
            account: Account::Installation(self.reference().installation),
            shared: Arc::clone(&self.shared),
        };
        self.with_errand(Arc::new(errand))
    }

    /// Makes room for so many writes of this errand, before anything is asked or done for it. Without an errand, nothing
    /// is kept free.
    ///
    /// # Errors
    /// [`GitHubError::RetryAfter`]: there is no room before that time.
    pub fn room_for(&self, writes: u32) -> Result<(), GitHubError> {
        let Some(errand) = self.errand() else { return Ok(()) };
        let ask = Ask { importance: errand.importance, errand: &errand.key, writes };
        let reserved = self.shared.gate.reserve(errand.account, ask);
        reserved.map_err(|(at, pause)| GitHubError::RetryAfter { operation: "baton/make-room", at, pause })
    }
}
