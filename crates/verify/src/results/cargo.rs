//! `cargo test`: one block per test binary, then the documentation tests.

use std::sync::LazyLock;

use baton_core::domain::evidence::TestStatus;
use regex::Regex;

use super::Reading;

/// Reads the output of `cargo test`, as printed by default, with `--nocapture`, or with one thread.
pub(super) fn read(output: &str) -> Reading {
    let mut reader = Reader::default();
    for line in output.lines() {
        reader.line(line);
    }
    reader.finish()
}

#[derive(Default)]
struct Reader {
    reading: Reading,
    /// What stands in front of the names of this binary's tests.
    binary: String,
    /// How many results are still to come from this binary; none outside of a block of results. Tests that print may
    /// print what looks like a result, so more may come than were announced.
    expected: Option<usize>,
    in_results: bool,
    /// A test whose name was printed and whose result is not there yet (`--test-threads=1`).
    open: Option<String>,
    /// Documentation tests are named by their line, which moves with every edit above: kept until the block ends.
    documentation: Vec<(String, u64, TestStatus)>,
    /// A binary failed; without `--no-fail-fast` cargo then stops.
    failed_targets: bool,
    /// Cargo's list at the end of a run with `--no-fail-fast`.
    counted_targets: bool,
}

impl Reader {
    fn line(&mut self, line: &str) {
        if let Some(binary) = started(line) {
            self.close_block();
            self.binary = binary;
        } else if let Some(count) = line.strip_prefix("running ").and_then(test_count) {
            self.close_block();
            self.expected = Some(count);
            self.in_results = true;
        } else if line.starts_with("test result: ") {
            self.close_block();
        } else if line == "failures:" || line == "successes:" {
            // What follows is what the tests printed: it may look like results and is none.
            self.open = None;
            self.in_results = false;
        } else if self.in_results {
            self.result(line);
        }
        self.notice(line);
    }

    /// Signs that not everything ran.
    fn notice(&mut self, line: &str) {
        if line.starts_with("error: could not compile ") || line.starts_with("error: no such command") {
            self.reading.incomplete = true;
        } else if line.starts_with("error: test failed, to rerun")
            || line.starts_with("error: doctest failed, to rerun")
        {
            self.failed_targets = true;
        } else if line.starts_with("error: ") && line.trim_end().ends_with(" failed:") && line.contains(" target") {
            self.counted_targets = true;
        }
    }

    fn result(&mut self, line: &str) {
        let Some((name, said)) = line.strip_prefix("test ").and_then(|rest| rest.split_once(" ... ")) else {
            if let Some(status) = verdict(line)
                && let Some(name) = self.open.take()
            {
                self.add(&name, status);
            }
            return;
        };
        self.open = None;
        match verdict(said) {
            Some(status) => self.add(name, status),
            // The test prints before its result comes.
            None => self.open = Some(name.to_owned()),
        }
    }

    fn add(&mut self, name: &str, status: TestStatus) {
        if let Some(left) = &mut self.expected {
            *left = left.saturating_sub(1);
        }
        let name = name.strip_suffix(" - should panic").unwrap_or(name);
        match documentation_test(name) {
            Some((place, line)) => self.documentation.push((place, line, status)),
            None => self.reading.add(&format!("{}::{name}", self.binary), status),
        }
    }

    /// The binary ended: results that are missing now never come.
    fn close_block(&mut self) {
        self.in_results = false;
        self.reading.incomplete |= self.expected.take().is_some_and(|left| left > 0);
        self.open = None;
        let mut documentation = std::mem::take(&mut self.documentation);
        documentation.sort_by_key(|(_, line, _)| *line);
        for (place, _, status) in documentation {
            self.reading.add(&format!("{}::{place}", self.binary), status);
        }
    }

    fn finish(mut self) -> Reading {
        self.close_block();
        self.reading.incomplete |= self.failed_targets && !self.counted_targets;
        self.reading
    }
}

/// `Running unittests src/lib.rs (target/debug/deps/shelf-0123456789abcdef)`, `Running tests/a.rs (…)`, `Doc-tests shelf`.
fn started(line: &str) -> Option<String> {
    let line = line.strip_prefix("   ")?;
    if let Some(name) = line.strip_prefix("Doc-tests ") {
        return Some(format!("{} (doc)", name.trim()));
    }
    let (path, program) = line.strip_prefix("  Running ")?.rsplit_once(" (")?;
    let stem = program.trim_end_matches(')').rsplit(['/', '\\']).next()?;
    let stem = stem.trim_end_matches(".exe").rsplit_once('-').map_or(stem, |(stem, _)| stem);
    Some(match path.strip_prefix("unittests ") {
        Some("src/lib.rs") => stem.to_owned(),
        Some(other) => format!("{stem} ({other})"),
        None => path.to_owned(),
    })
}

fn test_count(rest: &str) -> Option<usize> {
    rest.strip_suffix(" tests").or_else(|| rest.strip_suffix(" test"))?.parse().ok()
}

fn verdict(said: &str) -> Option<TestStatus> {
    let word = said.trim_end();
    let word = word.split_once(" <").map_or(word, |(word, _)| word);
    match word {
        "ok" => Some(TestStatus::Passed),
        "FAILED" => Some(TestStatus::Failed),
        "ignored" => Some(TestStatus::Skipped),
        _ if word.starts_with("ignored, ") => Some(TestStatus::Skipped),
        _ if word.starts_with("bench: ") => Some(TestStatus::Passed),
        _ => None,
    }
}

/// `src/lib.rs - twice (line 19) - compile fail` is the place `src/lib.rs - twice`, line 19.
fn documentation_test(name: &str) -> Option<(String, u64)> {
    static NAME: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"^(.+ - .*?)\s*\(line (\d+)\)(?: - compile(?: fail)?)?$").ok());
    let found = NAME.as_ref()?.captures(name)?;
    let place = found[1].trim_end().trim_end_matches(" -").to_owned();
    Some((place, found[2].parse().ok()?))
}
