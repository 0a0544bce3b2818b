//! Random lives of jobs, played on the store and on a model so simple that it can be seen to be right.
//!
//! The model has no indexes, flags or statements: it looks through all jobs each time. What the store keeps for speed
//! (who waits for what, turns, partial indexes) must come to the same.

use std::collections::{BTreeMap, HashSet};

use baton_core::domain::ids::TaskId;
use baton_store::{
    Ended, Enqueued, Heartbeat, JobFilter, JobId, JobState, Lease, Limits, NewJob, Outcome, Slot, Store, StoreError,
};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::place::{Place, TTL, at, claim_as, job, task};

const LIMITS: Limits = Limits { global_runs: 3, per_repository_runs: 2 };

#[derive(Clone, Debug)]
enum Step {
    Enqueue {
        lane: Option<u8>,
        priority: i64,
        delay: i64,
        run: bool,
        repository: u8,
        effect: Option<u8>,
        dedupe: Option<u8>,
        task: u8,
        max_attempts: u32,
    },
    Claim {
        run: bool,
    },
    /// The rest name a lease or a job by its place in the list, modulo the list's length.
    Complete(usize),
    Retry(usize, i64),
    Release(usize, i64),
    Fail(usize),
    Beat(usize),
    Cancel(u8),
    Replay(usize),
    Rescue,
    Wait(i64),
}

fn step() -> impl Strategy<Value = Step> {
    let maybe = |n: u8| prop::option::weighted(0.5, 0..n);
    let enqueue =
        (
            maybe(3),
            0..2_i64,
            prop_oneof![3 => Just(0), 1 => 1..1_500_i64],
            any::<bool>(),
            0..3_u8,
            prop::option::weighted(0.3, 0..4_u8),
            prop::option::weighted(0.2, 0..3_u8),
            0..2_u8,
            1..4_u32,
        )
            .prop_map(|(lane, priority, delay, run, repository, effect, dedupe, task, max_attempts)| {
                Step::Enqueue { lane, priority, delay, run, repository, effect, dedupe, task, max_attempts }
            });
    prop_oneof![
        6 => enqueue,
        8 => any::<bool>().prop_map(|run| Step::Claim { run }),
        3 => any::<usize>().prop_map(Step::Complete),
        3 => (any::<usize>(), 0..800_i64).prop_map(|(n, delay)| Step::Retry(n, delay)),
        1 => (any::<usize>(), 0..800_i64).prop_map(|(n, delay)| Step::Release(n, delay)),
        1 => any::<usize>().prop_map(Step::Fail),
        2 => any::<usize>().prop_map(Step::Beat),
        1 => (0..2_u8).prop_map(Step::Cancel),
        1 => any::<usize>().prop_map(Step::Replay),
        2 => Just(Step::Rescue),
        3 => (1..900_i64).prop_map(Step::Wait),
    ]
}

/// A job as the model knows it; its number is its place in the list, from 1.
#[derive(Clone, Debug)]
struct Modelled {
    lane: Option<u8>,
    place: usize,
    priority: i64,
    run_at: i64,
    slot: Slot,
    repository: String,
    effect: Option<u8>,
    dedupe: Option<u8>,
    task: Option<TaskId>,
    state: JobState,
    attempts: u32,
    max_attempts: u32,
    claims: u32,
    lease_until: i64,
    stop: bool,
    news: bool,
}

#[derive(Default)]
struct Model {
    now: i64,
    jobs: Vec<Modelled>,
    turns: BTreeMap<(bool, String), usize>,
    turn: usize,
}

impl Model {
    fn active(&self, effect: Option<u8>, dedupe: Option<u8>) -> Option<usize> {
        let stands = |job: &Modelled| {
            let active = matches!(job.state, JobState::Queued | JobState::Running);
            (effect.is_some() && job.effect == effect && (active || job.state == JobState::Done))
                || (dedupe.is_some() && job.dedupe == dedupe && active)
        };
        self.jobs.iter().rposition(stands)
    }

    fn running(&self, slot: Slot, repository: Option<&str>) -> usize {
        let counts = |j: &&Modelled| {
            j.state == JobState::Running && j.slot == slot && repository.is_none_or(|r| r == j.repository)
        };
        self.jobs.iter().filter(counts).count()
    }

    fn may_go(&self, n: usize, slot: Slot) -> bool {
        let job = &self.jobs[n];
        let ahead = |(m, other): (usize, &Modelled)| {
            other.lane == job.lane
                && (other.state == JobState::Running
                    || (other.state == JobState::Queued && (other.place, m) < (job.place, n)))
        };
        job.state == JobState::Queued
            && job.slot == slot
            && job.run_at <= self.now
            && (job.lane.is_none() || !self.jobs.iter().enumerate().any(ahead))
            && (slot == Slot::Light || (self.running(slot, None) < 3 && self.running(slot, Some(&job.repository)) < 2))
    }

    /// The job that is to be claimed next.
    fn claim(&mut self, slot: Slot) -> Option<usize> {
        let turn = |job: &Modelled| self.turns.get(&(slot == Slot::Run, job.repository.clone())).copied();
        let rank = |n: &usize| {
            let job = &self.jobs[*n];
            (self.running(slot, Some(&job.repository)), turn(job).unwrap_or(0), -job.priority, *n)
        };
        let next = (0..self.jobs.len()).filter(|n| self.may_go(*n, slot)).min_by_key(rank)?;
        self.turn += 1;
        self.turns.insert((slot == Slot::Run, self.jobs[next].repository.clone()), self.turn);
        let job = &mut self.jobs[next];
        job.state = JobState::Running;
        job.attempts += 1;
        job.claims += 1;
        job.lease_until = self.now + 1_000;
        Some(next)
    }

    fn holds(&self, n: usize, claims: u32) -> bool {
        self.jobs[n].state == JobState::Running && self.jobs[n].claims == claims
    }

    fn requeue(&mut self, n: usize, run_at: i64) -> Ended {
        let job = &mut self.jobs[n];
        if job.stop {
            job.state = JobState::Cancelled;
            return Ended::Cancelled;
        }
        job.state = JobState::Queued;
        job.run_at = run_at;
        Ended::Requeued
    }

    fn end_attempt(&mut self, n: usize, run_at: Option<i64>) -> Ended {
        let job = &self.jobs[n];
        match run_at {
            _ if job.stop => self.requeue(n, self.now),
            Some(run_at) if job.attempts < job.max_attempts => self.requeue(n, run_at),
            _ => {
                self.jobs[n].state = JobState::Dead;
                let dead = self.jobs[n].clone();
                if !dead.news {
                    self.jobs.push(Modelled {
                        priority: 100,
                        run_at: self.now,
                        slot: Slot::Light,
                        effect: None,
                        dedupe: None,
                        state: JobState::Queued,
                        attempts: 0,
                        max_attempts: 100,
                        claims: 0,
                        stop: false,
                        news: true,
                        ..dead
                    });
                }
                Ended::Dead
            }
        }
    }
}

/// The store and the model side by side.
struct Pair {
    store: Store,
    tasks: [TaskId; 2],
    model: Model,
    leases: Vec<(Lease, usize, u32)>,
    /// The store's numbers of the model's jobs: in the same order, but with gaps where an enqueuing came to nothing.
    ids: Vec<JobId>,
}

impl Pair {
    async fn refresh_ids(&mut self) {
        let kept = self.store.jobs(&JobFilter::default(), None, 10_000).await.unwrap();
        self.ids = kept.iter().map(|job| job.id).collect();
        assert_eq!(self.ids.len(), self.model.jobs.len());
    }

    async fn play(&mut self, step: &Step) {
        let now = at(self.model.now);
        match step.clone() {
            Step::Enqueue { .. } => self.enqueue(step).await,
            Step::Claim { run } => {
                let slot = if run { Slot::Run } else { Slot::Light };
                let claimed = claim_as(&self.store, "w", slot, LIMITS, now.0).await;
                let expected = self.model.claim(slot);
                assert_eq!(claimed.as_ref().map(|(_, job)| job.id), expected.map(|n| self.ids[n]), "claimed");
                if let (Some((lease, _)), Some(n)) = (claimed, expected) {
                    self.leases.push((lease, n, self.model.jobs[n].claims));
                }
            }
            Step::Complete(k) => self.with_lease(k, End::Complete).await,
            Step::Retry(k, delay) => self.with_lease(k, End::Retry(delay)).await,
            Step::Release(k, delay) => self.with_lease(k, End::Release(delay)).await,
            Step::Fail(k) => self.with_lease(k, End::Fail).await,
            Step::Beat(k) => self.beat(k).await,
            Step::Cancel(task) => {
                let task = self.tasks[usize::from(task)];
                let mut tx = self.store.begin().await.unwrap();
                tx.cancel_jobs(task, &JobFilter::default(), now).await.unwrap();
                tx.commit().await.unwrap();
                for job in self.model.jobs.iter_mut().filter(|job| job.task == Some(task)) {
                    match job.state {
                        JobState::Queued => job.state = JobState::Cancelled,
                        JobState::Running => job.stop = true,
                        JobState::Done | JobState::Dead | JobState::Cancelled => {}
                    }
                }
            }
            Step::Replay(k) if !self.model.jobs.is_empty() => self.replay(k % self.model.jobs.len()).await,
            Step::Replay(_) => {}
            Step::Rescue => {
                self.store.rescue_expired(now, &HashSet::new()).await.unwrap();
                for n in 0..self.model.jobs.len() {
                    if self.model.jobs[n].state == JobState::Running && self.model.jobs[n].lease_until <= now.0 {
                        self.model.end_attempt(n, Some(now.0));
                    }
                }
            }
            Step::Wait(millis) => self.model.now += millis,
        }
    }

    async fn enqueue(&mut self, step: &Step) {
        let &Step::Enqueue { lane, priority, delay, run, repository, effect, dedupe, task, max_attempts } = step else {
            return;
        };
        let new = NewJob {
            lane: lane.map(|lane| format!("lane-{lane}")),
            priority,
            run_at: Some(at(self.model.now + delay)),
            slot: if run { Slot::Run } else { Slot::Light },
            repository: format!("r{repository}"),
            effect_key: effect.map(|key| format!("effect-{key}")),
            dedupe_key: dedupe.map(|key| format!("dedupe-{key}")),
            task: Some(self.tasks[usize::from(task)]),
            max_attempts,
            ..job("work")
        };
        let enqueued = crate::place::enqueue(&self.store, &new, self.model.now).await;
        if let Some(n) = self.model.active(effect, dedupe) {
            assert_eq!(enqueued, Enqueued::Duplicate(self.ids[n]));
            return;
        }
        let place = self.model.jobs.len();
        assert!(matches!(enqueued, Enqueued::New(id) if self.ids.last().is_none_or(|last| *last < id)), "{enqueued:?}");
        self.model.jobs.push(Modelled {
            lane,
            place,
            priority,
            run_at: self.model.now + delay,
            slot: new.slot,
            repository: new.repository,
            effect,
            dedupe,
            task: new.task,
            state: JobState::Queued,
            attempts: 0,
            max_attempts,
            claims: 0,
            lease_until: 0,
            stop: false,
            news: false,
        });
    }

    async fn with_lease(&mut self, k: usize, end: End) {
        if self.leases.is_empty() {
            return;
        }
        let (lease, n, claims) = &self.leases[k % self.leases.len()];
        let now = self.model.now;
        let mut tx = self.store.begin().await.unwrap();
        let result = match end {
            End::Complete => tx.complete(lease, &Outcome::Done(None), at(now)).await.map(|()| None),
            End::Retry(delay) => tx.retry(lease, at(now + delay), "no", None, at(now)).await.map(Some),
            End::Release(delay) => tx.release(lease, at(now + delay), None, at(now)).await.map(Some),
            End::Fail => tx.fail(lease, "no", at(now)).await.map(Some),
        };
        tx.commit().await.unwrap();
        if !self.model.holds(*n, *claims) {
            assert!(matches!(result, Err(StoreError::LostLease(_))), "{result:?}");
            return;
        }
        let n = *n;
        let expected = match end {
            End::Complete => {
                self.model.jobs[n].state = JobState::Done;
                None
            }
            End::Retry(delay) => Some(self.model.end_attempt(n, Some(now + delay))),
            End::Release(delay) => {
                let ended = self.model.requeue(n, now + delay);
                self.model.jobs[n].attempts -= u32::from(ended == Ended::Requeued);
                Some(ended)
            }
            End::Fail => Some(self.model.end_attempt(n, None)),
        };
        assert_eq!(result.unwrap(), expected);
    }

    async fn beat(&mut self, k: usize) {
        if self.leases.is_empty() {
            return;
        }
        let (lease, n, claims) = &self.leases[k % self.leases.len()];
        let beat = self.store.heartbeat(lease, TTL, at(self.model.now)).await.unwrap();
        if !self.model.holds(*n, *claims) {
            assert_eq!(beat, Heartbeat::Lost);
            return;
        }
        let job = &mut self.model.jobs[*n];
        assert_eq!(beat, if job.stop { Heartbeat::CancelRequested } else { Heartbeat::Continue });
        job.lease_until = self.model.now + 1_000;
    }

    async fn replay(&mut self, n: usize) {
        let replayed = self.store.replay_job(self.ids[n], at(self.model.now)).await;
        let job = self.model.jobs[n].clone();
        let stood_for = self.model.active(job.effect, job.dedupe).is_some();
        match (job.state, stood_for) {
            (JobState::Dead, false) => {
                replayed.unwrap();
                let job = &mut self.model.jobs[n];
                (job.state, job.attempts, job.run_at) = (JobState::Queued, 0, self.model.now);
            }
            (JobState::Dead, true) => assert!(matches!(replayed, Err(StoreError::Conflict(_))), "{replayed:?}"),
            _ => assert!(matches!(replayed, Err(StoreError::NotFound(_))), "{replayed:?}"),
        }
    }

    async fn compare(&self) {
        let kept = self.store.jobs(&JobFilter::default(), None, 10_000).await.unwrap();
        let kept: Vec<_> =
            kept.iter().map(|j| (j.state, j.attempts, j.run_at.0, j.cancel_requested_at.is_some())).collect();
        let expected: Vec<_> = self.model.jobs.iter().map(|j| (j.state, j.attempts, j.run_at, j.stop)).collect();
        assert_eq!(kept, expected);
    }
}

/// The ways to end an attempt.
#[derive(Clone, Copy)]
enum End {
    Complete,
    Retry(i64),
    Release(i64),
    Fail,
}

pub async fn the_queue_does_what_a_simple_model_does(place: Place) {
    let mut runner = TestRunner::new(Config { cases: 60, failure_persistence: None, ..Config::default() });
    let runtime = tokio::runtime::Handle::current();
    let outcome = tokio::task::block_in_place(|| {
        runner.run(&prop::collection::vec(step(), 1..120), |steps| {
            runtime.block_on(async {
                let place = place.another().await;
                let store = place.open().await;
                let tasks = [task(&store, 1).await, task(&store, 2).await];
                let mut pair = Pair { store, tasks, model: Model::default(), leases: Vec::new(), ids: Vec::new() };
                for step in &steps {
                    pair.play(step).await;
                    pair.refresh_ids().await;
                }
                pair.compare().await;
                pair.store.close().await;
            });
            Ok(())
        })
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
}
