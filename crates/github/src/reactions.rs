//! The 👀 by which people see that a command was heard. GitHub keeps one reaction of a kind for each account, so doing
//! it again changes nothing.

use baton_core::domain::ids::{CommentId, IssueNumber};
use http::StatusCode;
use serde_json::json;

use crate::Found;
use crate::call::Call;
use crate::error::GitHubError;
use crate::operations::{REACT_TO_COMMENT, REACT_TO_ISSUE};
use crate::repository::Repository;
use crate::wire;

impl Repository {
    /// Reacts to a comment with 👀; gives the reaction's number.
    ///
    /// # Errors
    /// [`GitHubError::NotFound`] when the comment was deleted.
    pub async fn react_to_comment(&self, id: CommentId) -> Result<Found<i64>, GitHubError> {
        self.react(Call::new(&REACT_TO_COMMENT, &[self.owner(), self.name(), &id.to_string()])).await
    }

    /// Reacts to an issue or pull request with 👀; gives the reaction's number.
    ///
    /// # Errors
    /// Whatever GitHub refuses.
    pub async fn react_to_issue(&self, number: IssueNumber) -> Result<Found<i64>, GitHubError> {
        self.react(Call::new(&REACT_TO_ISSUE, &[self.owner(), self.name(), &number.to_string()])).await
    }

    async fn react(&self, call: Call) -> Result<Found<i64>, GitHubError> {
        let reply = self.send(&call.body(json!({ "content": "eyes" }))).await?;
        let reaction: wire::Numbered = reply.json()?;
        Ok(match reply.status {
            StatusCode::OK => Found::Existing(reaction.id),
            _ => Found::Created(reaction.id),
        })
    }
}
