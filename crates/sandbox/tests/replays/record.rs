//! Makes the recordings: plays each story with answers that may be anything, and writes down what was really answered.

use baton_agent::replay::Recorded;
use baton_agent::{Conversation, Replay, Script, Turn, UserPart};
use baton_core::domain::run::RunKind;
use regex::Regex;

use crate::files::fixtures;
use crate::story::{Story, all, said};
use crate::task::Task;

/// The tracking id while recording; it becomes `{{nonce}}` wherever it shows.
const NONCE: &str = "REC-5eed0000";

/// What varies legitimately: an expression whose first group varies, the name of the capture, what it may be.
const VARYING: [(&str, &str, &str); 1] =
    [(r"(?:finished in|Ran \d+ tests? in) ([0-9]+\.[0-9]+)s", "seconds", r"[0-9]+\.[0-9]+")];

/// Tokens of the standing rules and the tools' descriptions, and bytes that make a token: what models show on average.
const RULES: u64 = 2_300;
const BYTES_OF_A_TOKEN: u64 = 4;

/// An opening counts as whole blocks, as providers cache it: it holds times and random names, which are not always as long.
const BLOCK: u64 = 128;

/// Rewrites every recording, or those whose names hold `BATON_REPLAY_ONLY`.
#[tokio::test]
#[ignore = "rewrites fixtures/replays; run it by name after a story or a sample repository has changed"]
async fn record() {
    let only = std::env::var("BATON_REPLAY_ONLY").unwrap_or_default();
    for story in all().iter().filter(|story| story.name.contains(&only)) {
        let script = recorded(story).await;
        let text = serde_json::to_string_pretty(&script).unwrap() + "\n";
        let fault = |fault: baton_agent::ScriptFault| panic!("{}: {fault}", story.name);
        Script::from_json(&text).unwrap_or_else(fault);
        std::fs::write(fixtures().join("replays").join(format!("{}.json", story.name)), text).unwrap();
    }
}

async fn recorded(story: &Story) -> Script {
    let mut script = story.draft();
    let agent = Replay::new(script.clone());
    let mut task = Task::new(story.repository, NONCE);
    for conversation in &mut script.conversations {
        let run = format!("{} {} {}", story.name, conversation.run.name(), conversation.round);
        let outcome = task.run(&agent, conversation.run).await.unwrap_or_else(|failure| panic!("{run}: {failure}"));
        fill(conversation, serde_json::from_value(outcome.conversation).unwrap());
        if conversation.run != RunKind::Plan {
            task.judge().await;
        }
    }
    script
}

/// Puts the answers of the conversation's last run into its recording, and what each turn would have used.
fn fill(recorded: &mut Recorded, conversation: Conversation) {
    let mut answers: Vec<String> = Vec::new();
    let (mut opening, mut before) = (0, 0);
    for part in conversation.turns.iter().flat_map(parts) {
        match part {
            UserPart::Text { text } if text.starts_with("Baton run: ") => {
                before += answers.iter().map(String::len).sum::<usize>() + opening;
                opening = text.len();
                answers.clear();
            }
            UserPart::Text { .. } => {}
            UserPart::Result { text, .. } => answers.push(pattern(text)),
        }
    }
    let mut answers = answers.into_iter();
    let mut cached = if before == 0 { 0 } else { (RULES + tokens(before)).next_multiple_of(BLOCK) };
    let mut fresh = (if before == 0 { RULES } else { 0 } + tokens(opening)).next_multiple_of(BLOCK);
    for turn in &mut recorded.turns {
        for call in &mut turn.calls {
            let answer = answers.next();
            if call.answer.is_some() {
                call.answer = answer;
            }
        }
        let said = turn.say.as_ref().map_or(0, String::len)
            + turn.calls.iter().map(|call| call.args.to_string().len() + call.tool.len()).sum::<usize>();
        let usage = &mut turn.usage;
        usage.input_tokens = 4;
        usage.cache_read_tokens = cached;
        usage.cache_write_tokens = fresh;
        usage.output_tokens = tokens(said) + 20;
        // Dollars for a million tokens: 3 for input, 0.30 from the cache, 3.75 into it, 15 for output.
        let hundredths = 300 * usage.input_tokens
            + 30 * usage.cache_read_tokens
            + 375 * usage.cache_write_tokens
            + 1_500 * usage.output_tokens;
        usage.cost.0 = hundredths / 100;
        cached += fresh;
        fresh = usage.output_tokens
            + tokens(turn.calls.iter().filter_map(|call| call.answer.as_ref()).map(String::len).sum());
    }
}

fn parts(turn: &Turn) -> &[UserPart] {
    match turn {
        Turn::User { parts } => parts,
        Turn::Assistant { .. } => &[],
    }
}

fn tokens(bytes: usize) -> u64 {
    (bytes as u64).div_ceil(BYTES_OF_A_TOKEN)
}

/// An answer as a pattern: itself, but for the tracking id and what varies.
fn pattern(answer: &str) -> String {
    let mut pattern = said(answer).replace(NONCE, "{{nonce}}");
    for (expression, name, may_be) in VARYING {
        let expression = Regex::new(expression).unwrap();
        let places: Vec<_> =
            expression.captures_iter(&pattern).filter_map(|found| found.get(1)).map(|g| g.range()).collect();
        // From the end, so that the places stay right; a name can be captured once in a pattern.
        for (at, place) in places.into_iter().enumerate().rev() {
            let name = if at == 0 { name.to_owned() } else { format!("{name}_{}", at + 1) };
            pattern.replace_range(place, &format!("{{{{{name}:{may_be}}}}}"));
        }
    }
    pattern
}
