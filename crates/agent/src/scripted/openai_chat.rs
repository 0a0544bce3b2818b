//! The Chat Completions interface of the scripted server: reads its requests strictly, writes its chunks.

use serde_json::{Value, json};

use super::frames::{Frame, pieces};
use super::wellformed::{Heard, add_assistant, add_user, check_tools, demand, list, text};
use crate::conversation::{AssistantPart, Call, UserPart};
use crate::replay::RecordedTurn;

/// Understands a request.
pub(super) fn hear(body: &Value) -> Result<Heard, String> {
    demand(body["stream"] == true, "stream must be true")?;
    demand(body["stream_options"]["include_usage"] == true, "usage must be asked for")?;
    check_tools(list(body, "/tools")?, "/function", "parameters")?;
    let messages = list(body, "/messages")?;
    demand(messages.first().is_some_and(|first| first["role"] == "system"), "a system message must come first")?;
    let mut turns = Vec::new();
    let mut before = "system";
    for message in &messages[1..] {
        let role = text(message, "/role")?;
        match role {
            "user" => {
                demand(before != "user", "two user messages in a row")?;
                for text in texts(&message["content"])? {
                    add_user(&mut turns, UserPart::Text { text });
                }
            }
            "tool" => {
                demand(before == "assistant" || before == "tool", "a tool message must follow the calls")?;
                let result = UserPart::Result {
                    call: text(message, "/tool_call_id")?.to_owned(),
                    ok: true,
                    text: text(message, "/content")?.to_owned(),
                };
                add_user(&mut turns, result);
            }
            "assistant" => {
                demand(before != "assistant", "two assistant messages in a row")?;
                if !message["content"].is_null() {
                    for text in texts(&message["content"])? {
                        add_assistant(&mut turns, AssistantPart::Text { text });
                    }
                }
                for call in message["tool_calls"].as_array().into_iter().flatten() {
                    let arguments = serde_json::from_str(text(call, "/function/arguments")?)
                        .map_err(|error| format!("arguments must be JSON: {error}"))?;
                    let call = Call {
                        id: text(call, "/id")?.to_owned(),
                        tool: text(call, "/function/name")?.to_owned(),
                        arguments,
                    };
                    add_assistant(&mut turns, AssistantPart::Call(call));
                }
            }
            role => return Err(format!("a message cannot have the role {role}")),
        }
        before = role;
    }
    Ok(Heard { model: text(body, "/model")?.to_owned(), turns })
}

fn texts(content: &Value) -> Result<Vec<String>, String> {
    match content {
        Value::String(text) => Ok(vec![text.clone()]),
        Value::Array(parts) => parts.iter().map(|part| text(part, "/text").map(str::to_owned)).collect(),
        _ => Err("content must be a string or a list".to_owned()),
    }
}

/// The chunks of an answer.
pub(super) fn frames(turn: &RecordedTurn, prefix: &str) -> Vec<Frame> {
    let chunk = |delta: Value, finish: Value| {
        let choice = json!({ "index": 0, "delta": delta, "finish_reason": finish });
        json!({ "id": format!("chatcmpl-{prefix}"), "object": "chat.completion.chunk", "choices": [choice] })
    };
    let mut chunks = vec![chunk(json!({ "role": "assistant", "content": "" }), Value::Null)];
    for piece in turn.think.iter().flat_map(|think| pieces(think)) {
        chunks.push(chunk(json!({ "reasoning_content": piece }), Value::Null));
    }
    for piece in turn.say.iter().flat_map(|say| pieces(say)) {
        chunks.push(chunk(json!({ "content": piece }), Value::Null));
    }
    for (at, call) in turn.calls.iter().enumerate() {
        let id = format!("call_{prefix}_{at}");
        let start =
            json!({ "index": at, "id": id, "type": "function", "function": { "name": call.tool, "arguments": "" } });
        chunks.push(chunk(json!({ "tool_calls": [start] }), Value::Null));
        for piece in pieces(&call.args.to_string()) {
            let more = json!({ "index": at, "function": { "arguments": piece } });
            chunks.push(chunk(json!({ "tool_calls": [more] }), Value::Null));
        }
    }
    let reason = if turn.calls.is_empty() { "stop" } else { "tool_calls" };
    chunks.push(chunk(json!({}), json!(reason)));
    let usage = &turn.usage;
    chunks.push(
        json!({ "id": format!("chatcmpl-{prefix}"), "object": "chat.completion.chunk", "choices": [], "usage": {
            "prompt_tokens": usage.input_tokens + usage.cache_read_tokens + usage.cache_write_tokens,
            "prompt_tokens_details": { "cached_tokens": usage.cache_read_tokens },
            "completion_tokens": usage.output_tokens,
        }}),
    );
    let mut frames: Vec<Frame> = chunks.iter().map(|chunk| Frame::bare(chunk.to_string())).collect();
    frames.push(Frame::bare("[DONE]"));
    frames
}
