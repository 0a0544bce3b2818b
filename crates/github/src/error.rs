//! What can go wrong at GitHub, by what a caller can do about it. Never holds a token, a header or a whole answer.

use std::fmt;

use baton_core::domain::time::Timestamp;
use baton_core::domain::wait::Pause;

use crate::operations::Needs;

/// A refusal or a failure. `operation` is GitHub's name of what was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GitHubError {
    /// 404: not there, or not for us to see; GitHub does not tell which.
    #[error("GitHub does not find it, or the App may not see it ({operation})")]
    NotFound {
        /// What was asked.
        operation: &'static str,
    },
    /// 410: deleted, or switched off for the repository.
    #[error("it is gone or switched off: {message} ({operation})")]
    Gone {
        /// What was asked.
        operation: &'static str,
        /// GitHub's words.
        message: String,
    },
    /// 403: known to us, and not allowed.
    #[error("GitHub refuses: {message} ({operation}){}", Missing(*.needs))]
    Forbidden {
        /// What was asked.
        operation: &'static str,
        /// GitHub's words.
        message: String,
        /// The permission the App seems to lack; its owner grants it in the installation's settings.
        needs: Option<Needs>,
    },
    /// 401, and a fresh credential did not help.
    #[error(
        "GitHub does not accept the App's credentials: {message} ({operation}); check github.app_id and the private key"
    )]
    Unauthorized {
        /// What was asked.
        operation: &'static str,
        /// GitHub's words.
        message: String,
    },
    /// The App is not installed there, or no longer.
    #[error("the App is not installed there; install it on the repository")]
    NotInstalled,
    /// The installation's owner, or GitHub, switched the App off.
    #[error("the App's installation is suspended; its owner can switch it on again in the installation's settings")]
    Suspended,
    /// Not now: nothing was done, and whoever wants it comes back at this time. Waiting is no failure.
    #[error("{pause}; it is asked again at {at} ({operation})")]
    RetryAfter {
        /// What was asked.
        operation: &'static str,
        /// When to come back.
        at: Timestamp,
        /// Why.
        pause: Pause,
    },
    /// The repository is archived, so it is read-only.
    #[error("the repository is archived, so nothing can be written to it")]
    Archived,
    /// 422 or 400: understood and not acceptable.
    #[error("GitHub does not accept it: {message}{} ({operation})", Details(.errors))]
    Validation {
        /// What was asked.
        operation: &'static str,
        /// GitHub's words.
        message: String,
        /// What is wrong, one sentence each.
        errors: Vec<String>,
    },
    /// 409: it does not fit the state of things, an empty repository for example.
    #[error("it does not fit the repository's state: {message} ({operation})")]
    Conflict {
        /// What was asked.
        operation: &'static str,
        /// GitHub's words.
        message: String,
    },
    /// A redirect that must not be followed: to another host, or one that would change a write.
    #[error(
        "GitHub's address answers with a redirect (status {status}) that is not safe to follow ({operation}); is there a \
         proxy that wants a login?"
    )]
    Moved {
        /// What was asked.
        operation: &'static str,
        /// The status.
        status: u16,
    },
    /// 5xx. A write may have happened all the same: look before repeating.
    #[error("GitHub is in trouble (status {status}, {operation})")]
    Server {
        /// What was asked.
        operation: &'static str,
        /// The status.
        status: u16,
    },
    /// The connection failed. A write may have happened all the same: look before repeating.
    #[error("GitHub cannot be reached: {message} ({operation})")]
    Network {
        /// What was asked.
        operation: &'static str,
        /// What the network said.
        message: String,
    },
    /// No answer in time. A write may have happened all the same: look before repeating.
    #[error("GitHub did not answer in time ({operation})")]
    Timeout {
        /// What was asked.
        operation: &'static str,
    },
    /// An answer that is not what the operation answers: other JSON, too large, a page list without end.
    #[error("GitHub's answer makes no sense: {detail} ({operation})")]
    Malformed {
        /// What was asked.
        operation: &'static str,
        /// What is wrong.
        detail: String,
    },
}

struct Missing(Option<Needs>);

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(needs) => write!(f, "; the App needs {needs}, which its owner grants in the installation's settings"),
            None => Ok(()),
        }
    }
}

struct Details<'a>(&'a [String]);

impl fmt::Display for Details<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|error| write!(f, "; {error}"))
    }
}

impl GitHubError {
    /// Whether the same request may well succeed later, without anybody doing anything.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::RetryAfter { .. } | Self::Server { .. } | Self::Network { .. } | Self::Timeout { .. } => true,
            // A proxy's page instead of JSON, an answer cut off: a passing fault as a rule, and the retries are counted.
            Self::Malformed { .. } => true,
            // A proxy that wants somebody to log in, a host that is being moved: it is followed nowhere and asked again.
            Self::Moved { .. } => true,
            Self::NotFound { .. }
            | Self::Gone { .. }
            | Self::Forbidden { .. }
            | Self::Unauthorized { .. }
            | Self::NotInstalled
            | Self::Suspended
            | Self::Archived
            | Self::Validation { .. }
            | Self::Conflict { .. } => false,
        }
    }

    /// Whether a write that failed so may have happened all the same.
    #[must_use]
    pub fn is_ambiguous(&self) -> bool {
        matches!(self, Self::Server { .. } | Self::Network { .. } | Self::Timeout { .. } | Self::Malformed { .. })
    }
}
