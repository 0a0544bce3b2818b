//! A secret from the configuration: as text or from a file, never both, never shown.

use std::path::Path;

use secrecy::{ExposeSecret, SecretString};

use super::fault::ConfigError;

/// The secret named `key`, without trailing newlines; empty counts as not given.
pub(super) fn secret(
    key: &str,
    text: Option<&SecretString>,
    file: Option<&Path>,
) -> Result<Option<SecretString>, ConfigError> {
    let found = match (text, file) {
        (Some(_), Some(_)) => {
            return Err(ConfigError::Value {
                key: key.to_owned(),
                problem: format!("both `{key}` and `{key}_file` are given; keep one"),
            });
        }
        (Some(text), None) => text.expose_secret().to_owned(),
        (None, Some(file)) => std::fs::read_to_string(file).map_err(|error| ConfigError::Value {
            key: format!("{key}_file"),
            problem: format!("{} cannot be read: {error}", file.display()),
        })?,
        (None, None) => return Ok(None),
    };
    let found = found.trim_end_matches(['\r', '\n']);
    Ok((!found.is_empty()).then(|| SecretString::from(found.to_owned())))
}
