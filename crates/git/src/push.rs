//! Sends one commit to one branch: an explicit refspec to an explicit URL, never over commits of others.

mod porcelain;
mod said;

use std::ffi::OsString;

use baton_core::domain::ids::{BranchName, CommitSha, RepositoryId};
use baton_core::domain::refusal::Refusal;

use crate::error::GitError;
use crate::fetch::{AccessFault, access_fault};
use crate::mirror::Git;
use crate::objects::oid;
use crate::process::{Call, Patience, RunError, Said};
use crate::remote::Remote;
use porcelain::Outcome;

/// The branch is where it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pushed {
    /// This push moved it.
    Moved,
    /// It was there already: an earlier attempt arrived although its answer was lost.
    AlreadyThere,
}

/// Why the branch is not where it should be.
#[derive(Debug, thiserror::Error)]
pub enum PushError {
    /// The server understood and refused. Trying again changes nothing.
    #[error("the server refused the branch: {text}")]
    Refused {
        /// What stands in the way.
        refusal: Refusal,
        /// What it said, fit to be shown.
        text: String,
    },
    /// The token was refused.
    #[error("the server refused the token")]
    Unauthorized,
    /// There is no such repository, or this token may not see it.
    #[error("the server knows no such repository, or hides it from this token")]
    NotFound,
    /// The connection failed or took too long. Whether the branch moved is unknown; pushing again finds out.
    #[error("the transfer failed: {0}")]
    Network(String),
    /// The address is of a kind that the configuration does not allow.
    #[error("repositories on this machine (file://) are not allowed here")]
    FileNotAllowed,
    /// A fault of the local repository.
    #[error(transparent)]
    Git(#[from] GitError),
}

impl Git {
    /// Makes `branch` of the remote point at `commit`.
    ///
    /// With `expected_old`, the branch is moved from exactly that commit, even sideways; without, it must not exist yet.
    /// Wherever it points at anything else the push is refused as [`Refusal::BranchTaken`]. A branch that is
    /// already at `commit` is success. The server itself compares, at the moment of the change: a push that outlived its
    /// worker and arrives late cannot overwrite what was pushed after it. Cancelled by dropping the future; whether it arrived is then unknown.
    ///
    /// # Errors
    /// [`PushError`].
    pub async fn push(
        &self,
        repo: RepositoryId,
        commit: &CommitSha,
        branch: &BranchName,
        expected_old: Option<&CommitSha>,
        remote: &Remote,
    ) -> Result<Pushed, PushError> {
        if remote.is_file() && !self.inner.config.allow_file {
            return Err(PushError::FileNotAllowed);
        }
        let id = oid(commit)?;
        self.on_objects(repo, move |r| Ok::<_, GitError>(r.find_commit(id).map(|_| ())?)).await?;
        let reference = format!("refs/heads/{branch}");
        let there = self.look(repo, remote, &reference).await?;
        if there.as_ref() == Some(commit) {
            return Ok(Pushed::AlreadyThere);
        }
        if there.as_ref() != expected_old {
            return Err(moved_by_others(&reference, there.as_ref()));
        }
        let old = expected_old.map(CommitSha::as_str).unwrap_or_default();
        let said = self
            .talk(
                repo,
                remote,
                &[
                    "push",
                    "--porcelain",
                    "--no-verify",
                    "--no-recurse-submodules",
                    "--no-follow-tags",
                    &format!("--force-with-lease={reference}:{old}"),
                    "--end-of-options",
                    remote.url(),
                    &format!("{commit}:{reference}"),
                ],
            )
            .await?;
        judge(&said, &reference, remote)
    }

    /// The commit a reference of the remote points at.
    async fn look(&self, repo: RepositoryId, remote: &Remote, reference: &str) -> Result<Option<CommitSha>, PushError> {
        let said =
            self.talk(repo, remote, &["ls-remote", "--refs", "--end-of-options", remote.url(), reference]).await?;
        if !said.success {
            return Err(transfer_error(&said, remote));
        }
        Ok(porcelain::listed(&said.stdout, reference))
    }

    async fn talk(&self, repo: RepositoryId, remote: &Remote, args: &[&str]) -> Result<Said, PushError> {
        let git_dir = self.ensure_mirror(repo)?;
        let call = Call {
            git_dir: &git_dir,
            args: args.iter().map(OsString::from).collect(),
            stdin: Vec::new(),
            remote: Some(remote),
            patience: Patience::Total(self.inner.config.push_timeout),
            told: None,
        };
        self.inner.program.run(call).await.map_err(|error| match error {
            RunError::TimedOut(_) => PushError::Network(error.to_string()),
            error => GitError::Program { command: "push", text: error.to_string() }.into(),
        })
    }
}

/// Reads what `git push --porcelain` said about the one reference.
fn judge(said: &Said, reference: &str, remote: &Remote) -> Result<Pushed, PushError> {
    match porcelain::outcome(&said.stdout, reference) {
        Some(Outcome::UpToDate) => Ok(Pushed::AlreadyThere),
        Some(Outcome::Moved) if said.success => Ok(Pushed::Moved),
        Some(Outcome::Rejected(summary)) => {
            let text = remote.shown(&format!("{}\n{summary}", said::by_server(&said.stderr)));
            Err(PushError::Refused { refusal: Refusal::read(&text), text })
        }
        Some(Outcome::Moved) | None => Err(transfer_error(said, remote)),
    }
}

fn moved_by_others(reference: &str, there: Option<&CommitSha>) -> PushError {
    let text = match there {
        Some(sha) => format!("{reference} is at {sha}, where Baton did not put it"),
        None => format!("{reference} is gone; somebody deleted it"),
    };
    PushError::Refused { refusal: Refusal::BranchTaken, text }
}

/// A conversation that did not get as far as the reference.
fn transfer_error(said: &Said, remote: &Remote) -> PushError {
    let text = remote.shown(&said.stderr);
    match access_fault(&said.stderr) {
        Some(AccessFault::Unauthorized) => PushError::Unauthorized,
        Some(AccessFault::NotFound) => PushError::NotFound,
        Some(AccessFault::Forbidden) => match Refusal::read(&text) {
            Refusal::Other => PushError::Refused { refusal: Refusal::permission(None), text },
            refusal => PushError::Refused { refusal, text },
        },
        None => match Refusal::read(&text) {
            Refusal::Other => PushError::Network(text),
            refusal => PushError::Refused { refusal, text },
        },
    }
}
