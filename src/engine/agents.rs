//! The configured agents, by name.

use std::collections::BTreeMap;
use std::sync::Arc;

use baton_agent::{Agent, Api, ConfigFault, Native, NativeConfig, PriceTable, Replay, ScriptFault};

use baton_core::domain::usage::MicroDollars;

use crate::config::{AgentConfig, AgentKind, Config, ConfigError, ProviderApi};

/// Why an agent cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum AgentsError {
    /// A key is missing or makes no sense.
    #[error("agents.{agent}: {problem}")]
    Agent {
        /// The agent's name.
        agent: String,
        /// What is wrong, and what to do.
        problem: String,
    },
    /// No agent is configured.
    #[error("no agent is configured: add a section `[agents.NAME]` with a `kind`, see docs/configuration.md")]
    None,
    /// Several are, and none is named.
    #[error("several agents are configured ({0}): name one in `policy.agent`")]
    WhichOne(String),
    /// The named one is not configured.
    #[error("`policy.agent` names `{0}`, and there is no section `[agents.{0}]`")]
    Unknown(String),
    /// A secret cannot be read.
    #[error(transparent)]
    Config(#[from] ConfigError),
}

/// An agent with what people are told of it.
#[derive(Clone)]
pub struct Named {
    /// The agent.
    pub agent: Arc<dyn Agent>,
    /// `native`, `replay`.
    pub kind: &'static str,
    /// The model, or the replay's label.
    pub model: String,
}

impl Named {
    /// For people: `native · some-model`.
    #[must_use]
    pub fn label(&self) -> String {
        match self.kind {
            "replay" => self.model.clone(),
            kind => format!("{kind} · {}", self.model),
        }
    }
}

/// All of them.
#[derive(Clone)]
pub struct Agents {
    by_name: BTreeMap<String, Named>,
    default: String,
}

impl Agents {
    /// Sets up every configured agent. Opens no connection.
    ///
    /// # Errors
    /// [`AgentsError`], naming the agent.
    pub fn new(config: &Config) -> Result<Self, AgentsError> {
        let mut by_name = BTreeMap::new();
        for (name, agent) in &config.agents {
            by_name.insert(name.clone(), named(name, agent, config)?);
        }
        let default = match (&config.policy.agent, by_name.len()) {
            (Some(name), _) if by_name.contains_key(name) => name.clone(),
            (Some(name), _) => return Err(AgentsError::Unknown(name.clone())),
            (None, 0) => return Err(AgentsError::None),
            (None, 1) => by_name.keys().next().cloned().unwrap_or_default(),
            (None, _) => return Err(AgentsError::WhichOne(by_name.keys().cloned().collect::<Vec<_>>().join(", "))),
        };
        Ok(Self { by_name, default })
    }

    /// The agent a repository names, or the default. A name that is not configured is an error for the repository.
    ///
    /// # Errors
    /// Names the agents there are.
    pub fn get(&self, name: Option<&str>) -> Result<(&str, &Named), String> {
        let name = name.unwrap_or(&self.default);
        self.by_name.get_key_value(name).map(|(name, agent)| (name.as_str(), agent)).ok_or_else(|| {
            let known: Vec<&str> = self.by_name.keys().map(String::as_str).collect();
            format!("the agent `{name}` is not configured here; there is {}", known.join(", "))
        })
    }

    /// Names and labels, for lists.
    pub fn list(&self) -> impl Iterator<Item = (&str, &Named)> {
        self.by_name.iter().map(|(name, agent)| (name.as_str(), agent))
    }
}

/// What an agent over a provider's API is configured to. Opens no connection.
///
/// # Errors
/// [`AgentsError`], naming the agent.
pub fn native_config(name: &str, agent: &AgentConfig, config: &Config) -> Result<NativeConfig, AgentsError> {
    let fault = |problem: String| AgentsError::Agent { agent: name.to_owned(), problem };
    let provider_name = agent.provider.as_ref().ok_or_else(|| fault("`provider` is missing".into()))?;
    let provider = config
        .providers
        .get(provider_name)
        .ok_or_else(|| fault(format!("there is no section `[providers.{provider_name}]`")))?;
    let model = agent.model.clone().ok_or_else(|| fault("`model` is missing".into()))?;
    let api = match provider.api {
        ProviderApi::Anthropic => Api::Anthropic,
        ProviderApi::Openai => Api::OpenAi,
        ProviderApi::OpenaiChat => Api::OpenAiChat,
    };
    let key = provider.api_key(provider_name)?;
    let mut native = NativeConfig::new(api, provider.base_url.as_str(), key, model);
    if let Some(window) = agent.context_window {
        native.context_window = window;
    }
    if let Some(tokens) = agent.max_output_tokens {
        native.max_output_tokens = tokens;
    }
    let prices = provider.prices;
    if prices != crate::config::Prices::default() {
        let price = |key: &str, dollars: f64| {
            MicroDollars::from_dollars(dollars)
                .ok_or_else(|| fault(format!("providers.{provider_name}.prices.{key}: {dollars} is no price")))
        };
        native.prices = Some(PriceTable {
            input: price("input", prices.input)?,
            output: price("output", prices.output)?,
            cache_read: price("cache_read", prices.cache_read)?,
            cache_write: price("cache_write", prices.cache_write)?,
        });
    }
    Ok(native)
}

fn named(name: &str, agent: &AgentConfig, config: &Config) -> Result<Named, AgentsError> {
    let fault = |problem: String| AgentsError::Agent { agent: name.to_owned(), problem };
    match agent.kind {
        AgentKind::Replay => {
            let script =
                agent.script.as_ref().ok_or_else(|| fault("`script` is missing: the recorded conversation".into()))?;
            let replay = Replay::from_file(script)
                .map_err(|error: ScriptFault| fault(format!("{}: {error}", script.display())))?;
            Ok(Named { model: replay.name().to_owned(), agent: Arc::new(replay), kind: "replay" })
        }
        AgentKind::Native => {
            let native = native_config(name, agent, config)?;
            let model = native.model.clone();
            let agent = Native::new(native).map_err(|error: ConfigFault| fault(error.to_string()))?;
            Ok(Named { agent: Arc::new(agent), kind: "native", model })
        }
    }
}
