//! The repositories of `fixtures/repos`: their issues, and what an agent says and does about them.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

/// One of the repositories, and its name on GitHub.
#[derive(Clone, Copy)]
pub struct Story {
    folder: &'static str,
    pub repository: &'static str,
    /// The place of the issue's text where the nonce stands.
    before_nonce: &'static str,
}

pub const PYTHON: Story =
    Story { folder: "python-dotfile", repository: "acme/dotfile", before_nonce: "change record for this is `" };
pub const RUST: Story =
    Story { folder: "rust-timespan", repository: "acme/timespan", before_nonce: "Our support tracks this as `" };
pub const JAVASCRIPT: Story =
    Story { folder: "javascript-hotshelf", repository: "acme/hotshelf", before_nonce: "we track this as `" };

/// Commands that the agent runs in between, so that there is something to interrupt or to look at.
#[derive(Clone, Default)]
pub struct Pace {
    /// While it plans.
    pub planning: Option<String>,
    /// While it works.
    pub working: Option<String>,
    /// In a test that the agent adds, so that taking the evidence takes its time. For Python only.
    pub testing: Option<String>,
}

/// A command that can be recognised among all processes, and that takes so many seconds.
pub fn marked(seconds: u32) -> String {
    format!("sleep {seconds}.{:09}", rand::random::<u32>() % 1_000_000_000)
}

impl Story {
    pub fn tree(self) -> PathBuf {
        fixtures().join("repos").join(self.folder).join("tree")
    }

    /// Title and body.
    pub fn issue(self, nonce: &str) -> (String, String) {
        let text = self.read("ISSUE.md");
        let (title, body) = text.split_once('\n').unwrap();
        (title.to_owned(), body.trim_start().replace("{{nonce}}", nonce))
    }

    /// The recorded conversation of `fixtures/replays`.
    pub fn recording(self) -> PathBuf {
        fixtures().join("replays").join(format!("{}-right.json", self.folder))
    }

    /// A conversation made of the right edit of `solution.md`, whatever the tools answer.
    pub fn conversation(self, pace: &Pace) -> Value {
        let run = |command: &Option<String>| {
            let calls = command.iter().map(|command| call("run", json!({ "command": command })));
            calls.map(|call| json!({ "calls": [call] })).collect::<Vec<_>>()
        };
        let mut edits = edits(&self.read("solution.md"));
        edits.extend(pace.testing.iter().map(|command| call("write", slow_test(command))));
        let files: Vec<&str> = edits.iter().map(|edit| edit["args"]["path"].as_str().unwrap()).collect();
        let plan = json!({
            "goal": "Mend what the issue describes.", "files": files, "risks": [], "questions": [],
            "steps": ["Mend it.", "Add the test that shows it.", "Mention {{nonce}} in the changelog."],
            "testing": "The repository's own tests, and the new one.",
        });
        let reading = json!({ "say": "Reading.", "calls": [call("list", json!({}))] });
        let planning = [vec![reading], run(&pace.planning), vec![end("submit_plan", plan)]].concat();
        let editing = json!({ "say": "Editing.", "calls": edits });
        let finish = end("finish", json!({ "summary": "Mended, with a test; the changelog names {{nonce}}." }));
        let working = [run(&pace.working), vec![editing, finish]].concat();
        json!({
            "baton_replay": 1,
            "label": "the right edit",
            "capture": [format!("{}{{{{nonce:CR-[0-9A-F]{{8}}}}}}`", self.before_nonce)],
            "conversations": [
                { "run": "plan", "turns": with_usage(planning) },
                { "run": "implement", "turns": with_usage(working) },
            ],
        })
    }

    fn read(self, file: &str) -> String {
        fs::read_to_string(fixtures().join("repos").join(self.folder).join(file)).unwrap()
    }
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

fn call(tool: &str, args: Value) -> Value {
    json!({ "tool": tool, "args": args, "answer": "{{*}}" })
}

fn slow_test(command: &str) -> Value {
    let content = format!(
        "import subprocess\nimport unittest\n\n\nclass Slow(unittest.TestCase):\n    def test_takes_its_time(self):\n        \
         subprocess.run({command:?}.split(), check=True)\n"
    );
    json!({ "path": "tests/test_slow.py", "content": content })
}

fn end(tool: &str, args: Value) -> Value {
    json!({ "calls": [{ "tool": tool, "args": args }] })
}

fn with_usage(mut turns: Vec<Value>) -> Vec<Value> {
    for turn in &mut turns {
        turn["usage"] = json!({ "input_tokens": 1000, "output_tokens": 100, "cost": 4000 });
    }
    turns
}

/// The right edit of a `solution.md`, as calls of the tools `edit` and `write`.
fn edits(solution: &str) -> Vec<Value> {
    let right = solution.split_once("## Right edit\n").unwrap().1;
    let right = right.split_once("\n## Wrong edit\n").unwrap().0;
    let mut calls = Vec::new();
    for part in right.split("\n### `").skip(1) {
        let (path, rest) = part.split_once('`').unwrap();
        let blocks: Vec<&str> =
            rest.split("\n````").skip(1).step_by(2).map(|it| it.split_once('\n').unwrap().1).collect();
        match blocks.as_slice() {
            [content] if rest.starts_with(" (new file)") => {
                calls.push(call("write", json!({ "path": path, "content": format!("{content}\n") })));
            }
            pairs => calls.extend(pairs.chunks(2).map(|pair| {
                call("edit", json!({ "path": path, "old": format!("{}\n", pair[0]), "new": format!("{}\n", pair[1]) }))
            })),
        }
    }
    assert!(calls.len() >= 3, "a source file, a test and the changelog");
    // Braces in a file are no variables; the nonce is one.
    serde_json::from_str(
        &json!(calls)
            .to_string()
            .replace("{{", "{{{}}")
            .replace("{{{}}*}}", "{{*}}")
            .replace("{{{}}nonce}}", "{{nonce}}"),
    )
    .unwrap()
}
