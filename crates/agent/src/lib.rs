//! Baton's agents: what turns a run into model calls and tool calls. Never spawns a program, never touches a workspace.
//!
//! An [`Agent`] is asked one [`baton_core::domain::run::RunRequest`] and answers with one outcome. Its tool calls leave
//! through a [`ToolPort`], whose other end the engine connects to a sandbox; what happens on the way is told as
//! `AgentEvent`s. Two agents live here, both on the same loop (`session`): [`Native`] asks a model provider over HTTP,
//! [`Replay`] takes its answers from a recorded file and fails loudly where the world departs from the recording.
//!
//! The format of a recording, shared by [`Replay`], [`Recorder`] and the `model-sim` server, is described in
//! [`replay`].

mod agent;
mod catalogue;
mod conversation;
mod fence;
mod model;
pub mod native;
mod port;
mod prompt;
pub mod replay;
#[cfg(feature = "model-sim")]
pub mod scripted;
mod session;

pub use agent::{Agent, AgentFailure};
pub use catalogue::ToolSpec;
pub use conversation::{AssistantPart, Call, Conversation, RunMark, Turn, UserPart};
pub use fence::Nonces;
pub use model::{Answer, Ask, FaultKind, Model, ModelFault, Stop};
pub use native::{
    Api, ConfigFault, Effort, Greeting, HandshakeFault, Native, NativeConfig, Patience, PriceTable, Retries, greet,
};
pub use port::{PortClosed, Standing, ToolCall, ToolCalls, ToolPort, tool_port};
pub use replay::{Recorder, Replay, Script, ScriptFault};
