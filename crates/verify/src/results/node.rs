//! `node --test`: TAP (the default away from a terminal up to Node 22) and the `spec` reporter.

use std::sync::LazyLock;

use baton_core::domain::evidence::TestStatus;
use regex::Regex;

use super::line::indent;
use super::tree::Tree;
use super::{Reading, tap};

/// Reads the output of Node's test runner.
pub(super) fn read(output: &str) -> Reading {
    if output.lines().any(|line| line.starts_with("TAP version ")) { tap::read(output) } else { read_spec(output) }
}

/// The `spec` reporter: two columns a level, results first and a summary of the failures behind them.
fn read_spec(output: &str) -> Reading {
    static RESULT: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"^ *([✔✖﹣⚠▶]) (.+?) \(\d+(?:\.\d+)?ms\)(?: # (.*))?$").ok());
    let mut reading = Reading::default();
    let Some(pattern) = RESULT.as_ref() else { return reading };
    let mut tree = Tree::default();
    let mut groups: Vec<(usize, String)> = Vec::new();
    let mut counted = false;
    for line in output.lines() {
        if line.starts_with("ℹ tests ") {
            counted = true;
            break;
        }
        let depth = indent(line) / 2;
        let Some(found) = pattern.captures(line) else {
            if let Some(name) = line.trim_start_matches(' ').strip_prefix("▶ ") {
                groups.push((depth, name.trim_end().to_owned()));
            }
            continue;
        };
        let name = &found[2];
        let directive = found.get(3).map_or("", |m| m.as_str());
        let status = match &found[1] {
            _ if directive.starts_with("TODO") || directive.starts_with("SKIP") => TestStatus::Skipped,
            "✖" => TestStatus::Failed,
            "﹣" | "⚠" => TestStatus::Skipped,
            _ => TestStatus::Passed,
        };
        // Whether a group is a suite or a test with steps is not printed: it counts as a suite.
        let is_suite = groups.pop_if(|(at, group)| *at == depth && group == name).is_some() || &found[1] == "▶";
        reading.incomplete |= depth == 0 && status == TestStatus::Failed && tap::is_script(name);
        if let Some(node) = tree.add(depth, name, status) {
            node.is_suite = is_suite;
        }
    }
    reading.incomplete |= !counted || tree.is_empty();
    tree.read_into(&mut reading);
    reading
}
