//! Recorded model conversations: their format, the agent that replays one, the wrapper that records one.
//!
//! A recording is a JSON file. It holds what a *model* said; tools are really run, and what they answer now must match
//! what they answered then, else the run fails and says where it departed.
//!
//! | Key | In | Meaning |
//! |---|---|---|
//! | `baton_replay` | file | the version of the format: `1` |
//! | `label` | file | what people see wherever the replay shows: `replay: LABEL` |
//! | `capture` | file, conversation | patterns that must be found somewhere in the run's opening message (the text, the plan, the feedback); they declare variables |
//! | `conversations` | file | a list; a run takes the one of its kind and round |
//! | `run` | conversation | `plan`, `implement` or `revise` |
//! | `round` | conversation | counts the runs of a kind in one task from 1 (the default) |
//! | `turns` | conversation | the model's answers, in order |
//! | `say` | turn | text (optional) |
//! | `think` | turn | hidden reasoning, which the scripted server sends as the API at hand does (optional) |
//! | `calls` | turn | tool calls, performed in order |
//! | `usage` | turn | `input_tokens`, `cache_read_tokens`, `cache_write_tokens`, `output_tokens`, `cost` in millionths of a dollar (all optional) |
//! | `tool`, `args` | call | what is called |
//! | `answer` | call | a pattern that the whole answer must match, as the model reads it: a failed command's answer starts with the line `[exit status N]`, another failed tool's with `[failed]`, a refused call's with `[refused]`. Required unless the call ends the run |
//!
//! In patterns (`capture`, `answer`):
//!
//! | Token | Matches |
//! |---|---|
//! | `{{*}}` | any text, also none, across lines |
//! | `{{NAME:REGEX}}` | what the regular expression matches, and keeps it as the variable NAME |
//! | `{{NAME}}` | the variable's value |
//! | `{{{}}` | two opening braces |
//!
//! Everything else matches itself; line ends at the very end do not count. In `say`, `think` and every string of `args`,
//! `{{NAME}}` stands for the variable's value and `{{{}}` for two opening braces. A variable can be used once something
//! before it has captured it: so a recording can carry a text that did not exist when it was recorded.

mod pattern;
mod player;
mod recorder;
mod script;

use std::path::Path;

use baton_core::domain::run::{AgentEvent, RunOutcome, RunRequest};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

pub use player::{Departure, WrongAnswer, next_turn};
pub use recorder::Recorder;
pub use script::{Recorded, RecordedCall, RecordedTurn, Script, ScriptFault};

use crate::agent::{Agent, AgentFailure};
use crate::conversation::{AssistantPart, Call};
use crate::fence::Nonces;
use crate::model::{Answer, Ask, Model, ModelFault, Stop};
use crate::native::Retries;
use crate::port::ToolPort;
use crate::session::{self, Channels, Limits};

/// An agent whose model is a recording.
#[derive(Clone, Debug)]
pub struct Replay {
    model: ReplayModel,
    nonces: Nonces,
}

/// The recording as a model: a pure function of the conversation so far.
#[derive(Clone, Debug)]
struct ReplayModel {
    script: Script,
    name: String,
}

impl Replay {
    /// Reads a recording.
    ///
    /// # Errors
    /// [`ScriptFault`] when the file cannot be read or is not a recording.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, ScriptFault> {
        Script::from_file(path).map(Self::new)
    }

    /// Reads a recording from its text.
    ///
    /// # Errors
    /// [`ScriptFault`] when it is not a recording.
    pub fn from_json(text: &str) -> Result<Self, ScriptFault> {
        Script::from_json(text).map(Self::new)
    }

    /// An agent that replays this recording.
    #[must_use]
    pub fn new(script: Script) -> Self {
        let name = format!("replay: {}", script.label);
        Self { model: ReplayModel { script, name }, nonces: Nonces::random() }
    }

    /// What people see: `replay: LABEL`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.model.name
    }
}

impl std::str::FromStr for Replay {
    type Err = ScriptFault;

    fn from_str(text: &str) -> Result<Self, ScriptFault> {
        Self::from_json(text)
    }
}

impl Model for ReplayModel {
    fn name(&self) -> &str {
        &self.name
    }

    fn ask<'a>(&'a self, ask: Ask<'a>) -> BoxFuture<'a, Result<Answer, ModelFault>> {
        let answer = next_turn(&self.script, ask.turns)
            .map(answer)
            .map_err(|departure| ModelFault::permanent(format!("{}: {departure}", self.name)));
        std::future::ready(answer).boxed()
    }
}

fn answer(turn: RecordedTurn) -> Answer {
    let text = turn.say.map(|text| AssistantPart::Text { text });
    let calls = turn.calls.into_iter().map(|call| {
        // The conversation gives every call its id.
        AssistantPart::Call(Call { id: String::new(), tool: call.tool, arguments: call.args })
    });
    let mut usage = turn.usage;
    usage.calls = 1;
    Answer { parts: text.into_iter().chain(calls).collect(), usage, stop: Stop::Done }
}

impl Agent for Replay {
    fn run(
        &self,
        request: RunRequest,
        tools: ToolPort,
        events: mpsc::Sender<AgentEvent>,
        cancel: CancellationToken,
    ) -> BoxFuture<'_, Result<RunOutcome, AgentFailure>> {
        async move {
            // A recording is compared with the whole conversation, so nothing may be left out of it.
            let limits = Limits { context_window: None, max_output_tokens: 0, retries: Retries::default() };
            let channels = Channels { tools, events, cancel };
            session::conduct("replay", &self.model, &limits, &self.nonces.draw(), request, channels).await
        }
        .boxed()
    }
}
