//! The commands of the evidence as Baton ran them, with what matters of their output.

use std::sync::LazyLock;
use std::time::Duration;

use regex::Regex;

use crate::domain::evidence::CommandRun;
use crate::prose::{duration, neutral};

/// Lines shown of a command that succeeded, and at the end of one that did not: where runners sum up.
const LAST: usize = 30;

/// Lines shown from the first failure on, of a command that did not succeed.
const FROM_THE_FAILURE: usize = 60;

/// Lines shown before that one.
const BEFORE_THE_FAILURE: usize = 3;

/// How runners begin to tell of a failure: TAP, Go, pytest, Cargo, JUnit's console, Jest, Mocha, RSpec, and shells.
#[expect(clippy::unwrap_used, reason = "a constant pattern, compiled by every test")]
static FAILURE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?i)^\s*(?:not ok\b|-+ fail|fail(?:ed|ure|ures|ing)?\b|error\b|E\s{2,}\S|thread '.*' panicked|traceback\b|assert\w*error|●|✕|✗|✖|×|\d+\) )|\bFAILED$|\bFAILURE!",
    )
    .unwrap()
});

/// What a folded section shows of some commands; nothing where there are none.
pub(super) fn section(place: &str, runs: &[CommandRun]) -> String {
    if runs.is_empty() {
        return String::new();
    }
    let mut out = format!("\n<details><summary>Commands {place}</summary>\n\n");
    for run in runs {
        out.push_str(&format!("{}: {}\n\n", neutral::code_span(&run.command), neutral::literal(&how_it_ended(run))));
        let shown = excerpt(&run.tail, run.success);
        if !shown.trim().is_empty() {
            out.push_str(&format!("{}\n\n", neutral::code_block(&shown, "text")));
        }
    }
    out.push_str("</details>\n");
    out
}

fn how_it_ended(run: &CommandRun) -> String {
    match run.ended.strip_prefix("exit ") {
        Some(status) if run.millis < 1_000 => format!("exit status {status}, in under a second"),
        Some(status) => format!("exit status {status}, in {}", duration(Duration::from_millis(run.millis))),
        // It says after which time.
        None => run.ended.clone(),
    }
}

/// The end of the output; where the command failed, also what it says from the first failure on.
fn excerpt(output: &str, success: bool) -> String {
    let lines: Vec<&str> = output.lines().collect();
    let end = lines.len().saturating_sub(LAST);
    let first = lines.iter().position(|line| FAILURE.is_match(line)).filter(|_| !success);
    let Some(start) = first.map(|first| first.saturating_sub(BEFORE_THE_FAILURE)).filter(|start| *start < end) else {
        return lines[end..].join("\n");
    };
    let until = (start + FROM_THE_FAILURE).min(end);
    let mut shown = lines[start..until].join("\n");
    if until < end {
        shown.push_str(&format!("\n[… {} lines are left out]", end - until));
    }
    format!("{shown}\n{}", lines[end..].join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_shown_wherever_it_stands_in_the_output() {
        let mut output: Vec<String> = (1..=40).map(|n| format!("ok {n} - case {n}")).collect();
        output.push("not ok 41 - greets Ada".into());
        output.push("  expected: 'Hello'".into());
        output.extend((42..=200).map(|n| format!("ok {n} - case {n}")));
        let output = output.join("\n");
        let shown = excerpt(&output, false);
        assert!(shown.starts_with("ok 38 - case 38\n"), "{shown}");
        assert!(shown.contains("not ok 41 - greets Ada\n  expected: 'Hello'\n"), "{shown}");
        assert!(shown.contains("\n[… 74 lines are left out]\nok 171 - case 171\n"), "{shown}");
        assert!(shown.ends_with("ok 200 - case 200"), "{shown}");
        assert_eq!(excerpt(&output, true).lines().count(), LAST);
        assert_eq!(excerpt("not ok 1\nend", false), "not ok 1\nend");
    }
}
