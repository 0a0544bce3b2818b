//! The worker's loops with the wall's clock: waking, limits, leases, stopping, draining.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use baton_core::domain::ids::{IssueNumber, RepositoryId, TaskId};
use baton_core::domain::time::Timestamp;
use baton_queue::{Config, StopReason, Worker};
use baton_store::{Claim, JobFilter, JobState, Json, Limits, NewJob, NewTask, Slot, Store};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::bench::{Act, Place, Script, Scripted, config, enqueue, get, job, until, wall_clock, worker};

fn now() -> Timestamp {
    wall_clock().now()
}

/// A worker at large.
struct Loose {
    shutdown: CancellationToken,
    loops: JoinHandle<()>,
}

impl Loose {
    fn start(worker: &Arc<Worker<Scripted>>) -> Self {
        let shutdown = CancellationToken::new();
        let loops = tokio::spawn(Arc::clone(worker).run(shutdown.clone()));
        Self { shutdown, loops }
    }

    /// Shuts it down; how long that took.
    async fn stop(self) -> Duration {
        let start = Instant::now();
        self.shutdown.cancel();
        self.loops.await.unwrap();
        start.elapsed()
    }
}

async fn task(store: &Store) -> TaskId {
    let document = Json::of(&()).unwrap();
    let new = NewTask {
        repository_id: RepositoryId(1),
        repository: "acme/app",
        issue: IssueNumber(1),
        state: "planning",
        document: &document,
    };
    let mut tx = store.begin().await.unwrap();
    let id = tx.insert_task(&new, now()).await.unwrap().id;
    tx.commit().await.unwrap();
    id
}

async fn is(store: &Store, id: baton_store::JobId, state: JobState) -> bool {
    get(store, id).await.state == state
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_enqueued_here_is_begun_at_once_and_what_is_enqueued_elsewhere_is_found_by_polling() {
    let place = Place::new();
    let (store, elsewhere, script) = (place.open().await, place.open().await, Arc::new(Script::default()));
    let slow = Config { poll: Duration::from_secs(3_600), ..config("slow") };
    let loose = Loose::start(&worker(&store, &script, slow, wall_clock()));
    for _ in 0..20 {
        let id = enqueue(&store, &job("work"), now()).await;
        until("the job's end", || is(&store, id, JobState::Done)).await;
    }
    loose.stop().await;

    let quick = Config { poll: Duration::from_millis(20), ..config("quick") };
    let loose = Loose::start(&worker(&store, &script, quick, wall_clock()));
    let id = enqueue(&elsewhere, &job("work"), now()).await;
    until("the job's end", || is(&store, id, JobState::Done)).await;
    loose.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slots_are_filled_and_not_overfilled_and_runs_do_not_keep_light_jobs_waiting() {
    let place = Place::new();
    let (store, script) = (place.open().await, Arc::new(Script::default()));
    script.on("run", Act::AtTheGate);
    let narrow =
        Config { runs: 3, light: 2, limits: Limits { global_runs: 9, per_repository_runs: 9 }, ..config("narrow") };
    let loose = Loose::start(&worker(&store, &script, narrow, wall_clock()));
    for _ in 0..7 {
        enqueue(&store, &NewJob { slot: Slot::Run, ..job("run") }, now()).await;
    }
    until("three runs", || async { script.working.load(Ordering::SeqCst) == 3 }).await;
    let light = enqueue(&store, &job("light"), now()).await;
    until("the light job's end", || is(&store, light, JobState::Done)).await;
    let all_done = async || {
        script.open();
        store.job_counts().await.unwrap() == [(JobState::Done, 8)]
    };
    until("everything's end", all_done).await;
    // Three runs and a light job beside them.
    assert_eq!(script.most_working.load(Ordering::SeqCst), 4);
    loose.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wish_to_stop_arrives_within_two_seconds_from_another_program() {
    let place = Place::new();
    let (store, elsewhere, script) = (place.open().await, place.open().await, Arc::new(Script::default()));
    script.on("run", Act::UntilStopped);
    let loose = Loose::start(&worker(&store, &script, config("w"), wall_clock()));
    let task = task(&store).await;
    let id = enqueue(&store, &NewJob { task: Some(task), ..job("run") }, now()).await;
    until("the run's beginning", || async { script.working.load(Ordering::SeqCst) == 1 }).await;

    let mut tx = elsewhere.begin().await.unwrap();
    tx.cancel_jobs(task, &JobFilter::default(), now()).await.unwrap();
    tx.commit().await.unwrap();
    let took = until("the run's end", || is(&store, id, JobState::Cancelled)).await;
    assert!(took < Duration::from_secs(2), "{took:?}");
    assert_eq!(*script.stops.lock().unwrap(), [Some(StopReason::CancelRequested)]);
    loose.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_does_not_listen_is_dropped_after_its_grace() {
    let place = Place::new();
    let (store, script) = (place.open().await, Arc::new(Script::default()));
    script.on("deaf", Act::Forever);
    let strict = Config { grace: Duration::from_millis(50), ..config("strict") };
    let loose = Loose::start(&worker(&store, &script, strict, wall_clock()));
    let task = task(&store).await;
    let id = enqueue(&store, &NewJob { task: Some(task), ..job("deaf") }, now()).await;
    until("the job's beginning", || async { script.working.load(Ordering::SeqCst) == 1 }).await;
    let mut tx = store.begin().await.unwrap();
    tx.cancel_jobs(task, &JobFilter::default(), now()).await.unwrap();
    tx.commit().await.unwrap();
    until("the job's end", || is(&store, id, JobState::Cancelled)).await;
    assert_eq!(script.working.load(Ordering::SeqCst), 0);
    loose.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_outlives_its_time_to_live_as_long_as_the_worker_does() {
    let place = Place::new();
    let (store, rescuer, script) = (place.open().await, place.open().await, Arc::new(Script::default()));
    script.on("long", Act::AtTheGate);
    let ttl = Duration::from_millis(600);
    let loose = Loose::start(&worker(&store, &script, Config { lease_ttl: ttl, ..config("w") }, wall_clock()));
    let id = enqueue(&store, &job("long"), now()).await;
    until("the job's beginning", || async { script.working.load(Ordering::SeqCst) == 1 }).await;
    let first = get(&store, id).await.lease_until.unwrap();
    until("three lives of the lease", || async {
        rescuer.rescue_expired(now(), &HashSet::new()).await.unwrap();
        now() > first.plus(ttl * 2)
    })
    .await;
    let held = get(&store, id).await;
    assert_eq!((held.state, held.attempts), (JobState::Running, 1));
    script.open();
    until("the job's end", || is(&store, id, JobState::Done)).await;
    loose.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_whose_lease_is_lost_is_told_and_its_result_dropped() {
    let place = Place::new();
    let (store, elsewhere, script) = (place.open().await, place.open().await, Arc::new(Script::default()));
    script.on("work", Act::UntilStopped);
    let loose = Loose::start(&worker(&store, &script, config("w"), wall_clock()));
    let id = enqueue(&store, &job("work"), now()).await;
    until("the job's beginning", || async { script.working.load(Ordering::SeqCst) == 1 }).await;

    // Another program whose clock is an hour ahead takes the job over.
    let ahead = now().plus(Duration::from_secs(3_600));
    let claim =
        Claim { owner: "elsewhere", slot: Slot::Light, ttl: Duration::from_secs(60), limits: Config::new("w").limits };
    let taken = async || {
        elsewhere.rescue_expired(ahead, &HashSet::new()).await.unwrap();
        elsewhere.claim(&claim, ahead).await.unwrap().is_some()
    };
    until("the take-over", taken).await;
    until("the old work's end", || async { script.working.load(Ordering::SeqCst) == 0 }).await;
    assert_eq!(*script.stops.lock().unwrap(), [Some(StopReason::LeaseLost)]);
    let kept = get(&store, id).await;
    assert_eq!((kept.state, kept.lease_owner.as_deref()), (JobState::Running, Some("elsewhere")));
    loose.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_leaves_lets_work_end_and_gives_back_what_does_not() {
    let place = Place::new();
    let (store, script) = (place.open().await, Arc::new(Script::default()));
    script.on("short", Act::AtTheGate);
    script.on("listens", Act::UntilStopped);
    script.on("deaf", Act::Forever);
    let leaving = Config { drain: Duration::from_millis(400), grace: Duration::from_millis(200), ..config("leaving") };
    let loose = Loose::start(&worker(&store, &script, leaving, wall_clock()));
    let mut ids = Vec::new();
    for kind in ["short", "listens", "deaf"] {
        ids.push(enqueue(&store, &NewJob { max_attempts: 1, ..job(kind) }, now()).await);
    }
    until("three at work", || async { script.working.load(Ordering::SeqCst) == 3 }).await;

    let stopping = tokio::spawn(loose.stop());
    let late = enqueue(&store, &job("late"), now()).await;
    until("the short one's end", || async {
        script.open();
        is(&store, ids[0], JobState::Done).await
    })
    .await;
    let took = stopping.await.unwrap();
    assert!(took < Duration::from_secs(5), "{took:?}");
    assert_eq!(*script.stops.lock().unwrap(), [Some(StopReason::Shutdown); 2]);
    for id in [ids[1], ids[2]] {
        let job = get(&store, id).await;
        assert_eq!((job.state, job.attempts, job.lease_owner), (JobState::Queued, 0, None));
    }

    for kind in ["listens", "deaf"] {
        script.on(kind, Act::Complete);
    }
    let successor = worker(&store, &script, config("successor"), wall_clock());
    successor.run_until_idle(10).await.unwrap();
    for id in [ids[0], ids[1], ids[2], late] {
        assert_eq!(get(&store, id).await.state, JobState::Done);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_worker_leaves_at_once() {
    let place = Place::new();
    let (store, script) = (place.open().await, Arc::new(Script::default()));
    let lazy = Config { poll: Duration::from_secs(3_600), ..config("lazy") };
    let loose = Loose::start(&worker(&store, &script, lazy, wall_clock()));
    let id = enqueue(&store, &job("work"), now()).await;
    until("the job's end", || is(&store, id, JobState::Done)).await;
    assert!(loose.stop().await < Duration::from_secs(2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_workers_share_two_hundred_jobs_and_do_each_once() {
    let place = Place::new();
    let (store, script) = (place.open().await, Arc::new(Script::default()));
    let other_store = place.open().await;
    for n in 0..200 {
        let new = NewJob { lane: (n % 4 == 0).then(|| format!("lane-{}", n % 3)), ..job(&format!("job-{n:03}")) };
        enqueue(&store, &new, now()).await;
    }
    let one = Loose::start(&worker(&store, &script, config("one"), wall_clock()));
    let other = Loose::start(&worker(&other_store, &script, config("other"), wall_clock()));
    until("all ends", || async { store.job_counts().await.unwrap() == [(JobState::Done, 200)] }).await;
    let mut log = script.log();
    log.sort();
    let expected: Vec<_> = (0..200).map(|n| format!("job-{n:03}")).collect();
    assert_eq!(log, expected);
    one.stop().await;
    other.stop().await;
}
