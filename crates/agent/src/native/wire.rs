//! What the three interfaces share: reading an answer event by event, and judging what a provider says went wrong.

use serde_json::Value;

use super::prices::Tokens;
use super::sse::SseEvent;
use crate::conversation::AssistantPart;
use crate::model::{FaultKind, ModelFault, Stop};

/// A whole answer.
#[derive(Debug, PartialEq)]
pub(super) struct Received {
    pub(super) parts: Vec<AssistantPart>,
    /// What the provider counted; `None` where it did not.
    pub(super) tokens: Option<Tokens>,
    pub(super) stop: Stop,
}

/// Puts one answer together out of its events.
pub(super) trait Reader: Send {
    /// Takes the next event.
    fn take(&mut self, event: &SseEvent) -> Result<(), ModelFault>;

    /// Whether the provider said that this was all.
    fn is_done(&self) -> bool;

    /// What is known to be used, even if the rest never comes.
    fn used(&self) -> Option<Tokens>;

    /// The answer; a fault where the provider never said that this was all.
    fn finish(self: Box<Self>) -> Result<Received, ModelFault>;
}

/// The event's data.
pub(super) fn json(event: &SseEvent) -> Result<Value, ModelFault> {
    serde_json::from_str(&event.data)
        .map_err(|_| ModelFault::transient("the provider's stream is not the JSON it should be"))
}

/// The answer stopped before its end.
pub(super) fn cut_off() -> ModelFault {
    ModelFault::transient("the provider's answer broke off before its end")
}

/// A text field, empty where there is none.
pub(super) fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// A number field, 0 where there is none.
pub(super) fn number(value: &Value, pointer: &str) -> u64 {
    value.pointer(pointer).and_then(Value::as_u64).unwrap_or_default()
}

/// A call's arguments: JSON where they are, else the raw text, so that the model can be told.
pub(super) fn arguments(raw: &str) -> Value {
    if raw.trim().is_empty() {
        return Value::Object(serde_json::Map::new());
    }
    serde_json::from_str(raw).unwrap_or_else(|_| Value::String(raw.to_owned()))
}

/// A fault that a provider described in words of its own: its status, the error's type or code, its message.
pub(super) fn described(status: Option<u16>, code: &str, message: &str) -> ModelFault {
    let reason = match (status, message.is_empty()) {
        (Some(status), false) => format!("the provider answered {status}: {message}"),
        (Some(status), true) => format!("the provider answered {status}"),
        (None, false) => format!("the provider broke off: {message}"),
        (None, true) => format!("the provider broke off: {code}"),
    };
    let fault = if context_full(code, message) {
        FaultKind::ContextFull
    } else if passes(status, code) {
        FaultKind::Transient { retry_after: None }
    } else {
        FaultKind::Permanent
    };
    ModelFault { kind: fault, ..ModelFault::permanent(reason) }
}

/// Whether the conversation is too long. Anthropic has no code for it, only the sentence "prompt is too long".
fn context_full(code: &str, message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    code == "context_length_exceeded"
        || message.contains("prompt is too long")
        || message.contains("maximum context length")
        || message.contains("exceeds the context window")
        || message.contains("exceed context limit")
}

fn passes(status: Option<u16>, code: &str) -> bool {
    // No money left is told with the status of a rate limit, and does not pass.
    if matches!(code, "insufficient_quota" | "billing_error" | "billing_hard_limit_reached") {
        return false;
    }
    match status {
        Some(status) => matches!(status, 408 | 409 | 425 | 429 | 500..),
        None => !matches!(
            code,
            "invalid_request_error"
                | "invalid_prompt"
                | "authentication_error"
                | "permission_error"
                | "not_found_error"
                | "request_too_large"
                | "invalid_api_key"
                | "model_not_found"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_judged_by_what_can_pass() {
        let kinds: Vec<String> = [
            (Some(401), "authentication_error", "invalid x-api-key"),
            (Some(404), "not_found_error", "model: nope"),
            (Some(400), "invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum"),
            (Some(400), "context_length_exceeded", "This model's maximum context length is 8192 tokens"),
            (Some(429), "rate_limit_error", "slow down"),
            (Some(429), "insufficient_quota", "You exceeded your current quota"),
            (Some(529), "overloaded_error", "Overloaded"),
            (Some(503), "", ""),
            (None, "overloaded_error", "Overloaded"),
            (None, "server_error", ""),
            (None, "invalid_request_error", "no"),
        ]
        .into_iter()
        .map(|(status, code, message)| {
            let fault = described(status, code, message);
            let kind = match fault.kind {
                FaultKind::Transient { .. } => "passes",
                FaultKind::Permanent => "stays",
                FaultKind::ContextFull => "too long",
            };
            format!("{kind}: {}", fault.reason)
        })
        .collect();
        insta::assert_snapshot!(kinds.join("\n"), @"
        stays: the provider answered 401: invalid x-api-key
        stays: the provider answered 404: model: nope
        too long: the provider answered 400: prompt is too long: 210000 tokens > 200000 maximum
        too long: the provider answered 400: This model's maximum context length is 8192 tokens
        passes: the provider answered 429: slow down
        stays: the provider answered 429: You exceeded your current quota
        passes: the provider answered 529: Overloaded
        passes: the provider answered 503
        passes: the provider broke off: Overloaded
        passes: the provider broke off: server_error
        stays: the provider broke off: no
        ");
    }
}
