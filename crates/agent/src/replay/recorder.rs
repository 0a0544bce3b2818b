//! A wrapper that writes down what a live model says, in the format of recordings. Changes nothing of what it passes on.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use futures::FutureExt as _;
use futures::future::BoxFuture;
use regex::Regex;
use serde_json::Value;

use super::pattern::{Pattern, Variables, quoted};
use super::script::{Recorded, RecordedCall, RecordedTurn, Script};
use crate::conversation::{AssistantPart, Turn, UserPart};
use crate::model::{Answer, Ask, Model, ModelFault};
use crate::prompt;

/// A model that passes everything through and records it.
///
/// Patterns given to [`Recorder::capturing`] are looked for in the task; what they capture is written as a variable
/// wherever it shows. Whatever a pattern of [`Recorder::varying`] matches in a tool's answer is written as `{{*}}`.
#[derive(Debug)]
pub struct Recorder<M> {
    inner: M,
    path: PathBuf,
    script: Mutex<Script>,
    varying: Vec<Regex>,
}

impl<M: Model> Recorder<M> {
    /// Records `inner` into a new file, rewritten after each answer.
    pub fn record_to(inner: M, path: impl AsRef<Path>, label: impl Into<String>) -> Self {
        Self { inner, path: path.as_ref().to_owned(), script: Mutex::new(Script::new(label)), varying: Vec::new() }
    }

    /// Declares what is captured from the task, for example `marker: {{nonce:[0-9a-f]+}}`.
    #[must_use]
    pub fn capturing(self, patterns: impl IntoIterator<Item = String>) -> Self {
        self.script.lock().unwrap_or_else(PoisonError::into_inner).capture.extend(patterns);
        self
    }

    /// Declares what differs from run to run in answers, for example `[0-9.]+s`.
    #[must_use]
    pub fn varying(mut self, patterns: impl IntoIterator<Item = Regex>) -> Self {
        self.varying.extend(patterns);
        self
    }

    /// What is recorded so far.
    #[must_use]
    pub fn script(&self) -> Script {
        self.script.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn record(&self, turns: &[Turn], answer: &Answer) -> Result<(), String> {
        let text = {
            let mut script = self.script.lock().unwrap_or_else(PoisonError::into_inner);
            let recorded = self.recorded(&script.capture, turns, answer)?;
            let same = |one: &Recorded| (one.run, one.round) == (recorded.run, recorded.round);
            match script.conversations.iter_mut().find(|one| same(one)) {
                Some(earlier) => {
                    // Usage is told once, with the answer: what was recorded before is the only place that knows it.
                    let mut recorded = recorded;
                    for (turn, before) in recorded.turns.iter_mut().zip(&earlier.turns) {
                        turn.usage = before.usage;
                    }
                    *earlier = recorded;
                }
                None => script.conversations.push(recorded),
            }
            serde_json::to_string_pretty(&*script).map_err(|error| error.to_string())?
        };
        let beside = self.path.with_extension("partial");
        std::fs::write(&beside, text + "\n")
            .and_then(|()| std::fs::rename(&beside, &self.path))
            .map_err(|error| format!("cannot write {}: {error}", self.path.display()))
    }

    /// The run so far, with the answer that has just come.
    fn recorded(&self, captures: &[String], turns: &[Turn], answer: &Answer) -> Result<Recorded, String> {
        let (start, run, round, opening) = turns
            .iter()
            .enumerate()
            .rev()
            .find_map(|(at, turn)| match turn {
                Turn::User { parts } => parts.iter().find_map(|part| match part {
                    UserPart::Text { text } => prompt::opened(text).map(|(kind, round)| (at, kind, round, text)),
                    UserPart::Result { .. } => None,
                }),
                Turn::Assistant { .. } => None,
            })
            .ok_or("the conversation has no opening message")?;
        let mut variables = Variables::new();
        for text in captures {
            if !Pattern::parse(text)?.finds(opening, &mut variables)? {
                return Err(format!("nothing in the task matches `{text}`"));
            }
        }
        let mut recorded = Recorded { run, round, capture: Vec::new(), turns: Vec::new() };
        let mut ids: Vec<String> = Vec::new();
        for turn in &turns[start + 1..] {
            match turn {
                Turn::Assistant { parts } => {
                    ids = parts.iter().filter_map(call_id).collect();
                    recorded.turns.push(written(parts, &variables));
                }
                Turn::User { parts } => {
                    let Some(last) = recorded.turns.last_mut() else { continue };
                    for part in parts {
                        if let UserPart::Result { call, text, .. } = part
                            && let Some(at) = ids.iter().position(|id| id == call)
                            && let Some(call) = last.calls.get_mut(at)
                        {
                            call.answer = Some(self.answer_pattern(text, &variables));
                        }
                    }
                }
            }
        }
        let mut last = written(&answer.parts, &variables);
        last.usage = answer.usage;
        recorded.turns.push(last);
        Ok(recorded)
    }

    /// The pattern for an answer: its text, with variables and wildcards where they belong.
    fn answer_pattern(&self, text: &str, variables: &Variables) -> String {
        let mut spans: Vec<(usize, usize)> = self
            .varying
            .iter()
            .flat_map(|regex| regex.find_iter(text))
            .filter(|found| !found.is_empty())
            .map(|found| (found.start(), found.end()))
            .collect();
        spans.sort_unstable();
        let mut pattern = String::new();
        let mut from = 0;
        for (start, end) in spans {
            if start >= from {
                pattern.push_str(&with_variables(&text[from..start], variables));
                pattern.push_str("{{*}}");
            }
            from = from.max(end);
        }
        pattern + &with_variables(&text[from..], variables)
    }
}

fn call_id(part: &AssistantPart) -> Option<String> {
    match part {
        AssistantPart::Call(call) => Some(call.id.clone()),
        AssistantPart::Text { .. } | AssistantPart::Opaque { .. } => None,
    }
}

fn written(parts: &[AssistantPart], variables: &Variables) -> RecordedTurn {
    let mut turn = RecordedTurn::default();
    for part in parts {
        match part {
            AssistantPart::Text { text } => {
                let text = with_variables(text, variables);
                turn.say = Some(turn.say.take().map_or(text.clone(), |before| format!("{before}\n{text}")));
            }
            AssistantPart::Call(call) => turn.calls.push(RecordedCall {
                tool: call.tool.clone(),
                args: value_with_variables(&call.arguments, variables),
                answer: None,
            }),
            AssistantPart::Opaque { .. } => {}
        }
    }
    turn
}

fn with_variables(text: &str, variables: &Variables) -> String {
    let named = variables
        .iter()
        .filter(|(_, value)| !value.is_empty())
        .find_map(|(name, value)| text.split_once(value.as_str()).map(|halves| (name, halves)));
    match named {
        Some((name, (before, after))) => {
            format!("{}{{{{{name}}}}}{}", with_variables(before, variables), with_variables(after, variables))
        }
        None => quoted(text),
    }
}

fn value_with_variables(value: &Value, variables: &Variables) -> Value {
    match value {
        Value::String(text) => Value::String(with_variables(text, variables)),
        Value::Array(items) => items.iter().map(|item| value_with_variables(item, variables)).collect(),
        Value::Object(fields) => {
            fields.iter().map(|(name, field)| (name.clone(), value_with_variables(field, variables))).collect()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

impl<M: Model> Model for Recorder<M> {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn ask<'a>(&'a self, ask: Ask<'a>) -> BoxFuture<'a, Result<Answer, ModelFault>> {
        async move {
            let answer = self.inner.ask(ask).await?;
            self.record(ask.turns, &answer)
                .map_err(|reason| ModelFault::permanent(format!("the recording failed: {reason}")))?;
            Ok(answer)
        }
        .boxed()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whatever a model says, written with variables and filled again it is the same text.
        #[test]
        fn what_is_written_says_the_same_again(text in "[{}abn:* ]{0,24}") {
            let variables = Variables::from([("n".to_owned(), "ab".to_owned()), ("m".to_owned(), "}{".to_owned())]);
            let written = with_variables(&text, &variables);
            prop_assert_eq!(Pattern::parse(&written).unwrap().fill(&variables).unwrap(), text);
        }
    }
}
