//! Pruning: what is over and old goes; nothing of what goes on, is not done with, or is still asked for.

use baton_core::domain::ids::{RunId, TaskId};
use baton_core::domain::time::Timestamp;
use baton_store::{
    DeliveryFilter, DeliveryId, DeliveryOutcome, JobFilter, JobState, Json, NewDelivery, NewJob, NewRun, Prunable,
    Pruned, Recorded, Store, StoreError, TaskChange,
};

use crate::place::{Place, at, done, enqueue, fail, job, json, take, task};

const OLD: i64 = 1_000;
const BEFORE: Timestamp = Timestamp(5_000);
const YOUNG: i64 = 9_000;

async fn prune(store: &Store, what: Prunable) -> u64 {
    let told = store.prune(what, BEFORE, BEFORE, false, &|| true).await.unwrap();
    let gone = store.prune(what, BEFORE, BEFORE, true, &|| true).await.unwrap();
    assert_eq!(told, gone, "what is told is what goes");
    let rest = store.prune(what, BEFORE, BEFORE, true, &|| true).await.unwrap();
    assert_eq!(rest, Pruned::default(), "nothing is left to go");
    gone.rows
}

/// Saves a task as ended at a time.
async fn end(store: &Store, id: TaskId, now: i64) {
    let mut tx = store.begin().await.unwrap();
    let row = tx.load_task(id).await.unwrap().unwrap();
    let change = TaskChange {
        id,
        version: row.version,
        repository: &row.repository,
        state: "merged",
        live: false,
        pull_request: None,
        document: &row.document,
    };
    tx.save_task(&change, at(now)).await.unwrap();
    tx.commit().await.unwrap();
}

/// Enqueues a job and does it.
async fn did(store: &Store, new: NewJob, now: i64) {
    enqueue(store, &new, now).await;
    let (lease, _) = take(store, now).await;
    done(store, &lease, now).await;
}

async fn delivered(store: &Store, guid: &str, body: &[u8], now: i64) -> Recorded {
    let delivery = NewDelivery { hook_type: "integration", hook_id: "1", guid, event: "issues", headers: &[], body };
    store.record_delivery(&delivery, at(now)).await.unwrap()
}

async fn settle(store: &Store, id: DeliveryId, outcome: DeliveryOutcome, now: i64) {
    let mut tx = store.begin().await.unwrap();
    tx.settle_delivery(id, &outcome, at(now)).await.unwrap();
    tx.commit().await.unwrap();
}

pub async fn what_is_over_and_old_goes_and_nothing_else(place: Place) {
    let store = place.open().await;
    let (live, ended, lately) = (task(&store, 1).await, task(&store, 2).await, task(&store, 3).await);
    for of in [Some(live), Some(ended), Some(lately), None] {
        did(&store, NewJob { task: of, ..job("done") }, OLD).await;
    }
    end(&store, ended, OLD).await;
    end(&store, lately, YOUNG).await;
    did(&store, job("young"), YOUNG).await;
    // Not done with: waiting, running, dead.
    enqueue(&store, &NewJob { run_at: Some(at(1_000_000)), ..job("waits") }, OLD).await;
    enqueue(&store, &job("runs"), OLD).await;
    take(&store, OLD).await;
    assert_eq!(prune(&store, Prunable::Jobs).await, 2, "of no task, and of the one that ended long ago");
    let kinds: Vec<_> = store
        .jobs(&JobFilter::default(), None, 100)
        .await
        .unwrap()
        .into_iter()
        .map(|job| format!("{} {} {:?}", job.kind, job.state.name(), job.task.map(|task| task.0)))
        .collect();
    assert_eq!(
        kinds,
        ["done done Some(1)", "done done Some(3)", "young done None", "waits queued None", "runs running None"]
    );

    // Hundreds, in several transactions, and one told to stop goes on the next time.
    for n in 0..125 {
        let mut tx = store.begin().await.unwrap();
        for _ in 0..4 {
            tx.enqueue(&NewJob { run_at: Some(at(OLD)), ..job(&format!("many-{n}")) }, at(OLD)).await.unwrap();
        }
        tx.commit().await.unwrap();
    }
    while let Some((lease, _)) = crate::place::claim(&store, OLD).await {
        done(&store, &lease, OLD).await;
    }
    let turns = std::sync::atomic::AtomicUsize::new(0);
    let twice = || turns.fetch_add(1, std::sync::atomic::Ordering::SeqCst) < 2;
    let some = store.prune(Prunable::Jobs, BEFORE, BEFORE, true, &twice).await.unwrap();
    assert!(some.rows > 0 && some.rows < 500, "{some:?}");
    assert_eq!(some.rows + prune(&store, Prunable::Jobs).await, 500);
}

pub async fn a_body_goes_before_its_delivery_and_a_second_arrival_is_known(place: Place) {
    let store = place.open().await;
    let mut ids = Vec::new();
    for (guid, now) in [("handled", OLD), ("waits", OLD), ("failed", OLD), ("dead", OLD), ("young", YOUNG)] {
        let Recorded::New(id) = delivered(&store, guid, format!("{{\"of\":\"{guid}\"}}").as_bytes(), now).await else {
            panic!("it is new")
        };
        ids.push(id);
    }
    for _ in 0..3 {
        let (lease, _) = take(&store, OLD).await;
        done(&store, &lease, OLD).await;
    }
    settle(&store, ids[0], DeliveryOutcome::Handled, OLD).await;
    settle(&store, ids[2], DeliveryOutcome::Failed("a bug".into()), OLD).await;
    settle(&store, ids[3], DeliveryOutcome::Failed("a bug".into()), OLD).await;
    settle(&store, ids[4], DeliveryOutcome::Handled, YOUNG).await;
    // The one on the list of what was given up on.
    let (lease, on_list) = take(&store, OLD).await;
    assert_eq!(on_list.payload.as_str(), format!("{{\"delivery\":{}}}", ids[3]));
    fail(&store, &lease, "a bug", OLD).await;

    assert_eq!(prune(&store, Prunable::Bodies).await, 2);
    let mut bodies = Vec::new();
    for id in &ids {
        bodies.push((store.delivery_body(*id).await.unwrap().unwrap().is_empty(), store.is_pruned(*id).await.unwrap()));
    }
    let (gone, there) = ((true, true), (false, false));
    assert_eq!(bodies, [gone, there, gone, there, there]);
    assert_eq!(delivered(&store, "handled", b"{\"of\":\"handled\"}", YOUNG).await, Recorded::Duplicate(ids[0]));
    let refused = store.replay_delivery(ids[0], at(YOUNG)).await.unwrap_err();
    assert!(matches!(&refused, StoreError::Conflict(text) if text.contains("its body was pruned")), "{refused}");
    // What came without a body was not pruned of one.
    let Recorded::New(empty) = delivered(&store, "empty", b"", YOUNG).await else { panic!("it is new") };
    assert!(!store.is_pruned(empty).await.unwrap());

    assert_eq!(prune(&store, Prunable::Deliveries).await, 2);
    let left = store.deliveries(&DeliveryFilter::default(), None, 100).await.unwrap();
    assert_eq!(left.iter().map(|row| row.guid.as_str()).collect::<Vec<_>>(), ["empty", "young", "dead", "waits"]);
}

pub async fn keys_and_lists_keep_what_they_stand_for(place: Place) {
    let store = place.open().await;
    let (live, ended) = (task(&store, 1).await, task(&store, 2).await);
    did(&store, NewJob { effect_key: Some("issue/7/1/say/refused".into()), ..job("say") }, OLD).await;
    did(&store, NewJob { effect_key: Some("tidy@471".into()), ..job("tidy") }, OLD).await;
    let keys_before = at(OLD);
    let gone = store.prune(Prunable::Jobs, BEFORE, keys_before, true, &|| true).await.unwrap();
    assert_eq!(gone.rows, 1, "a period that is over needs no key");
    let again =
        enqueue(&store, &NewJob { effect_key: Some("issue/7/1/say/refused".into()), ..job("say") }, YOUNG).await;
    assert!(matches!(again, baton_store::Enqueued::Duplicate(_)), "it was said");
    assert_eq!(prune(&store, Prunable::Jobs).await, 1, "until its key is old as well");

    for of in [Some(live), Some(ended), None] {
        enqueue(&store, &NewJob { task: of, ..job("dies") }, OLD).await;
        let (lease, _) = take(&store, OLD).await;
        fail(&store, &lease, "no", OLD).await;
        let (lease, _) = take(&store, OLD).await;
        done(&store, &lease, OLD).await;
    }
    end(&store, ended, OLD).await;
    assert_eq!(prune(&store, Prunable::DeadJobs).await, 2);
    let dead = JobFilter { state: Some(JobState::Dead), ..JobFilter::default() };
    let left = store.jobs(&dead, None, 10).await.unwrap();
    assert_eq!(left.iter().map(|job| job.task).collect::<Vec<_>>(), [Some(live)]);

    for (key, now) in [
        ("delivery/00aa", OLD),
        ("delivery/ffbb", YOUNG),
        ("answers/7/1/9/5/1", OLD),
        ("comment/7/1", OLD),
        ("handover/7/1", OLD),
        ("deliveryman", OLD),
    ] {
        let mut tx = store.begin().await.unwrap();
        assert!(tx.once(key, at(now)).await.unwrap());
        tx.commit().await.unwrap();
    }
    assert_eq!(prune(&store, Prunable::Notices).await, 2);
    for (key, noticed) in
        [("delivery/00aa", false), ("delivery/ffbb", true), ("comment/7/1", true), ("deliveryman", true)]
    {
        assert_eq!(store.was_noticed(key).await.unwrap(), noticed, "{key}");
    }
}

pub async fn logs_of_ended_tasks_go_entry_by_entry(place: Place) {
    let store = place.open().await;
    let (live, ended) = (task(&store, 1).await, task(&store, 2).await);
    let entries: Vec<(Timestamp, Json)> = (0..450).map(|n| (at(n), json(&"said ".repeat(20)))).collect();
    let mut runs = Vec::new();
    for of in [live, ended] {
        for number in 1..=3 {
            let id = RunId { task: of, number };
            let mut tx = store.begin().await.unwrap();
            let run = NewRun { id, kind: "plan", agent: "a", model: "m" };
            tx.begin_run(&run, at(OLD)).await.unwrap();
            tx.commit().await.unwrap();
            store.append_run_log(id, &entries).await.unwrap();
            let ended_at = if number == 3 { YOUNG } else { OLD };
            let mut tx = store.begin().await.unwrap();
            tx.end_run(id, &json("done"), &json("used"), at(ended_at)).await.unwrap();
            tx.commit().await.unwrap();
            runs.push(id);
        }
    }
    end(&store, ended, OLD).await;
    assert_eq!(prune(&store, Prunable::Logs).await, 900, "two runs of the task that ended long ago");
    let mut left = Vec::new();
    for run in runs {
        left.push(store.run_log(run, 0, 1_000).await.unwrap().len());
    }
    assert_eq!(left, [450, 450, 450, 0, 0, 450]);
    assert_eq!(store.runs(ended).await.unwrap().len(), 3, "that they were, and what they used, stays");
}
