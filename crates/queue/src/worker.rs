//! The worker's loops: claim when a slot is free, rescue what others left behind, enqueue what recurs, drain at the end.

use std::collections::HashSet;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use baton_core::domain::time::Timestamp;
use baton_store::{Claim, Job, JobId, Lease, Limits, Slot, Store, StoreError};
use tokio::sync::{Mutex as AsyncMutex, Semaphore};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::backoff::{Backoff, Jitter, random_jitter};
use crate::ending::Ran;
use crate::handler::Handler;
use crate::schedule::Recurring;

/// What time it is. The wall clock in a program, whatever is wanted in a test.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl Clock {
    /// From a function.
    pub fn from_fn(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        (self.0)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}

/// How a worker works.
#[derive(Clone, Debug)]
pub struct Config {
    /// Its name in leases, for people; best with the process and its start in it.
    pub owner: String,
    /// Agent runs it does at once. None is a worker for light jobs only.
    pub runs: usize,
    /// Light jobs it does at once. They have slots of their own, so that no run keeps a comment waiting.
    pub light: usize,
    /// The limits on runs over all workers.
    pub limits: Limits,
    /// How long a lease holds without a heartbeat: how long the work of a worker that died lies idle.
    pub lease_ttl: Duration,
    /// How often at least the store is asked for work. What this process enqueues is seen at once.
    pub poll: Duration,
    /// The waits between attempts.
    pub backoff: Backoff,
    /// The chance in those waits.
    pub jitter: Jitter,
    /// How long a job that was told to stop may take to do so.
    pub grace: Duration,
    /// How long, at shutdown, jobs may go on before they are told to stop.
    pub drain: Duration,
    /// Work that recurs.
    pub recurring: Vec<Recurring>,
}

impl Config {
    /// Two runs and eight light jobs at once, one run per repository, leases of 30 s.
    #[must_use]
    pub fn new(owner: impl Into<String>) -> Self {
        Self {
            owner: owner.into(),
            runs: 2,
            light: 8,
            limits: Limits { global_runs: 2, per_repository_runs: 1 },
            lease_ttl: Duration::from_secs(30),
            poll: Duration::from_secs(1),
            backoff: Backoff::default(),
            jitter: random_jitter(),
            grace: Duration::from_secs(5),
            drain: Duration::from_secs(20),
            recurring: Vec::new(),
        }
    }
}

/// The queue did not come to rest.
#[derive(Debug, thiserror::Error)]
pub enum Endless {
    /// After so many jobs there were still more.
    #[error("after {0} jobs the queue still has work that may be done at once; jobs seem to breed")]
    StillBusy(usize),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Does jobs with a handler.
pub struct Worker<H> {
    store: Store,
    handler: Arc<H>,
    config: Config,
    clock: Clock,
    in_hand: Mutex<HashSet<JobId>>,
    /// Fires when jobs are to be given back because the worker leaves.
    leaving: CancellationToken,
    /// Room for one job that may be what ends its workers.
    suspects: Semaphore,
    /// The period each recurring work was last seen to.
    periods: AsyncMutex<Vec<i64>>,
}

impl<H: Handler> Worker<H> {
    /// A worker that does nothing yet.
    pub fn new(store: Store, handler: H, config: Config, clock: Clock) -> Self {
        let periods = AsyncMutex::new(vec![i64::MIN; config.recurring.len()]);
        Self {
            store,
            handler: Arc::new(handler),
            config,
            clock,
            in_hand: Mutex::default(),
            leaving: CancellationToken::new(),
            suspects: Semaphore::new(1),
            periods,
        }
    }

    /// Works until `shutdown` fires. Then it claims nothing more, lets what is under way go on for the drain time, tells
    /// the rest to stop, and gives back what did not end, for another worker to take over at once.
    pub async fn run(self: Arc<Self>, shutdown: CancellationToken) {
        let tracker = TaskTracker::new();
        for (slot, width) in [(Slot::Light, self.config.light), (Slot::Run, self.config.runs)] {
            if width > 0 {
                let loops = Arc::clone(&self).claim_loop(slot, width, shutdown.clone(), tracker.clone());
                tracker.spawn(loops);
            }
        }
        tracker.spawn(Arc::clone(&self).upkeep_loop(shutdown.clone()));
        shutdown.cancelled().await;
        tracker.close();
        if tokio::time::timeout(self.config.drain, tracker.wait()).await.is_err() {
            tracing::info!(jobs = self.in_hand().len(), "the drain time is over, jobs under way are given back");
            self.leaving.cancel();
            tracker.wait().await;
        }
    }

    /// Claims and does one job, light ones before runs; `None` when none may go now. What a worker's loops do, once.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn run_next(&self) -> Result<Option<Ran>, StoreError> {
        for slot in [Slot::Light, Slot::Run] {
            if let Some((lease, job)) = self.claim(slot).await? {
                return self.execute(lease, job).await.map(Some);
            }
        }
        Ok(None)
    }

    /// Rescues, enqueues what recurs, and does jobs one after the other until none may go at the clock's time.
    ///
    /// # Errors
    /// When the store fails, or when there are still jobs after `at_most` of them.
    pub async fn run_until_idle(&self, at_most: usize) -> Result<Vec<Ran>, Endless> {
        self.upkeep().await?;
        let mut ran = Vec::new();
        while let Some(next) = self.run_next().await? {
            ran.push(next);
            if ran.len() > at_most {
                return Err(Endless::StillBusy(at_most));
            }
        }
        Ok(ran)
    }

    /// Takes back what dead workers left behind and enqueues what recurs.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn upkeep(&self) -> Result<(), StoreError> {
        let now = self.clock.now();
        let in_hand = self.in_hand().clone();
        let rescued = self.store.rescue_expired(now, &in_hand).await?;
        if rescued != baton_store::Rescued::default() {
            tracing::warn!(?rescued, "jobs were taken back from workers that did not report back");
        }
        let mut periods = self.periods.lock().await;
        for (recurring, seen) in self.config.recurring.iter().zip(periods.iter_mut()) {
            recurring.enqueue(&self.store, now, seen).await?;
        }
        Ok(())
    }

    async fn claim(&self, slot: Slot) -> Result<Option<(Lease, Job)>, StoreError> {
        let claim = Claim { owner: &self.config.owner, slot, ttl: self.config.lease_ttl, limits: self.config.limits };
        self.store.claim(&claim, self.clock.now()).await
    }

    async fn claim_loop(self: Arc<Self>, slot: Slot, width: usize, shutdown: CancellationToken, tracker: TaskTracker) {
        let free = Arc::new(Semaphore::new(width));
        let mut changes = self.store.job_changes();
        loop {
            let permit = tokio::select! {
                biased;
                () = shutdown.cancelled() => return,
                permit = Arc::clone(&free).acquire_owned() => permit,
            };
            // Marked before asking: what is committed after the answer wakes this loop again.
            changes.mark_unchanged();
            match self.claim(slot).await {
                Ok(Some((lease, job))) => {
                    let worker = Arc::clone(&self);
                    tracker.spawn(async move {
                        let (id, kind) = (job.id, job.kind.clone());
                        if let Err(error) = worker.execute(lease, job).await {
                            tracing::error!(job = %id, kind, %error, "how a job ended could not be written");
                        }
                        drop(permit);
                    });
                    continue;
                }
                Ok(None) => {}
                Err(error) => tracing::warn!(%error, "cannot claim work"),
            }
            let nap = self.config.poll.mul_f64(0.5) + self.config.jitter.part_of(self.config.poll);
            tokio::select! {
                () = shutdown.cancelled() => return,
                // The sender lives in the store this worker owns, so this ends only with a change.
                _ = changes.changed() => {}
                () = sleep(nap) => {}
            }
        }
    }

    async fn upkeep_loop(self: Arc<Self>, shutdown: CancellationToken) {
        loop {
            if let Err(error) = self.upkeep().await {
                tracing::warn!(%error, "upkeep of the queue failed");
            }
            let every = (self.config.lease_ttl / 3).max(Duration::from_millis(10));
            let nap = every.mul_f64(0.5) + self.config.jitter.part_of(every);
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = sleep(nap) => {}
            }
        }
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    pub(crate) fn handler(&self) -> &Arc<H> {
        &self.handler
    }

    pub(crate) fn config(&self) -> &Config {
        &self.config
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.clock
    }

    pub(crate) fn leaving(&self) -> &CancellationToken {
        &self.leaving
    }

    pub(crate) fn suspects(&self) -> &Semaphore {
        &self.suspects
    }

    fn in_hand(&self) -> std::sync::MutexGuard<'_, HashSet<JobId>> {
        self.in_hand.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a job among those this worker has in hand, for as long as the answer lives.
    pub(crate) fn take_in_hand(&self, id: JobId) -> InHand<'_> {
        self.in_hand().insert(id);
        InHand { set: &self.in_hand, id }
    }
}

/// A job in hand.
pub(crate) struct InHand<'a> {
    set: &'a Mutex<HashSet<JobId>>,
    id: JobId,
}

impl Drop for InHand<'_> {
    fn drop(&mut self) {
        self.set.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
    }
}
