//! One line of a comment → a command, a mistake, or nothing of ours. Exact ASCII; never lenient about what it executes.

use super::nearest::{folded, nearest};
use super::spec::{self, Argument, Spec};
use super::{Command, Problem};
use crate::domain::usage::MicroDollars;
use crate::spelling::distance;

/// What a line is.
#[derive(Debug, PartialEq)]
pub(super) enum Line {
    /// Not meant for us.
    Foreign,
    /// A command; its TEXT, if it takes one, goes on over the following lines.
    Command(Command),
    /// `/plan revise` with nothing after it yet: the text must follow on the next lines.
    AwaitsText,
    /// Meant for us and wrong.
    Wrong { nearest: Option<&'static str>, problem: Problem },
}

/// Reads a line that starts with its first visible character and ends before its line end.
pub(super) fn read(line: &str) -> Line {
    match exact(line) {
        Some((spec, rest)) => with_argument(spec, rest),
        None => resembling(line),
    }
}

/// The longest command whose words the line starts with, byte for byte, and what follows them.
fn exact(line: &str) -> Option<(&'static Spec, &str)> {
    let mut rest = line.strip_prefix('/')?;
    let mut name = String::new();
    let mut found = None;
    for _ in 0..2 {
        let end = rest.find([' ', '\t']).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        if !name.is_empty() {
            name.push(' ');
        }
        name.push_str(word);
        rest = after.trim_matches([' ', '\t']);
        if let Some(spec) = spec::named(&name) {
            found = Some((spec, rest));
        }
    }
    found
}

fn with_argument(spec: &'static Spec, rest: &str) -> Line {
    let wrong = |problem| Line::Wrong { nearest: Some(spec.usage), problem };
    let command = match spec.argument {
        Argument::None if rest.is_empty() => plain(spec.name),
        Argument::None if spec.name == "plan" => return unknown_word(spec, rest),
        Argument::None => return wrong(Problem::Unexpected),
        Argument::Revision if rest.is_empty() => Some(Command::Approve { revision: None }),
        Argument::Revision => revision(rest).map(|n| Command::Approve { revision: Some(n) }),
        Argument::Text if rest.is_empty() => return Line::AwaitsText,
        Argument::Text => Some(Command::Revise { text: rest.to_owned() }),
        Argument::OptionalText => {
            let text = (!rest.is_empty()).then(|| rest.to_owned());
            Some(match spec.name {
                "plan reject" => Command::Reject { text },
                _ => Command::Fix { text },
            })
        }
        Argument::AgentName => agent_name(rest).map(|name| Command::Agent { name }),
        Argument::Amount => amount(rest).map(|amount| Command::Budget { amount }),
    };
    let argument = spec.argument.placeholder().trim_matches(['[', ']']);
    match (command, rest.is_empty()) {
        (Some(command), _) => Line::Command(command),
        (None, true) => wrong(Problem::Missing(argument)),
        // The sentence about it holds an example.
        (None, false) => Line::Wrong { nearest: None, problem: Problem::Invalid(spec) },
    }
}

/// `/plan` followed by a word that is none of its own.
fn unknown_word(plan: &'static Spec, rest: &str) -> Line {
    let typed = folded(&format!("plan {rest}"));
    let words: Vec<&str> = typed.split_whitespace().take(2).collect();
    let nearest = nearest(&words).unwrap_or(plan.usage);
    let only_characters = nearest != plan.usage && named_exactly(nearest, &words);
    let problem = if only_characters { Problem::Characters } else { Problem::Unknown };
    Line::Wrong { nearest: Some(nearest), problem }
}

fn plain(name: &str) -> Option<Command> {
    Some(match name {
        "plan" => Command::Plan,
        "baton status" => Command::Status,
        "baton cancel" => Command::Cancel,
        "baton pause" => Command::Pause,
        "baton resume" => Command::Resume,
        "baton retry" => Command::Retry,
        "baton rebase" => Command::Rebase,
        "baton doctor" => Command::Doctor,
        "baton help" => Command::Help,
        _ => return None,
    })
}

fn revision(text: &str) -> Option<u32> {
    let digits = text.bytes().all(|b| b.is_ascii_digit()) && !text.starts_with('0');
    if digits { text.parse().ok() } else { None }
}

fn agent_name(text: &str) -> Option<String> {
    let ok = text.len() <= 64
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
    ok.then(|| text.to_owned())
}

/// Up to a million dollars, in exact decimal: `5`, `2.50`, `$2.50`; at most six decimals; never zero.
fn amount(text: &str) -> Option<MicroDollars> {
    let text = text.strip_prefix('$').unwrap_or(text);
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str, longest| (1..=longest).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole, 7) || !digits(fraction, 6) {
        return None;
    }
    let micros = whole.parse::<u64>().ok()? * 1_000_000 + format!("{fraction:0<6}").parse::<u64>().ok()?;
    (1..=1_000_000_000_000).contains(&micros).then_some(MicroDollars(micros))
}

/// A line that is no command: is it near enough to one to be answered? Paths, prose and other bots' commands are not.
fn resembling(line: &str) -> Line {
    let typed = folded(line.get(..line.floor_char_boundary(200)).unwrap_or(line));
    let Some(words) = typed.strip_prefix('/') else {
        return Line::Foreign;
    };
    let words: Vec<&str> =
        words.split_whitespace().map(|word| word.trim_end_matches(['.', ',', ':', ';', '!', '?'])).collect();
    let Some(first) = words.first().filter(|first| !first.contains(['/', '.'])) else {
        return Line::Foreign;
    };
    let own_word = ["plan", "baton"].iter().any(|own| first == own);
    let near_word = ["plan", "baton"].iter().any(|own| distance(first, own) == 1);
    let nearest = nearest(&words);
    let wrong = |problem| Line::Wrong { nearest, problem };
    match (own_word, near_word, words.len()) {
        (true, _, _) if nearest.is_some_and(|usage| named_exactly(usage, &words)) => wrong(Problem::Characters),
        (true, _, _) => wrong(Problem::Unknown),
        (_, true, 1) => wrong(Problem::Unknown),
        (_, true, _) if nearest.is_some_and(|usage| usage.split(' ').count() > 1) => wrong(Problem::Unknown),
        _ => Line::Foreign,
    }
}

/// Whether the folded words are a command's own, so that only the characters typed were wrong.
fn named_exactly(usage: &str, words: &[&str]) -> bool {
    let words = words.join(" ");
    spec::COMMANDS
        .iter()
        .any(|spec| spec.usage == usage && (words == spec.name || words.starts_with(&format!("{} ", spec.name))))
}
