//! Deliveries: durable with their job, once each, byte for byte.

use baton_store::{DeliveryFilter, DeliveryId, DeliveryOutcome, INGEST, Ingest, JobFilter, NewDelivery, Recorded};
use proptest::strategy::{Strategy as _, ValueTree as _};

use crate::place::{Place, at, done, take};

fn delivery<'a>(guid: &'a str, body: &'a [u8]) -> NewDelivery<'a> {
    NewDelivery {
        hook_type: "integration",
        hook_id: "99",
        guid,
        event: "issues",
        headers: &[("user-agent", "GitHub-Hookshot/044aadd")],
        body,
    }
}

pub async fn a_delivery_and_its_job_are_one_commit(place: Place) {
    let store = place.open().await;
    let recorded = store.record_delivery(&delivery("g-1", b"{}"), at(5)).await.unwrap();
    assert_eq!(recorded, Recorded::New(DeliveryId(1)));

    let (lease, job) = take(&store, 5).await;
    assert_eq!(job.kind, INGEST);
    assert_eq!(job.payload.read::<Ingest>("payload").unwrap(), Ingest { delivery: DeliveryId(1) });
    done(&store, &lease, 6).await;

    assert_eq!(
        store.record_delivery(&delivery("g-1", b"{}"), at(7)).await.unwrap(),
        Recorded::Duplicate(DeliveryId(1))
    );
    let another_hook = NewDelivery { hook_id: "100", ..delivery("g-1", b"{}") };
    assert_eq!(store.record_delivery(&another_hook, at(8)).await.unwrap(), Recorded::New(DeliveryId(2)));
    assert_eq!(store.jobs(&JobFilter::default(), None, 10).await.unwrap().len(), 2);
}

/// Nobody signs a GUID.
pub async fn another_body_under_a_used_guid_is_a_delivery_of_its_own(place: Place) {
    let store = place.open().await;
    for (body, expected) in [
        (&b"{}"[..], Recorded::New(DeliveryId(1))),
        (b"{ }", Recorded::New(DeliveryId(2))),
        (b"{}", Recorded::Duplicate(DeliveryId(1))),
        (b"{ }", Recorded::Duplicate(DeliveryId(2))),
    ] {
        assert_eq!(store.record_delivery(&delivery("g-1", body), at(5)).await.unwrap(), expected);
    }
    assert!(store.has_delivery("integration", "99", "g-1").await.unwrap());
    assert_eq!(store.jobs(&JobFilter::default(), None, 10).await.unwrap().len(), 2);
}

pub async fn the_same_delivery_a_hundred_times_at_once_is_kept_once(place: Place) {
    let (one, other) = (place.open().await, place.open().await);
    let mut tries = tokio::task::JoinSet::new();
    for n in 0..100 {
        let store = if n % 2 == 0 { one.clone() } else { other.clone() };
        tries.spawn(async move { store.record_delivery(&delivery("g-1", b"{}"), at(n)).await.unwrap() });
    }
    let all = tries.join_all().await;
    assert_eq!(all.iter().filter(|r| **r == Recorded::New(DeliveryId(1))).count(), 1);
    assert_eq!(all.iter().filter(|r| **r == Recorded::Duplicate(DeliveryId(1))).count(), 99);
    assert_eq!(one.jobs(&JobFilter::default(), None, 10).await.unwrap().len(), 1);
}

pub async fn any_bytes_come_back_as_they_were(place: Place) {
    let store = place.open().await;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let bodies = proptest::collection::vec(proptest::num::u8::ANY, 0..300);
    for n in 0..40 {
        let body = bodies.new_tree(&mut runner).unwrap().current();
        let recorded = store.record_delivery(&delivery(&format!("g-{n}"), &body), at(n)).await.unwrap();
        let Recorded::New(id) = recorded else {
            panic!("delivery {n} is new");
        };
        assert_eq!(store.delivery_body(id).await.unwrap(), Some(body));
    }
    let big = vec![0x5a; 25 * 1024 * 1024];
    store.record_delivery(&delivery("big", &big), at(50)).await.unwrap();
    assert_eq!(store.delivery_body(DeliveryId(41)).await.unwrap(), Some(big));
    assert_eq!(store.delivery_body(DeliveryId(42)).await.unwrap(), None);
}

pub async fn an_outcome_is_kept_listed_and_counted(place: Place) {
    let store = place.open().await;
    for guid in ["g-1", "g-2", "g-3"] {
        store.record_delivery(&delivery(guid, b"{}"), at(1)).await.unwrap();
    }
    let mut tx = store.begin().await.unwrap();
    let ignored = DeliveryOutcome::Ignored("a bot wrote it".into());
    tx.settle_delivery(DeliveryId(1), &DeliveryOutcome::Handled, at(2)).await.unwrap();
    tx.settle_delivery(DeliveryId(3), &ignored, at(3)).await.unwrap();
    let unknown = tx.settle_delivery(DeliveryId(4), &ignored, at(3)).await.unwrap_err();
    assert_eq!(unknown.to_string(), "there is no delivery 4");
    tx.commit().await.unwrap();

    let third = store.delivery(DeliveryId(3)).await.unwrap().unwrap();
    insta::assert_snapshot!(serde_json::to_string_pretty(&third).unwrap(), @r#"
    {
      "id": 3,
      "hook_type": "integration",
      "hook_id": "99",
      "guid": "g-3",
      "event": "issues",
      "headers": [
        [
          "user-agent",
          "GitHub-Hookshot/044aadd"
        ]
      ],
      "received_at": 1,
      "outcome": "ignored",
      "reason": "a bot wrote it",
      "settled_at": 3
    }
    "#);
    let ids = |list: Vec<baton_store::Delivery>| list.iter().map(|d| d.id.0).collect::<Vec<_>>();
    let any = DeliveryFilter::default();
    assert_eq!(ids(store.deliveries(&any, None, 2).await.unwrap()), [3, 2]);
    assert_eq!(ids(store.deliveries(&any, Some(DeliveryId(2)), 2).await.unwrap()), [1]);
    let handled = DeliveryFilter { event: Some("issues"), outcome: Some("handled") };
    assert_eq!(ids(store.deliveries(&handled, None, 9).await.unwrap()), [1]);
    let counts = store.delivery_counts().await.unwrap();
    let counts: Vec<_> = counts.iter().map(|c| format!("{} {} {}", c.event, c.outcome, c.count)).collect();
    assert_eq!(counts, ["issues handled 1", "issues ignored 1", "issues received 1"]);
}

pub async fn a_replay_is_queued_once(place: Place) {
    let store = place.open().await;
    store.record_delivery(&delivery("g-1", b"{}"), at(1)).await.unwrap();
    let (lease, first) = take(&store, 1).await;
    let mut tx = store.begin().await.unwrap();
    tx.settle_delivery(DeliveryId(1), &DeliveryOutcome::Failed("not JSON".into()), at(2)).await.unwrap();
    tx.complete(&lease, &baton_store::Outcome::Done(None), at(2)).await.unwrap();
    tx.commit().await.unwrap();

    let again = store.replay_delivery(DeliveryId(1), at(3)).await.unwrap();
    assert_ne!(again, first.id);
    assert_eq!(store.replay_delivery(DeliveryId(1), at(4)).await.unwrap(), again);
    let outcome = store.delivery(DeliveryId(1)).await.unwrap().unwrap().outcome;
    assert_eq!(outcome, DeliveryOutcome::Received);
    assert!(store.replay_delivery(DeliveryId(2), at(4)).await.is_err());
}
