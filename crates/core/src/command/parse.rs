//! A whole comment → the commands in it, in order, and the mistakes worth answering.

use super::Command;
use super::grammar::{self, Line};
use super::lines::{self, Standing};
use super::spec::{Argument, Spec};

/// The most commands and mistakes that one comment yields; what follows is reported once and ignored.
pub const MAX_COMMANDS: usize = 10;

/// The longest TEXT of a command, in characters.
pub const MAX_TEXT_CHARS: usize = 20_000;

/// One thing found in a comment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// A command to carry out.
    Command {
        /// What to do.
        command: Command,
        /// The line of the comment it stands on, from 1.
        line: usize,
    },
    /// Meant as a command and not carried out; worth an answer.
    Mistyped {
        /// The line as typed, at most 200 characters. Untrusted text: show it only through `prose::neutral::code_span`.
        line_text: String,
        /// The line of the comment it stands on, from 1.
        line: usize,
        /// The usage of the nearest command, if one is near.
        nearest: Option<&'static str>,
        /// What is wrong.
        problem: Problem,
    },
}

/// Why a line that was meant as a command is none. `Display` is a sentence without its full stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// The words are no command's.
    #[error("there is no such command")]
    Unknown,
    /// The words look right but are written with other characters.
    #[error(
        "it looks like a command but contains capital, invisible, wide or foreign characters; type it in plain lower-case letters"
    )]
    Characters,
    /// Something follows a command that takes nothing.
    #[error("nothing may follow this command on its line")]
    Unexpected,
    /// The argument is not there.
    #[error("{0} is missing")]
    Missing(
        /// The placeholder.
        &'static str,
    ),
    /// The argument is not of its form.
    #[error("{}", what_it_must_be(.0))]
    Invalid(
        /// The command.
        &'static Spec,
    ),
    /// The text is longer than [`MAX_TEXT_CHARS`].
    #[error("the text is too long: at most {MAX_TEXT_CHARS} characters are read")]
    TextTooLong,
    /// Markdown makes the line part of the quote, list, or heading around it.
    #[error(
        "Markdown makes this line part of the quote, list or heading next to it; leave an empty line before and after the command"
    )]
    Swallowed,
    /// There were [`MAX_COMMANDS`] before it.
    #[error("only the first {MAX_COMMANDS} commands of a comment are read")]
    TooMany,
}

/// Finds the commands of a comment, given its Markdown source as GitHub delivers it.
///
/// A command stands at the start of a line of the comment's own text as GitHub renders it: not in quotes, lists, headings,
/// tables, footnotes, code, links, emphasis, math, or HTML. At most three spaces may stand before it. Words are exact,
/// lower-case ASCII, separated by spaces or tabs. TEXT runs on over the following lines until the next command, mistyped
/// or not, or the end of the comment. Never fails, whatever the bytes.
#[must_use]
pub fn parse(comment_markdown: &str) -> Vec<Found> {
    let text = comment_markdown.replace("\r\n", "\n").replace('\r', "\n");
    let mut ours: Vec<(usize, &str, Line)> = Vec::new();
    for (start, standing) in lines::starting_with_slash(&text) {
        let line = text[start..].split('\n').next().unwrap_or_default();
        let reading = match (standing, grammar::read(line)) {
            (_, Line::Foreign) | (Standing::Swallowed, Line::Wrong { .. }) => continue,
            (Standing::Own, reading) => reading,
            (Standing::Swallowed, Line::Command(_) | Line::AwaitsText) => {
                Line::Wrong { nearest: None, problem: Problem::Swallowed }
            }
        };
        ours.push((start, line, reading));
        if ours.len() > MAX_COMMANDS {
            break;
        }
    }
    let ends: Vec<usize> = ours.iter().skip(1).map(|(start, ..)| *start).chain([text.len()]).collect();
    ours.into_iter()
        .zip(ends)
        .enumerate()
        .map(|(index, ((start, line, reading), end))| {
            let number = text[..start].matches('\n').count() + 1;
            let reading =
                if index < MAX_COMMANDS { reading } else { Line::Wrong { nearest: None, problem: Problem::TooMany } };
            found(reading, line, number, &text[start + line.len()..end])
        })
        .collect()
}

/// `following` is the source between the line and the next command.
fn found(reading: Line, line_text: &str, line: usize, following: &str) -> Found {
    let mistyped = |nearest, problem| Found::Mistyped {
        line_text: line_text.trim_end().chars().take(200).collect(),
        line,
        nearest,
        problem,
    };
    let joined = |first: &str| format!("{first}{following}").trim().to_owned();
    let fits = |text: &str| text.chars().count() <= MAX_TEXT_CHARS;
    let revise = super::spec::named("plan revise").map(|spec| spec.usage);
    let command = match reading {
        Line::Foreign => return mistyped(None, Problem::Unknown),
        Line::Wrong { nearest, problem } => return mistyped(nearest, problem),
        Line::AwaitsText if following.trim().is_empty() => return mistyped(revise, Problem::Missing("TEXT")),
        Line::AwaitsText => Command::Revise { text: joined("") },
        Line::Command(Command::Revise { text }) => Command::Revise { text: joined(&text) },
        Line::Command(Command::Reject { text: Some(text) }) => Command::Reject { text: Some(joined(&text)) },
        Line::Command(Command::Fix { text: Some(text) }) => Command::Fix { text: Some(joined(&text)) },
        Line::Command(command) => command,
    };
    match &command {
        Command::Revise { text } | Command::Reject { text: Some(text) } | Command::Fix { text: Some(text) }
            if !fits(text) =>
        {
            mistyped(None, Problem::TextTooLong)
        }
        _ => Found::Command { command, line },
    }
}

/// What an argument must be, with an example that can be typed.
fn what_it_must_be(spec: &Spec) -> String {
    let must = match spec.argument {
        Argument::Revision => "REV must be a plan's number",
        Argument::Amount => "AMOUNT must be a sum in US dollars",
        Argument::AgentName => "NAME must be the name of a configured agent",
        Argument::None | Argument::Text | Argument::OptionalText => "what follows must be of its form",
    };
    format!("{must}, such as `/{} {}`", spec.name, spec.argument.example())
}
