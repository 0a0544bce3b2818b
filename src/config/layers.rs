//! The file, the environment over it, and errors that say where and what to write instead.

use std::path::{Path, PathBuf};

use baton_core::spelling::distance;
use toml::{Table, Value};

use super::sections::Config;

/// The prefix of environment variables: `BATON_GITHUB__API_URL` sets `github.api_url`.
const PREFIX: &str = "BATON_";

/// What is wrong with the configuration, and where.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The named file is not there or cannot be read.
    #[error("{}: {problem}", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// Why.
        problem: String,
    },
    /// The file is not what it must be.
    #[error("{}:{line}: {problem}{}", file.display(), hint(nearest))]
    File {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        problem: String,
        /// The key that may have been meant.
        nearest: Option<String>,
    },
    /// A variable is not what it must be.
    #[error("the environment, over the file: {problem}{}", hint(nearest))]
    Environment {
        /// What is wrong.
        problem: String,
        /// The key that may have been meant.
        nearest: Option<String>,
    },
    /// A value makes no sense.
    #[error("{key}: {problem}")]
    Value {
        /// The key.
        key: String,
        /// What is wrong.
        problem: String,
    },
}

fn hint(nearest: &Option<String>) -> String {
    nearest.as_ref().map_or_else(String::new, |nearest| format!(" (did you mean `{nearest}`?)"))
}

/// The `BATON_…` variables of this process.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the owner: the environment is read in this room")]
pub fn environment() -> Vec<(String, String)> {
    std::env::vars().filter(|(name, _)| name.starts_with(PREFIX)).collect()
}

/// Reads `file` (an empty configuration if there is none) and lays the variables over it.
///
/// # Errors
/// Names the file and the line, or the variable, and the nearest key where one is unknown.
pub fn load(file: Option<&Path>, variables: &[(String, String)]) -> Result<Config, ConfigError> {
    let text = match file {
        Some(file) => std::fs::read_to_string(file)
            .map_err(|error| ConfigError::Unreadable { file: file.to_owned(), problem: error.to_string() })?,
        None => String::new(),
    };
    let place = file.map_or_else(|| PathBuf::from("baton.toml"), Path::to_path_buf);
    // Read alone first: only then does an error know its line.
    let alone: Config = toml::from_str(&text).map_err(|error| file_error(&place, &text, &error))?;
    let overrides: Vec<_> = variables.iter().filter(|(name, _)| name.contains("__")).collect();
    if overrides.is_empty() {
        return Ok(alone);
    }
    let mut table: Table = toml::from_str(&text).map_err(|error| file_error(&place, &text, &error))?;
    for (name, value) in overrides {
        let path: Vec<String> = name[PREFIX.len()..].split("__").map(|part| part.to_ascii_lowercase()).collect();
        set(&mut table, &path, value);
    }
    Value::Table(table).try_into().map_err(|error: toml::de::Error| {
        let problem = error.message().to_owned();
        ConfigError::Environment { nearest: nearest_in(&problem), problem }
    })
}

fn set(table: &mut Table, path: &[String], text: &str) {
    match path {
        [] => {}
        [last] => {
            let value = match table.get(last) {
                // What was text stays text, however much it looks like a number.
                Some(Value::String(_)) => Value::String(text.to_owned()),
                _ => typed(last, text),
            };
            table.insert(last.clone(), value);
        }
        [first, rest @ ..] => {
            let inner = table.entry(first.clone()).or_insert_with(|| Value::Table(Table::new()));
            if !inner.is_table() {
                *inner = Value::Table(Table::new());
            }
            if let Value::Table(inner) = inner {
                set(inner, rest, text);
            }
        }
    }
}

/// Numbers, booleans and lists as TOML writes them; everything else, and every secret, is text.
fn typed(key: &str, text: &str) -> Value {
    let is_secret = key.ends_with("secret") || key.ends_with("key");
    if is_secret {
        return Value::String(text.to_owned());
    }
    toml::from_str::<Table>(&format!("value = {text}"))
        .ok()
        .and_then(|mut table| table.remove("value"))
        .unwrap_or_else(|| Value::String(text.to_owned()))
}

fn file_error(file: &Path, text: &str, error: &toml::de::Error) -> ConfigError {
    let line = error.span().map_or(1, |span| text[..span.start.min(text.len())].matches('\n').count() + 1);
    let problem = error.message().to_owned();
    ConfigError::File { file: file.to_owned(), line, nearest: nearest_in(&problem), problem }
}

/// Out of "unknown field `x`, expected one of `a`, `b`": the expected one that is nearest to x.
pub(super) fn nearest_in(problem: &str) -> Option<String> {
    let rest = problem.strip_prefix("unknown field `").or_else(|| problem.strip_prefix("unknown variant `"))?;
    let (given, rest) = rest.split_once('`')?;
    rest.split('`')
        .skip(1)
        .step_by(2)
        .map(|known| (distance(given, known), known))
        .filter(|(distance, known)| *distance <= 1 + known.len() / 3)
        .min()
        .map(|(_, known)| known.to_owned())
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    fn file(text: &str) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        file
    }

    fn variables(list: &[(&str, &str)]) -> Vec<(String, String)> {
        list.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_wrong_key_is_named_with_its_line_and_the_nearest_right_one() {
        let file = file("[github]\napp_id = 7\nwebhok_secret = \"x\"\n");
        let error = load(Some(file.path()), &[]).unwrap_err().to_string();
        let error = error.replace(&file.path().display().to_string(), "baton.toml");
        assert!(error.starts_with("baton.toml:3: unknown field `webhok_secret`"), "{error}");
        assert!(error.ends_with("(did you mean `webhook_secret`?)"), "{error}");
    }

    #[test]
    fn a_wrong_type_is_named_with_its_line() {
        let file = file("[worker]\n\nconcurrency = \"many\"\n");
        let error = load(Some(file.path()), &[]).unwrap_err().to_string();
        assert!(error.contains(":3: invalid type: string \"many\""), "{error}");
    }

    #[test]
    fn variables_go_over_the_file_and_secrets_stay_text() {
        let file = file("[server]\nlisten = \"127.0.0.1:1\"\n[worker]\nconcurrency = 1\n");
        let config = load(
            Some(file.path()),
            &variables(&[
                ("BATON_SERVER__LISTEN", "0.0.0.0:80"),
                ("BATON_WORKER__CONCURRENCY", "4"),
                ("BATON_GITHUB__WEBHOOK_SECRET", "12345"),
                ("BATON_GITHUB__ASSIGNEES", "[\"robo\"]"),
            ]),
        )
        .unwrap();
        assert_eq!(config.server.listen, "0.0.0.0:80");
        assert_eq!(config.worker.concurrency, 4);
        assert_eq!(config.github.assignees, ["robo"]);
        assert_eq!(config.github.webhook_secrets().unwrap()[0].expose_secret(), "12345");
    }

    #[test]
    fn a_wrong_variable_is_an_error_that_shows_no_secret() {
        let wrong = variables(&[("BATON_GITHUB__API_ULR", "http://x"), ("BATON_GITHUB__WEBHOOK_SECRET", "canary")]);
        let error = load(None, &wrong).unwrap_err();
        assert!(error.to_string().contains("did you mean `api_url`"), "{error}");
        assert!(!format!("{error:?}{error}").contains("canary"));
        let config = load(None, &variables(&[("BATON_GITHUB__WEBHOOK_SECRET", "canary")])).unwrap();
        assert!(!format!("{config:?}").contains("canary"));
    }

    #[test]
    fn a_secret_comes_from_text_or_a_file_and_never_from_both() {
        let key = file("from a file\n");
        let path = key.path().display().to_string();
        let config = load(None, &variables(&[("BATON_GITHUB__WEBHOOK_SECRET_FILE", &path)])).unwrap();
        assert_eq!(config.github.webhook_secrets().unwrap()[0].expose_secret(), "from a file");
        let both = variables(&[("BATON_GITHUB__WEBHOOK_SECRET_FILE", &path), ("BATON_GITHUB__WEBHOOK_SECRET", "x")]);
        let error = load(None, &both).unwrap().github.webhook_secrets().unwrap_err();
        assert!(error.to_string().contains("keep one"), "{error}");
    }
}
