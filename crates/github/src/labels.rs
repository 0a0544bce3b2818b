//! Labels, and who set them: a label by itself authorises nobody.

use baton_core::domain::ids::IssueNumber;
use baton_core::domain::time::Timestamp;
use serde_json::json;

use crate::call::Call;
use crate::error::GitHubError;
use crate::operations::{ADD_LABELS, LIST_EVENTS, LIST_LABELS, REMOVE_LABEL};
use crate::pages::{Enough, each_page};
use crate::people::Account;
use crate::repository::Repository;
use crate::wire;

/// The last time a label was set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Labelling {
    /// Who set it; `None` for a deleted account.
    pub actor: Option<Account>,
    /// When.
    pub at: Option<Timestamp>,
    /// Whether it was taken off again since.
    pub removed: bool,
}

impl Repository {
    /// Names of the labels on an issue.
    ///
    /// # Errors
    /// Whatever GitHub refuses.
    pub async fn labels(&self, issue: IssueNumber) -> Result<Vec<String>, GitHubError> {
        let call =
            Call::new(&LIST_LABELS, &[self.owner(), self.name(), &issue.to_string()]).query(&[("per_page", "100")]);
        let mut names = Vec::new();
        each_page(self, call, |page: Vec<wire::Label>| {
            names.extend(page.into_iter().filter_map(|label| label.name));
            Enough::No
        })
        .await?;
        Ok(names)
    }

    /// Puts a label on an issue. One that is there stays; one that the repository does not have is made by GitHub.
    ///
    /// # Errors
    /// Whatever GitHub refuses.
    pub async fn add_label(&self, issue: IssueNumber, label: &str) -> Result<(), GitHubError> {
        let call =
            Call::new(&ADD_LABELS, &[self.owner(), self.name(), &issue.to_string()]).body(json!({ "labels": [label] }));
        self.send(&call).await.map(drop)
    }

    /// Takes a label off an issue. False when it was not on it.
    ///
    /// # Errors
    /// Whatever GitHub refuses, except the 404 that means "not on it".
    pub async fn remove_label(&self, issue: IssueNumber, label: &str) -> Result<bool, GitHubError> {
        let call = Call::new(&REMOVE_LABEL, &[self.owner(), self.name(), &issue.to_string(), label]);
        match self.send(&call).await {
            Ok(_) => Ok(true),
            // The same status says that the issue is not there: that answer comes from the list.
            Err(GitHubError::NotFound { .. }) => self.labels(issue).await.map(|_| false),
            Err(error) => Err(error),
        }
    }

    /// Who last put a label on an issue, from the issue's own history; `None` when nobody ever did.
    ///
    /// # Errors
    /// Whatever GitHub refuses.
    pub async fn who_labelled(&self, issue: IssueNumber, label: &str) -> Result<Option<Labelling>, GitHubError> {
        let call =
            Call::new(&LIST_EVENTS, &[self.owner(), self.name(), &issue.to_string()]).query(&[("per_page", "100")]);
        let mut last = None;
        each_page(self, call, |page: Vec<wire::IssueEvent>| {
            for event in page {
                let name = event.label.and_then(|label| label.name).unwrap_or_default();
                // GitHub compares names of labels without case.
                if name.to_lowercase() != label.to_lowercase() {
                    continue;
                }
                match (event.event.as_str(), &mut last) {
                    ("labeled", last) => {
                        *last = Some(Labelling {
                            actor: event.actor.map(Account::from),
                            at: event.created_at.as_deref().and_then(Timestamp::parse_rfc3339),
                            removed: false,
                        });
                    }
                    ("unlabeled", Some(labelling)) => labelling.removed = true,
                    _ => {}
                }
            }
            Enough::No
        })
        .await?;
        Ok(last)
    }
}
