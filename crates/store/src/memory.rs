//! What was done outside and must not be done twice: the ids of things made, and the notices given once.

use baton_core::domain::time::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::engine::params;
use crate::error::StoreError;
use crate::json::Json;
use crate::store::{Store, Tx};

const RECALL: &str = "SELECT external_id FROM remembered WHERE effect_key = $1";

const REMEMBER: &str = "
    INSERT INTO remembered (effect_key, external_id, at) VALUES ($1, $2, $3)
    ON CONFLICT (effect_key) DO UPDATE SET external_id = excluded.external_id, at = excluded.at";

const FORGET: &str = "DELETE FROM remembered WHERE effect_key = $1";

const NOTICED: &str = "SELECT key FROM notices WHERE key = $1";

const ONCE: &str = "INSERT INTO notices (key, at) VALUES ($1, $2) ON CONFLICT (key) DO NOTHING RETURNING key";

impl Store {
    /// What an effect made outside, if that is remembered.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when it is of another type.
    pub async fn recall<T: DeserializeOwned>(&self, effect_key: &str) -> Result<Option<T>, StoreError> {
        let row = self.engine.first(RECALL, params![effect_key]).await?;
        row.map(|row| row.json("external_id")?.read("remembered id")).transpose()
    }

    /// Whether [`Tx::once`] has seen this key.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn was_noticed(&self, key: &str) -> Result<bool, StoreError> {
        Ok(self.engine.first(NOTICED, params![key]).await?.is_some())
    }
}

impl Tx {
    /// Remembers what an effect made outside; the newest counts.
    ///
    /// # Errors
    /// When the database fails or the value has no JSON form.
    pub async fn remember(
        &mut self,
        effect_key: &str,
        external_id: &impl Serialize,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.session.execute(REMEMBER, params![effect_key, Json::of(external_id)?, now]).await?;
        Ok(())
    }

    /// Forgets what [`Tx::remember`] kept under this key, if there is anything.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn forget(&mut self, effect_key: &str) -> Result<(), StoreError> {
        self.session.execute(FORGET, params![effect_key]).await.map(drop)
    }

    /// Whether this key is seen for the first time, ever. The answer counts only if the transaction is committed.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn once(&mut self, key: &str, now: Timestamp) -> Result<bool, StoreError> {
        Ok(self.session.first(ONCE, params![key, now]).await?.is_some())
    }
}
