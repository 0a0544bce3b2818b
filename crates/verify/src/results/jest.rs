//! Jest: the tree of `--verbose`, the JSON of `--json` (which Vitest prints too), and else a line for each file.

use std::sync::LazyLock;

use baton_core::domain::evidence::TestStatus;
use regex::Regex;
use serde::Deserialize;

use super::Reading;
use super::line::indent;

/// Reads the output of Jest.
pub(super) fn read(output: &str) -> Reading {
    read_json(output).unwrap_or_else(|| read_tree(output))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    test_results: Vec<File>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    name: String,
    status: String,
    #[serde(default)]
    assertion_results: Vec<Assertion>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Assertion {
    #[serde(default)]
    ancestor_titles: Vec<String>,
    title: String,
    status: String,
}

/// The report is one line, among whatever else was printed.
pub(super) fn read_json(output: &str) -> Option<Reading> {
    let report: Report =
        output.lines().filter(|line| line.starts_with(r#"{"num"#)).find_map(|line| serde_json::from_str(line).ok())?;
    let mut reading = Reading::default();
    for file in report.test_results {
        if file.assertion_results.is_empty() && file.status == "failed" {
            reading.add(&file.name, TestStatus::Failed);
            reading.incomplete = true;
        }
        for assertion in file.assertion_results {
            let status = match assertion.status.as_str() {
                "passed" => TestStatus::Passed,
                "failed" => TestStatus::Failed,
                _ => TestStatus::Skipped,
            };
            let mut path = vec![file.name.as_str()];
            path.extend(assertion.ancestor_titles.iter().map(String::as_str).filter(|title| !title.is_empty()));
            path.push(&assertion.title);
            reading.add(&path.join(" > "), status);
        }
    }
    Some(reading)
}

/// `PASS src/a.test.js`, then groups and tests indented by two columns a level, up to a blank line.
fn read_tree(output: &str) -> Reading {
    static HEADER: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"^(PASS|FAIL) (?:.* )?(\S+\.[cm]?[jt]sx?)(?: \([\d.]+ m?s\))?$").ok());
    let mut reader = Tree::default();
    let Some(header) = HEADER.as_ref() else { return reader.reading };
    let mut counted = false;
    for line in output.lines() {
        if let Some(found) = header.captures(line.trim_end()) {
            reader.close();
            reader.file = Some((found[2].to_owned(), &found[1] == "PASS"));
            reader.in_tree = true;
        } else if line.starts_with("Tests: ") || line.starts_with("Summary of all failing tests") {
            // The failures are listed again behind this line.
            reader.close();
            counted = true;
            break;
        } else if line.trim() == "● Test suite failed to run" {
            reader.reading.incomplete = true;
        } else if reader.in_tree && !line.trim().is_empty() && !line.starts_with("  ●") {
            reader.line(line);
        } else {
            reader.in_tree = false;
        }
    }
    reader.close();
    reader.reading.incomplete |= !counted;
    reader.reading
}

#[derive(Default)]
struct Tree {
    reading: Reading,
    file: Option<(String, bool)>,
    named: usize,
    groups: Vec<(usize, String)>,
    in_tree: bool,
}

impl Tree {
    fn line(&mut self, line: &str) {
        static TIME: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r" \([\d.]+ m?s\)$").ok());
        let depth = indent(line);
        self.groups.retain(|(at, _)| *at < depth);
        let text = line.trim();
        let (status, name) = if let Some(name) = text.strip_prefix("✓ ") {
            (TestStatus::Passed, name)
        } else if let Some(name) = text.strip_prefix("✕ ") {
            (TestStatus::Failed, name)
        } else if let Some(name) = text.strip_prefix("○ skipped ").or_else(|| text.strip_prefix("✎ todo ")) {
            (TestStatus::Skipped, name)
        } else {
            self.groups.push((depth, text.to_owned()));
            return;
        };
        let name = TIME.as_ref().map_or(name.into(), |time| time.replace(name, ""));
        let Some((file, _)) = &self.file else { return };
        let mut path = vec![file.as_str()];
        path.extend(self.groups.iter().map(|(_, group)| group.as_str()));
        path.push(&name);
        self.reading.add(&path.join(" > "), status);
        self.named += 1;
    }

    /// A file none of whose tests was named stands for itself: without `--verbose` Jest names only files.
    fn close(&mut self) {
        if let Some((file, passed)) = self.file.take()
            && self.named == 0
        {
            self.reading.add(&file, if passed { TestStatus::Passed } else { TestStatus::Failed });
        }
        self.named = 0;
        self.groups.clear();
        self.in_tree = false;
    }
}
