//! Whole tasks that finish together while GitHub counts every request: real agents in real sandboxes, real git, the real
//! queue, and a client that keeps under the limits. The budget alone, with a hundred tasks, is in
//! `crates/github/tests/storm.rs`.

use std::time::Duration;

use baton_core::domain::task::StateName;
use baton_github::Budget;
use github_sim::Limits;

use crate::world::{REPO, Setup, World, play};

/// So many tasks are approved at the same moment, and everything that follows happens under these limits.
async fn storm(w: &World, tasks: usize, limits: Limits) -> Duration {
    let issues: Vec<u64> =
        (1..=tasks).map(|n| w.rita().opens_issue(&format!("Greeting {n}"), "It says Helo.")).collect();
    for issue in &issues {
        w.alice().assigns(*issue);
    }
    w.lets_time_pass().await;
    // What was used up before does not count.
    w.passes(Duration::from_secs(2 * 60 * 60)).await;
    w.sim.switch(|switches| switches.limits = Some(Limits { refuse: false, ..limits }));
    let before = w.sim.requests().len();
    for issue in &issues {
        w.alice().says(*issue, "/plan approve");
    }
    let took = w.lets_time_pass().await;

    assert!(w.sim.above_limits().is_empty(), "above a limit: {:?}", w.sim.above_limits());
    for issue in &issues {
        assert_eq!(w.state(*issue).await, StateName::InReview, "issue {issue}");
    }
    assert_eq!(w.sim.pulls(REPO).expect("pulls").len(), tasks);
    assert_eq!(w.sim.check_runs(REPO).expect("check runs").len(), tasks);
    in_order(w, before, tasks);
    took
}

/// From the moment that there was not room for all, no check run and no progress went before the last pull request that
/// was waiting by then.
fn in_order(w: &World, before: usize, tasks: usize) {
    let requests = w.sim.requests();
    let writes: Vec<&str> = requests[before..]
        .iter()
        .map(|request| request.operation.as_str())
        .filter(|name| matches!(*name, "pulls/create" | "checks/create" | "issues/update-comment"))
        .collect();
    let last_pull = writes.iter().rposition(|name| *name == "pulls/create").expect("pull requests");
    let behind = writes[last_pull..].iter().filter(|name| **name == "checks/create").count();
    assert!(behind > tasks / 2, "most check runs come after the last pull request: {writes:?}");
    let progress = writes[last_pull..].iter().filter(|name| **name == "issues/update-comment").count();
    assert!(progress > tasks / 2, "and so does most progress: {writes:?}");
}

/// Eight tasks under a tenth of GitHub's limits. Eight tasks are sixteen runs in sandboxes, so it takes some seconds.
#[test]
fn tasks_that_finish_together_keep_under_the_limits() {
    let budget = Budget {
        burst: 4,
        gap: Duration::from_millis(15_000),
        writes_per_hour: 49,
        points_per_minute: 200,
        ..Budget::default()
    };
    let limits = Limits { content_a_minute: 8, content_an_hour: 50, points_a_minute: 210, ..Limits::default() };
    play(Setup::usual().keeps_within(budget), async |w| {
        let took = storm(w, 8, limits).await;
        assert!(took > Duration::from_secs(60), "there was nothing to wait for: {took:?}");
    });
}

#[test]
#[ignore = "takes minutes: `script/test --full` runs it"]
fn a_hundred_tasks_that_finish_together_keep_under_the_limits() {
    play(Setup::usual().keeps_within(Budget::default()), async |w| {
        let took = storm(w, 100, Limits::default()).await;
        assert!(took > Duration::from_secs(60 * 60), "the hour's limit was never reached: {took:?}");
    });
}
