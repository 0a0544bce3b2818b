//! One model: a conversation in, one answer out. Retries, budgets and tools are the session's, never the model's.

use std::time::Duration;

use baton_core::domain::usage::Usage;
use futures::future::BoxFuture;

use crate::catalogue::ToolSpec;
use crate::conversation::{AssistantPart, Turn};

/// What a model is asked.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// The standing instructions.
    pub system: &'a str,
    /// The tools on offer.
    pub tools: &'a [&'static ToolSpec],
    /// The conversation so far; ends with a user turn.
    pub turns: &'a [Turn],
}

/// What a model answered, completely received.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// Texts, calls and provider-private items, in the order they were made.
    pub parts: Vec<AssistantPart>,
    /// What the call used, priced.
    pub usage: Usage,
    /// Why it ended.
    pub stop: Stop,
}

/// Why an answer ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The model was done, or wants its tools run.
    Done,
    /// The limit on output tokens cut it off.
    Length,
    /// The provider or the model declined to answer.
    Refused(String),
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct ModelFault {
    /// Whether trying again can help.
    pub kind: FaultKind,
    /// What happened, bounded and free of secrets.
    pub reason: String,
    /// What the failed call used, as far as the provider said so before it broke.
    pub used: Usage,
}

/// What kind of fault it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// The same request may succeed later.
    Transient {
        /// How long the provider asked to wait.
        retry_after: Option<Duration>,
    },
    /// The same request fails again.
    Permanent,
    /// The conversation does not fit into the model's window.
    ContextFull,
}

impl ModelFault {
    /// A fault that goes away by itself.
    #[must_use]
    pub fn transient(reason: impl Into<String>) -> Self {
        Self { kind: FaultKind::Transient { retry_after: None }, reason: reason.into(), used: Usage::default() }
    }

    /// A fault that stays.
    #[must_use]
    pub fn permanent(reason: impl Into<String>) -> Self {
        Self { kind: FaultKind::Permanent, reason: reason.into(), used: Usage::default() }
    }
}

/// One model behind one interface.
pub trait Model: Send + Sync {
    /// The name people see in the transcript.
    fn name(&self) -> &str;

    /// Asks once. Dropping the future gives the request up.
    ///
    /// # Errors
    /// [`ModelFault`]; a stream that ends early is one, never an empty success.
    fn ask<'a>(&'a self, ask: Ask<'a>) -> BoxFuture<'a, Result<Answer, ModelFault>>;
}
