//! `pytest`: the lines of `-v`, and the short summary (`-rA`, and what failed).

use std::collections::HashMap;
use std::sync::LazyLock;

use baton_core::domain::evidence::TestStatus;
use regex::Regex;

use super::Reading;

/// A test's id: a path without white space, and names; only the parameters in brackets may hold anything.
const ID: &str = r"(?<id>\S+?::[^\s\[]+(?:\[.*?\])?)";
const STATUS: &str = "(?<status>PASSED|FAILED|ERROR|SKIPPED|XFAIL|XPASS|RERUN)";

struct Patterns {
    verbose: Regex,
    opened: Regex,
    closed: Regex,
    distributed: Regex,
    summary: Regex,
    collected: Regex,
}

static PATTERNS: LazyLock<Option<Patterns>> = LazyLock::new(|| {
    Some(Patterns {
        verbose: Regex::new(&format!(r"^{ID} {STATUS}(?: \(.*\))?\s*(?:\[ *\d+%\])?\s*$")).ok()?,
        opened: Regex::new(&format!(r"^{ID} ")).ok()?,
        closed: Regex::new(&format!(r"{STATUS}(?: \(.*\))?\s*(?:\[ *\d+%\])?\s*$")).ok()?,
        distributed: Regex::new(&format!(r"^\[gw\d+\] \[ *\d+%\] {STATUS} {ID}\s*$")).ok()?,
        summary: Regex::new(&format!(r"^{STATUS} {ID}(?: - .*)?$")).ok()?,
        collected: Regex::new(r"^(?:collecting \.\.\. )?collected \d+ items? / (?:.* )?\d+ errors?").ok()?,
    })
});

/// Reads the output of `pytest`.
pub(super) fn read(output: &str) -> Reading {
    let Some(patterns) = PATTERNS.as_ref() else { return Reading::default() };
    let mut reader = Reader::default();
    for line in output.lines() {
        match heading(line) {
            Some("short test summary info") => reader.section = Section::Summary,
            Some(title) if is_end(title) => {
                reader.section = Section::Other;
                reader.ended = true;
            }
            Some("test session starts") => reader.section = Section::Results,
            Some(_) => reader.section = Section::Other,
            None => reader.line(line, patterns),
        }
        reader.notice(line, patterns);
    }
    reader.finish()
}

#[derive(Default, PartialEq)]
enum Section {
    /// Results as they come.
    #[default]
    Results,
    /// The list at the end.
    Summary,
    /// Tracebacks and captured output: nothing in there is a result.
    Other,
}

#[derive(Default)]
struct Reader {
    section: Section,
    order: Vec<(String, TestStatus)>,
    known: HashMap<String, usize>,
    open: Option<String>,
    verbose: bool,
    ended: bool,
    incomplete: bool,
}

impl Reader {
    fn line(&mut self, line: &str, patterns: &Patterns) {
        match self.section {
            Section::Results => self.result(line, patterns),
            Section::Summary => self.summary(line, patterns),
            Section::Other => {}
        }
    }

    fn result(&mut self, line: &str, patterns: &Patterns) {
        if let Some(found) = patterns.distributed.captures(line).or_else(|| patterns.verbose.captures(line)) {
            self.open = None;
            self.verbose = true;
            self.merge(&found["id"], &found["status"]);
        } else if let Some(found) = patterns.closed.captures(line).filter(|_| self.open.is_some()) {
            // With `-s` the test's own output stands between its name and its result.
            if let Some(id) = self.open.take() {
                self.verbose = true;
                self.merge(&id, &found["status"]);
            }
        } else if let Some(found) = patterns.opened.captures(line) {
            self.open = Some(found["id"].to_owned());
        }
    }

    fn summary(&mut self, line: &str, patterns: &Patterns) {
        if let Some(found) = patterns.summary.captures(line) {
            // After `-v` everything is known; an id that is not was cut off to fit the line.
            if !self.verbose || self.known.contains_key(&found["id"]) {
                self.merge(&found["id"], &found["status"]);
            }
        } else if let Some(path) = line.strip_prefix("ERROR ") {
            let path = path.split(" - ").next().unwrap_or(path).trim();
            if !path.contains(char::is_whitespace) {
                self.merge(path, "ERROR");
                self.incomplete = true;
            }
        }
    }

    /// Signs that not everything ran.
    fn notice(&mut self, line: &str, patterns: &Patterns) {
        self.incomplete |=
            line.starts_with("!!!") || line.starts_with("INTERNALERROR>") || patterns.collected.is_match(line);
        // `-q` prints the last line without its frame.
        self.ended |= self.section == Section::Summary && is_end(line);
        self.ended |= is_end(line) && !self.verbose;
    }

    /// A test can have two results: one of its own and one of its tear-down. The worse one counts, but for a re-run.
    fn merge(&mut self, id: &str, word: &str) {
        let status = match word {
            "PASSED" | "XPASS" => TestStatus::Passed,
            "FAILED" | "ERROR" => TestStatus::Failed,
            // An expected failure proves nothing: like a test that is still to do.
            "SKIPPED" | "XFAIL" => TestStatus::Skipped,
            _ => return,
        };
        match self.known.get(id).and_then(|at| self.order.get_mut(*at)) {
            Some(entry) if status == TestStatus::Failed => entry.1 = status,
            Some(_) => {}
            None => {
                self.known.insert(id.to_owned(), self.order.len());
                self.order.push((id.to_owned(), status));
            }
        }
    }

    fn finish(self) -> Reading {
        let mut reading = Reading { incomplete: self.incomplete || !self.ended, ..Reading::default() };
        for (id, status) in self.order {
            reading.add(&id, status);
        }
        reading
    }
}

/// The title in a line of equals signs.
fn heading(line: &str) -> Option<&str> {
    let title = line.trim_end().strip_prefix("==")?.strip_suffix("==")?.trim_matches('=');
    (title.starts_with(' ') && title.ends_with(' ')).then(|| title.trim())
}

/// `3 failed, 14 passed in 0.05s`, `no tests ran in 0.01s`.
fn is_end(title: &str) -> bool {
    let Some((counts, time)) = title.rsplit_once(" in ") else { return false };
    let known = [
        "passed",
        "failed",
        "error",
        "skipped",
        "xfailed",
        "xpassed",
        "deselected",
        "warning",
        "no tests ran",
        "rerun",
    ];
    time.starts_with(|c: char| c.is_ascii_digit())
        && time.contains('s')
        && known.iter().any(|word| counts.contains(word))
}
