//! What is said about a branch, case by case.

use baton_core::domain::enclosure::{Completed, Ending};
use baton_core::domain::evidence::{Evidence, TestName, TestRun};
use baton_verify::{
    Comparison, Executed, ResultFile, ResultSource, Runner, ShellCommand, TestCommand, assemble, commands_to_rerun,
    compare, doubtful,
};

/// A run of pytest: each test with its result.
fn run(tests: &[(&str, &str)]) -> TestRun {
    let failed = tests.iter().any(|(_, word)| ["FAILED", "ERROR"].contains(word));
    let mut output = String::from("== test session starts ==\n");
    for (name, word) in tests {
        output.push_str(&format!("tests/a.py::{name} {word} [ 10%]\n"));
    }
    output.push_str("== 1 passed in 0.01s ==\n");
    one(ResultSource::Output(Runner::Pytest), &output, i32::from(failed))
}

fn one(results: ResultSource, output: &str, status: i32) -> TestRun {
    let command = TestCommand { command: "check".into(), folder: String::new(), results };
    assemble(&[Executed::Test(&command, &completed(output, status), &[])], "/workspace")
}

fn completed(output: &str, status: i32) -> Completed {
    Completed { ending: Ending::Exited(status), output: output.to_owned(), dropped_bytes: 0, millis: 5 }
}

fn exit(status: i32) -> TestRun {
    one(ResultSource::ExitStatus, "", status)
}

fn evidence(base: &TestRun, branch: &TestRun) -> Evidence {
    compare(Comparison { base, branch, rerun: None, branch_tests_on_base: None, config_changed: &[] })
}

fn names(names: &[TestName]) -> Vec<&str> {
    names.iter().map(|name| name.0.trim_start_matches("tests/a.py::")).collect()
}

#[test]
fn each_way_a_test_can_go() {
    let base = run(&[
        ("stays", "PASSED"),
        ("breaks", "PASSED"),
        ("repaired", "FAILED"),
        ("old_trouble", "FAILED"),
        ("muted", "PASSED"),
        ("muted_failure", "FAILED"),
        ("expected", "PASSED"),
        ("gone", "PASSED"),
        ("gone_failure", "FAILED"),
        ("awake", "SKIPPED"),
        ("asleep", "SKIPPED"),
        ("asleep_and_gone", "SKIPPED"),
    ]);
    let branch = run(&[
        ("stays", "PASSED"),
        ("breaks", "FAILED"),
        ("repaired", "PASSED"),
        ("old_trouble", "FAILED"),
        ("muted", "SKIPPED"),
        ("muted_failure", "SKIPPED"),
        ("expected", "XFAIL"),
        ("awake", "PASSED"),
        ("asleep", "SKIPPED"),
        ("new", "PASSED"),
        ("new_failure", "ERROR"),
        ("new_skipped", "SKIPPED"),
    ]);
    let evidence = evidence(&base, &branch);
    assert_eq!(evidence.still_passing, 1);
    assert_eq!(names(&evidence.newly_failing), ["breaks"]);
    assert_eq!(names(&evidence.fixed), ["repaired"]);
    assert_eq!(names(&evidence.failing_before), ["old_trouble"]);
    assert_eq!(names(&evidence.newly_skipped), ["expected", "muted", "muted_failure"]);
    assert_eq!(names(&evidence.removed), ["gone", "gone_failure"]);
    assert_eq!(names(&evidence.added), ["awake", "new"]);
    assert_eq!(names(&evidence.added_failing), ["new_failure"]);
    assert!(
        evidence.added_failing_on_base.is_empty() && evidence.flaky.is_empty() && evidence.broken_commands.is_empty()
    );
    assert_eq!(evidence.missing, None);
    assert!(evidence.has_failures() && evidence.is_suspicious() && !evidence.is_good());
}

#[test]
fn a_new_test_is_proven_by_the_base() {
    let base = run(&[("old", "PASSED")]);
    let branch =
        run(&[("old", "PASSED"), ("proves", "PASSED"), ("proves_nothing", "PASSED"), ("cannot_run", "PASSED")]);
    let on_base = run(&[("old", "PASSED"), ("proves", "FAILED"), ("proves_nothing", "PASSED")]);
    let evidence = compare(Comparison {
        base: &base,
        branch: &branch,
        rerun: None,
        branch_tests_on_base: Some(&on_base),
        config_changed: &[],
    });
    assert_eq!(names(&evidence.added_failing_on_base), ["proves"]);
    assert_eq!(names(&evidence.added), ["cannot_run", "proves_nothing"]);
    assert!(evidence.is_good());
}

#[test]
fn a_test_that_passes_again_is_flaky() {
    let base = run(&[("a", "PASSED"), ("b", "PASSED"), ("c", "FAILED")]);
    let branch = run(&[("a", "FAILED"), ("b", "FAILED"), ("c", "FAILED"), ("new", "FAILED")]);
    assert_eq!(names(&doubtful(&base, &branch)), ["a", "b", "new"]);
    assert_eq!(commands_to_rerun(&base, &branch), [0]);
    let again = run(&[("a", "PASSED"), ("b", "FAILED"), ("c", "PASSED"), ("new", "PASSED")]);
    let evidence = compare(Comparison {
        base: &base,
        branch: &branch,
        rerun: Some(&again),
        branch_tests_on_base: None,
        config_changed: &[],
    });
    assert_eq!(names(&evidence.flaky), ["a", "c", "new"]);
    assert_eq!(names(&evidence.newly_failing), ["b"]);
    assert!(evidence.failing_before.is_empty() && evidence.added_failing.is_empty());
}

#[test]
fn what_failed_before_is_not_run_again() {
    let run = run(&[("a", "FAILED")]);
    assert!(commands_to_rerun(&run, &run).is_empty());
    assert!(!evidence(&run, &run).has_failures());
}

#[test]
fn a_changed_configuration_is_suspicious() {
    let run = run(&[("a", "PASSED")]);
    let changed = ["pytest.ini".to_owned()];
    let evidence = compare(Comparison {
        base: &run,
        branch: &run,
        rerun: None,
        branch_tests_on_base: None,
        config_changed: &changed,
    });
    assert_eq!(evidence.config_changed, changed);
    assert!(!evidence.has_failures() && evidence.is_suspicious() && !evidence.is_good());
}

#[test]
fn a_test_that_moved_or_was_split_is_not_removed() {
    let base = run(&[("Old::test_a", "PASSED"), ("test_b", "PASSED"), ("test_c", "PASSED"), ("test_d", "PASSED")]);
    let branch = run(&[
        ("New::test_a", "PASSED"),
        ("test_b[1]", "PASSED"),
        ("test_b[2]", "PASSED"),
        ("test_c[1]", "SKIPPED"),
        ("test_e", "PASSED"),
    ]);
    let evidence = evidence(&base, &branch);
    assert_eq!(evidence.still_passing, 2);
    assert_eq!(names(&evidence.removed), ["test_c", "test_d"]);
    assert_eq!(names(&evidence.added), ["test_e"]);
}

#[test]
fn two_tests_of_one_name_cannot_be_told_apart_when_they_move() {
    let base = run(&[("A::test_x", "PASSED"), ("B::test_x", "PASSED")]);
    let branch = run(&[("C::test_x", "PASSED")]);
    let evidence = evidence(&base, &branch);
    assert_eq!(names(&evidence.removed), ["A::test_x", "B::test_x"]);
    assert_eq!(names(&evidence.added), ["C::test_x"]);
}

#[test]
fn a_case_of_a_parameter_that_is_gone_is_removed() {
    let evidence = evidence(&run(&[("t[1]", "PASSED"), ("t[2]", "PASSED")]), &run(&[("t[1]", "PASSED")]));
    assert_eq!(names(&evidence.removed), ["t[2]"]);
}

#[test]
fn addresses_in_parameters_are_no_difference() {
    let base = run(&[("t[<object at 0x7f3a12345678>]", "PASSED")]);
    let branch = run(&[("t[<object at 0x7f99abcdef01>]", "PASSED")]);
    assert_eq!(evidence(&base, &branch).still_passing, 1);
}

#[test]
fn a_command_without_named_tests_is_compared_by_its_status() {
    assert_eq!(evidence(&exit(0), &exit(0)).still_passing, 1);
    assert!(evidence(&exit(0), &exit(0)).is_good());
    assert_eq!(names(&evidence(&exit(2), &exit(0)).fixed), ["check"]);
    assert_eq!(names(&evidence(&exit(2), &exit(3)).failing_before), ["check"]);
    let broken = evidence(&exit(0), &exit(1));
    assert_eq!(broken.broken_commands, ["check"]);
    assert!(broken.has_failures());
}

#[test]
fn a_command_that_succeeds_when_run_again_is_flaky() {
    let (base, branch, again) = (exit(0), exit(1), exit(0));
    assert_eq!(commands_to_rerun(&base, &branch), [0]);
    let evidence = compare(Comparison {
        base: &base,
        branch: &branch,
        rerun: Some(&again),
        branch_tests_on_base: None,
        config_changed: &[],
    });
    assert_eq!(names(&evidence.flaky), ["check"]);
    assert!(evidence.broken_commands.is_empty());
}

#[test]
fn a_branch_that_does_not_compile_breaks_the_command_and_removes_nothing() {
    let base = one(
        ResultSource::Output(Runner::CargoTest),
        "     Running tests/a.rs (target/debug/deps/a-1)\n\nrunning 1 test\ntest works ... ok\n\ntest result: ok.\n",
        0,
    );
    let branch = one(
        ResultSource::Output(Runner::CargoTest),
        "error: could not compile `a` (lib) due to 1 previous error\n",
        101,
    );
    let said = evidence(&base, &branch);
    assert_eq!(said.broken_commands, ["check"]);
    assert!(said.removed.is_empty() && said.missing.is_none());
    let said = evidence(&branch, &base);
    assert_eq!(
        said.missing.as_deref(),
        Some(
            "`check` fails on the base commit before it names any test (exit 101), so what the branch changes cannot be compared."
        )
    );
    assert!(said.added.is_empty() && !said.is_good());
}

#[test]
fn the_first_tests_of_a_repository_are_added() {
    let base = one(ResultSource::Output(Runner::Pytest), "== test session starts ==\n== no tests ran in 0.01s ==\n", 5);
    let said = evidence(&base, &run(&[("first", "PASSED")]));
    assert_eq!(names(&said.added), ["first"]);
    assert!(said.is_good());
}

#[test]
fn a_command_that_cannot_even_start_on_the_base() {
    let base = one(ResultSource::Output(Runner::GoTest), "bash: go: command not found\n", 127);
    for branch in [
        &base,
        &one(ResultSource::Output(Runner::GoTest), "=== RUN   TestA\n--- PASS: TestA (0.00s)\nok  \tp\t0.1s\n", 0),
    ] {
        let said = evidence(&base, branch);
        assert_eq!(
            said.missing.as_deref(),
            Some(
                "`check` fails on the base commit before it names any test (exit 127), so what the branch changes cannot be compared."
            )
        );
    }
}

#[test]
fn a_crash_beside_named_failures_is_a_broken_command() {
    let block = |rest: &str| format!("     Running tests/a.rs (target/debug/deps/a-1)\n\nrunning 2 tests\n{rest}");
    let base = one(
        ResultSource::Output(Runner::CargoTest),
        &block(
            "test x ... ok\ntest y ... FAILED\n\ntest result: FAILED.\nerror: test failed, to rerun pass `--test a`\nerror: 1 target failed:\n",
        ),
        101,
    );
    let branch = one(
        ResultSource::Output(Runner::CargoTest),
        &block("test y ... FAILED\nerror: test failed, to rerun pass `--test a`\nerror: 1 target failed:\n"),
        101,
    );
    let said = evidence(&base, &branch);
    assert_eq!(said.broken_commands, ["check"]);
    assert_eq!(said.failing_before, [TestName("tests/a.rs::y".into())]);
    assert!(said.removed.is_empty(), "what did not come to run is not removed");
}

#[test]
fn what_breaks_off_on_both_sides_still_misses_its_tests() {
    let output =
        |tests: &str| format!("== test session starts ==\ncollected 3 items / 1 error\n{tests}ERROR tests/b.py\n");
    let base = one(ResultSource::Output(Runner::Pytest), &output("tests/a.py::x PASSED\ntests/a.py::y PASSED\n"), 1);
    let branch = one(ResultSource::Output(Runner::Pytest), &output("tests/a.py::x PASSED\n"), 1);
    assert_eq!(names(&evidence(&base, &branch).removed), ["y"]);
}

#[test]
fn a_set_up_that_fails() {
    let setup = ShellCommand { command: "npm ci".into(), folder: "web".into() };
    let failed = assemble(&[Executed::Setup(&setup, &completed("no network", 1))], "/workspace");
    let command = TestCommand { command: "check".into(), folder: String::new(), results: ResultSource::ExitStatus };
    let worked = assemble(
        &[Executed::Setup(&setup, &completed("", 0)), Executed::Test(&command, &completed("", 0), &[])],
        "/workspace",
    );
    assert_eq!(
        evidence(&failed, &worked).missing.as_deref(),
        Some(
            "The set-up command `cd web && npm ci` fails on the base commit (exit 1), so the tests could not be run. `commands.setup` in `.github/baton.yml` says what to run instead."
        )
    );
    assert_eq!(evidence(&worked, &failed).broken_commands, ["cd web && npm ci"]);
    assert_eq!(evidence(&worked, &worked).still_passing, 1, "a set-up is no test");
}

#[test]
fn no_test_command() {
    let nothing = assemble(&[], "/workspace");
    assert_eq!(
        evidence(&nothing, &nothing).missing.as_deref(),
        Some("No test command was found in this repository. `commands.test` in `.github/baton.yml` names one.")
    );
}

#[test]
fn a_run_that_is_killed_is_incomplete() {
    let command =
        TestCommand { command: "check".into(), folder: "part".into(), results: ResultSource::Output(Runner::Pytest) };
    let killed = Completed {
        ending: Ending::TimedOut,
        output: format!(
            "{}\n== test session starts ==\ntests/a.py::x PASSED\n\u{1b}[31mred\u{1b}[0m\n",
            "é".repeat(4000)
        ),
        dropped_bytes: 0,
        millis: 600_500,
    };
    let run = assemble(&[Executed::Test(&command, &killed, &[])], "/workspace");
    assert_eq!(run.tests.keys().map(|name| name.0.as_str()).collect::<Vec<_>>(), ["part: tests/a.py::x"]);
    assert_eq!(run.commands[0].ended, "killed after 600 s");
    assert_eq!(run.commands[0].command, "cd part && check");
    assert!(run.commands[0].reported.incomplete);
    assert!(run.commands[0].tail.len() < 6100 && run.commands[0].tail.ends_with("PASSED\nred"));
}

#[test]
fn reports_are_preferred_and_the_output_is_the_second_choice() {
    let results = ResultSource::JunitXml { paths: vec!["out/*.xml".into()], otherwise: Some(Runner::Pytest) };
    let command = TestCommand { command: "check".into(), folder: "part".into(), results };
    let printed = completed("== test session starts ==\na.py::printed PASSED\n== 1 passed in 1s ==\n", 0);
    let file = |path: &str| ResultFile {
        path: path.into(),
        content: "<testsuite name='s'><testcase classname='C' name='written'/></testsuite>".into(),
    };
    let names = |files: &[ResultFile]| {
        let run = assemble(&[Executed::Test(&command, &printed, files)], "/workspace");
        run.tests.into_keys().map(|name| name.0).collect::<Vec<_>>()
    };
    assert_eq!(names(&[file("part/out/a.xml")]), ["part: C::written"]);
    assert_eq!(names(&[file("out/a.xml")]), ["part: a.py::printed"], "a report elsewhere is not this command's");
    assert_eq!(names(&[file("part/out/a.xml"), file("part/out/b.xml")]), ["part: C::written", "part: C::written #2"]);
}
