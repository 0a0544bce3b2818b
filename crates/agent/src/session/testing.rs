//! What the tests of the loop share: a request, a model that follows a list, a port that is served.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use baton_core::domain::ids::{RunId, TaskId};
use baton_core::domain::plan::PlanDraft;
use baton_core::domain::run::{AgentEvent, RunKind, RunOutcome, RunRequest, Spent, TrustedComment};
use baton_core::domain::tool::{ToolReply, ToolRequest};
use baton_core::domain::usage::{MicroDollars, RunBudget, Usage};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{Channels, Limits, conduct};
use crate::agent::AgentFailure;
use crate::conversation::{AssistantPart, Call, Conversation, Turn, well_formed};
use crate::fence::Nonces;
use crate::model::{Answer, Ask, Model, ModelFault, Stop};
use crate::native::Retries;
use crate::port::tool_port;

pub(crate) fn request(kind: RunKind) -> RunRequest {
    let plan = PlanDraft {
        goal: "Add correctly".to_owned(),
        files: vec!["src/lib.rs".to_owned()],
        steps: vec!["Mend add".to_owned()],
        testing: "A test of add".to_owned(),
        risks: vec![],
        questions: vec![],
    };
    RunRequest {
        run: RunId { task: TaskId(1), number: 1 },
        kind,
        repository: "acme/app".to_owned(),
        issue_number: 7,
        title: "Adding is wrong".to_owned(),
        body: "1 + 1 gives 3. marker: c0ffee".to_owned(),
        comments: vec![TrustedComment { author: "alice".to_owned(), text: "Please add a test.".to_owned() }],
        instructions: vec![],
        commands: vec![],
        plan: (kind != RunKind::Plan).then_some(plan),
        revise: None,
        feedback: None,
        budget: RunBudget::default(),
        spent: Spent::default(),
        conversation: None,
    }
}

/// What the model does next.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Answer(Answer),
    Fail(ModelFault),
    Hang,
}

/// A model that does one step after the other and keeps what it was asked.
#[derive(Debug, Default)]
pub(crate) struct Listed {
    steps: Mutex<VecDeque<Step>>,
    pub(crate) asked: Mutex<Vec<Vec<Turn>>>,
}

impl Listed {
    pub(crate) fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        Self { steps: Mutex::new(steps.into_iter().collect()), asked: Mutex::default() }
    }
}

impl Model for Listed {
    fn name(&self) -> &str {
        "listed"
    }

    fn ask<'a>(&'a self, ask: Ask<'a>) -> BoxFuture<'a, Result<Answer, ModelFault>> {
        self.asked.lock().unwrap().push(ask.turns.to_vec());
        let step = self.steps.lock().unwrap().pop_front();
        async move {
            match step {
                Some(Step::Answer(answer)) => Ok(answer),
                Some(Step::Fail(fault)) => Err(fault),
                Some(Step::Hang) => std::future::pending().await,
                None => Err(ModelFault::permanent("the list is over")),
            }
        }
        .boxed()
    }
}

/// An answer of calls, at ten tokens and a thousandth of a dollar.
pub(crate) fn calls(calls: impl IntoIterator<Item = (&'static str, Value)>) -> Step {
    let parts = calls
        .into_iter()
        .map(|(tool, arguments)| AssistantPart::Call(Call { id: String::new(), tool: tool.to_owned(), arguments }))
        .collect();
    answer(parts, Stop::Done)
}

pub(crate) fn says(text: &str) -> Step {
    answer(vec![AssistantPart::Text { text: text.to_owned() }], Stop::Done)
}

pub(crate) fn answer(parts: Vec<AssistantPart>, stop: Stop) -> Step {
    let usage = Usage { calls: 1, input_tokens: 8, output_tokens: 2, cost: MicroDollars(1_000), ..Usage::default() };
    Step::Answer(Answer { parts, usage, stop })
}

pub(crate) fn limits() -> Limits {
    let retries = Retries { attempts: 3, first: Duration::from_secs(1), longest: Duration::from_secs(4) };
    Limits { context_window: Some(100_000), max_output_tokens: 1_000, retries }
}

pub(crate) fn replied(text: &str) -> ToolReply {
    ToolReply { ok: true, text: text.to_owned(), exit: None }
}

/// A finished run and what was told about it.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) outcome: Result<RunOutcome, AgentFailure>,
    pub(crate) events: Vec<AgentEvent>,
}

impl Ran {
    /// The conversation, after a check that a provider would take it.
    pub(crate) fn conversation(&self) -> Conversation {
        let stored = self.outcome.as_ref().unwrap().conversation.clone();
        let conversation: Conversation = serde_json::from_value(stored).unwrap();
        assert_eq!(well_formed(&conversation.turns), Ok(()));
        conversation
    }
}

/// Runs with a sandbox that answers by `serve`; `None` never answers.
pub(crate) async fn ran(
    model: &Listed,
    limits: &Limits,
    request: RunRequest,
    cancel: CancellationToken,
    serve: impl Fn(&ToolRequest) -> Option<ToolReply> + Send + 'static,
) -> Ran {
    let (tools, mut served) = tool_port();
    tokio::spawn(async move {
        while let Some(mut call) = served.next().await {
            match serve(&call.request) {
                Some(reply) => call.answer(reply),
                None => call.abandoned().await,
            }
        }
    });
    let (events, mut told) = mpsc::channel(16);
    let kept = Arc::new(Mutex::new(Vec::new()));
    let keeper = tokio::spawn({
        let kept = Arc::clone(&kept);
        async move {
            while let Some(event) = told.recv().await {
                kept.lock().unwrap().push(event);
            }
        }
    });
    let channels = Channels { tools, events, cancel };
    let outcome = conduct("test", model, limits, &Nonces::fixed("f00d").draw(), request, channels).await;
    keeper.await.unwrap();
    for turns in model.asked.lock().unwrap().iter() {
        assert_eq!(well_formed(turns), Ok(()), "every request is one that a provider takes");
        assert!(matches!(turns.last(), Some(Turn::User { .. })));
    }
    let events = kept.lock().unwrap().clone();
    Ran { outcome, events }
}
