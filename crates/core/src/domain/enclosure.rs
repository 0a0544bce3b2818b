//! What encloses a run, as data: limits, mounts, commands, and the gaps a machine may have. Enforced by the sandbox.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Limits of one sandbox. All of them are enforced, or their absence is a [`Gap`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Wall-clock seconds until everything in the sandbox is killed.
    pub wall_seconds: u64,
    /// Bytes of memory for all processes together, the private file systems included.
    pub memory_bytes: u64,
    /// Processor time as a share of one core, in percent: 200 is two cores.
    pub cpu_percent: u32,
    /// Processes and threads together.
    pub processes: u32,
    /// Bytes the workspace may grow by.
    pub workspace_bytes: u64,
    /// Bytes of `/tmp`.
    pub tmp_bytes: u64,
    /// Bytes of the private home folder.
    pub home_bytes: u64,
    /// Bytes of one file.
    pub file_bytes: u64,
    /// Bytes of output kept of one command; more is counted and dropped.
    pub output_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        const MIB: u64 = 1024 * 1024;
        Self {
            wall_seconds: 45 * 60,
            memory_bytes: 4096 * MIB,
            cpu_percent: 200,
            processes: 512,
            workspace_bytes: 2048 * MIB,
            tmp_bytes: 1024 * MIB,
            home_bytes: 512 * MIB,
            file_bytes: 1024 * MIB,
            output_bytes: 8 * MIB,
        }
    }
}

/// A protection that this machine cannot give. Refused unless the operator accepts it by this name
/// (`sandbox.accepted_gaps`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Gap {
    /// No cgroup to charge memory to: only a per-process address-space limit holds.
    MemoryCgroup,
    /// No cgroup to bound processor time with.
    CpuCgroup,
    /// No cgroup to bound processes with: only the per-user-namespace limit holds.
    ProcessCgroup,
}

impl Gap {
    /// Every gap there is.
    pub const ALL: [Gap; 3] = [Gap::MemoryCgroup, Gap::CpuCgroup, Gap::ProcessCgroup];

    /// The name in `sandbox.accepted_gaps`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::MemoryCgroup => "memory-cgroup",
            Self::CpuCgroup => "cpu-cgroup",
            Self::ProcessCgroup => "process-cgroup",
        }
    }
}

/// May the run change its workspace?
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WorkspaceAccess {
    /// Mounted read-only: planning and reviewing runs.
    ReadOnly,
    /// A private, size-capped, writable copy.
    Writable,
}

/// One sandbox to start: everything that decides what it can see and do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnclosureSpec {
    /// A short label for logs and cgroup names: `[a-z0-9.-]`, for example `run-12.3`.
    pub label: String,
    /// The prepared checkout on the host. It is never written to, whatever the run does.
    pub checkout: PathBuf,
    /// May the run change its workspace (its own copy)?
    pub access: WorkspaceAccess,
    /// The limits.
    pub limits: Limits,
    /// Toolchains: host folders offered read-only at the same path inside.
    pub read_only_paths: Vec<PathBuf>,
    /// Folders put in front of `PATH` (inside paths).
    pub path_prefix: Vec<PathBuf>,
    /// Further environment variables. The host's environment never enters.
    pub env: BTreeMap<String, String>,
}

/// One program to run inside a sandbox, to its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invocation {
    /// Program and arguments; no shell in between.
    pub argv: Vec<String>,
    /// Further environment variables for this program.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// Folder to run in, relative to the workspace.
    #[serde(default)]
    pub cwd: String,
    /// What the program reads from standard input.
    #[serde(default)]
    pub stdin: String,
    /// Seconds until it is killed with everything it started; the sandbox's own wall clock holds besides.
    pub timeout_seconds: u64,
}

impl Invocation {
    /// `bash -c COMMAND` with a time limit: how a repository's own commands (setup, test, lint) are run.
    #[must_use]
    pub fn shell(command: &str, timeout: Duration) -> Self {
        Self {
            argv: vec!["bash".into(), "-c".into(), command.into()],
            env: BTreeMap::new(),
            cwd: String::new(),
            stdin: String::new(),
            timeout_seconds: timeout.as_secs(),
        }
    }
}

/// How an invocation ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// It exited by itself with this status.
    Exited(i32),
    /// A signal ended it.
    Signalled(i32),
    /// It was killed for running too long.
    TimedOut,
}

impl Ending {
    /// Whether it exited with status 0.
    #[must_use]
    pub fn success(&self) -> bool {
        *self == Self::Exited(0)
    }
}

/// The result of an [`Invocation`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Completed {
    /// How it ended.
    pub ending: Ending,
    /// Standard output and standard error, interleaved as they came, bounded by `Limits::output_bytes`.
    pub output: String,
    /// Bytes of output that were dropped.
    pub dropped_bytes: u64,
    /// Wall-clock milliseconds.
    pub millis: u64,
}

/// What a run left in its workspace, compared with the checkout it started from. Data from inside the sandbox: nothing
/// in it is trusted, every path and mode is checked again when it is imported.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkspaceChanges {
    /// Files that are new or differ.
    pub written: Vec<WorkspaceFile>,
    /// Files of the checkout that are gone.
    pub deleted: Vec<String>,
}

/// One file that a run wrote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkspaceFile {
    /// Path relative to the workspace, with `/`.
    pub path: String,
    /// What it is.
    pub mode: FileMode,
    /// The content; for a symbolic link, its target.
    #[serde(with = "bytes_as_hex")]
    pub content: Vec<u8>,
}

/// The kinds of entries git knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileMode {
    /// 100644
    Regular,
    /// 100755
    Executable,
    /// 120000
    Symlink,
    /// 160000
    Submodule,
}

mod bytes_as_hex {
    //! Keeps arbitrary bytes in JSON.
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(bytes: &[u8], s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&hex::encode(bytes))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<u8>, D::Error> {
        hex::decode(String::deserialize(d)?).map_err(D::Error::custom)
    }
}
