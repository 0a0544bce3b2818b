//! and the way out: a 2xx means on disk, a disk or database that fails is said in time and costs nothing but a
//! redelivery, and whoever stops Baton turns no delivery away that could be taken.

use std::time::{Duration, Instant};

use rustix::process::{Pid, Resource, Rlimit, prlimit};
use serde_json::json;

use super::super::http;
use super::super::killed::sign;
use super::super::process::until;
use super::super::story::{PYTHON, Pace, marked};
use super::super::traces;
use super::super::world::World;
use super::{MIB, guid, quiet, rows, signed, store};

/// GitHub gives up after ten seconds; until then it has to be told.
const IN_TIME: Duration = Duration::from_secs(9);

/// A delivery with a body of at least so many bytes: GUID, body, signature.
fn delivery(world: &World, bytes: usize) -> (String, String, String) {
    let body = json!({ "action": "opened", "number": rand::random::<u64>(), "fill": "x".repeat(bytes) }).to_string();
    let signature = sign(&world.baton.webhook_secret, body.as_bytes());
    (guid(), body, signature)
}

fn ask(world: &World, path: &str) -> http::Answer {
    http::request(&world.baton.address, "GET", path, &[], b"").unwrap()
}

/// The row of a GUID, once it was looked into.
fn looked_into(world: &World, guid: &str) {
    world.until("it was looked into", || {
        let found = rows(&world.baton).into_iter().find(|row| row["guid"] == guid);
        found.filter(|row| row["outcome"] == "ignored")
    });
}

/// A 2xx means on disk: the process dies in the moment in which the answer is read, and the delivery is there.
#[test]
fn a16_an_answer_is_a_promise() {
    let mut world = World::with(PYTHON, &Pace::default());
    for _ in 0..10 {
        let body = json!({ "action": "opened", "number": rand::random::<u64>() }).to_string();
        let signature = sign(&world.baton.webhook_secret, body.as_bytes());
        let guid = guid();
        let answer = world.baton.post(&signed(&signature, &guid), body.as_bytes()).unwrap();
        world.baton.kill();
        assert_eq!(answer.status, 202, "{answer:?}");
        // Before the restart already: it is on disk, not in the memory of whoever comes next.
        let row = rows(&world.baton).into_iter().find(|row| row["guid"] == guid.as_str()).unwrap();
        let kept = world.baton.json(&["delivery", "show", &row["id"].to_string(), "--json"]).remove(0);
        assert_eq!(kept["body"], body.as_str());
        world.baton.serve();
        world.until("it was looked into", || {
            let found = rows(&world.baton).into_iter().find(|row| row["guid"] == guid.as_str());
            found.filter(|row| row["outcome"] != "received")
        });
    }
    world.baton.stop();
}

/// Another process holds the database's lock for longer than GitHub waits. Takes as long as an answer may take.
#[test]
fn a17_a_locked_database_is_said_in_time_and_recovered_from() {
    let mut world = quiet();
    let (runtime, store) = store(&world.baton);
    let held = runtime.block_on(store.begin()).unwrap();
    let (guid, body, signature) = delivery(&world, 0);
    let started = Instant::now();
    let answer = world.baton.post(&signed(&signature, &guid), body.as_bytes()).unwrap();
    let took = started.elapsed();
    assert_eq!(answer.status, 503, "{answer:?}");
    assert!(answer.head.contains("retry-after: "), "{answer:?}");
    assert!(took < IN_TIME, "{took:?}");
    assert_eq!((ask(&world, "/readyz").status, ask(&world, "/healthz").status), (503, 200));
    runtime.block_on(async { drop(held) });
    // GitHub sends it again under the same GUID, because it was told of the failure.
    until("deliveries are taken again", Duration::from_secs(30), || {
        (ask(&world, "/readyz").status == 200).then_some(())
    });
    let again = world.baton.post(&signed(&signature, &guid), body.as_bytes()).unwrap();
    // Whether the first was written after all when the lock went is nobody's concern: it is one row.
    assert!([200, 202].contains(&again.status), "{again:?}");
    looked_into(&world, &guid);
    assert_eq!(rows(&world.baton).iter().filter(|row| row["guid"] == guid.as_str()).count(), 1);
    println!("A-17 database locked: 503 after {took:?}, taken after the lock was gone");
    runtime.block_on(store.close());
    world.baton.stop();
}

/// The disk is full: writes beyond a limit fail, as RLIMIT_FSIZE has it once its signal is ignored.
#[test]
fn a17_a_full_disk_is_said_in_time_and_recovered_from() {
    let mut world = quiet();
    world.baton.stop();
    world.baton.through = ["env", "--ignore-signal=XFSZ"].map(str::to_owned).to_vec();
    world.baton.serve();
    let pid = Pid::from_raw(i32::try_from(world.baton.pid()).unwrap()).unwrap();
    let allow = |bytes: Option<u64>| {
        prlimit(Some(pid), Resource::Fsize, Rlimit { current: bytes, maximum: None }).unwrap();
    };
    let (guid, body, signature) = delivery(&world, 4 * MIB);
    let before = rows(&world.baton).len();
    allow(Some(2 * 1024 * 1024));
    let started = Instant::now();
    let answer = world.baton.post(&signed(&signature, &guid), body.as_bytes()).unwrap();
    let took = started.elapsed();
    assert_eq!(answer.status, 503, "{answer:?}");
    assert!(took < IN_TIME, "{took:?}");
    assert!(world.baton.is_serving(), "{}", world.baton.logs());
    allow(None);
    assert_eq!(rows(&world.baton).len(), before, "nothing of it was kept");
    let again = world.baton.post(&signed(&signature, &guid), body.as_bytes()).unwrap();
    assert_eq!(again.status, 202, "{again:?}");
    looked_into(&world, &guid);
    let (runtime, store) = store(&world.baton);
    assert_eq!(runtime.block_on(store.integrity_complaints()).unwrap(), Vec::<String>::new());
    println!("A-17 disk full: 503 after {took:?}, taken once there was room");
    runtime.block_on(store.close());
    world.baton.stop();
}

/// While a run is given time to end, deliveries are recorded at once, and whoever asks hears that no more should come.
#[test]
fn while_it_stops_deliveries_are_taken_still() {
    let mark = marked(60);
    let mut world = World::with(PYTHON, &Pace { planning: Some(mark.clone()), ..Pace::default() });
    world.hand_over();
    world.until("the planning agent's command runs", || traces::running(&mark));
    world.baton.terminate();
    world.until("it says that it stops", || world.baton.logs().contains("once more to stop at once").then_some(()));
    let (guid, body, signature) = delivery(&world, 0);
    let started = Instant::now();
    let answer = world.baton.post(&signed(&signature, &guid), body.as_bytes()).unwrap();
    let took = started.elapsed();
    assert_eq!(answer.status, 202, "{answer:?}");
    assert!(took < Duration::from_secs(5), "{took:?}");
    let ready = ask(&world, "/readyz");
    assert_eq!((ready.status, ready.body.as_str()), (503, "stopping\n"));
    assert!(world.baton.is_serving(), "it was answered before the end, not after it");
    let status = world.baton.wait(Duration::from_secs(40));
    assert!(status.success(), "{status}");
    // Nobody listens any more: who comes now is refused by the system, at once.
    let refused = Instant::now();
    assert!(world.baton.post(&signed(&signature, &guid), body.as_bytes()).is_err());
    assert!(refused.elapsed() < Duration::from_secs(1));
    println!("drain: a delivery was recorded and answered in {took:?}");
    world.baton.serve();
    looked_into(&world, &guid);
    let pid = world.until("the agent plans again", || traces::running(&mark));
    traces::end(pid);
    world.wait_for_plan();
    world.baton.stop();
}
