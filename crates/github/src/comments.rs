//! Comments on issues and pull requests: read in pages, written once.

use baton_core::domain::ids::{CommentId, IssueNumber};
use baton_core::domain::issue::CommentRef;
use baton_core::domain::time::Timestamp;
use serde_json::json;

use crate::Found;
use crate::call::{Call, Reply};
use crate::error::GitHubError;
use crate::operations::{CREATE_COMMENT, GET_COMMENT, LIST_COMMENTS, UPDATE_COMMENT};
use crate::pages::{Enough, each_page};
use crate::people::Account;
use crate::repository::Repository;
use crate::{texts, wire};

/// A comment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comment {
    /// GitHub's number.
    pub id: CommentId,
    /// The issue or pull request it is on.
    pub issue: IssueNumber,
    /// Its Markdown, mark included.
    pub body: String,
    /// Who wrote it; `None` for a deleted account.
    pub author: Option<Account>,
    /// When it was written.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Its page.
    pub html_url: String,
    /// Its name in GraphQL.
    pub node_id: String,
}

impl Comment {
    /// The comment as tasks keep it.
    #[must_use]
    pub fn reference(&self) -> CommentRef {
        CommentRef { id: self.id, at: self.created_at }
    }

    pub(crate) fn read(wire: wire::Comment) -> Option<Self> {
        Some(Self {
            id: CommentId(wire.id),
            issue: IssueNumber(wire.issue_url.rsplit('/').next()?.parse().ok()?),
            body: wire.body.unwrap_or_default(),
            author: wire.user.map(Account::from),
            created_at: Timestamp::parse_rfc3339(&wire.created_at)?,
            updated_at: Timestamp::parse_rfc3339(&wire.updated_at)?,
            html_url: wire.html_url,
            node_id: wire.node_id,
        })
    }
}

fn one(reply: &Reply) -> Result<Comment, GitHubError> {
    Comment::read(reply.json()?).ok_or_else(|| GitHubError::Malformed {
        operation: reply.operation.name,
        detail: "the comment has no usable time or issue".to_owned(),
    })
}

impl Repository {
    /// All comments on an issue or pull request, oldest first.
    ///
    /// # Errors
    /// Whatever GitHub refuses.
    pub async fn comments(&self, issue: IssueNumber) -> Result<Vec<Comment>, GitHubError> {
        let mut all = Vec::new();
        each_page(self, self.list(issue), |page: Vec<wire::Comment>| {
            all.extend(page.into_iter().filter_map(Comment::read));
            Enough::No
        })
        .await?;
        Ok(all)
    }

    /// One comment, by this repository's path: a comment of another one is not found.
    ///
    /// # Errors
    /// [`GitHubError::NotFound`] when it was deleted.
    pub async fn comment(&self, id: CommentId) -> Result<Comment, GitHubError> {
        one(&self.send(&Call::new(&GET_COMMENT, &[self.owner(), self.name(), &id.to_string()])).await?)
    }

    /// The comment of an effect, if the App's bot wrote it already. `key` is the effect's key.
    ///
    /// # Errors
    /// Whatever GitHub refuses.
    pub async fn find_comment(&self, issue: IssueNumber, key: &str) -> Result<Option<Comment>, GitHubError> {
        let bot = self.bot().await?;
        let mut found = None;
        each_page(self, self.list(issue), |page: Vec<wire::Comment>| {
            found = page.into_iter().filter_map(Comment::read).find(|comment| {
                comment.author.as_ref().is_some_and(|author| author.person.id == bot)
                    && self.markers().is_marked(self.reference().id, key, &comment.body)
            });
            if found.is_some() { Enough::Yes } else { Enough::No }
        })
        .await?;
        Ok(found)
    }

    /// Writes the comment of an effect once: finds the one an earlier attempt wrote, or creates it. An existing one is
    /// left as it reads; [`Repository::update_comment`] changes it.
    ///
    /// The body is cut to what GitHub takes and gets the hidden mark. When the answer to the writing is lost, it is
    /// looked for once more before the failure is reported.
    ///
    /// # Errors
    /// Whatever GitHub refuses: [`GitHubError::Forbidden`] on a locked issue, [`GitHubError::Gone`] on a deleted one.
    pub async fn create_comment(
        &self,
        issue: IssueNumber,
        key: &str,
        body: &str,
    ) -> Result<Found<Comment>, GitHubError> {
        if let Some(existing) = self.find_comment(issue, key).await? {
            return Ok(Found::Existing(existing));
        }
        let call = Call::new(&CREATE_COMMENT, &[self.owner(), self.name(), &issue.to_string()])
            .body(json!({ "body": self.marked(key, body) }));
        match self.send(&call).await.and_then(|reply| one(&reply)) {
            Ok(comment) => Ok(Found::Created(comment)),
            Err(lost) if lost.is_ambiguous() => match self.find_comment(issue, key).await {
                Ok(Some(comment)) => Ok(Found::Created(comment)),
                Ok(None) | Err(_) => Err(lost),
            },
            Err(error) => Err(error),
        }
    }

    /// Changes a comment of ours. `key` is the key it was created with, so that it keeps its mark.
    ///
    /// # Errors
    /// [`GitHubError::NotFound`] when somebody deleted it.
    pub async fn update_comment(&self, id: CommentId, key: &str, body: &str) -> Result<Comment, GitHubError> {
        let call = Call::new(&UPDATE_COMMENT, &[self.owner(), self.name(), &id.to_string()])
            .body(json!({ "body": self.marked(key, body) }));
        one(&self.send(&call).await?)
    }

    fn list(&self, issue: IssueNumber) -> Call {
        Call::new(&LIST_COMMENTS, &[self.owner(), self.name(), &issue.to_string()]).query(&[("per_page", "50")])
    }

    fn marked(&self, key: &str, body: &str) -> String {
        format!("{}\n\n{}", texts::body(body), self.markers().marker(self.reference().id, key))
    }
}
