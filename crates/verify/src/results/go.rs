//! `go test`: `-v`, `-json`, and else a line for each package.

use std::collections::HashMap;
use std::sync::LazyLock;

use baton_core::domain::evidence::TestStatus;
use regex::Regex;
use serde::Deserialize;

use super::Reading;

/// Reads the output of `go test`.
pub(super) fn read(output: &str) -> Reading {
    if output.lines().any(|line| line.starts_with(r#"{"Time":"#) || line.starts_with(r#"{"Action":"#)) {
        read_json(output)
    } else {
        read_text(output)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Event {
    action: String,
    #[serde(default)]
    package: String,
    #[serde(default)]
    test: String,
    #[serde(default)]
    output: String,
}

fn read_json(output: &str) -> Reading {
    let mut reader = Json::default();
    for line in output.lines() {
        match serde_json::from_str::<Event>(line) {
            Ok(event) => reader.event(event),
            // A package that does not build is reported in plain text.
            Err(_) => {
                reader.reading.incomplete |= broke_off(line);
                if let Some(found) =
                    PACKAGE.as_ref().and_then(|package| package.captures(line)).filter(|f| &f[1] == "FAIL")
                {
                    reader.reading.add(&found[2], TestStatus::Failed);
                }
            }
        }
    }
    reader.reading.incomplete |= reader.packages.values().any(|package| !package.open.is_empty());
    reader.reading
}

#[derive(Default)]
struct Json {
    reading: Reading,
    packages: HashMap<String, Package>,
}

#[derive(Default)]
struct Package {
    /// Tests that have begun, with their order and the result that stands in their output behind something they printed.
    open: HashMap<String, (usize, Option<TestStatus>)>,
    begun: usize,
    failed: bool,
}

impl Json {
    fn event(&mut self, event: Event) {
        let package = self.packages.entry(event.package.clone()).or_default();
        if event.action == "run" {
            package.begun += 1;
            package.open.insert(event.test, (package.begun, None));
        } else if event.action == "output" {
            self.reading.incomplete |= broke_off(&event.output);
            let found = RESULT.as_ref().and_then(|result| result.captures(event.output.trim_end()));
            if let Some(found) = found.filter(|found| found[2] == event.test)
                && let Some(entry) = package.open.get_mut(&event.test)
            {
                entry.1 = status(&found[1]);
            }
        } else if let Some(status) = status(&event.action) {
            self.result(&event.package, &event.test, status);
        }
    }

    fn result(&mut self, name: &str, test: &str, status: TestStatus) {
        let package = self.packages.entry(name.to_owned()).or_default();
        if !test.is_empty() {
            package.open.remove(test);
            package.failed |= status == TestStatus::Failed;
            self.reading.add(&format!("{name}::{test}"), status);
            return;
        }
        // The package's own result: what still runs now never ends, and one that fails without a failed test is broken.
        let mut open: Vec<_> = std::mem::take(&mut package.open).into_iter().collect();
        open.sort_by_key(|(_, (order, _))| *order);
        for (test, (_, said)) in open {
            self.reading.incomplete |= said.is_none();
            let said = said.unwrap_or(TestStatus::Failed);
            package.failed |= said == TestStatus::Failed;
            self.reading.add(&format!("{name}::{test}"), said);
        }
        if status == TestStatus::Failed && !package.failed {
            self.reading.add(name, status);
            self.reading.incomplete = true;
        }
    }
}

/// `--- PASS: TestName (0.00s)`, also behind something that was printed without an end of line.
static RESULT: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"--- (PASS|FAIL|SKIP): (\S+) \(\d+\.\d+s\)$").ok());
/// The line at the end of a package.
static PACKAGE: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"^(ok  |FAIL|\?   |---)\t(\S+)(?:\s+(.*))?$").ok());

fn status(action: &str) -> Option<TestStatus> {
    match action {
        "pass" | "PASS" => Some(TestStatus::Passed),
        "fail" | "FAIL" => Some(TestStatus::Failed),
        "skip" | "SKIP" => Some(TestStatus::Skipped),
        _ => None,
    }
}

/// A panic ends the whole test binary.
fn broke_off(line: &str) -> bool {
    line.starts_with("panic: ")
        || line.starts_with("fatal error: ")
        || line.contains("[build failed]")
        || line.contains("[setup failed]")
}

fn read_text(output: &str) -> Reading {
    let (Some(result), Some(package)) = (RESULT.as_ref(), PACKAGE.as_ref()) else { return Reading::default() };
    let mut reader = Text::default();
    for line in output.lines() {
        let line = line.trim_end();
        if let Some(test) = line.strip_prefix("=== RUN   ") {
            reader.started.insert(test.to_owned(), None);
            reader.order.push(test.to_owned());
        } else if let Some(found) = result.captures(line) {
            // Only what was announced is a result: the line may be something a test printed.
            if let Some(slot @ None) = reader.started.get_mut(&found[2]) {
                *slot = status(&found[1]);
            }
        } else if let Some(found) = package.captures(line) {
            reader.end_of_package(&found[1], &found[2], found.get(3).map_or("", |m| m.as_str()));
        }
        reader.reading.incomplete |= broke_off(line);
    }
    reader.reading.incomplete |= !reader.order.is_empty();
    reader.reading
}

#[derive(Default)]
struct Text {
    reading: Reading,
    /// Tests of the package at hand, with their results.
    started: HashMap<String, Option<TestStatus>>,
    order: Vec<String>,
}

impl Text {
    /// The package's name comes behind its tests. A package whose tests are not named stands for itself.
    fn end_of_package(&mut self, word: &str, package: &str, said: &str) {
        let started = std::mem::take(&mut self.started);
        let order = std::mem::take(&mut self.order);
        let mut failed = false;
        for test in &order {
            let status = started.get(test).copied().flatten();
            self.reading.incomplete |= status.is_none();
            let status = status.unwrap_or(TestStatus::Failed);
            failed |= status == TestStatus::Failed;
            self.reading.add(&format!("{package}::{test}"), status);
        }
        match word.trim_end() {
            "FAIL" if !failed => self.reading.add(package, TestStatus::Failed),
            "ok" if order.is_empty() && !said.contains("[no tests to run]") => {
                self.reading.add(package, TestStatus::Passed)
            }
            _ => {}
        }
    }
}
