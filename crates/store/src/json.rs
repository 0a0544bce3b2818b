//! A stored JSON text: kept as it is, read as whatever type the caller knows.

use serde::de::{DeserializeOwned, Error as _};
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use crate::error::StoreError;

/// JSON as text. Written from any serialisable value, read back into any type that fits. As a part of a larger value it
/// is that part, not a text that holds JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Json(String);

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let value: Value = serde_json::from_str(&self.0).map_err(S::Error::custom)?;
        value.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        serde_json::to_string(&value).map(Self).map_err(D::Error::custom)
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_a_part_of_what_it_stands_in() {
        #[derive(Debug, PartialEq, Serialize, Deserialize)]
        struct Row {
            id: u64,
            document: Json,
        }
        let text = r#"{"id":7,"document":{"z":[1,-2.5,null],"a":"{\"not\":\"opened\"}","n":18446744073709551615}}"#;
        let row: Row = serde_json::from_str(text).unwrap();
        assert_eq!(row.document.read::<Value>("document").unwrap()["a"], r#"{"not":"opened"}"#);
        assert_eq!(serde_json::to_string(&row).unwrap(), text);
    }
}
