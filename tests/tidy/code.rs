//! What a file's code mentions: full paths (imports resolved), calls, macros, words; and which of it is test code.

use std::collections::HashMap;
use std::ops::Range;

use super::lex::{Kind, Lexed, Token, lex};

/// Something the code mentions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mention {
    /// A path, from a crate's name where the file says which: `std::env::var`.
    Path(String),
    /// A call of a method or of the last name of a path, with how many arguments.
    Call(String, usize),
    /// A macro, without its `!`.
    Macro(String),
    /// Any word.
    Word(String),
}

/// A mention and where it is.
#[derive(Debug)]
pub struct Place {
    /// What is mentioned.
    pub mention: Mention,
    /// From 1.
    pub line: usize,
    /// In a test, or in a module that only tests see.
    pub in_test: bool,
    /// The lints that an attribute around it expects, such as `clippy::unwrap_used`.
    pub expected: Vec<String>,
}

/// An attribute.
#[derive(Debug)]
pub struct Attribute {
    /// Its words, without quotes: `["expect", "clippy", "panic", "reason"]`.
    pub words: Vec<String>,
    /// From 1.
    pub line: usize,
    /// Written with `!`: about what it stands in.
    pub inner: bool,
    /// The tokens of what it is about.
    about: Range<usize>,
}

/// A file's code, read.
#[derive(Debug)]
pub struct Code {
    /// Everything mentioned, in order.
    pub places: Vec<Place>,
    /// Every attribute.
    pub attributes: Vec<Attribute>,
    /// Modules that are declared for tests only and live in files of their own.
    pub test_modules: Vec<String>,
    /// `#![cfg(test)]`.
    pub only_for_tests: bool,
}

impl Attribute {
    fn is_test(&self) -> bool {
        let has = |word: &str| self.words.iter().any(|w| w == word);
        match self.words.first().map(String::as_str) {
            Some("cfg") => has("test") && !has("not"),
            // What applies in tests is no test.
            Some("cfg_attr") | None => false,
            // `test`, or `tokio::test` with what it wants.
            Some(_) => self.words.iter().take(2).any(|w| w == "test"),
        }
    }

    fn lints(&self) -> Vec<String> {
        if self.words.first().is_none_or(|w| w != "expect") {
            return Vec::new();
        }
        self.words.windows(2).filter(|w| w[0] == "clippy").map(|w| format!("clippy::{}", w[1])).collect()
    }
}

/// Reads a file's code.
pub fn read(text: &str) -> Code {
    let Lexed { tokens, .. } = lex(text);
    let attributes = attributes(&tokens);
    let test_modules = attributes
        .iter()
        .filter(|a| a.is_test() && !a.inner)
        .filter_map(|a| module_elsewhere(&tokens[a.about.clone()]))
        .collect();
    let only_for_tests = attributes.iter().any(|a| a.inner && a.is_test());
    let places = mentions(&tokens)
        .into_iter()
        .map(|(mention, at)| {
            let around = || attributes.iter().filter(|a| a.about.contains(&at));
            Place {
                mention,
                line: tokens[at].line,
                in_test: around().any(Attribute::is_test),
                expected: around().flat_map(Attribute::lints).collect(),
            }
        })
        .collect();
    Code { places, attributes, test_modules, only_for_tests }
}

fn is(tokens: &[Token], at: usize, text: &str) -> bool {
    tokens.get(at).is_some_and(|t| t.text == text && !text.is_empty())
}

/// The index after the bracket that closes the one at `open`.
fn after_group(tokens: &[Token], open: usize) -> usize {
    let mut depth = 0usize;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        match token.text {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return at + 1;
        }
    }
    tokens.len()
}

fn attributes(tokens: &[Token]) -> Vec<Attribute> {
    let mut found = Vec::new();
    for at in 0..tokens.len() {
        if !is(tokens, at, "#") {
            continue;
        }
        let inner = is(tokens, at + 1, "!");
        let open = at + 1 + usize::from(inner);
        if !is(tokens, open, "[") {
            continue;
        }
        let end = after_group(tokens, open);
        let inside = tokens.get(open + 1..end.saturating_sub(1)).unwrap_or_default();
        let words = inside.iter().filter(|t| t.kind == Kind::Word).map(|t| t.text.to_owned()).collect();
        let about = if inner { 0..tokens.len() } else { at..end_of_item(tokens, end) };
        found.push(Attribute { words, line: tokens[at].line, inner, about });
    }
    found
}

/// Where the item or statement ends that starts at `at`: after its `;`, or after its body.
fn end_of_item(tokens: &[Token], mut at: usize) -> usize {
    while at < tokens.len() {
        match tokens[at].text {
            ";" => return at + 1,
            "{" => return after_group(tokens, at),
            // The attributed thing was the last of its group.
            "}" | ")" | "]" => return at,
            "(" | "[" => at = after_group(tokens, at),
            _ => at += 1,
        }
    }
    tokens.len()
}

/// The name in `#[cfg(test)] mod name;`.
fn module_elsewhere(item: &[Token]) -> Option<String> {
    let [.., keyword, name, end] = item else { return None };
    (keyword.text == "mod" && end.text == ";").then(|| name.text.to_owned())
}

fn mentions(tokens: &[Token]) -> Vec<(Mention, usize)> {
    let mut found = Vec::new();
    let mut imports: HashMap<String, Vec<String>> = HashMap::new();
    let mut in_import = vec![false; tokens.len()];
    for at in 0..tokens.len() {
        // `impl Trait + use<'a>` is no import.
        if is(tokens, at, "use") && !is(tokens, at + 1, "<") {
            let end = import(tokens, at + 1, "", &mut |name, path, at| {
                found.push((Mention::Path(path.clone()), at));
                imports.entry(name).or_default().push(path);
            });
            in_import[at..end].fill(true);
        }
    }
    let mut at = 0;
    while at < tokens.len() {
        let token = &tokens[at];
        if token.kind != Kind::Word || in_import[at] {
            at += 1;
            continue;
        }
        let (segments, end) = path_at(tokens, at);
        let after_dot = at > 0 && is(tokens, at - 1, ".");
        for (n, segment) in segments.iter().enumerate() {
            found.push((Mention::Word((*segment).to_owned()), at + 3 * n));
        }
        let path = segments.join("::");
        if !after_dot {
            let first = segments[0];
            match imports.get(first) {
                // Two modules of one file may import different things under one name.
                Some(origins) => {
                    for origin in origins {
                        found.push((Mention::Path(format!("{origin}{}", &path[first.len()..])), at));
                    }
                }
                None if segments.len() > 1 => found.push((Mention::Path(path), at)),
                None => {}
            }
        }
        if is(tokens, end, "!") && !is(tokens, end + 1, "=") {
            found.push((Mention::Macro(segments[segments.len() - 1].to_owned()), at));
        }
        let declared = at > 0 && is(tokens, at - 1, "fn");
        if let Some(open) = call_opens(tokens, end)
            && !declared
            && (after_dot || segments.len() > 1)
        {
            found.push((Mention::Call(segments[segments.len() - 1].to_owned(), arguments(tokens, open)), at));
        }
        at = end;
    }
    found.sort_by_key(|(_, at)| *at);
    found
}

/// The names of a path and the index after it.
fn path_at<'t>(tokens: &[Token<'t>], mut at: usize) -> (Vec<&'t str>, usize) {
    let mut segments = vec![tokens[at].text];
    while is(tokens, at + 1, ":") && is(tokens, at + 2, ":") && tokens.get(at + 3).is_some_and(|t| t.kind == Kind::Word)
    {
        at += 3;
        segments.push(tokens[at].text);
    }
    (segments, at + 1)
}

/// Where a call's parenthesis opens, behind a turbofish if there is one.
fn call_opens(tokens: &[Token], mut at: usize) -> Option<usize> {
    if is(tokens, at, ":") && is(tokens, at + 1, ":") && is(tokens, at + 2, "<") {
        let mut depth = 0;
        at += 2;
        loop {
            match tokens.get(at)?.text {
                "<" => depth += 1,
                ">" if !is(tokens, at - 1, "-") => depth -= 1,
                _ => {}
            }
            at += 1;
            if depth == 0 {
                break;
            }
        }
    }
    is(tokens, at, "(").then_some(at)
}

/// How many arguments stand in the parentheses that open at `open`.
fn arguments(tokens: &[Token], open: usize) -> usize {
    let end = after_group(tokens, open) - 1;
    let (mut count, mut at, mut pending) = (0, open + 1, false);
    while at < end {
        match tokens[at].text {
            "," => {
                count += 1;
                pending = false;
                at += 1;
            }
            "(" | "[" | "{" => {
                pending = true;
                at = after_group(tokens, at);
            }
            _ => {
                pending = true;
                at += 1;
            }
        }
    }
    count + usize::from(pending)
}

/// Reads one tree of an import, telling each name it brings in; the index after it.
fn import(tokens: &[Token], mut at: usize, prefix: &str, tell: &mut impl FnMut(String, String, usize)) -> usize {
    let mut path = prefix.to_owned();
    let mut last = at;
    while let Some(token) = tokens.get(at) {
        match token.text {
            ":" => at += 1,
            "*" => {
                tell("*".to_owned(), format!("{path}::*"), at);
                return at + 1;
            }
            "{" => {
                let end = after_group(tokens, at);
                at += 1;
                while at + 1 < end {
                    at = import(tokens, at, &path, tell) + usize::from(is(tokens, at, ","));
                    while is(tokens, at, ",") {
                        at += 1;
                    }
                }
                return end;
            }
            "as" => {
                let name = tokens.get(at + 1).map_or("", |t| t.text);
                tell(name.to_owned(), path, last);
                return at + 2;
            }
            _ if token.kind == Kind::Word => {
                if token.text != "self" || path.is_empty() {
                    path = if path.is_empty() { token.text.to_owned() } else { format!("{path}::{}", token.text) };
                }
                last = at;
                at += 1;
            }
            // `,`, `;`, `}`: the tree is over.
            _ => break,
        }
    }
    let name = path.rsplit("::").next().unwrap_or("").to_owned();
    tell(name, path, last);
    at
}

#[cfg(test)]
mod tests {
    use super::{Mention, read};

    fn paths(text: &str) -> Vec<String> {
        let places = read(text).places.into_iter();
        places.filter_map(|p| if let Mention::Path(path) = p.mention { Some(path) } else { None }).collect()
    }

    #[test]
    fn imports_are_resolved() {
        for (text, expected) in [
            ("use std::env; fn f() { env::var(X) }", &["std::env", "std::env::var"][..]),
            ("use std::{env::{self, var as v}, fs}; v(X)", &["std::env", "std::env::var", "std::fs", "std::env::var"]),
            ("use tokio::process::*;", &["tokio::process::*"]),
            ("pub(crate) use std::time::Instant as I;\nI::now", &["std::time::Instant", "std::time::Instant::now"]),
            ("x.env.var(y)", &[]),
            ("::std::fs::read(x)", &["std::fs::read"]),
            ("fn f() -> impl A + use<'a> { std::fs::x }", &["std::fs::x"]),
        ] {
            assert_eq!(paths(text), expected, "{text}");
        }
    }

    #[test]
    fn calls_are_counted_with_their_arguments() {
        let calls = |text: &str| -> Vec<(String, usize)> {
            let places = read(text).places.into_iter();
            places.filter_map(|p| if let Mention::Call(n, a) = p.mention { Some((n, a)) } else { None }).collect()
        };
        for (text, expected) in [
            ("a.push(1)", &[("push", 1)][..]),
            ("git.push(id, f(x, y), &[a, b],)", &[("push", 3)]),
            ("Git::push(g, id)", &[("push", 2)]),
            ("a.b()", &[("b", 0)]),
            ("a.sum::<Vec<u8>>(x, y)", &[("sum", 2)]),
            ("fn push(a: u8, b: u8) {}", &[]),
            ("a.push; push(a, b)", &[]),
        ] {
            let expected: Vec<(String, usize)> = expected.iter().map(|(n, a)| ((*n).to_owned(), *a)).collect();
            assert_eq!(calls(text), expected, "{text}");
        }
    }

    #[test]
    fn test_code_is_known_by_its_attributes() {
        for (text, in_test) in [
            ("fn f() { HERE }", false),
            ("#[cfg(test)] mod tests { fn f() { HERE } }", true),
            ("#[cfg(test)] mod tests { fn f() {} } fn g() { HERE }", false),
            ("#[cfg(test)] mod tests; fn g() { HERE }", false),
            ("#[cfg(test)] use a::{b, c}; fn g() { HERE }", false),
            ("#[cfg(all(test, unix))] fn g() { HERE }", true),
            ("#[cfg(not(test))] fn g() { HERE }", false),
            ("#[tokio::test] async fn g(x: [u8; 3]) { HERE }", true),
            ("#[tokio::test(flavor = X, worker_threads = 2)] async fn g() { HERE }", true),
            ("#[cfg_attr(test, derive(Debug))] struct X { HERE: u8 }", false),
            ("#[test] #[ignore] fn g() { HERE }", true),
            ("#[must_use] fn g() { HERE }", false),
            ("#![cfg(test)] fn g() { HERE }", true),
        ] {
            let code = read(text);
            let here = code.places.iter().find(|p| p.mention == Mention::Word("HERE".into())).expect("it is there");
            assert_eq!(here.in_test, in_test, "{text}");
        }
        assert_eq!(read("#[cfg(test)]\nmod plans;\nmod real;").test_modules, ["plans"]);
        assert!(read("#![cfg(test)]").only_for_tests);
    }

    #[test]
    fn expected_lints_hold_for_their_item_only() {
        let text = "#[expect(clippy::panic, clippy::unwrap_used, reason = \"x\")] fn f() { ONE } fn g() { TWO }";
        let expected = |word: &str| {
            let code = read(text);
            let found = code.places.into_iter().find(|p| p.mention == Mention::Word(word.into()));
            found.map(|p| p.expected.join(" "))
        };
        assert_eq!(expected("ONE").as_deref(), Some("clippy::panic clippy::unwrap_used"));
        assert_eq!(expected("TWO").as_deref(), Some(""));
    }
}
