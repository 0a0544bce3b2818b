//! What is read from the output of real runners: `fixtures/RUNNER/CASE.txt` was printed by the runner itself. Each case's
//! snapshot is the whole reading, one line a test.

#![expect(clippy::unwrap_used, reason = "a test that cannot read its own fixtures must fail")]

use std::fs;
use std::path::Path;

use baton_core::domain::enclosure::{Completed, Ending};
use baton_core::domain::evidence::TestStatus;
use baton_verify::{Executed, ResultFile, ResultSource, Runner, TestCommand, assemble};

const WORKSPACE: &str = "/workspace";

fn folder(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name)
}

fn completed(output: String) -> Completed {
    Completed { ending: Ending::Exited(1), output, dropped_bytes: 0, millis: 0 }
}

/// The run of one command, as lines.
fn reading(results: ResultSource, output: String, files: &[ResultFile]) -> String {
    let command = TestCommand { command: "test".into(), folder: String::new(), results };
    let completed = completed(output);
    let run = assemble(&[Executed::Test(&command, &completed, files)], WORKSPACE);
    let reported = run.commands[0].reported;
    let mut lines = vec![format!(
        "{} tests, {} failed{}",
        reported.tests,
        reported.failed,
        if reported.incomplete { ", incomplete" } else { "" }
    )];
    lines.extend(run.tests.iter().map(|(name, status)| {
        let word = match status {
            TestStatus::Passed => "passed ",
            TestStatus::Failed => "FAILED ",
            TestStatus::Skipped => "skipped",
        };
        format!("{word} {}", name.0)
    }));
    lines.join("\n")
}

/// Reads every file of a folder and compares it with its snapshot.
fn check(name: &str, read: impl Fn(String) -> String) {
    let mut paths: Vec<_> = fs::read_dir(folder(name)).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(!paths.is_empty(), "no fixtures for {name}");
    for path in paths {
        let case = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let text = fs::read_to_string(&path).unwrap();
        insta::with_settings!({ snapshot_path => "readings", prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(format!("{name}_{case}"), read(text));
        });
    }
}

fn check_output(name: &str, runner: Runner) {
    check(name, |output| reading(ResultSource::Output(runner), output, &[]));
}

#[test]
fn cargo_test() {
    check_output("cargo", Runner::CargoTest);
}

#[test]
fn nextest() {
    check_output("nextest", Runner::Nextest);
}

#[test]
fn pytest() {
    check_output("pytest", Runner::Pytest);
}

#[test]
fn unittest() {
    check_output("unittest", Runner::Unittest);
}

#[test]
fn node() {
    check_output("node", Runner::NodeTest);
}

#[test]
fn jest() {
    check_output("jest", Runner::Jest);
}

#[test]
fn vitest() {
    check_output("vitest", Runner::Vitest);
}

#[test]
fn go() {
    check_output("go", Runner::GoTest);
}

#[test]
fn junit() {
    check("junit", |xml| {
        let results = ResultSource::JunitXml { paths: vec!["reports/*.xml".into()], otherwise: None };
        reading(results, String::new(), &[ResultFile { path: "reports/a.xml".into(), content: xml }])
    });
}
