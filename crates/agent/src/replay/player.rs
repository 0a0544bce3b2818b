//! Plays a recording: from the conversation so far to the model's next answer. Keeps nothing between calls, so that a
//! run can be stopped, stored and gone on with, and a server can play for many.

use baton_core::domain::run::RunKind;
use serde_json::Value;

use super::pattern::{Pattern, Variables, first_difference};
use super::script::{Recorded, RecordedTurn, Script};
use crate::conversation::{INTERRUPTED, NOT_RUN, Turn, UserPart, calls_of};
use crate::prompt;

/// Where a run departs from its recording.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Departure {
    /// The conversation is none of Baton's.
    #[error("the replay cannot tell which run this is: no message starts with `Baton run: `")]
    NoRun,
    /// There is no recording of this run.
    #[error("the recording has no conversation for {} round {round}", .kind.name())]
    NotRecorded {
        /// The run's kind.
        kind: RunKind,
        /// Its round.
        round: u32,
    },
    /// The opening message lacks what the recording counts on.
    #[error("the replay of {run} departed before its first turn: nothing in the task matches `{pattern}`")]
    NotInTheTask {
        /// Which run.
        run: String,
        /// The pattern.
        pattern: String,
    },
    /// A tool answered something else than recorded.
    #[error(transparent)]
    Answer(Box<WrongAnswer>),
    /// The conversation has other calls or results than the recording.
    #[error("the replay of {run} departed in turn {turn}: {problem}")]
    Shape {
        /// Which run.
        run: String,
        /// Which turn, from 1.
        turn: usize,
        /// What differs.
        problem: String,
    },
    /// The recording is over and the run is not.
    #[error("the replay of {run} is over after {turns} turns, but the run goes on")]
    Over {
        /// Which run.
        run: String,
        /// Turns recorded.
        turns: usize,
    },
}

/// A tool's answer that the recording does not have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the replay of {run} departed in turn {turn}: `{tool}` answered differently in line {line}\n  \
     expected: {expected}\n  got:      {got}\nThe whole answer was:\n{answer}"
)]
pub struct WrongAnswer {
    /// Which run.
    pub run: String,
    /// Which turn, from 1.
    pub turn: usize,
    /// Which tool.
    pub tool: String,
    /// The first line that differs, from 1.
    pub line: usize,
    /// The recorded line.
    pub expected: String,
    /// The line there now.
    pub got: String,
    /// The answer, shortened.
    pub answer: String,
}

/// One answer of the model in the conversation, and the results it got.
#[derive(Default)]
struct Exchange<'a> {
    calls: Vec<(&'a str, &'a str)>,
    results: Vec<(&'a str, &'a str)>,
    /// Whether some of its calls had no result when the run broke off.
    is_interrupted: bool,
}

/// The model's next answer, its variables filled in, after everything that was answered so far has been compared with
/// the recording.
///
/// # Errors
/// [`Departure`]: where and how the conversation is not the recorded one.
pub fn next_turn(script: &Script, turns: &[Turn]) -> Result<RecordedTurn, Departure> {
    let (kind, round, opening, exchanges) = situation(turns).ok_or(Departure::NoRun)?;
    let exchanges = mended(exchanges);
    let recorded = script.recorded(kind, round).ok_or(Departure::NotRecorded { kind, round })?;
    let run = format!("{} round {round}", kind.name());
    let mut variables = Variables::new();
    for text in script.capture.iter().chain(&recorded.capture) {
        let found = Pattern::parse(text).and_then(|pattern| pattern.finds(opening, &mut variables));
        if found != Ok(true) {
            return Err(Departure::NotInTheTask { run, pattern: text.clone() });
        }
    }
    for (at, exchange) in exchanges.iter().enumerate() {
        compare(recorded, at, exchange, &run, &mut variables)?;
    }
    // Calls that were interrupted are made again, before anything else.
    let made = exchanges.last().filter(|last| last.is_interrupted).map_or(0, |last| last.calls.len());
    let at =
        if exchanges.last().is_some_and(|last| last.is_interrupted) { exchanges.len() - 1 } else { exchanges.len() };
    let over = || Departure::Over { run: run.clone(), turns: recorded.turns.len() };
    let mut next = recorded.turns.get(at).cloned().ok_or_else(over)?;
    next.calls.drain(..made.min(next.calls.len()));
    filled(&next, &variables).map_err(|problem| Departure::Shape { run, turn: at + 1, problem })
}

/// What was interrupted, or never begun because the run was stopped, is as if it had not been called: what the model
/// called when the run went on belongs into the same exchange.
fn mended(exchanges: Vec<Exchange<'_>>) -> Vec<Exchange<'_>> {
    let mut mended: Vec<Exchange<'_>> = Vec::new();
    for mut exchange in exchanges {
        let undone: Vec<&str> = exchange
            .results
            .iter()
            .filter(|(_, text)| [INTERRUPTED, NOT_RUN].contains(text))
            .map(|(id, _)| *id)
            .collect();
        exchange.is_interrupted = !undone.is_empty();
        exchange.calls.retain(|(id, _)| !undone.contains(id));
        exchange.results.retain(|(id, _)| !undone.contains(id));
        match mended.last_mut().filter(|last| last.is_interrupted) {
            Some(last) => {
                last.calls.extend(exchange.calls);
                last.results.extend(exchange.results);
                last.is_interrupted = exchange.is_interrupted;
            }
            None => mended.push(exchange),
        }
    }
    mended
}

/// The latest run of the conversation: what it is, its opening message and the exchanges since.
fn situation(turns: &[Turn]) -> Option<(RunKind, u32, &str, Vec<Exchange<'_>>)> {
    let mut found = None;
    for turn in turns {
        match turn {
            Turn::User { parts } => {
                for part in parts {
                    match part {
                        UserPart::Text { text } => {
                            if let Some((kind, round)) = prompt::opened(text) {
                                found = Some((kind, round, text.as_str(), Vec::new()));
                            }
                        }
                        UserPart::Result { call, text, .. } => {
                            let last = found
                                .as_mut()
                                .and_then(|(.., exchanges): &mut (_, _, _, Vec<Exchange<'_>>)| exchanges.last_mut());
                            if let Some(exchange) = last {
                                exchange.results.push((call, text));
                            }
                        }
                    }
                }
            }
            Turn::Assistant { parts } => {
                if let Some((.., exchanges)) = &mut found {
                    let calls = calls_of(parts).map(|call| (call.id.as_str(), call.tool.as_str())).collect();
                    exchanges.push(Exchange { calls, ..Exchange::default() });
                }
            }
        }
    }
    found
}

/// Holds one exchange against the recorded turn of its number.
fn compare(
    recorded: &Recorded,
    at: usize,
    exchange: &Exchange<'_>,
    run: &str,
    variables: &mut Variables,
) -> Result<(), Departure> {
    let shape = |problem: String| Departure::Shape { run: run.to_owned(), turn: at + 1, problem };
    let turn =
        recorded.turns.get(at).ok_or_else(|| Departure::Over { run: run.to_owned(), turns: recorded.turns.len() })?;
    let said: Vec<&str> = exchange.calls.iter().map(|(_, tool)| *tool).collect();
    let wanted: Vec<&str> = turn.calls.iter().map(|call| call.tool.as_str()).collect();
    if said != wanted && !(exchange.is_interrupted && wanted.starts_with(&said)) {
        return Err(shape(format!("the conversation called {said:?}, the recording calls {wanted:?}")));
    }
    for ((id, tool), call) in exchange.calls.iter().zip(&turn.calls) {
        let result = exchange.results.iter().find(|(answered, _)| answered == id);
        let Some((_, text)) = result else {
            return Err(shape(format!("the call of `{tool}` has no result")));
        };
        let Some(wanted) = &call.answer else {
            return Err(shape(format!("`{tool}` should have ended the run, but was answered: {}", shortened(text))));
        };
        let matches = Pattern::parse(wanted).and_then(|pattern| pattern.matches(text, variables)).map_err(shape)?;
        if !matches {
            let (line, expected, got) = first_difference(wanted, text, variables);
            return Err(Departure::Answer(Box::new(WrongAnswer {
                run: run.to_owned(),
                turn: at + 1,
                tool: (*tool).to_owned(),
                line,
                expected: shortened(&expected),
                got: shortened(&got),
                answer: shortened(text),
            })));
        }
    }
    Ok(())
}

/// The turn with the variables' values in every text.
fn filled(turn: &RecordedTurn, variables: &Variables) -> Result<RecordedTurn, String> {
    let mut turn = turn.clone();
    for text in turn.say.iter_mut().chain(&mut turn.think) {
        *text = Pattern::parse(text)?.fill(variables)?;
    }
    for call in &mut turn.calls {
        fill_value(&mut call.args, variables)?;
    }
    Ok(turn)
}

fn fill_value(value: &mut Value, variables: &Variables) -> Result<(), String> {
    match value {
        Value::String(text) => *text = Pattern::parse(text)?.fill(variables)?,
        Value::Array(items) => items.iter_mut().try_for_each(|item| fill_value(item, variables))?,
        Value::Object(fields) => fields.values_mut().try_for_each(|field| fill_value(field, variables))?,
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
    Ok(())
}

fn shortened(text: &str) -> String {
    const LIMIT: usize = 1_500;
    if text.len() <= LIMIT {
        return text.to_owned();
    }
    format!("{} […]", &text[..text.floor_char_boundary(LIMIT)])
}
