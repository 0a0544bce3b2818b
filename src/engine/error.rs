//! From what an adapter says went wrong to what the queue does about it.

use baton_core::domain::time::Timestamp;
use baton_git::{FetchError, GitError};
use baton_github::GitHubError;
use baton_queue::Failure;

/// GitHub's refusals: those that pass are tried again, after as long as GitHub says.
pub(super) fn github(error: &GitHubError, now: Timestamp) -> Failure {
    if error.is_transient() {
        Failure::Transient { reason: error.to_string(), retry_after: error.retry_after(now) }
    } else {
        Failure::permanent(error)
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
