//! What a person may type in a comment: Markdown → grammar → [`Command`]. Never decides who may; never does anything.

mod grammar;
mod lines;
mod nearest;
mod parse;
pub mod spec;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use parse::{Found, MAX_COMMANDS, MAX_TEXT_CHARS, Problem, parse};

use crate::domain::usage::MicroDollars;

/// One command as a person typed it. `Display` prints it in the form that [`parse`] reads back.
///
/// TEXT is the Markdown source as typed: hide nothing from it, show it to nobody and to no model before it went through
/// [`crate::prose::untrusted::visible`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Command {
    /// `/plan`: write a plan, or write it anew.
    Plan,
    /// `/plan approve [REV]`
    Approve {
        /// The revision meant; the newest where absent.
        revision: Option<u32>,
    },
    /// `/plan revise TEXT`
    Revise {
        /// What the new revision must take into account.
        text: String,
    },
    /// `/plan reject [TEXT]`
    Reject {
        /// Why.
        text: Option<String>,
    },
    /// `/baton status`
    Status,
    /// `/baton cancel`
    Cancel,
    /// `/baton pause`
    Pause,
    /// `/baton resume`
    Resume,
    /// `/baton retry`
    Retry,
    /// `/baton agent NAME`
    Agent {
        /// The agent's name in the configuration.
        name: String,
    },
    /// `/baton budget AMOUNT`
    Budget {
        /// The task's new limit.
        amount: MicroDollars,
    },
    /// `/baton fix [TEXT]`
    Fix {
        /// What to do.
        text: Option<String>,
    },
    /// `/baton rebase`
    Rebase,
    /// `/baton doctor`
    Doctor,
    /// `/baton help`
    Help,
}

impl Command {
    /// The command's words without the slash: `plan approve`. The key of its row in [`spec::COMMANDS`].
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Plan => "plan",
            Self::Approve { .. } => "plan approve",
            Self::Revise { .. } => "plan revise",
            Self::Reject { .. } => "plan reject",
            Self::Status => "baton status",
            Self::Cancel => "baton cancel",
            Self::Pause => "baton pause",
            Self::Resume => "baton resume",
            Self::Retry => "baton retry",
            Self::Agent { .. } => "baton agent",
            Self::Budget { .. } => "baton budget",
            Self::Fix { .. } => "baton fix",
            Self::Rebase => "baton rebase",
            Self::Doctor => "baton doctor",
            Self::Help => "baton help",
        }
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/{}", self.name())?;
        match self {
            Self::Approve { revision: Some(n) } => write!(f, " {n}"),
            Self::Revise { text } | Self::Reject { text: Some(text) } | Self::Fix { text: Some(text) } => {
                write!(f, " {text}")
            }
            Self::Agent { name } => write!(f, " {name}"),
            Self::Budget { amount } => write!(f, " {}.{:06}", amount.0 / 1_000_000, amount.0 % 1_000_000),
            Self::Plan
            | Self::Approve { revision: None }
            | Self::Reject { text: None }
            | Self::Fix { text: None }
            | Self::Status
            | Self::Cancel
            | Self::Pause
            | Self::Resume
            | Self::Retry
            | Self::Rebase
            | Self::Doctor
            | Self::Help => Ok(()),
        }
    }
}
