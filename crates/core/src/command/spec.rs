//! The one table of commands: help, suggestions and `docs/commands.md` are made from it, and from nothing else.

use std::fmt::Write as _;

use super::Command;

/// What may follow a command's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Argument {
    /// Nothing.
    None,
    /// `[REV]`: a plan's revision, a number from 1.
    Revision,
    /// `TEXT`: must be there; runs on over the following lines until the next command or the end of the comment.
    Text,
    /// `[TEXT]`: as `TEXT` where it begins on the command's own line, else absent.
    OptionalText,
    /// `NAME`: the name of a configured agent.
    AgentName,
    /// `AMOUNT`: US dollars, `5`, `2.50`, `$2.50`.
    Amount,
}

impl Argument {
    /// One that is right: what an answer to a wrong one shows. Empty for [`Argument::None`].
    #[must_use]
    pub fn example(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Revision => "2",
            Self::Text | Self::OptionalText => "keep it small",
            Self::AgentName => "steady",
            Self::Amount => "5",
        }
    }

    /// How help writes it; empty for [`Argument::None`].
    #[must_use]
    pub fn placeholder(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Revision => "[REV]",
            Self::Text => "TEXT",
            Self::OptionalText => "[TEXT]",
            Self::AgentName => "NAME",
            Self::Amount => "AMOUNT",
        }
    }
}

/// Where a comment stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// On an issue.
    Issue,
    /// On a pull request.
    PullRequest,
}

/// Who is heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// People whose permission on the repository is `write` or more.
    Writer,
    /// Everyone who can comment.
    Everyone,
}

/// One row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spec {
    /// The words without the slash: `plan approve`.
    pub name: &'static str,
    /// Name and argument as help shows them: `/plan approve [REV]`.
    pub usage: &'static str,
    /// What may follow.
    pub argument: Argument,
    /// Whether it works on issues.
    pub on_issue: bool,
    /// Whether it works on pull requests.
    pub on_pull_request: bool,
    /// Who may.
    pub who: Who,
    /// What it does, in one line, starting with a verb.
    pub does: &'static str,
    /// Whether this version does it. Where not, the command is understood and answered with "not available yet".
    pub available: bool,
}

impl Spec {
    /// Whether the command works there.
    #[must_use]
    pub fn works_on(&self, place: Place) -> bool {
        match place {
            Place::Issue => self.on_issue,
            Place::PullRequest => self.on_pull_request,
        }
    }

    /// The command in its shortest form, with an argument where it needs one; `None` never happens for a row of
    /// [`COMMANDS`] (a test goes through them all).
    #[must_use]
    pub fn sample(&self) -> Option<Command> {
        let line = match self.argument {
            Argument::None | Argument::Revision | Argument::OptionalText => format!("/{}", self.name),
            Argument::Text | Argument::AgentName | Argument::Amount => {
                format!("/{} {}", self.name, self.argument.example())
            }
        };
        match super::parse(&line).pop()? {
            super::Found::Command { command, .. } => Some(command),
            super::Found::Mistyped { .. } => None,
        }
    }
}

const ISSUE: (bool, bool) = (true, false);
const PULL_REQUEST: (bool, bool) = (false, true);
const BOTH: (bool, bool) = (true, true);

const fn row(
    (name, usage): (&'static str, &'static str),
    argument: Argument,
    (on_issue, on_pull_request): (bool, bool),
    who: Who,
    does: &'static str,
) -> Spec {
    Spec { name, usage, argument, on_issue, on_pull_request, who, does, available: true }
}

const fn later(spec: Spec) -> Spec {
    Spec { available: false, ..spec }
}

/// Every command there is, in the order help shows them.
pub const COMMANDS: &[Spec] = &[
    row(("plan", "/plan"), Argument::None, ISSUE, Who::Writer, "Write a plan for this issue, or write it anew."),
    row(
        ("plan approve", "/plan approve [REV]"),
        Argument::Revision,
        ISSUE,
        Who::Writer,
        "Approve the newest plan, or revision REV if it still is the newest; the work starts.",
    ),
    row(
        ("plan revise", "/plan revise TEXT"),
        Argument::Text,
        ISSUE,
        Who::Writer,
        "Write a new revision of the plan that takes TEXT into account.",
    ),
    row(
        ("plan reject", "/plan reject [TEXT]"),
        Argument::OptionalText,
        ISSUE,
        Who::Writer,
        "Turn the plan down and end the task; TEXT says why.",
    ),
    row(
        ("baton status", "/baton status"),
        Argument::None,
        BOTH,
        Who::Everyone,
        "Show the state, the place in the queue, the cost so far and the links.",
    ),
    row(
        ("baton cancel", "/baton cancel"),
        Argument::None,
        BOTH,
        Who::Writer,
        "Stop whatever is running and end the task.",
    ),
    row(("baton pause", "/baton pause"), Argument::None, BOTH, Who::Writer, "Hold the task until it is resumed."),
    row(("baton resume", "/baton resume"), Argument::None, BOTH, Who::Writer, "Go on with a paused task."),
    row(
        ("baton retry", "/baton retry"),
        Argument::None,
        BOTH,
        Who::Writer,
        "Try a failed task again with the same branch, issue text and budget.",
    ),
    later(row(
        ("baton agent", "/baton agent NAME"),
        Argument::AgentName,
        ISSUE,
        Who::Writer,
        "Use the configured agent NAME from the next run on.",
    )),
    row(
        ("baton budget", "/baton budget AMOUNT"),
        Argument::Amount,
        BOTH,
        Who::Writer,
        "Set this task's limit to AMOUNT US dollars.",
    ),
    later(row(
        ("baton fix", "/baton fix [TEXT]"),
        Argument::OptionalText,
        PULL_REQUEST,
        Who::Writer,
        "Start another revising run now; TEXT says what to do.",
    )),
    later(row(
        ("baton rebase", "/baton rebase"),
        Argument::None,
        PULL_REQUEST,
        Who::Writer,
        "Bring the branch up to date with its base.",
    )),
    row(
        ("baton doctor", "/baton doctor"),
        Argument::None,
        ISSUE,
        Who::Writer,
        "Show what was found in this repository: languages, commands, configuration errors, permissions.",
    ),
    row(("baton help", "/baton help"), Argument::None, BOTH, Who::Everyone, "Show the commands that work here."),
];

/// The row of a command's words (`plan approve`), if there is one.
#[must_use]
pub fn named(name: &str) -> Option<&'static Spec> {
    COMMANDS.iter().find(|spec| spec.name == name)
}

impl Command {
    /// The command's row in [`COMMANDS`]; `None` never happens for a command that exists (a test goes through them all).
    #[must_use]
    pub fn spec(&self) -> Option<&'static Spec> {
        named(self.name())
    }
}

/// What `/baton help` answers with, in Markdown: a table of the commands of this version that work in `place` and that
/// `makes_sense` there now, and in one line the others that work there.
#[must_use]
pub fn help_table(place: Place, makes_sense: impl Fn(&Spec) -> bool) -> String {
    let mut table = String::from("| Command | Who | What it does |\n|---|---|---|\n");
    let (now, later): (Vec<&Spec>, Vec<&Spec>) =
        COMMANDS.iter().filter(|spec| spec.available && spec.works_on(place)).partition(|spec| makes_sense(spec));
    for spec in now {
        let _ = writeln!(table, "| `{}` | {} | {} |", spec.usage, who(spec.who), spec.does);
    }
    if !later.is_empty() {
        let later: Vec<String> = later.iter().map(|spec| format!("`{}`", spec.usage)).collect();
        let _ = writeln!(table, "\nNot at this moment: {}.", later.join(", "));
    }
    table
}

/// The Markdown table of all commands in `docs/commands.md`, which a test compares with it.
#[must_use]
pub fn docs_table() -> String {
    let mut table = String::from("| Command | Where | Who | What it does |\n|---|---|---|---|\n");
    for spec in COMMANDS {
        let place = match (spec.on_issue, spec.on_pull_request) {
            (true, true) => "issue, PR",
            (true, false) => "issue",
            (false, _) => "PR",
        };
        let later = if spec.available { "" } else { " *(not available yet)*" };
        let _ = writeln!(table, "| `{}` | {place} | {} | {}{later} |", spec.usage, who(spec.who), spec.does);
    }
    table
}

fn who(who: Who) -> &'static str {
    match who {
        Who::Writer => "writers",
        Who::Everyone => "everyone",
    }
}
