//! What Baton found, in words for the agent that is sent back to mend it.

use crate::domain::evidence::{Evidence, TestName};
use crate::domain::task::Mend;

/// The most of one command's output that goes back, in characters: the end of it, where runners sum up.
const TAIL: usize = 6_000;

/// The feedback as plain text.
#[must_use]
pub fn for_agent(mend: &Mend) -> String {
    match mend {
        Mend::Refused { findings } => format!(
            "Your patch was judged and may not be pushed as it is:\n{}\nChange your work so that none of this is so any \
             more. Undo what is not allowed; do not look for a way around it.",
            findings.iter().map(|finding| format!("- {finding}\n")).collect::<String>()
        ),
        Mend::Failing { evidence } => failing(evidence),
    }
}

fn failing(evidence: &Evidence) -> String {
    let mut out =
        String::from("The tests were run on the base and on your branch. This fails now and did not before:\n");
    let mut list = |what: &str, tests: &[TestName]| {
        for test in tests {
            out.push_str(&format!("- {what}: {}\n", test.0));
        }
    };
    list("broken", &evidence.newly_failing);
    list("your new test", &evidence.added_failing);
    for command in &evidence.broken_commands {
        out.push_str(&format!("- command: {command}\n"));
    }
    for run in evidence.branch_commands.iter().filter(|run| !run.success) {
        let skip = run.tail.chars().count().saturating_sub(TAIL);
        let tail: String = run.tail.chars().skip(skip).collect();
        out.push_str(&format!("\nThe end of the output of `{}` ({}):\n{tail}\n", run.command, run.ended));
    }
    out.push_str(
        "\nMend the cause. Do not delete, skip or weaken tests, and do not change how they are run: a patch that does is \
         not accepted without a person looking at it.",
    );
    out
}
