//! Holds JSON against GitHub's schemas: each is compiled once in a process, with just the schemas it refers to.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, OnceLock};

use jsonschema::error::ValidationErrorKind;
use jsonschema::{ValidationError, Validator};
use serde_json::{Map, Value};

use super::Complaint;
use super::description::github;

/// How a reference of the cut begins.
const REFERENCE: &str = "#/$defs/";

/// More complaints about one value than this say nothing new.
const MOST: usize = 12;

/// What is wrong with `value`, each with its place below `place`.
pub(crate) fn complaints(schema: &Value, value: &Value, place: &str) -> Vec<Complaint> {
    match compiled(schema) {
        Ok(validator) => {
            let errors = validator.iter_errors(value).take(MOST);
            errors.map(|error| telling(&error, place)).collect()
        }
        Err(fault) => vec![(place.to_owned(), format!("GitHub's schema cannot be used: {fault}"))],
    }
}

/// A validator, or why there is none.
type Compiled = Result<Arc<Validator>, String>;

/// One validator for each schema, by its text.
fn compiled(schema: &Value) -> Compiled {
    static COMPILED: OnceLock<Mutex<HashMap<String, Compiled>>> = OnceLock::new();
    let mut known = COMPILED.get_or_init(Mutex::default).lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    known.entry(schema.to_string()).or_insert_with_key(|text| compile(text).map(Arc::new)).clone()
}

fn compile(text: &str) -> Result<Validator, String> {
    let mut whole = Map::new();
    whole.insert("$defs".into(), definitions(text)?.into());
    whole.insert("allOf".into(), vec![read(text)?].into());
    jsonschema::options()
        .with_draft(jsonschema::Draft::Draft202012)
        .should_validate_formats(true)
        .build(&Value::Object(whole))
        .map_err(|error| error.to_string())
}

/// The schemas that a schema refers to, and those that they refer to.
fn definitions(text: &str) -> Result<Map<String, Value>, String> {
    let (mut found, mut seen, mut open) = (Map::new(), BTreeSet::new(), references(text));
    while let Some(name) = open.pop() {
        if seen.insert(name.clone()) {
            let json = github().schemas.get(name.as_str()).ok_or_else(|| format!("there is no schema {name}"))?;
            open.extend(references(json));
            found.insert(name, read(json)?);
        }
    }
    Ok(found)
}

fn references(text: &str) -> Vec<String> {
    let parts = text.split(REFERENCE).skip(1);
    parts.filter_map(|part| part.split_once('"')).map(|(name, _)| name.to_owned()).collect()
}

fn read(json: &str) -> Result<Value, String> {
    serde_json::from_str(json).map_err(|error| error.to_string())
}

/// Where and what, without the value: it may be a token. Of several ways that all do not fit, the one that came closest.
fn telling(error: &ValidationError<'_>, place: &str) -> Complaint {
    let ways = match error.kind() {
        ValidationErrorKind::AnyOf { context } | ValidationErrorKind::OneOfNotValid { context } => context.as_slice(),
        _ => &[],
    };
    let depth = |error: &ValidationError<'_>| error.instance_path().as_str().matches('/').count();
    // A way that is for another type of value was not meant at all.
    let meant =
        |it: &&ValidationError<'_>| depth(it) > depth(error) || !matches!(it.kind(), ValidationErrorKind::Type { .. });
    match ways.iter().flatten().filter(meant).max_by_key(|it| depth(it)) {
        Some(inner) => telling(inner, place),
        None => (format!("{place}{}", error.instance_path().as_str()), error.masked().to_string()),
    }
}
