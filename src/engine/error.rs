//! From what an adapter says went wrong to what the queue does about it.

use std::time::Duration;

use baton_core::domain::refusal::Refusal;
use baton_core::domain::time::Timestamp;
use baton_core::domain::wait::Pause;
use baton_git::{CheckoutError, FetchError, GitError, PushError};
use baton_github::GitHubError;
use baton_queue::Failure;

/// How long the App's key may be wrong before it is tried again. It is the operator's to mend, and no task's fault.
const KEY_WAIT: Duration = Duration::from_secs(60);

/// GitHub's refusals: what is to wait waits and does not count, what passes is tried again, what stays is given up.
pub(super) fn github(error: &GitHubError, now: Timestamp) -> Failure {
    let reason = error.to_string();
    match error {
        GitHubError::RetryAfter { at, pause, .. } => Failure::NotYet { reason, why: Some(*pause), until: *at },
        GitHubError::Unauthorized { .. } => {
            Failure::NotYet { reason, why: Some(Pause::Credentials), until: now.plus(KEY_WAIT) }
        }
        GitHubError::Server { .. }
        | GitHubError::Network { .. }
        | GitHubError::Timeout { .. }
        | GitHubError::Malformed { .. }
        | GitHubError::Moved { .. } => Failure::Unanswered { reason },
        GitHubError::NotFound { .. }
        | GitHubError::Gone { .. }
        | GitHubError::Forbidden { .. }
        | GitHubError::NotInstalled
        | GitHubError::Suspended
        | GitHubError::Archived
        | GitHubError::Validation { .. }
        | GitHubError::Conflict { .. } => Failure::Refused { refusal: Box::new(refusal(error)), reason },
    }
}

/// What stands in the way, by the kind of answer, and by GitHub's words where the kind does not tell.
fn refusal(error: &GitHubError) -> Refusal {
    match error {
        GitHubError::NotFound { .. } => Refusal::Hidden,
        GitHubError::NotInstalled => Refusal::NotInstalled,
        GitHubError::Suspended => Refusal::Suspended,
        GitHubError::Archived => Refusal::Archived,
        GitHubError::Forbidden { needs: Some(needs), .. } => Refusal::permission(Some(needs.to_string())),
        GitHubError::Gone { message, .. } => match Refusal::read(message) {
            Refusal::Other => Refusal::Gone,
            known => known,
        },
        GitHubError::Forbidden { message, needs: None, .. } | GitHubError::Conflict { message, .. } => {
            Refusal::read(message)
        }
        GitHubError::Validation { message, errors, .. } => Refusal::read(&format!("{message}\n{}", errors.join("\n"))),
        GitHubError::RetryAfter { .. }
        | GitHubError::Unauthorized { .. }
        | GitHubError::Server { .. }
        | GitHubError::Network { .. }
        | GitHubError::Timeout { .. }
        | GitHubError::Malformed { .. }
        | GitHubError::Moved { .. } => Refusal::Other,
    }
}

/// A fetch: what the network does passes, and a refused token is minted anew with the next attempt.
pub(super) fn fetch(error: &FetchError) -> Failure {
    match error {
        FetchError::Network(_) | FetchError::Stalled(_) => Failure::Unanswered { reason: error.to_string() },
        FetchError::DiskFull(_) | FetchError::Unauthorized => Failure::transient(error),
        FetchError::NotFound => refused(Refusal::Hidden, error),
        FetchError::Forbidden(text) => match Refusal::read(text) {
            Refusal::Other => refused(Refusal::permission(Some("contents: read".to_owned())), error),
            known => refused(known, error),
        },
        FetchError::NoSuchRef(_) => refused(Refusal::BaseMissing, error),
        FetchError::Corrupt(_) | FetchError::FileNotAllowed => Failure::permanent(error),
        FetchError::Git(error) => git(error),
    }
}

fn refused(refusal: Refusal, error: &impl ToString) -> Failure {
    Failure::Refused { refusal: Box::new(refusal), reason: error.to_string() }
}

/// A push: what the network does passes, and a refused token is minted anew with the next attempt.
pub(super) fn push(error: PushError) -> Failure {
    match error {
        PushError::Refused { refusal, text } => Failure::Refused { refusal: Box::new(refusal), reason: text },
        PushError::NotFound => refused(Refusal::Hidden, &error),
        PushError::Network(_) => Failure::Unanswered { reason: error.to_string() },
        PushError::Unauthorized => Failure::transient(error),
        PushError::FileNotAllowed => Failure::permanent(error),
        PushError::Git(error) => git(&error),
    }
}

/// A checkout: a hostile name stays, and a disk without room may have some again.
pub(super) fn checkout(error: &CheckoutError) -> Failure {
    match error {
        CheckoutError::HostilePath(_) => Failure::permanent(error),
        CheckoutError::Git(error) => git(error),
    }
}

/// A fault of the local repository or the disk: it may pass when there is room again.
pub(super) fn git(error: &GitError) -> Failure {
    Failure::transient(error)
}
