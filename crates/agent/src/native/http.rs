//! One request to a provider and the stream that answers it. The key is in one header; no error or log ever shows it.

use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, USER_AGENT};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode, Url};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use tokio::time::timeout;

use super::prices::Tokens;
use super::sse::SseReader;
use super::wire::{self, Reader, Received};
use super::{Api, ConfigFault, NativeConfig, PriceTable, anthropic, openai_chat, openai_responses};
use crate::conversation::{Turn, turn_bytes};
use crate::model::{Answer, Ask, FaultKind, Model, ModelFault};

/// The most of one answer that is read, in bytes of the stream.
const ANSWER_LIMIT: usize = 64 << 20;
/// The most of an error's body that is read, and of its message that is passed on.
const ERROR_BODY_LIMIT: usize = 64 << 10;
const ERROR_MESSAGE_LIMIT: usize = 600;

/// A provider's model behind HTTP.
pub struct HttpModel {
    client: Client,
    endpoint: Url,
    config: NativeConfig,
    /// Which API and model answers are made by: private items are handed back to no other.
    made_by: String,
}

impl std::fmt::Debug for HttpModel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpModel").field("made_by", &self.made_by).finish_non_exhaustive()
    }
}

impl HttpModel {
    /// Sets the client up. Opens no connection yet.
    ///
    /// # Errors
    /// [`ConfigFault`].
    pub fn new(config: NativeConfig) -> Result<Self, ConfigFault> {
        if config.context_window / 2 <= config.max_output_tokens {
            return Err(ConfigFault::Window { window: config.context_window, output: config.max_output_tokens });
        }
        let endpoint = endpoint(config.api, &config.base_url)?;
        let mut builder = Client::builder()
            .default_headers(headers(config.api, &config.api_key)?)
            .connect_timeout(config.patience.connect)
            // A redirect could carry the key to another host.
            .redirect(Policy::none());
        if is_loopback(&endpoint) {
            builder = builder.no_proxy();
        }
        let api = match config.api {
            Api::Anthropic => "anthropic",
            Api::OpenAi => "openai",
            Api::OpenAiChat => "openai-chat",
        };
        Ok(Self {
            client: builder.build().map_err(|error| ConfigFault::Client(error.without_url()))?,
            endpoint,
            made_by: format!("{api}/{}", config.model),
            config,
        })
    }

    /// The client, which sends the key with everything.
    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    /// Where conversations go.
    pub(super) fn endpoint(&self) -> &Url {
        &self.endpoint
    }

    async fn request(&self, ask: Ask<'_>) -> Result<Answer, ModelFault> {
        let body = body(&self.config, &self.made_by, ask).to_string();
        let asked = body.len();
        let mut response = self.response(body).await?;
        let mut reader = reader(self.config.api, &self.made_by);
        let received = match self.receive(&mut response, reader.as_mut()).await {
            Ok(()) => {
                let used = reader.used();
                reader.finish().map_err(|fault| self.charged(fault, used))
            }
            Err(fault) => Err(self.charged(fault, reader.used())),
        }
        .map_err(|fault| self.clean(fault))?;
        Ok(priced(received, asked, self.config.prices.as_ref()))
    }

    /// The response's head, where it is a success that streams.
    async fn response(&self, body: String) -> Result<Response, ModelFault> {
        let sending = self.client.post(self.endpoint.clone()).body(body).send();
        let response = timeout(self.config.patience.first_byte, sending)
            .await
            .map_err(|_| silent("answer", self.config.patience.first_byte))?
            .map_err(|error| unreachable(&error))?;
        let status = response.status();
        if !status.is_success() {
            return Err(self.refused(status, response).await);
        }
        let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        if kind.starts_with("text/html") || kind.starts_with("application/json") {
            return Err(ModelFault::permanent(format!(
                "the provider answered with {kind} where a stream of events was expected; check base_url and api"
            )));
        }
        Ok(response)
    }

    /// Reads the stream until the answer is whole or the stream ends.
    async fn receive(&self, response: &mut Response, reader: &mut dyn Reader) -> Result<(), ModelFault> {
        let mut sse = SseReader::default();
        let mut read = 0;
        let mut patience = self.config.patience.first_byte;
        while !reader.is_done() {
            let chunk = timeout(patience, response.chunk())
                .await
                .map_err(|_| silent("send anything", patience))?
                .map_err(|_| wire::cut_off())?;
            let Some(chunk) = chunk else {
                if !sse.is_between_events() {
                    return Err(wire::cut_off());
                }
                break;
            };
            patience = self.config.patience.idle;
            read += chunk.len();
            if read > ANSWER_LIMIT {
                return Err(ModelFault::permanent("the provider's answer is longer than any answer may be"));
            }
            let events = sse.push(&chunk).map_err(|overflow| ModelFault::permanent(overflow.to_string()))?;
            for event in events {
                reader.take(&event)?;
            }
        }
        Ok(())
    }

    /// What a status other than success means.
    async fn refused(&self, status: StatusCode, mut response: Response) -> ModelFault {
        let asked = retry_after(response.headers());
        let mut body = Vec::new();
        while body.len() < ERROR_BODY_LIMIT {
            match timeout(self.config.patience.idle.min(Duration::from_secs(10)), response.chunk()).await {
                Ok(Ok(Some(chunk))) => body.extend_from_slice(&chunk),
                // Whatever was read explains the refusal as well as it can.
                Ok(Ok(None) | Err(_)) | Err(_) => break,
            }
        }
        let text = String::from_utf8_lossy(&body);
        let parsed: Value = serde_json::from_str(&text).unwrap_or(Value::Null);
        let code = ["/error/code", "/error/type"]
            .iter()
            .map(|pointer| wire::text(&parsed, pointer))
            .find(|code| !code.is_empty())
            .unwrap_or_default();
        let message = ["/error/message", "/message", "/detail", "/error"]
            .iter()
            .map(|pointer| wire::text(&parsed, pointer))
            .find(|message| !message.is_empty())
            .unwrap_or(if parsed.is_null() { text.trim() } else { "" });
        let mut fault = wire::described(Some(status.as_u16()), code, message);
        if let FaultKind::Transient { retry_after } = &mut fault.kind {
            *retry_after = asked;
        }
        self.clean(fault)
    }

    fn charged(&self, fault: ModelFault, tokens: Option<Tokens>) -> ModelFault {
        let used = tokens.map(|tokens| tokens.priced(self.config.prices.as_ref())).unwrap_or_default();
        ModelFault { used, ..fault }
    }

    /// The fault with a reason that is short, has no control characters and does not show the key.
    fn clean(&self, fault: ModelFault) -> ModelFault {
        let key = self.config.api_key.expose_secret();
        let reason = if key.is_empty() { fault.reason } else { fault.reason.replace(key, "[the key]") };
        let mut reason: String = reason.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        if reason.len() > ERROR_MESSAGE_LIMIT {
            reason.truncate(reason.floor_char_boundary(ERROR_MESSAGE_LIMIT));
            reason.push('…');
        }
        ModelFault { reason, ..fault }
    }
}

impl Model for HttpModel {
    fn name(&self) -> &str {
        &self.config.model
    }

    fn ask<'a>(&'a self, ask: Ask<'a>) -> BoxFuture<'a, Result<Answer, ModelFault>> {
        self.request(ask).boxed()
    }
}

/// The request's body, as the interface wants it.
pub(super) fn body(config: &NativeConfig, made_by: &str, ask: Ask<'_>) -> Value {
    match config.api {
        Api::Anthropic => anthropic::body(config, made_by, ask),
        Api::OpenAi => openai_responses::body(config, made_by, ask),
        Api::OpenAiChat => openai_chat::body(config, ask),
    }
}

pub(super) fn reader(api: Api, made_by: &str) -> Box<dyn Reader> {
    match api {
        Api::Anthropic => Box::new(anthropic::Stream::new(made_by)),
        Api::OpenAi => Box::new(openai_responses::Stream::new(made_by)),
        Api::OpenAiChat => Box::new(openai_chat::Stream::default()),
    }
}

/// The answer with its usage; where the provider counted nothing, tokens are estimated at four bytes each, so that
/// budgets hold anyway.
pub(super) fn priced(received: Received, asked: usize, prices: Option<&PriceTable>) -> Answer {
    let tokens = received.tokens.unwrap_or_else(|| {
        let answered = turn_bytes(&Turn::Assistant { parts: received.parts.clone() });
        let estimate = |bytes: usize| u64::try_from(bytes.div_ceil(4)).unwrap_or(u64::MAX);
        Tokens { input: estimate(asked), output: estimate(answered), ..Tokens::default() }
    });
    Answer { parts: received.parts, usage: tokens.priced(prices), stop: received.stop }
}

/// Where requests go. Base URLs are accepted with and without their `/v1`, where the provider's own has one.
fn endpoint(api: Api, base: &str) -> Result<Url, ConfigFault> {
    let mut url = Url::parse(base).map_err(|error| ConfigFault::BaseUrl(error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") || url.cannot_be_a_base() {
        return Err(ConfigFault::BaseUrl("it must start with http:// or https://".to_owned()));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(ConfigFault::BaseUrl("it must not contain a user or password; use api_key".to_owned()));
    }
    let path = url.path().trim_end_matches('/').to_owned();
    let version = match api {
        Api::Anthropic if !path.ends_with("/v1") => "/v1",
        Api::OpenAi | Api::OpenAiChat if path.is_empty() => "/v1",
        Api::Anthropic | Api::OpenAi | Api::OpenAiChat => "",
    };
    let resource = match api {
        Api::Anthropic => "messages",
        Api::OpenAi => "responses",
        Api::OpenAiChat => "chat/completions",
    };
    url.set_path(&format!("{path}{version}/{resource}"));
    Ok(url)
}

fn headers(api: Api, key: &SecretString) -> Result<HeaderMap, ConfigFault> {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(ACCEPT, HeaderValue::from_static("text/event-stream"));
    headers.insert(USER_AGENT, HeaderValue::from_static(concat!("baton/", env!("CARGO_PKG_VERSION"))));
    let secret = |text: &str| {
        let mut value = HeaderValue::from_str(text).map_err(|_| ConfigFault::ApiKey)?;
        value.set_sensitive(true);
        Ok(value)
    };
    let key = key.expose_secret();
    match api {
        Api::Anthropic => {
            headers.insert("anthropic-version", HeaderValue::from_static("2023-06-01"));
            if !key.is_empty() {
                headers.insert("x-api-key", secret(key)?);
            }
        }
        // Servers on one's own machine often want no key.
        Api::OpenAi | Api::OpenAiChat if key.is_empty() => {}
        Api::OpenAi | Api::OpenAiChat => {
            headers.insert(AUTHORIZATION, secret(&format!("Bearer {key}"))?);
        }
    }
    Ok(headers)
}

fn is_loopback(url: &Url) -> bool {
    match url.host_str() {
        Some("localhost") => true,
        Some(host) => host
            .trim_start_matches('[')
            .trim_end_matches(']')
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback()),
        None => false,
    }
}

/// How long the provider asks to wait: milliseconds (OpenAI's own header) or seconds. Dates are not used by any of them.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<f64>().ok();
    let seconds = number("retry-after-ms").map(|millis| millis / 1000.0).or_else(|| number("retry-after"))?;
    Duration::try_from_secs_f64(seconds).ok()
}

fn silent(what: &str, patience: Duration) -> ModelFault {
    ModelFault::transient(format!("the provider did not {what} for {} s", patience.as_secs_f64()))
}

fn unreachable(error: &reqwest::Error) -> ModelFault {
    // The error's own sentence names the URL; its causes say why.
    let mut causes = Vec::new();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        causes.push(cause.to_string());
        source = cause.source();
    }
    let what = if error.is_connect() { "cannot be reached" } else { "broke the connection" };
    let why = causes.pop().map(|cause| format!(": {cause}")).unwrap_or_default();
    ModelFault::transient(format!("the provider {what}{why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_urls_are_understood_as_people_write_them() {
        let at = |api, base| endpoint(api, base).map(String::from).unwrap_or_else(|fault| fault.to_string());
        insta::assert_snapshot!(
            [
                at(Api::Anthropic, "https://api.anthropic.com"),
                at(Api::Anthropic, "https://api.anthropic.com/v1/"),
                at(Api::Anthropic, "http://127.0.0.1:8099"),
                at(Api::OpenAi, "https://api.openai.com"),
                at(Api::OpenAi, "https://api.openai.com/v1"),
                at(Api::OpenAiChat, "https://host/v1beta/openai/"),
                at(Api::OpenAiChat, "host:8000"),
                at(Api::OpenAiChat, "nothing"),
                at(Api::OpenAi, "https://user:secret@host/v1"),
            ]
            .join("\n"),
            @"
        https://api.anthropic.com/v1/messages
        https://api.anthropic.com/v1/messages
        http://127.0.0.1:8099/v1/messages
        https://api.openai.com/v1/responses
        https://api.openai.com/v1/responses
        https://host/v1beta/openai/chat/completions
        base_url is not an http or https URL: it must start with http:// or https://
        base_url is not an http or https URL: relative URL without a base
        base_url is not an http or https URL: it must not contain a user or password; use api_key
        "
        );
    }

    #[test]
    fn retry_after_is_read_in_both_units() {
        let read = |name: &'static str, value: &'static str| {
            retry_after(&HeaderMap::from_iter([(
                reqwest::header::HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )]))
        };
        assert_eq!(read("retry-after", "7"), Some(Duration::from_secs(7)));
        assert_eq!(read("retry-after-ms", "250"), Some(Duration::from_millis(250)));
        assert_eq!(read("retry-after", "-1"), None);
        assert_eq!(read("retry-after", "1e400"), None);
        assert_eq!(read("retry-after", "Wed, 21 Oct 2026 07:28:00 GMT"), None);
    }

    #[test]
    fn a_key_that_cannot_be_sent_is_refused_without_being_shown() {
        let config = NativeConfig::new(Api::OpenAi, "https://api.openai.com", SecretString::from("CANARY\n"), "m");
        assert!(!format!("{config:?}").contains("CANARY"));
        let fault = HttpModel::new(config).unwrap_err();
        assert!(!format!("{fault} {fault:?}").contains("CANARY"));
        let config = NativeConfig::new(Api::OpenAi, "https://api.openai.com", SecretString::from("CANARY"), "m");
        let model = HttpModel::new(config).unwrap();
        assert!(!format!("{model:?}").contains("CANARY"));
    }
}
