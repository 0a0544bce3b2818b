//! Dead letters: counted, listed newest first, done again, taken off the list.

use baton_store::{DeliveryId, Ended, INGEST, JobFilter, JobId, JobState, NewDelivery, Recorded, StoreError};

use crate::place::{Place, at, enqueue, fail, job, take, task};

pub async fn what_died_is_counted_and_listed_newest_first(place: Place) {
    let store = place.open().await;
    let task = task(&store, 1).await;
    let mut ids = Vec::new();
    for n in 0..5 {
        let mut new = job(if n % 2 == 0 { "even" } else { "odd" });
        new.task = (n < 2).then_some(task);
        ids.push(enqueue(&store, &new, 0).await.id());
        let (lease, _) = take(&store, 0).await;
        assert_eq!(fail(&store, &lease, "no", 1).await, Ended::Dead);
        // The news of it.
        let (lease, _) = take(&store, 1).await;
        crate::place::done(&store, &lease, 1).await;
    }
    assert_eq!(store.dead_jobs().await.unwrap(), 5);
    let dead = JobFilter { state: Some(JobState::Dead), ..JobFilter::default() };
    let listed = async |filter: JobFilter<'_>, before: Option<JobId>| {
        let rows = store.newest_jobs(&filter, before, 2).await.unwrap();
        rows.iter().map(|job| job.id).collect::<Vec<_>>()
    };
    assert_eq!(listed(dead, None).await, [ids[4], ids[3]]);
    assert_eq!(listed(dead, Some(ids[3])).await, [ids[2], ids[1]]);
    assert_eq!(listed(JobFilter { kind: Some("odd"), ..dead }, None).await, [ids[3], ids[1]]);
    assert_eq!(listed(JobFilter { task: Some(task), ..dead }, None).await, [ids[1], ids[0]]);

    store.dismiss_job(ids[0]).await.unwrap();
    assert!(matches!(store.dismiss_job(ids[0]).await, Err(StoreError::NotFound(_))), "it is on no list any more");
    store.replay_job(ids[1], at(2)).await.unwrap();
    assert_eq!(store.dead_jobs().await.unwrap(), 3);
    assert_eq!(store.job(ids[0]).await.unwrap().unwrap().state, JobState::Cancelled);
}

pub async fn a_delivery_that_is_looked_into_again_is_given_up_on_no_more(place: Place) {
    let store = place.open().await;
    let mut ids = Vec::new();
    for guid in ["a", "b"] {
        let delivery =
            NewDelivery { hook_type: "integration", hook_id: "1", guid, event: "issues", headers: &[], body: b"{}" };
        let Recorded::New(id) = store.record_delivery(&delivery, at(0)).await.unwrap() else { panic!("it is new") };
        let (lease, job) = take(&store, 0).await;
        assert_eq!(job.kind, INGEST);
        fail(&store, &lease, "a bug", 1).await;
        let (lease, _) = take(&store, 1).await;
        crate::place::done(&store, &lease, 1).await;
        ids.push(id);
    }
    assert_eq!(store.dead_jobs().await.unwrap(), 2);
    store.replay_delivery(ids[1], at(2)).await.unwrap();
    assert_eq!(store.dead_jobs().await.unwrap(), 1, "that of the other delivery");
    let (_, again) = take(&store, 2).await;
    let of: baton_store::Ingest = again.payload.read("ingest").unwrap();
    assert_eq!(of.delivery, DeliveryId(ids[1].0));
}
