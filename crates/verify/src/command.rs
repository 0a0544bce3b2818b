//! Commands as data: what to run, where, and how its results are read.

use serde::{Deserialize, Serialize};

/// A command that is judged by its exit status: it prepares a fresh checkout, or checks the code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShellCommand {
    /// The shell command line.
    pub command: String,
    /// The folder to run it in, relative to the repository; empty for its root.
    pub folder: String,
}

/// A command that runs tests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestCommand {
    /// The shell command line.
    pub command: String,
    /// The folder to run it in, relative to the repository; empty for its root. It stands in front of the names of the
    /// tests, so that two parts of a repository cannot be mistaken for each other.
    pub folder: String,
    /// How its results are read.
    pub results: ResultSource,
}

impl TestCommand {
    /// The globs of the report files to collect after the command, relative to the repository's root. The engine must
    /// collect only files that this command wrote: an old report in the repository says nothing.
    #[must_use]
    pub fn report_globs(&self) -> Vec<String> {
        match &self.results {
            ResultSource::JunitXml { paths, .. } if self.folder.is_empty() => paths.clone(),
            ResultSource::JunitXml { paths, .. } => paths.iter().map(|p| format!("{}/{p}", self.folder)).collect(),
            ResultSource::Output(_) | ResultSource::ExitStatus => Vec::new(),
        }
    }
}

/// How the results of a test command are read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResultSource {
    /// From JUnit XML files.
    JunitXml {
        /// Globs of the files, relative to the command's folder.
        paths: Vec<String>,
        /// Whose output to read when there is no such file.
        otherwise: Option<Runner>,
    },
    /// From what the runner prints.
    Output(Runner),
    /// Only from whether it exits with status 0.
    ExitStatus,
}

/// A test runner whose output is understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Runner {
    /// `cargo test`.
    CargoTest,
    /// `cargo nextest run`, for people or as libtest-json.
    Nextest,
    /// `pytest`.
    Pytest,
    /// `python -m unittest -v`.
    Unittest,
    /// `node --test`, TAP or spec.
    NodeTest,
    /// `jest --verbose` or `--json`.
    Jest,
    /// `vitest run --reporter=verbose`, or `json`, or `tap-flat`.
    Vitest,
    /// `go test -v` or `-json`.
    GoTest,
}

impl Runner {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::CargoTest,
        Self::Nextest,
        Self::Pytest,
        Self::Unittest,
        Self::NodeTest,
        Self::Jest,
        Self::Vitest,
        Self::GoTest,
    ];
}
