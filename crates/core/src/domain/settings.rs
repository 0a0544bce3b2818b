//! What steers a task: the operator's policy and the repository's own file, as data.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::patch::policy::PatchPolicy;
use super::usage::{MicroDollars, RunBudget};

/// The operator's rules for a task, as they stood when it began. Part of the task, so that its history replays.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TaskPolicy {
    /// Days an approval or an answer is waited for.
    pub approval_days: u32,
    /// How often failing tests or a refused patch go back to the agent.
    pub max_rounds: u32,
    /// Whether somebody other than the person who asked for the work has to approve it.
    pub second_person_approves: bool,
    /// What one run may use.
    pub run: RunBudget,
    /// What the whole task may cost.
    pub task_cost: MicroDollars,
    /// What a patch may contain.
    pub patch: PatchPolicy,
}

impl Default for TaskPolicy {
    fn default() -> Self {
        Self {
            approval_days: 14,
            max_rounds: 2,
            second_person_approves: false,
            run: RunBudget::default(),
            task_cost: MicroDollars(25_000_000),
            patch: PatchPolicy::default(),
        }
    }
}

impl TaskPolicy {
    /// How long an approval or an answer is waited for.
    #[must_use]
    pub fn patience(&self) -> Duration {
        Duration::from_secs(u64::from(self.approval_days) * 24 * 60 * 60)
    }
}

/// `.github/baton.yml` of the default branch. It can only narrow what the operator allows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RepositorySettings {
    /// The configured agent to use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// How plans are approved.
    pub plan: PlanSettings,
    /// Commands instead of the ones Baton finds.
    pub commands: CommandSettings,
    /// Hosts the sandbox may reach, out of what the operator allows.
    pub network: NetworkSettings,
    /// Tighter limits.
    pub limits: LimitSettings,
    /// Globs of further paths a patch may not touch.
    pub protected_paths: Vec<String>,
    /// First part of branch names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub branch_prefix: Option<String>,
    /// Logins asked for review besides the requester.
    pub reviewers: Vec<String>,
    /// Labels put on the pull request.
    pub labels: Vec<String>,
}

/// `plan:` of `.github/baton.yml`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PlanSettings {
    /// Always true: nothing is implemented without an approved plan. The key exists so that a file can say so.
    pub required: bool,
    /// Whether a writer's label `baton:auto` counts as that writer's approval in advance.
    pub auto: bool,
}

impl Default for PlanSettings {
    fn default() -> Self {
        Self { required: true, auto: false }
    }
}

/// `commands:` of `.github/baton.yml`. Each is a shell command line, or several run in order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CommandSettings {
    /// Prepares a fresh checkout.
    pub setup: CommandList,
    /// Runs the tests.
    pub test: CommandList,
    /// Checks the code.
    pub lint: CommandList,
    /// Formats the code.
    pub format: CommandList,
}

/// One command line or a list of them; empty where none was given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "OneOrMany", into = "Vec<String>")]
pub struct CommandList(pub Vec<String>);

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl From<OneOrMany> for CommandList {
    fn from(given: OneOrMany) -> Self {
        match given {
            OneOrMany::One(line) => Self(vec![line]),
            OneOrMany::Many(lines) => Self(lines),
        }
    }
}

impl From<CommandList> for Vec<String> {
    fn from(list: CommandList) -> Self {
        list.0
    }
}

/// `network:` of `.github/baton.yml`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NetworkSettings {
    /// Hosts. Kept for the egress proxy; without one the sandbox has no network at all.
    pub allow: Vec<String>,
}

/// `limits:` of `.github/baton.yml`. Each can only be lower than the operator's.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimitSettings {
    /// Minutes of one run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minutes: Option<u64>,
    /// Tokens of one run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens: Option<u64>,
    /// Dollars of one run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dollars: Option<f64>,
    /// Files a patch may change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changed_files: Option<usize>,
    /// Lines a patch may add and remove together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changed_lines: Option<u64>,
}

impl TaskPolicy {
    /// The policy with the repository's own file applied: limits only go down, protected paths only grow.
    #[must_use]
    pub fn narrowed_by(&self, settings: &RepositorySettings) -> Self {
        let mut policy = self.clone();
        let limits = &settings.limits;
        if let Some(minutes) = limits.minutes {
            policy.run.seconds = policy.run.seconds.min(minutes.saturating_mul(60));
        }
        if let Some(tokens) = limits.tokens {
            policy.run.tokens = policy.run.tokens.min(tokens);
        }
        if let Some(cost) = limits.dollars.and_then(MicroDollars::from_dollars) {
            policy.run.cost = policy.run.cost.min(cost);
        }
        if let Some(files) = limits.changed_files {
            policy.patch.max_files = policy.patch.max_files.min(files);
        }
        if let Some(lines) = limits.changed_lines {
            policy.patch.max_lines = policy.patch.max_lines.min(lines);
        }
        policy.patch.protected_paths.extend(settings.protected_paths.iter().cloned());
        policy
    }
}
