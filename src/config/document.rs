//! A TOML text as a list of values with their places, and what of it is no declared key. Any bytes are taken.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::fault::{Mistake, Origin};
use super::keys::{Key, OPERATOR, Section};
use super::value::{Given, nearest};

/// The most that is read of a configuration file.
const LIMIT: usize = 1024 * 1024;

/// A value of a declared key, and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub given: Given,
    pub place: Origin,
    /// The places of a list's elements.
    pub elements: Vec<Origin>,
}

/// Everything that was read, by its path.
#[derive(Debug, Default)]
pub(super) struct Document {
    pub values: BTreeMap<Vec<String>, Found>,
    /// Where tables with names of the operator's choice begin: `agents.careful`.
    pub named: BTreeMap<Vec<String>, Origin>,
}

/// What stands at a path by the declaration.
pub(super) enum Declared {
    Key(&'static Key),
    Table,
    Nothing,
}

/// What the declaration says of a path.
pub(super) fn declared(path: &[String]) -> Declared {
    if let Some((name, table)) = path.split_last()
        && let Some(key) = section(table).and_then(|section| section.keys.iter().find(|key| key.name == name))
    {
        return Declared::Key(key);
    }
    let is_table = OPERATOR.iter().any(|section| {
        section.path.len() >= path.len() && section.path.iter().zip(path).all(|(part, name)| is(part, name))
    });
    if is_table { Declared::Table } else { Declared::Nothing }
}

fn section(path: &[String]) -> Option<&'static Section> {
    OPERATOR.iter().find(|section| {
        section.path.len() == path.len() && section.path.iter().zip(path).all(|(part, name)| is(part, name))
    })
}

fn is(part: &str, name: &str) -> bool {
    part == "*" || part == name
}

/// The part of a path that ends in a name of the operator's choice: `agents.careful`.
pub(super) fn named_part(path: &[String]) -> Option<&[String]> {
    let first = path.first()?;
    let chosen = OPERATOR
        .iter()
        .any(|section| section.path.first() == Some(&first.as_str()) && section.path.get(1) == Some(&"*"));
    if chosen { path.get(..2) } else { None }
}

/// The names that may stand directly below a path.
fn names_below(path: &[String]) -> Vec<&'static str> {
    let keys = section(path).into_iter().flat_map(|section| section.keys.iter().map(|key| key.name));
    let tables = OPERATOR.iter().filter_map(|section| {
        let below = section.path.get(path.len())?;
        (section.path.iter().zip(path).all(|(part, name)| is(part, name)) && *below != "*").then_some(*below)
    });
    let mut names: Vec<&str> = keys.chain(tables).collect();
    let mut seen = std::collections::BTreeSet::new();
    names.retain(|name| seen.insert(*name));
    names
}

/// The mistake of a name that is declared nowhere.
pub(super) fn unknown(path: &[String], place: Origin) -> Mistake {
    let (name, table) = path.split_last().map_or(("", path), |(name, table)| (name.as_str(), table));
    let names = names_below(table);
    // A key that exists, in another section.
    let elsewhere = || {
        let section = OPERATOR.iter().find(|section| section.keys.iter().any(|key| key.name == name))?;
        Some(format!("{}.{name}", section.shown()))
    };
    Mistake {
        place,
        key: path.join("."),
        found: "there is no such key".to_owned(),
        allowed: names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "),
        nearest: nearest(name, names.into_iter()).or_else(elsewhere),
    }
}

/// Reads a file's bytes. What is read is good for judging even where something else is wrong.
pub(super) fn read(bytes: &[u8], file: &Path) -> (Document, Vec<Mistake>) {
    let mut document = Document::default();
    let places = Places { file, text: "" };
    let whole = |found: String, allowed: &str, place| Mistake {
        place,
        key: String::new(),
        found,
        allowed: allowed.to_owned(),
        nearest: None,
    };
    if bytes.len() > LIMIT {
        let found = format!("the file has {} bytes", bytes.len());
        return (document, vec![whole(found, "at most 1 MiB", places.at(0))]);
    }
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let good = std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default();
            let place = Places { file, text: good }.at(good.len());
            return (document, vec![whole("a byte that belongs to no text".to_owned(), "UTF-8", place)]);
        }
    };
    let places = Places { file, text };
    let (table, errors) = DeTable::parse_recoverable(text);
    let mut mistakes: Vec<Mistake> = errors
        .iter()
        .map(|error| {
            let place = places.at(error.span().map_or(0, |span| span.start));
            whole(error.message().lines().collect::<Vec<_>>().join("; "), "", place)
        })
        .collect();
    places.walk(table.get_ref(), &mut Vec::new(), &mut document, &mut mistakes);
    (document, mistakes)
}

/// Where bytes of a text are, for people.
struct Places<'a> {
    file: &'a Path,
    text: &'a str,
}

impl Places<'_> {
    fn at(&self, offset: usize) -> Origin {
        let mut offset = offset.min(self.text.len());
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        let before = &self.text[..offset];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        Origin::File {
            file: self.file.to_owned(),
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        }
    }

    fn span(&self, span: &Range<usize>) -> Origin {
        self.at(span.start)
    }

    fn walk(&self, table: &DeTable<'_>, path: &mut Vec<String>, to: &mut Document, mistakes: &mut Vec<Mistake>) {
        for (name, value) in table {
            path.push(name.get_ref().to_string());
            match (declared(path), value.get_ref()) {
                (Declared::Key(_), _) => {
                    to.values.insert(path.clone(), self.found(value));
                }
                (Declared::Table, DeValue::Table(inner)) => {
                    if path.len() == 2 && named_part(path).is_some() {
                        to.named.insert(path.clone(), self.span(&name.span()));
                    }
                    self.walk(inner, path, to, mistakes);
                }
                (Declared::Table, other) => mistakes.push(Mistake {
                    place: self.span(&value.span()),
                    key: path.join("."),
                    found: match given(other) {
                        Given::Text(_) => "a text",
                        Given::Whole(_) | Given::Huge(_) | Given::Fraction(_) => "a number",
                        Given::Switch(_) => "`true` or `false`",
                        Given::List(_) => "a list",
                        Given::Other(name) => name,
                    }
                    .to_owned(),
                    allowed: format!("a section, `[{}]`", path.join(".")),
                    nearest: None,
                }),
                (Declared::Nothing, _) => mistakes.push(unknown(path, self.span(&name.span()))),
            }
            path.pop();
        }
    }

    fn found(&self, value: &Spanned<DeValue<'_>>) -> Found {
        let elements = match value.get_ref() {
            DeValue::Array(list) => list.iter().map(|element| self.span(&element.span())).collect(),
            _ => Vec::new(),
        };
        Found { given: given(value.get_ref()), place: self.span(&value.span()), elements }
    }
}

/// A TOML value as we judge it.
pub(super) fn given(value: &DeValue<'_>) -> Given {
    match value {
        DeValue::String(text) => Given::Text(text.to_string()),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map_or_else(|_| Given::Huge(number.as_str().to_owned()), Given::Whole),
        DeValue::Float(number) => {
            number.as_str().parse::<f64>().map_or_else(|_| Given::Huge(number.as_str().to_owned()), Given::Fraction)
        }
        DeValue::Boolean(switch) => Given::Switch(*switch),
        DeValue::Datetime(_) => Given::Other("a date"),
        DeValue::Array(list) => Given::List(list.iter().map(|element| given(element.get_ref())).collect()),
        DeValue::Table(_) => Given::Other("a table"),
    }
}
