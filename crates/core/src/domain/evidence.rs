//! Evidence: test results on the base and on the branch, and what changed between them. Compared by `verify`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A test's name, unique within its repository: `suite::case`, with the file or package in front where the runner gives it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TestName(pub String);

/// What became of one test in one execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TestStatus {
    /// It ran and passed.
    Passed,
    /// It ran and failed, or broke.
    Failed,
    /// It did not run: skipped, ignored, to do.
    Skipped,
}

/// One execution of the test commands on one tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestRun {
    /// Each test that was named, with its result.
    pub tests: BTreeMap<TestName, TestStatus>,
    /// Each command with how it ended (`exit 0`, `timed out`), in order.
    pub commands: Vec<CommandRun>,
}

impl TestRun {
    /// Whether every command exited with status 0.
    #[must_use]
    pub fn commands_succeeded(&self) -> bool {
        self.commands.iter().all(|c| c.success)
    }
}

/// One command of the test run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandRun {
    /// The command line.
    pub command: String,
    /// Whether it exited with status 0.
    pub success: bool,
    /// How it ended, for people: `exit 0`, `exit 101`, `killed after 600 s`.
    pub ended: String,
    /// Wall-clock milliseconds.
    pub millis: u64,
    /// The last part of its output.
    pub tail: String,
    /// What the command is for.
    #[serde(default)]
    pub role: CommandRole,
    /// What it said about single tests.
    #[serde(default)]
    pub reported: Reported,
}

/// What a command of a test run is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CommandRole {
    /// It prepares the checkout; the tests only run when it succeeded.
    Setup,
    /// It runs tests.
    #[default]
    Test,
}

/// What one command said about single tests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Reported {
    /// Tests it named; 0 for a command that is judged by its exit status.
    pub tests: usize,
    /// Those of them that failed.
    pub failed: usize,
    /// Whether it broke off: did not compile, crashed, ran out of time, stopped at the first failure. What it did not
    /// name may still exist.
    pub incomplete: bool,
}

/// The comparison that goes into the pull request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Evidence {
    /// Failed on the base, pass on the branch.
    pub fixed: Vec<TestName>,
    /// New on the branch, pass there, and fail when the branch's tests run on the base's source.
    pub added_failing_on_base: Vec<TestName>,
    /// New on the branch and pass there; on the base's source they pass too or could not be run.
    pub added: Vec<TestName>,
    /// New on the branch and fail there.
    pub added_failing: Vec<TestName>,
    /// How many pass on both.
    pub still_passing: usize,
    /// Passed on the base, fail on the branch, twice.
    pub newly_failing: Vec<TestName>,
    /// Failed on the base already.
    pub failing_before: Vec<TestName>,
    /// Failed on the branch and passed when run again.
    pub flaky: Vec<TestName>,
    /// Ran on the base, unknown on the branch.
    pub removed: Vec<TestName>,
    /// Ran on the base, skipped or ignored on the branch.
    pub newly_skipped: Vec<TestName>,
    /// Files that decide which tests run and how, and that the branch changes.
    pub config_changed: Vec<String>,
    /// Commands that fail on the branch and did not on the base (builds, setups, runners without named tests).
    pub broken_commands: Vec<String>,
    /// The commands as run on the base.
    pub base_commands: Vec<CommandRun>,
    /// The commands as run on the branch.
    pub branch_commands: Vec<CommandRun>,
    /// Why there is no evidence, where there is none (no test command found, setup fails on the base).
    pub missing: Option<String>,
}

impl Evidence {
    /// Whether the agent should get another round: something fails that did not before.
    #[must_use]
    pub fn has_failures(&self) -> bool {
        !self.newly_failing.is_empty() || !self.added_failing.is_empty() || !self.broken_commands.is_empty()
    }

    /// Whether tests were taken away, muted, or their running changed: a person must look, the PR stays a draft.
    #[must_use]
    pub fn is_suspicious(&self) -> bool {
        !self.removed.is_empty() || !self.newly_skipped.is_empty() || !self.config_changed.is_empty()
    }

    /// Why a person has to look before the PR may leave draft, if one has to.
    #[must_use]
    pub fn doubt(&self) -> Option<Doubt> {
        if self.missing.is_some() {
            Some(Doubt::Missing)
        } else if self.has_failures() {
            Some(Doubt::Failing)
        } else if self.is_suspicious() {
            Some(Doubt::Muted)
        } else {
            None
        }
    }

    /// Whether the PR may leave draft.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.doubt().is_none()
    }

    /// Whether any test was named, so that there is something to count.
    #[must_use]
    pub fn names_tests(&self) -> bool {
        let lists = [
            &self.fixed,
            &self.added_failing_on_base,
            &self.added,
            &self.added_failing,
            &self.newly_failing,
            &self.failing_before,
            &self.flaky,
            &self.removed,
            &self.newly_skipped,
        ];
        self.still_passing > 0 || lists.iter().any(|list| !list.is_empty())
    }

    /// Whether something failed without the change and passes with it: a test, or a whole command that names no tests.
    #[must_use]
    pub fn shows_the_change(&self) -> bool {
        let mended = |before: &CommandRun| {
            !before.success
                && before.role == CommandRole::Test
                && self.branch_commands.iter().any(|after| after.command == before.command && after.success)
        };
        !self.fixed.is_empty() || !self.added_failing_on_base.is_empty() || self.base_commands.iter().any(mended)
    }
}

/// What is wrong with evidence that is not good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Doubt {
    /// There is none.
    Missing,
    /// Something fails that did not fail before.
    Failing,
    /// Tests were removed or muted, or the way they are run was changed.
    Muted,
}
