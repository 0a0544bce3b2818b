//! What a runner's output says about each test: one file per runner. The output comes from inside the sandbox and may
//! be anything: readers are bounded, never panic, and take what looks like a result only where the runner prints results.

use std::collections::HashMap;

use baton_core::domain::evidence::TestStatus;

use crate::command::Runner;

mod cargo;
mod go;
mod jest;
mod junit;
mod line;
mod nextest;
mod node;
mod pytest;
mod tap;
mod tree;
mod unittest;
mod vitest;

pub(crate) use junit::read as read_junit;
pub(crate) use line::plain;

/// More tests than this are not kept; the run then counts as incomplete.
const MAX_TESTS: usize = 100_000;
/// Longer names are cut, in characters.
const MAX_NAME: usize = 400;

/// What one command said about its tests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reading {
    /// Each test with its result, in the order of the output, each name once.
    pub(crate) cases: Vec<(String, TestStatus)>,
    /// Whether there are signs that it broke off before it had named every test.
    pub(crate) incomplete: bool,
    seen: HashMap<String, usize>,
}

impl Reading {
    /// Adds a test. A second one of the same name gets `#2` behind it.
    pub(crate) fn add(&mut self, name: &str, status: TestStatus) {
        let name = tidy(name);
        if name.is_empty() {
            return;
        }
        if self.cases.len() >= MAX_TESTS {
            self.incomplete = true;
            return;
        }
        let times = self.seen.entry(name.clone()).or_insert(0);
        *times += 1;
        let name = if *times == 1 { name } else { format!("{name} #{times}") };
        self.cases.push((name, status));
    }

    /// Adds all of another reading, names made unique again.
    pub(crate) fn extend(&mut self, other: Self) {
        for (name, status) in other.cases {
            self.add(&name, status);
        }
        self.incomplete |= other.incomplete;
    }
}

/// Reads the output of `runner`.
pub(crate) fn read(runner: Runner, output: &str) -> Reading {
    let output = line::plain(output);
    match runner {
        Runner::CargoTest => cargo::read(&output),
        Runner::Nextest => nextest::read(&output),
        Runner::Pytest => pytest::read(&output),
        Runner::Unittest => unittest::read(&output),
        Runner::NodeTest => node::read(&output),
        Runner::Jest => jest::read(&output),
        Runner::Vitest => vitest::read(&output),
        Runner::GoTest => go::read(&output),
    }
}

/// A test's name on one line, without control characters and addresses that differ from run to run, cut to a bound.
fn tidy(name: &str) -> String {
    let mut out = String::new();
    let mut space = false;
    for character in line::without_addresses(name.trim()).chars() {
        if character.is_whitespace() || character.is_control() {
            space = true;
            continue;
        }
        if space && !out.is_empty() {
            out.push(' ');
        }
        space = false;
        out.push(character);
    }
    match out.char_indices().nth(MAX_NAME) {
        Some((end, _)) => format!("{}…", &out[..end]),
        None => out,
    }
}
