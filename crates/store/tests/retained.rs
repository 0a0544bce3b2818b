//! a database that has lived long. A million deliveries and a hundred thousand jobs: claims cost what they cost in an empty
//! one, pruning keeps the file bounded, and nothing that is not done with goes. And R-12: thousands due at once.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test stops at the first thing that is not as it should be"
)]

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use baton_core::domain::time::Timestamp;
use baton_store::{
    Claim, DeliveryFilter, JobState, Limits, NewDelivery, NewJob, OpenOptions, Outcome, Prunable, Slot, Store,
};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _};

const DAY: i64 = 24 * 60 * 60 * 1_000;

fn limits() -> Limits {
    Limits { global_runs: 9, per_repository_runs: 9 }
}

fn claim() -> Claim<'static> {
    Claim { owner: "w", slot: Slot::Light, ttl: Duration::from_secs(60), limits: limits() }
}

struct Place {
    folder: tempfile::TempDir,
    store: Store,
}

impl Place {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/baton.db", folder.path().display());
        let store = Store::open(&url, OpenOptions::default()).await.unwrap();
        Self { folder, store }
    }

    fn bytes(&self) -> u64 {
        self.folder.path().join("baton.db").metadata().unwrap().len()
    }

    async fn beside(&self) -> SqliteConnection {
        SqliteConnectOptions::new().filename(self.folder.path().join("baton.db")).connect().await.unwrap()
    }

    /// So many deliveries of a day; a thousandth of them is not looked into.
    async fn a_day_of_deliveries(&self, day: i64, deliveries: i64) {
        let mut beside = self.beside().await;
        let sql = format!(
            "INSERT INTO deliveries (hook_type, hook_id, guid, digest, event, headers, body, received_at, outcome)
             WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {deliveries})
             SELECT 'integration', '1', '{day}-' || n, 'd', 'issues', '[]', zeroblob(1500), {day} * {DAY} + n,
                    CASE WHEN n % 1000 = 0 THEN 'received' ELSE 'handled' END FROM n"
        );
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut beside).await.unwrap();
        beside.close().await.unwrap();
    }

    async fn jobs(&self, jobs: i64, state: &str) {
        let mut beside = self.beside().await;
        let sql = format!(
            "INSERT INTO jobs (kind, format, payload, repository, lane_turn, slot, priority, run_at, state, waits_for, attempts,
                               max_attempts, fence, created_at, finished_at)
             WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {jobs})
             SELECT 'work', 1, '{{}}', 'r' || (n % 50), 0, 'light', 0, 0, '{state}', 0, 0, 10, 0, 0,
                    CASE '{state}' WHEN 'done' THEN 1 END FROM n"
        );
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut beside).await.unwrap();
        beside.close().await.unwrap();
    }

    /// How long claims and their ends take: the median and the slowest but one in a hundred.
    async fn claims(&self, number: usize) -> (Duration, Duration) {
        let mut times = Vec::new();
        for _ in 0..number {
            let begun = Instant::now();
            let (lease, _) = self.store.claim(&claim(), Timestamp(1)).await.unwrap().expect("a job");
            times.push(begun.elapsed());
            let mut tx = self.store.begin().await.unwrap();
            tx.complete(&lease, &Outcome::Done(None), Timestamp(i64::MAX)).await.unwrap();
            tx.commit().await.unwrap();
        }
        times.sort();
        (times[times.len() / 2], times[times.len() * 99 / 100])
    }

    async fn prune(&self, what: Prunable, before: i64) -> u64 {
        self.store.prune(what, Timestamp(before), Timestamp(before), true, &|| true).await.unwrap().rows
    }
}

/// Days of deliveries, each pruned as the tidying does: bodies after two days, the rest after five.
async fn lives(days: i64, each_day: i64, jobs: i64) {
    let place = Place::new().await;
    place.jobs(2_000, "queued").await;
    let (empty, empty_slow) = place.claims(200).await;
    place.jobs(jobs, "done").await;
    place.jobs(jobs, "queued").await;
    let mut sizes = Vec::new();
    let (mut bodies, mut rows) = (0, 0);
    let mut slowest_delivery = Duration::ZERO;
    for day in 0..days {
        place.a_day_of_deliveries(day, each_day).await;
        // Webhooks come in while it is pruned.
        let pruning = async {
            bodies += place.prune(Prunable::Bodies, (day - 1) * DAY).await;
            rows += place.prune(Prunable::Deliveries, (day - 4) * DAY).await;
        };
        let coming = async {
            for n in 0..20 {
                let guid = format!("live-{day}-{n}");
                let delivery = NewDelivery {
                    hook_type: "integration",
                    hook_id: "1",
                    guid: &guid,
                    event: "ping",
                    headers: &[],
                    body: b"{}",
                };
                let begun = Instant::now();
                place.store.record_delivery(&delivery, Timestamp(day * DAY)).await.unwrap();
                slowest_delivery = slowest_delivery.max(begun.elapsed());
            }
        };
        tokio::join!(pruning, coming);
        sizes.push(place.bytes());
    }
    let (full, full_slow) = place.claims(200).await;
    let begun = Instant::now();
    let pruned_jobs = place.prune(Prunable::Jobs, DAY).await;
    let pruned_in = begun.elapsed();
    assert_eq!(pruned_jobs, u64::try_from(jobs).unwrap(), "all that was done long ago, and none that waits");
    let waiting = DeliveryFilter { outcome: Some("received"), event: Some("issues") };
    let waiting = place.store.deliveries(&waiting, None, 1_000_000).await.unwrap().len();
    assert_eq!(i64::try_from(waiting).unwrap(), days * (each_day / 1000), "none that waits is pruned, however old");
    let settled = sizes[5..].iter().max().unwrap();
    println!(
        "R-20 {} deliveries in {days} days, {jobs} jobs done and {jobs} waiting: a claim {empty:?} (median) and {empty_slow:?} \
         (99 of 100) at first, {full:?} and {full_slow:?} then; {bodies} bodies and {rows} rows pruned, a delivery beside it took \
         {slowest_delivery:?} at most; file {} MiB after six days, {} MiB at most later; {pruned_jobs} jobs pruned in {pruned_in:?}",
        days * each_day,
        sizes[5] / (1024 * 1024),
        settled / (1024 * 1024),
    );
    // What waits for ever stays, and so does what it is found by.
    assert!(*settled < sizes[5] + sizes[5] / 5, "the file grows on: {sizes:?}");
    // A slice says nothing about time on a machine that is busy.
    assert!(jobs < 100_000 || full < empty * 3 + Duration::from_millis(5), "{empty:?} {full:?}");
    assert_eq!(place.store.integrity_complaints().await.unwrap(), [""; 0]);
    place.store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r_20_a_database_that_lives_long_stays_small_and_quick() {
    lives(12, 1_000, 1_000).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes: `script/test --full` runs it"]
async fn r_20_a_million_deliveries_and_a_hundred_thousand_jobs() {
    lives(20, 50_000, 100_000).await;
}

/// Jobs that all become due at one moment after an outage: let through together, oldest first within each repository, and no
/// repository waits for the many of another.
async fn due_at_once(jobs: i64) {
    let place = Place::new().await;
    let mut tx = place.store.begin().await.unwrap();
    for n in 0..jobs {
        // Four of five are one repository's.
        let repository = if n % 5 == 0 { format!("small-{}", n % 100) } else { "flood".to_owned() };
        let new = NewJob {
            repository,
            priority: if n % 5 == 0 { 0 } else { 6 },
            run_at: Some(Timestamp(1_000 + n % 7)),
            ..NewJob::new("again", &n).unwrap()
        };
        tx.enqueue(&new, Timestamp(0)).await.unwrap();
    }
    tx.commit().await.unwrap();
    assert!(place.store.claim(&claim(), Timestamp(999)).await.unwrap().is_none());
    let (mut order, mut slowest) = (Vec::new(), Duration::ZERO);
    loop {
        let begun = Instant::now();
        let Some((lease, job)) = place.store.claim(&claim(), Timestamp(10_000)).await.unwrap() else { break };
        slowest = slowest.max(begun.elapsed());
        order.push((job.repository, job.id));
        let mut tx = place.store.begin().await.unwrap();
        tx.complete(&lease, &Outcome::Done(None), Timestamp(10_000)).await.unwrap();
        tx.commit().await.unwrap();
    }
    assert_eq!(i64::try_from(order.len()).unwrap(), jobs);
    let mut last: BTreeMap<&str, (usize, i64)> = BTreeMap::new();
    for (place, (repository, id)) in order.iter().enumerate() {
        if let Some((_, before)) = last.insert(repository, (place, id.0)) {
            assert!(before < id.0, "{repository}: {before} before {id}");
        }
    }
    // Twenty small ones take turns with the one that has four fifths of it.
    let small =
        last.iter().filter(|(repository, _)| repository.starts_with("small")).map(|(_, (place, _))| *place).max();
    assert!(
        i64::try_from(small.unwrap()).unwrap() <= 21 * (jobs / 100 + 1),
        "the last small one is done after {small:?}"
    );
    assert_eq!(place.store.job_counts().await.unwrap(), [(JobState::Done, jobs.unsigned_abs())]);
    println!("R-12 {jobs} due at once: the slowest claim took {slowest:?}");
    place.store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r_12_what_is_due_at_once_goes_oldest_first_and_in_turns() {
    due_at_once(500).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes: `script/test --full` runs it"]
async fn r_12_five_thousand_due_at_once() {
    due_at_once(5_000).await;
}
