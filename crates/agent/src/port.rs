//! The way out for tool calls: a request one way, its reply back; and how far the agent is, for whoever keeps it. Knows
//! neither who asks nor who executes.

use baton_core::domain::tool::{ToolReply, ToolRequest};
use tokio::sync::{mpsc, oneshot, watch};

/// The agent's end: hands a call to whoever serves the sandbox and waits for the reply.
#[derive(Clone, Debug)]
pub struct ToolPort {
    calls: mpsc::Sender<ToolCall>,
    standing: watch::Sender<Standing>,
}

/// The engine's end: the calls, in order.
#[derive(Debug)]
pub struct ToolCalls {
    calls: mpsc::Receiver<ToolCall>,
    standing: watch::Receiver<Standing>,
}

/// How far an agent is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Standing {
    /// The conversation so far, to go on from: what [`baton_core::domain::run::RunRequest`] takes, null before there is one.
    /// A call in it that has no result yet is under way, or comes next.
    pub conversation: serde_json::Value,
    /// How many replies of tools are in it, of those that went through this port.
    pub replies: u64,
}

/// One call waiting for its reply. Dropping it without an answer tells the agent that the sandbox is gone.
#[derive(Debug)]
pub struct ToolCall {
    /// What is asked.
    pub request: ToolRequest,
    reply: oneshot::Sender<ToolReply>,
}

/// The sandbox went away before it answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the sandbox went away before it answered the tool call")]
pub struct PortClosed;

/// A connected pair of ends.
#[must_use]
pub fn tool_port() -> (ToolPort, ToolCalls) {
    let (sender, receiver) = mpsc::channel(1);
    let (told, standing) = watch::channel(Standing::default());
    (ToolPort { calls: sender, standing: told }, ToolCalls { calls: receiver, standing })
}

impl ToolPort {
    /// Asks for one tool call and waits for its reply. Dropping the future abandons the call.
    ///
    /// # Errors
    /// [`PortClosed`] when nobody serves the port any more.
    pub async fn call(&self, request: ToolRequest) -> Result<ToolReply, PortClosed> {
        let (reply, answer) = oneshot::channel();
        self.calls.send(ToolCall { request, reply }).await.map_err(|_| PortClosed)?;
        answer.await.map_err(|_| PortClosed)
    }

    /// Says how far the agent is: after each answer of its model, before the calls in it are made, and after each reply.
    pub fn stands(&self, standing: Standing) {
        self.standing.send_replace(standing);
    }
}

impl ToolCalls {
    /// The next call; `None` once the agent has ended.
    pub async fn next(&mut self) -> Option<ToolCall> {
        self.calls.recv().await
    }

    /// How far the agent says it is. What it says before a call is there when the call is.
    #[must_use]
    pub fn standing(&self) -> watch::Receiver<Standing> {
        self.standing.clone()
    }
}

impl ToolCall {
    /// Hands the reply back; one that nobody waits for any more is dropped.
    pub fn answer(self, reply: ToolReply) {
        // The agent may have been cancelled meanwhile: then nobody is left to be told.
        drop(self.reply.send(reply));
    }

    /// Takes the call apart for servers that pass the two halves on separately.
    #[must_use]
    pub fn into_parts(self) -> (ToolRequest, oneshot::Sender<ToolReply>) {
        (self.request, self.reply)
    }

    /// Resolves when the agent no longer waits for this call, so that a running command can be stopped.
    pub async fn abandoned(&mut self) {
        self.reply.closed().await;
    }
}
