//! What can go wrong with a sandbox, in sentences that say what to do.

use std::path::PathBuf;

use baton_core::domain::enclosure::Gap;

/// Why a sandbox could not start, or ended.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// A protection is missing here, and the operator has not accepted that by name.
    #[error(
        "this machine cannot enforce `{}`: {why}. Give Baton a writable cgroup (run it as root, or in a systemd unit \
         with `Delegate=yes`), or accept the gap by name in `sandbox.accepted_gaps`", gap.name()
    )]
    Gap {
        /// The missing protection.
        gap: Gap,
        /// What was tried and how it failed.
        why: String,
    },
    /// The machine or the configuration does not allow a sandbox at all.
    #[error("no sandbox can be started: {0}")]
    Refused(Problem),
    /// A folder that was to be offered read-only cannot be.
    #[error("the folder {} cannot be offered inside the sandbox: {why}", path.display())]
    ReadOnlyPath {
        /// The folder.
        path: PathBuf,
        /// Why, and what to do.
        why: String,
    },
    /// The sandbox ended before it answered: killed from inside, out of memory, or never up.
    #[error("the sandbox ended before it answered: {0}")]
    Ended(String),
    /// The wall-clock limit was reached; everything in the sandbox was killed.
    #[error("the sandbox was stopped: its time limit of {seconds} s is used up")]
    WallClock {
        /// The limit.
        seconds: u64,
    },
    /// A call was abandoned half-way, or the session was stopped; everything in the sandbox was killed.
    #[error("the sandbox is stopped")]
    Stopped,
    /// What came out of the sandbox is not an answer. It was killed.
    #[error("the sandbox gave an answer that Baton does not accept: {0}")]
    Hostile(String),
    /// What the run left behind cannot be taken out.
    #[error("the changes cannot be taken out of the sandbox: {0}")]
    Changes(String),
    /// The request itself is not one: an empty command, a label with other characters, too long.
    #[error("the request was refused: {0}")]
    Request(String),
    /// The operating system failed us outside the sandbox.
    #[error("{what}: {source}")]
    Io {
        /// What was being done.
        what: String,
        /// How it failed.
        source: std::io::Error,
    },
}

impl SandboxError {
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }
}

/// Something that keeps a sandbox from starting, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What is wrong.
    pub what: String,
    /// What the operator can do.
    pub remedy: String,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}. {}", self.what, self.remedy)
    }
}
