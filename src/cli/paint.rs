//! Colour, for people at a terminal: none where output is piped, where `NO_COLOR` says so, or where the terminal knows none.

use std::io::IsTerminal;
use std::sync::LazyLock;

use baton_core::domain::task::StateName;

use crate::config;

/// What a word says about how things stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    /// As it should be.
    Good,
    /// Somebody should look at it, or it waits for somebody.
    Warning,
    /// Wrong.
    Bad,
    /// Under way.
    Busy,
    /// Of no weight now.
    Faint,
    /// A heading.
    Strong,
    Plain,
}

impl Tone {
    /// The parameter of "select graphic rendition" (ECMA-48, section 8.3.117): colours that every terminal's palette has.
    fn code(self) -> Option<&'static str> {
        match self {
            Self::Good => Some("32"),
            Self::Warning => Some("33"),
            Self::Bad => Some("31"),
            Self::Busy => Some("36"),
            Self::Faint => Some("2"),
            Self::Strong => Some("1"),
            Self::Plain => None,
        }
    }

    /// How a task in this state stands.
    pub(super) fn of_state(state: StateName) -> Self {
        match state {
            StateName::Planning
            | StateName::Queued
            | StateName::Implementing
            | StateName::Verifying
            | StateName::Revising => Self::Busy,
            StateName::AwaitingApproval | StateName::Paused | StateName::WaitingForUser => Self::Warning,
            StateName::InReview | StateName::Merged => Self::Good,
            StateName::Failed => Self::Bad,
            StateName::Closed | StateName::Cancelled | StateName::Expired => Self::Faint,
        }
    }

    /// The same, for a state by its name.
    pub(super) fn of_state_named(name: &str) -> Self {
        let state = StateName::ALL.into_iter().find(|state| state.as_str() == name);
        state.map_or(Self::Plain, Self::of_state)
    }
}

static ON_OUTPUT: LazyLock<bool> = LazyLock::new(|| is_colourful(&std::io::stdout()));
static ON_ERRORS: LazyLock<bool> = LazyLock::new(|| is_colourful(&std::io::stderr()));

/// Whether what goes there may have colour.
pub(super) fn is_colourful(stream: &impl IsTerminal) -> bool {
    stream.is_terminal() && !config::wants_no_colour()
}

/// A word for standard output.
pub(super) fn paint(tone: Tone, text: &str) -> String {
    painted(*ON_OUTPUT, tone, text)
}

/// A word for standard error.
pub(super) fn paint_error(tone: Tone, text: &str) -> String {
    painted(*ON_ERRORS, tone, text)
}

fn painted(is_colourful: bool, tone: Tone, text: &str) -> String {
    match tone.code().filter(|_| is_colourful && !text.is_empty()) {
        Some(code) => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colour_surrounds_a_word_and_is_left_out_whole() {
        assert_eq!(painted(true, Tone::Bad, "failed"), "\u{1b}[31mfailed\u{1b}[0m");
        assert_eq!(painted(true, Tone::Plain, "x") + &painted(true, Tone::Good, ""), "x");
        assert_eq!(painted(false, Tone::Bad, "failed"), "failed");
        assert_eq!(Tone::of_state_named("failed"), Tone::Bad);
        assert_eq!(Tone::of_state_named("unheard of"), Tone::Plain);
    }
}
