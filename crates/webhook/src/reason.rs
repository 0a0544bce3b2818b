//! Why a delivery leads to nothing, as sentences for the delivery log. Never repeats a payload unbounded.

use std::fmt;

/// Why nothing is done about a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ignored {
    /// Baton does not use this event.
    Event {
        /// Its name.
        event: String,
    },
    /// Baton uses the event, but not this action.
    Action {
        /// The event's name.
        event: String,
        /// The action; empty when there was none.
        action: String,
    },
    /// The payload lacks what the event cannot be understood without.
    Missing {
        /// The event's name.
        event: String,
        /// The field.
        field: &'static str,
    },
}

/// A sentence for the delivery log. Names from the payload are cut short and stripped of control characters.
impl fmt::Display for Ignored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Event { event } => write!(f, "Baton does not use the event `{}`", Plain(event)),
            Self::Action { event, action } if action.is_empty() => {
                write!(f, "the `{}` event names no action", Plain(event))
            }
            Self::Action { event, action } => {
                write!(f, "Baton does not use the action `{}` of `{}`", Plain(action), Plain(event))
            }
            Self::Missing { event, field } => write!(f, "the `{}` event has no usable `{field}`", Plain(event)),
        }
    }
}

/// At most 60 printable characters of a name that came from outside.
struct Plain<'a>(&'a str);

impl fmt::Display for Plain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars().take(60) {
            let printable = c.is_ascii_graphic() && c != '`';
            fmt::Write::write_char(f, if printable { c } else { '?' })?;
        }
        Ok(())
    }
}

/// Why the bytes are no payload.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Not JSON, or JSON that no GitHub sends: broken, nested without end, the same field twice.
    #[error("the body is not the JSON of a GitHub event (line {line}, column {column})")]
    Json {
        /// Where it breaks, counting from 1.
        line: usize,
        /// Where it breaks.
        column: usize,
    },
    /// JSON, but not an object.
    #[error("the body is JSON, but not an object")]
    NotAnObject,
    /// Form-encoded without a `payload` field.
    #[error("the form-encoded body has no `payload` field; choose application/json in the webhook's settings")]
    NoPayload,
}
