//! Replays: really run, labelled, loud where the world departs; and recordings made from live runs.

use baton_agent::{Api, Native, Replay, Script};
use baton_core::domain::run::{Finish, RunEnd, RunKind};
use insta::assert_snapshot;
use regex::Regex;
use serde_json::{Value, json};

use crate::http::{KEY, config, sim};
use crate::workspace::{Workspace, recording, request, run_to_end, script};

async fn replayed(recording: &Value, nonce: &str, workspace: &Workspace) -> Result<RunEnd, String> {
    let replay: Replay = recording.to_string().parse().unwrap();
    let ran = run_to_end(&replay, request(RunKind::Implement, nonce), workspace).await;
    ran.outcome.map(|outcome| outcome.end).map_err(|failure| {
        assert!(matches!(failure, baton_agent::AgentFailure::Permanent { .. }));
        failure.to_string()
    })
}

#[tokio::test]
async fn a_replay_is_labelled_and_carries_what_it_could_not_know() {
    let workspace = Workspace::broken();
    let ran = run_to_end(&Replay::new(script()), request(RunKind::Implement, "0123abcd"), &workspace).await;
    assert_snapshot!(ran.transcript(), @"
    started replay replay: mend add
    calls run
    gets not ok 1 failed in 0.04s
    says 1 test fails. {{é}}
    calls edit
    gets ok edited src/add.py
    calls edit
    gets ok edited src/add.py
    calls run
    gets ok 1 passed in 0.03s
    says Done.
    ");
    assert_snapshot!(workspace.file("src/add.py"), @r#"
    def add(a, b):
        """0123abcd"""
        return a + b
    "#);
    assert_eq!(ran.outcome.unwrap().usage.output_tokens, 60);
}

#[tokio::test]
async fn a_departure_is_loud_and_says_where() {
    let mut other = recording();
    other["conversations"][1]["turns"][0]["calls"][0]["answer"] =
        json!("[exit status {{failed:\\d}}]\n7 failed in {{*}}s");
    let departed = replayed(&other, "c0ffee", &Workspace::broken()).await.unwrap_err();
    assert_snapshot!(departed, @"
    replay: mend add: the replay of implement round 1 departed in turn 1: `run` answered differently in line 2
      expected: 7 failed in {{*}}s
      got:      1 failed in 0.04s
    The whole answer was:
    [exit status 1]
    1 failed in 0.04s
    ");
}

#[tokio::test]
async fn a_changed_workspace_is_a_departure() {
    let workspace = Workspace::broken();
    replayed(&recording(), "c0ffee", &workspace).await.unwrap();
    // The same again: the code is mended already, so the test that must fail passes.
    let departed = replayed(&recording(), "c0ffee", &workspace).await.unwrap_err();
    assert!(departed.contains("expected: [exit status 1]\n  got:      1 passed in 0.03s"), "{departed}");
}

#[tokio::test]
async fn a_task_without_what_is_captured_is_a_departure() {
    let departed = replayed(&recording(), "none", &Workspace::broken()).await.unwrap_err();
    assert_snapshot!(departed, @"replay: mend add: the replay of implement round 1 departed before its first turn: nothing in the task matches `the marker {{nonce:[0-9a-f]{6,}}} into`");
}

#[tokio::test]
async fn a_recording_that_is_over_or_whose_end_is_refused_fails() {
    let mut short = recording();
    short["conversations"][1]["turns"].as_array_mut().unwrap().truncate(3);
    let over = replayed(&short, "c0ffee", &Workspace::broken()).await.unwrap_err();
    assert_snapshot!(over, @"replay: mend add: the replay of implement round 1 is over after 3 turns, but the run goes on");
    let mut wrong_end = recording();
    wrong_end["conversations"][1]["turns"][3]["calls"][0]["args"] = json!({ "summary": " " });
    let refused = replayed(&wrong_end, "c0ffee", &Workspace::broken()).await.unwrap_err();
    assert!(refused.contains("`finish` should have ended the run, but was answered: [refused]"), "{refused}");
}

#[test]
fn a_file_that_is_no_recording_says_what_is_wrong() {
    let with = |pointer: &str, value: Value| {
        let mut file = recording();
        *file.pointer_mut(pointer).unwrap() = value;
        Script::from_json(&file.to_string()).unwrap_err().to_string()
    };
    let mut twice = recording();
    let again = twice["conversations"][0].clone();
    twice["conversations"].as_array_mut().unwrap().push(again);
    let faults = [
        with("/baton_replay", json!(2)),
        with("/conversations/0/turns/0/calls/0/answer", Value::Null),
        with("/conversations/0/turns/0/say", json!("{{later}}")),
        with("/conversations/0/turns/0/say", json!("{{*}}")),
        with("/conversations/1/turns/1/calls/1/args/new", json!("{{ nonce }}")),
        with("/conversations/2/capture/0", json!("{{x:(}}")),
        with("/conversations/0/run", json!("dream")),
        Script::from_json(&twice.to_string()).unwrap_err().to_string(),
        Script::from_file("/nonexistent/replay.json").unwrap_err().to_string(),
    ];
    assert_snapshot!(faults.join("\n---\n"), @"
    not a replay: baton_replay: format 2 is not known, this Baton reads 1
    ---
    not a replay: plan round 1, turn 1: the call of `read` has no recorded answer
    ---
    not a replay: plan round 1, turn 1: nothing before it captures the variable `later`
    ---
    not a replay: plan round 1, turn 1: what the model says cannot have a wildcard: {{*}}
    ---
    not a replay: implement round 1, turn 2: `{{ nonce }}` is no token; two opening braces as such are written `{{{}}`
    ---
    not a replay: capture of revise round 1: the expression of `x` is wrong: regex parse error:
        (
        ^
    error: unclosed group
    ---
    not a replay: unknown variant `dream`, expected one of `plan`, `implement`, `revise` at line 1 column 121
    ---
    not a replay: plan round 1: recorded twice
    ---
    cannot read the replay /nonexistent/replay.json: No such file or directory (os error 2); check the path and its permissions
    ");
}

#[test]
fn the_example_in_the_readme_is_a_recording() {
    let readme = include_str!("../../README.md");
    let example = readme.split("```json\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    assert_eq!(Script::from_json(example).unwrap().conversations[0].turns.len(), 3);
}

#[tokio::test]
async fn a_live_run_is_recorded_and_replays_with_another_nonce() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("made.json");
    let sim = sim(vec![]).await;
    let seconds = Regex::new(r"\d+\.\d+").unwrap();
    for api in [Api::Anthropic, Api::OpenAi, Api::OpenAiChat] {
        let native = Native::recording(
            config(api, sim.base_url(api), KEY),
            &file,
            "made from a run",
            vec!["the marker {{nonce:[0-9a-f]{6,}}} into".to_owned()],
            vec![seconds.clone()],
        )
        .unwrap();
        for kind in [RunKind::Implement, RunKind::Revise] {
            run_to_end(&native, request(kind, "c0ffee"), &Workspace::broken()).await.outcome.unwrap();
        }
        let made = std::fs::read_to_string(&file).unwrap();
        assert!(!made.contains("c0ffee") && !made.contains("CANARY"), "{made}");
        assert!(made.contains("failed in {{*}}s"), "{made}");
        let replay = Replay::from_file(&file).unwrap();
        assert_eq!(replay.name(), "replay: made from a run");
        let workspace = Workspace::broken();
        let ran = run_to_end(&replay, request(RunKind::Implement, "bada55"), &workspace).await;
        assert_eq!(
            ran.outcome.as_ref().unwrap().end,
            RunEnd::Finished(Finish::Done { summary: "add adds (bada55)".into() })
        );
        assert_eq!(ran.outcome.unwrap().usage.tokens(), 3_360, "usage is recorded too");
        assert_eq!(workspace.file("src/add.py"), "def add(a, b):\n    \"\"\"bada55\"\"\"\n    return a + b\n");
    }
}
