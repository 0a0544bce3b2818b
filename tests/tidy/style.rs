//! House style of files: their first line, their names, their length, their suppressions, nothing left to do.

use super::finding::Finding;
use super::house::Source;
use super::lex::lex;

/// Past this many lines a file says why.
const LONG: usize = 500;

/// What a long file's first comment says, followed by the reason.
const REASON: &str = "Long because";

/// Names that say nothing.
const EMPTY_NAMES: [&str; 10] =
    ["util", "utils", "helper", "helpers", "manager", "managers", "common", "misc", "stuff", "shared"];

/// What is left to do belongs into an issue. Put together here so that this file does not accuse itself.
const LEFT_TO_DO: [&str; 4] = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X"), concat!("HA", "CK")];

/// Judges every Rust file.
pub fn check(sources: &[Source]) -> Vec<Finding> {
    sources.iter().flat_map(check_source).collect()
}

fn check_source(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut find = |line: usize, what: String, belongs: &str| {
        findings.push(Finding::new(&source.path, line, what, belongs));
    };
    let first = source.text.lines().next().unwrap_or_default();
    if first.strip_prefix("//! ").is_none_or(|rest| rest.trim().len() <= 10) {
        find(1, "the first line does not say what this file is".into(), "Begin with `//! What it is.`");
    }
    let lines = source.text.lines().count();
    let says_why = source.text.lines().take_while(|line| line.starts_with("//!")).any(|line| line.contains(REASON));
    if lines > LONG && !says_why {
        let belongs = format!("Split it by what it does, or say in its first comment: `{REASON} …`.");
        find(lines, format!("{lines} lines"), &belongs);
    }
    for attribute in &source.code.attributes {
        let has = |word: &str| attribute.words.iter().any(|w| w == word);
        let kind = attribute.words.iter().find(|word| *word == "allow" || *word == "expect").map(String::as_str);
        let lint_level = attribute.words.first().is_some_and(|word| word == "cfg_attr")
            || kind == attribute.words.first().map(String::as_str);
        match kind.filter(|_| lint_level) {
            Some("allow") => find(
                attribute.line,
                "a suppression that outlives its cause".into(),
                "Write `#[expect(…, reason = \"…\")]`.",
            ),
            Some(_) if !has("reason") => {
                find(attribute.line, "a suppression without a reason".into(), "Add `reason = \"…\"`.")
            }
            _ => {}
        }
    }
    for comment in lex(&source.text).comments {
        if let Some(word) = left_to_do(comment.text) {
            find(comment.line, format!("`{word}` in a comment"), "Do it, or open an issue.");
        }
    }
    findings
}

fn left_to_do(text: &str) -> Option<&'static str> {
    let mut words = text.split(|c: char| !(c.is_alphanumeric() || c == '_'));
    words.find_map(|word| LEFT_TO_DO.into_iter().find(|left| word == *left))
}

/// Judges the names of all files and folders.
pub fn check_names(paths: &[String]) -> Vec<Finding> {
    let empty = |name: &str| EMPTY_NAMES.contains(&name.split('.').next().unwrap_or(name));
    let named = paths.iter().filter(|path| path.split('/').any(|folder| folder.split(['_', '-']).any(empty)));
    named.map(|path| Finding::new(path, 0, "a name that says nothing", "Name it for the one thing it does.")).collect()
}

/// Judges a file that is not Rust: nothing left to do.
pub fn check_text(path: &str, text: &str) -> Vec<Finding> {
    let left = text.lines().enumerate().filter_map(|(at, line)| Some((at + 1, left_to_do(line)?)));
    left.map(|(line, word)| Finding::new(path, line, format!("`{word}`"), "Do it, or open an issue.")).collect()
}

#[cfg(test)]
mod tests {
    use super::{check, check_names, check_text};
    use crate::house::Source;

    fn told(text: &str) -> Vec<String> {
        check(&[Source::new("src/x.rs", text)]).iter().map(|f| format!("{}: {}", f.line, f.what)).collect()
    }

    #[test]
    fn each_fault_of_style_is_told() {
        let left = concat!("//! What this file is.\n// TO", "DO: more\nfn f() {}");
        let long = format!("//! What this file is.\n{}", "\n".repeat(500));
        for (text, expected) in [
            ("fn f() {}", "1: the first line does not say what this file is"),
            ("", "1: the first line does not say what this file is"),
            ("//! x\n", "1: the first line does not say what this file is"),
            ("/// What this file is.\n", "1: the first line does not say what this file is"),
            (&long, "501 lines"),
            ("//! What this file is.\n#[allow(dead_code)]\nfn f() {}", "2: a suppression that outlives its cause"),
            (
                "//! What this file is.\n#![allow(dead_code, reason = \"x\")]",
                "2: a suppression that outlives its cause",
            ),
            (
                "//! What this file is.\n#[cfg_attr(test, allow(x))]\nfn f() {}",
                "2: a suppression that outlives its cause",
            ),
            ("//! What this file is.\n#[expect(dead_code)]\nfn f() {}", "2: a suppression without a reason"),
            (left, "2: `TODO` in a comment"),
        ] {
            let told = told(text);
            assert_eq!(told.len(), 1, "{text}: {told:?}");
            assert!(told[0].ends_with(expected), "{text}: {told:?}");
        }
    }

    #[test]
    fn good_style_is_not_told() {
        let long = format!("//! What this file is.\n//! Long because it is a table.\n{}", "\n".repeat(500));
        for text in [
            "//! What this file is.\nfn f() { g(\"TODO\"); }",
            "//! What this file is.\n#[expect(dead_code, reason = \"x\")]\nfn f() {}",
            "//! What this file is.\n#[serde(rename = \"allow\")]\nfn allow(expect: bool) {}",
            &long,
        ] {
            assert_eq!(told(text), [""; 0], "{text}");
        }
    }

    #[test]
    fn names_and_other_files_are_judged() {
        let names =
            ["src/utils.rs", "crates/x/src/common/a.rs", "script/test_helper", "src/command.rs", "docs/uncommon.md"];
        let told = check_names(&names.map(str::to_owned));
        assert_eq!(told.iter().map(|f| f.file.as_str()).collect::<Vec<_>>(), names[..3]);
        assert_eq!(check_text("script/x", concat!("a\n# TO", "DO\nmktemp x.XXXXXX")).len(), 1);
    }
}
