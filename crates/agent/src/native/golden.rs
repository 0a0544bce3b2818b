//! Whole request bodies, and answers as providers are documented and known to stream them.

use baton_core::domain::run::RunKind;
use insta::{assert_debug_snapshot, assert_snapshot};
use proptest::prelude::*;
use secrecy::SecretString;
use serde_json::{Value, json};

use super::http::{body, priced, reader};
use super::prices::Tokens;
use super::sse::SseEvent;
use super::wire::Received;
use super::{Api, Effort, NativeConfig};
use crate::catalogue;
use crate::conversation::{AssistantPart, Call, Turn, UserPart};
use crate::model::{Ask, FaultKind, ModelFault, Stop};

fn user(text: &str) -> Turn {
    Turn::User { parts: vec![UserPart::Text { text: text.to_owned() }] }
}

/// Two rounds with everything in them: thoughts of two makers, a wrong call, a failed result, a note after results.
fn conversation(made_by: &str, item: Value) -> Vec<Turn> {
    let call = |id: &str, tool: &str, arguments: Value| {
        AssistantPart::Call(Call { id: id.to_owned(), tool: tool.to_owned(), arguments })
    };
    let result =
        |call: &str, ok: bool, text: &str| UserPart::Result { call: call.to_owned(), ok, text: text.to_owned() };
    vec![
        user("task"),
        Turn::Assistant {
            parts: vec![
                AssistantPart::Opaque { made_by: "another/model".to_owned(), item: json!({ "type": "foreign" }) },
                AssistantPart::Opaque { made_by: made_by.to_owned(), item },
                AssistantPart::Text { text: "I look.".to_owned() },
                call("a", "read", json!({ "path": "x" })),
                call("b", "run", json!("{\"comm")),
            ],
        },
        Turn::User {
            parts: vec![
                result("a", true, "text"),
                result("b", false, "[refused]\nwhy"),
                UserPart::Text { text: "hurry".to_owned() },
                UserPart::Text { text: "really".to_owned() },
            ],
        },
        Turn::Assistant { parts: vec![call("c", "read", json!({ "path": "y" }))] },
        Turn::User { parts: vec![result("c", true, "more")] },
    ]
}

fn golden(api: Api, item: Value) -> String {
    let mut config = NativeConfig::new(api, "https://host/v1", SecretString::from("CANARY"), "model-1");
    config.effort = Some(Effort::Low);
    let turns = conversation("me", item);
    let ask = Ask { system: "rules", tools: &catalogue::offered(RunKind::Plan)[1..2], turns: &turns };
    let body = serde_json::to_string_pretty(&body(&config, "me", ask)).unwrap();
    assert!(!body.contains("CANARY") && !body.contains("foreign"));
    body
}

#[test]
fn the_request_to_anthropic() {
    let thought = json!({ "type": "thinking", "thinking": "hm", "signature": "sig" });
    assert_snapshot!("anthropic", golden(Api::Anthropic, thought));
}

#[test]
fn the_request_to_openai() {
    let thought = json!({ "type": "reasoning", "summary": [], "encrypted_content": "enc" });
    assert_snapshot!("openai_responses", golden(Api::OpenAi, thought));
}

#[test]
fn the_request_to_openai_chat() {
    assert_snapshot!("openai_chat", golden(Api::OpenAiChat, json!({ "never": "sent" })));
}

fn read(api: Api, events: &[Value]) -> Result<Received, ModelFault> {
    let mut reader = reader(api, "me");
    for event in events {
        let data = event.as_str().map_or_else(|| event.to_string(), str::to_owned);
        reader.take(&SseEvent { event: String::new(), data })?;
    }
    reader.finish()
}

fn anthropic_events() -> Vec<Value> {
    vec![
        json!({ "type": "message_start", "message": { "usage": {
            "input_tokens": 5, "cache_read_input_tokens": 70, "cache_creation_input_tokens": 600, "output_tokens": 1 } } }),
        json!({ "type": "content_block_start", "index": 0, "content_block": { "type": "thinking", "thinking": "" } }),
        json!({ "type": "content_block_delta", "index": 0, "delta": { "type": "thinking_delta", "thinking": "h" } }),
        json!({ "type": "content_block_delta", "index": 0, "delta": { "type": "signature_delta", "signature": "s" } }),
        json!({ "type": "content_block_start", "index": 1, "content_block": { "type": "redacted_thinking", "data": "d" } }),
        json!({ "type": "content_block_start", "index": 2, "content_block": { "type": "text", "text": "a" } }),
        json!({ "type": "content_block_delta", "index": 2, "delta": { "type": "text_delta", "text": "b" } }),
        json!({ "type": "ping" }),
        json!({ "type": "content_block_start", "index": 3, "content_block": {
            "type": "tool_use", "id": "t", "name": "read", "input": {} } }),
        json!({ "type": "content_block_delta", "index": 3, "delta": { "type": "input_json_delta", "partial_json": "{\"path\"" } }),
        json!({ "type": "content_block_delta", "index": 3, "delta": { "type": "input_json_delta", "partial_json": ":\"x\"}" } }),
        json!({ "type": "content_block_start", "index": 4, "content_block": {
            "type": "tool_use", "id": "u", "name": "list", "input": {} } }),
        json!({ "type": "message_delta", "delta": { "stop_reason": "tool_use" }, "usage": { "output_tokens": 42 } }),
        json!({ "type": "message_stop" }),
    ]
}

fn responses_events() -> Vec<Value> {
    vec![
        json!({ "type": "response.created", "response": { "status": "in_progress", "output": [] } }),
        json!({ "type": "response.output_item.done", "output_index": 1, "item": {
            "type": "message", "content": [{ "type": "output_text", "text": "ab" }] } }),
        json!({ "type": "response.output_item.done", "output_index": 0, "item": {
            "type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "e", "status": null } }),
        json!({ "type": "response.function_call_arguments.delta", "output_index": 2, "delta": "{}" }),
        json!({ "type": "response.output_item.done", "output_index": 2, "item": {
            "type": "function_call", "call_id": "t", "name": "read", "arguments": "{\"path\":\"x\"}" } }),
        json!({ "type": "response.completed", "response": { "usage": {
            "input_tokens": 75, "input_tokens_details": { "cached_tokens": 70 }, "output_tokens": 42 } } }),
    ]
}

fn chat_events() -> Vec<Value> {
    let delta = |delta: Value| json!({ "choices": [{ "index": 0, "delta": delta, "finish_reason": null }] });
    vec![
        delta(json!({ "role": "assistant", "content": null })),
        delta(json!({ "content": "a" })),
        delta(json!({ "content": "b" })),
        delta(
            json!({ "tool_calls": [{ "index": 0, "id": "t", "function": { "name": "read", "arguments": "{\"path\"" } }] }),
        ),
        delta(json!({ "tool_calls": [{ "index": 0, "function": { "arguments": ":\"x\"}" } }] })),
        json!({ "choices": [{ "index": 0, "delta": {}, "finish_reason": "tool_calls" }] }),
        json!({ "choices": [], "usage": {
            "prompt_tokens": 75, "prompt_tokens_details": { "cached_tokens": 70 }, "completion_tokens": 42 } }),
        json!("[DONE]"),
    ]
}

#[test]
fn answers_are_put_together() {
    assert_debug_snapshot!("anthropic_answer", read(Api::Anthropic, &anthropic_events()).unwrap());
    assert_debug_snapshot!("openai_responses_answer", read(Api::OpenAi, &responses_events()).unwrap());
    assert_debug_snapshot!("openai_chat_answer", read(Api::OpenAiChat, &chat_events()).unwrap());
}

/// No answer without its end: neither an empty success nor a shorter one.
#[test]
fn a_stream_without_its_end_is_a_fault() {
    for (api, events, complete_from) in [
        (Api::Anthropic, anthropic_events(), 14),
        (Api::OpenAi, responses_events(), 6),
        // The reason to stop is the end: usage and the closing word may be missing.
        (Api::OpenAiChat, chat_events(), 6),
    ] {
        for length in 0..=events.len() {
            let received = read(api, &events[..length]);
            assert_eq!(received.is_ok(), length >= complete_from, "{api:?} {length}: {received:?}");
            if let Err(fault) = received {
                assert_eq!(fault.kind, FaultKind::Transient { retry_after: None });
            }
        }
    }
}

#[test]
fn endings_are_told_apart() {
    let anthropic = |reason: &str| {
        let delta = json!({ "type": "message_delta", "delta": { "stop_reason": reason } });
        read(Api::Anthropic, &[delta, json!({ "type": "message_stop" })]).unwrap().stop
    };
    let responses = |reason: &str| {
        let response = json!({ "incomplete_details": { "reason": reason }, "output": [] });
        read(Api::OpenAi, &[json!({ "type": "response.incomplete", "response": response })]).unwrap().stop
    };
    let chat = |reason: &str| {
        read(Api::OpenAiChat, &[json!({ "choices": [{ "delta": {}, "finish_reason": reason }] })]).unwrap().stop
    };
    assert_eq!((anthropic("end_turn"), anthropic("max_tokens")), (Stop::Done, Stop::Length));
    assert!(matches!(anthropic("refusal"), Stop::Refused(_)));
    assert_eq!(responses("max_output_tokens"), Stop::Length);
    assert!(matches!(responses("content_filter"), Stop::Refused(_)));
    assert_eq!((chat("stop"), chat("length")), (Stop::Done, Stop::Length));
    assert!(matches!(chat("content_filter"), Stop::Refused(_)));
}

/// A bomb of brackets is a wrong call and no broken stack (SECURITY C-13).
#[test]
fn arguments_nested_without_end_are_a_wrong_call() {
    let bomb = format!("{{\"path\":{}", "[".repeat(200_000));
    let item = json!({ "type": "function_call", "call_id": "a", "name": "read", "arguments": bomb });
    let received =
        read(Api::OpenAi, &[json!({ "type": "response.completed", "response": { "output": [item] } })]).unwrap();
    let [AssistantPart::Call(call)] = received.parts.as_slice() else { panic!("{received:?}") };
    assert!(
        catalogue::parse(RunKind::Plan, call)
            .unwrap_err()
            .starts_with("The arguments of `read` are not a JSON object.")
    );
}

#[test]
fn errors_inside_a_stream_are_judged() {
    let kinds = [
        read(Api::Anthropic, &[json!({ "type": "error", "error": { "type": "overloaded_error", "message": "busy" } })]),
        read(Api::OpenAi, &[json!({ "type": "error", "code": "server_error", "message": "oops" })]),
        read(
            Api::OpenAi,
            &[json!({ "type": "response.failed", "response": { "error": {
            "code": "context_length_exceeded", "message": "too long" } } })],
        ),
        read(Api::OpenAi, &[json!({ "type": "error", "error": { "code": "invalid_prompt", "message": "no" } })]),
        read(Api::OpenAiChat, &[json!({ "error": { "type": "server_error", "code": 500, "message": "oops" } })]),
        read(Api::OpenAiChat, &[json!({ "error": { "code": "insufficient_quota", "message": "pay" } })]),
    ]
    .map(|fault| fault.unwrap_err().kind);
    let passes = FaultKind::Transient { retry_after: None };
    use FaultKind::{ContextFull, Permanent};
    assert_eq!(kinds, [passes, passes, ContextFull, Permanent, passes, Permanent]);
}

#[test]
fn servers_that_leave_things_out_are_understood() {
    let delta = |calls: Value| json!({ "choices": [{ "delta": { "tool_calls": calls } }] });
    let received = read(
        Api::OpenAiChat,
        &[
            delta(json!([{ "id": "a", "function": { "name": "read", "arguments": "{\"path\":" } }])),
            delta(json!([{ "function": { "arguments": "\"x\"}" } }])),
            delta(json!([{ "id": "b", "function": { "name": "list", "arguments": "" } }])),
            json!({ "choices": [{ "delta": {}, "finish_reason": "tool_calls" }] }),
        ],
    )
    .unwrap();
    let call = |id: &str, tool: &str, arguments| {
        AssistantPart::Call(Call { id: id.to_owned(), tool: tool.to_owned(), arguments })
    };
    assert_eq!(received.parts, [call("a", "read", json!({ "path": "x" })), call("b", "list", json!({}))]);
    assert_eq!(received.tokens, None);
    let answer = priced(received, 4_000, None);
    assert_eq!(answer.usage.input_tokens, 1_000, "what is not counted is estimated, so that budgets hold");
    assert!(answer.usage.output_tokens > 0);
    let only_at_the_end = json!({ "type": "response.completed", "response": { "output": [
        { "type": "function_call", "call_id": "a", "name": "read", "arguments": "{broken" }] } });
    let received = read(Api::OpenAi, &[only_at_the_end]).unwrap();
    assert_eq!(received.parts, [call("a", "read", json!("{broken"))], "broken JSON is kept for the model to be told");
    assert_eq!(Tokens::default().priced(None).calls, 1);
}

proptest! {
    /// Whatever a provider streams, reading it gives an answer or a fault, never a panic.
    #[test]
    fn any_stream_is_read_or_refused(
        picks in prop::collection::vec((0..3_usize, 0..14_usize), 0..20),
        junk in prop::collection::vec(prop_oneof![".{0,12}", Just("null".to_owned()), Just("[]".to_owned()), Just("{\"choices\":[{}]}".to_owned())], 0..4),
    ) {
        let all = [anthropic_events(), responses_events(), chat_events()];
        for api in [Api::Anthropic, Api::OpenAi, Api::OpenAiChat] {
            let events = picks.iter().map(|(which, at)| all[*which][at % all[*which].len()].clone());
            drop(read(api, &events.chain(junk.iter().cloned().map(Value::String)).collect::<Vec<_>>()));
        }
    }
}
