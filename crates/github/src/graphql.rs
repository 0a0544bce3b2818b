//! The three mutations that GitHub has in GraphQL only. Documents are constants: no text of anybody is part of one.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::error::{GitHubError, Wait};
use crate::operations::{MARK_DRAFT, MARK_READY, MINIMIZE_COMMENT, Operation};
use crate::redact;
use crate::repository::Repository;
use crate::transport::Call;

/// Folds a comment away as outdated.
pub(crate) const MINIMIZE: &str = "mutation($id: ID!) { minimizeComment(input: {subjectId: $id, classifier: OUTDATED}) \
                                   { minimizedComment { isMinimized } } }";
/// Ends a draft.
pub(crate) const READY: &str =
    "mutation($id: ID!) { markPullRequestReadyForReview(input: {pullRequestId: $id}) { pullRequest { isDraft } } }";
/// Makes a pull request a draft again.
pub(crate) const DRAFT: &str =
    "mutation($id: ID!) { convertPullRequestToDraft(input: {pullRequestId: $id}) { pullRequest { isDraft } } }";

/// When the body of an issue or comment was last edited. REST tells of titles only.
pub(crate) const LAST_EDIT_OF: &str = "query($id: ID!) { node(id: $id) { ... on Issue { lastEditedAt } \
                                       ... on IssueComment { lastEditedAt } } }";

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    errors: Vec<Problem>,
    data: Option<Value>,
}

#[derive(Deserialize)]
struct Problem {
    #[serde(rename = "type")]
    kind: Option<String>,
    #[serde(default)]
    message: String,
}

impl Repository {
    /// Folds a comment away as outdated. Doing it again changes nothing.
    ///
    /// # Errors
    /// [`GitHubError::NotFound`] when it was deleted.
    pub async fn minimize_comment(&self, node_id: &str) -> Result<(), GitHubError> {
        self.mutate(&MINIMIZE_COMMENT, MINIMIZE, node_id).await
    }

    pub(crate) async fn mark_ready(&self, node_id: &str) -> Result<(), GitHubError> {
        self.mutate(&MARK_READY, READY, node_id).await
    }

    pub(crate) async fn mark_draft(&self, node_id: &str) -> Result<(), GitHubError> {
        self.mutate(&MARK_DRAFT, DRAFT, node_id).await
    }

    async fn mutate(&self, operation: &'static Operation, document: &str, node_id: &str) -> Result<(), GitHubError> {
        self.query(operation, document, json!({ "id": node_id })).await.map(drop)
    }

    /// Sends a document; its data.
    pub(crate) async fn query(
        &self,
        operation: &'static Operation,
        document: &str,
        variables: Value,
    ) -> Result<Value, GitHubError> {
        let call = Call::new(operation, &[]).body(json!({ "query": document, "variables": variables }));
        let answer: Answer = self.send(&call).await?.json()?;
        match (answer.errors.first(), answer.data) {
            (Some(problem), _) => Err(refused(operation, problem)),
            (None, None | Some(Value::Null)) => {
                Err(GitHubError::Malformed { operation: operation.name, detail: "neither data nor errors".to_owned() })
            }
            (None, Some(data)) => Ok(data),
        }
    }
}

/// GraphQL answers 200 and puts the refusal into the body.
fn refused(operation: &'static Operation, problem: &Problem) -> GitHubError {
    let name = operation.name;
    let message = redact::message(&problem.message);
    match problem.kind.as_deref() {
        Some("NOT_FOUND") => GitHubError::NotFound { operation: name },
        Some("RATE_LIMITED") => GitHubError::RateLimited {
            operation: name,
            wait: Wait::For(std::time::Duration::from_secs(60)),
            secondary: false,
        },
        Some("FORBIDDEN" | "INSUFFICIENT_SCOPES") => GitHubError::Forbidden {
            operation: name,
            needs: message.contains("not accessible by integration").then_some(operation.needs),
            message,
        },
        // "Something went wrong while executing your query": GitHub's own trouble, without a type.
        None if message.contains("Something went wrong") => {
            GitHubError::Server { operation: name, status: 200, wait: None }
        }
        _ => GitHubError::Validation { operation: name, message, errors: Vec::new() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_in_a_200() {
        let refuse = |kind: Option<&str>, message: &str| {
            let problem = Problem { kind: kind.map(str::to_owned), message: message.to_owned() };
            refused(&MARK_READY, &problem).to_string()
        };
        let lines = [
            refuse(Some("NOT_FOUND"), "Could not resolve to a node with the global id of 'x'."),
            refuse(Some("FORBIDDEN"), "Resource not accessible by integration"),
            refuse(Some("UNPROCESSABLE"), "Pull request is not in draft state"),
            refuse(Some("RATE_LIMITED"), "API rate limit exceeded"),
            refuse(None, "Something went wrong while executing your query."),
        ];
        insta::assert_snapshot!(lines.join("\n"), @r"
        GitHub does not find it, or the App may not see it (graphql/markPullRequestReadyForReview)
        GitHub refuses: Resource not accessible by integration (graphql/markPullRequestReadyForReview); the App needs pull_requests: write, contents: write, which its owner grants in the installation's settings
        GitHub does not accept it: Pull request is not in draft state (graphql/markPullRequestReadyForReview)
        GitHub's primary rate limit is reached (graphql/markPullRequestReadyForReview)
        GitHub is in trouble (status 200, graphql/markPullRequestReadyForReview)
        ");
    }
}
