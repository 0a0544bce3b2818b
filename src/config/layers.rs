//! The file, the variables over it, the flags over those; all mistakes at once, and where each value came from.

use std::path::{Path, PathBuf};

use serde::Serialize;
use toml::de::DeValue;
use toml::{Table, Value};

use super::document::{self, Declared, Document, Found, declared, unknown};
use super::fault::{ConfigError, Mistake, Origin};
use super::keys::{Key, Kind, OPERATOR, Unset};
use super::sections::Config;
use super::value::{Given, complaints, nearest, quoted, without_password};

/// The prefix of environment variables: `BATON_GITHUB__API_URL` sets `github.api_url`.
const PREFIX: &str = "BATON_";

/// What the configuration is made of. The later one wins.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sources<'a> {
    /// The file, if there is one.
    pub file: Option<&'a Path>,
    /// `BATON_…` variables, by name.
    pub variables: &'a [(String, String)],
    /// What flags say.
    pub flags: &'a [Flag],
}

/// One key that a flag sets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flag {
    /// The flag as it was typed: `--set worker.concurrency`.
    pub flag: String,
    /// The key, from the top.
    pub key: String,
    /// The value, as a variable would have it.
    pub value: String,
}

/// A configuration, and where it came from.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// Every key, in the order of the documentation.
    pub settings: Vec<Setting>,
}

/// One key with what holds for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Setting {
    /// From the top: `github.app_id`.
    pub key: String,
    /// As TOML writes it; what stands in parentheses is no value. Never a secret.
    pub value: String,
    /// Where it comes from.
    pub origin: Origin,
}

/// The `BATON_…` variables of this process.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the owner: the environment is read in this room")]
pub fn environment() -> Vec<(String, String)> {
    let mut variables: Vec<_> = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.to_string_lossy().into_owned())))
        .filter(|(name, _)| name.starts_with(PREFIX))
        .collect();
    variables.sort();
    variables
}

/// Reads the configuration: the file (defaults if there is none), the variables over it, the flags over those.
///
/// # Errors
/// All mistakes at once, each with its place, its key, what was found, what is allowed and the nearest spelling.
pub fn load(sources: &Sources<'_>) -> Result<Loaded, ConfigError> {
    let bytes = match sources.file {
        Some(file) => std::fs::read(file)
            .map_err(|error| ConfigError::Unreadable { file: file.to_owned(), problem: error.to_string() })?,
        None => Vec::new(),
    };
    read(&bytes, sources)
}

/// The same, of a file's bytes.
pub(super) fn read(bytes: &[u8], sources: &Sources<'_>) -> Result<Loaded, ConfigError> {
    let file = sources.file.map_or_else(|| PathBuf::from("baton.toml"), Path::to_path_buf);
    let (mut document, mut mistakes) = document::read(bytes, &file);
    let is_whole = mistakes.iter().all(|mistake| !mistake.key.is_empty());
    for (name, value) in sources.variables {
        lay_variable(&mut document, &mut mistakes, name, value);
    }
    for flag in sources.flags {
        lay_flag(&mut document, &mut mistakes, flag);
    }
    judge(&document, &mut mistakes);
    // Half a file lacks much that is in its other half.
    if is_whole {
        super::together::judge(&document, &mut mistakes);
    }
    if mistakes.is_empty() {
        match Value::Table(table(&document)).try_into() {
            Ok(config) => return Ok(Loaded { config, settings: settings(&document) }),
            Err(error) => mistakes.push(Mistake {
                place: Origin::File { file, line: 1, column: 1 },
                key: String::new(),
                found: toml::de::Error::message(&error).to_owned(),
                allowed: String::new(),
                nearest: None,
            }),
        }
    }
    // What a broken line makes of the rest of it is no second mistake.
    let broken: Vec<usize> = mistakes.iter().filter(|it| it.key.is_empty()).filter_map(line).collect();
    mistakes.retain(|it| it.key.is_empty() || line(it).is_none_or(|line| !broken.contains(&line)));
    mistakes.sort();
    mistakes.dedup();
    Err(ConfigError::Mistakes(mistakes))
}

fn line(mistake: &Mistake) -> Option<usize> {
    match mistake.place {
        Origin::File { line, .. } => Some(line),
        Origin::Variable { .. } | Origin::Flag { .. } | Origin::Default => None,
    }
}

fn judge(document: &Document, mistakes: &mut Vec<Mistake>) {
    for (path, found) in &document.values {
        let Declared::Key(key) = declared(path) else { continue };
        for complaint in complaints(key.kind, &found.given) {
            let element = complaint.element.and_then(|at| found.elements.get(at));
            mistakes.push(Mistake {
                place: element.unwrap_or(&found.place).clone(),
                key: path.join("."),
                found: complaint.found,
                allowed: complaint.allowed,
                nearest: complaint.nearest,
            });
        }
    }
}

fn lay_variable(document: &mut Document, mistakes: &mut Vec<Mistake>, name: &str, value: &str) {
    let place = Origin::Variable { name: name.to_owned() };
    let bare = name.strip_prefix(PREFIX).unwrap_or(name);
    let path: Vec<String> = bare.split("__").map(str::to_ascii_lowercase).collect();
    let path = with_known_names(document, path);
    if path.len() < 2 {
        // `BATON_LOG` and others' variables are none of ours, but one underscore too few is a slip.
        let near = variable_names(&path).into_iter().find(|known| known.replace("__", "_") == name);
        if near.is_some() {
            mistakes.push(Mistake {
                nearest: near,
                allowed: "two underscores for each dot".into(),
                ..unknown(&path, place)
            });
        }
        return;
    }
    match declared(&path) {
        Declared::Key(key) => lay(document, path, key, value, place),
        Declared::Table | Declared::Nothing => {
            let names = variable_names(&path);
            let near = nearest_variable(name, &names);
            mistakes.push(Mistake { nearest: near, ..unknown(&path, place) });
        }
    }
}

fn lay_flag(document: &mut Document, mistakes: &mut Vec<Mistake>, flag: &Flag) {
    let place = Origin::Flag { flag: flag.flag.clone() };
    let path = with_known_names(document, flag.key.split('.').map(str::to_owned).collect());
    match declared(&path) {
        Declared::Key(Key { kind: Kind::Secret, .. }) => mistakes.push(Mistake {
            place,
            key: path.join("."),
            found: "a secret on the command line, where every user of this machine can read it".to_owned(),
            allowed: format!("`{}_file`, or the variable", path.join(".")),
            nearest: None,
        }),
        Declared::Key(key) => lay(document, path, key, &flag.value, place),
        Declared::Table | Declared::Nothing => mistakes.push(unknown(&path, place)),
    }
}

fn lay(document: &mut Document, path: Vec<String>, key: &Key, text: &str, place: Origin) {
    let given = match key.kind {
        Kind::Whole(..) | Kind::Dollars | Kind::Switch | Kind::List(_) => {
            DeValue::parse(text).map_or_else(|_| Given::Text(text.to_owned()), |value| document::given(value.get_ref()))
        }
        _ => Given::Text(text.to_owned()),
    };
    if let Some(named) = document::named_part(&path) {
        document.named.entry(named.to_vec()).or_insert_with(|| place.clone());
    }
    document.values.insert(path, Found { given, place, elements: Vec::new() });
}

/// A variable's name has no case and no dash; a name that the file gave to an agent or a provider may have both.
fn with_known_names(document: &Document, mut path: Vec<String>) -> Vec<String> {
    let plain = |name: &str| name.to_ascii_lowercase().replace('-', "_");
    if path.len() > 2
        && let Some(known) =
            document.named.keys().find(|named| named[0] == path[0] && plain(&named[1]) == plain(&path[1]))
    {
        path[1].clone_from(&known[1]);
    }
    path
}

/// The names of all variables; where the operator chooses a name, the one of `path`.
fn variable_names(path: &[String]) -> Vec<String> {
    let chosen = path.get(1).map_or("NAME", String::as_str);
    OPERATOR
        .iter()
        .flat_map(|section| section.keys.iter().map(move |key| (section, key)))
        .map(|(section, key)| {
            let mut parts: Vec<&str> =
                section.path.iter().map(|part| if *part == "*" { chosen } else { part }).collect();
            parts.push(key.name);
            format!("{PREFIX}{}", parts.join("__").to_ascii_uppercase().replace('-', "_"))
        })
        .collect()
}

/// By its last part first: whole names are long, and most of each is right.
fn nearest_variable(name: &str, names: &[String]) -> Option<String> {
    let (table, _) = name.rsplit_once("__").unwrap_or((name, ""));
    let beside: Vec<&str> = names
        .iter()
        .map(String::as_str)
        .filter(|known| known.rsplit_once("__").is_some_and(|(known, _)| known == table))
        .collect();
    let last = |text: &str| text.rsplit_once("__").map_or(text, |(_, last)| last).to_owned();
    let lasts: Vec<String> = beside.iter().map(|known| last(known)).collect();
    match nearest(&last(name), lasts.iter().map(String::as_str)) {
        Some(near) => Some(format!("{table}__{near}")),
        None => nearest(name, names.iter().map(String::as_str)),
    }
}

fn table(document: &Document) -> Table {
    let mut table = Table::new();
    for (path, found) in &document.values {
        set(&mut table, path, toml_of(&found.given));
    }
    table
}

fn set(table: &mut Table, path: &[String], value: Value) {
    match path {
        [] => {}
        [last] => {
            table.insert(last.clone(), value);
        }
        [first, rest @ ..] => {
            let inner = table.entry(first.clone()).or_insert_with(|| Value::Table(Table::new()));
            if let Value::Table(inner) = inner {
                set(inner, rest, value);
            }
        }
    }
}

fn toml_of(given: &Given) -> Value {
    match given {
        Given::Text(text) | Given::Huge(text) => Value::String(text.clone()),
        Given::Whole(number) => Value::Integer(*number),
        Given::Fraction(number) => Value::Float(*number),
        Given::Switch(switch) => Value::Boolean(*switch),
        Given::List(list) => Value::Array(list.iter().map(toml_of).collect()),
        Given::Other(name) => Value::String((*name).to_owned()),
    }
}

/// Every key with what holds for it; of tables with chosen names, those that are there.
fn settings(document: &Document) -> Vec<Setting> {
    let mut settings = Vec::new();
    for section in OPERATOR {
        let tables: Vec<Vec<String>> = if section.path.contains(&"*") {
            let named = document.named.keys().filter(|named| section.path[0] == named[0]);
            named
                .map(|named| {
                    section.path.iter().map(|it| if *it == "*" { named[1].clone() } else { (*it).into() }).collect()
                })
                .collect()
        } else {
            vec![section.path.iter().map(|part| (*part).to_owned()).collect()]
        };
        for table in tables {
            for key in section.keys {
                let path: Vec<String> = table.iter().cloned().chain([key.name.to_owned()]).collect();
                let (value, origin) = match document.values.get(&path) {
                    Some(found) => (shown(key.kind, &found.given), found.place.clone()),
                    None => (unset(key.unset), Origin::Default),
                };
                settings.push(Setting { key: path.join("."), value, origin });
            }
        }
    }
    settings
}

fn unset(unset: Unset) -> String {
    match unset {
        Unset::Value(value) => value.to_owned(),
        Unset::Is(words) => format!("({})", words.replace('`', "")),
        Unset::Nothing | Unset::Needed(_) => "(not set)".to_owned(),
    }
}

fn shown(kind: Kind, given: &Given) -> String {
    match (kind, given) {
        (Kind::Secret, _) => "(hidden)".to_owned(),
        (Kind::Url | Kind::Database, Given::Text(text)) => Value::String(without_password(text)).to_string(),
        (_, Given::Huge(digits)) => quoted(digits),
        (_, given) => toml_of(given).to_string(),
    }
}
