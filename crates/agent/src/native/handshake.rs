//! Whether a provider answers, takes the key and knows the model: asked for free where the provider lists its models, else with
//! one tiny request.
//!
//! Sources: Anthropic's "Get a Model" and OpenAI's "Retrieve model", which share `GET …/models/{model}`.

use std::time::Duration;

use baton_core::domain::usage::Usage;
use baton_core::spelling::distance;
use reqwest::header::CONTENT_TYPE;
use reqwest::{StatusCode, Url};
use serde_json::Value;

use super::{ConfigFault, HttpModel, NativeConfig};
use crate::conversation::{Turn, UserPart};
use crate::model::{Ask, Model as _};

/// A provider that takes longer does not answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// The most of an answer that is read: a provider's whole list of models.
const ANSWER_LIMIT: usize = 4 << 20;

/// Tokens that the tiny request may be answered with.
const TINY: u64 = 16;

/// How a provider showed that it knows the model.
#[derive(Clone, Debug, PartialEq)]
pub enum Greeting {
    /// It lists it. Nothing was used.
    Listed,
    /// It lists no models, and answered one tiny request.
    Answered(Usage),
}

/// Why an agent would not work.
#[derive(Debug, thiserror::Error)]
pub enum HandshakeFault {
    /// It cannot be configured so.
    #[error(transparent)]
    Config(#[from] ConfigFault),
    /// The provider does not answer.
    #[error("the provider does not answer: {0}")]
    Silent(String),
    /// The key is refused.
    #[error("the provider refuses the key (status {0})")]
    Key(u16),
    /// The model is not among the provider's.
    #[error("the provider does not know the model{}", nearest.as_ref().map_or_else(String::new, |it| format!("; did you mean `{it}`?")))]
    Model {
        /// The nearest of its own names.
        nearest: Option<String>,
    },
    /// It answers something else.
    #[error("the provider answers: {0}")]
    Refused(String),
}

/// Greets the provider of a model.
///
/// # Errors
/// [`HandshakeFault`], which shows no key.
pub async fn greet(config: &NativeConfig) -> Result<Greeting, HandshakeFault> {
    let model = HttpModel::new(config.clone())?;
    match look_up(&model, Some(&config.model)).await? {
        (StatusCode::OK, _) => return Ok(Greeting::Listed),
        (StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED, _) => {}
        (status, body) => return Err(refused(status, &body)),
    }
    // Either the model is unknown, or the server knows no such question.
    match look_up(&model, None).await? {
        (StatusCode::OK, body) => match known(&body) {
            Some(known) if known.contains(&config.model) => Ok(Greeting::Listed),
            Some(known) if !known.is_empty() => Err(HandshakeFault::Model { nearest: nearest(&config.model, &known) }),
            _ => try_it(config).await,
        },
        (StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED, _) => try_it(config).await,
        (status, body) => Err(refused(status, &body)),
    }
}

/// `GET …/models`, or one of them.
async fn look_up(model: &HttpModel, name: Option<&str>) -> Result<(StatusCode, Value), HandshakeFault> {
    let address = models(model.endpoint(), name)
        .ok_or_else(|| HandshakeFault::Refused("its address takes no paths".to_owned()))?;
    let asking = async {
        let mut response = model.client().get(address).send().await.map_err(without_address)?;
        let status = response.status();
        let is_html = response
            .headers()
            .get(CONTENT_TYPE)
            .and_then(|kind| kind.to_str().ok())
            .is_some_and(|kind| kind.starts_with("text/html"));
        let mut body = Vec::new();
        while body.len() < ANSWER_LIMIT {
            match response.chunk().await.map_err(without_address)? {
                Some(chunk) => body.extend_from_slice(&chunk),
                None => break,
            }
        }
        // A page for people is no list of models, whatever its status.
        let status = if is_html && status.is_success() { StatusCode::NOT_FOUND } else { status };
        Ok((status, serde_json::from_slice(&body).unwrap_or(Value::Null)))
    };
    match tokio::time::timeout(PATIENCE, asking).await {
        Ok(answer) => answer.map_err(HandshakeFault::Silent),
        Err(_) => Err(HandshakeFault::Silent(format!("nothing within {} s", PATIENCE.as_secs()))),
    }
}

fn without_address(error: reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = &error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

/// Beside the endpoint for conversations: `…/v1/messages` and `…/v1/chat/completions` become `…/v1/models`.
fn models(endpoint: &Url, name: Option<&str>) -> Option<Url> {
    let path = endpoint.path();
    let base = ["/messages", "/responses", "/chat/completions"].iter().find_map(|end| path.strip_suffix(end))?;
    let mut url = endpoint.clone();
    url.set_path(&format!("{base}/models"));
    if let Some(name) = name {
        url.path_segments_mut().ok()?.push(name);
    }
    Some(url)
}

/// The names in `{"data": [{"id": …}]}`.
fn known(body: &Value) -> Option<Vec<String>> {
    let list = body.get("data")?.as_array()?;
    Some(list.iter().filter_map(|model| model.get("id")?.as_str().map(str::to_owned)).collect())
}

fn nearest(model: &str, known: &[String]) -> Option<String> {
    let near = known.iter().map(|name| (distance(model, name), name)).min()?;
    (near.0 <= 2 + model.len() / 3).then(|| near.1.clone())
}

fn refused(status: StatusCode, body: &Value) -> HandshakeFault {
    if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
        return HandshakeFault::Key(status.as_u16());
    }
    // The provider's own message may repeat what it was given; its kind does not.
    let kind = ["/error/type", "/error/code", "/type"]
        .iter()
        .find_map(|pointer| body.pointer(pointer)?.as_str())
        .filter(|kind| kind.len() < 60 && kind.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c)));
    HandshakeFault::Refused(match kind {
        Some(kind) => format!("status {}, {kind}", status.as_u16()),
        None => format!("status {}", status.as_u16()),
    })
}

/// One request with next to nothing in it.
async fn try_it(config: &NativeConfig) -> Result<Greeting, HandshakeFault> {
    let model = HttpModel::new(NativeConfig { max_output_tokens: TINY, ..config.clone() })?;
    let turns = [Turn::User { parts: vec![UserPart::Text { text: "Say OK.".to_owned() }] }];
    let ask = Ask { system: "Answer with one word.", tools: &[], turns: &turns };
    match tokio::time::timeout(PATIENCE, model.ask(ask)).await {
        Ok(Ok(answer)) => Ok(Greeting::Answered(answer.usage)),
        Ok(Err(fault)) => Err(HandshakeFault::Refused(fault.reason)),
        Err(_) => Err(HandshakeFault::Silent(format!("nothing within {} s", PATIENCE.as_secs()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_lie_beside_conversations() {
        let at = |endpoint: &str, name: Option<&str>| models(&Url::parse(endpoint).unwrap(), name).map(String::from);
        assert_eq!(at("https://h/v1/messages", None).as_deref(), Some("https://h/v1/models"));
        let path = at("https://h/x/v1/chat/completions", Some("meta/llama 3?"));
        assert_eq!(path.as_deref(), Some("https://h/x/v1/models/meta%2Fllama%203%3F"));
        assert_eq!(at("https://h/v1/responses", Some("m")).as_deref(), Some("https://h/v1/models/m"));
        assert_eq!(at("https://h/else", None), None);
    }

    #[test]
    fn a_near_name_is_suggested() {
        let known = ["claude-large-5".to_owned(), "claude-small-5".to_owned()];
        assert_eq!(nearest("claude-lagre-5", &known).as_deref(), Some("claude-large-5"));
        assert_eq!(nearest("x", &known), None);
    }
}
