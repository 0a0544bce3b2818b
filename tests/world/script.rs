//! Agents from texts built in the test: what the model says is written here, what its tools do is done for real.

use baton_agent::replay::{Recorded, RecordedCall, RecordedTurn, Script};
use baton_core::domain::run::RunKind;
use baton_core::domain::usage::{MicroDollars, Usage};
use serde_json::{Value, json};

/// Stands in the command of a tool that waits to be stopped.
pub const WAITS: &str = "sleep 600";

/// Stands in the answer of a tool that was waited for to its end.
pub const WAITED: &str = "slept well";

/// An agent in the making.
#[derive(Clone, Debug)]
pub struct Agent {
    script: Script,
}

/// One tool call of the model, alone in its turn.
#[derive(Clone, Debug)]
pub struct Call {
    tool: &'static str,
    args: Value,
    answer: Option<String>,
}

impl Call {
    /// What the tool has to answer, or the replay departs.
    pub fn answered(mut self, pattern: &str) -> Self {
        self.answer = Some(pattern.to_owned());
        self
    }
}

fn call(tool: &'static str, args: Value) -> Call {
    Call { tool, args, answer: Some("{{*}}".to_owned()) }
}

fn end(tool: &'static str, args: Value) -> Call {
    Call { tool, args, answer: None }
}

/// Replaces a text in a file.
pub fn edit(path: &str, old: &str, new: &str) -> Call {
    call("edit", json!({"path": path, "old": old, "new": new}))
}

/// Writes a file.
pub fn write(path: &str, content: &str) -> Call {
    call("write", json!({"path": path, "content": content}))
}

/// Runs a command.
pub fn run(command: &str) -> Call {
    call("run", json!({"command": command}))
}

/// Runs a command that does not end by itself.
pub fn wait() -> Call {
    call("run", json!({"command": format!("{WAITS} && echo {WAITED}")}))
}

/// Ends an implementing or revising run.
pub fn finish(summary: &str) -> Call {
    end("finish", json!({"summary": summary}))
}

/// Ends a run without a change.
pub fn nothing(reason: &str, explanation: &str) -> Call {
    end("finish_without_change", json!({"reason": reason, "explanation": explanation}))
}

/// Ends a planning run.
pub fn plan(goal: &str, files: &[&str]) -> Call {
    end(
        "submit_plan",
        json!({
            "goal": goal,
            "files": files,
            "steps": ["Greet with the right word.", "Add a case that shows it."],
            "testing": "A new case greets Ada; it fails now.",
            "risks": ["Scripts that parse the old greeting."],
            "questions": [],
        }),
    )
}

/// The edit that is right.
pub fn right_edit() -> Call {
    edit("greet.sh", "Helo", "Hello")
}

/// The case that shows it.
pub fn new_case() -> Call {
    write("tests/ada.case", "Ada\nHello, Ada!\n")
}

/// The plan most stories approve.
pub fn usual_plan() -> Call {
    plan("The greeting is spelt `Hello`.", &["greet.sh", "tests/ada.case"])
}

impl Agent {
    /// An agent that does nothing yet.
    pub fn new(label: &str) -> Self {
        Self { script: Script::new(label) }
    }

    /// An agent that plans as usual and carries the plan out well.
    pub fn steady() -> Self {
        Self::new("steady").plans(vec![usual_plan()]).implements(vec![
            right_edit(),
            new_case(),
            finish("The greeting says `Hello` now; a new case shows it."),
        ])
    }

    /// An agent that plans as usual and then does this.
    pub fn that(calls: Vec<Call>) -> Self {
        Self::new("steady").plans(vec![usual_plan()]).implements(calls)
    }

    /// What it does when it plans.
    pub fn plans(self, calls: Vec<Call>) -> Self {
        self.with(RunKind::Plan, 1, calls)
    }

    /// What it does when it is asked for a plan once more.
    pub fn plans_again(self, round: u32, calls: Vec<Call>) -> Self {
        self.with(RunKind::Plan, round, calls)
    }

    /// What it does when it implements.
    pub fn implements(self, calls: Vec<Call>) -> Self {
        self.with(RunKind::Implement, 1, calls)
    }

    /// What it does when it is sent back.
    pub fn revises(self, round: u32, calls: Vec<Call>) -> Self {
        self.with(RunKind::Revise, round, calls)
    }

    /// Only tasks whose opening text matches this pattern are known to it.
    pub fn counts_on(mut self, pattern: &str) -> Self {
        self.script.capture.push(pattern.to_owned());
        self
    }

    fn with(mut self, run: RunKind, round: u32, calls: Vec<Call>) -> Self {
        let turns = calls.into_iter().map(turn).collect();
        self.script.conversations.push(Recorded { run, round, capture: Vec::new(), turns });
        self
    }

    /// The recording's text.
    pub fn text(&self) -> String {
        serde_json::to_string_pretty(&self.script).expect("a recording is JSON")
    }
}

fn turn(call: Call) -> RecordedTurn {
    let usage = Usage { input_tokens: 1_000, output_tokens: 100, cost: MicroDollars(4_000), ..Usage::default() };
    let recorded = RecordedCall { tool: call.tool.to_owned(), args: call.args, answer: call.answer };
    RecordedTurn { say: None, think: None, calls: vec![recorded], usage }
}
