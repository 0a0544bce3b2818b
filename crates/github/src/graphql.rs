//! The three mutations that GitHub has in GraphQL only. Documents are constants: no text of anybody is part of one.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::call::Call;
use crate::error::GitHubError;
use crate::operations::{MARK_DRAFT, MARK_READY, MINIMIZE_COMMENT, Operation};
use crate::policy::{Limit, Outcome};
use crate::redact;
use crate::repository::Repository;

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

/// GraphQL answers 200 and puts into the body what REST says by its status: a limit, or trouble of GitHub's own.
pub(crate) fn trouble(operation: &Operation, body: &[u8]) -> Option<Outcome> {
    if !operation.is_graphql() {
        return None;
    }
    let answer: Answer = serde_json::from_slice(body).ok()?;
    let problem = answer.errors.first()?;
    match problem.kind.as_deref() {
        Some("RATE_LIMITED" | "RATE_LIMIT") => Some(Outcome::Limited { limit: Limit::Primary, wait: None }),
        // "Something went wrong while executing your query": without a type.
        None if problem.message.contains("Something went wrong") => Some(Outcome::Troubled { status: 200, wait: None }),
        None if problem.message.contains("secondary rate limit") => {
            Some(Outcome::Limited { limit: Limit::Secondary, wait: None })
        }
        _ => None,
    }
}

/// Every other refusal.
fn refused(operation: &'static Operation, problem: &Problem) -> GitHubError {
    let name = operation.name;
    let message = redact::message(&problem.message);
    match problem.kind.as_deref() {
        Some("NOT_FOUND") => GitHubError::NotFound { operation: name },
        Some("FORBIDDEN" | "INSUFFICIENT_SCOPES") => GitHubError::Forbidden {
            operation: name,
            needs: message.contains("not accessible by integration").then_some(operation.needs),
            message,
        },
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
            refuse(None, "Field 'x' doesn't exist on type 'Mutation'"),
        ];
        insta::assert_snapshot!(lines.join("\n"), @r"
        GitHub does not find it, or the App may not see it (graphql/markPullRequestReadyForReview)
        GitHub refuses: Resource not accessible by integration (graphql/markPullRequestReadyForReview); the App needs pull_requests: write, contents: write, which its owner grants in the installation's settings
        GitHub does not accept it: Pull request is not in draft state (graphql/markPullRequestReadyForReview)
        GitHub does not accept it: Field 'x' doesn't exist on type 'Mutation' (graphql/markPullRequestReadyForReview)
        ");
    }

    #[test]
    fn limits_and_trouble_in_a_200() {
        let of = |body: &str| format!("{:?}", trouble(&MARK_READY, body.as_bytes()));
        let lines = [
            of(r#"{"errors":[{"type":"RATE_LIMITED","message":"API rate limit exceeded"}]}"#),
            of(r#"{"errors":[{"message":"You have exceeded a secondary rate limit."}]}"#),
            of(r#"{"data":null,"errors":[{"message":"Something went wrong while executing your query."}]}"#),
            of(r#"{"errors":[{"type":"NOT_FOUND","message":"Something went wrong"}]}"#),
            of(r#"{"data":{},"errors":[]}"#),
            of("<html>"),
        ];
        insta::assert_snapshot!(lines.join("\n"), @r#"
        Some(Limited { limit: Primary, wait: None })
        Some(Limited { limit: Secondary, wait: None })
        Some(Troubled { status: 200, wait: None })
        None
        None
        None
        "#);
        let rest = &crate::operations::GET_ISSUE;
        assert_eq!(trouble(rest, br#"{"errors":[{"type":"RATE_LIMITED","message":""}]}"#), None, "REST has a status");
    }
}
