//! Too much of everything, with real processes: it degrades to waiting, never to loss, memory without bound or a late answer.
//! What is measured is printed; `--success-output final` shows it.

use std::time::{Duration, Instant};

use futures::{StreamExt as _, stream};
use serde_json::json;

use super::super::github::MAINTAINER;
use super::super::killed::sign;
use super::super::process::until;
use super::super::story::{PYTHON, Pace, marked};
use super::super::traces;
use super::super::world::{PATIENCE, World};
use super::{
    MIB, PATH, forget_the_peak, guid, many_descriptors, peak, percentile, quiet, resident, settled, signed, store,
};

/// GitHub waits so long for an answer.
const GITHUB_WAITS: Duration = Duration::from_secs(10);

/// What a flood may make the process hold.
const HELD: usize = 100 * MIB;

/// A delivery about an issue of some repository, which starts nothing.
fn chatter(number: usize) -> (&'static str, String) {
    let repository = number % 40 + 1_000;
    let body = json!({
        "action": "created", "sender": { "id": 1, "login": "x", "type": "User" },
        "repository": { "id": repository, "full_name": format!("acme/app-{repository}") },
        "issue": { "number": number }, "comment": { "id": number, "body": "Thanks!" }, "fill": "x".repeat(2_000),
    });
    ("issue_comment", body.to_string())
}

/// Posts so many over so many connections; how long each took. All are taken.
fn flood(world: &World, deliveries: usize, connections: usize) -> Vec<Duration> {
    many_descriptors();
    let client = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(connections).build().unwrap();
    let url = format!("http://{}{PATH}", world.baton.address);
    let secret = world.baton.webhook_secret.clone();
    let post = |number: usize| {
        let (event, body) = chatter(number);
        let request = client.post(&url).header("x-hub-signature-256", sign(&secret, body.as_bytes()));
        let request = request.header("x-github-event", event).header("x-github-delivery", guid()).body(body);
        async move {
            let started = Instant::now();
            let status = request.send().await.map_or(0, |answer| answer.status().as_u16());
            (status, started.elapsed())
        }
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let answers: Vec<(u16, Duration)> =
        runtime.block_on(stream::iter((0..deliveries).map(post)).buffer_unordered(connections).collect());
    let wrong: Vec<_> = answers.iter().filter(|(status, _)| *status != 202).collect();
    assert!(wrong.is_empty(), "{} of {deliveries}, such as {:?}", wrong.len(), wrong.first());
    answers.into_iter().map(|(_, took)| took).collect()
}

/// A flood while an agent is at work: its run goes on, every delivery is answered in time, and each is looked into once.
fn a_flood_beside_a_run(deliveries: usize, connections: usize) {
    let mark = marked(600);
    let mut world = World::with(PYTHON, &Pace { planning: Some(mark.clone()), ..Pace::default() });
    world.hand_over();
    let agent = world.until("the planning agent's command runs", || traces::running(&mark));
    let baseline = resident(world.baton.pid());
    forget_the_peak(world.baton.pid());
    let begun = Instant::now();
    let mut times = flood(&world, deliveries, connections);
    let took = begun.elapsed();
    let (median, most, slowest) = (percentile(&mut times, 50), percentile(&mut times, 99), percentile(&mut times, 100));
    assert!(slowest < GITHUB_WAITS, "{slowest:?}");
    let (runtime, store) = store(&world.baton);
    let counts = || runtime.block_on(store.delivery_counts()).unwrap();
    let of_flood = |outcome: Option<&str>| -> u64 {
        let rows = counts();
        let is_counted = |row: &&baton_store::OutcomeCount| outcome.is_none_or(|it| row.outcome == it);
        rows.iter().filter(|row| row.event == "issue_comment").filter(is_counted).map(|row| row.count).sum()
    };
    assert!(of_flood(None) >= u64::try_from(deliveries).unwrap(), "none is lost");
    let waiting = of_flood(Some("received"));
    // The agent is not disturbed, and what it plans is posted while the rest of the flood still waits or just after it.
    assert!(traces::running(&mark).is_some());
    traces::end(agent);
    world.wait_for_plan();
    let patience = PATIENCE.max(Duration::from_millis(100) * u32::try_from(deliveries).unwrap());
    until("all of it was looked into", patience, || (of_flood(Some("received")) == 0).then_some(()));
    let drained = begun.elapsed();
    let done = runtime.block_on(store.job_counts()).unwrap();
    assert!(!done.iter().any(|(state, _)| *state == baton_store::JobState::Dead), "{done:?}");
    let held = peak(world.baton.pid()).saturating_sub(baseline);
    assert!(held < HELD, "{held}");
    println!(
        "backpressure: {deliveries} deliveries over {connections} connections beside a run in {took:?}: answered within \
         {median:?} (median), {most:?} (99 of 100), {slowest:?} (all); {waiting} waited at the end of it, none after \
         {drained:?}; {} KiB above {} KiB",
        held / 1024,
        baseline / 1024
    );
    runtime.block_on(store.close());
    world.baton.stop();
}

#[test]
fn a_flood_beside_a_run_is_answered_and_worked_off() {
    a_flood_beside_a_run(400, 32);
}

#[test]
#[ignore = "takes minutes: `script/test --full` runs it"]
fn twenty_thousand_deliveries_beside_a_run() {
    a_flood_beside_a_run(20_000, 256);
}

/// People talk on one issue: in the order in which they came, one at a time, and another issue's plan does not wait for it.
fn comments_on_one_issue(comments: usize) {
    let mut world = World::with(PYTHON, &Pace::default());
    world.hand_over();
    world.wait_for_plan();
    settled(&world);
    forget_the_peak(world.baton.pid());
    let baseline = resident(world.baton.pid());
    let begun = Instant::now();
    for number in 0..comments {
        world.says(MAINTAINER, &format!("Thought {number} about this."));
    }
    world.says(MAINTAINER, "/plan approve");
    world.wait_for_review();
    let took = begun.elapsed();
    let (runtime, store) = store(&world.baton);
    let patience = PATIENCE.max(Duration::from_millis(500) * u32::try_from(comments).unwrap());
    until("all of them were looked into", patience, || {
        let counts = runtime.block_on(store.delivery_counts()).unwrap();
        counts.iter().all(|row| row.outcome != "received").then_some(())
    });
    let held = peak(world.baton.pid()).saturating_sub(baseline);
    assert!(held < HELD, "{held}");
    println!(
        "backpressure: {comments} comments on one issue, and an approval behind them: in review after {took:?}; {} KiB above",
        held / 1024
    );
    runtime.block_on(store.close());
    assert_eq!(world.said().len(), 2, "{:#?}", world.said());
    world.baton.stop();
}

#[test]
fn comments_on_one_issue_are_looked_into_in_their_order() {
    comments_on_one_issue(40);
}

#[test]
#[ignore = "takes minutes: `script/test --full` runs it"]
fn a_thousand_comments_on_one_issue() {
    comments_on_one_issue(1_000);
}

/// the database lets nobody write for some seconds, again and again; what comes in that time waits and is answered in time.
#[test]
fn r_19_a_slow_database_makes_deliveries_wait_and_not_fail() {
    let mut world = quiet();
    let (runtime, store) = store(&world.baton);
    let mut slowest = Duration::ZERO;
    for _ in 0..3 {
        let held = runtime.block_on(store.begin()).unwrap();
        let times = std::thread::scope(|scope| {
            let posts: Vec<_> = (0..30)
                .map(|number| {
                    let world = &world;
                    scope.spawn(move || {
                        let (_, body) = chatter(number);
                        let signature = sign(&world.baton.webhook_secret, body.as_bytes());
                        let started = Instant::now();
                        let answer = world.baton.post(&signed(&signature, &guid()), body.as_bytes()).unwrap();
                        assert_eq!(answer.status, 202, "{answer:?}");
                        started.elapsed()
                    })
                })
                .collect();
            std::thread::sleep(Duration::from_secs(2));
            runtime.block_on(async { drop(held) });
            posts.into_iter().map(|post| post.join().unwrap()).max().unwrap()
        });
        assert!(times >= Duration::from_secs(1), "they waited: {times:?}");
        slowest = slowest.max(times);
    }
    assert!(slowest < GITHUB_WAITS, "{slowest:?}");
    settled(&world);
    println!("R-19 database held for 2 s: 90 deliveries answered within {slowest:?}");
    runtime.block_on(store.close());
    world.baton.stop();
}

/// GitHub takes seconds for every answer. Deliveries are answered as ever, leases hold, and the work comes to its end.
#[test]
fn r_19_a_slow_github_delays_the_work_and_no_answer() {
    let mut world = World::with(PYTHON, &Pace::default());
    for operation in ["issues/get", "issues/create-comment", "repos/get-collaborator-permission-level", "pulls/create"]
    {
        // Longer than a lease.
        world.github.fault(operation, &json!({ "kind": "delay", "millis": 2_500 }), None);
    }
    world.hand_over();
    let mut times = flood(&world, 100, 8);
    let slowest = percentile(&mut times, 100);
    assert!(slowest < Duration::from_secs(5), "{slowest:?}");
    world.wait_for_plan();
    world.until("the plan is recorded", || world.state().filter(|state| state == "awaiting_approval"));
    world.says(MAINTAINER, "/plan approve");
    world.wait_for_review();
    let jobs = world.baton.json(&["job", "list", "--json", "--limit", "1000"]);
    let lost: Vec<_> = jobs.iter().filter(|letter| letter["job"]["losses"] != 0).collect();
    assert!(lost.is_empty(), "a lease ran out while its work went on: {lost:#?}");
    println!("R-19 GitHub answers after 2.5 s: deliveries answered within {slowest:?}, one pull request");
    assert_eq!(world.pulls().len(), 1);
    world.baton.stop();
}
