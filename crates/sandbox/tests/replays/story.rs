//! A story: what the model says and calls in each run of a task, before anything was answered.

use baton_agent::Script;
use serde_json::{Value, json};

/// One recording to be made: `NAME.json` in `fixtures/replays`.
pub struct Story {
    /// The file's name, without its ending.
    pub name: &'static str,
    /// The sample repository.
    pub repository: &'static str,
    /// The label that people see.
    pub label: &'static str,
    /// What is captured from every opening message.
    pub capture: &'static str,
    /// The runs, in order.
    pub runs: Vec<Run>,
}

/// One run of a story.
pub struct Run {
    /// `plan`, `implement` or `revise`.
    pub kind: &'static str,
    /// Counts the runs of its kind from 1.
    pub round: u32,
    /// What is captured from its opening message besides.
    pub capture: Option<&'static str>,
    /// The model's answers.
    pub turns: Vec<Value>,
}

/// Every story there is.
pub fn all() -> Vec<Story> {
    use crate::{javascript, python, rust};
    vec![python::right(), python::wrong(), rust::right(), rust::wrong(), javascript::right(), javascript::wrong()]
}

/// The story of this name.
pub fn named(name: &str) -> Story {
    all().into_iter().find(|story| story.name == name).unwrap_or_else(|| panic!("there is no story {name}"))
}

impl Story {
    /// Whether its edit mends the bug.
    pub fn is_right(&self) -> bool {
        self.name.ends_with("-right")
    }

    /// The recording with answers that are still anything.
    pub fn draft(&self) -> Script {
        let runs: Vec<Value> = self
            .runs
            .iter()
            .map(|run| {
                let capture: Vec<&str> = run.capture.into_iter().collect();
                json!({ "run": run.kind, "round": run.round, "capture": capture, "turns": run.turns })
            })
            .collect();
        let draft = json!({ "baton_replay": 1, "label": self.label, "capture": [self.capture], "conversations": runs });
        Script::from_json(&draft.to_string()).unwrap_or_else(|fault| panic!("{}: {fault}", self.name))
    }
}

pub fn plan(turns: Vec<Value>) -> Run {
    Run { kind: "plan", round: 1, capture: None, turns }
}

pub fn implement(turns: Vec<Value>) -> Run {
    Run { kind: "implement", round: 1, capture: None, turns }
}

pub fn revise(round: u32, capture: &'static str, turns: Vec<Value>) -> Run {
    Run { kind: "revise", round, capture: Some(capture), turns }
}

/// One answer of the model.
pub fn turn(say: &str, calls: Vec<Value>) -> Value {
    json!({ "say": say, "calls": calls })
}

/// A call whose answer is not known yet.
pub fn call(tool: &str, args: Value) -> Value {
    json!({ "tool": tool, "args": args, "answer": "{{*}}" })
}

pub fn list() -> Value {
    call("list", json!({}))
}

pub fn read(path: &str) -> Value {
    call("read", json!({ "path": path }))
}

pub fn read_from(path: &str, from_line: u32, lines: u32) -> Value {
    call("read", json!({ "path": path, "from_line": from_line, "lines": lines }))
}

pub fn search(pattern: &str, path: &str) -> Value {
    call("search", json!({ "pattern": pattern, "path": path }))
}

pub fn edit(path: &str, old: &str, new: &str) -> Value {
    call("edit", json!({ "path": path, "old": said(old), "new": said(new) }))
}

pub fn run(command: &str) -> Value {
    call("run", json!({ "command": command }))
}

/// A command that compiles, which takes its time on a small machine.
pub fn build(command: &str) -> Value {
    call("run", json!({ "command": command, "timeout_seconds": 600 }))
}

/// Ends a run with its work done.
pub fn finish(summary: &str) -> Value {
    json!({ "tool": "finish", "args": { "summary": summary } })
}

/// Ends a planning run.
pub fn submit_plan(plan: Value) -> Value {
    json!({ "tool": "submit_plan", "args": plan })
}

/// A text in which two opening braces are only that.
pub fn said(text: &str) -> String {
    text.replace("{{", "{{{}}")
}
