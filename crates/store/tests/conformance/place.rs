//! Where a test's store lives, and small shorthands for what the tests do all the time.

use std::time::Duration;

use baton_core::domain::ids::{IssueNumber, RepositoryId, TaskId};
use baton_core::domain::time::Timestamp;
use baton_store::{Claim, Job, Json, Lease, Limits, NewJob, NewTask, OpenOptions, Slot, Store};

/// The databases there are.
#[derive(Clone, Copy)]
enum Engine {
    Sqlite,
}

/// A database of its own for one test, gone when dropped.
pub struct Place {
    engine: Engine,
    url: String,
    _folder: tempfile::TempDir,
}

impl Place {
    /// One more program that opens the database.
    pub async fn open(&self) -> Store {
        Store::open(&self.url, OpenOptions::default()).await.expect("the store opens")
    }

    /// Another, empty database of the same kind.
    pub async fn another(&self) -> Place {
        match self.engine {
            Engine::Sqlite => sqlite().await,
        }
    }
}

/// A database file in a folder of its own.
pub async fn sqlite() -> Place {
    let folder = tempfile::tempdir().expect("a temporary folder");
    Place { engine: Engine::Sqlite, url: format!("sqlite://{}/baton.db", folder.path().display()), _folder: folder }
}

pub const NO_LIMITS: Limits = Limits { global_runs: u32::MAX, per_repository_runs: u32::MAX };

pub const TTL: Duration = Duration::from_millis(1_000);

pub fn at(millis: i64) -> Timestamp {
    Timestamp(millis)
}

pub fn json(text: &str) -> Json {
    Json::of(&text).expect("a text is JSON")
}

/// A light job whose kind is its name.
pub fn job(kind: &str) -> NewJob {
    NewJob::new(kind, &kind).expect("a text is JSON")
}

/// A run job of a repository.
pub fn run_job(kind: &str, repository: &str) -> NewJob {
    NewJob { slot: Slot::Run, repository: repository.to_owned(), ..job(kind) }
}

/// A job in a lane.
pub fn laned(kind: &str, lane: &str) -> NewJob {
    NewJob { lane: Some(lane.to_owned()), ..job(kind) }
}

pub async fn enqueue(store: &Store, job: &NewJob, now: i64) -> baton_store::Enqueued {
    let mut tx = store.begin().await.unwrap();
    let enqueued = tx.enqueue(job, at(now)).await.unwrap();
    tx.commit().await.unwrap();
    enqueued
}

pub async fn claim_as(store: &Store, owner: &str, slot: Slot, limits: Limits, now: i64) -> Option<(Lease, Job)> {
    let claim = Claim { owner, slot, ttl: TTL, limits };
    store.claim(&claim, at(now)).await.unwrap()
}

/// Claims a light job as the worker `w`.
pub async fn claim(store: &Store, now: i64) -> Option<(Lease, Job)> {
    claim_as(store, "w", Slot::Light, NO_LIMITS, now).await
}

/// Claims a light job that must be there.
pub async fn take(store: &Store, now: i64) -> (Lease, Job) {
    claim(store, now).await.expect("a job to claim")
}

pub async fn done(store: &Store, lease: &Lease, now: i64) {
    let mut tx = store.begin().await.unwrap();
    tx.complete(lease, &baton_store::Outcome::Done(None), at(now)).await.unwrap();
    tx.commit().await.unwrap();
}

pub async fn retry(store: &Store, lease: &Lease, run_at: i64, error: &str, now: i64) -> baton_store::Ended {
    let mut tx = store.begin().await.unwrap();
    let ended = tx.retry(lease, at(run_at), error, None, at(now)).await.unwrap();
    tx.commit().await.unwrap();
    ended
}

pub async fn fail(store: &Store, lease: &Lease, error: &str, now: i64) -> baton_store::Ended {
    let mut tx = store.begin().await.unwrap();
    let ended = tx.fail(lease, error, at(now)).await.unwrap();
    tx.commit().await.unwrap();
    ended
}

/// Begins a task on an issue of repository 7.
pub async fn task(store: &Store, issue: i64) -> TaskId {
    let mut tx = store.begin().await.unwrap();
    let document = json("the task");
    let new = NewTask {
        repository_id: RepositoryId(7),
        repository: "acme/app",
        issue: IssueNumber(issue),
        state: "planning",
        document: &document,
    };
    let row = tx.insert_task(&new, at(0)).await.unwrap();
    tx.commit().await.unwrap();
    row.id
}
