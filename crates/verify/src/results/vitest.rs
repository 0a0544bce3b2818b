//! Vitest: a line for each test (`--reporter=verbose`), JSON, TAP (`tap-flat`), and else a line for each file.

use std::collections::HashSet;
use std::sync::LazyLock;

use baton_core::domain::evidence::TestStatus;
use regex::Regex;

use super::{Reading, jest, tap};

/// Reads the output of Vitest.
pub(super) fn read(output: &str) -> Reading {
    if let Some(reading) = jest::read_json(output) {
        return reading;
    }
    if output.lines().any(|line| line.starts_with("TAP version ")) {
        return tap::read(output);
    }
    read_report(output)
}

struct Patterns {
    test: Regex,
    file: Regex,
    broken: Regex,
    time: Regex,
}

static PATTERNS: LazyLock<Option<Patterns>> = LazyLock::new(|| {
    Some(Patterns {
        test: Regex::new(r"^ ([✓✔×✗↓□]) (?:\|[^|]+\| )?(\S+ > .+)$").ok()?,
        file: Regex::new(r"^ ([✓✔×✗❯↓]) (?:\|[^|]+\| )?(\S+) \(\d+ tests?(?: \| .*)?\)").ok()?,
        broken: Regex::new(r"^ FAIL +(?:\|[^|]+\| )?(\S+) \[ .* \]$").ok()?,
        time: Regex::new(r"(?: \d+m?s| \((?:retry|repeat) x\d+\))+$").ok()?,
    })
});

fn read_report(output: &str) -> Reading {
    let mut reading = Reading::default();
    let Some(patterns) = PATTERNS.as_ref() else { return reading };
    let mut files = Vec::new();
    let mut broken = Vec::new();
    let mut counted = false;
    for line in output.lines() {
        if let Some(found) = patterns.test.captures(line).filter(|_| broken.is_empty()) {
            reading.add(&patterns.time.replace(&found[2], ""), status(&found[1]));
        } else if let Some(found) = patterns.file.captures(line) {
            files.push((found[2].to_owned(), status(&found[1])));
        } else if let Some(found) = patterns.broken.captures(line) {
            broken.push(found[1].to_owned());
        }
        counted |= line.trim_start().starts_with("Test Files ");
    }
    if reading.cases.is_empty() {
        for (file, status) in files {
            reading.add(&file, status);
        }
    }
    let named: HashSet<&str> = reading.cases.iter().map(|(name, _)| name.as_str()).collect();
    let unnamed: Vec<&String> = broken.iter().filter(|file| !named.contains(file.as_str())).collect();
    for file in unnamed {
        reading.add(file, TestStatus::Failed);
    }
    reading.incomplete = !counted || !broken.is_empty();
    reading
}

fn status(sign: &str) -> TestStatus {
    match sign {
        "✓" | "✔" => TestStatus::Passed,
        "↓" | "□" => TestStatus::Skipped,
        _ => TestStatus::Failed,
    }
}
