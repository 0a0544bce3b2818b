//! R-18 with the program itself: a back-up while it serves and while it is flooded, and a database that goes back to one.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::json;

use super::github::MAINTAINER;
use super::killed::sign;
use super::process::until;
use super::story::{PYTHON, Pace};
use super::webhook::{guid, signed};
use super::world::World;

/// What a command that must fail says, with its exit code.
fn fails(world: &World, arguments: &[&str]) -> (i32, String) {
    let output = world.baton.command(arguments);
    assert!(!output.status.success(), "{output:?}");
    (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
}

fn back_up(world: &World, name: &str) -> PathBuf {
    let file = world.folder().join(name);
    let said = world.baton.says(&["backup", file.to_str().unwrap()]);
    assert!(said.contains("is written and sound"), "{said}");
    file
}

/// What Baton did that people see.
fn visible(world: &World) -> usize {
    world.github.deeds().iter().filter(|(what, _)| !what.starts_with("token.")).count()
}

/// Stops it, puts the back-up in place, and starts it again.
fn goes_back_to(world: &mut World, file: &std::path::Path) {
    let file = file.to_str().unwrap();
    let (code, said) = fails(world, &["restore", file, "--force"]);
    assert!(code == 1 && said.contains("stop it, and restore again"), "{said}");
    world.baton.stop();
    let (code, said) = fails(world, &["restore", file]);
    assert!(code == 2 && said.contains("`--force` puts it aside"), "{said}");
    let said = world.baton.says(&["restore", file, "--force"]);
    assert!(said.contains("What was there is kept as") && said.contains("Start `baton serve`"), "{said}");
    world.baton.serve();
}

/// The look that a start begins with is over.
fn has_looked(world: &World) {
    world.until("GitHub was compared with", || {
        let done =
            world.baton.json(&["job", "list", "--kind", "reconcile", "--state", "done", "--json", "--limit", "1"]);
        let running = world.baton.json(&["job", "list", "--kind", "reconcile", "--state", "queued", "--json"]);
        (!done.is_empty() && running.is_empty()).then_some(())
    });
}

/// The back-up knows of the plan and of nothing that came of it. What was approved then is not done again, and nothing stands
/// twice anywhere.
#[test]
fn r_18_a_database_from_before_the_approval_makes_nothing_twice() {
    let mut world = World::with(PYTHON, &Pace::default());
    world.hand_over();
    world.wait_for_plan();
    world.until("the plan is recorded", || world.state().filter(|state| state == "awaiting_approval"));
    super::webhook::settled(&world);
    let file = back_up(&world, "hour-ago.db");
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let (code, said) = fails(&world, &["backup", file.to_str().unwrap()]);
    assert!(code == 2 && said.contains("never overwrites"), "{said}");

    world.says(MAINTAINER, "/plan approve");
    world.wait_for_review();
    let before = visible(&world);
    goes_back_to(&mut world, &file);
    has_looked(&world);
    until("it says that another database took what came", Duration::from_secs(60), || {
        world.baton.logs().contains("were taken by another database").then_some(())
    });
    super::webhook::settled(&world);
    assert_eq!(world.state().as_deref(), Some("awaiting_approval"));
    assert_eq!(visible(&world), before, "{:#?}", world.github.deeds());
    world.baton.stop();
    world.nothing_runs();
}

/// The back-up was made while the pull request could not be opened. It was opened after that; the restored database opens it
/// again, and it is the same one.
#[test]
fn r_18_work_that_was_under_way_is_found_and_not_made_twice() {
    let mut world = World::with(PYTHON, &Pace::default());
    world.github.fault("pulls/create", &json!({ "kind": "refuse", "status": 502 }), None);
    world.hand_over();
    world.wait_for_plan();
    world.says(MAINTAINER, "/plan approve");
    world.until("the pull request was refused", || {
        world.github.list("requests").into_iter().find(|it| it["operation"] == "pulls/create")
    });
    let file = back_up(&world, "under-way.db");
    world.github.no_faults();
    world.wait_for_review();
    goes_back_to(&mut world, &file);
    world.until("the restored task is in review", || world.state().filter(|state| state == "in_review"));
    world.until("the restored jobs are done", || {
        let rest: Vec<_> = world.baton.json(&["job", "list", "--state", "queued", "--task", "1", "--json"]);
        rest.iter().all(|letter| letter["job"]["kind"] == "wake").then_some(())
    });
    world.audit();
}

/// Deliveries come as fast as they are taken, and back-ups are made: each is sound and one moment of the database, and every
/// delivery is answered.
#[test]
fn back_ups_are_made_under_load() {
    let mut world = World::with(PYTHON, &Pace::default());
    let secret = world.baton.webhook_secret.clone();
    let (over, answered) = (AtomicBool::new(false), AtomicUsize::new(0));
    let counts: Vec<(usize, i64, i64, usize)> = std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    let body = json!({ "action": "created", "n": rand::random::<u64>(), "fill": "x".repeat(2_000) });
                    let body = body.to_string();
                    let signature = sign(&secret, body.as_bytes());
                    let answer = world.baton.post(&signed(&signature, &guid()), body.as_bytes()).unwrap();
                    assert_eq!(answer.status, 202, "{answer:?}");
                    answered.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        let counts = (0..4)
            .map(|number| {
                until("deliveries come in", Duration::from_secs(60), || {
                    (answered.load(Ordering::SeqCst) > 100 * number).then_some(())
                });
                let before = answered.load(Ordering::SeqCst);
                let file = world.folder().join(format!("load-{number}.db"));
                let told = world.baton.json(&["backup", file.to_str().unwrap(), "--json"]).remove(0);
                assert_eq!(told["bytes"].as_u64(), Some(file.metadata().unwrap().len()));
                let number = |key: &str| told[key].as_i64().unwrap();
                (before, number("deliveries"), number("jobs"), answered.load(Ordering::SeqCst))
            })
            .collect();
        over.store(true, Ordering::Relaxed);
        counts
    });
    for (before, deliveries, jobs, after) in &counts {
        // Some came before the flood, and eight may be on disk and not answered yet.
        assert!(*deliveries >= i64::try_from(*before).unwrap() && *deliveries <= i64::try_from(*after + 40).unwrap());
        assert!(jobs >= deliveries, "each has its job: {counts:?}");
    }
    println!("R-18 back-ups under load: {counts:?}");
    let leftover = fs::read_dir(world.folder()).unwrap().flatten();
    assert!(!leftover.map(|it| it.file_name()).any(|name| name.to_string_lossy().contains("unfinished")));
    world.baton.stop();
    // The last one is worked with.
    let last = world.folder().join("load-3.db");
    world.baton.says(&["restore", last.to_str().unwrap(), "--force", "--json"]);
    world.baton.serve();
    assert_eq!(world.baton.says(&["health", "--ready"]), "ready\n");
    world.baton.stop();
}
