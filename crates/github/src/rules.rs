//! What a repository's rulesets ask of a branch. GitHub tells every App that; what protects a branch in the older way it
//! tells administrators alone.

use baton_core::domain::contact::{BranchRule, CommitPart, Operator, Pattern, RefusedFiles};
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
    operator: String,
    pattern: String,
    negate: bool,
    restricted_file_paths: Vec<String>,
    restricted_file_extensions: Vec<String>,
    max_file_path_length: u32,
    max_file_size: u32,
    required_deployment_environments: Vec<String>,
    workflows: Vec<WireWorkflow>,
    code_scanning_tools: Vec<WireTool>,
}

#[derive(Deserialize)]
struct WireCheck {
    context: String,
}

#[derive(Deserialize)]
struct WireWorkflow {
    path: String,
}

#[derive(Deserialize)]
struct WireTool {
    tool: String,
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

/// A rule that matters to whoever pushes a branch, opens a pull request or waits for its merge. Nothing follows from the
/// others: Baton deletes no branch, makes no merge commit and no tag, and reviews and licence scans refuse no push.
fn read(WireRule { kind, parameters }: WireRule) -> Option<BranchRule> {
    Some(match kind.as_str() {
        "creation" => BranchRule::Creation,
        "update" => BranchRule::Update,
        "non_fast_forward" => BranchRule::FastForward,
        "pull_request" => {
            BranchRule::PullRequest { approvals: parameters.required_approving_review_count.unwrap_or_default() }
        }
        "merge_queue" => BranchRule::MergeQueue,
        "required_signatures" => BranchRule::Signatures,
        "required_status_checks" => BranchRule::Checks {
            names: parameters.required_status_checks.into_iter().map(|check| check.context).collect(),
            on_creation: !parameters.do_not_enforce_on_create,
        },
        "required_deployments" => BranchRule::Deployments { environments: parameters.required_deployment_environments },
        "workflows" => BranchRule::Workflows {
            paths: parameters.workflows.into_iter().map(|workflow| workflow.path).collect(),
            on_creation: !parameters.do_not_enforce_on_create,
        },
        "code_scanning" => {
            BranchRule::Scans { tools: parameters.code_scanning_tools.into_iter().map(|one| one.tool).collect() }
        }
        "branch_name_pattern" => BranchRule::NamePattern,
        "commit_message_pattern" => commits(CommitPart::Message, parameters),
        "commit_author_email_pattern" => commits(CommitPart::Author, parameters),
        "committer_email_pattern" => commits(CommitPart::Committer, parameters),
        "file_path_restriction" => files(RefusedFiles::Paths { paths: parameters.restricted_file_paths }),
        "file_extension_restriction" => {
            files(RefusedFiles::Extensions { extensions: parameters.restricted_file_extensions })
        }
        "max_file_path_length" => files(RefusedFiles::LongerPaths { characters: parameters.max_file_path_length }),
        "max_file_size" => files(RefusedFiles::Larger { megabytes: parameters.max_file_size }),
        _ => return None,
    })
}

fn commits(of: CommitPart, Parameters { operator, pattern, negate, .. }: Parameters) -> BranchRule {
    let operator = match operator.as_str() {
        "starts_with" => Operator::StartsWith,
        "ends_with" => Operator::EndsWith,
        "contains" => Operator::Contains,
        _ => Operator::Regex,
    };
    BranchRule::Commits { of, pattern: Pattern { operator, text: pattern, negate } }
}

fn files(refused: RefusedFiles) -> BranchRule {
    BranchRule::Files { refused }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The kinds of rules that GitHub's own description knows, by the names of its schemas.
    fn described() -> Vec<String> {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/contract/rest.tsv");
        let text = std::fs::read_to_string(file).unwrap();
        let mut kinds = Vec::new();
        for line in text.lines() {
            let mut fields = line.split('\t');
            let (Some("schema"), Some(name), Some(schema)) = (fields.next(), fields.next(), fields.next()) else {
                continue;
            };
            // Those of parameters have types of their own.
            if !name.starts_with("repository-rule-") || name.starts_with("repository-rule-params-") {
                continue;
            }
            let schema: serde_json::Value = serde_json::from_str(schema).unwrap();
            kinds.extend(schema["properties"]["type"]["enum"][0].as_str().map(str::to_owned));
        }
        kinds.sort();
        kinds
    }

    /// Every kind that GitHub has is read, or left alone on purpose.
    #[test]
    fn every_kind_of_rule_is_known() {
        let rule = |kind: &str| WireRule { kind: kind.to_owned(), parameters: Parameters::default() };
        let left_alone: Vec<String> = described().into_iter().filter(|kind| read(rule(kind)).is_none()).collect();
        assert_eq!(
            left_alone,
            [
                "copilot_code_review",
                "deletion",
                "license_compliance_scanning",
                "required_linear_history",
                "tag_name_pattern"
            ]
        );
    }

    #[test]
    fn parameters_are_read() {
        let rules = serde_json::json!([
            {"type": "commit_author_email_pattern",
             "parameters": {"name": "ours", "operator": "ends_with", "pattern": "@acme.example", "negate": false}},
            {"type": "commit_message_pattern", "parameters": {"operator": "unheard_of", "pattern": "x", "negate": true}},
            {"type": "file_path_restriction", "parameters": {"restricted_file_paths": [".github/**"]}},
            {"type": "max_file_size", "parameters": {"max_file_size": 10}},
            {"type": "workflows", "parameters": {"do_not_enforce_on_create": true,
             "workflows": [{"path": ".github/workflows/ci.yml", "repository_id": 1}]}},
            {"type": "code_scanning", "parameters": {"code_scanning_tools": [
             {"tool": "CodeQL", "alerts_threshold": "none", "security_alerts_threshold": "none"}]}},
            {"type": "non_fast_forward"},
            {"type": "from_next_year", "parameters": {"workflows": []}},
        ]);
        let rules: Vec<WireRule> = serde_json::from_value(rules).unwrap();
        let pattern = |operator, text: &str, negate| Pattern { operator, text: text.to_owned(), negate };
        assert_eq!(
            rules.into_iter().filter_map(read).collect::<Vec<_>>(),
            [
                BranchRule::Commits {
                    of: CommitPart::Author,
                    pattern: pattern(Operator::EndsWith, "@acme.example", false)
                },
                BranchRule::Commits { of: CommitPart::Message, pattern: pattern(Operator::Regex, "x", true) },
                files(RefusedFiles::Paths { paths: vec![".github/**".into()] }),
                files(RefusedFiles::Larger { megabytes: 10 }),
                BranchRule::Workflows { paths: vec![".github/workflows/ci.yml".into()], on_creation: false },
                BranchRule::Scans { tools: vec!["CodeQL".into()] },
                BranchRule::FastForward,
            ]
        );
    }
}
