//! What is kept of a run's work: the newest, under the newest lease alone; and use that is booked once.

use std::collections::HashSet;

use baton_core::domain::ids::{RunId, TaskId};
use baton_store::{Json, Kept, Lease, NewKept, NewRun, Packed, Slot, Store, StoreError};

use crate::place::{NO_LIMITS, Place, at, claim_as, done, enqueue, json, run_job, task};

/// A run's job of this task, claimed by `owner` at this time.
async fn claimed(store: &Store, owner: &str, now: i64) -> Lease {
    claim_as(store, owner, Slot::Run, NO_LIMITS, now).await.expect("a job to claim").0
}

async fn keep(store: &Store, lease: &Lease, kept: NewKept<'_>, now: i64) -> Result<(), StoreError> {
    let mut tx = store.begin().await.unwrap();
    tx.keep(lease, &kept, at(now)).await?;
    tx.commit().await
}

fn texts(kept: &Kept) -> (String, String) {
    let text = |packed: &Packed| String::from_utf8(packed.plain(100).unwrap()).unwrap();
    (text(&kept.changes), text(&kept.conversation))
}

fn packed(text: &str) -> Packed {
    Packed::of(text.as_bytes()).unwrap()
}

pub async fn the_newest_snapshot_is_kept_and_only_under_the_newest_lease(place: Place) {
    let store = place.open().await;
    let task = task(&store, 1).await;
    let run = RunId { task, number: 2 };
    enqueue(&store, &run_job("run", "acme"), 0).await;
    let first = claimed(&store, "first", 0).await;
    let (about, old, new, talk, more) =
        (json("about"), packed("old files"), packed("new files"), packed("talk"), packed("more talk"));
    let snapshot = NewKept { run, purpose: "p", about: &about, changes: Some(&old), conversation: &talk };
    let without = NewKept { changes: None, conversation: &more, ..snapshot };

    assert_eq!(store.kept(task).await.unwrap(), None);
    let lost = keep(&store, &first, without, 1).await.unwrap_err();
    assert!(matches!(lost, StoreError::LostLease(_)), "no files that a conversation could be beside: {lost}");
    keep(&store, &first, snapshot, 1).await.unwrap();
    keep(&store, &first, without, 2).await.unwrap();
    let kept = store.kept(task).await.unwrap().unwrap();
    assert_eq!(texts(&kept), ("old files".into(), "more talk".into()));
    assert_eq!((kept.about.run.as_str(), kept.about.purpose.as_str(), kept.about.at), ("1.2", "p", at(2)));
    assert_eq!(store.kept_about(task).await.unwrap(), Some(kept.about));

    // The lease runs out, another worker goes on, and the first one is still there.
    store.rescue_expired(at(60_000), &HashSet::new()).await.unwrap();
    let second = claimed(&store, "second", 60_000).await;
    let newer = NewKept { changes: Some(&new), ..snapshot };
    for (late, now) in [(snapshot, 60_001), (without, 60_002)] {
        let lost = keep(&store, &first, late, now).await.unwrap_err();
        assert!(matches!(lost, StoreError::LostLease(_)), "{lost}");
    }
    keep(&store, &second, newer, 60_003).await.unwrap();
    assert!(keep(&store, &first, snapshot, 60_004).await.is_err());
    assert_eq!(texts(&store.kept(task).await.unwrap().unwrap()), ("new files".into(), "talk".into()));

    // The job is done: nobody keeps anything under it any more. A later run of the task replaces it.
    done(&store, &second, 60_010).await;
    assert!(keep(&store, &second, snapshot, 60_011).await.is_err());
    enqueue(&store, &run_job("run", "acme"), 60_012).await;
    let third = claimed(&store, "second", 60_013).await;
    let later = NewKept { run: RunId { task, number: 3 }, purpose: "q", ..snapshot };
    keep(&store, &third, later, 60_014).await.unwrap();
    assert_eq!(store.kept_about(task).await.unwrap().unwrap().purpose, "q");
    assert_eq!(forget(&store, task).await, (true, false));
    assert_eq!(store.kept(task).await.unwrap(), None);
}

async fn forget(store: &Store, task: TaskId) -> (bool, bool) {
    let mut tx = store.begin().await.unwrap();
    let forgotten = (tx.forget_kept(task).await.unwrap(), tx.forget_kept(task).await.unwrap());
    tx.commit().await.unwrap();
    forgotten
}

pub async fn what_a_run_used_is_booked_once(place: Place) {
    let store = place.open().await;
    let task = task(&store, 1).await;
    let run = RunId { task, number: 1 };
    let mut tx = store.begin().await.unwrap();
    assert_eq!(tx.take_unbooked(run).await.unwrap(), [], "a run that never began used nothing");
    tx.begin_run(&NewRun { id: run, kind: "plan", agent: "native", model: "m" }, at(1)).await.unwrap();
    tx.commit().await.unwrap();
    let used = |tokens: u32| Json::of(&serde_json::json!({ "type": "used", "usage": tokens })).unwrap();
    let said = Json::of(&serde_json::json!({ "type": "text", "text": "{\"type\":\"used\"" })).unwrap();
    let log = async |entries: &[Json]| {
        let entries: Vec<_> = entries.iter().map(|entry| (at(2), entry.clone())).collect();
        store.append_run_log(run, &entries).await.unwrap();
    };
    let book = async |commit: bool| {
        let mut tx = store.begin().await.unwrap();
        let entries = tx.take_unbooked(run).await.unwrap();
        if commit {
            tx.commit().await.unwrap();
        }
        entries
    };
    log(&[used(1), said.clone(), used(2)]).await;
    assert_eq!(book(false).await, [used(1), used(2)]);
    assert_eq!(book(true).await, [used(1), used(2)], "what was not committed was not booked");
    assert_eq!(book(true).await, []);
    log(&[said, used(3)]).await;
    let mut tx = store.begin().await.unwrap();
    tx.begin_run(&NewRun { id: run, kind: "plan", agent: "native", model: "m" }, at(3)).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(book(true).await, [used(3)], "a run that is begun again is the same run");
    assert_eq!(store.used(run).await.unwrap(), [used(1), used(2), used(3)]);
}
