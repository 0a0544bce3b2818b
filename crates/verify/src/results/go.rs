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
    let mut reading = Reading::default();
    let mut open: HashMap<String, Vec<String>> = HashMap::new();
    let mut failed: HashMap<String, bool> = HashMap::new();
    for line in output.lines().filter(|line| line.starts_with('{')) {
        let Ok(event) = serde_json::from_str::<Event>(line) else { continue };
        if event.action == "output" {
            reading.incomplete |= broke_off(&event.output);
            continue;
        }
        let Some(status) = status(&event.action) else {
            if event.action == "run" {
                open.entry(event.package).or_default().push(event.test);
            }
            continue;
        };
        if event.test.is_empty() {
            // The package's own result: what still runs now never ends, and one that fails without a failed test is broken.
            for test in open.remove(&event.package).unwrap_or_default() {
                reading.add(&format!("{}::{test}", event.package), TestStatus::Failed);
                failed.insert(event.package.clone(), true);
                reading.incomplete = true;
            }
            if status == TestStatus::Failed && !failed.contains_key(&event.package) {
                reading.add(&event.package, status);
                reading.incomplete = true;
            }
        } else {
            if let Some(running) = open.get_mut(&event.package) {
                running.retain(|test| *test != event.test);
            }
            if status == TestStatus::Failed {
                failed.insert(event.package.clone(), true);
            }
            reading.add(&format!("{}::{}", event.package, event.test), status);
        }
    }
    reading.incomplete |= !open.is_empty();
    reading
}

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
    static RESULT: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"--- (PASS|FAIL|SKIP): (\S+) \(\d+\.\d+s\)$").ok());
    static PACKAGE: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"^(ok  |FAIL|\?   |---)\t(\S+)(?:\s+(.*))?$").ok());
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
