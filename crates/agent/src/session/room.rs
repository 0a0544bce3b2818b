//! Keeps a conversation within the model's window: old tool outputs go first, then whole turns, for an honest note.
//! Never parts a call from its result.

use baton_core::domain::usage::Usage;
use serde_json::Value;

use super::Limits;
use crate::catalogue::ToolSpec;
use crate::conversation::{AssistantPart, Call, Conversation, Turn, UserPart, turn_bytes};
use crate::prompt;

/// Results of so many latest user turns are left alone at first.
const RECENT_TURNS: usize = 3;
/// A shorter result is not worth leaving out.
const SHORT: usize = 400;
/// Lines of the note about what is missing, and characters of each.
const NOTE_LINES: usize = 80;
const NOTE_LINE: usize = 160;
/// Starts the note.
const NOTE: &str = "[Earlier turns of this run were left out to make room. What happened in them, oldest first:]\n";
/// Ends the note.
const NOTE_END: &str = "\n[The working copy is as these steps left it. Read again what you need.]";

/// What is known about how large a conversation may be and how large it is.
#[derive(Debug)]
pub(super) struct Room {
    /// Tokens for everything but the answer; `None` where nothing may be left out.
    limit: Option<u64>,
    /// Bytes that go with every request: system prompt and tools.
    fixed: usize,
    /// Tokens per thousand bytes, as last measured.
    density: u64,
}

impl Room {
    pub(super) fn new(limits: &Limits, system: &str, tools: &[&ToolSpec]) -> Self {
        let tools: usize = tools.iter().map(|tool| tool.about.len() + tool.schema().to_string().len()).sum();
        Self {
            limit: limits.context_window.map(|window| window.saturating_sub(limits.max_output_tokens).max(1)),
            fixed: system.len() + tools,
            density: 333,
        }
    }

    /// Learns from what the provider counted. A count beyond belief (none at all, say) changes little.
    pub(super) fn measured(&mut self, usage: &Usage, conversation: &Conversation) {
        let bytes = u64::try_from(self.fixed + conversation.bytes()).unwrap_or(u64::MAX).max(1);
        self.density = (usage.tokens().saturating_mul(1000) / bytes).clamp(200, 1000);
    }

    fn projected(&self, conversation: &Conversation) -> u64 {
        let bytes = u64::try_from(self.fixed + conversation.bytes()).unwrap_or(u64::MAX);
        bytes.saturating_mul(self.density) / 1000
    }

    /// Makes room where the next request would not fit, or where the provider said that it did not (`forced`).
    /// Returns what was done, for the transcript.
    pub(super) fn make(&self, conversation: &mut Conversation, forced: bool) -> Option<String> {
        let limit = self.limit?;
        if !forced && self.projected(conversation) <= limit / 10 * 9 {
            return None;
        }
        // Far below the limit, because every change of the beginning costs the provider's cache.
        let target = limit.min(self.projected(conversation)) / 2;
        let users: Vec<usize> =
            (0..conversation.turns.len()).filter(|&at| matches!(conversation.turns[at], Turn::User { .. })).collect();
        let old = users.len().saturating_sub(RECENT_TURNS);
        let mut elided = self.elide(conversation, &users[..old], target, 0);
        let mut dropped = 0;
        if self.projected(conversation) > target {
            dropped = self.drop_turns(conversation, target);
        }
        if self.projected(conversation) > target {
            let all: Vec<usize> = (0..conversation.turns.len()).collect();
            elided += self.elide(conversation, &all, target, 2 * SHORT);
        }
        (elided + dropped > 0).then(|| {
            format!("Made room in the model's window: left out {elided} old tool outputs and {dropped} earlier turns.")
        })
    }

    /// Replaces results, oldest first, until the target is met, keeping so many bytes of each. Returns how many.
    fn elide(&self, conversation: &mut Conversation, turns: &[usize], target: u64, keep: usize) -> usize {
        let mut elided = 0;
        for &at in turns {
            let parts = match &conversation.turns[at] {
                Turn::User { parts } => parts.len(),
                Turn::Assistant { .. } => continue,
            };
            for part in 0..parts {
                if self.projected(conversation) <= target {
                    return elided;
                }
                if let Turn::User { parts } = &mut conversation.turns[at]
                    && let UserPart::Result { text, .. } = &mut parts[part]
                    && text.len() > SHORT.max(keep + 200)
                {
                    let end = text.floor_char_boundary(keep);
                    let left_out = text.len() - end;
                    *text = format!(
                        "{}[{left_out} bytes of this tool output were left out to make room; call the tool again if you need them]",
                        &text[..end]
                    );
                    elided += 1;
                }
            }
        }
        elided
    }

    /// Drops what lies between the run's opening and the latest turns, for a note. Returns how many turns went.
    fn drop_turns(&self, conversation: &mut Conversation, target: u64) -> usize {
        let Some(opening) = conversation.turns.iter().rposition(|turn| opening_part(turn).is_some()) else {
            return 0;
        };
        let answers: Vec<usize> = (opening + 1..conversation.turns.len())
            .filter(|&at| matches!(conversation.turns[at], Turn::Assistant { .. }))
            .collect();
        // The last two answers stay with their results, whatever their size.
        let Some(&latest_cut) = answers.len().checked_sub(2).and_then(|at| answers.get(at)) else {
            return 0;
        };
        let mut tail: usize = conversation.turns[latest_cut..].iter().map(turn_bytes).sum();
        let head = self.fixed + turn_bytes(&conversation.turns[opening]) + NOTE_LINES * NOTE_LINE / 2;
        let mut cut = latest_cut;
        for &at in answers.iter().rev().skip(2) {
            tail += conversation.turns[at..cut].iter().map(turn_bytes).sum::<usize>();
            let tokens = u64::try_from(head + tail).unwrap_or(u64::MAX).saturating_mul(self.density) / 1000;
            if tokens > target {
                break;
            }
            cut = at;
        }
        if cut == 1 {
            return 0;
        }
        let before = conversation.turns.len();
        let rest = conversation.turns.split_off(cut);
        let gone = std::mem::take(&mut conversation.turns);
        conversation.turns.push(Turn::User { parts: noted(opening, &gone) });
        conversation.turns.extend(rest);
        before - conversation.turns.len()
    }
}

/// Where in a user turn the run's opening message stands.
fn opening_part(turn: &Turn) -> Option<usize> {
    match turn {
        Turn::User { parts } => {
            parts.iter().position(|part| matches!(part, UserPart::Text { text } if prompt::opened(text).is_some()))
        }
        Turn::Assistant { .. } => None,
    }
}

/// The opening turn with a note about the turns that are gone. Results of an earlier run go with their calls.
fn noted(opening: usize, gone: &[Turn]) -> Vec<UserPart> {
    let mut lines = Vec::new();
    let mut kept = Vec::new();
    for (at, turn) in gone.iter().enumerate() {
        lines.extend(told(turn, gone));
        let Turn::User { parts } = turn else { continue };
        for part in parts {
            let UserPart::Text { text } = part else { continue };
            match text.strip_prefix(NOTE).and_then(|note| note.strip_suffix(NOTE_END)) {
                Some(earlier) => lines.extend(earlier.lines().map(str::to_owned)),
                None if at == opening && (!kept.is_empty() || prompt::opened(text).is_some()) => {
                    kept.push(part.clone())
                }
                None => {}
            }
        }
    }
    let skipped = lines.len().saturating_sub(NOTE_LINES);
    kept.push(UserPart::Text { text: format!("{NOTE}{}{NOTE_END}", lines[skipped..].join("\n")) });
    kept
}

/// What a turn did, a line each.
fn told(turn: &Turn, all: &[Turn]) -> Vec<String> {
    let Turn::Assistant { parts } = turn else {
        return Vec::new();
    };
    parts
        .iter()
        .filter_map(|part| match part {
            AssistantPart::Text { text } => Some(format!("you said: {}", one_line(text))),
            AssistantPart::Call(call) => {
                let outcome = if worked(call, all) { "" } else { " (did not succeed)" };
                Some(format!("you called {}: {}{outcome}", call.tool, one_line(&subject(&call.arguments))))
            }
            AssistantPart::Opaque { .. } => None,
        })
        .collect()
}

fn worked(call: &Call, all: &[Turn]) -> bool {
    all.iter().any(|turn| match turn {
        Turn::User { parts } => {
            parts.iter().any(|part| matches!(part, UserPart::Result { call: id, ok: true, .. } if *id == call.id))
        }
        Turn::Assistant { .. } => false,
    })
}

/// What a call was about: its command, its pattern or its path.
fn subject(arguments: &Value) -> String {
    ["command", "pattern", "path"]
        .iter()
        .find_map(|name| arguments.get(name).and_then(Value::as_str))
        .unwrap_or_default()
        .to_owned()
}

fn one_line(text: &str) -> String {
    let flat: Vec<&str> = text.split_whitespace().collect();
    let flat = flat.join(" ");
    if flat.chars().count() <= NOTE_LINE { flat } else { flat.chars().take(NOTE_LINE - 1).chain(['…']).collect() }
}
