//! The real sandbox over a tree, with this machine's toolchains: serves an agent, runs test commands, hands changes back.

use std::path::{Path, PathBuf};
use std::time::Duration;

use baton_agent::{Agent, AgentFailure, tool_port};
use baton_core::domain::enclosure::{EnclosureSpec, Gap, Invocation, Limits, WorkspaceAccess, WorkspaceChanges};
use baton_core::domain::evidence::TestRun;
use baton_core::domain::run::{RunOutcome, RunRequest};
use baton_sandbox::{AgentUser, Bubblewrap, Config, Sandbox, Session, Toolchains};
use baton_verify::{Executed, ShellCommand, TestCommand, assemble};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::files::{Tree, checkout};

const PROGRAM: &str = env!("CARGO_BIN_EXE_baton-enclosure");

/// Folders with toolchains to be used instead of the machine's own, with colons between: each has a `bin`.
const INSTEAD: &str = "BATON_REPLAY_TOOLCHAINS";

fn sandbox() -> Bubblewrap {
    assert!(Path::new("/usr/bin/bwrap").exists(), "bubblewrap is missing: run `apt-get install bubblewrap`");
    let mut config = Config::new(PROGRAM.into());
    config.agent = Some(AgentUser { uid: 64_123, gid: 64_123 });
    if !rustix::process::geteuid().is_root() {
        // An ordinary user has no control groups: accepted by name, as an operator would.
        config.accepted_gaps = Gap::ALL.into();
    }
    Bubblewrap::new(config)
}

/// Cargo's and rustup's folders, wherever this machine has them. Python and Node come from `/usr`.
fn rust_folders() -> [PathBuf; 2] {
    let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    [("CARGO_HOME", ".cargo"), ("RUSTUP_HOME", ".rustup")]
        .map(|(variable, name)| std::env::var_os(variable).map_or_else(|| home.join(name), PathBuf::from))
}

fn spec(folder: &Path, access: WorkspaceAccess) -> EnclosureSpec {
    let instead = std::env::var(INSTEAD).unwrap_or_default();
    let mut folders: Vec<PathBuf> = instead.split(':').filter(|path| !path.is_empty()).map(PathBuf::from).collect();
    let [cargo, rustup] = rust_folders();
    folders.extend([cargo, rustup.clone()].into_iter().filter(|path| path.is_dir()));
    let Toolchains { path_prefix, mut env } = Toolchains::found_in(&folders);
    if rustup.is_dir() {
        env.insert("RUSTUP_HOME".to_owned(), rustup.display().to_string());
    }
    // What lies in `/usr` is there already.
    folders.retain(|path| !path.starts_with("/usr"));
    EnclosureSpec {
        label: "replay".to_owned(),
        checkout: folder.to_owned(),
        access,
        limits: Limits { wall_seconds: 1_800, ..Limits::default() },
        read_only_paths: folders,
        path_prefix,
        env,
    }
}

async fn start(folder: &Path, access: WorkspaceAccess, setup: &[ShellCommand]) -> Box<dyn Session> {
    let started = sandbox().start(spec(folder, access)).await;
    let mut session = started.unwrap_or_else(|error| panic!("the sandbox did not start: {error}"));
    for program in ["bash", "python3", "node", "cargo"] {
        let (ok, output) = shell(&mut *session, &format!("command -v {program}")).await;
        let remedy = "install it for the whole system (`apt-get install`), Rust also with rustup";
        assert!(ok, "{program} is missing in the sandbox: {remedy}\n{output}");
    }
    if access == WorkspaceAccess::Writable {
        for command in setup {
            let (ok, output) = shell(&mut *session, &command.command).await;
            assert!(ok, "the set-up `{}` failed:\n{output}", command.command);
        }
    }
    session
}

async fn shell(session: &mut dyn Session, command: &str) -> (bool, String) {
    let invocation = Invocation::shell(command, Duration::from_secs(600));
    let completed = session.exec(invocation, &mut |_| {}).await.unwrap();
    (completed.ending.success(), completed.output)
}

/// Lets an agent do one run on a tree, which gets the changes. Sets up first, as the engine does.
pub async fn work(
    agent: &dyn Agent,
    request: RunRequest,
    tree: &mut Tree,
    access: WorkspaceAccess,
    setup: &[ShellCommand],
) -> Result<RunOutcome, AgentFailure> {
    let folder = checkout(tree);
    let mut session = start(folder.path(), access, setup).await;
    let (port, mut calls) = tool_port();
    let (events, mut told) = mpsc::channel(64);
    let run = agent.run(request, port, events, CancellationToken::new());
    let serve = async {
        while let Some(call) = calls.next().await {
            let reply = session.tool(call.request.clone()).await.unwrap();
            call.answer(reply);
        }
    };
    let hear = async { while told.recv().await.is_some() {} };
    let (outcome, (), ()) = tokio::join!(run, serve, hear);
    let changes = session.changes().await.unwrap();
    session.stop().await;
    apply(changes, tree);
    outcome
}

fn apply(changes: WorkspaceChanges, tree: &mut Tree) {
    for file in changes.written {
        tree.insert(file.path, String::from_utf8(file.content).unwrap());
    }
    for path in changes.deleted {
        tree.remove(&path);
    }
}

/// Runs the test commands on a tree, as Baton does after a run, and reads what they say.
pub async fn tests(tree: &Tree, setup: &[ShellCommand], commands: &[TestCommand]) -> TestRun {
    let folder = checkout(tree);
    let mut session = start(folder.path(), WorkspaceAccess::Writable, setup).await;
    let mut completed = Vec::new();
    for command in commands {
        let invocation = Invocation::shell(&command.command, Duration::from_secs(600));
        completed.push(session.exec(invocation, &mut |_| {}).await.unwrap());
    }
    session.stop().await;
    let executed: Vec<Executed<'_>> =
        commands.iter().zip(&completed).map(|(command, done)| Executed::Test(command, done, &[])).collect();
    assemble(&executed, "/workspace")
}
