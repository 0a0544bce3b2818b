//! The git objects behind the simulated repositories: bare repositories on disk, driven by the git program.

pub(crate) mod commit;
pub(crate) mod judge;
pub(crate) mod merge;
pub(crate) mod pktline;
pub(crate) mod read;
pub(crate) mod rules;
pub(crate) mod smart_http;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Why git did not do it; the text is git's own.
#[derive(Debug, thiserror::Error)]
#[error("git {command}: {message}")]
pub struct GitError {
    command: String,
    message: String,
}

/// Lets receive-pack do everything itself, after the simulator has said per ref whether it may: the answer is
/// computed before the program starts (see [`judge`]), the hook only hands it over.
const PROC_RECEIVE: &str = "#!/bin/sh\n[ -n \"$GITHUB_SIM_VERDICT\" ] || exit 1\n\
    cat \"$GITHUB_SIM_VERDICT/says\" >&2\ncat \"$GITHUB_SIM_VERDICT/answer\"\nexec cat >/dev/null\n";

const CONFIG: &str = "[http]\n\treceivepack = true\n\tuploadpack = true\n[uploadpack]\n\tallowFilter = true\n\
    \tallowAnySHA1InWant = true\n[receive]\n\tprocReceiveRefs = refs\n\thideRefs = refs/pull\n\
    \tadvertisePushOptions = true\n[gc]\n\tauto = 0\n[core]\n\tlogAllRefUpdates = false\n";

#[derive(Debug, Clone)]
pub(crate) struct Git {
    root: PathBuf,
}

impl Git {
    pub(crate) fn new(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    /// The bare repository's folder.
    pub(crate) fn dir(&self, repo: u64) -> PathBuf {
        self.root.join(format!("{repo}.git"))
    }

    /// A place for this repository's short-lived files.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn init(&self, repo: u64, default_branch: &str) -> Result<(), GitError> {
        let dir = self.dir(repo);
        let branch = format!("--initial-branch={default_branch}");
        self.command(None, &["init", "--quiet", "--bare", &branch, &dir.to_string_lossy()], &[], b"")?;
        let written = std::fs::write(dir.join("hooks/proc-receive"), PROC_RECEIVE)
            .and_then(|()| make_executable(&dir.join("hooks/proc-receive")))
            .and_then(|()| std::fs::OpenOptions::new().append(true).open(dir.join("config")))
            .and_then(|mut config| config.write_all(CONFIG.as_bytes()));
        written.map_err(|error| GitError { command: "init".into(), message: error.to_string() })
    }

    /// Runs git in a repository; its standard output, or its complaint.
    pub(crate) fn run(&self, repo: u64, args: &[&str]) -> Result<Vec<u8>, GitError> {
        self.command(Some(repo), args, &[], b"")
    }

    /// [`Self::run`] for one line of text.
    pub(crate) fn line(&self, repo: u64, args: &[&str]) -> Result<String, GitError> {
        Ok(String::from_utf8_lossy(&self.run(repo, args)?).trim_end().to_owned())
    }

    /// Runs git with variables and standard input.
    pub(crate) fn command(
        &self,
        repo: Option<u64>,
        args: &[&str],
        env: &[(&str, &str)],
        stdin: &[u8],
    ) -> Result<Vec<u8>, GitError> {
        let failed = |message: String| GitError { command: args.join(" "), message };
        let mut command = plain_git();
        if let Some(repo) = repo {
            command.arg("--git-dir").arg(self.dir(repo));
        }
        command.args(args).envs(env.iter().copied());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|error| failed(format!("cannot start git ({error}); install git")))?;
        let input = child.stdin.take();
        let done = std::thread::scope(|scope| {
            scope.spawn(|| {
                if let Some(mut input) = input {
                    // git may stop reading early; its own exit status says what that means.
                    let _ = input.write_all(stdin);
                }
            });
            child.wait_with_output()
        });
        let output = done.map_err(|error| failed(error.to_string()))?;
        if output.status.success() {
            Ok(output.stdout)
        } else {
            Err(failed(String::from_utf8_lossy(&output.stderr).trim_end().to_owned()))
        }
    }
}

/// git without anybody's configuration: the same on every machine.
pub(crate) fn plain_git() -> Command {
    let mut command = Command::new("git");
    command.env_clear().envs(plain_environment());
    command
}

pub(crate) fn plain_environment() -> Vec<(String, String)> {
    let path = std::env::var("PATH").unwrap_or_else(|_| "/usr/local/bin:/usr/bin:/bin".into());
    [
        ("PATH", path.as_str()),
        ("HOME", "/nonexistent"),
        ("LC_ALL", "C"),
        ("GIT_CONFIG_NOSYSTEM", "1"),
        ("GIT_CONFIG_GLOBAL", "/dev/null"),
        ("GIT_TERMINAL_PROMPT", "0"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}

#[cfg(unix)]
fn make_executable(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755))
}
