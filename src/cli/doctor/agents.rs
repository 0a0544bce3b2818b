//! The agents, by a handshake: recordings are read; providers are asked for the model, for free where they list their models.

use baton_agent::{Greeting, HandshakeFault, Replay, greet};

use super::report::{Outcome, fault, good, warning};
use crate::config::{AgentConfig, AgentKind, Config, Prices};
use crate::engine::native_config;

/// One agent of the configuration.
pub(super) async fn agent(config: &Config, name: &str) -> Vec<Outcome> {
    let Some(agent) = config.agents.get(name) else { return Vec::new() };
    match agent.kind {
        AgentKind::Replay => vec![replay(agent)],
        AgentKind::Native => native(config, name, agent).await,
    }
}

fn replay(agent: &AgentConfig) -> Outcome {
    let Some(script) = &agent.script else { return fault("it has no script", "Set `script` to a recording's file") };
    match Replay::from_file(script) {
        Ok(replay) => good(format!("a recorded conversation: {}", replay.name())),
        Err(error) => fault(
            format!("{}: {error}", script.display()),
            "Let `script` name a recording; crates/agent/README.md has the format",
        ),
    }
}

async fn native(config: &Config, name: &str, agent: &AgentConfig) -> Vec<Outcome> {
    let native = match native_config(name, agent, config) {
        Ok(native) => native,
        Err(error) => return vec![fault(error.to_string(), "Look at its section, and its provider's")],
    };
    let provider = agent.provider.as_deref().unwrap_or_default();
    let (model, address) = (&native.model, &native.base_url);
    let mut outcomes = vec![match greet(&native).await {
        Ok(Greeting::Listed) => good(format!("{provider} takes the key and has {model}; asked for free")),
        Ok(Greeting::Answered(usage)) => {
            let tokens = usage.input_tokens + usage.output_tokens;
            good(format!(
                "{provider} takes the key and answers as {model}; it lists no models, so one request of {tokens} tokens was spent"
            ))
        }
        Err(HandshakeFault::Key(status)) => fault(
            format!("{provider} refuses the key (status {status})"),
            format!("Put a key that is valid into `providers.{provider}.api_key_file`"),
        ),
        Err(HandshakeFault::Model { nearest }) => {
            let hint = nearest.map_or_else(String::new, |nearest| format!(". Did you mean `{nearest}`?"));
            fault(
                format!("{provider} does not know the model {model}{hint}"),
                format!("Set `agents.{name}.model` to one of its own"),
            )
        }
        Err(error @ HandshakeFault::Silent(_)) => fault(
            format!("{address}: {error}"),
            format!("Check `providers.{provider}.base_url`, and that this machine reaches it"),
        ),
        Err(error) => fault(
            format!("{address}: {error}"),
            format!("Check `providers.{provider}.api` and `providers.{provider}.base_url`"),
        ),
    }];
    let prices = config.providers.get(provider).map(|provider| provider.prices).unwrap_or_default();
    if prices == Prices::default() {
        outcomes.push(warning(
            format!("{provider} has no prices, so every run counts as free: budgets of money do not hold"),
            format!("Set `[providers.{provider}.prices]` to what {model} costs"),
        ));
    }
    outcomes
}
