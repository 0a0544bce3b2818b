//! What can go wrong with Baton's own repositories: faults of the machine or of Baton, not of what an agent made.

/// A fault of the local repository. Callers retry or give up; there is nothing in it to decide by.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// libgit2 refused.
    #[error("git's object store answered: {0}")]
    Objects(#[from] git2::Error),
    /// A file could not be read or written.
    #[error("{what}: {source}")]
    Io {
        /// What was being done.
        what: String,
        /// The system's answer.
        source: std::io::Error,
    },
    /// The git program failed at something local.
    #[error("`git {command}` failed: {text}")]
    Program {
        /// The subcommand.
        command: &'static str,
        /// What it said.
        text: String,
    },
    /// The worker thread ended early; only when the process is shutting down.
    #[error("the work was broken off")]
    BrokenOff,
}

impl GitError {
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }
}
