//! The configuration as the program uses it. `keys` declares what operators can write; tests hold the two together.

use std::collections::BTreeMap;
use std::path::PathBuf;

use baton_core::domain::enclosure::{Gap, Limits};
use baton_core::domain::patch::PatchPolicy;
use baton_core::domain::settings::TaskPolicy;
use baton_core::domain::usage::{MicroDollars, RunBudget};
use secrecy::SecretString;
use serde::Deserialize;
use url::Url;

use super::fault::ConfigError;
use super::retention::RetentionConfig;
use super::secret::secret;

/// Everything the operator can set.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The GitHub App.
    pub github: GithubConfig,
    /// The web server.
    pub server: ServerConfig,
    /// The database and the data folder.
    pub store: StoreConfig,
    /// How much is done at once.
    pub worker: WorkerConfig,
    /// What encloses runs.
    pub sandbox: SandboxConfig,
    /// The agents, by name.
    pub agents: BTreeMap<String, AgentConfig>,
    /// The model providers, by name.
    pub providers: BTreeMap<String, ProviderConfig>,
    /// Whom Baton serves and what it may spend.
    pub policy: PolicyConfig,
}

/// `[github]`
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GithubConfig {
    /// The REST API: `https://api.github.com`, or `https://HOST/api/v3` on Enterprise Server.
    pub api_url: Url,
    /// Where people look: for links.
    pub web_url: Url,
    /// Where git fetches and pushes; `web_url` if not set.
    pub git_url: Option<Url>,
    /// The App's number.
    pub app_id: Option<i64>,
    private_key: Option<SecretString>,
    private_key_file: Option<PathBuf>,
    webhook_secret: Option<SecretString>,
    webhook_secret_file: Option<PathBuf>,
    previous_webhook_secret: Option<SecretString>,
    previous_webhook_secret_file: Option<PathBuf>,
    /// Logins whose assignment to an issue hands it over.
    pub assignees: Vec<String>,
}

/// Where a GitHub is reached.
#[derive(Clone, Debug)]
pub struct Addresses {
    /// The REST API.
    pub api: Url,
    /// People.
    pub web: Url,
    /// Git.
    pub git: Url,
}

impl Default for GithubConfig {
    fn default() -> Self {
        Self {
            api_url: constant_url("https://api.github.com"),
            web_url: constant_url("https://github.com"),
            git_url: None,
            app_id: None,
            private_key: None,
            private_key_file: None,
            webhook_secret: None,
            webhook_secret_file: None,
            previous_webhook_secret: None,
            previous_webhook_secret_file: None,
            assignees: Vec::new(),
        }
    }
}

#[expect(clippy::expect_used, reason = "constants, covered by every test that reads a configuration")]
fn constant_url(text: &str) -> Url {
    text.parse().expect("a constant address")
}

impl GithubConfig {
    /// An App's addresses and credentials, given in the program: for a GitHub that runs on this machine.
    #[must_use]
    pub fn of_app(addresses: Addresses, app_id: i64, private_key: SecretString, webhook_secret: SecretString) -> Self {
        Self {
            api_url: addresses.api,
            web_url: addresses.web,
            git_url: Some(addresses.git),
            app_id: Some(app_id),
            private_key: Some(private_key),
            webhook_secret: Some(webhook_secret),
            ..Self::default()
        }
    }

    /// The App's private key in PEM.
    ///
    /// # Errors
    /// When the file cannot be read, or both ways are used.
    pub fn private_key(&self) -> Result<Option<SecretString>, ConfigError> {
        secret("github.private_key", self.private_key.as_ref(), self.private_key_file.as_deref())
    }

    /// The secrets webhooks may be signed with: the current one first. Empty when none is configured.
    ///
    /// # Errors
    /// When a file cannot be read, or both ways are used for one secret.
    pub fn webhook_secrets(&self) -> Result<Vec<SecretString>, ConfigError> {
        let current =
            secret("github.webhook_secret", self.webhook_secret.as_ref(), self.webhook_secret_file.as_deref())?;
        let previous = secret(
            "github.previous_webhook_secret",
            self.previous_webhook_secret.as_ref(),
            self.previous_webhook_secret_file.as_deref(),
        )?;
        Ok(current.into_iter().chain(previous).collect())
    }

    /// Where git fetches and pushes.
    #[must_use]
    pub fn git_url(&self) -> &Url {
        self.git_url.as_ref().unwrap_or(&self.web_url)
    }
}

/// `[server]`
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServerConfig {
    /// Address and port.
    pub listen: String,
    /// How the world reaches it, for links.
    pub public_url: Option<Url>,
    /// A webhook channel to listen to.
    pub tunnel: Option<Url>,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self { listen: "127.0.0.1:3000".into(), public_url: None, tunnel: None }
    }
}

/// `[store]`
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StoreConfig {
    /// The database.
    pub url: String,
    /// The folder for mirrors and checkouts.
    pub data: PathBuf,
}

impl Default for StoreConfig {
    fn default() -> Self {
        Self { url: "sqlite://baton.db".into(), data: "baton-data".into() }
    }
}

/// `[worker]`
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WorkerConfig {
    /// Runs at once.
    pub concurrency: u32,
    /// Runs at once in one repository.
    pub per_repository: u32,
    /// Seconds after which a worker that gives no sign of life loses its work to another.
    pub lease_seconds: u64,
    /// Seconds between two looks at GitHub for what no webhook told.
    pub reconcile_seconds: u64,
}

impl Default for WorkerConfig {
    fn default() -> Self {
        Self { concurrency: 2, per_repository: 1, lease_seconds: 30, reconcile_seconds: 300 }
    }
}

/// `[sandbox]`
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SandboxConfig {
    /// Which kind.
    pub kind: SandboxKind,
    /// The limits of one run.
    pub limits: Limits,
    /// Hosts runs may reach. There is no way out in this version; the key is kept for the proxy.
    pub network: SandboxNetwork,
    /// Folders with toolchains, offered read-only at the same path.
    pub read_only_paths: Vec<PathBuf>,
    /// Protections this machine cannot give and the operator does without, by name.
    pub accepted_gaps: Vec<Gap>,
    /// Seconds between two times that the work of a run is kept while it goes on.
    pub keep_seconds: u64,
    /// The bubblewrap program.
    pub bwrap: Option<PathBuf>,
    /// The user that agents run as when Baton runs as root.
    pub uid: Option<u32>,
    /// That user's group; the same number if not set.
    pub gid: Option<u32>,
}

impl Default for SandboxConfig {
    fn default() -> Self {
        Self {
            kind: SandboxKind::default(),
            limits: Limits::default(),
            network: SandboxNetwork::default(),
            read_only_paths: Vec::new(),
            accepted_gaps: Vec::new(),
            keep_seconds: 10,
            bwrap: None,
            uid: None,
            gid: None,
        }
    }
}

/// The kinds of sandboxes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SandboxKind {
    /// Namespaces and seccomp by the bubblewrap program.
    #[default]
    Bubblewrap,
}

/// `[sandbox.network]`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SandboxNetwork {
    /// Hosts.
    pub allow: Vec<String>,
}

/// `[agents.NAME]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgentConfig {
    /// Which kind.
    pub kind: AgentKind,
    /// The provider's name, for `native`.
    pub provider: Option<String>,
    /// The model, as the provider names it, for `native`.
    pub model: Option<String>,
    /// The recorded conversation, for `replay`.
    pub script: Option<PathBuf>,
    /// Tokens the model's window holds.
    pub context_window: Option<u64>,
    /// Tokens of one answer at most.
    pub max_output_tokens: Option<u64>,
}

impl AgentConfig {
    /// An agent that replays a recorded conversation.
    #[must_use]
    pub fn replay(script: PathBuf) -> Self {
        Self {
            kind: AgentKind::Replay,
            provider: None,
            model: None,
            script: Some(script),
            context_window: None,
            max_output_tokens: None,
        }
    }
}

/// The kinds of agents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AgentKind {
    /// Baton's own loop over a provider's API.
    Native,
    /// A recorded conversation, for demonstrations and tests.
    Replay,
}

/// `[providers.NAME]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProviderConfig {
    /// Which API it speaks.
    pub api: ProviderApi,
    /// Its address.
    pub base_url: Url,
    api_key: Option<SecretString>,
    api_key_file: Option<PathBuf>,
    /// Its prices.
    #[serde(default)]
    pub prices: Prices,
}

impl ProviderConfig {
    /// The key. A provider without one (a model on this machine) is sent an empty key.
    ///
    /// # Errors
    /// When the file cannot be read, or both ways are used.
    pub fn api_key(&self, name: &str) -> Result<SecretString, ConfigError> {
        let key = secret(&format!("providers.{name}.api_key"), self.api_key.as_ref(), self.api_key_file.as_deref())?;
        Ok(key.unwrap_or_default())
    }
}

/// The APIs of model providers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProviderApi {
    /// Anthropic Messages.
    Anthropic,
    /// OpenAI Responses.
    Openai,
    /// OpenAI Chat Completions, which many others speak too.
    OpenaiChat,
}

/// Dollars per million tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Prices {
    /// Input.
    pub input: f64,
    /// Output.
    pub output: f64,
    /// Input read from the cache.
    pub cache_read: f64,
    /// Input written to the cache.
    pub cache_write: f64,
}

/// `[policy]`
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PolicyConfig {
    /// Repositories that are served, as `OWNER/NAME`. With `owners` empty too, all are.
    pub repositories: Vec<String>,
    /// Accounts whose repositories are served.
    pub owners: Vec<String>,
    /// The label that hands an issue over.
    pub label: String,
    /// Logins of programs that may command.
    pub trusted_bots: Vec<String>,
    /// The agent that works where the repository names none; needed when several are configured.
    pub agent: Option<String>,
    /// Days an approval or an answer is waited for.
    pub approval_days: u32,
    /// How often an agent is sent back to mend its patch.
    pub max_rounds: u32,
    /// Whether somebody other than the requester has to approve.
    pub second_person_approves: bool,
    /// Dollars a task may cost.
    pub task_dollars: f64,
    /// What one run may use.
    pub run: RunLimits,
    /// What a patch may contain.
    pub patch: PatchPolicy,
    /// What is kept for how long.
    pub retention: RetentionConfig,
}

impl Default for PolicyConfig {
    fn default() -> Self {
        let task = TaskPolicy::default();
        Self {
            repositories: Vec::new(),
            owners: Vec::new(),
            label: "baton".into(),
            trusted_bots: Vec::new(),
            agent: None,
            approval_days: task.approval_days,
            max_rounds: task.max_rounds,
            second_person_approves: task.second_person_approves,
            task_dollars: 25.0,
            run: RunLimits::default(),
            patch: task.patch,
            retention: RetentionConfig::default(),
        }
    }
}

/// `[policy.run]`
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RunLimits {
    /// Minutes.
    pub minutes: u64,
    /// Model calls.
    pub turns: u64,
    /// Tokens.
    pub tokens: u64,
    /// Dollars.
    pub dollars: f64,
}

impl Default for RunLimits {
    fn default() -> Self {
        let budget = RunBudget::default();
        Self { minutes: budget.seconds / 60, turns: budget.turns, tokens: budget.tokens, dollars: 10.0 }
    }
}

impl PolicyConfig {
    /// The part that goes with every task.
    ///
    /// # Errors
    /// When an amount of money is none.
    pub fn task_policy(&self) -> Result<TaskPolicy, ConfigError> {
        let dollars = |key: &str, amount: f64| {
            MicroDollars::from_dollars(amount).ok_or_else(|| ConfigError::Value {
                key: key.to_owned(),
                problem: format!("{amount} is no amount of money"),
            })
        };
        Ok(TaskPolicy {
            approval_days: self.approval_days,
            max_rounds: self.max_rounds,
            second_person_approves: self.second_person_approves,
            run: RunBudget {
                seconds: self.run.minutes.saturating_mul(60),
                turns: self.run.turns,
                tokens: self.run.tokens,
                cost: dollars("policy.run.dollars", self.run.dollars)?,
            },
            task_cost: dollars("policy.task_dollars", self.task_dollars)?,
            patch: self.patch.clone(),
        })
    }

    /// Whether this repository is served at all.
    #[must_use]
    pub fn serves(&self, owner: &str, repository: &str) -> bool {
        if self.repositories.is_empty() && self.owners.is_empty() {
            return true;
        }
        self.owners.iter().any(|allowed| allowed.eq_ignore_ascii_case(owner))
            || self.repositories.iter().any(|allowed| allowed.eq_ignore_ascii_case(repository))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_says_the_defaults() {
        let config: Config = toml::from_str(include_str!("../../deploy/baton.example.toml")).unwrap();
        assert_eq!(config.worker.lease_seconds, WorkerConfig::default().lease_seconds);
        assert_eq!(config.sandbox.limits, Limits::default());
        assert_eq!(config.policy.task_policy().unwrap(), TaskPolicy::default());
    }
}
