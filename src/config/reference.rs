//! The tables of docs/configuration.md and of the README, out of the one declaration. `baton config reference` prints them,
//! and a test compares.

use std::fmt::Write as _;

use super::keys::{Key, Kind, OPERATOR, REPOSITORY, Section, Unset};

/// Every key of `baton.toml`, a table for each section.
#[must_use]
pub fn operator_tables() -> String {
    let mut text = String::new();
    for section in OPERATOR {
        let level =
            if section.path.len() > 1 && section.path[1] != "*" || section.path.len() > 2 { "###" } else { "##" };
        let _ = write!(text, "{level} `[{}]`: {}\n\n", section.shown(), section.title);
        text.push_str("| Key | What | Default | Meaning |\n|---|---|---|---|\n");
        for key in section.keys {
            let _ = writeln!(text, "| `{}` | {} | {} | {} |", key.name, what(key.kind), default(key), key.meaning);
        }
        text.push('\n');
    }
    text
}

/// Every key of `.github/baton.yml`, in one table.
#[must_use]
pub fn repository_table() -> String {
    let mut text = String::from("| Key | What | Default | Meaning |\n|---|---|---|---|\n");
    for section in REPOSITORY {
        for key in section.keys {
            let name = section.path.iter().copied().chain([key.name]).collect::<Vec<_>>().join(".");
            let _ = writeln!(text, "| `{name}` | {} | {} | {} |", what(key.kind), default(key), key.meaning);
        }
    }
    text
}

/// The sections with their keys: the README's table.
#[must_use]
pub fn section_table() -> String {
    let mut text = String::from("| Section | What is in it | Keys |\n|---|---|---|\n");
    for section in OPERATOR {
        let keys: Vec<String> =
            section.keys.iter().filter(|key| !is_file(section, key)).map(|key| code(key.name)).collect();
        let _ = writeln!(text, "| `[{}]` | {} | {} |", section.shown(), section.summary, keys.join(", "));
    }
    text
}

/// Whether a key only names the file that holds another one.
fn is_file(section: &Section, key: &Key) -> bool {
    key.name.strip_suffix("_file").is_some_and(|name| section.keys.iter().any(|key| key.name == name))
}

fn code(text: &str) -> String {
    format!("`{text}`")
}

fn what(kind: Kind) -> String {
    match kind {
        Kind::Text => "text".to_owned(),
        Kind::Secret => "text, secret".to_owned(),
        Kind::Path => "path".to_owned(),
        Kind::Url => "address".to_owned(),
        Kind::Listen => "`HOST:PORT`".to_owned(),
        Kind::Database => "`sqlite://FILE`".to_owned(),
        Kind::Whole(least, most) if most < i64::from(u32::MAX) => format!("number from {least} to {most}"),
        Kind::Whole(least, _) => format!("number from {least}"),
        Kind::Dollars => "dollars".to_owned(),
        Kind::Switch => "`true`, `false`".to_owned(),
        Kind::Choice(words) => words.iter().map(|word| code(word)).collect::<Vec<_>>().join(", "),
        Kind::Repository => "`OWNER/NAME`".to_owned(),
        Kind::Glob => "pattern of paths".to_owned(),
        Kind::Commands => "command line, or a list".to_owned(),
        Kind::List(Kind::Choice(_)) => "list".to_owned(),
        Kind::List(of) => format!("list: {}", what(*of)),
    }
}

fn default(key: &Key) -> String {
    match key.unset {
        Unset::Value(value) => code(value),
        Unset::Is(words) => words.to_owned(),
        Unset::Nothing => "none".to_owned(),
        Unset::Needed("serve") => "none, needed".to_owned(),
        Unset::Needed(what) => format!("needed for {what}"),
    }
}
