//! Issues, read fresh.

use baton_core::domain::ids::IssueNumber;
use baton_core::domain::issue::IssueSnapshot;
use baton_core::domain::time::Timestamp;

use crate::call::Call;
use crate::error::GitHubError;
use crate::operations::GET_ISSUE;
use crate::people::Account;
use crate::repository::Repository;
use crate::wire;

/// Open or closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IssueState {
    /// Open.
    Open,
    /// Closed, for whatever reason.
    Closed,
}

/// An issue, or the conversation of a pull request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issue {
    /// Its number.
    pub number: IssueNumber,
    /// Whether it is a pull request.
    pub is_pull_request: bool,
    /// Its title.
    pub title: String,
    /// Its body, raw; empty when there is none.
    pub body: String,
    /// Who opened it; `None` for a deleted account.
    pub author: Option<Account>,
    /// Open or closed.
    pub state: IssueState,
    /// Whether only collaborators may comment.
    pub locked: bool,
    /// Names of its labels.
    pub labels: Vec<String>,
    /// Who it is assigned to.
    pub assignees: Vec<Account>,
    /// Its page.
    pub html_url: String,
    /// Its name in GraphQL.
    pub node_id: String,
    /// When it last changed.
    pub updated_at: Option<Timestamp>,
}

impl Issue {
    /// The issue as tasks keep it.
    #[must_use]
    pub fn snapshot(&self) -> IssueSnapshot {
        IssueSnapshot {
            number: self.number,
            title: self.title.clone(),
            body: self.body.clone(),
            author: self.author.as_ref().map(|author| author.person.login.clone()).unwrap_or_default(),
            open: self.state == IssueState::Open,
            locked: self.locked,
        }
    }
}

impl Repository {
    /// An issue or pull request as it is now.
    ///
    /// # Errors
    /// [`GitHubError::Gone`] when it was deleted, [`GitHubError::NotFound`] when there is none. A transferred issue is
    /// found only if it went to a repository this App's token reaches; it then has another number.
    pub async fn issue(&self, number: IssueNumber) -> Result<Issue, GitHubError> {
        let call = Call::new(&GET_ISSUE, &[self.owner(), self.name(), &number.to_string()]);
        self.send(&call).await?.json::<wire::Issue>().map(Issue::from)
    }
}

impl From<wire::Issue> for Issue {
    fn from(issue: wire::Issue) -> Self {
        Self {
            number: IssueNumber(issue.number),
            is_pull_request: issue.pull_request.is_some(),
            title: issue.title,
            body: issue.body.unwrap_or_default(),
            author: issue.user.map(Account::from),
            state: if issue.state == "closed" { IssueState::Closed } else { IssueState::Open },
            locked: issue.locked,
            labels: issue.labels.into_iter().filter_map(wire::AnyLabel::into_name).collect(),
            assignees: issue.assignees.unwrap_or_default().into_iter().map(Account::from).collect(),
            html_url: issue.html_url,
            node_id: issue.node_id,
            updated_at: Timestamp::parse_rfc3339(&issue.updated_at),
        }
    }
}
