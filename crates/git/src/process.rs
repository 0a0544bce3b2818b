//! Runs the git program with an environment made from nothing. It must never inherit Baton's environment, read a
//! configuration file outside the mirror, ask a person, or outlive the future that started it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};

use crate::config::CredentialProgram;
use crate::credential::CredentialPipe;
use crate::remote::Remote;

const MAX_STDOUT: usize = 4 * 1024 * 1024;
const MAX_STDERR: usize = 64 * 1024;

/// The git program and what it is run with.
#[derive(Clone, Debug)]
pub(crate) struct GitProgram {
    pub program: PathBuf,
    /// An empty folder.
    pub home: PathBuf,
    pub credential_program: CredentialProgram,
    pub allow_file: bool,
    pub stall_timeout: Duration,
}

/// One execution.
pub(crate) struct Call<'a> {
    pub git_dir: &'a Path,
    pub args: Vec<OsString>,
    pub stdin: Vec<u8>,
    pub remote: Option<&'a Remote>,
    pub timeout: Duration,
}

/// What a finished git said.
#[derive(Debug)]
pub(crate) struct Said {
    pub success: bool,
    pub stdout: String,
    pub stderr: String,
}

/// Why git did not finish.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RunError {
    #[error("git could not be started: {0}")]
    Start(#[source] std::io::Error),
    #[error("git was stopped after {} s", .0.as_secs())]
    TimedOut(Duration),
    #[error("git's output could not be read: {0}")]
    Pipe(#[source] std::io::Error),
}

/// A child and everything it started: killed together when this is dropped before the end.
struct Group(Child);

impl Drop for Group {
    fn drop(&mut self) {
        let pid = self.0.id().and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw);
        if let Some(pid) = pid {
            // The leader is not reaped yet, so the number is still the group's.
            let _ = rustix::process::kill_process_group(pid, rustix::process::Signal::KILL);
        }
    }
}

impl GitProgram {
    /// Runs git to its end. Dropping the future kills it with all its children.
    pub(crate) async fn run(&self, call: Call<'_>) -> Result<Said, RunError> {
        let mut command = Command::new(&self.program);
        command
            .args(&call.args)
            .current_dir(call.git_dir)
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true);
        let pipe = match call.remote {
            Some(remote) => CredentialPipe::fill(remote).map_err(RunError::Start)?,
            None => None,
        };
        let helper = pipe.as_ref().map(|p| p.helper(&self.credential_program));
        self.environment(&mut command, call.git_dir, helper);
        if let Some(pipe) = pipe {
            pipe.pass_to(&mut command);
        }
        let mut group = Group(command.spawn().map_err(RunError::Start)?);
        // The command owns the parent's end of the token pipe.
        drop(command);
        let talk = converse(&mut group.0, call.stdin);
        match tokio::time::timeout(call.timeout, talk).await {
            Ok(said) => said.map_err(RunError::Pipe),
            Err(_) => Err(RunError::TimedOut(call.timeout)),
        }
    }

    fn environment(&self, command: &mut Command, git_dir: &Path, helper: Option<String>) {
        let protocols = if self.allow_file { "http:https:file" } else { "http:https" };
        command
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("HOME", &self.home)
            .env("LC_ALL", "C")
            .env("GIT_DIR", git_dir)
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_ATTR_NOSYSTEM", "1")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_ALLOW_PROTOCOL", protocols)
            .env("GIT_NO_LAZY_FETCH", "1")
            .env("GIT_NO_REPLACE_OBJECTS", "1")
            .env("GIT_OPTIONAL_LOCKS", "0");
        let mut settings: Vec<(&str, String)> = SETTINGS.iter().map(|(k, v)| (*k, (*v).to_owned())).collect();
        settings.push(("http.lowSpeedLimit", "1".to_owned()));
        settings.push(("http.lowSpeedTime", self.stall_timeout.as_secs().max(1).to_string()));
        if let Some(helper) = helper {
            settings.push(("credential.helper", helper));
        }
        command.env("GIT_CONFIG_COUNT", settings.len().to_string());
        for (i, (key, value)) in settings.into_iter().enumerate() {
            command.env(format!("GIT_CONFIG_KEY_{i}"), key);
            command.env(format!("GIT_CONFIG_VALUE_{i}"), value);
        }
    }
}

/// Settings of every call. The mirror's own configuration is Baton's too; these hold even if it were not.
const SETTINGS: &[(&str, &str)] = &[
    ("core.hooksPath", "/dev/null"),
    ("core.fsmonitor", "false"),
    ("core.askPass", ""),
    // An empty value forgets all helpers named before it.
    ("credential.helper", ""),
    ("credential.useHttpPath", "false"),
    // A renamed repository answers the first request with a redirect; later ones are never followed.
    ("http.followRedirects", "initial"),
    ("protocol.version", "2"),
    ("transfer.fsckObjects", "true"),
    // Faults of old histories that harm nobody; GitHub is full of them.
    ("fetch.fsck.zeroPaddedFilemode", "ignore"),
    ("fetch.fsck.badTimezone", "ignore"),
    ("fetch.fsck.missingSpaceBeforeDate", "ignore"),
    ("fetch.fsck.missingNameBeforeEmail", "ignore"),
    ("fetch.fsck.missingSpaceBeforeEmail", "ignore"),
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
    ("submodule.recurse", "false"),
    ("fetch.recurseSubmodules", "false"),
    ("push.recurseSubmodules", "no"),
    ("push.followTags", "false"),
    ("push.gpgSign", "false"),
];

async fn converse(child: &mut Child, stdin: Vec<u8>) -> std::io::Result<Said> {
    let (mut input, output, errors) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let write = async {
        if let Some(mut pipe) = input.take() {
            // A git that fails early does not read to the end; what it says matters more than the broken pipe.
            let _ = pipe.write_all(&stdin).await;
        }
    };
    let ((), stdout, stderr) = tokio::join!(write, read_bounded(output, MAX_STDOUT), read_bounded(errors, MAX_STDERR));
    let status = child.wait().await?;
    Ok(Said {
        success: status.success(),
        stdout: String::from_utf8_lossy(&stdout?).into_owned(),
        stderr: String::from_utf8_lossy(&stderr?).into_owned(),
    })
}

/// Keeps the first `limit` bytes and reads the rest away, so that the writer never blocks.
async fn read_bounded(pipe: Option<impl AsyncRead + Unpin>, limit: usize) -> std::io::Result<Vec<u8>> {
    let mut kept = Vec::new();
    let Some(mut pipe) = pipe else { return Ok(kept) };
    let mut chunk = vec![0; 16 * 1024];
    loop {
        let n = pipe.read(&mut chunk).await?;
        if n == 0 {
            return Ok(kept);
        }
        let room = limit.saturating_sub(kept.len()).min(n);
        kept.extend_from_slice(&chunk[..room]);
    }
}
