//! The test commands, run by Baton itself in a fresh sandbox, with their results read.

use baton_core::domain::enclosure::{Completed, Invocation, WorkspaceAccess};
use baton_core::domain::evidence::TestRun;
use baton_core::domain::ids::RepositoryId;
use baton_git::CheckoutOf;
use baton_queue::Failure;
use baton_sandbox::Session;
use baton_verify::{Executed, ResultFile, ShellCommand, TestCommand, assemble};

use crate::engine::project::Commands;
use crate::engine::{Engine, enclose, error};

/// Seconds one command may take.
pub(super) const COMMAND_SECONDS: u64 = 20 * 60;

/// Seconds one whole execution may take.
const EXECUTION_SECONDS: u64 = 45 * 60;

/// Report files read of one command, and bytes of one of them.
const REPORTS: usize = 200;
const REPORT_BYTES: u64 = 8 * 1024 * 1024;

/// Runs the set-up commands; the one that failed, if one did. What they print is not kept here.
pub(super) async fn set_up(session: &mut dyn Session, setup: &[ShellCommand]) -> Result<Option<String>, Failure> {
    for command in setup {
        if !shell(session, &command.command, &command.folder).await?.ending.success() {
            return Ok(Some(command.command.clone()));
        }
    }
    Ok(None)
}

async fn shell(session: &mut dyn Session, command: &str, folder: &str) -> Result<Completed, Failure> {
    let mut invocation = Invocation::shell(command, std::time::Duration::from_secs(COMMAND_SECONDS));
    invocation.cwd = folder.to_owned();
    session.exec(invocation, &mut |_| {}).await.map_err(|error| enclose::failure(&error))
}

impl Engine {
    /// Runs the set-up and the test commands on one tree, in a sandbox of its own. With `only`, just those of the test
    /// commands, by their place.
    pub(super) async fn run_tests(
        &self,
        label: String,
        repository: RepositoryId,
        what: &CheckoutOf,
        commands: &Commands,
        only: Option<&[usize]>,
    ) -> Result<TestRun, Failure> {
        let checkout =
            self.parts().git.checkout(repository, what, self.now()).await.map_err(|e| error::checkout(&e))?;
        let mut session = self.enclose(label, checkout.path(), WorkspaceAccess::Writable, EXECUTION_SECONDS).await?;
        let run = execute(session.as_mut(), commands, only).await;
        session.stop().await;
        run
    }
}

async fn execute(session: &mut dyn Session, commands: &Commands, only: Option<&[usize]>) -> Result<TestRun, Failure> {
    let mut setups: Vec<(&ShellCommand, Completed)> = Vec::new();
    for command in &commands.setup {
        let completed = shell(session, &command.command, &command.folder).await?;
        let failed = !completed.ending.success();
        setups.push((command, completed));
        if failed {
            let executed: Vec<_> = setups.iter().map(|(command, done)| Executed::Setup(command, done)).collect();
            return Ok(assemble(&executed, enclose::WORKSPACE));
        }
    }
    let mut tests: Vec<(&TestCommand, Completed, Vec<ResultFile>)> = Vec::new();
    for (place, command) in commands.test.iter().enumerate() {
        if only.is_some_and(|only| !only.contains(&place)) {
            continue;
        }
        // A report that was there before says nothing about this execution.
        remove_reports(session, command).await?;
        let completed = shell(session, &command.command, &command.folder).await?;
        let reports = reports(session, command).await?;
        tests.push((command, completed, reports));
    }
    let executed: Vec<_> = setups
        .iter()
        .map(|(command, done)| Executed::Setup(command, done))
        .chain(tests.iter().map(|(command, done, files)| Executed::Test(command, done, files)))
        .collect();
    Ok(assemble(&executed, enclose::WORKSPACE))
}

/// Expands a glob inside the sandbox and does something with each file; the glob reaches the shell as data.
async fn for_each_report(session: &mut dyn Session, glob: &str, action: &str) -> Result<String, Failure> {
    let script =
        format!("shopt -s globstar nullglob; IFS=; for file in $GLOB; do [ -f \"$file\" ] && {action}; done; true");
    let mut invocation = Invocation::shell(&script, std::time::Duration::from_secs(60));
    invocation.env.insert("GLOB".to_owned(), glob.to_owned());
    let completed = session.exec(invocation, &mut |_| {}).await.map_err(|error| enclose::failure(&error))?;
    Ok(completed.output)
}

async fn remove_reports(session: &mut dyn Session, command: &TestCommand) -> Result<(), Failure> {
    for glob in command.report_globs() {
        for_each_report(session, &glob, "rm -f -- \"$file\"").await?;
    }
    Ok(())
}

async fn reports(session: &mut dyn Session, command: &TestCommand) -> Result<Vec<ResultFile>, Failure> {
    let mut files = Vec::new();
    for glob in command.report_globs() {
        let listed = for_each_report(session, &glob, "printf '%s\\n' \"$file\"").await?;
        for path in listed.lines().take(REPORTS) {
            let read = session.read_file(path, REPORT_BYTES).await.map_err(|error| enclose::failure(&error))?;
            if let Some(content) = read.and_then(|bytes| String::from_utf8(bytes).ok()) {
                files.push(ResultFile { path: path.to_owned(), content });
            }
        }
    }
    Ok(files)
}
