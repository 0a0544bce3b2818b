//! Whether the App can reach what a delivery names at all. Asked only after something went wrong for good: a delivery that
//! names a foreign installation, or one that is gone, is not a failure of Baton's.

use baton_github::GitHubError;
use baton_queue::{Failure, JobContext};
use baton_webhook::{Context, Incoming};

use super::LOOKS;
use crate::engine::{Engine, error};

impl Engine {
    /// Why the App has no way to what the delivery is about; nothing if it has one, so that `failure` is about something
    /// else.
    ///
    /// # Errors
    /// [`Failure`] when GitHub does not say, or may not show a new installation yet: look again later.
    pub(super) async fn out_of_reach(
        &self,
        incoming: &Incoming,
        failure: &Failure,
        job: &JobContext,
    ) -> Result<Option<String>, Failure> {
        let (Failure::Permanent { .. } | Failure::Refused { .. }, Some(context)) = (failure, context(incoming)) else {
            return Ok(None);
        };
        let Some(named) = context.installation else { return Ok(None) };
        let name = &context.repository.name;
        let reason = match self.parts().github.installation_of(name).await {
            Ok(there) if there == named => return Ok(None),
            Ok(_) => format!("it names installation {named}, which is not the one that covers {name}"),
            Err(GitHubError::Suspended) => return Ok(Some(format!("the App's installation on {name} is suspended"))),
            Err(GitHubError::NotInstalled) => format!("the App is not installed on {name} (any more)"),
            Err(refused) => return Err(error::github(&refused, self.now())),
        };
        // Webhooks can come before the API knows of a new installation.
        if job.job.attempts < LOOKS {
            return Err(Failure::transient(reason));
        }
        Ok(Some(reason))
    }
}

/// Where the delivery's event happened, for the events about which GitHub is asked.
fn context(incoming: &Incoming) -> Option<&Context> {
    match incoming {
        Incoming::Issue { context, .. } | Incoming::Comment { context, .. } | Incoming::PullRequest { context, .. } => {
            Some(context)
        }
        Incoming::Push { .. }
        | Incoming::CheckRun { .. }
        | Incoming::Installation { .. }
        | Incoming::InstallationRepositories { .. }
        | Incoming::Ping { .. }
        | Incoming::Ignored { .. }
        | Incoming::Malformed { .. } => None,
    }
}
