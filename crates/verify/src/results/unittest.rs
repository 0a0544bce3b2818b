//! `python -m unittest -v`: `test_name (module.Class.test_name) ... ok`, on standard error.

use std::collections::HashMap;
use std::sync::LazyLock;

use baton_core::domain::evidence::TestStatus;
use regex::Regex;

use super::Reading;

/// How unittest names a module that it could not import.
const FAILED_IMPORT: &str = "unittest.loader._FailedTest.";

/// Reads the output of `python -m unittest -v`. Without `-v` only failures are named.
pub(super) fn read(output: &str) -> Reading {
    let mut reader = Reader::default();
    for line in output.lines() {
        if line.len() >= 70 && line.bytes().all(|b| b == b'=') {
            reader.in_report = true;
            reader.resolve(None);
        } else if line.len() >= 70 && line.bytes().all(|b| b == b'-') {
            // Either the end of the results, or a line inside the report of failures.
        } else if let Some(count) = ran(line) {
            reader.resolve(None);
            reader.ran = Some(count);
        } else if reader.ran.is_none() {
            if reader.in_report { reader.report(line) } else { reader.result(line) }
        }
    }
    reader.finish()
}

#[derive(Default)]
struct Reader {
    order: Vec<(String, TestStatus)>,
    incomplete: bool,
    /// A test whose name stands on its own line, or which prints before its result.
    open: Option<String>,
    /// A name without ` ... ` yet: with a docstring the result stands behind the docstring, on the next line.
    heading: Option<String>,
    /// What the open test seems to have come to, behind something it printed on the same line.
    provisional: Option<TestStatus>,
    /// The open test has subtests that failed: its own line never ends.
    failed_subtests: bool,
    in_report: bool,
    ran: Option<usize>,
    named: HashMap<String, usize>,
}

impl Reader {
    fn result(&mut self, line: &str) {
        if let Some(subtest) = line.strip_prefix("  ") {
            // `  test_name (module.Class.test_name) [message] (i=1) ... FAIL`
            if identity(subtest).is_some()
                && subtest.rsplit_once(" ... ").and_then(|(_, said)| verdict(said)) == Some(TestStatus::Failed)
            {
                self.failed_subtests = true;
                return;
            }
        }
        match line.split_once(" ... ") {
            Some((front, said)) if identity(front).is_some() => {
                self.resolve(None);
                self.open = identity(front);
                self.said(said);
            }
            Some((_, said)) if self.heading.is_some() => {
                self.resolve(None);
                self.open = self.heading.take();
                self.said(said);
            }
            _ => match line.strip_suffix(" ...").and_then(identity).or_else(|| identity(line)) {
                Some(name) => {
                    self.resolve(None);
                    self.heading = Some(name);
                }
                None => self.said(line),
            },
        }
    }

    /// What follows the name of the open test.
    fn said(&mut self, said: &str) {
        if self.open.is_none() {
            return;
        }
        match verdict(said) {
            Some(status) => self.resolve(Some(status)),
            None => self.provisional = said.split_whitespace().next_back().and_then(verdict).or(self.provisional),
        }
    }

    /// Ends the open test: with its result, or without one when another test begins.
    fn resolve(&mut self, status: Option<TestStatus>) {
        let provisional = self.provisional.take();
        let failed = std::mem::take(&mut self.failed_subtests);
        let Some(name) = self.open.take() else { return };
        let status = if failed { Some(TestStatus::Failed) } else { status.or(provisional) };
        match status {
            Some(status) => self.add(&name, status),
            None => self.incomplete = true,
        }
    }

    /// `FAIL: test_name (module.Class.test_name)`: also what `-v` could not tell because of what the test printed.
    fn report(&mut self, line: &str) {
        let Some(rest) = line.strip_prefix("FAIL: ").or_else(|| line.strip_prefix("ERROR: ")) else { return };
        if let Some(name) = identity(rest) {
            self.add(&name, TestStatus::Failed);
        }
    }

    /// Adds a test; a failure replaces what was known of it.
    fn add(&mut self, name: &str, status: TestStatus) {
        // Where a module or a class cannot be set up its tests are not named.
        let own = name.rsplit('.').next().unwrap_or(name);
        self.incomplete |= name.starts_with(FAILED_IMPORT) || own == "setUpClass" || own == "setUpModule";
        let name = name.strip_prefix(FAILED_IMPORT).unwrap_or(name);
        match self.named.get(name).and_then(|at| self.order.get_mut(*at)) {
            Some(entry) if status == TestStatus::Failed => entry.1 = status,
            Some(_) => {}
            None => {
                self.named.insert(name.to_owned(), self.order.len());
                self.order.push((name.to_owned(), status));
            }
        }
    }

    fn finish(mut self) -> Reading {
        self.resolve(None);
        let mut reading = Reading { incomplete: self.incomplete || self.ran.is_none(), ..Reading::default() };
        for (name, status) in self.order {
            reading.add(&name, status);
        }
        reading
    }
}

/// `test_name (module.Class.test_name) …` is `module.Class.test_name`; before Python 3.11 the brackets hold `module.Class`.
fn identity(front: &str) -> Option<String> {
    static NAME: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"^([\w.]+) \(([\w.<>]+)\)(?: \[.*\])?(?: \(.*\))?$").ok());
    let found = NAME.as_ref()?.captures(front.trim_end())?;
    let (short, long) = (&found[1], &found[2]);
    Some(if long == short || long.ends_with(&format!(".{short}")) {
        long.to_owned()
    } else {
        format!("{long}.{short}")
    })
}

fn verdict(said: &str) -> Option<TestStatus> {
    let said = said.trim_end();
    match said {
        "ok" => Some(TestStatus::Passed),
        "FAIL" | "ERROR" | "unexpected success" => Some(TestStatus::Failed),
        // An expected failure proves nothing: like a test that is still to do.
        "expected failure" => Some(TestStatus::Skipped),
        _ if said.starts_with("skipped ") => Some(TestStatus::Skipped),
        _ => None,
    }
}

fn ran(line: &str) -> Option<usize> {
    let (count, rest) = line.strip_prefix("Ran ")?.split_once(" test")?;
    rest.contains(" in ").then(|| count.parse().ok()).flatten()
}
