//! Runs: begun, begun again after a crash or a stop, followed while they go, ended once each time.

use baton_core::domain::ids::RunId;
use baton_store::{Json, NewRun, StoreError};

use crate::place::{Place, at, json, task};

pub async fn a_run_is_begun_followed_and_ended_once(place: Place) {
    let store = place.open().await;
    let task = task(&store, 1).await;
    let id = RunId { task, number: 1 };
    let entries = |texts: &[&str]| texts.iter().map(|text| (at(10), json(text))).collect::<Vec<_>>();
    assert!(store.append_run_log(id, &entries(&["nobody"])).await.is_err(), "no log without a run");

    for (model, now) in [("model-1", 1), ("model-2", 2)] {
        let mut tx = store.begin().await.unwrap();
        let new = NewRun { id, kind: "plan", agent: "native", model };
        tx.begin_run(&new, at(now)).await.unwrap();
        tx.commit().await.unwrap();
    }
    assert_eq!(store.append_run_log(id, &entries(&["one", "two"])).await.unwrap(), 2);
    assert_eq!(store.append_run_log(id, &[]).await.unwrap(), 0);
    assert_eq!(store.append_run_log(id, &entries(&["three"])).await.unwrap(), 3);
    let follow = store.run_log(id, 1, 10).await.unwrap();
    let follow: Vec<_> = follow.iter().map(|e| (e.seq, e.entry.as_str())).collect();
    assert_eq!(follow, [(2, "\"two\""), (3, "\"three\"")]);
    assert_eq!(store.run_log(id, 0, 1).await.unwrap().len(), 1);

    let mut tx = store.begin().await.unwrap();
    tx.end_run(id, &json("finished"), &Json::of(&5).unwrap(), at(20)).await.unwrap();
    let twice = tx.end_run(id, &json("finished"), &Json::of(&6).unwrap(), at(21)).await.unwrap_err();
    assert!(matches!(twice, StoreError::Conflict(_)), "{twice}");
    tx.commit().await.unwrap();
    let run = store.run(id).await.unwrap().unwrap();
    insta::assert_snapshot!(serde_json::to_string(&run).unwrap(), @r#"{"id":"1.1","task":1,"kind":"plan","agent":"native","model":"model-2","started_at":2,"ended_at":20,"format":1,"ending":"finished","usage":5}"#);
    assert_eq!(store.runs(task).await.unwrap(), [run]);

    // A run that was stopped, given back and begun anew ends anew.
    let mut tx = store.begin().await.unwrap();
    tx.begin_run(&NewRun { id, kind: "plan", agent: "native", model: "model-3" }, at(30)).await.unwrap();
    tx.commit().await.unwrap();
    let run = store.run(id).await.unwrap().unwrap();
    assert_eq!((run.ended_at, run.ending, run.usage), (None, None, None));
    let mut tx = store.begin().await.unwrap();
    tx.end_run(id, &json("finished later"), &Json::of(&7).unwrap(), at(40)).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(store.run(RunId { task, number: 2 }).await.unwrap(), None);
}
