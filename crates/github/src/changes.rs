//! What changed in a repository since a time, oldest first, and who did what to an issue: the truth behind the webhooks.

use baton_core::domain::ids::IssueNumber;
use baton_core::domain::time::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::call::Call;
use crate::comments::Comment;
use crate::error::GitHubError;
use crate::graphql::LAST_EDIT_OF;
use crate::issues::Issue;
use crate::operations::{LAST_EDIT, LIST_EVENTS, LIST_ISSUES, LIST_REPOSITORY_COMMENTS, Operation};
use crate::pages::{Enough, each_page};
use crate::people::Account;
use crate::repository::Repository;
use crate::wire;

/// Items on a page.
const PAGE: usize = 100;

/// Pages that are read in one go: 2,000 items.
const PAGES: usize = 20;

/// What changed, as far as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed<T> {
    /// Oldest change first. Something may stand in it twice when it changes while it is read.
    pub items: Vec<T>,
    /// Whether that is all. If not, what is left is newer than the last item, and comes with the next call.
    pub complete: bool,
}

/// Something done to an issue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssueEvent {
    /// GitHub's number of the event.
    pub id: i64,
    /// What was done.
    pub act: IssueAct,
    /// Who did it; `None` for a deleted account.
    pub actor: Option<Account>,
    /// When.
    pub at: Timestamp,
}

/// What can be done to an issue, as far as it matters here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IssueAct {
    /// It was assigned to this login.
    Assigned(String),
    /// It was taken from this login.
    Unassigned(String),
    /// It got this label.
    Labelled(String),
    /// It lost this label.
    Unlabelled(String),
    /// It got another title.
    Renamed,
    /// It was closed, or merged.
    Closed,
    /// It was opened again.
    Reopened,
}

impl IssueEvent {
    fn read(wire: wire::IssueEvent) -> Option<Self> {
        let label = || wire.label.as_ref().and_then(|label| label.name.clone());
        let assignee = || wire.assignee.as_ref().map(|user| user.login.clone());
        let act = match wire.event.as_str() {
            "assigned" => IssueAct::Assigned(assignee()?),
            "unassigned" => IssueAct::Unassigned(assignee()?),
            "labeled" => IssueAct::Labelled(label()?),
            "unlabeled" => IssueAct::Unlabelled(label()?),
            "renamed" => IssueAct::Renamed,
            "closed" | "merged" => IssueAct::Closed,
            "reopened" => IssueAct::Reopened,
            _ => return None,
        };
        // GitHub names the assigned person as the actor of some assignments; who did it is the assigner.
        let actor = wire.assigner.or(wire.actor).map(Account::from);
        Some(Self { id: wire.id?, act, actor, at: Timestamp::parse_rfc3339(&wire.created_at?)? })
    }
}

impl Repository {
    /// Issues and pull requests that changed at `since` or later: comments, labels, assignments and states count.
    ///
    /// # Errors
    /// [`GitHubError::Gone`] where issues are switched off, and whatever else GitHub refuses.
    pub async fn issues_since(&self, since: Timestamp) -> Result<Changed<Issue>, GitHubError> {
        let read = |issue: wire::Issue| {
            let issue = Issue::from(issue);
            issue.updated_at.map(|at| (at, issue))
        };
        self.changed(&LIST_ISSUES, &[("state", "all")], since, read).await
    }

    /// Comments on issues and pull requests that were written or edited at `since` or later.
    ///
    /// # Errors
    /// Whatever GitHub refuses.
    pub async fn comments_since(&self, since: Timestamp) -> Result<Changed<Comment>, GitHubError> {
        let read = |comment: wire::Comment| Comment::read(comment).map(|comment| (comment.updated_at, comment));
        self.changed(&LIST_REPOSITORY_COMMENTS, &[], since, read).await
    }

    /// What was done to an issue, oldest first.
    ///
    /// # Errors
    /// Whatever GitHub refuses.
    pub async fn issue_events(&self, issue: IssueNumber) -> Result<Vec<IssueEvent>, GitHubError> {
        let call =
            Call::new(&LIST_EVENTS, &[self.owner(), self.name(), &issue.to_string()]).query(&[("per_page", "100")]);
        let mut all = Vec::new();
        each_page(self, call, |page: Vec<wire::IssueEvent>| {
            all.extend(page.into_iter().filter_map(IssueEvent::read));
            Enough::No
        })
        .await?;
        Ok(all)
    }

    /// When the body of an issue or comment was last edited; `None` if never. `node_id` is its name in GraphQL.
    ///
    /// # Errors
    /// [`GitHubError::NotFound`] when it was deleted; [`GitHubError::Malformed`] when the answer does not say: silence is
    /// not "never", or what was edited into a command would be one.
    pub async fn last_edit(&self, node_id: &str) -> Result<Option<Timestamp>, GitHubError> {
        let data = self.query(&LAST_EDIT, LAST_EDIT_OF, json!({ "id": node_id })).await?;
        edited_at(&data)
    }

    /// Reads a list by its items' own times rather than by pages: a page would skip what moves to the list's end meanwhile.
    async fn changed<W: DeserializeOwned, T>(
        &self,
        operation: &'static Operation,
        more: &[(&str, &str)],
        mut since: Timestamp,
        read: impl Fn(W) -> Option<(Timestamp, T)>,
    ) -> Result<Changed<T>, GitHubError> {
        let mut items = Vec::new();
        let mut page = 1_usize;
        for _ in 0..PAGES {
            let (from, number, size) = (since.to_string(), page.to_string(), PAGE.to_string());
            let mut query = vec![("sort", "updated"), ("direction", "asc"), ("since", from.as_str())];
            query.extend_from_slice(more);
            query.extend([("per_page", size.as_str()), ("page", number.as_str())]);
            let call = Call::new(operation, &[self.owner(), self.name()]).query(&query);
            let found: Vec<W> = self.send(&call).await?.json()?;
            let is_last = found.len() < PAGE;
            let mut newest = since;
            for (at, item) in found.into_iter().filter_map(&read) {
                newest = newest.max(at);
                items.push(item);
            }
            if is_last {
                return Ok(Changed { items, complete: true });
            }
            // More than a page of one second can only be read by pages.
            page = if newest > since { 1 } else { page + 1 };
            since = newest;
        }
        Ok(Changed { items, complete: false })
    }
}
/// The time of the last edit in GitHub's answer.
fn edited_at(data: &Value) -> Result<Option<Timestamp>, GitHubError> {
    let silent = || GitHubError::Malformed {
        operation: LAST_EDIT.name,
        detail: "it does not say when the text was last edited".to_owned(),
    };
    match data["node"].get("lastEditedAt") {
        None => Err(silent()),
        Some(Value::Null) => Ok(None),
        Some(at) => at.as_str().and_then(Timestamp::parse_rfc3339).map(Some).ok_or_else(silent),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_is_not_never() {
        let read = |node: Value| edited_at(&json!({ "node": node })).map_err(|_| ());
        assert_eq!(read(json!({ "lastEditedAt": null })), Ok(None));
        assert!(matches!(read(json!({ "lastEditedAt": "2026-11-22T15:34:57Z" })), Ok(Some(_))));
        for silent in [json!(null), json!({}), json!({ "lastEditedAt": 7 }), json!({ "lastEditedAt": "yesterday" })] {
            assert_eq!(read(silent.clone()), Err(()), "{silent}");
        }
    }
}
