//! Settings: small named values, and the switch that pauses everything.

use baton_core::domain::time::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::engine::params;
use crate::error::StoreError;
use crate::json::Json;
use crate::store::{Store, Tx};

/// The setting whose presence pauses; the claim looks for this very name.
const PAUSED: &str = "paused";

/// Who paused Baton, and since when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// Who did it, for people.
    pub by: String,
    /// Since when.
    pub since: Timestamp,
}

const READ: &str = "SELECT value FROM settings WHERE name = $1";

const WRITE: &str = "
    INSERT INTO settings (name, value, updated_at) VALUES ($1, $2, $3)
    ON CONFLICT (name) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at";

const FORGET: &str = "DELETE FROM settings WHERE name = $1";

impl Store {
    /// A setting's value.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when it is of another type.
    pub async fn setting<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, StoreError> {
        let row = self.engine.first(READ, params![name]).await?;
        row.map(|row| row.json("value")?.read("setting")).transpose()
    }

    /// Stops the starting of runs, everywhere, until [`Store::resume`]. What is running goes on.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn pause(&self, by: &str, now: Timestamp) -> Result<(), StoreError> {
        let pause = Pause { by: by.to_owned(), since: now };
        let mut tx = self.begin().await?;
        tx.set(PAUSED, &pause, now).await?;
        tx.commit().await
    }

    /// Lets runs start again.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn resume(&self) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        tx.session.execute(FORGET, params![PAUSED]).await?;
        tx.note_job_change();
        tx.commit().await
    }

    /// Whether Baton is paused, and by whom.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn paused(&self) -> Result<Option<Pause>, StoreError> {
        self.setting(PAUSED).await
    }
}

impl Tx {
    /// Sets a setting.
    ///
    /// # Errors
    /// When the database fails or the value has no JSON form.
    pub async fn set(&mut self, name: &str, value: &impl Serialize, now: Timestamp) -> Result<(), StoreError> {
        self.session.execute(WRITE, params![name, Json::of(value)?, now]).await?;
        Ok(())
    }
}
