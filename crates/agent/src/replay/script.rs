//! The recording as a file: reads it, checks it before anything runs, writes it. The format is described in `replay`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use baton_core::domain::run::RunKind;
use baton_core::domain::usage::Usage;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::pattern::Pattern;
use crate::catalogue;

/// A recording, checked: every pattern parses and every variable is captured before it is used.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Script {
    baton_replay: u32,
    /// What people see wherever the replay shows.
    pub label: String,
    /// Patterns found in every opening message.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub capture: Vec<String>,
    /// The runs.
    pub conversations: Vec<Recorded>,
}

/// One run's recording.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recorded {
    /// What the run was for.
    pub run: RunKind,
    /// Counts the runs of the kind from 1.
    #[serde(default = "first")]
    pub round: u32,
    /// Patterns found in this run's opening message.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub capture: Vec<String>,
    /// The model's answers.
    pub turns: Vec<RecordedTurn>,
}

/// One answer of the model.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordedTurn {
    /// Text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub say: Option<String>,
    /// Hidden reasoning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub think: Option<String>,
    /// Tool calls.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub calls: Vec<RecordedCall>,
    /// What the answer used.
    #[serde(default, skip_serializing_if = "is_default")]
    pub usage: Usage,
}

/// One tool call and what was answered to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordedCall {
    /// The tool's name.
    pub tool: String,
    /// Its arguments.
    pub args: Value,
    /// The pattern the answer must match.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
}

/// Why a file is not a recording.
#[derive(Debug, thiserror::Error)]
pub enum ScriptFault {
    /// It cannot be read.
    #[error("cannot read the replay {path}: {source}; check the path and its permissions")]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is not in the format.
    #[error("not a replay: {0}")]
    Malformed(#[from] serde_json::Error),
    /// It is in the format, and makes no sense.
    #[error("not a replay: {place}: {problem}")]
    Invalid {
        /// Where in the file.
        place: String,
        /// What is wrong.
        problem: String,
    },
}

const FORMAT: u32 = 1;

fn first() -> u32 {
    1
}

fn is_default(usage: &Usage) -> bool {
    *usage == Usage::default()
}

impl Script {
    /// An empty recording.
    #[must_use]
    pub fn new(label: impl Into<String>) -> Self {
        Self { baton_replay: FORMAT, label: label.into(), capture: Vec::new(), conversations: Vec::new() }
    }

    /// Reads and checks a file.
    ///
    /// # Errors
    /// [`ScriptFault`].
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, ScriptFault> {
        let path = path.as_ref();
        let text = std::fs::read_to_string(path)
            .map_err(|source| ScriptFault::Unreadable { path: path.to_owned(), source })?;
        Self::from_json(&text)
    }

    /// Reads and checks a text.
    ///
    /// # Errors
    /// [`ScriptFault`].
    pub fn from_json(text: &str) -> Result<Self, ScriptFault> {
        let script: Self = serde_json::from_str(text)?;
        script.check().map_err(|(place, problem)| ScriptFault::Invalid { place, problem })?;
        Ok(script)
    }

    /// The recording of one run.
    pub(crate) fn recorded(&self, kind: RunKind, round: u32) -> Option<&Recorded> {
        self.conversations.iter().find(|one| one.run == kind && one.round == round)
    }

    fn check(&self) -> Result<(), (String, String)> {
        if self.baton_replay != FORMAT {
            let problem = format!("format {} is not known, this Baton reads {FORMAT}", self.baton_replay);
            return Err(("baton_replay".to_owned(), problem));
        }
        let mut known = BTreeSet::new();
        check_captures(&self.capture, "the file", &mut known)?;
        let mut seen = BTreeSet::new();
        for conversation in &self.conversations {
            let place = format!("{} round {}", conversation.run.name(), conversation.round);
            if !seen.insert(place.clone()) {
                return Err((place, "recorded twice".to_owned()));
            }
            let mut known = known.clone();
            check_captures(&conversation.capture, &place, &mut known)?;
            for (at, turn) in conversation.turns.iter().enumerate() {
                turn.check(&mut known).map_err(|problem| (format!("{place}, turn {}", at + 1), problem))?;
            }
        }
        Ok(())
    }
}

fn check_captures(patterns: &[String], place: &str, known: &mut BTreeSet<String>) -> Result<(), (String, String)> {
    for text in patterns {
        check_pattern(text, known).map_err(|problem| (format!("capture of {place}"), problem))?;
    }
    Ok(())
}

fn check_pattern(text: &str, known: &mut BTreeSet<String>) -> Result<(), String> {
    let pattern = Pattern::parse(text)?;
    let (declared, used) = pattern.names();
    unknown(&used, known)?;
    known.extend(declared.into_iter().map(str::to_owned));
    Ok(())
}

fn check_template(text: &str, known: &BTreeSet<String>) -> Result<(), String> {
    let pattern = Pattern::parse(text)?;
    if !pattern.is_template() {
        return Err(format!("what the model says cannot have a wildcard: {text}"));
    }
    unknown(&pattern.names().1, known)
}

fn unknown(used: &[&str], known: &BTreeSet<String>) -> Result<(), String> {
    match used.iter().find(|name| !known.contains(**name)) {
        Some(name) => Err(format!("nothing before it captures the variable `{name}`")),
        None => Ok(()),
    }
}

impl RecordedTurn {
    fn check(&self, known: &mut BTreeSet<String>) -> Result<(), String> {
        for text in self.say.iter().chain(&self.think) {
            check_template(text, known)?;
        }
        for call in &self.calls {
            check_value(&call.args, known)?;
        }
        for call in &self.calls {
            match &call.answer {
                Some(pattern) => check_pattern(pattern, known)?,
                None if catalogue::ends_a_run(&call.tool) => {}
                None => return Err(format!("the call of `{}` has no recorded answer", call.tool)),
            }
        }
        Ok(())
    }
}

fn check_value(value: &Value, known: &BTreeSet<String>) -> Result<(), String> {
    match value {
        Value::String(text) => check_template(text, known),
        Value::Array(items) => items.iter().try_for_each(|item| check_value(item, known)),
        Value::Object(fields) => fields.values().try_for_each(|field| check_value(field, known)),
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
    }
}
