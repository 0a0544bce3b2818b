//! One value against its declared kind, whatever file or variable it comes from: what was found, what is allowed, and the
//! nearest spelling. A secret's text is in none of these sentences.

use baton_core::spelling::distance;

use super::keys::Kind;

/// The most that an error repeats of what was found.
const SHOWN: usize = 60;

/// A value as TOML, YAML or a variable gave it.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Given {
    Text(String),
    Whole(i64),
    /// A whole number that no machine of ours holds, as it was written.
    Huge(String),
    Fraction(f64),
    Switch(bool),
    List(Vec<Given>),
    /// Anything else, by its name: "a table", "a date".
    Other(&'static str),
}

/// What is wrong with a value.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Complaint {
    /// Which element of a list it is.
    pub element: Option<usize>,
    pub found: String,
    pub allowed: String,
    pub nearest: Option<String>,
}

/// Everything that is wrong with `given`.
pub(super) fn complaints(kind: Kind, given: &Given) -> Vec<Complaint> {
    match (kind, given) {
        (Kind::List(of), Given::List(list)) => each(*of, list),
        (Kind::Commands, Given::List(list)) => each(Kind::Text, list),
        (Kind::Commands, Given::Text(_)) => complaint(Kind::Text, given).into_iter().collect(),
        _ => complaint(kind, given).into_iter().collect(),
    }
}

fn each(kind: Kind, list: &[Given]) -> Vec<Complaint> {
    let judged = list.iter().enumerate();
    judged.filter_map(|(at, given)| Some(Complaint { element: Some(at), ..complaint(kind, given)? })).collect()
}

fn complaint(kind: Kind, given: &Given) -> Option<Complaint> {
    let fits = match (kind, given) {
        (Kind::Text | Kind::Path, Given::Text(text)) => !text.trim().is_empty(),
        (Kind::Secret, Given::Text(_)) => true,
        (Kind::Url, Given::Text(text)) => is_address(text),
        (Kind::Listen, Given::Text(text)) => {
            text.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
        }
        (Kind::Database, Given::Text(text)) => text.starts_with("sqlite:") && text.len() > "sqlite:".len(),
        (Kind::Whole(least, most), Given::Whole(number)) => (least..=most).contains(number),
        (Kind::Dollars, Given::Fraction(amount)) => amount.is_finite() && *amount >= 0.0 && *amount <= 1e12,
        (Kind::Dollars, Given::Whole(amount)) => (0..=1_000_000_000_000).contains(amount),
        (Kind::Switch, Given::Switch(_)) => true,
        (Kind::Choice(words), Given::Text(text)) => words.contains(&text.as_str()),
        (Kind::Repository, Given::Text(text)) => text.split_once('/').is_some_and(|(owner, name)| {
            !owner.is_empty() && !name.is_empty() && !name.contains('/') && !text.contains(char::is_whitespace)
        }),
        (Kind::Glob, Given::Text(text)) => is_glob(text),
        _ => false,
    };
    if fits {
        return None;
    }
    let nearest = match (kind, given) {
        (Kind::Choice(words), Given::Text(text)) => nearest(text, words.iter().copied()),
        _ => None,
    };
    Some(Complaint { element: None, found: found(kind, given), allowed: allowed(kind), nearest })
}

fn is_address(text: &str) -> bool {
    url::Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}

fn is_glob(text: &str) -> bool {
    let policy = baton_core::domain::patch::PatchPolicy {
        protected_paths: vec![text.to_owned()],
        ..baton_core::domain::patch::PatchPolicy::default()
    };
    !text.is_empty() && policy.check().is_ok()
}

/// What was found, for people.
fn found(kind: Kind, given: &Given) -> String {
    match given {
        Given::Text(_) if kind == Kind::Secret => "a text".to_owned(),
        Given::Text(text) if text.trim().is_empty() => "an empty text".to_owned(),
        Given::Text(text) => format!("the text {}", quoted(&without_password(text))),
        Given::Whole(_) | Given::Huge(_) | Given::Fraction(_) if kind == Kind::Secret => "a number".to_owned(),
        Given::Whole(number) => format!("the number {number}"),
        Given::Huge(digits) => format!("the number {}", bounded(digits)),
        Given::Fraction(number) => format!("the number {number:?}"),
        Given::Switch(switch) => format!("`{switch}`"),
        Given::List(_) => "a list".to_owned(),
        Given::Other(name) => (*name).to_owned(),
    }
}

/// What is allowed, for people.
pub(super) fn allowed(kind: Kind) -> String {
    match kind {
        Kind::Text | Kind::Secret => "a text".to_owned(),
        Kind::Path => "a path".to_owned(),
        Kind::Url => "an address that begins with `https://` or `http://`".to_owned(),
        Kind::Listen => "`HOST:PORT`, such as `127.0.0.1:3000`".to_owned(),
        Kind::Database => "`sqlite://FILE`".to_owned(),
        Kind::Whole(least, most) if most >= i64::from(u32::MAX) => format!("a whole number from {least} on"),
        Kind::Whole(least, most) => format!("a whole number from {least} to {most}"),
        Kind::Dollars => "an amount of dollars, 0 or more".to_owned(),
        Kind::Switch => "`true` or `false`".to_owned(),
        Kind::Choice(words) => words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", "),
        Kind::Repository => "`OWNER/NAME`".to_owned(),
        Kind::Glob => "a pattern of paths, such as `infra/**`".to_owned(),
        Kind::Commands => "a command line, or a list of them".to_owned(),
        Kind::List(of) => format!("a list, each of it {}", allowed(*of)),
    }
}

/// The one of `known` that was probably meant.
pub(super) fn nearest<'a>(given: &str, known: impl Iterator<Item = &'a str>) -> Option<String> {
    let given = given.to_lowercase();
    known
        .map(|known| (distance(&given, &known.to_lowercase()), known))
        .filter(|(distance, known)| *distance <= 1 + known.len() / 3)
        .min()
        .map(|(_, known)| known.to_owned())
}

/// Between quotation marks, on one line, not too long, nothing invisible.
pub(super) fn quoted(text: &str) -> String {
    format!("\"{}\"", bounded(text).escape_debug())
}

fn bounded(text: &str) -> String {
    if text.chars().count() <= SHOWN {
        return text.to_owned();
    }
    text.chars().take(SHOWN).chain(['…']).collect()
}

/// An address without what stands before its `@`.
pub(super) fn without_password(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else { return text.to_owned() };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    match rest[..end].rfind('@') {
        Some(at) => format!("{scheme}://…@{}", &rest[at + 1..]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_is_short_and_visible_and_no_password() {
        assert_eq!(quoted("a\n\u{1b}[31m\"b"), r#""a\n\u{1b}[31m\"b""#);
        assert_eq!(quoted(&"x".repeat(100)).chars().count(), SHOWN + 3);
        assert_eq!(without_password("http://u:p@w@h/x@y"), "http://…@h/x@y");
        assert_eq!(without_password("http://h/x@y"), "http://h/x@y");
    }

    #[test]
    fn near_is_near() {
        let known = ["webhook_secret", "web_url", "app_id"];
        assert_eq!(nearest("WEBHOK_secret", known.into_iter()).as_deref(), Some("webhook_secret"));
        assert_eq!(nearest("colour", known.into_iter()), None);
    }
}
