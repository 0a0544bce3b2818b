//! Tasks, their history, and what is remembered about the world.

use baton_core::domain::ids::{IssueNumber, RepositoryId, TaskId};
use baton_store::{Json, NewHistory, NewTask, StoreError, TaskChange, TaskFilter, TaskRow};

use crate::place::{Place, at, json, task};

fn change<'a>(row: &'a TaskRow, state: &'a str, live: bool, document: &'a Json) -> TaskChange<'a> {
    TaskChange {
        id: row.id,
        version: row.version,
        repository: &row.repository,
        state,
        live,
        pull_request: row.pull_request,
        document,
    }
}

async fn insert(store: &baton_store::Store, issue: i64) -> Result<TaskRow, StoreError> {
    let document = json("new");
    let new = NewTask {
        repository_id: RepositoryId(7),
        repository: "acme/app",
        issue: IssueNumber(issue),
        state: "planning",
        document: &document,
    };
    let mut tx = store.begin().await?;
    let row = tx.insert_task(&new, at(1)).await?;
    tx.commit().await?;
    Ok(row)
}

pub async fn an_issue_has_one_live_task_and_counts_its_attempts(place: Place) {
    let store = place.open().await;
    let first = insert(&store, 1).await.unwrap();
    assert_eq!((first.attempt, first.version, first.live), (1, 1, true));
    let refused = insert(&store, 1).await.unwrap_err();
    assert_eq!(refused.to_string(), "issue 1 of repository 7 has a live task already");

    let mut tx = store.begin().await.unwrap();
    let end = json("the end");
    assert_eq!(tx.save_task(&change(&first, "cancelled", false, &end), at(2)).await.unwrap(), 2);
    tx.commit().await.unwrap();
    let second = insert(&store, 1).await.unwrap();
    assert_eq!(second.attempt, 2);
    assert_eq!(insert(&store, 2).await.unwrap().attempt, 1);

    let mut tx = store.begin().await.unwrap();
    let ended = tx.load_task(first.id).await.unwrap().unwrap();
    let revived = tx.save_task(&change(&ended, "planning", true, &end), at(3)).await.unwrap_err();
    assert!(matches!(revived, StoreError::AlreadyLive { .. }), "{revived}");
}

pub async fn a_change_decided_on_an_old_version_is_refused(place: Place) {
    let store = place.open().await;
    let row = insert(&store, 1).await.unwrap();
    let (new, newer) = (json("new"), json("newer"));
    let mut tx = store.begin().await.unwrap();
    tx.save_task(&change(&row, "queued", true, &new), at(2)).await.unwrap();
    tx.commit().await.unwrap();

    let mut tx = store.begin().await.unwrap();
    let stale = tx.save_task(&change(&row, "failed", false, &newer), at(3)).await.unwrap_err();
    assert!(matches!(stale, StoreError::Stale { expected: 1, .. }), "{stale}");
    drop(tx);
    let kept = store.task(row.id).await.unwrap().unwrap();
    assert_eq!((kept.state.as_str(), kept.version, kept.updated_at), ("queued", 2, at(2)));
    assert_eq!(kept.document, new);
}

pub async fn a_dropped_transaction_leaves_nothing(place: Place) {
    let store = place.open().await;
    let row = insert(&store, 1).await.unwrap();
    let document = json("never");
    let mut tx = store.begin().await.unwrap();
    tx.save_task(&change(&row, "failed", false, &document), at(2)).await.unwrap();
    tx.enqueue(&crate::place::job("never"), at(2)).await.unwrap();
    assert!(tx.once("never", at(2)).await.unwrap());
    assert_eq!(store.task(row.id).await.unwrap().unwrap().state, "planning", "readers see only what is committed");
    drop(tx);
    assert_eq!(store.task(row.id).await.unwrap().unwrap(), row);
    assert_eq!(store.job_counts().await.unwrap(), []);
    assert!(store.begin().await.unwrap().once("never", at(3)).await.unwrap());
}

pub async fn tasks_are_found_by_issue_by_pull_request_and_page_by_page(place: Place) {
    let store = place.open().await;
    for issue in 1..=5 {
        insert(&store, issue).await.unwrap();
    }
    let row = store.task_of_issue(RepositoryId(7), IssueNumber(3)).await.unwrap().unwrap();
    let document = json("in review");
    let mut tx = store.begin().await.unwrap();
    let in_review = TaskChange {
        pull_request: Some(IssueNumber(12)),
        repository: "acme/renamed",
        ..change(&row, "in_review", true, &document)
    };
    tx.save_task(&in_review, at(2)).await.unwrap();
    assert_eq!(tx.load_task_of_issue(RepositoryId(7), IssueNumber(3)).await.unwrap().unwrap().version, 2);
    tx.commit().await.unwrap();

    let found = store.task_of_pull_request(RepositoryId(7), IssueNumber(12)).await.unwrap().unwrap();
    assert_eq!((found.id, found.repository.as_str()), (row.id, "acme/renamed"));
    assert_eq!(store.task_of_pull_request(RepositoryId(8), IssueNumber(12)).await.unwrap(), None);

    let ids = |rows: Vec<TaskRow>| rows.iter().map(|row| row.id.0).collect::<Vec<_>>();
    let any = TaskFilter::default();
    assert_eq!(ids(store.tasks(&any, None, 3).await.unwrap()), [5, 4, 3]);
    assert_eq!(ids(store.tasks(&any, Some(TaskId(3)), 3).await.unwrap()), [2, 1]);
    let in_review =
        TaskFilter { state: Some("in_review"), repository_id: Some(RepositoryId(7)), live: Some(true), ..any };
    assert_eq!(ids(store.tasks(&in_review, None, 9).await.unwrap()), [3]);
    let ended = TaskFilter { live: Some(false), ..any };
    assert_eq!(ids(store.tasks(&ended, None, 9).await.unwrap()), [0; 0]);
    assert_eq!(store.task_counts().await.unwrap(), [("in_review".to_owned(), 1), ("planning".to_owned(), 4)]);
}

pub async fn history_counts_without_gaps_and_reads_from_anywhere(place: Place) {
    let store = place.open().await;
    let (one, other) = (task(&store, 1).await, task(&store, 2).await);
    let event = json("approved");
    let entry = |task| NewHistory {
        task,
        actor: "@alice",
        state_before: "awaiting_approval",
        state_after: "queued",
        event: &event,
    };
    for _ in 0..2 {
        let mut tx = store.begin().await.unwrap();
        tx.append_history(&entry(one), at(3)).await.unwrap();
        tx.append_history(&entry(other), at(4)).await.unwrap();
        tx.commit().await.unwrap();
        let mut dropped = store.begin().await.unwrap();
        dropped.append_history(&entry(one), at(5)).await.unwrap();
    }
    let all = store.history(one, 0, 10).await.unwrap();
    assert_eq!(all.iter().map(|e| e.seq).collect::<Vec<_>>(), [1, 2]);
    insta::assert_snapshot!(serde_json::to_string(&store.history(one, 1, 10).await.unwrap()).unwrap(), @r#"[{"seq":2,"at":3,"actor":"@alice","state_before":"awaiting_approval","state_after":"queued","format":1,"event":"approved"}]"#);
    let mut tx = store.begin().await.unwrap();
    assert!(tx.append_history(&entry(TaskId(99)), at(5)).await.is_err(), "no history without a task");
}

pub async fn two_programs_share_one_database(place: Place) {
    let (one, other) = (place.open().await, place.open().await);
    let id = task(&one, 1).await;
    let row = other.task(id).await.unwrap().unwrap();
    let mut changes = tokio::task::JoinSet::new();
    for n in 0..20 {
        let store = if n % 2 == 0 { one.clone() } else { other.clone() };
        changes.spawn(async move {
            let mut tx = store.begin().await.unwrap();
            let row = tx.load_task(id).await.unwrap().unwrap();
            let count: i64 = row.document.read::<i64>("count").unwrap_or(0);
            let document = Json::of(&(count + 1)).unwrap();
            tx.save_task(&change(&row, "planning", true, &document), at(n)).await.unwrap();
            tx.commit().await.unwrap();
        });
    }
    changes.join_all().await;
    let end = one.task(id).await.unwrap().unwrap();
    assert_eq!((end.document.read::<i64>("count").unwrap(), end.version), (20, row.version + 20));
}

pub async fn once_is_once(place: Place) {
    let store = place.open().await;
    let mut first = store.begin().await.unwrap();
    assert!(first.once("refused:alice:7#1", at(1)).await.unwrap());
    assert!(!first.once("refused:alice:7#1", at(1)).await.unwrap());
    first.commit().await.unwrap();
    let mut second = store.begin().await.unwrap();
    assert!(!second.once("refused:alice:7#1", at(2)).await.unwrap());
    assert!(second.once("refused:bob:7#1", at(2)).await.unwrap());
}

pub async fn what_an_effect_made_is_remembered(place: Place) {
    let store = place.open().await;
    assert_eq!(store.recall::<i64>("plan:1:1").await.unwrap(), None);
    for id in [5, 6] {
        let mut tx = store.begin().await.unwrap();
        tx.remember("plan:1:1", &id, at(1)).await.unwrap();
        tx.set("bot", &("baton[bot]", id), at(1)).await.unwrap();
        tx.commit().await.unwrap();
    }
    assert_eq!(store.recall::<i64>("plan:1:1").await.unwrap(), Some(6));
    assert_eq!(store.setting::<(String, i64)>("bot").await.unwrap(), Some(("baton[bot]".to_owned(), 6)));
    let wrong = store.recall::<String>("plan:1:1").await.unwrap_err();
    assert!(matches!(wrong, StoreError::Corrupt { what: "remembered id", .. }), "{wrong}");
}
