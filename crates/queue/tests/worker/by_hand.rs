//! One step at a time, with a clock that moves only when told: what scenario tests do.

use std::sync::Arc;
use std::time::Duration;

use baton_core::domain::time::Timestamp;
use baton_queue::{Config, Ending, Endless, Failure, Recurring, Worker};
use baton_store::{JobFilter, JobState, NewJob, Slot};

use crate::bench::{Act, Place, Script, Scripted, config, enqueue, get, job, worker};

async fn endings(worker: &Worker<Scripted>) -> Vec<(String, Ending)> {
    let ran = worker.run_until_idle(100).await.unwrap();
    ran.into_iter().map(|ran| (ran.job.kind, ran.ending)).collect()
}

fn ended(kind: &str, ending: Ending) -> (String, Ending) {
    (kind.to_owned(), ending)
}

#[tokio::test]
async fn a_job_is_completed_by_its_handler_and_light_ones_go_before_runs() {
    let place = Place::new();
    let (store, script) = (place.open().await, Arc::new(Script::default()));
    let worker = worker(&store, &script, config("w"), script.clock());
    let run = NewJob { slot: Slot::Run, ..job("run") };
    let id = enqueue(&store, &run, Timestamp(0)).await;
    enqueue(&store, &job("light"), Timestamp(0)).await;
    assert_eq!(endings(&worker).await, [ended("light", Ending::Completed), ended("run", Ending::Completed)]);
    assert_eq!(get(&store, id).await.state, JobState::Done);
    assert!(worker.run_next().await.unwrap().is_none());
}

#[tokio::test]
async fn a_failure_that_may_pass_is_tried_again_with_growing_waits_and_then_told_of() {
    let place = Place::new();
    let (store, script) = (place.open().await, Arc::new(Script::default()));
    let worker = worker(&store, &script, config("w"), script.clock());
    script.on("comment", Act::Fail(Failure::transient("502 Bad Gateway")));
    let fragile = NewJob { max_attempts: 4, ..job("comment") };
    let id = enqueue(&store, &fragile, Timestamp(0)).await;
    let mut seen = Vec::new();
    while let Some(due) = store.next_run_at().await.unwrap() {
        script.advance(due.0 - script.clock().now().0);
        seen.extend(endings(&worker).await);
    }
    assert_eq!(
        seen,
        [
            ended("comment", Ending::Retried(Timestamp(1_000))),
            ended("comment", Ending::Retried(Timestamp(3_000))),
            ended("comment", Ending::Retried(Timestamp(7_000))),
            ended("comment", Ending::Dead),
            ended("job_died", Ending::Completed),
        ]
    );
    let died = script.died.lock().unwrap().clone();
    assert_eq!((died[0].job, died[0].attempts, died[0].error.as_str()), (id, 4, "502 Bad Gateway"));
}

#[tokio::test]
async fn who_asks_to_be_left_alone_is() {
    let place = Place::new();
    let (store, script) = (place.open().await, Arc::new(Script::default()));
    let worker = worker(&store, &script, config("w"), script.clock());
    let limited = Failure::Transient { reason: "rate limit".into(), retry_after: Some(Duration::from_secs(600)) };
    script.on("comment", Act::Fail(limited));
    enqueue(&store, &job("comment"), Timestamp(0)).await;
    assert_eq!(endings(&worker).await, [ended("comment", Ending::Retried(Timestamp(601_000)))]);
}

#[tokio::test]
async fn a_failure_that_will_not_pass_ends_at_once() {
    let place = Place::new();
    let (store, script) = (place.open().await, Arc::new(Script::default()));
    let worker = worker(&store, &script, config("w"), script.clock());
    script.on("comment", Act::Fail(Failure::permanent("the issue was deleted")));
    enqueue(&store, &job("comment"), Timestamp(0)).await;
    assert_eq!(endings(&worker).await, [ended("comment", Ending::Dead), ended("job_died", Ending::Completed)]);
    assert_eq!(script.died.lock().unwrap()[0].error, "the issue was deleted");
}

#[tokio::test]
async fn panics_lies_and_idleness_are_bugs() {
    let place = Place::new();
    let (store, script) = (place.open().await, Arc::new(Script::default()));
    let worker = worker(&store, &script, config("w"), script.clock());
    let mut errors = Vec::new();
    for (kind, act) in [("panic", Act::Panic), ("lie", Act::Lie), ("give_up", Act::GiveUp)] {
        script.on(kind, act);
        let id = enqueue(&store, &NewJob { max_attempts: 2, ..job(kind) }, Timestamp(0)).await;
        assert_eq!(endings(&worker).await, [ended(kind, Ending::Retried(Timestamp(1_000)))]);
        errors.push(get(&store, id).await.last_error.unwrap());
    }
    insta::assert_snapshot!(errors.join("\n"), @r"
    this is a bug in Baton: the handler panicked: the handler stumbled over panic
    this is a bug in Baton: the handler said it had completed the job but had not
    this is a bug in Baton: the job stopped although nobody asked it to
    ");
    script.advance(1_000);
    let dead = endings(&worker).await.into_iter().filter(|(_, ending)| *ending == Ending::Dead).count();
    assert_eq!((dead, script.died.lock().unwrap().len()), (3, 3));
}

#[tokio::test]
async fn what_is_postponed_loses_no_attempt() {
    let place = Place::new();
    let (store, script) = (place.open().await, Arc::new(Script::default()));
    let worker = worker(&store, &script, config("w"), script.clock());
    script.on("later", Act::Postpone(Timestamp(50)));
    let id = enqueue(&store, &NewJob { max_attempts: 1, ..job("later") }, Timestamp(0)).await;
    assert_eq!(endings(&worker).await, [ended("later", Ending::Released)]);
    let waiting = get(&store, id).await;
    assert_eq!((waiting.state, waiting.attempts, waiting.run_at), (JobState::Queued, 0, Timestamp(50)));
    script.on("later", Act::Complete);
    script.advance(50);
    assert_eq!(endings(&worker).await, [ended("later", Ending::Completed)]);
}

#[tokio::test]
async fn the_work_of_a_dead_worker_is_taken_over() {
    let place = Place::new();
    let (store, script) = (place.open().await, Arc::new(Script::default()));
    let worker = worker(&store, &script, config("w"), script.clock());
    let id = enqueue(&store, &job("work"), Timestamp(0)).await;
    let claim = baton_store::Claim {
        owner: "a worker that dies",
        slot: Slot::Light,
        ttl: Duration::from_secs(30),
        limits: Config::new("w").limits,
    };
    let claimed = store.claim(&claim, Timestamp(0)).await.unwrap();
    assert!(claimed.is_some());
    assert_eq!(endings(&worker).await, []);
    script.advance(30_000);
    assert_eq!(endings(&worker).await, [ended("work", Ending::Completed)]);
    assert_eq!(get(&store, id).await.attempts, 2);
}

#[tokio::test]
async fn what_recurs_is_done_once_a_period_by_all_workers_together() {
    let place = Place::new();
    let (store, script) = (place.open().await, Arc::new(Script::default()));
    let recurring = vec![Recurring { kind: "reconcile".into(), every: Duration::from_secs(60) }];
    let both = ["a", "b"].map(|owner| {
        let config = Config { recurring: recurring.clone(), ..config(owner) };
        worker(&store, &script, config, script.clock())
    });
    for _ in 0..3 {
        for worker in &both {
            worker.run_until_idle(10).await.unwrap();
            script.advance(15_000);
        }
    }
    // From 0 s to 75 s in steps of 15 s: two periods.
    assert_eq!(script.log(), ["reconcile", "reconcile"]);

    script.on("reconcile", Act::Fail(Failure::transient("GitHub is down")));
    script.advance(60_000);
    both[0].run_until_idle(10).await.unwrap();
    script.advance(120_000);
    both[1].upkeep().await.unwrap();
    let queued = JobFilter { state: Some(JobState::Queued), ..JobFilter::default() };
    assert_eq!(store.jobs(&queued, None, 10).await.unwrap().len(), 1, "periods do not pile up while one is not done");
}

#[tokio::test]
async fn a_queue_that_does_not_come_to_rest_is_reported() {
    let place = Place::new();
    let (store, script) = (place.open().await, Arc::new(Script::default()));
    let worker = worker(&store, &script, config("w"), script.clock());
    script.on("rabbit", Act::Breed);
    enqueue(&store, &job("rabbit"), Timestamp(0)).await;
    let error = worker.run_until_idle(20).await.unwrap_err();
    assert!(matches!(error, Endless::StillBusy(20)));
    assert_eq!(
        error.to_string(),
        "after 20 jobs the queue still has work that may be done at once; jobs seem to breed"
    );
}

#[tokio::test]
async fn r_17_what_a_newer_program_wrote_waits_for_one_that_understands_it() {
    let place = Place::new();
    let (store, script) = (place.open().await, Arc::new(Script::default()));
    script.on("unheard-of", Act::Fail(Failure::Newer { what: "the job `unheard-of`".into() }));
    let id = enqueue(&store, &NewJob { max_attempts: 1, ..job("unheard-of") }, script.clock().now()).await;
    let old = worker(&store, &script, config("old"), script.clock());
    // A rolling upgrade that takes its time.
    for _ in 0..100 {
        old.run_until_idle(10).await.unwrap();
        let waits = get(&store, id).await;
        assert_eq!((waits.state, waits.attempts), (JobState::Queued, 0));
        script.advance(60_000);
    }
    assert_eq!(script.log().len(), 100, "it is looked at once a minute, not without end");
    script.on("unheard-of", Act::Complete);
    worker(&store, &script, config("new"), script.clock()).run_until_idle(10).await.unwrap();
    assert_eq!(get(&store, id).await.state, JobState::Done);
}
