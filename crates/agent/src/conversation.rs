//! A conversation as neutral turns, stored between runs. Every call in it has its result: that pairing never breaks.

use std::collections::{BTreeSet, HashSet};

use baton_core::domain::run::RunKind;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One side's contribution.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "role", rename_all = "snake_case")]
pub enum Turn {
    /// Baton speaks: the task, tool results, notes.
    User {
        /// Results first, then texts, as they were added.
        parts: Vec<UserPart>,
    },
    /// The model speaks.
    Assistant {
        /// In the order the model made them.
        parts: Vec<AssistantPart>,
    },
}

/// A piece of what Baton says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum UserPart {
    /// Text.
    Text {
        /// The text.
        text: String,
    },
    /// What a tool answered.
    Result {
        /// The id of the call it belongs to.
        call: String,
        /// Whether the tool did what was asked.
        ok: bool,
        /// The answer as the model reads it.
        text: String,
    },
}

/// A piece of what a model says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum AssistantPart {
    /// Text for people.
    Text {
        /// The text.
        text: String,
    },
    /// A tool call.
    Call(Call),
    /// A provider's private item (signed thinking, encrypted reasoning), handed back unchanged to its maker only.
    Opaque {
        /// Which API and model made it.
        made_by: String,
        /// The item, verbatim.
        item: Value,
    },
}

/// A tool call as the model made it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Call {
    /// Unique within the conversation.
    pub id: String,
    /// The tool's name.
    pub tool: String,
    /// The arguments: an object, or the raw text as a string where the model did not write JSON.
    pub arguments: Value,
}

impl Call {
    /// The arguments as an object, which every provider insists on; raw text is wrapped.
    #[must_use]
    pub fn arguments_object(&self) -> Value {
        match &self.arguments {
            Value::Object(_) => self.arguments.clone(),
            other => serde_json::json!({ "invalid_arguments": other }),
        }
    }
}

/// Where a run started within a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunMark {
    /// What the run was for.
    pub kind: RunKind,
    /// Counts the runs of this kind from 1.
    pub round: u32,
    /// Whether the agent ended it itself; otherwise the next run of the kind goes on with it.
    pub finished: bool,
}

/// What is stored between runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Conversation {
    /// The version of this layout.
    version: u32,
    /// The runs that took part, oldest first.
    pub runs: Vec<RunMark>,
    /// The turns; users and assistants alternate, a user first.
    pub turns: Vec<Turn>,
}

const VERSION: u32 = 1;

/// What a model is told of a call that had no result when its run broke off. The working copy it finds is from before.
pub(crate) const INTERRUPTED: &str = "[interrupted]\nThe run was broken off before this call had ended. What it may have \
                                      changed is not in the working copy: call it again if it is still needed.";

/// What a model is told of a call that was never begun, because its run was stopped.
pub(crate) const NOT_RUN: &str = "Not run: the run was stopped.";

impl Default for Conversation {
    fn default() -> Self {
        Self { version: VERSION, runs: Vec::new(), turns: Vec::new() }
    }
}

impl Conversation {
    /// Reads what an earlier run stored.
    ///
    /// # Errors
    /// A sentence that says why it cannot be gone on from.
    pub fn restore(stored: Value) -> Result<Self, String> {
        let mut conversation: Self = serde_json::from_value(stored)
            .map_err(|error| format!("the stored conversation cannot be read: {error}"))?;
        if conversation.version != VERSION {
            return Err(format!(
                "the stored conversation has layout {}, this Baton knows {VERSION}",
                conversation.version
            ));
        }
        conversation.close_open_calls(INTERRUPTED);
        well_formed(&conversation.turns).map_err(|problem| format!("the stored conversation is broken: {problem}"))?;
        Ok(conversation)
    }

    /// Whether a run can go on from what was stored.
    ///
    /// # Errors
    /// A sentence that says why not.
    pub fn check(stored: &Value) -> Result<(), String> {
        Self::restore(stored.clone()).map(drop)
    }

    /// Adds to what Baton says next.
    pub(crate) fn say(&mut self, part: UserPart) {
        if let Some(Turn::User { parts }) = self.turns.last_mut() {
            parts.push(part);
        } else {
            self.turns.push(Turn::User { parts: vec![part] });
        }
    }

    /// Adds text to what Baton says next.
    pub(crate) fn say_text(&mut self, text: impl Into<String>) {
        self.say(UserPart::Text { text: text.into() });
    }

    /// Takes a model's answer in: blank texts go, and each call gets an id that is unique and that every API accepts.
    /// Returns the calls to perform. An answer of nothing at all leaves no trace.
    pub(crate) fn hear(&mut self, parts: Vec<AssistantPart>) -> Vec<Call> {
        let mut taken: HashSet<String> = self.calls().map(|call| call.id.clone()).collect();
        let mut kept = Vec::with_capacity(parts.len());
        for part in parts {
            match part {
                AssistantPart::Text { text } if text.trim().is_empty() => {}
                AssistantPart::Call(mut call) => {
                    if !acceptable_id(&call.id) || taken.contains(&call.id) {
                        let mut number = taken.len();
                        call.id = loop {
                            let id = format!("baton_{number}");
                            if !taken.contains(&id) {
                                break id;
                            }
                            number += 1;
                        };
                    }
                    taken.insert(call.id.clone());
                    kept.push(AssistantPart::Call(call));
                }
                other => kept.push(other),
            }
        }
        let says_something = kept.iter().any(|part| !matches!(part, AssistantPart::Opaque { .. }));
        if !says_something {
            return Vec::new();
        }
        let calls = calls_of(&kept).cloned().collect();
        self.turns.push(Turn::Assistant { parts: kept });
        calls
    }

    /// Every call of the conversation.
    pub(crate) fn calls(&self) -> impl Iterator<Item = &Call> {
        self.turns.iter().flat_map(|turn| match turn {
            Turn::Assistant { parts } => calls_of(parts).collect::<Vec<_>>(),
            Turn::User { .. } => Vec::new(),
        })
    }

    /// Gives every call that has no result yet this one, so that the conversation can be gone on from.
    pub(crate) fn close_open_calls(&mut self, text: &str) {
        let answered: HashSet<&str> = self
            .turns
            .iter()
            .flat_map(|turn| match turn {
                Turn::User { parts } => parts.as_slice(),
                Turn::Assistant { .. } => &[],
            })
            .filter_map(|part| match part {
                UserPart::Result { call, .. } => Some(call.as_str()),
                UserPart::Text { .. } => None,
            })
            .collect();
        let open: Vec<String> =
            self.calls().filter(|call| !answered.contains(call.id.as_str())).map(|call| call.id.clone()).collect();
        for call in open {
            self.say(UserPart::Result { call, ok: false, text: text.to_owned() });
        }
    }

    /// Bytes of everything in it, for estimates.
    pub(crate) fn bytes(&self) -> usize {
        self.turns.iter().map(turn_bytes).sum()
    }
}

/// Users and assistants alternate, a user begins, and every call of an assistant has its result in the turn after it.
///
/// # Errors
/// What breaks the rule, and where.
pub(crate) fn well_formed(turns: &[Turn]) -> Result<(), String> {
    let mut open: BTreeSet<&str> = BTreeSet::new();
    let mut known = HashSet::new();
    for (at, turn) in turns.iter().enumerate() {
        match turn {
            Turn::User { parts } => {
                if at % 2 != 0 {
                    return Err(format!("turn {at}: two user turns in a row"));
                }
                let mut answered = BTreeSet::new();
                for part in parts {
                    if let UserPart::Result { call, .. } = part
                        && !answered.insert(call.as_str())
                    {
                        return Err(format!("turn {at}: the call {call} has two results"));
                    }
                }
                if answered != open {
                    return Err(format!("turn {at}: the calls {open:?} have the results {answered:?}"));
                }
            }
            Turn::Assistant { parts } => {
                if at % 2 != 1 {
                    return Err(format!("turn {at}: two assistant turns in a row, or an assistant begins"));
                }
                if !parts.iter().any(|part| !matches!(part, AssistantPart::Opaque { .. })) {
                    return Err(format!("turn {at}: an assistant turn that says nothing"));
                }
                open = calls_of(parts).map(|call| call.id.as_str()).collect();
                for call in calls_of(parts) {
                    if !known.insert(call.id.as_str()) {
                        return Err(format!("turn {at}: the call id {} is used twice", call.id));
                    }
                }
            }
        }
    }
    Ok(())
}

/// Bytes of a turn as a model would read them, nearly.
pub(crate) fn turn_bytes(turn: &Turn) -> usize {
    match turn {
        Turn::User { parts } => parts
            .iter()
            .map(|part| match part {
                UserPart::Text { text } | UserPart::Result { text, .. } => text.len(),
            })
            .sum(),
        Turn::Assistant { parts } => parts
            .iter()
            .map(|part| match part {
                AssistantPart::Text { text } => text.len(),
                AssistantPart::Call(call) => call.tool.len() + call.arguments.to_string().len(),
                AssistantPart::Opaque { item, .. } => item.to_string().len(),
            })
            .sum(),
    }
}

/// The calls among the parts.
pub(crate) fn calls_of(parts: &[AssistantPart]) -> impl Iterator<Item = &Call> {
    parts.iter().filter_map(|part| match part {
        AssistantPart::Call(call) => Some(call),
        AssistantPart::Text { .. } | AssistantPart::Opaque { .. } => None,
    })
}

/// Anthropic's rule for ids is the strictest of the three: `^[a-zA-Z0-9_-]+$`.
fn acceptable_id(id: &str) -> bool {
    !id.is_empty() && id.len() <= 64 && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}
