//! Baton's own agent: the shared loop over a model provider's HTTP interface. Holds the key, and shows it to nobody else.

mod anthropic;
mod handshake;
mod http;
mod openai_chat;
mod openai_responses;
mod prices;
mod retries;
mod sse;
mod wire;

#[cfg(test)]
mod golden;

use std::path::Path;
use std::time::Duration;

use baton_core::domain::run::{AgentEvent, RunOutcome, RunRequest};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use regex::Regex;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

pub use handshake::{Greeting, HandshakeFault, greet};
pub use http::HttpModel;
pub use prices::PriceTable;
pub use retries::Retries;
pub use sse::{SseEvent, SseOverflow, SseReader};

use crate::agent::{Agent, AgentFailure};
use crate::fence::Nonces;
use crate::model::Model;
use crate::port::ToolPort;
use crate::replay::Recorder;
use crate::session::{self, Channels, Limits};

/// Which interface a provider speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Api {
    /// Anthropic's Messages.
    Anthropic,
    /// OpenAI's Responses.
    #[serde(rename = "openai")]
    OpenAi,
    /// OpenAI's Chat Completions, which many other servers speak too.
    #[serde(rename = "openai-chat")]
    OpenAiChat,
}

/// How much a model is asked to think before it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Effort {
    /// Little.
    Low,
    /// Some.
    Medium,
    /// Much.
    High,
}

impl Effort {
    /// The word all three interfaces use.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

/// How long to wait for a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// For the connection.
    pub connect: Duration,
    /// From the request to the answer's first byte.
    pub first_byte: Duration,
    /// Between two pieces of an answer.
    pub idle: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(15),
            // Reasoning models think for minutes before their first byte.
            first_byte: Duration::from_secs(300),
            idle: Duration::from_secs(180),
        }
    }
}

/// A model at a provider.
#[derive(Clone, Debug)]
pub struct NativeConfig {
    /// Which interface the provider speaks.
    pub api: Api,
    /// Where, for example `https://api.anthropic.com` or `https://api.openai.com/v1`.
    pub base_url: String,
    /// The key. Goes into one header and nowhere else.
    pub api_key: SecretString,
    /// The model, as the provider names it.
    pub model: String,
    /// Tokens that fit into one conversation, the answer included.
    pub context_window: u64,
    /// Tokens one answer may have.
    pub max_output_tokens: u64,
    /// What tokens cost. Without prices, runs cost nothing and a budget of money never ends.
    pub prices: Option<PriceTable>,
    /// How much the model should think; the provider's own choice when none. Models that cannot think refuse it.
    pub effort: Option<Effort>,
    /// How long to wait.
    pub patience: Patience,
    /// How often to try.
    pub retries: Retries,
}

impl NativeConfig {
    /// A configuration with the usual patience: 200,000 tokens of window, 16,000 of output, no prices.
    #[must_use]
    pub fn new(api: Api, base_url: impl Into<String>, api_key: SecretString, model: impl Into<String>) -> Self {
        Self {
            api,
            base_url: base_url.into(),
            api_key,
            model: model.into(),
            context_window: 200_000,
            max_output_tokens: 16_000,
            prices: None,
            effort: None,
            patience: Patience::default(),
            retries: Retries::default(),
        }
    }
}

/// Why a model cannot be configured so. Never quotes the key.
#[derive(Debug, thiserror::Error)]
pub enum ConfigFault {
    /// The base URL is not one.
    #[error("base_url is not an http or https URL: {0}")]
    BaseUrl(String),
    /// The key cannot be sent in a header.
    #[error("the API key has characters that cannot be sent; check for line ends and spaces")]
    ApiKey,
    /// The limits leave nothing to ask with.
    #[error("context_window ({window}) must be more than twice max_output_tokens ({output})")]
    Window {
        /// Tokens of the window.
        window: u64,
        /// Tokens of one answer.
        output: u64,
    },
    /// The HTTP client cannot be set up.
    #[error("cannot set up HTTPS: {0}")]
    Client(reqwest::Error),
}

/// The agent over a provider's model.
pub struct Native {
    model: Box<dyn Model>,
    limits: Limits,
    nonces: Nonces,
}

impl std::fmt::Debug for Native {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Native").field("model", &self.model.name()).finish_non_exhaustive()
    }
}

impl Native {
    /// An agent over the configured model. Opens no connection yet.
    ///
    /// # Errors
    /// [`ConfigFault`].
    pub fn new(config: NativeConfig) -> Result<Self, ConfigFault> {
        let limits = limits(&config);
        Ok(Self { model: Box::new(HttpModel::new(config)?), limits, nonces: Nonces::random() })
    }

    /// The same, and every conversation is written to a file that [`crate::Replay`] can read. `capture` and `varying`
    /// are those of [`Recorder`].
    ///
    /// # Errors
    /// [`ConfigFault`].
    pub fn recording(
        config: NativeConfig,
        path: impl AsRef<Path>,
        label: impl Into<String>,
        capture: Vec<String>,
        varying: Vec<Regex>,
    ) -> Result<Self, ConfigFault> {
        let limits = limits(&config);
        let recorder = Recorder::record_to(HttpModel::new(config)?, path, label).capturing(capture).varying(varying);
        Ok(Self { model: Box::new(recorder), limits, nonces: Nonces::random() })
    }

    /// Draws the fences' nonces from elsewhere: for tests that compare whole requests.
    #[must_use]
    pub fn with_nonces(mut self, nonces: Nonces) -> Self {
        self.nonces = nonces;
        self
    }
}

fn limits(config: &NativeConfig) -> Limits {
    Limits {
        context_window: Some(config.context_window),
        max_output_tokens: config.max_output_tokens,
        retries: config.retries,
    }
}

impl Agent for Native {
    fn run(
        &self,
        request: RunRequest,
        tools: ToolPort,
        events: mpsc::Sender<AgentEvent>,
        cancel: CancellationToken,
    ) -> BoxFuture<'_, Result<RunOutcome, AgentFailure>> {
        async move {
            let channels = Channels { tools, events, cancel };
            let fence = self.nonces.draw();
            session::conduct("native", self.model.as_ref(), &self.limits, &fence, request, channels).await
        }
        .boxed()
    }
}
