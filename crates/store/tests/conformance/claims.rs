//! Which job goes next: priority, age, time, lanes, limits, fairness, pause.

use baton_store::{Ended, JOB_DIED, JobFilter, JobState, Limits, NewJob, Slot, Store};

use crate::place::{
    NO_LIMITS, Place, at, claim, claim_as, done, enqueue, fail, job, laned, retry, run_job, take, task,
};

/// Claims and finishes light jobs until there are none; their kinds in the order they went.
async fn drain(store: &Store, now: i64) -> Vec<String> {
    let mut kinds = Vec::new();
    while let Some((lease, job)) = claim(store, now).await {
        done(store, &lease, now).await;
        kinds.push(job.kind);
    }
    kinds
}

async fn claim_run(store: &Store, global_runs: u32, per_repository_runs: u32) -> Option<(baton_store::Lease, String)> {
    let limits = Limits { global_runs, per_repository_runs };
    let claimed = claim_as(store, "w", Slot::Run, limits, 0).await;
    claimed.map(|(lease, job)| (lease, job.kind))
}

pub async fn higher_priority_then_older_goes_first(place: Place) {
    let store = place.open().await;
    for (kind, priority) in [("a", 0), ("b", 5), ("c", 0), ("d", 5), ("e", -1)] {
        let new = NewJob { priority, ..job(kind) };
        enqueue(&store, &new, 0).await;
    }
    assert_eq!(drain(&store, 0).await, ["b", "d", "a", "c", "e"]);
}

pub async fn a_job_waits_for_its_time(place: Place) {
    let store = place.open().await;
    assert_eq!(store.next_run_at().await.unwrap(), None);
    for (kind, run_at) in [("later", 200), ("soon", 100)] {
        let new = NewJob { run_at: Some(at(run_at)), ..job(kind) };
        enqueue(&store, &new, 0).await;
    }
    assert_eq!(store.next_run_at().await.unwrap(), Some(at(100)));
    assert_eq!(drain(&store, 99).await, [""; 0]);
    assert_eq!(drain(&store, 100).await, ["soon"]);
    assert_eq!(store.next_run_at().await.unwrap(), Some(at(200)));
    assert_eq!(drain(&store, 200).await, ["later"]);
}

pub async fn a_lane_keeps_its_order_through_failures(place: Place) {
    let store = place.open().await;
    for kind in ["a1", "a2", "a3"] {
        enqueue(&store, &laned(kind, "a"), 0).await;
    }
    enqueue(&store, &laned("b1", "b"), 0).await;
    let (a1, first) = take(&store, 0).await;
    assert_eq!(first.kind, "a1");
    let (b1, other) = take(&store, 0).await;
    assert_eq!(other.kind, "b1", "a lane holds only itself");
    assert!(claim(&store, 0).await.is_none());
    done(&store, &b1, 0).await;

    assert_eq!(retry(&store, &a1, 100, "try later", 1).await, Ended::Requeued);
    assert!(claim(&store, 99).await.is_none(), "the failed head holds its lane");
    assert_eq!(store.next_run_at().await.unwrap(), Some(at(100)));
    assert_eq!(drain(&store, 100).await, ["a1", "a2", "a3"]);
}

pub async fn news_of_a_death_goes_before_the_rest_of_its_lane(place: Place) {
    let store = place.open().await;
    for kind in ["push", "open_pr", "comment"] {
        enqueue(&store, &laned(kind, "task-1"), 0).await;
    }
    let (push, _) = take(&store, 0).await;
    assert_eq!(fail(&store, &push, "refused", 1).await, Ended::Dead);
    assert_eq!(drain(&store, 1).await, [JOB_DIED, "open_pr", "comment"]);
}

pub async fn a_replayed_job_goes_first_in_its_lane_but_not_beside_another(place: Place) {
    let store = place.open().await;
    for kind in ["one", "two", "three"] {
        enqueue(&store, &laned(kind, "lane"), 0).await;
    }
    let (one, dead) = take(&store, 0).await;
    fail(&store, &one, "no", 0).await;
    let (news, _) = take(&store, 0).await;
    done(&store, &news, 0).await;
    let (two, running) = take(&store, 0).await;
    assert_eq!(running.kind, "two");
    store.replay_job(dead.id, at(1)).await.unwrap();
    assert!(claim(&store, 1).await.is_none());
    assert_eq!(retry(&store, &two, 1, "again", 1).await, Ended::Requeued);
    assert_eq!(drain(&store, 1).await, ["one", "two", "three"]);
}

pub async fn a_lane_goes_on_when_its_head_is_called_off(place: Place) {
    let store = place.open().await;
    let task = task(&store, 1).await;
    let head = NewJob { task: Some(task), run_at: Some(at(1_000_000)), ..laned("reminder", "lane") };
    enqueue(&store, &head, 0).await;
    enqueue(&store, &laned("next", "lane"), 0).await;
    assert!(claim(&store, 0).await.is_none());
    let mut tx = store.begin().await.unwrap();
    tx.cancel_jobs(task, &JobFilter::default(), at(1)).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(drain(&store, 1).await, ["next"]);
}

pub async fn runs_respect_both_limits(place: Place) {
    let store = place.open().await;
    for (kind, repository) in [("a1", "a"), ("a2", "a"), ("a3", "a"), ("b1", "b"), ("b2", "b"), ("c1", "c")] {
        enqueue(&store, &run_job(kind, repository), 0).await;
    }
    let mut running = Vec::new();
    while let Some((lease, kind)) = claim_run(&store, 4, 2).await {
        running.push((lease, kind));
    }
    let kinds: Vec<_> = running.iter().map(|(_, kind)| kind.as_str()).collect();
    assert_eq!(kinds, ["a1", "b1", "c1", "a2"]);

    let (a1, _) = running.remove(0);
    done(&store, &a1, 1).await;
    let (_, next) = claim_run(&store, 4, 2).await.unwrap();
    assert_eq!(next, "b2", "a has one running as b has, and was served later");
    assert!(claim_run(&store, 4, 2).await.is_none());
    assert!(claim_run(&store, 9, 1).await.is_none());
    assert_eq!(claim_run(&store, 9, 2).await.unwrap().1, "a3");
}

pub async fn light_jobs_know_no_limits(place: Place) {
    let store = place.open().await;
    for kind in ["one", "two", "three"] {
        let new = NewJob { repository: "a".into(), ..job(kind) };
        enqueue(&store, &new, 0).await;
    }
    let none = Limits { global_runs: 0, per_repository_runs: 0 };
    for _ in 0..3 {
        assert!(claim_as(&store, "w", Slot::Light, none, 0).await.is_some());
    }
}

pub async fn repositories_take_turns(place: Place) {
    let store = place.open().await;
    for n in 1..=4 {
        let flood = NewJob { repository: "flood".into(), ..job(&format!("flood{n}")) };
        enqueue(&store, &flood, 0).await;
    }
    for (kind, repository) in [("x1", "x"), ("x2", "x"), ("y1", "y")] {
        let new = NewJob { repository: repository.into(), ..job(kind) };
        enqueue(&store, &new, 0).await;
    }
    assert_eq!(drain(&store, 0).await, ["flood1", "x1", "y1", "flood2", "x2", "flood3", "flood4"]);
}

pub async fn a_flood_of_urgent_work_keeps_no_other_repository_waiting(place: Place) {
    let store = place.open().await;
    for n in 1..=3 {
        let flood = NewJob { repository: "flood".into(), priority: 50, ..job(&format!("urgent{n}")) };
        enqueue(&store, &flood, 0).await;
        let small = NewJob { repository: "small".into(), priority: -1, ..job(&format!("small{n}")) };
        enqueue(&store, &small, 0).await;
    }
    enqueue(&store, &NewJob { priority: 50, ..job("unread") }, 0).await;
    enqueue(&store, &job("nobody's"), 0).await;
    assert_eq!(
        drain(&store, 0).await,
        ["unread", "urgent1", "small1", "nobody's", "urgent2", "small2", "urgent3", "small3"]
    );
}

pub async fn a_pause_stops_runs_and_nothing_else(place: Place) {
    let store = place.open().await;
    enqueue(&store, &run_job("run", "a"), 0).await;
    enqueue(&store, &job("light"), 0).await;
    store.pause("alice", at(5)).await.unwrap();
    let pause = store.paused().await.unwrap().unwrap();
    assert_eq!((pause.by.as_str(), pause.since), ("alice", at(5)));
    assert!(claim_as(&store, "w", Slot::Run, NO_LIMITS, 6).await.is_none());
    assert_eq!(drain(&store, 6).await, ["light"]);

    let mut changes = store.job_changes();
    changes.mark_unchanged();
    store.resume().await.unwrap();
    assert!(changes.has_changed().unwrap(), "waiting workers hear that they may go on");
    assert_eq!(store.paused().await.unwrap(), None);
    let (_, run) = claim_as(&store, "w", Slot::Run, NO_LIMITS, 7).await.unwrap();
    assert_eq!((run.kind.as_str(), run.state), ("run", JobState::Running));
}
