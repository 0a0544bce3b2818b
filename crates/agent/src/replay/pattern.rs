//! Patterns and templates of recordings: literal text with `{{…}}` tokens. Never runs away: matching is linear.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use regex::Regex;

/// Values captured so far, by name.
pub(super) type Variables = BTreeMap<String, String>;

/// One piece of a pattern or template.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Literal(String),
    Anything,
    Capture { name: String, regex: String },
    Variable(String),
}

/// A parsed text with tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern(Vec<Token>);

/// Two opening braces, written so that they are no token.
const BRACES: &str = "{{{}}";

impl Pattern {
    /// Reads a text with tokens.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut tokens = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some(at) = rest.find("{{") {
            literal.push_str(&rest[..at]);
            rest = &rest[at..];
            if let Some(after) = rest.strip_prefix(BRACES) {
                literal.push_str("{{");
                rest = after;
                continue;
            }
            if rest.starts_with("{{{") {
                // A brace before a token: no token starts with one.
                literal.push('{');
                rest = &rest[1..];
                continue;
            }
            let inner = token_end(&rest[2..]).ok_or_else(|| format!("a `{{{{` is never closed: {}", start(rest)))?;
            let token = token(&rest[2..2 + inner])?;
            rest = &rest[2 + inner + 2..];
            if !literal.is_empty() {
                tokens.push(Token::Literal(std::mem::take(&mut literal)));
            }
            tokens.push(token);
        }
        literal.push_str(rest);
        if !literal.is_empty() {
            tokens.push(Token::Literal(literal));
        }
        Ok(Self(tokens))
    }

    /// The names it declares, then the names it uses without declaring them before.
    pub(super) fn names(&self) -> (Vec<&str>, Vec<&str>) {
        let (mut declared, mut used) = (Vec::new(), Vec::new());
        for token in &self.0 {
            match token {
                Token::Capture { name, .. } => declared.push(name.as_str()),
                Token::Variable(name) if !declared.contains(&name.as_str()) => used.push(name.as_str()),
                Token::Variable(_) | Token::Literal(_) | Token::Anything => {}
            }
        }
        (declared, used)
    }

    /// Whether it says the same whatever the world says: no wildcard and no capture.
    pub(super) fn is_template(&self) -> bool {
        self.0.iter().all(|token| matches!(token, Token::Literal(_) | Token::Variable(_)))
    }

    /// The text with the variables' values.
    ///
    /// # Errors
    /// The variable that has no value.
    pub(super) fn fill(&self, variables: &Variables) -> Result<String, String> {
        let mut text = String::new();
        for token in &self.0 {
            match token {
                Token::Literal(literal) => text.push_str(literal),
                Token::Variable(name) => text.push_str(value(variables, name)?),
                Token::Anything | Token::Capture { .. } => return Err("a wildcard cannot be said".to_owned()),
            }
        }
        Ok(text)
    }

    /// Whether the whole text matches; what it captures is kept.
    pub(super) fn matches(&self, text: &str, variables: &mut Variables) -> Result<bool, String> {
        let expression = format!("\\A{}\\z", self.expression(variables)?);
        capture(&expression, text.trim_end_matches(['\n', '\r']), variables)
    }

    /// Whether it is found anywhere in the text; what it captures is kept.
    pub(super) fn finds(&self, text: &str, variables: &mut Variables) -> Result<bool, String> {
        capture(&self.expression(variables)?, text, variables)
    }

    fn expression(&self, variables: &Variables) -> Result<String, String> {
        let mut expression = String::new();
        for (at, token) in self.0.iter().enumerate() {
            match token {
                Token::Literal(literal) => {
                    let last = at + 1 == self.0.len();
                    let literal = if last { literal.trim_end_matches(['\n', '\r']) } else { literal };
                    expression.push_str(&regex::escape(literal));
                }
                Token::Anything => expression.push_str("(?s:.*?)"),
                Token::Capture { name, regex } => {
                    // Writing to a String cannot fail.
                    let _ = write!(expression, "(?P<{name}>{regex})");
                }
                Token::Variable(name) => {
                    let earlier = self.0[..at].iter().any(|t| matches!(t, Token::Capture { name: n, .. } if n == name));
                    if earlier {
                        return Err(format!("`{{{{{name}}}}}` is used in the pattern that captures it"));
                    }
                    expression.push_str(&regex::escape(value(variables, name)?));
                }
            }
        }
        Ok(expression)
    }
}

/// The first line where a text departs from a pattern: its number in the pattern, the pattern's line, the text's line.
pub(super) fn first_difference(pattern: &str, text: &str, variables: &Variables) -> (usize, String, String) {
    let text = text.trim_end_matches(['\n', '\r']);
    let wanted: Vec<&str> = pattern.trim_end_matches(['\n', '\r']).split('\n').collect();
    let mut matched = 0;
    for (at, line) in wanted.iter().enumerate() {
        // A token may run over a line's end: such a head is no pattern, and the next longer one decides.
        let Ok(head) = Pattern::parse(&wanted[..=at].join("\n")) else {
            continue;
        };
        let expression = head.expression(variables).unwrap_or_default();
        let found = Regex::new(&format!("\\A{expression}(?:\\n|\\z)")).ok().and_then(|regex| regex.find(text));
        match found {
            Some(found) => matched = found.end(),
            None => return (at + 1, (*line).to_owned(), line_at(text, matched)),
        }
    }
    (wanted.len() + 1, "(the end)".to_owned(), line_at(text, matched))
}

fn line_at(text: &str, at: usize) -> String {
    text.get(at..)
        .filter(|rest| !rest.is_empty())
        .map_or_else(|| "(the end)".to_owned(), |rest| rest.split('\n').next().unwrap_or_default().to_owned())
}

/// The text as a template or pattern that stands for exactly it.
pub(super) fn quoted(text: &str) -> String {
    text.replace("{{", BRACES)
}

fn capture(expression: &str, text: &str, variables: &mut Variables) -> Result<bool, String> {
    let regex = Regex::new(expression).map_err(|error| error.to_string())?;
    let Some(captures) = regex.captures(text) else {
        return Ok(false);
    };
    for name in regex.capture_names().flatten() {
        if let Some(value) = captures.name(name) {
            variables.insert(name.to_owned(), value.as_str().to_owned());
        }
    }
    Ok(true)
}

fn value<'a>(variables: &'a Variables, name: &str) -> Result<&'a str, String> {
    variables.get(name).map(String::as_str).ok_or_else(|| format!("nothing has captured the variable `{name}`"))
}

/// Where a token ends: `*` and names at the first `}}`, expressions at the first `}}` that no third brace follows, so that
/// both `{{name}}}` and `{{name:[a-f]{8}}}` read as one would.
fn token_end(text: &str) -> Option<usize> {
    let name = text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '*')).unwrap_or(text.len());
    if text[name..].starts_with("}}") {
        return Some(name);
    }
    text.match_indices('}')
        .map(|(at, _)| at)
        .find(|&at| text[at..].starts_with("}}") && !text[at + 2..].starts_with('}'))
}

fn token(inner: &str) -> Result<Token, String> {
    if inner == "*" {
        return Ok(Token::Anything);
    }
    let (name, regex) = match inner.split_once(':') {
        Some((name, regex)) => (name, Some(regex)),
        None => (inner, None),
    };
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if !is_name {
        return Err(format!(
            "`{{{{{}}}}}` is no token; two opening braces as such are written `{BRACES}`",
            start(inner)
        ));
    }
    match regex {
        None => Ok(Token::Variable(name.to_owned())),
        Some(regex) => {
            let compiled =
                Regex::new(regex).map_err(|error| format!("the expression of `{name}` is wrong: {error}"))?;
            if compiled.capture_names().flatten().next().is_some() {
                return Err(format!("the expression of `{name}` has a named group of its own"));
            }
            Ok(Token::Capture { name: name.to_owned(), regex: regex.to_owned() })
        }
    }
}

fn start(text: &str) -> String {
    text.chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn matched(pattern: &str, text: &str) -> Option<Variables> {
        let mut variables = Variables::from([("known".to_owned(), "a.b".to_owned())]);
        Pattern::parse(pattern).unwrap().matches(text, &mut variables).unwrap().then_some(variables)
    }

    #[test]
    fn tokens_match_what_they_say() {
        assert!(matched("a{{*}}z", "a\nb\nz").is_some());
        assert!(matched("a{{*}}z", "a\nb\nz!").is_none());
        assert!(matched("{{known}}", "a.b").is_some());
        assert!(matched("{{known}}", "axb").is_none(), "a variable's value is no expression");
        assert!(matched("x {{{}}y}}", "x {{y}}").is_some());
        assert!(matched("a (b)* [c]", "a (b)* [c]\n").is_some());
        assert!(matched("{{{known}}}", "{a.b}").is_some(), "braces around a token");
        assert_eq!(matched("n={{n:[a-f]{3}}}!", "n=abc!").unwrap()["n"], "abc");
        assert!(matched("n={{n:[a-f]{3}}}!", "n=abz!").is_none());
    }

    #[test]
    fn captures_are_found_anywhere_and_said_again() {
        let mut variables = Variables::new();
        let found = Pattern::parse("marker: {{nonce:[0-9a-f]+}}").unwrap().finds("x\nmarker: 12ab.\n", &mut variables);
        assert_eq!(found, Ok(true));
        let said = Pattern::parse("<{{nonce}}> {{{}}x}}").unwrap().fill(&variables).unwrap();
        assert_eq!(said, "<12ab> {{x}}");
        let unknown = Pattern::parse("{{other}}").unwrap().fill(&variables);
        assert_eq!(unknown, Err("nothing has captured the variable `other`".to_owned()));
    }

    #[test]
    fn mistakes_are_named() {
        for (text, mistake) in [
            ("a {{b", "a `{{` is never closed: {{b"),
            ("{{}}", "`{{}}` is no token; two opening braces as such are written `{{{}}`"),
            ("{{a b}}", "`{{a b}}` is no token; two opening braces as such are written `{{{}}`"),
            ("{{a:(}}", "the expression of `a` is wrong"),
            ("{{a:(?P<b>x)}}", "the expression of `a` has a named group of its own"),
        ] {
            let error = Pattern::parse(text).unwrap_err();
            assert!(error.starts_with(mistake), "{error}");
        }
    }

    #[test]
    fn the_first_difference_is_the_line_that_departs() {
        let difference = |pattern, text| first_difference(pattern, text, &Variables::new());
        let owned = |n: usize, a: &str, b: &str| (n, a.to_owned(), b.to_owned());
        assert_eq!(difference("a\nb\nc", "a\nX\nc"), owned(2, "b", "X"));
        assert_eq!(difference("a\nb", "a"), owned(2, "b", "(the end)"));
        assert_eq!(difference("a", "a\nb"), owned(2, "(the end)", "b"));
        assert_eq!(difference("took {{*}}s\nok", "took 3s\nfailed"), owned(2, "ok", "failed"));
    }

    proptest! {
        /// Any text, quoted, is a pattern that matches it, and a template that says it.
        #[test]
        fn quoting_keeps_the_text(text in "[a{}*:\\n .\\[(]{0,24}") {
            let pattern = Pattern::parse(&quoted(&text)).unwrap();
            prop_assert_eq!(pattern.fill(&Variables::new()).unwrap(), text.clone());
            prop_assert!(pattern.matches(&text, &mut Variables::new()).unwrap());
        }

        /// No text makes the parser panic.
        #[test]
        fn any_text_is_parsed_or_refused(text in "[{}*:a\\[(é]{0,24}") {
            drop(Pattern::parse(&text));
        }
    }
}
