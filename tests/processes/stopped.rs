//! SIGTERM: what is under way may end or is given back, the program ends with 0, and the work goes on after a restart.

use std::time::{Duration, Instant};

use super::github::MAINTAINER;
use super::story::{PYTHON, Pace};
use super::traces;
use super::world::World;

fn marked(seconds: u32) -> String {
    format!("sleep {seconds}.{:09}", rand::random::<u32>() % 1_000_000_000)
}

#[test]
fn with_nothing_to_do_it_ends_at_once() {
    let mut world = World::with(PYTHON, &Pace::default());
    let started = Instant::now();
    world.baton.stop();
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
    world.nothing_runs();
}

/// A run that is nearly done may end.
#[test]
fn a_short_run_ends_first() {
    let mark = marked(2);
    let mut world = World::with(PYTHON, &Pace { planning: Some(mark.clone()), working: None });
    world.hand_over();
    world.until("the planning agent's command runs", || traces::running(&mark));
    world.baton.stop();
    assert_eq!(traces::running(&mark), None);
    world.nothing_runs();
    assert_eq!(world.state().as_deref(), Some("awaiting_approval"), "the plan was written before the end");
    world.baton.serve();
    world.wait_for_plan();
    world.says(MAINTAINER, "/plan approve");
    world.wait_for_review();
    world.audit();
}

/// A run that would take longer than one waits for is stopped and given back, and costs no attempt.
#[test]
fn a_long_run_is_given_back() {
    let mark = marked(40);
    let mut world =
        World::with(PYTHON, &Pace { planning: None, working: Some(format!("test -e /workspace/never || {mark}")) });
    world.hand_over();
    world.wait_for_plan();
    world.says(MAINTAINER, "/plan approve");
    world.until("the working agent's command runs", || traces::running(&mark));
    let started = Instant::now();
    world.baton.terminate();
    // While it drains it takes no new delivery, and GitHub is told so by a closed door.
    let status = world.baton.wait(Duration::from_secs(40));
    let took = started.elapsed();
    assert!(status.success(), "{status}");
    assert!(took < Duration::from_secs(30), "{took:?}");
    world.nothing_runs();
    assert_eq!(world.state().as_deref(), Some("implementing"));
    let given_back = Instant::now();
    world.baton.serve();
    // Given back, not left to be taken back when the lease runs out.
    world.until("the agent works again", || traces::running(&mark));
    assert!(given_back.elapsed() < Duration::from_secs(10), "{:?}", given_back.elapsed());
    world.says(MAINTAINER, "/baton cancel");
    world.until("the task is cancelled", || world.state().filter(|state| state == "cancelled"));
    world.until("the agent's command is gone", || traces::running(&mark).is_none().then_some(()));
    world.baton.stop();
    world.nothing_runs();
}
