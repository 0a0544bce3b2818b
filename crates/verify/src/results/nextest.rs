//! `cargo nextest run`: its report for people, or its libtest-json lines.

use std::collections::HashMap;
use std::sync::LazyLock;

use baton_core::domain::evidence::TestStatus;
use regex::Regex;
use serde::Deserialize;

use super::Reading;

/// Reads the output of `cargo nextest run`.
pub(super) fn read(output: &str) -> Reading {
    if output.lines().any(|line| line.starts_with(r#"{"type":"suite""#)) {
        read_json(output)
    } else {
        read_report(output)
    }
}

/// Lines like `        PASS [   0.004s] ( 3/10) shelf::a other`, the status right-aligned in twelve columns.
fn read_report(output: &str) -> Reading {
    static RESULT: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"^([A-Z0-9 +-]{12}) \[[^\]]*\] (?:\([^)]*\) +)?(\S+) +(\S.*)$").ok());
    let mut results = Results::default();
    let Some(pattern) = RESULT.as_ref() else { return Reading::default() };
    let mut summary = false;
    for line in output.lines() {
        if line.trim_start().starts_with("Summary [") {
            summary = true;
        }
        results.incomplete |= line.contains(" not run due to ") || line.starts_with("error: could not compile ");
        if summary {
            continue;
        }
        if let Some(found) = pattern.captures(line)
            && let Some(status) = status(found[1].trim())
        {
            results.set(format!("{}::{}", &found[2], &found[3]), status);
        }
    }
    results.incomplete |= !summary;
    results.reading()
}

fn status(word: &str) -> Option<TestStatus> {
    // `TRY 2 PASS`: of several tries the last one counts.
    let word = word.strip_prefix("TRY ").map_or(word, |rest| rest.split_once(' ').map_or(rest, |(_, word)| word));
    match word {
        "PASS" | "LEAK" => Some(TestStatus::Passed),
        "SKIP" => Some(TestStatus::Skipped),
        "FAIL" | "ABORT" | "TIMEOUT" | "TMT" | "LEAK-FAIL" | "FAIL + LEAK" | "FL+LK" | "XFAIL" => {
            Some(TestStatus::Failed)
        }
        _ if word.starts_with("SIG") => Some(TestStatus::Failed),
        _ => None,
    }
}

/// One line of libtest-json.
#[derive(Deserialize)]
struct Event {
    #[serde(rename = "type")]
    kind: String,
    event: String,
    #[serde(default)]
    name: String,
}

/// `--message-format libtest-json`: the binary and the test are parted by `$`.
fn read_json(output: &str) -> Reading {
    let mut results = Results::default();
    let mut open = 0_usize;
    for line in output.lines().filter(|line| line.starts_with('{')) {
        let Ok(event) = serde_json::from_str::<Event>(line) else { continue };
        match (event.kind.as_str(), event.event.as_str()) {
            ("suite", "started") => open += 1,
            ("suite", _) => open = open.saturating_sub(1),
            ("test", "ok") => results.set(event.name.replacen('$', "::", 1), TestStatus::Passed),
            ("test", "failed" | "timeout") => results.set(event.name.replacen('$', "::", 1), TestStatus::Failed),
            ("test", "ignored") => results.set(event.name.replacen('$', "::", 1), TestStatus::Skipped),
            _ => {}
        }
    }
    results.incomplete |= open > 0 || output.lines().any(|line| line.contains(" not run due to "));
    results.reading()
}

/// Results by name; a later one replaces an earlier one of the same test.
#[derive(Default)]
struct Results {
    order: Vec<(String, TestStatus)>,
    known: HashMap<String, usize>,
    incomplete: bool,
}

impl Results {
    fn set(&mut self, name: String, status: TestStatus) {
        match self.known.get(&name).and_then(|at| self.order.get_mut(*at)) {
            Some(entry) => entry.1 = status,
            None => {
                self.known.insert(name.clone(), self.order.len());
                self.order.push((name, status));
            }
        }
    }

    fn reading(self) -> Reading {
        let mut reading = Reading { incomplete: self.incomplete, ..Reading::default() };
        for (name, status) in self.order {
            reading.add(&name, status);
        }
        reading
    }
}
