//! `baton prune` beside a server: what is old goes, what is told is what goes, and where the disk is nearly full it says so.

use std::time::Duration;

use baton_store::{DeliveryOutcome, NewDelivery, OpenOptions, Recorded, Store};
use serde_json::Value;

use super::story::{PYTHON, Pace};
use super::world::World;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A delivery that was dealt with so many days ago.
fn delivered(world: &World, guid: &str, days: u32) -> i64 {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let store = Store::open(&world.baton.database(), OpenOptions { migrate: false }).await.unwrap();
        let then = ::baton::clock::now();
        let then = baton_core::domain::time::Timestamp(then.0 - i64::try_from((DAY * days).as_millis()).unwrap());
        let body = vec![b'x'; 5_000];
        let delivery =
            NewDelivery { hook_type: "integration", hook_id: "1", guid, event: "star", headers: &[], body: &body };
        let Recorded::New(id) = store.record_delivery(&delivery, then).await.unwrap() else { panic!("it is new") };
        let mut tx = store.begin().await.unwrap();
        tx.settle_delivery(id, &DeliveryOutcome::Handled, then).await.unwrap();
        tx.commit().await.unwrap();
        store.close().await;
        id.0
    })
}

/// How many of what.
fn went(report: &Value, what: &str) -> u64 {
    let parts = report["parts"].as_array().unwrap();
    parts.iter().find(|part| part["what"] == what).map_or(0, |part| part["rows"].as_u64().unwrap())
}

#[test]
fn what_is_old_goes_and_the_rest_stays() {
    let mut world = World::with(PYTHON, &Pace::default());
    world.play();
    super::webhook::settled(&world);
    let (old, ancient) = (delivered(&world, "old", 30), delivered(&world, "ancient", 100));
    let before = super::webhook::rows(&world.baton).len();
    let told = world.baton.json(&["prune", "--dry-run", "--json"]).remove(0);
    assert_eq!(
        (went(&told, "bodies of deliveries"), went(&told, "deliveries"), &told["kept_percent"]),
        (2, 1, &100.into())
    );
    assert_eq!(super::webhook::rows(&world.baton).len(), before, "it was only told");
    let said = world.baton.says(&["prune", "--dry-run"]);
    assert!(
        said.starts_with("WHAT") && said.contains("WOULD GO") && said.contains("used again before it grows"),
        "{said}"
    );

    let gone = world.baton.json(&["prune", "--json"]).remove(0);
    assert_eq!((went(&gone, "bodies of deliveries"), went(&gone, "deliveries")), (2, 1));
    assert_eq!(super::webhook::rows(&world.baton).len(), before - 1);
    let shown = world.baton.json(&["delivery", "show", &old.to_string(), "--json"]).remove(0);
    assert!(shown["body"].as_str().unwrap().contains("was pruned"), "{shown}");
    let again = world.baton.command(&["delivery", "replay", &old.to_string()]);
    assert!(String::from_utf8_lossy(&again.stderr).contains("its body was pruned"), "{again:?}");
    assert_eq!(world.baton.command(&["delivery", "show", &ancient.to_string()]).status.code(), Some(2));

    // No disk is that large: all that may go goes, and nothing of the task, which is in review.
    let pressed = ["prune", "--json", "--set", "policy.retention.free_gib=1000000"];
    let pressed = world.baton.json(&pressed).remove(0);
    assert_eq!((&pressed["kept_percent"], went(&pressed, "checkouts") > 0), (&0.into(), true), "{pressed:#}");
    assert_eq!((went(&pressed, "mirrors"), went(&pressed, "jobs"), went(&pressed, "logs of runs")), (0, 0, 0));
    let said = world.baton.says(&["prune", "--set", "policy.retention.free_gib=1000000"]);
    assert!(said.contains("The disk is nearly full"), "{said}");
    assert!(!world.baton.json(&["task", "log", "1", "--json"]).is_empty());
    world.audit();
}
