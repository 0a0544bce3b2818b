//! The other commands, beside a running server and on its store: exit codes, JSON, and text without escape codes.

use serde_json::{Value, json};

use super::github::MAINTAINER;
use super::story::{PYTHON, Pace, marked};
use super::world::World;

/// What a command that must fail says, with its exit code.
fn fails(world: &World, arguments: &[&str]) -> (i32, String) {
    let output = world.baton.command(arguments);
    assert!(!output.status.success(), "{output:?}");
    (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
}

/// What people read, when it goes into a pipe.
fn read(world: &World, arguments: &[&str]) -> String {
    let text = world.baton.says(arguments);
    assert!(!text.contains('\x1b'), "{arguments:?}: {text:?}");
    assert!(!text.trim().is_empty(), "{arguments:?} says nothing");
    text
}

#[test]
fn a_task_from_the_command_line() {
    let mut world = World::with(PYTHON, &Pace::default());
    world.hand_over();
    world.wait_for_plan();
    world.until("the plan is recorded", || world.state().filter(|state| state == "awaiting_approval"));

    assert_eq!(world.baton.json(&["task", "plan", "1", "--json"]).remove(0)["revision"], 1);
    let plan = read(&world, &["task", "plan", "1"]);
    for part in
        ["plan 1 of task 1, for commit ", "Mend what the issue describes.", "steps\n  - Mend it.", "testing\n  "]
    {
        assert!(plan.contains(part), "{part}: {plan}");
    }
    let (code, said) = fails(&world, &["task", "approve", "1", "7"]);
    assert_eq!(code, 1, "{said}");
    assert_eq!(world.state().as_deref(), Some("awaiting_approval"));
    let (code, said) = fails(&world, &["task", "diff", "1"]);
    assert_eq!(code, 1, "{said}");

    // The operator's word instead of a comment.
    assert_eq!(world.baton.says(&["task", "approve", "acme/dotfile#1"]), "Task 1 is now `queued`.\n");
    let pull = world.until("the pull request is there", || {
        let done = world.github.list(&world.at("check-runs")).iter().any(|run| run["status"] == "completed");
        done.then(|| world.pulls().pop()).flatten()
    });

    let list = read(&world, &["task", "list"]);
    assert!(list.starts_with("TASK  ISSUE") && list.contains("acme/dotfile#1") && list.contains("in_review"), "{list}");
    assert_eq!(world.baton.json(&["task", "list", "--json", "--state", "merged"]), Vec::<Value>::new());
    assert_eq!(world.baton.json(&["task", "list", "--json", "--live"]).len(), 1);

    let show = read(&world, &["task", "show", "1"]);
    for part in [
        "task 1 · acme/dotfile#1 · in_review",
        "asked for by alice",
        "pull request acme/dotfile#2",
        "1.2    implement  scripted",
        "history",
    ] {
        assert!(show.contains(part), "{part}: {show}");
    }
    let whole = world.baton.json(&["task", "show", "1", "--json"]).remove(0);
    let states: Vec<_> =
        whole["history"].as_array().unwrap().iter().map(|entry| entry["state_after"].clone()).collect();
    assert_eq!(states.first(), Some(&json!("planning")), "{states:?}");
    assert_eq!(states.last(), Some(&json!("in_review")), "{states:?}");
    assert_eq!(whole["runs"].as_array().unwrap().len(), 2);
    // One object all the way down: no text that has to be parsed once more.
    assert_eq!(whole["task"]["document"]["issue"]["number"], 1);
    assert!(whole["history"][0]["event"].is_object() && whole["runs"][0]["usage"].is_object(), "{whole:#}");

    let log = read(&world, &["task", "log", "1"]);
    assert!(log.contains("── run 1.1 · plan · scripted") && log.contains("── run 1.2 · implement"), "{log}");
    assert!(log.contains(&world.nonce), "{log}");
    let entries = world.baton.json(&["task", "log", "1", "--json"]);
    assert!(entries.len() > 10 && entries.iter().all(|entry| entry["entry"]["entry"].is_object()), "{entries:#?}");

    let diff = read(&world, &["task", "diff", "1"]);
    let number = pull["number"].as_u64().unwrap();
    assert_eq!(diff.trim(), world.github.text(&format!("{}/{number}", world.at("diff"))).trim());
    assert_eq!(pull["draft"], false);
    world.baton.stop();
}

#[test]
fn cancelling_pausing_and_what_is_not_there() {
    let mark = marked(30);
    let mut world = World::with(PYTHON, &Pace { planning: Some(mark.clone()), ..Pace::default() });
    assert_eq!(read(&world, &["task", "list"]), "(nothing)\n");
    read(&world, &["pause"]);
    world.hand_over();
    world.until("the task waits", || world.said().into_iter().find(|it| it.contains("paused this bot")));
    assert_eq!(super::traces::running(&mark), None);
    read(&world, &["resume"]);
    world.until("the planning agent's command runs", || super::traces::running(&mark));
    assert_eq!(world.baton.says(&["task", "cancel", "1"]), "Task 1 is now `cancelled`.\n");
    world.until("the agent's command is gone", || super::traces::running(&mark).is_none().then_some(()));

    for unknown in [
        &["task", "show", "99"][..],
        &["task", "show", "acme/dotfile#99"],
        &["task", "cancel", "ninety"],
        &["delivery", "show", "9999"],
        &["delivery", "list", "--event", "frobnication"],
        &["delivery", "list", "--outcome", "lost"],
    ] {
        let (code, said) = fails(&world, unknown);
        assert_eq!(code, 2, "{unknown:?}: {said}");
    }
    let (_, said) = fails(&world, &["delivery", "list", "--event", "frobnication"]);
    assert!(said.contains("there are: ") && said.contains("issue_comment"), "{said}");
    let (code, said) = fails(&world, &["task", "frobnicate"]);
    assert_eq!(code, 2, "{said}");
    let (code, said) = fails(&world, &["task", "approve", "1"]);
    assert_eq!(code, 1, "{said}");
    world.baton.stop();
    world.nothing_runs();
}

#[test]
fn deliveries_and_the_state_of_things() {
    let mut world = World::with(PYTHON, &Pace::default());
    world.play();
    let before = world.github.deeds().len();

    let deliveries = world.until("all deliveries were looked into", || {
        let rows = world.baton.json(&["delivery", "list", "--json", "--limit", "500"]);
        rows.iter().all(|row| row["outcome"] != "received").then_some(rows)
    });
    let settled = |row: &Value| ["handled", "ignored"].contains(&row["outcome"].as_str().unwrap());
    assert!(deliveries.len() > 10 && deliveries.iter().all(settled), "{deliveries:#?}");
    let list = read(&world, &["delivery", "list"]);
    assert!(list.starts_with("DELIVERY  RECEIVED"), "{list}");

    let assigned = deliveries.iter().filter(|row| row["event"] == "issues").find_map(|row| {
        let id = row["id"].to_string();
        let whole = world.baton.json(&["delivery", "show", &id, "--json"]).remove(0);
        let body: Value = serde_json::from_str(whole["body"].as_str().unwrap()).unwrap();
        (body["action"] == "assigned").then_some(id)
    });
    let assigned = assigned.unwrap();
    assert!(read(&world, &["delivery", "show", &assigned]).contains("\"assigned\""));
    read(&world, &["delivery", "replay", &assigned]);
    world.until("it was looked into again", || {
        let row = world.baton.json(&["delivery", "show", &assigned, "--json"]).remove(0);
        (row["delivery"]["outcome"] != "received").then_some(())
    });
    // What was done is not done again.
    assert_eq!(world.baton.json(&["task", "list", "--json"]).len(), 1);
    let visible = |deeds: &[(String, Value)]| deeds.iter().filter(|(what, _)| !what.starts_with("token.")).count();
    assert_eq!(visible(&world.github.deeds()[before..]), 0);

    read(&world, &["migrate"]);
    let findings = world.baton.json(&["doctor", "--json"]);
    let faults: Vec<_> = findings.iter().filter(|it| it["verdict"] == "fault").collect();
    assert!(faults.is_empty() && findings.len() > 6, "{findings:#?}");
    world.says(MAINTAINER, "Thank you!");
    world.audit();
}
