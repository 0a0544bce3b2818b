//! What the tests share: a checkout, a specification, a started session.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use baton_core::domain::enclosure::{Completed, EnclosureSpec, Gap, Invocation, Limits, WorkspaceAccess};
use baton_core::domain::tool::{ToolReply, ToolRequest};
use baton_sandbox::{AgentUser, Bubblewrap, Config, Sandbox, Session};

pub const PROGRAM: &str = env!("CARGO_BIN_EXE_baton-enclosure");
pub const MIB: u64 = 1024 * 1024;

/// A user that owns nothing on any machine.
pub const AGENT: AgentUser = AgentUser { uid: 64_123, gid: 64_123 };

pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// The configuration for whoever runs the tests. An ordinary user has no control groups here: that gap is accepted by
/// name, as an operator would.
pub fn config() -> Config {
    assert!(Path::new("/usr/bin/bwrap").exists(), "bubblewrap is missing: run `apt-get install bubblewrap`");
    let mut config = Config::new(PROGRAM.into());
    config.agent = Some(AGENT);
    if !is_root() {
        config.accepted_gaps = Gap::ALL.into();
    }
    config
}

pub fn sandbox() -> Bubblewrap {
    Bubblewrap::new(config())
}

/// A small checkout, owned by whoever runs the tests, closed to others as a temporary folder is.
pub fn checkout(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

pub fn spec(checkout: &Path) -> EnclosureSpec {
    EnclosureSpec {
        label: "test".into(),
        checkout: checkout.to_owned(),
        access: WorkspaceAccess::Writable,
        limits: Limits { wall_seconds: 120, workspace_bytes: 64 * MIB, ..Limits::default() },
        read_only_paths: Vec::new(),
        path_prefix: Vec::new(),
        env: BTreeMap::new(),
    }
}

pub fn read_only(checkout: &Path) -> EnclosureSpec {
    EnclosureSpec { access: WorkspaceAccess::ReadOnly, ..spec(checkout) }
}

pub async fn start(spec: EnclosureSpec) -> Box<dyn Session> {
    match sandbox().start(spec).await {
        Ok(session) => session,
        Err(e) => panic!("{e}"),
    }
}

/// Runs a shell command as Baton would.
pub async fn sh(session: &mut dyn Session, command: &str) -> Completed {
    session.exec(Invocation::shell(command, Duration::from_secs(60)), &mut |_| {}).await.unwrap()
}

pub async fn tool(session: &mut dyn Session, request: ToolRequest) -> ToolReply {
    session.tool(request).await.unwrap()
}

pub fn run(command: &str) -> ToolRequest {
    ToolRequest::Run { command: command.into(), timeout_seconds: None }
}

/// Every process of this machine that has this text in its arguments.
pub fn processes_with(mark: &str) -> Vec<u32> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|n| n.parse().ok()) else { continue };
        let arguments = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        if pid != std::process::id() && String::from_utf8_lossy(&arguments).contains(mark) {
            found.push(pid);
        }
    }
    found
}

/// Waits until something holds, with a deadline.
pub fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    while !holds() {
        assert!(std::time::Instant::now() < deadline, "it never came true that {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
