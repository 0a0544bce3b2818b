//! Jobs that end their workers, with real processes and SIGKILL: each is given up after so many workers, and what was in hand
//! beside it is done.
//!
//! This test runs itself as a child process: a worker whose handler says that it has the poison, and is killed for it. It takes
//! about ten seconds, because each child's leases have to run out before the next one gets the jobs.

#![expect(clippy::unwrap_used, reason = "a test stops at the first thing that is not as it should be")]
#![expect(clippy::panic, reason = "one of its jobs panics, as a job with a bug does")]
#![expect(
    clippy::disallowed_methods,
    reason = "a test that kills itself starts itself, tells the child by a variable, and runs by the wall's clock"
)]

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant, SystemTime};

use baton_core::domain::time::Timestamp;
use baton_queue::{Backoff, Clock, Config, Failure, Handled, Handler, JobContext, Worker};
use baton_store::{Died, JobFilter, JobId, JobState, NewJob, OpenOptions, Outcome, Slot, Store};
use tokio_util::sync::CancellationToken;

/// Set for the child: the database it works on.
const URL: &str = "BATON_QUEUE_POISON_TEST_URL";

/// How long a lease outlives its worker.
const TTL: Duration = Duration::from_millis(700);

/// How many workers a job may cost (`crates/store/src/rescue.rs`).
const MOST: usize = 8;

fn clock() -> Clock {
    Clock::from_fn(|| {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        Timestamp(i64::try_from(since.as_millis()).unwrap())
    })
}

struct Hand;

async fn complete(context: &JobContext) -> Result<Handled, Failure> {
    let mut tx = context.store.begin().await?;
    tx.complete(&context.lease, &Outcome::Done(None), clock().now()).await?;
    tx.commit().await?;
    Ok(Handled::Completed)
}

impl Handler for Hand {
    async fn handle(&self, context: JobContext) -> Result<Handled, Failure> {
        match context.job.kind.as_str() {
            "poison" => {
                println!("poisoned");
                std::future::pending().await
            }
            "panics" => panic!("this job is wrong"),
            "long" => tokio::time::sleep(TTL * 2).await,
            _ => {}
        }
        complete(&context).await
    }

    async fn on_dead(&self, context: JobContext, _: Died) -> Result<Handled, Failure> {
        complete(&context).await
    }
}

async fn work(url: &str) {
    let store = Store::open(url, OpenOptions::default()).await.unwrap();
    let config = Config {
        light: 4,
        lease_ttl: TTL,
        poll: Duration::from_millis(50),
        backoff: Backoff { first: Duration::from_millis(10), cap: Duration::from_millis(50) },
        ..Config::new(std::process::id().to_string())
    };
    Arc::new(Worker::new(store, Hand, config, clock())).run(CancellationToken::new()).await;
}

/// The child's entry, when it is the child; an ordinary run of the tests passes through.
#[test]
fn child() {
    if let Ok(url) = std::env::var(URL) {
        tokio::runtime::Runtime::new().unwrap().block_on(work(&url));
    }
}

/// A child, and word of each time it has the poison in hand.
fn start(url: &str) -> (Child, Receiver<()>) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["child", "--exact", "--nocapture", "--test-threads=1"])
        .env(URL, url)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let (tell, told) = channel();
    std::thread::spawn(move || {
        for line in lines.map_while(Result::ok) {
            // Nobody listens any more once the story is over.
            if line.contains("poisoned") && tell.send(()).is_err() {
                return;
            }
        }
    });
    (child, told)
}

fn new(kind: &str) -> NewJob {
    NewJob { repository: kind.to_owned(), ..NewJob::new(kind, &()).unwrap() }
}

#[test]
fn r_11_a_job_that_kills_its_worker_is_given_up_and_its_neighbours_are_not() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/baton.db", folder.path().display());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let store = runtime.block_on(Store::open(&url, OpenOptions::default())).unwrap();
    let enqueue = |job: NewJob| -> JobId {
        runtime.block_on(async {
            let mut tx = store.begin().await.unwrap();
            let id = tx.enqueue(&job, clock().now()).await.unwrap().id();
            tx.commit().await.unwrap();
            id
        })
    };
    // More attempts than workers: what ends them is not worth as many of them as GitHub is of requests.
    let poison = enqueue(NewJob { max_attempts: 30, priority: 50, ..new("poison") });
    let panics = enqueue(NewJob { max_attempts: 5, ..new("panics") });
    let neighbours: Vec<JobId> = (0..3)
        .map(|_| enqueue(NewJob { slot: Slot::Run, max_attempts: 12, ..new("long") }))
        .chain((0..20).map(|_| enqueue(new("quick"))))
        .collect();

    let job = |id| runtime.block_on(store.job(id)).unwrap().unwrap();
    let all_over = || {
        let counts = runtime.block_on(store.job_counts()).unwrap();
        counts.iter().all(|(state, _)| ![JobState::Queued, JobState::Running].contains(state))
    };
    let begun = Instant::now();
    let mut kills = 0;
    let (mut child, mut told) = start(&url);
    while !all_over() {
        assert!(begun.elapsed() < Duration::from_secs(180), "after {kills} kills: {:#?}", job(poison));
        match told.recv_timeout(Duration::from_millis(50)) {
            Ok(()) => {
                child.kill().unwrap();
                child.wait().unwrap();
                kills += 1;
                (child, told) = start(&url);
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => panic!("the worker ended by itself: {:?}", child.wait()),
        }
    }
    child.kill().unwrap();
    child.wait().unwrap();

    let poison = job(poison);
    assert_eq!((poison.state, kills), (JobState::Dead, MOST), "{poison:#?}");
    assert!(poison.last_error.as_ref().is_some_and(|it| it.starts_with("8 workers were lost")), "{poison:#?}");
    let panics = job(panics);
    assert_eq!((panics.state, panics.attempts), (JobState::Dead, 5), "{panics:#?}");
    for id in neighbours {
        let neighbour = job(id);
        assert_eq!(neighbour.state, JobState::Done, "{neighbour:#?}");
    }
    let dead = JobFilter { state: Some(JobState::Dead), ..JobFilter::default() };
    assert_eq!(runtime.block_on(store.jobs(&dead, None, 10)).unwrap().len(), 2);
    println!("R-11: given up after {kills} SIGKILLs and {:?}", begun.elapsed());
}
