//! From what the sandbox gave back to one [`TestRun`].

use std::collections::BTreeMap;

use baton_core::domain::enclosure::{Completed, Ending};
use baton_core::domain::evidence::{CommandRole, CommandRun, Reported, TestName, TestRun, TestStatus};
use globset::{Glob, GlobSet, GlobSetBuilder};

use crate::command::{ResultSource, ShellCommand, TestCommand};
use crate::results::{self, Reading};

/// Bytes of output kept for people and for the agent.
const TAIL_BYTES: usize = 6000;

/// How pytest and unittest end when there are no tests: that is no failure to name them.
const NO_TESTS: Ending = Ending::Exited(5);

/// One command that was run, with what came back.
#[derive(Clone, Copy, Debug)]
pub enum Executed<'a> {
    /// A set-up command. The tests are only run when all of them succeed.
    Setup(&'a ShellCommand, &'a Completed),
    /// A test command with the report files it wrote.
    Test(&'a TestCommand, &'a Completed, &'a [ResultFile]),
}

/// A report file that a command wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResultFile {
    /// Path relative to the repository's root.
    pub path: String,
    /// The content.
    pub content: String,
}

/// Reads the results of the commands run on one tree, in order. `workspace` is the path of the repository inside the
/// sandbox: runners that print absolute paths then name the same test alike on every tree.
#[must_use]
pub fn assemble(executed: &[Executed<'_>], workspace: &str) -> TestRun {
    let mut run = TestRun { tests: BTreeMap::new(), commands: Vec::new() };
    for one in executed {
        match one {
            Executed::Setup(command, completed) => {
                let shown = shown(&command.command, &command.folder);
                run.commands.push(command_run(shown, completed, CommandRole::Setup, Reported::default()));
            }
            Executed::Test(command, completed, files) => {
                let reading = read(command, completed, files, workspace);
                let is_named = command.results != ResultSource::ExitStatus;
                let silent = reading.cases.is_empty() && !completed.ending.success() && completed.ending != NO_TESTS;
                let cut_off = !matches!(completed.ending, Ending::Exited(_)) || completed.dropped_bytes > 0;
                let reported = Reported {
                    tests: reading.cases.len(),
                    failed: reading.cases.iter().filter(|(_, status)| *status == TestStatus::Failed).count(),
                    incomplete: is_named && (reading.incomplete || silent || cut_off),
                };
                let shown = shown(&command.command, &command.folder);
                run.commands.push(command_run(shown, completed, CommandRole::Test, reported));
                add_tests(&mut run.tests, &command.folder, reading);
            }
        }
    }
    run
}

/// A command's line as people see it: with its folder where it is not run at the root.
fn shown(command: &str, folder: &str) -> String {
    if folder.is_empty() { command.to_owned() } else { format!("cd {folder} && {command}") }
}

fn read(command: &TestCommand, completed: &Completed, files: &[ResultFile], workspace: &str) -> Reading {
    let relative = |text: &str| match workspace.trim_end_matches('/') {
        "" => text.to_owned(),
        root => text.replace(&format!("{root}/"), ""),
    };
    match &command.results {
        ResultSource::ExitStatus => Reading::default(),
        ResultSource::Output(runner) => results::read(*runner, &relative(&completed.output)),
        ResultSource::JunitXml { otherwise, .. } => {
            let reports = glob_set(&command.report_globs());
            let mut wanted: Vec<&ResultFile> = files.iter().filter(|file| reports.is_match(&file.path)).collect();
            wanted.sort_by(|a, b| a.path.cmp(&b.path));
            let mut reading = Reading::default();
            for file in &wanted {
                reading.extend(results::read_junit(&relative(&file.content)));
            }
            if wanted.is_empty() {
                match otherwise {
                    Some(runner) => return results::read(*runner, &relative(&completed.output)),
                    None => reading.incomplete = true,
                }
            }
            reading
        }
    }
}

/// A glob that is none matches nothing.
fn glob_set(globs: &[String]) -> GlobSet {
    let mut set = GlobSetBuilder::new();
    for glob in globs.iter().filter_map(|glob| Glob::new(glob).ok()) {
        set.add(glob);
    }
    set.build().unwrap_or_default()
}

fn add_tests(tests: &mut BTreeMap<TestName, TestStatus>, folder: &str, reading: Reading) {
    for (name, status) in reading.cases {
        let name = if folder.is_empty() { name } else { format!("{folder}: {name}") };
        let mut unique = TestName(name.clone());
        let mut times = 1_u32;
        while tests.contains_key(&unique) {
            times += 1;
            unique = TestName(format!("{name} #{times}"));
        }
        tests.insert(unique, status);
    }
}

fn command_run(command: String, completed: &Completed, role: CommandRole, reported: Reported) -> CommandRun {
    CommandRun {
        command,
        success: completed.ending.success(),
        ended: match completed.ending {
            Ending::Exited(status) => format!("exit {status}"),
            Ending::Signalled(signal) => format!("killed by signal {signal}"),
            Ending::TimedOut => format!("killed after {} s", completed.millis / 1000),
        },
        millis: completed.millis,
        tail: tail(&completed.output),
        role,
        reported,
    }
}

/// The last part of the output, from the start of a line where that is not far.
fn tail(output: &str) -> String {
    let output = results::plain(output);
    let output = output.trim_end();
    if output.len() <= TAIL_BYTES {
        return output.to_owned();
    }
    let start = output.ceil_char_boundary(output.len() - TAIL_BYTES);
    let cut = &output[start..];
    let from = cut.find('\n').filter(|at| *at < 400).map_or(0, |at| at + 1);
    format!("…\n{}", &cut[from..])
}
