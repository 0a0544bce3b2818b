//! Output that is no output: readers and judges of outside text never panic, stay within bounds, and are deterministic.

use baton_core::domain::enclosure::{Completed, Ending};
use baton_core::domain::evidence::TestRun;
use baton_verify::{
    Comparison, ConfigChange, Executed, ResultFile, ResultSource, Runner, TestCommand, assemble, commands_to_rerun,
    compare, config_changes, detect, given, recognise,
};
use proptest::prelude::*;

fn read(results: ResultSource, output: &str, files: &[ResultFile]) -> TestRun {
    let command = TestCommand { command: "test".into(), folder: "part".into(), results };
    let completed = Completed { ending: Ending::Exited(1), output: output.to_owned(), dropped_bytes: 0, millis: 1 };
    assemble(&[Executed::Test(&command, &completed, files)], "/workspace")
}

/// Lines that look like results, out of order, cut, nested and mixed with anything.
fn output() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        ".*",
        Just("running 2 tests".to_owned()),
        Just("test a::b ... ok".to_owned()),
        Just("test a::b - should panic ... FAILED".to_owned()),
        Just("test src/lib.rs - x (line 99999999999999999999) ... ok".to_owned()),
        Just("failures:".to_owned()),
        Just("   Doc-tests x".to_owned()),
        Just("     Running unittests src/lib.rs (target/x-1)".to_owned()),
        Just("        PASS [   0.004s] ( 3/10) shelf::a other".to_owned()),
        Just("{\"type\":\"suite\",\"event\":\"started\"}".to_owned()),
        Just("{\"type\":\"test\",\"event\":\"ok\",\"name\":\"a$b\"}".to_owned()),
        Just("===== test session starts =====".to_owned()),
        Just("tests/a.py::test_x[a".to_owned()),
        Just("tests/a.py::test_x[a] PASSED [  4%]".to_owned()),
        Just("=== short test summary info ===".to_owned()),
        Just("FAILED tests/a.py::x - y".to_owned()),
        Just("test_a (m.C.test_a) ... ".to_owned()),
        Just("test_a (m.C.test_a) ... ok".to_owned()),
        Just("=".repeat(70)),
        Just("TAP version 13".to_owned()),
        "( {0,200})(not )?ok [0-9]{1,12} - .*",
        Just("  ---".to_owned()),
        Just("  ...".to_owned()),
        "( {0,90})[✔✖▶﹣] .* \\([0-9]ms\\)",
        Just("PASS src/a.test.js".to_owned()),
        "( {0,40})✓ .*",
        Just("{\"numTotalTests\":1,\"testResults\":[{\"name\":\"a\",\"status\":\"failed\"}]}".to_owned()),
        Just("=== RUN   TestA".to_owned()),
        Just("--- FAIL: TestA (0.00s)".to_owned()),
        Just("FAIL\tx\t0.1s".to_owned()),
        Just("{\"Action\":\"run\",\"Package\":\"p\",\"Test\":\"T\"}".to_owned()),
        Just("{\"Action\":\"fail\",\"Package\":\"p\"}".to_owned()),
        Just("\u{1b}[31m\u{1b}]0;title".to_owned()),
        Just("Ran 3 tests in 0.1s".to_owned()),
    ];
    prop::collection::vec(piece, 0..40).prop_map(|lines| lines.join("\n"))
}

fn xml() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        ".*",
        Just("<testsuites>".to_owned()),
        Just("</testsuites>".to_owned()),
        Just("<testsuite name=\"a\">".to_owned()),
        Just("</testsuite>".to_owned()),
        Just("<testcase name=\"x\" classname='y'>".to_owned()),
        Just("</testcase>".to_owned()),
        Just("<testcase name=\"&bad; &#x0; &lt;\"/>".to_owned()),
        Just("<failure message=x>".to_owned()),
        Just("<skipped/>".to_owned()),
        Just("<!DOCTYPE a [<!ENTITY b \"c\">]>".to_owned()),
        Just("<![CDATA[".to_owned()),
    ];
    prop::collection::vec(piece, 0..30).prop_map(|pieces| pieces.concat())
}

fn check(run: &TestRun) -> Result<(), TestCaseError> {
    for name in run.tests.keys() {
        prop_assert!(name.0.chars().count() < 450, "{}", name.0);
        prop_assert!(!name.0.chars().any(char::is_control), "{:?}", name.0);
    }
    prop_assert_eq!(run.tests.len(), run.commands[0].reported.tests);
    Ok(())
}

proptest! {
    #[test]
    fn any_output_is_read_by_any_reader(text in output()) {
        for runner in Runner::ALL {
            let run = read(ResultSource::Output(runner), &text, &[]);
            check(&run)?;
            prop_assert_eq!(&run, &read(ResultSource::Output(runner), &text, &[]));
        }
    }

    #[test]
    fn any_xml_is_read(text in xml()) {
        let results = ResultSource::JunitXml { paths: vec!["*.xml".into(), "[".into()], otherwise: Some(Runner::Pytest) };
        check(&read(results, "", &[ResultFile { path: "part/a.xml".into(), content: text }]))?;
    }

    #[test]
    fn a_run_compared_with_itself_changes_nothing(text in output()) {
        for runner in Runner::ALL {
            let run = read(ResultSource::Output(runner), &text, &[]);
            prop_assert!(commands_to_rerun(&run, &run).is_empty());
            let evidence = compare(Comparison { base: &run, branch: &run, rerun: None, branch_tests_on_base: None, config_changed: &[] });
            prop_assert!(!evidence.has_failures() && !evidence.is_suspicious(), "{evidence:?}");
            prop_assert!(evidence.fixed.is_empty() && evidence.added.is_empty() && evidence.added_failing_on_base.is_empty());
        }
    }

    #[test]
    fn nothing_that_ran_on_the_base_is_lost_unsaid(base in output(), branch in output()) {
        use baton_core::domain::evidence::TestStatus;
        for runner in Runner::ALL {
            let (base, branch) = (read(ResultSource::Output(runner), &base, &[]), read(ResultSource::Output(runner), &branch, &[]));
            let evidence = compare(Comparison { base: &base, branch: &branch, rerun: None, branch_tests_on_base: None, config_changed: &[] });
            if evidence.is_good() {
                for (name, status) in &base.tests {
                    prop_assert!(*status != TestStatus::Passed || branch.tests.get(name).is_none_or(|now| *now == TestStatus::Passed), "{}", name.0);
                }
                for (name, status) in &branch.tests {
                    prop_assert!(*status != TestStatus::Failed || base.tests.get(name) == Some(&TestStatus::Failed), "{}", name.0);
                }
            }
        }
    }

    #[test]
    fn any_command_line_is_recognised(line in "(npm |cargo |pytest |node --test |go )?.*") {
        let results = recognise(&line);
        prop_assert_eq!(&results, &recognise(&line));
        let commands = given(std::slice::from_ref(&line), &["package.json".to_owned()], &|_| Some("{\"scripts\":{\"test\":\"jest && \"}}".to_owned()));
        // A line is only ever added to; an empty one stays empty.
        prop_assert!(commands.len() == 1 && commands[0].command.len() >= line.trim().len().min(1));
    }

    #[test]
    fn any_files_are_looked_at(old in ".*", new in ".*", name in prop::sample::select(vec![
        "package.json", "Cargo.toml", "pyproject.toml", "go.mod", "pom.xml", "build.gradle", "Makefile", "justfile", "tox.ini",
        "composer.json", "mix.exs", "Gemfile", "setup.py", "Rakefile", "a_test.go", ".cargo/config.toml",
    ])) {
        let changed = config_changes(&[ConfigChange { path: name, old: Some(&old), new: Some(&new) }]);
        prop_assert!(old != new || changed.is_empty());
        let found = detect(&[name.to_owned(), format!("sub/{name}"), "tests/test_a.py".to_owned()], &|_| Some(new.clone()));
        prop_assert!(found.test.iter().all(|command| !command.command.is_empty()));
    }
}

#[test]
fn a_flood_of_tests_is_bounded() {
    let mut output = String::from("TAP version 13\n");
    for number in 0..150_000 {
        output.push_str(&format!("ok {number} - same\n"));
    }
    let run = read(ResultSource::Output(Runner::NodeTest), &output, &[]);
    assert_eq!(run.tests.len(), 100_000);
    assert!(run.commands[0].reported.incomplete);
}

#[test]
fn deep_nesting_is_bounded() {
    let mut output = String::from("TAP version 13\n");
    for depth in (0..3_000).rev() {
        output.push_str(&format!("{}ok 1 - level\n", "    ".repeat(depth % 500)));
    }
    let run = read(ResultSource::Output(Runner::NodeTest), &output, &[]);
    assert_eq!(run.tests.len(), 3_000);
    let xml = "<testsuite name=\"a\">".repeat(50_000);
    let results = ResultSource::JunitXml { paths: vec!["a.xml".into()], otherwise: None };
    let run = read(results, "", &[ResultFile { path: "part/a.xml".into(), content: xml }]);
    assert!(run.commands[0].reported.incomplete);
}

/// Each reader takes time in proportion to the output: a square of this would not end within the test's limit.
#[test]
fn many_tests_that_never_end_are_read_in_good_time() {
    let mut output = String::new();
    for number in 0..60_000 {
        output.push_str(&format!("{{\"Action\":\"run\",\"Package\":\"p\",\"Test\":\"T{number}\"}}\n"));
    }
    for number in (0..60_000).rev() {
        output.push_str(&format!("{{\"Action\":\"pass\",\"Package\":\"p\",\"Test\":\"T{number}\"}}\n"));
    }
    assert_eq!(read(ResultSource::Output(Runner::GoTest), &output, &[]).tests.len(), 60_000);
    let broken: String = (0..60_000).map(|number| format!(" FAIL  f{number}.js [ f{number}.js ]\n")).collect();
    let started = std::time::Instant::now();
    assert_eq!(read(ResultSource::Output(Runner::Vitest), &broken, &[]).tests.len(), 60_000);
    assert!(started.elapsed().as_secs() < 60, "{:?}", started.elapsed());
}
