//! The Responses interface of the scripted server: reads its requests strictly, writes its events.

use serde_json::{Value, json};

use super::frames::{Frame, pieces};
use super::wellformed::{Heard, add_assistant, add_user, check_tools, demand, list, seal, text};
use crate::conversation::{AssistantPart, Call, UserPart};
use crate::replay::RecordedTurn;

/// Understands a request.
pub(super) fn hear(body: &Value) -> Result<Heard, String> {
    demand(body["stream"] == true, "stream must be true")?;
    demand(body["store"] == false, "store must be false")?;
    let include = list(body, "/include")?;
    demand(include.contains(&json!("reasoning.encrypted_content")), "encrypted reasoning must be asked for")?;
    text(body, "/instructions")?;
    check_tools(list(body, "/tools")?, "", "parameters")?;
    let mut turns = Vec::new();
    for item in list(body, "/input")? {
        demand(item.get("id").is_none(), "items are not stored: an id cannot be looked up")?;
        match text(item, "/type")? {
            "message" => match text(item, "/role")? {
                "user" => {
                    for content in list(item, "/content")? {
                        demand(content["type"] == "input_text", "a user's content must be input_text")?;
                        add_user(&mut turns, UserPart::Text { text: text(content, "/text")?.to_owned() });
                    }
                }
                "assistant" => {
                    for content in list(item, "/content")? {
                        demand(content["type"] == "output_text", "an assistant's content must be output_text")?;
                        add_assistant(&mut turns, AssistantPart::Text { text: text(content, "/text")?.to_owned() });
                    }
                }
                role => return Err(format!("a message cannot have the role {role}")),
            },
            "function_call" => {
                let arguments = serde_json::from_str(text(item, "/arguments")?)
                    .map_err(|error| format!("arguments must be JSON: {error}"))?;
                let call =
                    Call { id: text(item, "/call_id")?.to_owned(), tool: text(item, "/name")?.to_owned(), arguments };
                add_assistant(&mut turns, AssistantPart::Call(call));
            }
            "function_call_output" => {
                let result = UserPart::Result {
                    call: text(item, "/call_id")?.to_owned(),
                    ok: true,
                    text: text(item, "/output")?.to_owned(),
                };
                add_user(&mut turns, result);
            }
            "reasoning" => {
                let summary = text(item, "/summary/0/text")?;
                demand(text(item, "/encrypted_content")? == seal(summary), "a reasoning item was changed")?;
                let part = AssistantPart::Opaque { made_by: String::new(), item: item.clone() };
                add_assistant(&mut turns, part);
            }
            kind => return Err(format!("the input cannot have a {kind} item")),
        }
    }
    Ok(Heard { model: text(body, "/model")?.to_owned(), turns })
}

/// The events of an answer.
pub(super) fn frames(turn: &RecordedTurn, prefix: &str) -> Vec<Frame> {
    let id = format!("resp_{prefix}");
    let mut frames = vec![json!({ "type": "response.created", "response": { "id": id, "status": "in_progress" } })];
    let mut items = Vec::new();
    if let Some(think) = &turn.think {
        items.push((
            Vec::new(),
            json!({
                "type": "reasoning", "id": format!("rs_{prefix}"), "status": "completed",
                "summary": [{ "type": "summary_text", "text": think }], "encrypted_content": seal(think),
            }),
        ));
    }
    if let Some(say) = &turn.say {
        let deltas =
            pieces(say).into_iter().map(|piece| json!({ "type": "response.output_text.delta", "delta": piece }));
        items.push((
            deltas.collect(),
            json!({
                "type": "message", "id": format!("msg_{prefix}"), "role": "assistant", "status": "completed",
                "content": [{ "type": "output_text", "text": say, "annotations": [] }],
            }),
        ));
    }
    for (at, call) in turn.calls.iter().enumerate() {
        let arguments = call.args.to_string();
        let deltas = pieces(&arguments)
            .into_iter()
            .map(|piece| json!({ "type": "response.function_call_arguments.delta", "delta": piece }));
        items.push((
            deltas.collect(),
            json!({
                "type": "function_call", "id": format!("fc_{prefix}_{at}"), "call_id": format!("call_{prefix}_{at}"),
                "name": call.tool, "arguments": arguments, "status": "completed",
            }),
        ));
    }
    for (index, (deltas, item)) in items.iter().enumerate() {
        let added = json!({ "type": item["type"], "id": item["id"], "status": "in_progress" });
        frames.push(json!({ "type": "response.output_item.added", "output_index": index, "item": added }));
        for delta in deltas {
            let mut delta: Value = delta.clone();
            delta["output_index"] = json!(index);
            frames.push(delta);
        }
        frames.push(json!({ "type": "response.output_item.done", "output_index": index, "item": item }));
    }
    let usage = &turn.usage;
    let output: Vec<&Value> = items.iter().map(|(_, item)| item).collect();
    frames.push(json!({ "type": "response.completed", "response": {
        "id": id, "status": "completed", "output": output,
        "usage": {
            "input_tokens": usage.input_tokens + usage.cache_read_tokens + usage.cache_write_tokens,
            "input_tokens_details": { "cached_tokens": usage.cache_read_tokens },
            "output_tokens": usage.output_tokens,
        },
    }}));
    frames.into_iter().map(Frame::named).collect()
}
