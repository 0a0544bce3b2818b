//! Somebody else has the database: for a while, and for too long. Catalogue: R-09.

#![expect(clippy::unwrap_used, reason = "a test stops at the first thing that is not as it should be")]

use std::time::Duration;

use baton_core::domain::time::Timestamp;
use baton_store::{DeliveryFilter, NewDelivery, OpenOptions, Recorded, Store, StoreError};

async fn two() -> (tempfile::TempDir, Store, Store) {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/baton.db", folder.path().display());
    let first = Store::open(&url, OpenOptions::default()).await.unwrap();
    let second = Store::open(&url, OpenOptions::default()).await.unwrap();
    (folder, first, second)
}

async fn record(store: &Store, guid: &str) -> Result<Recorded, StoreError> {
    let new = NewDelivery { hook_type: "integration", hook_id: "1", guid, event: "issues", headers: &[], body: b"{}" };
    store.record_delivery(&new, Timestamp(1)).await
}

#[tokio::test]
async fn a_database_that_is_held_for_a_while_is_waited_for() {
    let (_folder, ours, theirs) = two().await;
    let held = theirs.begin().await.unwrap();
    let waits = tokio::spawn({
        let ours = ours.clone();
        async move { record(&ours, "waits").await }
    });
    // Whoever only reads does not wait.
    assert!(ours.deliveries(&DeliveryFilter::default(), None, 10).await.unwrap().is_empty());
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(!waits.is_finished(), "it waits");
    drop(held);
    assert!(matches!(waits.await.unwrap(), Ok(Recorded::New(_))));
}

#[tokio::test]
#[ignore = "takes minutes: `script/test --full` runs it"]
async fn a_database_that_is_held_for_a_minute_is_an_error_that_passes() {
    let (_folder, ours, theirs) = two().await;
    let held = theirs.begin().await.unwrap();
    let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
    let mut refused = 0;
    while tokio::time::Instant::now() < deadline {
        let error = record(&ours, "too long").await.unwrap_err();
        assert!(error.is_transient(), "{error:?}");
        refused += 1;
    }
    assert!(refused >= 4, "each waits for ten seconds: {refused}");
    drop(held);
    assert!(matches!(record(&ours, "too long").await, Ok(Recorded::New(_))), "nothing of what failed was kept");
    assert_eq!(ours.integrity_complaints().await.unwrap(), [""; 0]);
}
