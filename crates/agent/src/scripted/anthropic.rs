//! The Messages interface of the scripted server: reads its requests strictly, writes its events.

use serde_json::{Value, json};

use super::frames::{Frame, pieces};
use super::wellformed::{Heard, add_assistant, add_user, check_tools, demand, list, seal, text};
use crate::conversation::{AssistantPart, Call, UserPart};
use crate::replay::RecordedTurn;

/// Understands a request.
pub(super) fn hear(body: &Value) -> Result<Heard, String> {
    demand(body["stream"] == true, "stream must be true")?;
    demand(body["max_tokens"].as_u64().is_some_and(|limit| limit > 0), "max_tokens must be positive")?;
    check_tools(list(body, "/tools")?, "", "input_schema")?;
    let breakpoints = body.to_string().matches("\"cache_control\"").count();
    demand((1..=4).contains(&breakpoints), "there must be one to four cache breakpoints")?;
    let mut turns = Vec::new();
    let mut before = "";
    for message in list(body, "/messages")? {
        let role = text(message, "/role")?;
        demand(role != before, "roles must alternate")?;
        before = role;
        let blocks = list(message, "/content")?;
        demand(!blocks.is_empty(), "a message must have content")?;
        let mut texts = false;
        for block in blocks {
            match (role, text(block, "/type")?) {
                ("user", "text") => {
                    texts = true;
                    add_user(&mut turns, UserPart::Text { text: full(block)? });
                }
                ("user", "tool_result") => {
                    demand(!texts, "results must come before texts")?;
                    let result = UserPart::Result {
                        call: text(block, "/tool_use_id")?.to_owned(),
                        ok: block["is_error"] != true,
                        text: text(block, "/content")?.to_owned(),
                    };
                    add_user(&mut turns, result);
                }
                ("assistant", "text") => add_assistant(&mut turns, AssistantPart::Text { text: full(block)? }),
                ("assistant", "tool_use") => {
                    demand(block["input"].is_object(), "a tool_use block's input must be an object")?;
                    let call = Call {
                        id: text(block, "/id")?.to_owned(),
                        tool: text(block, "/name")?.to_owned(),
                        arguments: block["input"].clone(),
                    };
                    add_assistant(&mut turns, AssistantPart::Call(call));
                }
                ("assistant", "thinking") => {
                    let sealed = seal(text(block, "/thinking")?);
                    demand(text(block, "/signature")? == sealed, "a thinking block was changed")?;
                    let part = AssistantPart::Opaque { made_by: String::new(), item: block.clone() };
                    add_assistant(&mut turns, part);
                }
                (role, kind) => return Err(format!("a {role} message cannot have a {kind} block")),
            }
        }
    }
    text(body, "/system/0/text")?;
    Ok(Heard { model: text(body, "/model")?.to_owned(), turns })
}

fn full(block: &Value) -> Result<String, String> {
    let text = text(block, "/text")?;
    demand(!text.trim().is_empty(), "text blocks must not be empty")?;
    Ok(text.to_owned())
}

/// The events of an answer.
pub(super) fn frames(turn: &RecordedTurn, prefix: &str) -> Vec<Frame> {
    let usage = &turn.usage;
    let mut frames = vec![
        json!({ "type": "message_start", "message": {
            "id": format!("msg_{prefix}"), "type": "message", "role": "assistant", "content": [], "stop_reason": null,
            "usage": {
                "input_tokens": usage.input_tokens, "cache_read_input_tokens": usage.cache_read_tokens,
                "cache_creation_input_tokens": usage.cache_write_tokens, "output_tokens": 1,
            },
        }}),
        json!({ "type": "ping" }),
    ];
    let mut index = 0;
    let mut block = |start: Value, deltas: Vec<Value>| {
        frames.push(json!({ "type": "content_block_start", "index": index, "content_block": start }));
        let deltas = deltas.into_iter();
        frames.extend(deltas.map(|delta| json!({ "type": "content_block_delta", "index": index, "delta": delta })));
        frames.push(json!({ "type": "content_block_stop", "index": index }));
        index += 1;
    };
    if let Some(think) = &turn.think {
        let mut deltas: Vec<Value> =
            pieces(think).iter().map(|piece| json!({ "type": "thinking_delta", "thinking": piece })).collect();
        deltas.push(json!({ "type": "signature_delta", "signature": seal(think) }));
        block(json!({ "type": "thinking", "thinking": "", "signature": "" }), deltas);
    }
    if let Some(say) = &turn.say {
        let deltas = pieces(say).iter().map(|piece| json!({ "type": "text_delta", "text": piece })).collect();
        block(json!({ "type": "text", "text": "" }), deltas);
    }
    for (at, call) in turn.calls.iter().enumerate() {
        let deltas = pieces(&call.args.to_string())
            .iter()
            .map(|piece| json!({ "type": "input_json_delta", "partial_json": piece }))
            .collect();
        let id = format!("toolu_{prefix}_{at}");
        block(json!({ "type": "tool_use", "id": id, "name": call.tool, "input": {} }), deltas);
    }
    let reason = if turn.calls.is_empty() { "end_turn" } else { "tool_use" };
    frames.push(json!({
        "type": "message_delta", "delta": { "stop_reason": reason, "stop_sequence": null },
        "usage": { "output_tokens": usage.output_tokens },
    }));
    frames.push(json!({ "type": "message_stop" }));
    frames.into_iter().map(Frame::named).collect()
}
