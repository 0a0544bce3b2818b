//! From what an adapter says went wrong to what the queue does about it.

use std::time::Duration;

use baton_core::domain::time::Timestamp;
use baton_git::{FetchError, GitError};
use baton_github::GitHubError;
use baton_queue::Failure;

/// How long the App's key may be wrong before it is tried again. It is the operator's to mend, and no task's fault.
const KEY_WAIT: Duration = Duration::from_secs(60);

/// GitHub's refusals: what is to wait waits and does not count, what passes is tried again, what stays is given up.
pub(super) fn github(error: &GitHubError, now: Timestamp) -> Failure {
    let reason = error.to_string();
    match error {
        GitHubError::RetryAfter { at, .. } => Failure::NotYet { reason, until: *at },
        GitHubError::Unauthorized { .. } => Failure::NotYet { reason, until: now.plus(KEY_WAIT) },
        GitHubError::Server { .. }
        | GitHubError::Network { .. }
        | GitHubError::Timeout { .. }
        | GitHubError::Malformed { .. } => Failure::Transient { reason, retry_after: None },
        GitHubError::NotFound { .. }
        | GitHubError::Gone { .. }
        | GitHubError::Forbidden { .. }
        | GitHubError::NotInstalled
        | GitHubError::Suspended
        | GitHubError::Archived
        | GitHubError::Validation { .. }
        | GitHubError::Conflict { .. }
        | GitHubError::Moved { .. } => Failure::Permanent { reason },
    }
}

/// A fetch: what the network does passes, and a refused token is minted anew with the next attempt.
pub(super) fn fetch(error: &FetchError) -> Failure {
    match error {
        FetchError::Network(_) | FetchError::Unauthorized => Failure::transient(error),
        FetchError::NotFound
        | FetchError::Forbidden(_)
        | FetchError::NoSuchRef(_)
        | FetchError::Corrupt(_)
        | FetchError::FileNotAllowed => Failure::permanent(error),
        FetchError::Git(error) => git(error),
    }
}

/// A fault of the local repository or the disk: it may pass when there is room again.
pub(super) fn git(error: &GitError) -> Failure {
    Failure::transient(error)
}
