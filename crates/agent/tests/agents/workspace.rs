//! A workspace behind the tool port, the recording that mends it, and what is seen of a run.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use baton_agent::{Agent, AgentFailure, Script, tool_port};
use baton_core::domain::ids::{RunId, TaskId};
use baton_core::domain::plan::PlanDraft;
use baton_core::domain::run::{AgentEvent, RunKind, RunOutcome, RunRequest, Spent};
use baton_core::domain::tool::{ToolReply, ToolRequest};
use baton_core::domain::usage::RunBudget;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Files in memory, changed for real by the calls; its one command tests what the file says now.
#[derive(Clone, Debug)]
pub struct Workspace(Arc<Mutex<BTreeMap<String, String>>>);

impl Workspace {
    pub fn broken() -> Self {
        let files = BTreeMap::from([("src/add.py".to_owned(), "def add(a, b):\n    return a - b\n".to_owned())]);
        Self(Arc::new(Mutex::new(files)))
    }

    pub fn file(&self, path: &str) -> String {
        self.0.lock().unwrap().get(path).cloned().unwrap_or_default()
    }

    fn serve(&self, request: &ToolRequest) -> ToolReply {
        let mut files = self.0.lock().unwrap();
        let reply = |ok, text: &str, exit| ToolReply { ok, text: text.to_owned(), exit };
        match request {
            ToolRequest::Read { path, .. } => match files.get(path) {
                Some(text) => {
                    let lines = text.lines().enumerate().map(|(at, line)| format!("{:>4}  {line}\n", at + 1));
                    reply(true, &lines.collect::<String>(), None)
                }
                None => reply(false, "no such file", None),
            },
            ToolRequest::Edit { path, old, new, .. } => match files.get_mut(path) {
                Some(text) if text.matches(old.as_str()).count() == 1 => {
                    *text = text.replace(old, new);
                    reply(true, &format!("edited {path}"), None)
                }
                _ => reply(false, "the text does not occur exactly once", None),
            },
            ToolRequest::Write { path, content } => {
                files.insert(path.clone(), content.clone());
                reply(true, &format!("wrote {path}"), None)
            }
            ToolRequest::Run { .. } if files["src/add.py"].contains("a + b") => {
                reply(true, "1 passed in 0.03s", Some(0))
            }
            ToolRequest::Run { .. } => reply(false, "1 failed in 0.04s", Some(1)),
            ToolRequest::List { .. } | ToolRequest::Search { .. } => {
                reply(true, &files.keys().cloned().collect::<Vec<_>>().join("\n"), None)
            }
        }
    }
}

pub fn request(kind: RunKind, nonce: &str) -> RunRequest {
    let plan = PlanDraft {
        goal: "Add".to_owned(),
        files: vec![],
        steps: vec!["Mend".to_owned()],
        testing: "Run it".to_owned(),
        risks: vec![],
        questions: vec![],
    };
    RunRequest {
        run: RunId { task: TaskId(1), number: 1 },
        kind,
        repository: "acme/app".to_owned(),
        issue_number: 7,
        title: "add subtracts".to_owned(),
        body: format!("add(1, 1) gives 0.\n\nPut the marker {nonce} into the docstring."),
        comments: vec![],
        instructions: vec![],
        commands: vec!["pytest".to_owned()],
        plan: (kind != RunKind::Plan).then_some(plan),
        revise: None,
        feedback: (kind == RunKind::Revise).then(|| "test_docs fails".to_owned()),
        budget: RunBudget::default(),
        spent: Spent::default(),
        conversation: None,
    }
}

/// A plan, a mending, and a mending of the mending.
pub fn recording() -> Value {
    let usage = json!({ "input_tokens": 100, "cache_read_tokens": 1000, "output_tokens": 20 });
    json!({
        "baton_replay": 1,
        "label": "mend add",
        "capture": ["the marker {{nonce:[0-9a-f]{6,}}} into"],
        "conversations": [
            { "run": "plan", "turns": [
                { "say": "I read it first.", "think": "Where is it?", "usage": usage,
                  "calls": [{ "tool": "read", "args": { "path": "src/add.py" },
                              "answer": "   1  def add(a, b):\n   2      return a - b\n" }] },
                { "calls": [{ "tool": "submit_plan", "args": {
                    "goal": "add adds, marked {{nonce}}", "files": ["src/add.py"], "steps": ["Mend add"],
                    "testing": "pytest" } }] },
            ]},
            { "run": "implement", "turns": [
                { "think": "It fails, surely.", "usage": usage,
                  "calls": [{ "tool": "run", "args": { "command": "pytest" },
                              "answer": "[exit status 1]\n{{failed:\\d+}} failed in {{*}}s" }] },
                { "say": "{{failed}} test fails. {{{}}é}}", "think": "Two edits.", "usage": usage, "calls": [
                    { "tool": "edit", "args": { "path": "src/add.py", "old": "a - b", "new": "a + b" },
                      "answer": "edited src/add.py" },
                    { "tool": "edit", "args": { "path": "src/add.py", "old": "):\n",
                      "new": "):\n    \"\"\"{{nonce}}\"\"\"\n" }, "answer": "edited {{*}}" }] },
                { "usage": usage, "calls": [{ "tool": "run", "args": { "command": "pytest" }, "answer": "1 passed in {{*}}s" }] },
                { "say": "Done.", "calls": [{ "tool": "finish", "args": { "summary": "add adds ({{nonce}})" } }] },
            ]},
            { "run": "revise", "capture": ["{{test:test_[a-z]+}} fails"], "turns": [
                { "calls": [{ "tool": "write", "args": { "path": "docs.md", "content": "{{nonce}} {{test}}\n" },
                              "answer": "wrote docs.md" }] },
                { "calls": [{ "tool": "finish", "args": { "summary": "wrote the docs" } }] },
            ]},
        ],
    })
}

pub fn script() -> Script {
    Script::from_json(&recording().to_string()).unwrap()
}

/// A finished run and what was told about it.
#[derive(Debug)]
pub struct Ran {
    pub outcome: Result<RunOutcome, AgentFailure>,
    pub events: Vec<AgentEvent>,
}

impl Ran {
    /// The events as lines: what a transcript would show, the used tokens aside.
    pub fn transcript(&self) -> String {
        let lines = self.events.iter().filter_map(|event| match event {
            AgentEvent::Used { .. } => None,
            AgentEvent::Started { agent, model } => Some(format!("started {agent} {model}")),
            AgentEvent::Text { text } => Some(format!("says {text}")),
            AgentEvent::ToolStarted { request, .. } => Some(format!("calls {}", request.name())),
            AgentEvent::ToolFinished { reply, .. } => Some(format!(
                "gets {} {}",
                if reply.ok { "ok" } else { "not ok" },
                reply.text.lines().next().unwrap_or("")
            )),
            AgentEvent::Retrying { reason, .. } => Some(format!("retries: {reason}")),
            AgentEvent::Notice { text } => Some(format!("notice: {text}")),
        });
        lines.collect::<Vec<_>>().join("\n")
    }
}

pub async fn run(agent: &dyn Agent, request: RunRequest, workspace: &Workspace, cancel: CancellationToken) -> Ran {
    let (tools, mut served) = tool_port();
    let workspace = workspace.clone();
    tokio::spawn(async move {
        while let Some(call) = served.next().await {
            let reply = workspace.serve(&call.request);
            call.answer(reply);
        }
    });
    let (events, mut told) = mpsc::channel(8);
    let keeper = tokio::spawn(async move {
        let mut kept = Vec::new();
        while let Some(event) = told.recv().await {
            kept.push(event);
        }
        kept
    });
    let outcome = agent.run(request, tools, events, cancel).await;
    Ran { outcome, events: keeper.await.unwrap() }
}

pub async fn run_to_end(agent: &dyn Agent, request: RunRequest, workspace: &Workspace) -> Ran {
    run(agent, request, workspace, CancellationToken::new()).await
}
