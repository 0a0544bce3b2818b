//! What a repository's rulesets ask of a branch. GitHub tells every App that; what protects a branch in the older way it
//! tells administrators alone.

use baton_core::domain::contact::BranchRule;
use serde::Deserialize;

use crate::call::Call;
use crate::error::GitHubError;
use crate::operations::GET_BRANCH_RULES;
use crate::repository::Repository;

/// A rule as GitHub writes it ("Get rules for a branch"); kinds and parameters that are not read here are left alone.
#[derive(Deserialize)]
struct WireRule {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    parameters: Parameters,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Parameters {
    required_approving_review_count: Option<u32>,
    required_status_checks: Vec<WireCheck>,
    do_not_enforce_on_create: bool,
}

#[derive(Deserialize)]
struct WireCheck {
    context: String,
}

impl Repository {
    /// The rules of active rulesets for a branch of this name, whether it is there or not, 100 at most; who may pass over
    /// them GitHub does not say. `None` where it tells of no rulesets at all: on an older Enterprise Server, or where the
    /// owner's plan has none.
    ///
    /// # Errors
    /// Whatever else GitHub refuses.
    pub async fn rules_for(&self, branch: &str) -> Result<Option<Vec<BranchRule>>, GitHubError> {
        let call = Call::new(&GET_BRANCH_RULES, &[self.owner(), self.name(), branch]).query(&[("per_page", "100")]);
        let reply = match self.send(&call).await {
            Ok(reply) => reply,
            Err(GitHubError::NotFound { .. } | GitHubError::Forbidden { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let rules: Vec<WireRule> = reply.json()?;
        Ok(Some(rules.into_iter().filter_map(read).collect()))
    }
}

/// A rule that matters to whoever pushes a branch or opens a pull request.
fn read(WireRule { kind, parameters }: WireRule) -> Option<BranchRule> {
    Some(match kind.as_str() {
        "creation" => BranchRule::Creation,
        "update" => BranchRule::Update,
        "pull_request" => {
            BranchRule::PullRequest { approvals: parameters.required_approving_review_count.unwrap_or_default() }
        }
        "required_signatures" => BranchRule::Signatures,
        "required_status_checks" => BranchRule::Checks {
            names: parameters.required_status_checks.into_iter().map(|check| check.context).collect(),
            on_creation: !parameters.do_not_enforce_on_create,
        },
        "branch_name_pattern" => BranchRule::NamePattern,
        _ => return None,
    })
}
