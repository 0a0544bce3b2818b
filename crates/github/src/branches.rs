//! The repository's own facts and the heads of its branches.

use baton_core::domain::ids::{CommitSha, RepositoryId, RepositoryName};

use crate::call::Call;
use crate::error::GitHubError;
use crate::operations::{GET_REF, GET_REPOSITORY};
use crate::repository::Repository;
use crate::wire;

/// A repository as GitHub describes it now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepositoryInfo {
    /// GitHub's number.
    pub id: RepositoryId,
    /// Its present name; another one than asked for after a rename.
    pub name: RepositoryName,
    /// Whether it is private.
    pub private: bool,
    /// Whether it is archived: read-only.
    pub archived: bool,
    /// The default branch.
    pub default_branch: String,
    /// Its page.
    pub html_url: String,
}

impl Repository {
    /// What GitHub says of the repository now.
    ///
    /// # Errors
    /// [`GitHubError::NotFound`] when it was deleted, or another one has taken its name.
    pub async fn info(&self) -> Result<RepositoryInfo, GitHubError> {
        let reply = self.send(&Call::new(&GET_REPOSITORY, &[self.owner(), self.name()])).await?;
        let wire: wire::Repository = reply.json()?;
        if wire.id != self.reference().id.0 {
            return Err(GitHubError::NotFound { operation: GET_REPOSITORY.name });
        }
        Ok(RepositoryInfo {
            id: RepositoryId(wire.id),
            name: wire.full_name.parse().map_err(|_| GitHubError::Malformed {
                operation: GET_REPOSITORY.name,
                detail: "the repository's name is none".to_owned(),
            })?,
            private: wire.private,
            archived: wire.archived,
            default_branch: wire.default_branch,
            html_url: wire.html_url,
        })
    }

    /// The commit a branch points to; `None` when there is no such branch.
    ///
    /// # Errors
    /// [`GitHubError::Conflict`] when the repository is empty.
    pub async fn branch_head(&self, branch: &str) -> Result<Option<CommitSha>, GitHubError> {
        let call = Call::new(&GET_REF, &[self.owner(), self.name(), &format!("heads/{branch}")]);
        let reply = match self.send(&call).await {
            Ok(reply) => reply,
            Err(GitHubError::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let found: wire::GitRef = reply.json()?;
        if found.name != format!("refs/heads/{branch}") {
            return Ok(None);
        }
        found.object.sha.parse().map(Some).map_err(|_| GitHubError::Malformed {
            operation: GET_REF.name,
            detail: "the branch points to no commit".to_owned(),
        })
    }

    /// The default branch and its commit.
    ///
    /// # Errors
    /// [`GitHubError::Conflict`] when the repository is empty.
    pub async fn default_branch(&self) -> Result<(String, CommitSha), GitHubError> {
        let branch = self.info().await?.default_branch;
        let head = self.branch_head(&branch).await?.ok_or_else(|| GitHubError::Conflict {
            operation: GET_REF.name,
            message: format!("the default branch `{branch}` has no commit yet"),
        })?;
        Ok((branch, head))
    }
}
