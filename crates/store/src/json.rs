//! A stored JSON text: kept as it is, read as whatever type the caller knows.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::StoreError;

/// JSON as text. Written from any serialisable value, read back into any type that fits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Json(String);

impl Json {
    /// Writes a value.
    ///
    /// # Errors
    /// [`StoreError::Unwritable`] when the value has no JSON form (a map with keys that are not texts, say).
    pub fn of(value: &impl Serialize) -> Result<Self, StoreError> {
        serde_json::to_string(value).map(Self).map_err(StoreError::Unwritable)
    }

    /// Reads the value.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when the text is not of this type; `what` names it for the reader of the error.
    pub fn read<T: DeserializeOwned>(&self, what: &'static str) -> Result<T, StoreError> {
        serde_json::from_str(&self.0).map_err(|e| StoreError::Corrupt { what, reason: e.to_string() })
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn stored(text: String) -> Self {
        Self(text)
    }
}
