//! What is wrong, where, and where it belongs: one line for each.

use std::fmt;

/// A broken wall or rule. Sorted by place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// From the root of the checkout, with `/`.
    pub file: String,
    /// From 1; 0 where the whole file is meant.
    pub line: usize,
    /// What is wrong.
    pub what: String,
    /// Where the code belongs, or what to do.
    pub belongs: String,
}

impl Finding {
    /// A finding in `file`, at `line`.
    pub fn new(file: &str, line: usize, what: impl Into<String>, belongs: impl Into<String>) -> Self {
        Self { file: file.to_owned(), line, what: what.into(), belongs: belongs.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}. {}", self.file, self.line, self.what, self.belongs)
    }
}

/// Fails the test with every finding, one to a line, or passes when there is none.
pub fn none(mut findings: Vec<Finding>) {
    findings.sort();
    findings.dedup();
    let lines: Vec<String> = findings.iter().map(ToString::to_string).collect();
    assert!(lines.is_empty(), "{} finding(s):\n\n{}\n", lines.len(), lines.join("\n"));
}
