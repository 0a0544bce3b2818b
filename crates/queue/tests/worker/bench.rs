//! What the tests stand on: a store in a temporary folder, a clock to turn, and a handler that follows a script.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use baton_core::domain::time::Timestamp;
use baton_queue::{Clock, Config, Failure, Handled, Handler, Jitter, JobContext, StopReason, Worker};
use baton_store::{Died, Job, JobId, NewJob, OpenOptions, Outcome, Store};

/// What the handler does with a job, by the job's kind.
#[derive(Clone, Debug)]
pub enum Act {
    Complete,
    Fail(Failure),
    Panic,
    /// Says it completed the job, and did not.
    Lie,
    Postpone(Timestamp),
    /// Goes on until told to stop, and stops.
    UntilStopped,
    /// Goes on whatever it is told.
    Forever,
    /// Completes the job once [`Script::open`] is called.
    AtTheGate,
    /// Stops although nobody asked.
    GiveUp,
    /// Completes the job and enqueues another like it.
    Breed,
}

/// What the handler saw and what it is to do.
#[derive(Default)]
pub struct Script {
    acts: Mutex<BTreeMap<String, Act>>,
    pub log: Mutex<Vec<String>>,
    pub died: Mutex<Vec<Died>>,
    pub stops: Mutex<Vec<Option<StopReason>>>,
    pub working: AtomicUsize,
    pub most_working: AtomicUsize,
    gate: tokio::sync::Notify,
    clock: AtomicI64,
}

impl Script {
    pub fn on(&self, kind: &str, act: Act) {
        self.acts.lock().unwrap().insert(kind.to_owned(), act);
    }

    pub fn open(&self) {
        self.gate.notify_waiters();
    }

    pub fn log(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }

    pub fn advance(&self, millis: i64) {
        self.clock.fetch_add(millis, Ordering::SeqCst);
    }

    /// A clock that only [`Script::advance`] moves.
    pub fn clock(self: &Arc<Self>) -> Clock {
        let script = Arc::clone(self);
        Clock::from_fn(move || Timestamp(script.clock.load(Ordering::SeqCst)))
    }
}

/// The handler that follows a script.
pub struct Scripted(pub Arc<Script>);

/// Counts a job as being worked on, as long as it lives.
struct Working(Arc<Script>);

impl Working {
    fn begin(script: &Arc<Script>) -> Self {
        let now = script.working.fetch_add(1, Ordering::SeqCst) + 1;
        script.most_working.fetch_max(now, Ordering::SeqCst);
        Self(Arc::clone(script))
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        self.0.working.fetch_sub(1, Ordering::SeqCst);
    }
}

async fn complete(context: &JobContext, and: Option<NewJob>) -> Result<Handled, Failure> {
    let now = context.job.run_at;
    let mut tx = context.store.begin().await?;
    tx.complete(&context.lease, &Outcome::Done(None), now).await?;
    if let Some(job) = and {
        tx.enqueue(&job, now).await?;
    }
    tx.commit().await?;
    Ok(Handled::Completed)
}

impl Handler for Scripted {
    async fn handle(&self, context: JobContext) -> Result<Handled, Failure> {
        let _working = Working::begin(&self.0);
        let kind = context.job.kind.clone();
        self.0.log.lock().unwrap().push(kind.clone());
        let act = self.0.acts.lock().unwrap().get(&kind).cloned().unwrap_or(Act::Complete);
        match act {
            Act::Complete => complete(&context, None).await,
            Act::Fail(failure) => Err(failure),
            Act::Panic => panic!("the handler stumbled over {kind}"),
            Act::Lie => Ok(Handled::Completed),
            Act::Postpone(until) => Ok(Handled::Postponed(until)),
            Act::UntilStopped => {
                context.cancel.cancelled().await;
                self.0.stops.lock().unwrap().push(context.stop_reason());
                Ok(Handled::Stopped)
            }
            Act::Forever => {
                context.cancel.cancelled().await;
                self.0.stops.lock().unwrap().push(context.stop_reason());
                std::future::pending().await
            }
            Act::AtTheGate => {
                self.0.gate.notified().await;
                complete(&context, None).await
            }
            Act::GiveUp => Ok(Handled::Stopped),
            Act::Breed => complete(&context, Some(job(&kind))).await,
        }
    }

    async fn on_dead(&self, context: JobContext, died: Died) -> Result<Handled, Failure> {
        self.0.died.lock().unwrap().push(died);
        complete(&context, None).await
    }
}

/// A store in a folder of its own.
pub struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder") }
    }

    pub async fn open(&self) -> Store {
        let url = format!("sqlite://{}/baton.db", self.folder.path().display());
        Store::open(&url, OpenOptions::default()).await.expect("the store opens")
    }
}

#[expect(clippy::disallowed_methods, reason = "the source of the time for workers let loose")]
pub fn wall_clock() -> Clock {
    Clock::from_fn(|| {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("a clock after 1970");
        Timestamp(i64::try_from(since.as_millis()).expect("a clock before the end of time"))
    })
}

/// A configuration without chance.
pub fn config(owner: &str) -> Config {
    Config { jitter: Jitter::from_fn(|| 1.0), ..Config::new(owner) }
}

pub fn worker(store: &Store, script: &Arc<Script>, config: Config, clock: Clock) -> Arc<Worker<Scripted>> {
    Arc::new(Worker::new(store.clone(), Scripted(Arc::clone(script)), config, clock))
}

pub fn job(kind: &str) -> NewJob {
    NewJob::new(kind, &()).expect("nothing is JSON")
}

pub async fn enqueue(store: &Store, job: &NewJob, now: Timestamp) -> JobId {
    let mut tx = store.begin().await.unwrap();
    let id = tx.enqueue(job, now).await.unwrap().id();
    tx.commit().await.unwrap();
    id
}

pub async fn get(store: &Store, id: JobId) -> Job {
    store.job(id).await.unwrap().unwrap()
}

/// Waits, for a minute at most, until something is so; how long it took.
pub async fn until<F>(what: &str, mut so: impl FnMut() -> F) -> Duration
where
    F: Future<Output = bool>,
{
    let start = Instant::now();
    while !so().await {
        assert!(start.elapsed() < Duration::from_secs(60), "{what} did not come about in a minute");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    start.elapsed()
}
