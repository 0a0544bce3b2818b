//! OpenAI's Chat Completions interface, with the tolerance that the many servers which speak it need.
//!
//! Facts from OpenAI's API reference and from servers seen: usage comes in a last chunk without choices, if asked for;
//! some servers leave out indexes, ids, usage or the closing `[DONE]`; `prompt_tokens` includes the cached part.

use serde_json::{Value, json};

use super::NativeConfig;
use super::prices::Tokens;
use super::sse::SseEvent;
use super::wire::{Reader, Received, arguments, cut_off, described, json as parsed, number, text};
use crate::conversation::{AssistantPart, Call, Turn, UserPart};
use crate::model::{Ask, ModelFault, Stop};

/// The request.
pub(super) fn body(config: &NativeConfig, ask: Ask<'_>) -> Value {
    let tools: Vec<Value> = ask
        .tools
        .iter()
        .map(|tool| {
            let function = json!({ "name": tool.name, "description": tool.about, "parameters": tool.schema() });
            json!({ "type": "function", "function": function })
        })
        .collect();
    let mut messages = vec![json!({ "role": "system", "content": ask.system })];
    messages.extend(ask.turns.iter().flat_map(turn_messages));
    let mut body = json!({
        "model": config.model,
        "stream": true,
        "stream_options": { "include_usage": true },
        "tools": tools,
        "messages": messages,
    });
    body[limit_name(&config.base_url)] = json!(config.max_output_tokens);
    if let Some(effort) = config.effort {
        body["reasoning_effort"] = json!(effort.word());
    }
    body
}

/// OpenAI's own models refuse the old name of the limit; many other servers know no other.
fn limit_name(base_url: &str) -> &'static str {
    let own = reqwest::Url::parse(base_url).is_ok_and(|url| {
        url.host_str().is_some_and(|host| host.ends_with("openai.com") || host.ends_with(".azure.com"))
    });
    if own { "max_completion_tokens" } else { "max_tokens" }
}

fn turn_messages(turn: &Turn) -> Vec<Value> {
    match turn {
        Turn::User { parts } => {
            let mut messages: Vec<Value> = parts
                .iter()
                .filter_map(|part| match part {
                    UserPart::Result { call, text, .. } => {
                        Some(json!({ "role": "tool", "tool_call_id": call, "content": text }))
                    }
                    UserPart::Text { .. } => None,
                })
                .collect();
            let texts: Vec<&str> = parts
                .iter()
                .filter_map(|part| match part {
                    UserPart::Text { text } => Some(text.as_str()),
                    UserPart::Result { .. } => None,
                })
                .collect();
            match texts.as_slice() {
                [] => {}
                // A plain string is what every server takes.
                [one] => messages.push(json!({ "role": "user", "content": one })),
                many => {
                    let content: Vec<Value> = many.iter().map(|text| json!({ "type": "text", "text": text })).collect();
                    messages.push(json!({ "role": "user", "content": content }));
                }
            }
            messages
        }
        Turn::Assistant { parts } => {
            let texts: Vec<&str> = parts
                .iter()
                .filter_map(|part| match part {
                    AssistantPart::Text { text } => Some(text.as_str()),
                    AssistantPart::Call(_) | AssistantPart::Opaque { .. } => None,
                })
                .collect();
            let calls: Vec<Value> = parts
                .iter()
                .filter_map(|part| match part {
                    AssistantPart::Call(call) => {
                        let function = json!({ "name": call.tool, "arguments": call.arguments_object().to_string() });
                        Some(json!({ "id": call.id, "type": "function", "function": function }))
                    }
                    AssistantPart::Text { .. } | AssistantPart::Opaque { .. } => None,
                })
                .collect();
            let content = if texts.is_empty() { Value::Null } else { Value::String(texts.join("\n\n")) };
            let mut message = json!({ "role": "assistant", "content": content });
            if !calls.is_empty() {
                message["tool_calls"] = Value::Array(calls);
            }
            vec![message]
        }
    }
}

/// One call as it grows.
#[derive(Debug, Default)]
struct GrowingCall {
    index: u64,
    id: String,
    name: String,
    arguments: String,
}

/// The answer as it arrives.
#[derive(Debug, Default)]
pub(super) struct Stream {
    content: String,
    refusal: String,
    calls: Vec<GrowingCall>,
    tokens: Option<Tokens>,
    finish_reason: Option<String>,
    closed: bool,
}

impl Stream {
    fn count(&mut self, usage: &Value) {
        if usage.is_object() {
            let cached = number(usage, "/prompt_tokens_details/cached_tokens");
            self.tokens = Some(Tokens {
                input: number(usage, "/prompt_tokens").saturating_sub(cached),
                cache_read: cached,
                cache_write: 0,
                output: number(usage, "/completion_tokens"),
            });
        }
    }

    /// Adds a piece to its call. Where the index is left out, an id starts a new call and its lack goes on with the last.
    fn add(&mut self, delta: &Value) {
        let id = text(delta, "/id");
        let index = delta["index"].as_u64();
        let known = match index {
            Some(index) => self.calls.iter().position(|call| call.index == index),
            None if id.is_empty() => self.calls.len().checked_sub(1),
            None => None,
        };
        let at = known.unwrap_or_else(|| {
            let next = self.calls.iter().map(|call| call.index + 1).max().unwrap_or_default();
            self.calls.push(GrowingCall { index: index.unwrap_or(next), ..GrowingCall::default() });
            self.calls.len() - 1
        });
        if let Some(call) = self.calls.get_mut(at) {
            if call.id.is_empty() {
                id.clone_into(&mut call.id);
            }
            if call.name.is_empty() {
                text(delta, "/function/name").clone_into(&mut call.name);
            }
            call.arguments.push_str(text(delta, "/function/arguments"));
        }
    }
}

impl Reader for Stream {
    fn take(&mut self, event: &SseEvent) -> Result<(), ModelFault> {
        if event.data.trim() == "[DONE]" {
            self.closed = true;
            return Ok(());
        }
        let data = parsed(event)?;
        if data["error"].is_object() {
            let code = if data["error"]["code"].is_string() { "/error/code" } else { "/error/type" };
            return Err(described(None, text(&data, code), text(&data, "/error/message")));
        }
        self.count(&data["usage"]);
        let choice = &data["choices"][0];
        self.content.push_str(text(choice, "/delta/content"));
        self.refusal.push_str(text(choice, "/delta/refusal"));
        for call in choice["delta"]["tool_calls"].as_array().into_iter().flatten() {
            self.add(call);
        }
        if let Some(reason) = choice["finish_reason"].as_str() {
            self.finish_reason = Some(reason.to_owned());
        }
        Ok(())
    }

    fn is_done(&self) -> bool {
        self.closed
    }

    fn used(&self) -> Option<Tokens> {
        self.tokens
    }

    fn finish(mut self: Box<Self>) -> Result<Received, ModelFault> {
        let reason = self.finish_reason.take().ok_or_else(cut_off)?;
        let stop = match reason.as_str() {
            _ if !self.refusal.is_empty() => Stop::Refused(std::mem::take(&mut self.refusal)),
            "length" => Stop::Length,
            "content_filter" => Stop::Refused("the provider's content filter stopped it".to_owned()),
            _ => Stop::Done,
        };
        self.calls.sort_by_key(|call| call.index);
        let content =
            (!self.content.is_empty()).then(|| AssistantPart::Text { text: std::mem::take(&mut self.content) });
        let calls = self.calls.iter().map(|call| {
            AssistantPart::Call(Call {
                id: call.id.clone(),
                tool: call.name.clone(),
                arguments: arguments(&call.arguments),
            })
        });
        Ok(Received { parts: content.into_iter().chain(calls).collect(), tokens: self.tokens, stop })
    }
}
