//! Where a sentence is read decides how the commands in it are written: as a comment, or as a line for a terminal.

use crate::command::spec::{self, Place};
use crate::domain::ids::TaskId;

/// Where a sentence is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadAt {
    /// In a comment on the issue.
    Issue,
    /// In a comment on the pull request.
    PullRequest,
    /// On the operator's terminal, where this task is spoken of.
    CommandLine(TaskId),
}

impl From<Place> for ReadAt {
    fn from(place: Place) -> Self {
        match place {
            Place::Issue => Self::Issue,
            Place::PullRequest => Self::PullRequest,
        }
    }
}

/// What `baton task` can do to a task.
const ON_THE_COMMAND_LINE: [&str; 7] = ["approve", "revise", "reject", "cancel", "retry", "pause", "resume"];

impl ReadAt {
    /// A command as it is typed there, in a code span; one that does not work there names the place where it does.
    ///
    /// `words` are those of a comment without the slash: `plan approve 2`, `baton budget AMOUNT`.
    #[must_use]
    pub fn command(self, words: &str) -> String {
        let (family, rest) = words.split_once(' ').unwrap_or((words, ""));
        let (verb, argument) = rest.split_once(' ').unwrap_or((rest, ""));
        let name = format!("{family} {verb}");
        let on_pull = spec::named(name.trim_end()).is_some_and(|spec| spec.on_pull_request);
        match self {
            Self::Issue => format!("`/{words}`"),
            Self::PullRequest if on_pull => format!("`/{words}`"),
            Self::CommandLine(task) if ON_THE_COMMAND_LINE.contains(&verb) => {
                let line = format!("baton task {verb} {task} {argument}");
                format!("`{}`", line.trim_end())
            }
            Self::PullRequest | Self::CommandLine(_) => format!("`/{words}` on the issue"),
        }
    }

    /// The issue's thread, as it is called there.
    #[must_use]
    pub fn here(self) -> &'static str {
        match self {
            Self::Issue => "here",
            Self::PullRequest | Self::CommandLine(_) => "on the issue",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_written_as_it_is_typed_where_it_is_read() {
        let line = ReadAt::CommandLine(TaskId(12));
        let words =
            ["plan", "plan approve", "plan approve 2", "plan revise TEXT", "baton cancel", "baton budget AMOUNT"];
        let all: Vec<String> = words
            .iter()
            .map(|words| {
                format!(
                    "{} | {} | {}",
                    ReadAt::Issue.command(words),
                    ReadAt::PullRequest.command(words),
                    line.command(words)
                )
            })
            .collect();
        insta::assert_snapshot!(all.join("\n"), @r"
        `/plan` | `/plan` on the issue | `/plan` on the issue
        `/plan approve` | `/plan approve` on the issue | `baton task approve 12`
        `/plan approve 2` | `/plan approve 2` on the issue | `baton task approve 12 2`
        `/plan revise TEXT` | `/plan revise TEXT` on the issue | `baton task revise 12 TEXT`
        `/baton cancel` | `/baton cancel` | `baton task cancel 12`
        `/baton budget AMOUNT` | `/baton budget AMOUNT` | `/baton budget AMOUNT` on the issue
        ");
    }
}
