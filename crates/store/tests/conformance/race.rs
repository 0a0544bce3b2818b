//! Many workers at once, from several programs: every job once, no limit exceeded, lanes in order, fences hold.

use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use baton_store::{Claim, Heartbeat, JobFilter, JobState, Limits, NewJob, Outcome, Slot, Store, StoreError};

use crate::place::{NO_LIMITS, Place, at, claim_as, enqueue, job, run_job};

const LIMITS: Limits = Limits { global_runs: 3, per_repository_runs: 2 };

/// What the claimers saw together.
#[derive(Default)]
struct Seen {
    /// How often each job was done.
    done: Mutex<BTreeMap<String, usize>>,
    /// The order in which each lane's jobs were begun.
    lanes: Mutex<BTreeMap<String, Vec<i64>>>,
    /// Runs under way now, in all and of each repository, and the most there ever were.
    running: [AtomicUsize; 3],
    peak: [AtomicUsize; 3],
    /// Claims asked for.
    tries: AtomicUsize,
}

impl Seen {
    fn begins(&self, counter: usize) {
        let now = self.running[counter].fetch_add(1, Ordering::SeqCst) + 1;
        self.peak[counter].fetch_max(now, Ordering::SeqCst);
    }

    fn ends(&self, counter: usize) {
        self.running[counter].fetch_sub(1, Ordering::SeqCst);
    }
}

async fn work(store: Store, owner: String, seen: Arc<Seen>, left: Arc<AtomicI64>) {
    while left.load(Ordering::SeqCst) > 0 {
        let Some((lease, job)) = claim_as(&store, &owner, Slot::Run, LIMITS, 0).await else {
            seen.tries.fetch_add(1, Ordering::SeqCst);
            continue;
        };
        seen.tries.fetch_add(1, Ordering::SeqCst);
        let repository = if job.repository == "a" { 1 } else { 2 };
        seen.begins(0);
        seen.begins(repository);
        if let Some(lane) = job.lane {
            seen.lanes.lock().unwrap().entry(lane).or_default().push(job.id.0);
        }
        // The work lasts until the others have tried their luck meanwhile.
        let until = seen.tries.load(Ordering::SeqCst) + 8;
        while seen.tries.load(Ordering::SeqCst) < until {
            assert_eq!(store.look(&lease).await.unwrap(), Heartbeat::Continue);
        }
        *seen.done.lock().unwrap().entry(job.kind).or_default() += 1;
        seen.ends(repository);
        seen.ends(0);
        let mut tx = store.begin().await.unwrap();
        tx.complete(&lease, &Outcome::Done(None), at(0)).await.unwrap();
        tx.commit().await.unwrap();
        left.fetch_sub(1, Ordering::SeqCst);
    }
}

pub async fn sixteen_claimers_do_every_job_once_within_the_limits(place: Place) {
    let store = place.open().await;
    for n in 0..200 {
        let new = NewJob {
            lane: (n % 5 == 0).then(|| format!("lane-{}", n % 3)),
            ..run_job(&format!("job-{n}"), if n % 2 == 0 { "a" } else { "b" })
        };
        enqueue(&store, &new, 0).await;
    }
    let (seen, left) = (Arc::new(Seen::default()), Arc::new(AtomicI64::new(200)));
    let programs = [store.clone(), place.open().await, place.open().await];
    let mut workers = tokio::task::JoinSet::new();
    for n in 0..16 {
        let store = programs[n % programs.len()].clone();
        workers.spawn(work(store, format!("w{n}"), Arc::clone(&seen), Arc::clone(&left)));
    }
    workers.join_all().await;

    let done = seen.done.lock().unwrap().clone();
    assert_eq!(done.len(), 200);
    assert_eq!(done.values().filter(|times| **times != 1).count(), 0);
    for lane in seen.lanes.lock().unwrap().values() {
        assert!(lane.is_sorted(), "{lane:?}");
    }
    let peak = |counter: usize| seen.peak[counter].load(Ordering::SeqCst);
    assert!(peak(0) <= 3 && peak(1) <= 2 && peak(2) <= 2, "{:?}", seen.peak);
    assert_eq!(peak(0), 3, "the limit was never reached, so this race showed nothing");
    assert_eq!(store.job_counts().await.unwrap(), [(JobState::Done, 200)]);
}

/// Leases so short that most run out before the work ends: work is done again, but its result counts once.
pub async fn rescuers_and_late_workers_never_both_succeed(place: Place) {
    const JOBS: usize = 40;
    let store = place.open().await;
    for n in 0..JOBS {
        let durable = NewJob { max_attempts: 1_000, ..job(&format!("job-{n}")) };
        enqueue(&store, &durable, 0).await;
    }
    let clock = Arc::new(AtomicI64::new(0));
    let (wins, losses) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let mut workers = tokio::task::JoinSet::new();
    for n in 0..8 {
        let (store, clock) = (if n % 2 == 0 { store.clone() } else { place.open().await }, Arc::clone(&clock));
        let (wins, losses) = (Arc::clone(&wins), Arc::clone(&losses));
        workers.spawn(async move {
            let owner = format!("w{n}");
            while wins.load(Ordering::SeqCst) < JOBS {
                let now = || at(clock.fetch_add(1, Ordering::SeqCst));
                store.rescue_expired(now(), &HashSet::new()).await.unwrap();
                let claim =
                    Claim { owner: &owner, slot: Slot::Light, ttl: Duration::from_millis(8), limits: NO_LIMITS };
                let Some((lease, job)) = store.claim(&claim, now()).await.unwrap() else {
                    continue;
                };
                // Half of the first attempts take so long that whoever looks for expired leases finds them.
                while job.attempts == 1 && job.id.0 % 2 == 0 && store.look(&lease).await.unwrap() != Heartbeat::Lost {
                    store.rescue_expired(now(), &HashSet::new()).await.unwrap();
                }
                let mut tx = store.begin().await.unwrap();
                match tx.complete(&lease, &Outcome::Done(None), now()).await {
                    Ok(()) => {
                        tx.commit().await.unwrap();
                        wins.fetch_add(1, Ordering::SeqCst);
                    }
                    Err(StoreError::LostLease(_)) => {
                        losses.fetch_add(1, Ordering::SeqCst);
                    }
                    Err(error) => panic!("{error}"),
                }
            }
        });
    }
    workers.join_all().await;
    assert_eq!(wins.load(Ordering::SeqCst), JOBS);
    assert!(losses.load(Ordering::SeqCst) >= JOBS / 2, "every second job was to be lost once");
    let done = JobFilter { state: Some(JobState::Done), ..JobFilter::default() };
    assert_eq!(store.jobs(&done, None, 100).await.unwrap().len(), JOBS);
}
