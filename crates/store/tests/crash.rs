//! Killed in the middle: what was committed is there, what was not is not, and the file is sound.
//!
//! This test runs itself as a child process, which writes without end until it is killed with SIGKILL, and says after
//! each commit what it has committed.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test stops at the first thing that is not as it should be"
)]
#![expect(
    clippy::disallowed_methods,
    reason = "a test that kills itself starts itself, and tells the child by a variable"
)]

use std::collections::HashSet;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use baton_core::domain::ids::{IssueNumber, RepositoryId};
use baton_core::domain::time::Timestamp;
use baton_store::{
    Claim, JobFilter, JobState, Json, Limits, NewDelivery, NewHistory, NewTask, OpenOptions, Outcome, Recorded, Slot,
    Store, TaskFilter,
};

/// Set for the child: the database it writes to.
const URL: &str = "BATON_STORE_CRASH_TEST_URL";

/// How often a child is killed.
const KILLS: u32 = 12;

fn claim() -> Claim<'static> {
    Claim {
        owner: "child",
        slot: Slot::Light,
        ttl: Duration::from_millis(10),
        limits: Limits { global_runs: 1, per_repository_runs: 1 },
    }
}

/// The child: each round records a delivery, then claims its job, begins a task, writes history and completes the job in
/// one transaction.
async fn write_without_end(url: &str) {
    let store = Store::open(url, OpenOptions::default()).await.unwrap();
    for n in 0_i64.. {
        let guid = format!("{}-{n}", std::process::id());
        let delivery = NewDelivery {
            hook_type: "integration",
            hook_id: "1",
            guid: &guid,
            event: "issues",
            headers: &[],
            body: &[b'x'; 3_000],
        };
        store.record_delivery(&delivery, Timestamp(n)).await.unwrap();
        println!("recorded {guid}");

        store.rescue_expired(Timestamp(i64::MAX), &HashSet::new()).await.unwrap();
        let (lease, job) = store.claim(&claim(), Timestamp(i64::MAX - 1_000)).await.unwrap().expect("a job");
        let mut tx = store.begin().await.unwrap();
        let document = Json::of(&guid).unwrap();
        let new = NewTask {
            repository_id: RepositoryId(i64::from(std::process::id())),
            repository: "acme/app",
            issue: IssueNumber(n),
            state: "planning",
            document: &document,
        };
        let task = tx.insert_task(&new, Timestamp(n)).await.unwrap();
        let entry =
            NewHistory { task: task.id, actor: "child", state_before: "", state_after: "planning", event: &document };
        tx.append_history(&entry, Timestamp(n)).await.unwrap();
        tx.complete(&lease, &Outcome::Done(Some(document.clone())), Timestamp(n)).await.unwrap();
        tx.commit().await.unwrap();
        println!("completed {} {}", job.id, task.id);
    }
}

/// The child's entry, when it is the child; an ordinary run of the tests passes through.
#[test]
fn child() {
    if let Ok(url) = std::env::var(URL) {
        tokio::runtime::Runtime::new().unwrap().block_on(write_without_end(&url));
    }
}

fn start(url: &str) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["child", "--exact", "--nocapture", "--test-threads=1"])
        .env(URL, url)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Reads what the child says until it has said `lines` lines, kills it, and reads what was still in the pipe.
fn kill_after(url: &str, lines: u32) -> Vec<String> {
    let mut child = start(url);
    let mut output = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let mut said: Vec<String> = Vec::new();
    let told = |line: &String| line.contains("recorded ") || line.starts_with("completed ");
    while said.len() < lines as usize {
        said.extend(output.next().filter(told));
    }
    child.kill().unwrap();
    said.extend(output.filter(told));
    child.wait().unwrap();
    said
}

#[tokio::test]
async fn what_was_committed_survives_a_kill_and_nothing_else_does() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/baton.db", folder.path().display());
    let mut recorded = HashSet::new();
    let mut completed = 0;
    for kill in 1..=KILLS {
        for line in kill_after(&url, kill * 3) {
            let words: Vec<_> = line.split_whitespace().collect();
            match words.iter().position(|word| *word == "recorded") {
                Some(at) => drop(recorded.insert(words[at + 1].to_owned())),
                None => completed += 1,
            }
        }
    }
    let store = Store::open(&url, OpenOptions { migrate: false }).await.unwrap();
    assert_eq!(store.integrity_complaints().await.unwrap(), [""; 0]);

    let deliveries = store.deliveries(&Default::default(), None, 100_000).await.unwrap();
    let kept: HashSet<_> = deliveries.iter().map(|d| d.guid.clone()).collect();
    let lost: Vec<_> = recorded.difference(&kept).collect();
    assert!(lost.is_empty(), "said to be recorded, and gone: {lost:?}");
    // Between the commit and its being said at most one a kill can be there besides.
    assert!(kept.len() - recorded.len() <= KILLS as usize);

    let jobs = store.jobs(&JobFilter::default(), None, 100_000).await.unwrap();
    assert_eq!(jobs.len(), kept.len(), "each delivery has its job");
    let done: Vec<_> = jobs.iter().filter(|job| job.state == JobState::Done).collect();
    let tasks = store.tasks(&TaskFilter::default(), None, 100_000).await.unwrap();
    assert_eq!(done.len(), tasks.len(), "a job is done exactly if its task was begun");
    for task in &tasks {
        assert_eq!(store.history(task.id, 0, 10).await.unwrap().len(), 1);
        assert!(done.iter().any(|job| job.result.as_ref() == Some(&task.document)));
    }
    assert!(completed > KILLS as usize && tasks.len() >= completed && tasks.len() <= completed + KILLS as usize);

    let Recorded::Duplicate(_) = store
        .record_delivery(
            &NewDelivery {
                hook_type: "integration",
                hook_id: "1",
                guid: recorded.iter().next().unwrap(),
                event: "issues",
                headers: &[],
                body: &[b'x'; 3_000],
            },
            Timestamp(0),
        )
        .await
        .unwrap()
    else {
        panic!("a delivery recorded before a crash is known after it");
    };
}
