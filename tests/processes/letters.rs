//! What was given up on, as an operator finds it and mends it: `baton job`, the doctor, the health check and the log.

use baton_store::{Claim, Ingest, JobId, Limits, NewJob, OpenOptions, Slot, Store};
use serde_json::{Value, json};

use super::baton::Baton;
use super::github::MAINTAINER;
use super::story::{PYTHON, Pace};
use super::world::World;

/// Has the job of a delivery given up on, beside a server that is stopped.
fn gives_up_on(baton: &Baton, delivery: i64) -> JobId {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let store = Store::open(&baton.database(), OpenOptions { migrate: false }).await.unwrap();
        let now = ::baton::clock::now();
        let payload = Ingest { delivery: baton_store::DeliveryId(delivery) };
        let mut tx = store.begin().await.unwrap();
        let job = NewJob { priority: 1_000, ..NewJob::new("consider", &payload).unwrap() };
        let id = tx.enqueue(&job, now).await.unwrap().id();
        tx.commit().await.unwrap();
        let limits = Limits { global_runs: 1, per_repository_runs: 1 };
        let claim = Claim { owner: "test", slot: Slot::Light, ttl: std::time::Duration::from_secs(60), limits };
        let (lease, claimed) = store.claim(&claim, now).await.unwrap().unwrap();
        assert_eq!(claimed.id, id);
        let mut tx = store.begin().await.unwrap();
        tx.fail(&lease, "the handler stumbled: \u{1b}[31mred\nand more", now).await.unwrap();
        tx.commit().await.unwrap();
        store.close().await;
        id
    })
}

fn dead(baton: &Baton) -> Vec<Value> {
    baton.json(&["job", "list", "--state", "dead", "--json"])
}

/// A delivery whose job died: it is on every list, says what helps, and is done after that.
#[test]
fn a_delivery_that_was_given_up_on_is_shown_and_done_again() {
    let mut world = World::with(PYTHON, &Pace::default());
    world.hand_over();
    world.wait_for_plan();
    let rows = super::webhook::settled(&world);
    assert_eq!(dead(&world.baton), Vec::<Value>::new());
    assert_eq!(world.baton.says(&["job", "list", "--state", "dead"]), "(nothing)\n");
    assert_eq!(world.baton.says(&["health", "--ready"]), "ready\n");
    world.baton.stop();
    let delivery = rows[0]["id"].as_i64().unwrap();
    let id = gives_up_on(&world.baton, delivery);
    world.baton.serve();

    // The news was told: the delivery is a failed one.
    let outcome =
        || world.baton.json(&["delivery", "show", &delivery.to_string(), "--json"]).remove(0)["delivery"].clone();
    world.until("the delivery has failed", || (outcome()["outcome"] == "failed").then_some(()));
    let listed = dead(&world.baton).remove(0);
    assert_eq!(listed["job"]["id"], id.0);
    assert_eq!(listed["what"], format!("look into delivery {delivery}"));
    assert_eq!(listed["help"]["command"], format!("baton job replay {id}"));
    let list = world.baton.says(&["job", "list", "--state", "dead"]);
    assert!(list.contains("1 of 10") && list.contains(&format!("baton job replay {id}")), "{list}");
    assert!(!list.contains('\u{1b}') && !list.contains("and more"), "{list:?}");
    let shown = world.baton.says(&["job", "show", &id.to_string()]);
    for part in
        [&format!("job {id} · consider · dead"), "tried 1 of 10 times", "and more", "what helps: `baton job replay"]
    {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    assert!(world.baton.logs().contains("work was given up on"), "the log of the start says so");
    let ready = world.until("the health check says so", || {
        let says = world.baton.says(&["health", "--ready"]);
        says.contains("given up").then_some(says)
    });
    assert_eq!(ready, "ready; some work was given up on, see `baton job list --state dead`\n");
    let findings = world.baton.json(&["doctor", "--json"]);
    let warned = findings.iter().find(|it| it["check"] == "database" && it["verdict"] == "warning").unwrap();
    assert_eq!(warned["says"], "1 job was given up on");

    assert_eq!(world.baton.says(&["job", "replay", &id.to_string()]), format!("Job {id} will be done again.\n"));
    world.until("it was looked into again", || {
        (["handled", "ignored"].contains(&outcome()["outcome"].as_str().unwrap())).then_some(())
    });
    assert_eq!(dead(&world.baton), Vec::<Value>::new());
    let done = world.baton.json(&["job", "show", &id.to_string(), "--json"]).remove(0);
    assert_eq!((&done["job"]["state"], &done["help"]), (&json!("done"), &Value::Null));
    let again = world.baton.command(&["job", "replay", &id.to_string()]);
    assert_eq!(again.status.code(), Some(2), "{again:?}");
    let neither = world.baton.command(&["job", "replay"]);
    assert_eq!(neither.status.code(), Some(2), "{neither:?}");

    world.until("the plan is recorded", || world.state().filter(|state| state == "awaiting_approval"));
    world.says(MAINTAINER, "/plan approve");
    world.wait_for_review();
    world.audit();
}

/// A plan that could not be posted: its task failed with it, so the task is what has to be retried, and a replay says so.
#[test]
fn what_a_task_failed_with_names_the_command_that_helps() {
    let mut world = World::with(PYTHON, &Pace::default());
    let locked = "Unable to create comment because issue is locked.";
    world.github.fault("issues/create-comment", &json!({ "kind": "refuse", "status": 403, "message": locked }), None);
    world.hand_over();
    world.until("the task has failed", || world.state().filter(|state| state == "failed"));
    let letters = world.until("it is on the list", || Some(dead(&world.baton)).filter(|dead| !dead.is_empty()));
    let plan = letters.iter().find(|letter| letter["what"] == "post the plan").unwrap();
    assert_eq!(plan["help"]["command"], "baton task retry 1");
    assert_eq!((&plan["task"]["repository"], &plan["task"]["issue"]), (&json!("acme/dotfile"), &json!(1)));
    world.github.no_faults();
    let said = world.baton.says(&["job", "replay", "--all-dead"]);
    assert!(said.contains("(post the plan) stays: `baton task retry 1`"), "{said}");
    world.baton.says(&["task", "retry", "1"]);
    world.wait_for_plan();
    let id = plan["job"]["id"].to_string();
    world.until("the plan is recorded, and nobody waits for the first one any more", || {
        let stale = world.baton.json(&["job", "show", &id, "--json"]).remove(0);
        (stale["help"]["command"] == format!("baton job dismiss {id}")).then_some(())
    });
    world.baton.says(&["job", "dismiss", "--all-dead"]);
    assert_eq!(dead(&world.baton), Vec::<Value>::new());
    world.baton.stop();
}
