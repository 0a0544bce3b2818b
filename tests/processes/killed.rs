//! `kill -9` of `baton serve` wherever it hurts. After a restart the task ends as if nothing had happened: one plan, one
//! progress comment, one branch, one pull request, and no process that outlived its Baton.

use std::time::{Duration, Instant};

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

use super::github::{MACHINE_USER, MAINTAINER};
use super::process::until;
use super::story::{PYTHON, Pace, marked};
use super::traces::{self, Seen};
use super::world::{World, is_plan};

/// Kills the server, and sees to it that what it had started ends too.
fn kill(world: &mut World) {
    world.baton.kill();
    until("the sandbox dies with its Baton", Duration::from_secs(60), || {
        traces::enclosed(world.folder(), world.baton.program(), &world.baton.pids).is_empty().then_some(())
    });
}

fn approve(world: &World) {
    world.wait_for_plan();
    world.says(MAINTAINER, "/plan approve");
}

fn finish(mut world: World) {
    world.wait_for_review();
    world.audit();
}

#[test]
fn after_the_webhook_was_answered() {
    let mut world = World::with(PYTHON, &Pace::default());
    world.github.post("webhooks", &json!({ "hold": true }));
    world.hand_over();
    let held = world.github.list("deliveries");
    let assigned = held.iter().find(|it| it["action"] == "assigned").unwrap();
    let body = assigned["payload"].to_string();
    let signature = sign(&world.baton.webhook_secret, body.as_bytes());
    let headers = [
        ("content-type", "application/json"),
        ("x-hub-signature-256", signature.as_str()),
        ("x-github-event", "issues"),
        ("x-github-delivery", assigned["guid"].as_str().unwrap()),
    ];
    let answer = world.baton.post(&headers, body.as_bytes()).unwrap();
    kill(&mut world);
    assert_eq!(answer.status, 202, "{answer:?}");
    world.baton.serve();
    // GitHub sends what it had held back: the same event, which must not count twice.
    world.github.post("webhooks", &json!({ "release": "as_made" }));
    approve(&world);
    finish(world);
}

#[test]
fn while_planning() {
    let mark = marked(2);
    let mut world = World::with(PYTHON, &Pace { planning: Some(mark.clone()), ..Pace::default() });
    world.hand_over();
    world.until("the planning agent's command runs", || traces::running(&mark));
    kill(&mut world);
    assert_eq!(traces::running(&mark), None);
    world.baton.serve();
    approve(&world);
    finish(world);
}

#[test]
fn while_the_agent_works() {
    let mark = marked(2);
    let mut world = World::with(PYTHON, &Pace { working: Some(mark.clone()), ..Pace::default() });
    world.hand_over();
    approve(&world);
    for _ in 0..2 {
        world.until("the working agent's command runs", || traces::running(&mark));
        // What `kill` waits to be gone is there now.
        assert!(!traces::enclosed(world.folder(), world.baton.program(), &world.baton.pids).is_empty());
        assert!(!traces::groups(&[world.baton.pid()]).is_empty());
        kill(&mut world);
        assert_eq!(traces::running(&mark), None);
        world.baton.serve();
    }
    finish(world);
}

/// Nobody restarts anything: another worker on the same store takes the work over when the lease has run out.
#[test]
fn with_another_worker_beside_it() {
    let mark = marked(2);
    let mut world = World::with(PYTHON, &Pace { working: Some(mark.clone()), ..Pace::default() });
    world.hand_over();
    approve(&world);
    let first = world.until("the working agent's command runs", || traces::running(&mark));
    world.baton.kill_for_a_worker();
    let second = world.until("the agent works again", || traces::running(&mark).filter(|pid| *pid != first));
    assert_ne!(first, second);
    finish(world);
}

/// The tests of the branch run in a sandbox of their own.
#[test]
fn while_the_evidence_is_taken() {
    let mark = marked(2);
    let mut world = World::with(PYTHON, &Pace { testing: Some(mark.clone()), ..Pace::default() });
    world.hand_over();
    approve(&world);
    world.until("the branch's tests run", || traces::running(&mark));
    assert_eq!(world.state().as_deref(), Some("verifying"));
    kill(&mut world);
    assert_eq!(traces::running(&mark), None);
    world.baton.serve();
    finish(world);
}

/// Waits until GitHub's book shows this deed of Baton's.
fn wait_for_deed(world: &World, what: &str, fits: impl Fn(&Value) -> bool) {
    world.until(&format!("`{what}` stands in GitHub's book"), || {
        world.github.deeds().into_iter().find(|(done, detail)| done == what && fits(detail))
    });
}

/// GitHub has the branch, and Baton was not told.
#[test]
fn after_the_push_and_before_its_answer() {
    let mut world = World::with(PYTHON, &Pace::default());
    world.github.fault("git/receive-pack", &json!({ "kind": "do_and_drop" }), None);
    world.hand_over();
    approve(&world);
    wait_for_deed(&world, "ref.push", |_| true);
    kill(&mut world);
    assert_eq!(world.pulls().len(), 0);
    world.github.no_faults();
    world.baton.serve();
    finish(world);
}

/// The git that a dead Baton started lives on, and its push arrives while the next Baton's is on its way.
#[test]
fn while_its_git_pushes() {
    let mut world = World::with(PYTHON, &Pace::default());
    for millis in [5_000, 7_000] {
        world.github.fault("git/receive-pack", &json!({ "kind": "delay", "millis": millis }), Some(1));
    }
    world.hand_over();
    approve(&world);
    let pushes = |seen: &Seen| seen.cmdline.contains(&world.github.address) && seen.cmdline.contains(" push ");
    world.until("git pushes", || traces::processes().into_iter().find(pushes));
    kill(&mut world);
    world.baton.serve();
    finish(world);
}

/// Baton knows that the branch is there, and cannot open the pull request.
#[test]
fn after_the_push_and_before_the_pull_request() {
    let mut world = World::with(PYTHON, &Pace::default());
    world.github.fault("pulls/create", &json!({ "kind": "refuse", "status": 502 }), None);
    world.hand_over();
    approve(&world);
    world.until("the pull request was refused", || {
        world.github.list("requests").into_iter().find(|it| it["operation"] == "pulls/create")
    });
    kill(&mut world);
    assert_eq!(world.pulls().len(), 0);
    world.github.no_faults();
    world.baton.serve();
    finish(world);
}

/// The pull request is there, and Baton was not told.
#[test]
fn after_the_pull_request_and_before_its_answer() {
    let mut world = World::with(PYTHON, &Pace::default());
    world.github.fault("pulls/create", &json!({ "kind": "delay", "millis": 20_000 }), None);
    world.hand_over();
    approve(&world);
    wait_for_deed(&world, "pull.create", |_| true);
    kill(&mut world);
    world.github.no_faults();
    world.baton.serve();
    finish(world);
}

/// The plan stands on the issue, and Baton was not told.
#[test]
fn after_the_plan_was_posted_and_before_it_was_recorded() {
    let mut world = World::with(PYTHON, &Pace::default());
    world.github.fault("issues/create-comment", &json!({ "kind": "delay", "millis": 20_000 }), None);
    world.hand_over();
    world.until("the plan stands on the issue", || world.said().iter().any(|it| is_plan(it)).then_some(()));
    kill(&mut world);
    world.github.no_faults();
    world.baton.serve();
    world.until("the plan is recorded", || world.state().filter(|state| state == "awaiting_approval"));
    approve(&world);
    finish(world);
}

/// Every answer to every write is lost, and then Baton is: find-or-create has to find all of it.
#[test]
fn when_no_answer_to_a_write_ever_came() {
    let mut world = World::with(PYTHON, &Pace::default());
    for operation in ["issues/create-comment", "pulls/create", "checks/create", "git/receive-pack"] {
        world.github.fault(operation, &json!({ "kind": "do_and_drop" }), Some(1));
    }
    world.hand_over();
    world.wait_for_plan();
    kill(&mut world);
    world.baton.serve();
    approve(&world);
    wait_for_deed(&world, "ref.push", |_| true);
    kill(&mut world);
    world.baton.serve();
    finish(world);
}

/// One life of a task, with the server killed at moments of chance.
fn at_random(kills: u32) {
    let pace = Pace { planning: Some("sleep 0.2".to_owned()), working: Some("sleep 0.2".to_owned()), testing: None };
    let mut world = World::with(PYTHON, &pace);
    world.hand_over();
    let mut approved = false;
    let mut left = kills;
    let started = Instant::now();
    while left > 0 {
        let moment = Duration::from_millis(rand::random_range(0..2_500));
        eprintln!("killed {} ms after its start", moment.as_millis());
        let until_then = Instant::now() + moment;
        while Instant::now() < until_then {
            if !approved && world.said().iter().any(|it| is_plan(it)) {
                world.says(MAINTAINER, "/plan approve");
                approved = true;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        kill(&mut world);
        world.baton.serve();
        left -= 1;
        assert!(started.elapsed() < Duration::from_secs(600));
    }
    if !approved {
        approve(&world);
    }
    redeliver_what_failed(&world);
    finish(world);
}

/// What GitHub could not deliver while there was no server, its owner sends again.
fn redeliver_what_failed(world: &World) {
    world.until("GitHub has tried to deliver everything", || {
        (world.github.get("settled")["pending"] == 0).then_some(())
    });
    for delivery in world.github.list("deliveries") {
        if delivery["status"].as_u64().is_none_or(|status| status >= 300) {
            world.github.post(&format!("deliveries/{}/attempts", delivery["guid"].as_str().unwrap()), &json!({}));
        }
    }
}

#[test]
fn at_eight_moments_of_chance() {
    at_random(8);
}

#[test]
#[ignore = "takes minutes: `script/test --full` runs it"]
fn at_a_hundred_moments_of_chance() {
    for _ in 0..10 {
        at_random(10);
    }
}

/// What stands in `X-Hub-Signature-256`.
pub fn sign(secret: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(body);
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}

/// The machine user is not asked for anything: an assignment is all it is for.
#[test]
fn after_the_assignment_was_taken_back_too() {
    let mark = marked(30);
    let mut world = World::with(PYTHON, &Pace { planning: Some(mark.clone()), ..Pace::default() });
    world.hand_over();
    world.until("the planning agent's command runs", || traces::running(&mark));
    kill(&mut world);
    world.does(MAINTAINER, json!({ "verb": "unassigns", "login": MACHINE_USER }));
    world.baton.serve();
    redeliver_what_failed(&world);
    world.until("the task is cancelled", || world.state().filter(|state| state == "cancelled"));
    world.baton.stop();
    world.nothing_runs();
    assert_eq!(traces::running(&mark), None);
    assert!(!world.said().iter().any(|it| is_plan(it)));
}
