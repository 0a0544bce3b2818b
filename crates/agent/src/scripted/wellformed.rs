//! What every interface demands of a conversation. Says no as a provider would, with the reason.

use serde_json::Value;

use crate::conversation::{AssistantPart, Turn, UserPart, well_formed};

/// A request, understood.
pub(super) struct Heard {
    pub(super) model: String,
    pub(super) turns: Vec<Turn>,
}

/// A conversation that a provider would take: well formed, and with a user's turn at its end.
pub(super) fn check(turns: &[Turn]) -> Result<(), String> {
    well_formed(turns)?;
    match turns.last() {
        Some(Turn::User { .. }) => Ok(()),
        Some(Turn::Assistant { .. }) => Err("the conversation ends with an assistant turn".to_owned()),
        None => Err("the conversation is empty".to_owned()),
    }
}

/// Puts a user's piece in, starting a user turn where there is none.
pub(super) fn add_user(turns: &mut Vec<Turn>, part: UserPart) {
    match turns.last_mut() {
        Some(Turn::User { parts }) => parts.push(part),
        Some(Turn::Assistant { .. }) | None => turns.push(Turn::User { parts: vec![part] }),
    }
}

/// Puts an assistant's piece in, starting an assistant turn where there is none.
pub(super) fn add_assistant(turns: &mut Vec<Turn>, part: AssistantPart) {
    match turns.last_mut() {
        Some(Turn::Assistant { parts }) => parts.push(part),
        Some(Turn::User { .. }) | None => turns.push(Turn::Assistant { parts: vec![part] }),
    }
}

/// A text field that must be there.
pub(super) fn text<'a>(value: &'a Value, pointer: &str) -> Result<&'a str, String> {
    value.pointer(pointer).and_then(Value::as_str).ok_or_else(|| format!("{pointer} must be a string"))
}

/// A list that must be there.
pub(super) fn list<'a>(value: &'a Value, pointer: &str) -> Result<&'a [Value], String> {
    value
        .pointer(pointer)
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .ok_or_else(|| format!("{pointer} must be a list"))
}

/// Something that must be so.
pub(super) fn demand(holds: bool, otherwise: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(otherwise.to_owned()) }
}

/// Tools: some, each with a name, a description and a schema of an object.
pub(super) fn check_tools(tools: &[Value], at: &str, schema: &str) -> Result<(), String> {
    demand(!tools.is_empty(), "no tools")?;
    for tool in tools {
        let tool = tool.pointer(at).unwrap_or(tool);
        text(tool, "/name")?;
        text(tool, "/description")?;
        demand(tool[schema]["type"] == "object", "a tool's schema must be that of an object")?;
    }
    Ok(())
}

/// A signature that only whoever knows this function makes: stands for the providers' real ones.
pub(super) fn seal(text: &str) -> String {
    let sum = text
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    format!("sealed-{sum:016x}")
}
