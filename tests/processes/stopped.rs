//! SIGTERM: what is under way may end or is given back, the program ends with 0, and the work goes on after a restart.

use std::time::{Duration, Instant};

use super::github::MAINTAINER;
use super::story::{PYTHON, Pace, marked};
use super::traces;
use super::world::World;

#[test]
fn with_nothing_to_do_it_ends_at_once() {
    let mut world = World::with(PYTHON, &Pace::default());
    let started = Instant::now();
    world.baton.stop();
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
    world.nothing_runs();
}

/// Whoever asks twice does not want to wait; what was under way is done after the restart all the same.
#[test]
fn asked_twice_it_ends_at_once() {
    let mark = marked(30);
    let mut world = World::with(PYTHON, &Pace { planning: Some(mark.clone()), ..Pace::default() });
    world.hand_over();
    world.until("the planning agent's command runs", || traces::running(&mark));
    world.baton.terminate();
    world.until("it says that it stops", || world.baton.logs().contains("once more to stop at once").then_some(()));
    let started = Instant::now();
    world.baton.terminate();
    assert_eq!(world.baton.wait(Duration::from_secs(10)).code(), Some(1));
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
    world.until("the agent's command is gone", || traces::running(&mark).is_none().then_some(()));
    world.baton.serve();
    let pid = world.until("the agent plans again", || traces::running(&mark));
    traces::end(pid);
    world.wait_for_plan();
    world.says(MAINTAINER, "/plan approve");
    world.wait_for_review();
    world.audit();
}

/// A run that is nearly done may end.
#[test]
fn a_short_run_ends_first() {
    let mark = marked(2);
    let mut world = World::with(PYTHON, &Pace { planning: Some(mark.clone()), ..Pace::default() });
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

/// A run that would take longer than one waits for is stopped and given back, and is done after the restart.
#[test]
fn a_long_run_is_given_back() {
    let mark = marked(60);
    let mut world = World::with(PYTHON, &Pace { working: Some(mark.clone()), ..Pace::default() });
    world.hand_over();
    world.wait_for_plan();
    world.says(MAINTAINER, "/plan approve");
    world.until("the working agent's command runs", || traces::running(&mark));
    let started = Instant::now();
    world.baton.terminate();
    let status = world.baton.wait(Duration::from_secs(40));
    let took = started.elapsed();
    assert!(status.success(), "{status}");
    assert!(took < Duration::from_secs(30), "{took:?}");
    world.nothing_runs();
    assert_eq!(traces::running(&mark), None);
    assert_eq!(world.state().as_deref(), Some("implementing"));
    world.baton.serve();
    // What the agent waits for comes at last.
    let pid = world.until("the agent works again", || traces::running(&mark));
    traces::end(pid);
    world.wait_for_review();
    world.audit();
    let runs = world.baton.json(&["task", "show", "1", "--json"]).remove(0)["runs"].clone();
    assert_eq!(runs.as_array().unwrap().len(), 2, "the run that was given back is the one that was done: {runs:#}");
}
