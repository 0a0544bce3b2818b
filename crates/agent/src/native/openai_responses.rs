//! OpenAI's Responses interface, stateless: nothing is stored there, encrypted reasoning travels with the conversation.
//!
//! Facts from OpenAI's API reference: with `store: false` a reasoning item is useful only with its `encrypted_content`,
//! and its id must not be sent back (the provider would look it up); `input_tokens` includes the cached part.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::NativeConfig;
use super::prices::Tokens;
use super::sse::SseEvent;
use super::wire::{Reader, Received, arguments, cut_off, described, json as parsed, number, text};
use crate::conversation::{AssistantPart, Call, Turn, UserPart};
use crate::model::{Ask, ModelFault, Stop};

/// The request.
pub(super) fn body(config: &NativeConfig, made_by: &str, ask: Ask<'_>) -> Value {
    let tools: Vec<Value> = ask
        .tools
        .iter()
        .map(|tool| {
            json!({
                "type": "function", "name": tool.name, "description": tool.about, "parameters": tool.schema(),
                "strict": false,
            })
        })
        .collect();
    let input: Vec<Value> = ask.turns.iter().flat_map(|turn| items(turn, made_by)).collect();
    let mut body = json!({
        "model": config.model,
        "max_output_tokens": config.max_output_tokens,
        "stream": true,
        "store": false,
        "include": ["reasoning.encrypted_content"],
        "instructions": ask.system,
        "tools": tools,
        "input": input,
    });
    if let Some(effort) = config.effort {
        body["reasoning"] = json!({ "effort": effort.word() });
    }
    body
}

fn items(turn: &Turn, made_by: &str) -> Vec<Value> {
    match turn {
        Turn::User { parts } => parts
            .iter()
            .map(|part| match part {
                UserPart::Result { call, text, .. } => {
                    json!({ "type": "function_call_output", "call_id": call, "output": text })
                }
                UserPart::Text { text } => json!({
                    "type": "message", "role": "user", "content": [{ "type": "input_text", "text": text }],
                }),
            })
            .collect(),
        Turn::Assistant { parts } => parts
            .iter()
            .filter_map(|part| match part {
                AssistantPart::Text { text } => Some(json!({
                    "type": "message", "role": "assistant", "content": [{ "type": "output_text", "text": text }],
                })),
                AssistantPart::Call(call) => Some(json!({
                    "type": "function_call", "call_id": call.id, "name": call.tool,
                    "arguments": call.arguments_object().to_string(),
                })),
                AssistantPart::Opaque { made_by: maker, item } => (maker == made_by).then(|| item.clone()),
            })
            .collect(),
    }
}

/// The answer as it arrives.
#[derive(Debug)]
pub(super) struct Stream {
    made_by: String,
    items: BTreeMap<u64, Value>,
    tokens: Option<Tokens>,
    end: Option<Stop>,
}

impl Stream {
    pub(super) fn new(made_by: &str) -> Self {
        Self { made_by: made_by.to_owned(), items: BTreeMap::new(), tokens: None, end: None }
    }

    fn ended(&mut self, response: &Value, stop: Stop) {
        self.count(&response["usage"]);
        if self.items.is_empty() {
            // Some servers name the items only here.
            let output = response["output"].as_array().cloned().unwrap_or_default();
            self.items = (0..).zip(output).collect();
        }
        self.end = Some(stop);
    }

    fn count(&mut self, usage: &Value) {
        if usage.is_object() {
            let cached = number(usage, "/input_tokens_details/cached_tokens");
            self.tokens = Some(Tokens {
                input: number(usage, "/input_tokens").saturating_sub(cached),
                cache_read: cached,
                cache_write: 0,
                output: number(usage, "/output_tokens"),
            });
        }
    }

    /// The item's parts; a refusal among its contents is told apart.
    fn parts(&self, item: &Value, refusal: &mut Option<String>) -> Vec<AssistantPart> {
        match text(item, "/type") {
            "message" => {
                let contents = item["content"].as_array().map(Vec::as_slice).unwrap_or_default();
                if let Some(refused) = contents.iter().find(|content| content["type"] == "refusal") {
                    *refusal = Some(text(refused, "/refusal").to_owned());
                }
                contents
                    .iter()
                    .filter(|content| content["type"] == "output_text")
                    .map(|content| AssistantPart::Text { text: text(content, "/text").to_owned() })
                    .collect()
            }
            "function_call" => vec![AssistantPart::Call(Call {
                id: text(item, "/call_id").to_owned(),
                tool: text(item, "/name").to_owned(),
                arguments: arguments(text(item, "/arguments")),
            })],
            "reasoning" if item["encrypted_content"].is_string() => vec![AssistantPart::Opaque {
                made_by: self.made_by.clone(),
                item: json!({
                    "type": "reasoning",
                    "summary": item["summary"].as_array().cloned().unwrap_or_default(),
                    "encrypted_content": item["encrypted_content"],
                }),
            }],
            _ => Vec::new(),
        }
    }
}

impl Reader for Stream {
    fn take(&mut self, event: &SseEvent) -> Result<(), ModelFault> {
        let data = parsed(event)?;
        match text(&data, "/type") {
            "response.output_item.done" => {
                self.items.insert(number(&data, "/output_index"), data["item"].clone());
            }
            "response.completed" => self.ended(&data["response"], Stop::Done),
            "response.incomplete" => {
                let stop = match text(&data, "/response/incomplete_details/reason") {
                    "content_filter" => Stop::Refused("the provider's content filter stopped it".to_owned()),
                    _ => Stop::Length,
                };
                self.ended(&data["response"], stop);
            }
            "response.failed" => {
                self.count(&data["response"]["usage"]);
                return Err(described(
                    None,
                    text(&data, "/response/error/code"),
                    text(&data, "/response/error/message"),
                ));
            }
            "error" => {
                // Documented flat; seen nested as well.
                let error = if data["error"].is_object() { &data["error"] } else { &data };
                return Err(described(None, text(error, "/code"), text(error, "/message")));
            }
            // Deltas repeat what the finished items say whole.
            _ => {}
        }
        Ok(())
    }

    fn is_done(&self) -> bool {
        self.end.is_some()
    }

    fn used(&self) -> Option<Tokens> {
        self.tokens
    }

    fn finish(mut self: Box<Self>) -> Result<Received, ModelFault> {
        let stop = self.end.take().ok_or_else(cut_off)?;
        let mut refusal = None;
        let parts = self.items.values().flat_map(|item| self.parts(item, &mut refusal)).collect();
        let stop = refusal.map_or(stop, Stop::Refused);
        Ok(Received { parts, tokens: self.tokens, stop })
    }
}
