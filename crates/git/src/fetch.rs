//! Brings commits into a mirror: explicit refspecs from an explicit URL, one fetch per mirror at a time.

use std::ffi::OsString;
use std::time::Duration;

use baton_core::domain::ids::{CommitSha, Digest, RepositoryId};

use crate::error::GitError;
use crate::mirror::{Git, lock};
use crate::objects::{oid, sha};
use crate::process::{Call, Patience, RunError};
use crate::remote::Remote;
use crate::stale::{sweep_halves, sweep_locks};

/// Why a fetch brought nothing.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The token was refused.
    #[error("the server refused the token")]
    Unauthorized,
    /// There is no such repository, or this token may not see it.
    #[error("the server knows no such repository, or hides it from this token")]
    NotFound,
    /// The server knows the token and refuses it here: the App is suspended, or this machine's address is not allowed.
    #[error("the server refused to send the repository: {0}")]
    Forbidden(String),
    /// The repository has no such branch or commit.
    #[error("the repository has no `{0}`")]
    NoSuchRef(String),
    /// What the server sent is broken or hostile.
    #[error("what the server sent was refused: {0}")]
    Corrupt(String),
    /// The connection failed; worth another try.
    #[error("the transfer failed: {0}")]
    Network(String),
    /// Nothing came any more; worth another try.
    #[error("the fetch stood still: {0}; it was ended, and what had arrived of it was removed")]
    Stalled(String),
    /// There is no room for it.
    #[error("there is no room for the repository: {0}; what had arrived of it was removed")]
    DiskFull(String),
    /// The address is of a kind that the configuration does not allow.
    #[error("repositories on this machine (file://) are not allowed here")]
    FileNotAllowed,
    /// A fault of the local repository.
    #[error(transparent)]
    Git(#[from] GitError),
}

impl Git {
    /// Fetches a branch and returns the commit it points at. Incremental; cancelled by dropping the future.
    ///
    /// # Errors
    /// [`FetchError`].
    pub async fn fetch_branch(
        &self,
        repo: RepositoryId,
        remote: &Remote,
        branch: &str,
    ) -> Result<CommitSha, FetchError> {
        let source = format!("refs/heads/{branch}");
        if !git2::Reference::is_valid_name(&source) {
            return Err(FetchError::NoSuchRef(branch.to_owned()));
        }
        let target = branch_ref(branch);
        self.fetch(repo, remote, &source, &target, branch).await?;
        self.on_objects(repo, move |repository| {
            let found = repository.find_reference(&target).and_then(|r| r.peel_to_commit()).map_err(GitError::from)?;
            Ok(sha(found.id())?)
        })
        .await
    }

    /// Fetches one commit by its id, unless it is here already. Servers give those that a reference leads to.
    ///
    /// # Errors
    /// [`FetchError`].
    pub async fn fetch_commit(
        &self,
        repo: RepositoryId,
        remote: &Remote,
        commit: &CommitSha,
    ) -> Result<(), FetchError> {
        let id = oid(commit)?;
        let here = self.on_objects(repo, move |r| Ok::<_, GitError>(r.find_commit(id).is_ok())).await?;
        if here {
            return Ok(());
        }
        let target = format!("refs/baton/commits/{commit}");
        self.fetch(repo, remote, commit.as_str(), &target, commit.as_str()).await
    }

    async fn fetch(
        &self,
        repo: RepositoryId,
        remote: &Remote,
        source: &str,
        target: &str,
        asked: &str,
    ) -> Result<(), FetchError> {
        if remote.is_file() && !self.inner.config.allow_file {
            return Err(FetchError::FileNotAllowed);
        }
        let git_dir = self.ensure_mirror(repo)?;
        let _lock = lock(&git_dir.with_extension("lock")).await?;
        sweep_locks(&git_dir)?;
        sweep_halves(&git_dir)?;
        let args: Vec<OsString> = [
            "fetch",
            "--progress",
            "--no-tags",
            "--no-recurse-submodules",
            "--no-write-fetch-head",
            "--no-auto-maintenance",
            "--end-of-options",
            remote.url(),
            &format!("+{source}:{target}"),
        ]
        .map(OsString::from)
        .to_vec();
        let said = self
            .inner
            .program
            .run(Call {
                git_dir: &git_dir,
                args,
                stdin: Vec::new(),
                remote: Some(remote),
                patience: Patience::Silence(self.inner.config.silence_timeout),
                told: self.told.clone(),
            })
            .await;
        let failed = match said {
            Ok(said) if said.success => return Ok(()),
            Ok(said) => fetch_error(&said.stderr, remote, asked, self.inner.config.stall_timeout),
            Err(e @ RunError::Silent(_)) => FetchError::Stalled(e.to_string()),
            Err(e @ RunError::DiskFull { .. }) => FetchError::DiskFull(e.to_string()),
            Err(e @ (RunError::Start(_) | RunError::Pipe(_) | RunError::TimedOut(_))) => local("fetch", &e),
        };
        // Gigabytes, perhaps, that nothing will ever be made of.
        sweep_halves(&git_dir)?;
        Err(failed)
    }
}

/// Where a branch is kept. Hashed, because branches named `a` and later `a/b` cannot both be references.
pub(crate) fn branch_ref(branch: &str) -> String {
    format!("refs/baton/branches/{}", Digest::of(&[branch]))
}

fn local(command: &'static str, error: &RunError) -> FetchError {
    let text = error.to_string();
    GitError::Program { command, text }.into()
}

fn fetch_error(stderr: &str, remote: &Remote, asked: &str, stall: Duration) -> FetchError {
    let text = remote.shown(stderr);
    match access_fault(stderr) {
        Some(AccessFault::Unauthorized) => return FetchError::Unauthorized,
        Some(AccessFault::NotFound) => return FetchError::NotFound,
        Some(AccessFault::Forbidden) => return FetchError::Forbidden(text),
        None => {}
    }
    // What the server remarks may be shown, and is not why git failed.
    let has = |part: &str| stderr.lines().any(|line| !line.starts_with("remote: ") && line.contains(part));
    if has("No space left on device") || has("Disk quota exceeded") {
        FetchError::DiskFull("the disk is full".to_owned())
    } else if has("Operation too slow") || has("Operation timed out") {
        FetchError::Stalled(format!("the server sent nothing for {} s", stall.as_secs()))
    } else if has("couldn't find remote ref") || has("not our ref") || has("unadvertised object") {
        FetchError::NoSuchRef(asked.to_owned())
    } else if has("fsck error") || has("index-pack failed") && !has("early EOF") {
        FetchError::Corrupt(text)
    } else {
        FetchError::Network(text)
    }
}

/// What the server said about who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AccessFault {
    Unauthorized,
    NotFound,
    Forbidden,
}

/// Reads git's (untranslated) messages about HTTP's statuses.
pub(crate) fn access_fault(stderr: &str) -> Option<AccessFault> {
    // Refused at the question for refs it is fatal; refused at the transfer itself, an error of the call.
    let is_about_access = |line: &&str| line.starts_with("fatal:") || line.starts_with("error: RPC failed");
    stderr.lines().filter(is_about_access).find_map(|line| {
        if line.contains("Authentication failed")
            || line.contains("could not read Username")
            || line.contains("could not read Password")
            || line.contains("returned error: 401")
        {
            Some(AccessFault::Unauthorized)
        } else if line.contains("returned error: 403") {
            Some(AccessFault::Forbidden)
        } else if line.contains("returned error: 404") || line.contains("repository") && line.contains("not found") {
            Some(AccessFault::NotFound)
        } else {
            None
        }
    })
}
