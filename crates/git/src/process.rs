//! Runs the git program with an environment made from nothing. It must never inherit Baton's environment, read a
//! configuration file outside the mirror, ask a person, or outlive the future that started it.

mod guard;
mod progress;
mod talk;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use baton_core::domain::transfer::Transfer;
use tokio::process::{Child, Command};
use tokio::sync::watch;

use crate::config::CredentialProgram;
use crate::credential::CredentialPipe;
use crate::remote::Remote;
use guard::Heard;
pub(crate) use guard::Patience;

/// The git program and what it is run with.
#[derive(Clone, Debug)]
pub(crate) struct GitProgram {
    pub program: PathBuf,
    /// An empty folder.
    pub home: PathBuf,
    pub credential_program: CredentialProgram,
    pub allow_file: bool,
    pub stall_timeout: Duration,
    /// Bytes of the disk that git leaves free.
    pub reserve_bytes: u64,
}

/// One execution.
pub(crate) struct Call<'a> {
    pub git_dir: &'a Path,
    pub args: Vec<OsString>,
    pub stdin: Vec<u8>,
    pub remote: Option<&'a Remote>,
    pub patience: Patience,
    /// Where progress is told.
    pub told: Option<watch::Sender<Option<Transfer>>>,
}

impl<'a> Call<'a> {
    /// A call without input that talks to nobody.
    pub fn local(git_dir: &'a Path, args: Vec<OsString>, patience: Patience) -> Self {
        Self { git_dir, args, stdin: Vec::new(), remote: None, patience, told: None }
    }
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
    #[error("git said and did nothing for {} s and was stopped", .0.as_secs())]
    Silent(Duration),
    #[error("the disk is nearly full: {} MiB are free, and Baton leaves {} MiB free; git was stopped", .free >> 20, .reserve >> 20)]
    DiskFull { free: u64, reserve: u64 },
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
        let heard = Heard::telling(call.told);
        let leader = group.0.id().unwrap_or_default();
        tokio::select! {
            // What has come to its end counts.
            biased;
            said = talk::converse(&mut group.0, call.stdin, &heard) => said.map_err(RunError::Pipe),
            reason = guard::guard(leader, &heard, call.patience, call.git_dir, self.reserve_bytes) => Err(reason),
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
    // Memory that does not grow with the repository: large files are streamed, and of packs only parts are mapped.
    ("core.bigFileThreshold", "16m"),
    ("core.packedGitWindowSize", "16m"),
    ("core.packedGitLimit", "256m"),
    ("pack.windowMemory", "64m"),
    ("pack.deltaCacheSize", "64m"),
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
    ("submodule.recurse", "false"),
    ("fetch.recurseSubmodules", "false"),
    ("push.recurseSubmodules", "no"),
    ("push.followTags", "false"),
    ("push.gpgSign", "false"),
];
