//! Anthropic's Messages interface: requests with cache breakpoints, streamed answers with signed thinking.
//!
//! Facts from Anthropic's API reference: thinking blocks go back unchanged, results come first in a user message, at
//! most four cache breakpoints, `input_tokens` without the cached part, usage in `message_delta` is cumulative.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::NativeConfig;
use super::prices::Tokens;
use super::sse::SseEvent;
use super::wire::{Reader, Received, arguments, cut_off, described, json as parsed, number, text};
use crate::conversation::{AssistantPart, Call, Turn, UserPart};
use crate::model::{Ask, ModelFault, Stop};

/// Turns from the end whose beginnings the provider should keep: the next request's prefix, and this one's for retries.
const CACHED_TURNS: usize = 2;

/// The request.
pub(super) fn body(config: &NativeConfig, made_by: &str, ask: Ask<'_>) -> Value {
    let mut tools: Vec<Value> = ask
        .tools
        .iter()
        .map(|tool| json!({ "name": tool.name, "description": tool.about, "input_schema": tool.schema() }))
        .collect();
    if let Some(last) = tools.last_mut() {
        mark(last);
    }
    let mut system = json!({ "type": "text", "text": ask.system });
    mark(&mut system);
    let mut messages: Vec<Value> = ask.turns.iter().map(|turn| message(turn, made_by)).collect();
    messages
        .iter_mut()
        .rev()
        .filter(|message| message["role"] == "user")
        .take(CACHED_TURNS)
        .filter_map(|message| message["content"].as_array_mut()?.last_mut())
        .for_each(mark);
    let mut body = json!({
        "model": config.model,
        "max_tokens": config.max_output_tokens,
        "stream": true,
        "system": [system],
        "tools": tools,
        "messages": messages,
    });
    if let Some(effort) = config.effort {
        body["thinking"] = json!({ "type": "adaptive" });
        body["output_config"] = json!({ "effort": effort.word() });
    }
    body
}

fn mark(block: &mut Value) {
    block["cache_control"] = json!({ "type": "ephemeral" });
}

fn message(turn: &Turn, made_by: &str) -> Value {
    match turn {
        Turn::User { parts } => {
            let results = parts.iter().filter_map(|part| match part {
                UserPart::Result { call, ok, text } => {
                    let mut block = json!({ "type": "tool_result", "tool_use_id": call, "content": text });
                    if !ok {
                        block["is_error"] = Value::Bool(true);
                    }
                    Some(block)
                }
                UserPart::Text { .. } => None,
            });
            let texts = parts.iter().filter_map(|part| match part {
                UserPart::Text { text } => Some(json!({ "type": "text", "text": text })),
                UserPart::Result { .. } => None,
            });
            json!({ "role": "user", "content": results.chain(texts).collect::<Vec<_>>() })
        }
        Turn::Assistant { parts } => {
            let blocks: Vec<Value> = parts
                .iter()
                .filter_map(|part| match part {
                    AssistantPart::Text { text } => Some(json!({ "type": "text", "text": text })),
                    AssistantPart::Call(call) => Some(json!({
                        "type": "tool_use", "id": call.id, "name": call.tool, "input": call.arguments_object(),
                    })),
                    AssistantPart::Opaque { made_by: maker, item } => (maker == made_by).then(|| item.clone()),
                })
                .collect();
            json!({ "role": "assistant", "content": blocks })
        }
    }
}

/// One block of the answer as it grows.
#[derive(Debug, Default)]
struct Block {
    start: Value,
    text: String,
    json: String,
    signature: String,
}

/// The answer as it arrives.
#[derive(Debug)]
pub(super) struct Stream {
    made_by: String,
    blocks: BTreeMap<u64, Block>,
    tokens: Option<Tokens>,
    stop_reason: Option<String>,
    explanation: String,
    stopped: bool,
}

impl Stream {
    pub(super) fn new(made_by: &str) -> Self {
        Self {
            made_by: made_by.to_owned(),
            blocks: BTreeMap::new(),
            tokens: None,
            stop_reason: None,
            explanation: String::new(),
            stopped: false,
        }
    }

    /// Counts what the provider says; later, cumulative numbers replace earlier ones.
    fn count(&mut self, usage: &Value) {
        let tokens = self.tokens.get_or_insert_default();
        for (field, name) in [
            (&mut tokens.input, "input_tokens"),
            (&mut tokens.cache_read, "cache_read_input_tokens"),
            (&mut tokens.cache_write, "cache_creation_input_tokens"),
            (&mut tokens.output, "output_tokens"),
        ] {
            if let Some(count) = usage[name].as_u64() {
                *field = count;
            }
        }
    }

    fn part(&self, block: Block) -> Option<AssistantPart> {
        match text(&block.start, "/type") {
            "text" => Some(AssistantPart::Text { text: block.text }),
            "tool_use" => Some(AssistantPart::Call(Call {
                id: text(&block.start, "/id").to_owned(),
                tool: text(&block.start, "/name").to_owned(),
                arguments: if block.json.is_empty() { block.start["input"].clone() } else { arguments(&block.json) },
            })),
            "thinking" => Some(AssistantPart::Opaque {
                made_by: self.made_by.clone(),
                item: json!({ "type": "thinking", "thinking": block.text, "signature": block.signature }),
            }),
            "redacted_thinking" => Some(AssistantPart::Opaque { made_by: self.made_by.clone(), item: block.start }),
            // Blocks of tools that the provider runs itself: Baton offers none.
            _ => None,
        }
    }
}

impl Reader for Stream {
    fn take(&mut self, event: &SseEvent) -> Result<(), ModelFault> {
        let data = parsed(event)?;
        match text(&data, "/type") {
            "message_start" => self.count(&data["message"]["usage"]),
            "content_block_start" => {
                let start = data["content_block"].clone();
                let block = Block { text: first_text(&start), start, ..Block::default() };
                self.blocks.insert(number(&data, "/index"), block);
            }
            "content_block_delta" => {
                let Some(block) = self.blocks.get_mut(&number(&data, "/index")) else {
                    return Err(ModelFault::transient("the provider's stream adds to a block that never started"));
                };
                let delta = &data["delta"];
                match text(delta, "/type") {
                    "text_delta" => block.text.push_str(text(delta, "/text")),
                    "thinking_delta" => block.text.push_str(text(delta, "/thinking")),
                    "signature_delta" => block.signature.push_str(text(delta, "/signature")),
                    "input_json_delta" => block.json.push_str(text(delta, "/partial_json")),
                    _ => {}
                }
            }
            "message_delta" => {
                self.count(&data["usage"]);
                if let Some(reason) = data["delta"]["stop_reason"].as_str() {
                    self.stop_reason = Some(reason.to_owned());
                }
                text(&data, "/delta/stop_details/explanation").clone_into(&mut self.explanation);
            }
            "message_stop" => self.stopped = true,
            "error" => return Err(described(None, text(&data, "/error/type"), text(&data, "/error/message"))),
            // Pings, ends of blocks, and events that may be added later.
            _ => {}
        }
        Ok(())
    }

    fn is_done(&self) -> bool {
        self.stopped
    }

    fn used(&self) -> Option<Tokens> {
        self.tokens
    }

    fn finish(mut self: Box<Self>) -> Result<Received, ModelFault> {
        let reason = self.stop_reason.take().filter(|_| self.stopped).ok_or_else(cut_off)?;
        let stop = match reason.as_str() {
            "max_tokens" | "model_context_window_exceeded" => Stop::Length,
            "refusal" if self.explanation.is_empty() => Stop::Refused("the provider gave no reason".to_owned()),
            "refusal" => Stop::Refused(std::mem::take(&mut self.explanation)),
            _ => Stop::Done,
        };
        let blocks = std::mem::take(&mut self.blocks);
        let parts = blocks.into_values().filter_map(|block| self.part(block)).collect();
        Ok(Received { parts, tokens: self.tokens, stop })
    }
}

/// Text that a block may already have when it starts.
fn first_text(start: &Value) -> String {
    format!("{}{}", text(start, "/text"), text(start, "/thinking"))
}
