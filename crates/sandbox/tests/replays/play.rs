//! Plays every recording against the real sandbox, each time with a tracking id that did not exist before.

use baton_agent::{AgentFailure, Replay, Script};
use baton_core::domain::run::{Finish, RunEnd, RunKind};
use rand::RngExt as _;

use crate::files::fixtures;
use crate::story::{Story, all, named};
use crate::task::Task;

fn file(story: &Story) -> String {
    std::fs::read_to_string(fixtures().join("replays").join(format!("{}.json", story.name))).unwrap()
}

fn replay(story: &Story) -> Replay {
    Replay::from_json(&file(story)).unwrap_or_else(|fault| panic!("{}.json: {fault}", story.name))
}

fn fresh() -> String {
    format!("CR-{:08X}", rand::rng().random::<u32>())
}

/// Plays a recording's task to its end: what Baton's own tests find after each run, a line each.
async fn played(name: &str) -> String {
    let story = named(name);
    let agent = replay(&story);
    let nonce = fresh();
    let mut task = Task::new(story.repository, &nonce);
    let mut found = Vec::new();
    for run in Script::from_json(&file(&story)).unwrap().conversations {
        let what = format!("{} {}", run.run.name(), run.round);
        let outcome = task.run(&agent, run.run).await.unwrap_or_else(|failure| panic!("{failure}"));
        assert!(outcome.usage.cost.0 > 5_000, "{what} costs something: {}", outcome.usage.cost);
        match outcome.end {
            RunEnd::Finished(Finish::Plan { draft }) => {
                assert!(draft.steps.iter().any(|step| step.contains(&nonce)), "{draft:?}");
                found.push(format!("{what}: {} steps", draft.steps.len()));
                continue;
            }
            RunEnd::Finished(Finish::Done { .. }) => {}
            end => panic!("{what}: {end:?}"),
        }
        assert!(task.tree["CHANGELOG.md"].contains(&nonce), "{what}: {}", task.tree["CHANGELOG.md"]);
        let evidence = task.judge().await;
        let fails: Vec<String> =
            evidence.newly_failing.iter().chain(&evidence.added_failing).map(|test| test.0.clone()).collect();
        found.push(format!("{what}: {}", if fails.is_empty() { "all pass".to_owned() } else { fails.join(", ") }));
        assert_eq!(evidence.has_failures(), !story.is_right(), "{what}");
    }
    let texts: Vec<&str> = task.tree.values().map(String::as_str).collect();
    assert!(!texts.concat().contains("{{nonce}}"), "the id was put in everywhere");
    found.join("\n")
}

#[tokio::test]
async fn python_right() {
    insta::assert_snapshot!(played("python-dotfile-right").await, @r"
    plan 1: 3 steps
    implement 1: all pass
    ");
}

#[tokio::test]
async fn python_wrong() {
    insta::assert_snapshot!(played("python-dotfile-wrong").await, @r"
    plan 1: 3 steps
    implement 1: tests.test_values.Comments.test_after_a_quoted_value
    revise 1: tests.test_values.Comments.test_after_a_quoted_value
    revise 2: tests.test_values.Comments.test_after_a_quoted_value
    ");
}

#[tokio::test]
async fn rust_right() {
    insta::assert_snapshot!(played("rust-timespan-right").await, @r"
    plan 1: 3 steps
    implement 1: all pass
    ");
}

#[tokio::test]
async fn rust_wrong() {
    insta::assert_snapshot!(played("rust-timespan-wrong").await, @r"
    plan 1: 3 steps
    implement 1: tests/format.rs::parse_reads_what_format_writes, tests/format.rs::rounds_to_the_nearest_millisecond, tests/format.rs::rounds_to_the_nearest_second
    revise 1: tests/carry.rs::sixty_seconds_are_never_shown
    revise 2: tests/format.rs::parse_reads_what_format_writes
    ");
}

#[tokio::test]
async fn javascript_right() {
    insta::assert_snapshot!(played("javascript-hotshelf-right").await, @r"
    plan 1: 2 steps
    implement 1: all pass
    ");
}

#[tokio::test]
async fn javascript_wrong() {
    insta::assert_snapshot!(played("javascript-hotshelf-wrong").await, @r"
    plan 1: 2 steps
    implement 1: onEvict > is not called when a value is overwritten
    revise 1: onEvict > is not called when a value is overwritten
    revise 2: onEvict > is not called when a value is overwritten
    ");
}

/// The wrong ones last as long as Baton sends an agent back.
#[test]
fn each_story_has_as_many_runs_as_baton_asks_for() {
    for story in all() {
        let revisions = story.runs.iter().filter(|run| run.kind == "revise").count();
        let expected = if story.is_right() { 0 } else { Task::rounds() as usize };
        assert_eq!(revisions, expected, "{}", story.name);
    }
}

/// A file says and calls what its story says; only answers and what they used are added.
#[test]
fn the_files_are_those_of_the_stories() {
    for story in all() {
        let mut script = Script::from_json(&file(&story)).unwrap();
        let mut answers = Vec::new();
        for call in script.conversations.iter_mut().flat_map(|run| &mut run.turns).flat_map(|turn| {
            turn.usage = baton_core::domain::usage::Usage::default();
            &mut turn.calls
        }) {
            answers.extend(call.answer.clone());
            call.answer = call.answer.is_some().then(|| "{{*}}".to_owned());
        }
        let is_same = script == story.draft();
        assert!(is_same, "{}.json is not what its story says: make it again (fixtures/replays/README.md)", story.name);
        assert!(answers.iter().all(|answer| !answer.contains("{{*}}")), "{}: no answer may be anything", story.name);
        // What only this machine has would be recorded by mistake.
        for own in ["/root", "/home/", ".pyenv", ".rustup", ".cargo/", "/usr/"] {
            assert!(answers.iter().all(|answer| !answer.contains(own)), "{}: `{own}` in an answer", story.name);
        }
    }
}

async fn departed(task: &mut Task, story: &Story) -> String {
    match task.run(&replay(story), RunKind::Plan).await {
        Err(AgentFailure::Permanent { reason }) => reason,
        other => panic!("it should have departed: {other:?}"),
    }
}

#[tokio::test]
async fn an_issue_without_a_tracking_id_is_refused_aloud() {
    for story in all() {
        let mut task = Task::new(story.repository, "none");
        let reason = departed(&mut task, &story).await;
        let expected = format!(
            "replay: {}: the replay of plan round 1 departed before its first turn: nothing in the task matches `{}`",
            story.label, story.capture
        );
        assert_eq!(reason, expected);
    }
}

#[tokio::test]
async fn another_tree_than_the_recorded_one_is_a_departure_that_can_be_read() {
    let mut task = Task::new("python-dotfile", &fresh());
    let values = task.tree.get_mut("dotfile/values.py").unwrap();
    *values = values.replace("raw = _without_comment(raw).strip()", "raw = raw.strip()");
    let reason = departed(&mut task, &named("python-dotfile-right")).await;
    let head: Vec<&str> = reason.lines().take(3).collect();
    insta::assert_snapshot!(head.join("\n"), @"
    replay: python-dotfile, right edit: the replay of plan round 1 departed in turn 1: `read` answered differently in line 11
      expected:     11	    raw = _without_comment(raw).strip()
      got:          11	    raw = raw.strip()
    ");
}
