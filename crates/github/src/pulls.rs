//! Pull requests: found by their branch or made, never a second one for the same branch; never approved, never merged.

use baton_core::domain::ids::{BranchName, CommitSha, IssueNumber, RepositoryId};
use baton_core::domain::time::Timestamp;
use serde_json::json;

use crate::Found;
use crate::call::{Call, Reply};
use crate::error::GitHubError;
use crate::operations::{CREATE_PULL, GET_PULL, LIST_PULLS, REQUEST_REVIEWERS, UPDATE_PULL};
use crate::pages::{Enough, each_page};
use crate::people::Account;
use crate::repository::Repository;
use crate::{texts, wire};

/// Where a pull request stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PullState {
    /// Open.
    Open,
    /// Closed without being merged.
    Closed,
    /// Merged.
    Merged,
}

/// A pull request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PullRequest {
    /// Its number.
    pub number: IssueNumber,
    /// Its title.
    pub title: String,
    /// Its body, raw; empty when there is none.
    pub body: String,
    /// Who opened it; `None` for a deleted account.
    pub author: Option<Account>,
    /// Where it stands.
    pub state: PullState,
    /// Whether it is a draft.
    pub draft: bool,
    /// The branch to merge.
    pub head_branch: String,
    /// Its commit.
    pub head: CommitSha,
    /// The repository the branch is in; `None` when that fork is gone.
    pub head_repository: Option<RepositoryId>,
    /// The branch to merge into.
    pub base_branch: String,
    /// Its page.
    pub html_url: String,
    /// Its name in GraphQL.
    pub node_id: String,
    /// The last change to it.
    pub updated_at: Option<Timestamp>,
}

/// A pull request to open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewPull<'a> {
    /// Our branch, in the same repository.
    pub head: &'a BranchName,
    /// The branch's commit.
    pub commit: &'a CommitSha,
    /// The branch to merge into.
    pub base: &'a str,
    /// The title; cut to 256 characters.
    pub title: &'a str,
    /// The body; cut to 65,000 characters.
    pub body: &'a str,
    /// Whether it begins as a draft.
    pub draft: bool,
}

/// What became of a request for review.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReviewRequest {
    /// They were asked (again).
    Requested,
    /// One of them is no collaborator, so GitHub asked nobody.
    NotACollaborator,
    /// One of them opened the pull request, so GitHub asked nobody.
    IsTheAuthor,
}

fn read(wire: wire::Pull, reply: &Reply) -> Result<PullRequest, GitHubError> {
    let merged = wire.merged.unwrap_or(false) || wire.merged_at.is_some();
    Ok(PullRequest {
        number: IssueNumber(wire.number),
        title: wire.title,
        body: wire.body.unwrap_or_default(),
        author: wire.user.map(Account::from),
        state: match wire.state.as_str() {
            _ if merged => PullState::Merged,
            "closed" => PullState::Closed,
            _ => PullState::Open,
        },
        draft: wire.draft,
        head_branch: wire.head.branch,
        head: wire.head.sha.parse().map_err(|_| GitHubError::Malformed {
            operation: reply.operation.name,
            detail: "the pull request's head is no commit".to_owned(),
        })?,
        head_repository: wire.head.repo.map(|repo| RepositoryId(repo.id)),
        base_branch: wire.base.branch,
        html_url: wire.html_url,
        node_id: wire.node_id,
        updated_at: wire.updated_at.as_deref().and_then(Timestamp::parse_rfc3339),
    })
}

fn one(reply: &Reply) -> Result<PullRequest, GitHubError> {
    read(reply.json()?, reply)
}

impl Repository {
    /// A pull request as it is now.
    ///
    /// # Errors
    /// Whatever GitHub refuses.
    pub async fn pull(&self, number: IssueNumber) -> Result<PullRequest, GitHubError> {
        one(&self.send(&Call::new(&GET_PULL, &[self.owner(), self.name(), &number.to_string()])).await?)
    }

    /// The pull request of one of our branches, open or not; the newest if there are several.
    ///
    /// # Errors
    /// Whatever GitHub refuses.
    pub async fn find_pull(&self, head: &BranchName) -> Result<Option<PullRequest>, GitHubError> {
        let filter = format!("{}:{head}", self.owner());
        let query = [("state", "all"), ("head", filter.as_str()), ("per_page", "100")];
        let reply = self.send(&Call::new(&LIST_PULLS, &[self.owner(), self.name()]).query(&query)).await?;
        let list: Vec<wire::Pull> = reply.json()?;
        let pulls = list.into_iter().map(|wire| read(wire, &reply)).collect::<Result<Vec<_>, _>>()?;
        // GitHub drops a filter it does not understand and answers with everything: checked here again.
        Ok(pulls
            .into_iter()
            .filter(|pull| pull.head_branch == head.as_str() && pull.head_repository == Some(self.reference().id))
            .max_by_key(|pull| (pull.state == PullState::Open, pull.number)))
    }

    /// The first open pull request, newest first, that `wanted` takes: it sees author and body.
    ///
    /// # Errors
    /// Whatever GitHub refuses.
    pub async fn open_pull_where(
        &self,
        wanted: impl Fn(Option<&Account>, &str) -> bool,
    ) -> Result<Option<(IssueNumber, Account)>, GitHubError> {
        let call =
            Call::new(&LIST_PULLS, &[self.owner(), self.name()]).query(&[("state", "open"), ("per_page", "100")]);
        let mut found = None;
        each_page(self, call, |page: Vec<wire::Pull>| {
            found = page.into_iter().find_map(|pull| {
                let author = pull.user.map(Account::from);
                let body = pull.body.unwrap_or_default();
                let is_wanted = wanted(author.as_ref(), &body);
                author.filter(|_| is_wanted).map(|author| (IssueNumber(pull.number), author))
            });
            if found.is_some() { Enough::Yes } else { Enough::No }
        })
        .await?;
        Ok(found)
    }

    /// Opens the pull request of a branch once: finds the one an earlier attempt opened, or creates it. One that is closed or
    /// merged counts if it was for the same commit; an older one of the same branch does not. An existing one is left as it
    /// reads, whoever opened it: the caller looks at its author.
    ///
    /// # Errors
    /// [`GitHubError::Validation`] with GitHub's words: no commits between the branches, no such branch, drafts not
    /// available in this repository.
    pub async fn create_pull(&self, new: &NewPull<'_>) -> Result<Found<PullRequest>, GitHubError> {
        if let Some(existing) = self.find_pull(new.head).await?.filter(|pull| is_of(pull, new)) {
            return Ok(Found::Existing(existing));
        }
        let call = Call::new(&CREATE_PULL, &[self.owner(), self.name()]).body(json!({
            "title": texts::title(new.title),
            "head": new.head.as_str(),
            "base": new.base,
            "body": texts::body(new.body),
            "draft": new.draft,
        }));
        let error = match self.send(&call).await.and_then(|reply| one(&reply)) {
            Ok(pull) => return Ok(Found::Created(pull)),
            Err(error) => error,
        };
        if error.is_ambiguous() || already_exists(&error) {
            return match self.find_pull(new.head).await.map(|pull| pull.filter(|pull| is_of(pull, new))) {
                Ok(Some(pull)) if already_exists(&error) => Ok(Found::Existing(pull)),
                Ok(Some(pull)) => Ok(Found::Created(pull)),
                Ok(None) | Err(_) => Err(error),
            };
        }
        Err(error)
    }

    /// Sets title and body.
    ///
    /// # Errors
    /// Whatever GitHub refuses.
    pub async fn update_pull(&self, number: IssueNumber, title: &str, body: &str) -> Result<PullRequest, GitHubError> {
        let call = Call::new(&UPDATE_PULL, &[self.owner(), self.name(), &number.to_string()])
            .body(json!({ "title": texts::title(title), "body": texts::body(body) }));
        one(&self.send(&call).await?)
    }

    /// Makes a pull request a draft, or ready for review; looks first, so that doing it again changes nothing.
    ///
    /// # Errors
    /// Whatever GitHub refuses.
    pub async fn set_draft(&self, number: IssueNumber, draft: bool) -> Result<Found<()>, GitHubError> {
        let pull = self.pull(number).await?;
        if pull.draft == draft {
            return Ok(Found::Existing(()));
        }
        if draft {
            self.mark_draft(&pull.node_id).await?;
        } else {
            self.mark_ready(&pull.node_id).await?;
        }
        Ok(Found::Created(()))
    }

    /// Asks people for a review. Asking those again who were asked changes nothing.
    ///
    /// # Errors
    /// Whatever GitHub refuses, except that somebody cannot be asked: that is a value.
    pub async fn request_reviewers(
        &self,
        number: IssueNumber,
        logins: &[String],
    ) -> Result<ReviewRequest, GitHubError> {
        let call = Call::new(&REQUEST_REVIEWERS, &[self.owner(), self.name(), &number.to_string()])
            .body(json!({ "reviewers": logins }));
        match self.send(&call).await {
            Ok(_) => Ok(ReviewRequest::Requested),
            Err(error) => review_refusal(&error).ok_or(error),
        }
    }
}

fn is_of(pull: &PullRequest, new: &NewPull<'_>) -> bool {
    pull.state == PullState::Open || pull.head == *new.commit
}

fn words_of(error: &GitHubError) -> Option<String> {
    match error {
        GitHubError::Validation { message, errors, .. } => {
            Some(format!("{message} {}", errors.join(" ")).to_lowercase())
        }
        _ => None,
    }
}

fn already_exists(error: &GitHubError) -> bool {
    words_of(error).is_some_and(|words| words.contains("pull request already exists"))
}

fn review_refusal(error: &GitHubError) -> Option<ReviewRequest> {
    let words = words_of(error)?;
    if words.contains("pull request author") {
        Some(ReviewRequest::IsTheAuthor)
    } else if words.contains("not a collaborator") || words.contains("only be requested from collaborators") {
        Some(ReviewRequest::NotACollaborator)
    } else {
        None
    }
}
