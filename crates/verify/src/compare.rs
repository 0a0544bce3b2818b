//! What changed between base and branch. Whatever cannot be told is said, never guessed in the branch's favour.

use baton_core::domain::evidence::{CommandRole, CommandRun, Evidence, TestName, TestRun, TestStatus};

use crate::moved::{self, Moved};

/// The executions to compare.
#[derive(Clone, Copy, Debug)]
pub struct Comparison<'a> {
    /// The commands on the base commit.
    pub base: &'a TestRun,
    /// The commands on the branch.
    pub branch: &'a TestRun,
    /// The commands of [`commands_to_rerun`] on the branch once more.
    pub rerun: Option<&'a TestRun>,
    /// The commands on the base's source with the branch's test files.
    pub branch_tests_on_base: Option<&'a TestRun>,
    /// The files of [`config_changes`](crate::config_changes).
    pub config_changed: &'a [String],
}

/// The evidence. Each list is sorted by name.
#[must_use]
pub fn compare(given: Comparison<'_>) -> Evidence {
    let mut evidence = Evidence {
        config_changed: given.config_changed.to_vec(),
        base_commands: given.base.commands.clone(),
        branch_commands: given.branch.commands.clone(),
        missing: missing(given.base, given.branch),
        ..Evidence::default()
    };
    if evidence.missing.is_none() {
        compare_tests(&given, &mut evidence);
        compare_commands(&given, &mut evidence);
    }
    evidence.fixed.sort();
    evidence.failing_before.sort();
    evidence.flaky.sort();
    evidence
}

/// The test commands of `branch`, by their place among its test commands, that are worth running once more: each fails,
/// and not only in tests that failed on the base already. The whole command is meant: a test alone may behave
/// differently.
#[must_use]
pub fn commands_to_rerun(base: &TestRun, branch: &TestRun) -> Vec<usize> {
    let tests_to_rerun = !doubtful(base, branch).is_empty();
    let commands = branch.commands.iter().filter(|run| run.role == CommandRole::Test).enumerate();
    commands
        .filter(|(_, run)| !run.success)
        .filter(|(_, run)| (tests_to_rerun && run.reported.failed > 0) || broke(run, same_command(&base.commands, run)))
        .map(|(at, _)| at)
        .collect()
}

/// The tests that fail on the branch and did not fail on the base: each should be seen to fail twice.
#[must_use]
pub fn doubtful(base: &TestRun, branch: &TestRun) -> Vec<TestName> {
    branch
        .tests
        .iter()
        .filter(|(name, status)| **status == TestStatus::Failed && base.tests.get(*name) != Some(&TestStatus::Failed))
        .map(|(name, _)| name.clone())
        .collect()
}

/// Why nothing can be compared, for the pull request.
fn missing(base: &TestRun, branch: &TestRun) -> Option<String> {
    if let Some(setup) = base.commands.iter().find(|run| run.role == CommandRole::Setup && !run.success) {
        return Some(format!(
            "The set-up command `{}` fails on the base commit ({}), so the tests could not be run. \
             `commands.setup` in `.github/baton.yml` says what to run instead.",
            setup.command, setup.ended
        ));
    }
    if !base.commands.iter().chain(&branch.commands).any(|run| run.role == CommandRole::Test) {
        return Some(
            "No test command was found in this repository. `commands.test` in `.github/baton.yml` names one."
                .to_owned(),
        );
    }
    let silent = base.commands.iter().find(|run| is_silent(run, same_command(&branch.commands, run)))?;
    Some(format!(
        "`{}` fails on the base commit before it names any test ({}), so what the branch changes cannot be compared.",
        silent.command, silent.ended
    ))
}

/// Whether a command broke off on the base before it named a test, and should have named some: the branch's run did, or
/// fails as well. A command that never names tests is compared by its exit status instead.
fn is_silent(run: &CommandRun, on_branch: Option<&CommandRun>) -> bool {
    let broke_off = run.role == CommandRole::Test && !run.success && run.reported.incomplete && run.reported.tests == 0;
    broke_off && on_branch.is_none_or(|branch| branch.reported.tests > 0 || !branch.success)
}

fn compare_tests(given: &Comparison<'_>, evidence: &mut Evidence) {
    let (base, branch) = (&given.base.tests, &given.branch.tests);
    let moved = moved::find(base, branch);
    for (name, before) in base {
        judge_known(given, name, *before, &moved, evidence);
    }
    for (name, after) in branch {
        let is_new = !matches!(base.get(name), Some(TestStatus::Passed | TestStatus::Failed));
        if is_new && !moved.new.contains(name) {
            judge_new(given, name, *after, evidence);
        }
    }
}

/// A test that the base knows.
fn judge_known(given: &Comparison<'_>, name: &TestName, before: TestStatus, moved: &Moved, evidence: &mut Evidence) {
    use TestStatus::{Failed, Passed, Skipped};
    match (before, given.branch.tests.get(name)) {
        (Passed, Some(Passed)) => evidence.still_passing += 1,
        (Passed | Failed, Some(Failed)) if passes_again(given, name) => evidence.flaky.push(name.clone()),
        (Passed, Some(Failed)) => evidence.newly_failing.push(name.clone()),
        (Failed, Some(Passed)) => evidence.fixed.push(name.clone()),
        (Failed, Some(Failed)) => evidence.failing_before.push(name.clone()),
        (Passed | Failed, Some(Skipped)) => evidence.newly_skipped.push(name.clone()),
        (Passed, None) if moved.old.contains(name) => evidence.still_passing += 1,
        // A command that broke is listed as such; only when it runs to its end again can it be told what is missing.
        (Passed | Failed, None) if any_broke(given) => {}
        (Passed | Failed, None) => evidence.removed.push(name.clone()),
        // It did not run on the base: where it runs on the branch it is judged as a new one.
        (Skipped, _) => {}
    }
}

/// A test that did not run on the base.
fn judge_new(given: &Comparison<'_>, name: &TestName, after: TestStatus, evidence: &mut Evidence) {
    match after {
        TestStatus::Passed => {
            let on_base = given.branch_tests_on_base.and_then(|run| run.tests.get(name));
            if on_base == Some(&TestStatus::Failed) {
                evidence.added_failing_on_base.push(name.clone());
            } else {
                evidence.added.push(name.clone());
            }
        }
        TestStatus::Failed if passes_again(given, name) => evidence.flaky.push(name.clone()),
        TestStatus::Failed => evidence.added_failing.push(name.clone()),
        TestStatus::Skipped => {}
    }
}

fn passes_again(given: &Comparison<'_>, name: &TestName) -> bool {
    given.rerun.and_then(|run| run.tests.get(name)) == Some(&TestStatus::Passed)
}

/// Whether some command of the branch broke and did not break on the base.
fn any_broke(given: &Comparison<'_>) -> bool {
    given.branch.commands.iter().any(|run| broke(run, same_command(&given.base.commands, run)))
}

/// Commands are compared by how they end: builds and set-ups, and runners that name no tests, for which the command
/// stands in for its tests.
fn compare_commands(given: &Comparison<'_>, evidence: &mut Evidence) {
    for run in &given.branch.commands {
        let before = same_command(&given.base.commands, run);
        let unnamed = run.role == CommandRole::Test
            && run.reported.tests == 0
            && before.is_some_and(|run| run.reported.tests == 0);
        let name = TestName(run.command.clone());
        match (before.map(|run| run.success), run.success) {
            (Some(true), true) if unnamed => evidence.still_passing += 1,
            (Some(false), true) if unnamed => evidence.fixed.push(name),
            (Some(false), false) if unnamed => evidence.failing_before.push(name),
            (_, true) => {}
            (_, false) if !broke(run, before) => {}
            (_, false)
                if given
                    .rerun
                    .and_then(|again| same_command(&again.commands, run))
                    .is_some_and(|again| again.success) =>
            {
                evidence.flaky.push(name);
            }
            (_, false) => evidence.broken_commands.push(run.command.clone()),
        }
    }
}

/// Whether a command fails on the branch for a reason that its named tests do not show, and that the base does not have.
fn broke(run: &CommandRun, before: Option<&CommandRun>) -> bool {
    let fails_unexplained = |run: &CommandRun| !run.success && (run.reported.failed == 0 || run.reported.incomplete);
    fails_unexplained(run) && !before.is_some_and(fails_unexplained)
}

/// The run of the same command line; several of the same line are the same.
fn same_command<'a>(commands: &'a [CommandRun], wanted: &CommandRun) -> Option<&'a CommandRun> {
    commands.iter().find(|run| run.command == wanted.command && run.role == wanted.role)
}
