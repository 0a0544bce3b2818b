//! The webhook's edge over HTTP, in Part A of SECURITY.md's catalogue by its numbers: who is let in, what is kept, what is
//! on disk, and what it costs. are stories (`tests/scenarios/edge.rs`); A-05 is a rule of
//! `crates/webhook`.

mod backpressure;
mod flood;
mod lasting;
mod letting_in;

use std::time::Duration;

use baton_store::{OpenOptions, Store};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::Value;

use super::baton::Baton;
use super::story::{PYTHON, Pace};
use super::world::World;

const PATH: &str = "/webhooks/github";
const LIMIT: usize = 25 * 1024 * 1024;
const MIB: usize = 1024 * 1024;

/// A well-formed signature that nobody made.
const FORGED: &str = "sha256=0000000000000000000000000000000000000000000000000000000000000000";

/// Everything the store knows of deliveries.
pub fn rows(baton: &Baton) -> Vec<Value> {
    baton.json(&["delivery", "list", "--json", "--limit", "1000"])
}

/// The same, once all of it was looked into.
pub fn settled(world: &World) -> Vec<Value> {
    world.until("all deliveries were looked into", || {
        let rows = rows(&world.baton);
        (!rows.is_empty() && rows.iter().all(|row| row["outcome"] != "received")).then_some(rows)
    })
}

pub fn guid() -> String {
    format!("{:032x}", rand::random::<u128>())
}

/// The headers of a good delivery, with this signature.
pub fn signed<'a>(signature: &'a str, guid: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("content-type", "application/json"),
        ("x-github-event", "issues"),
        ("x-github-delivery", guid),
        ("x-github-hook-installation-target-type", "integration"),
        ("x-github-hook-installation-target-id", "1"),
        ("x-hub-signature-256", signature),
    ]
}

/// Status of a request, which must leave the store as it was.
fn refused(baton: &Baton, headers: &[(&str, &str)], body: &[u8]) -> u16 {
    let before = rows(baton);
    let answer = baton.post(headers, body).unwrap();
    assert_eq!(rows(baton), before, "{headers:?}");
    assert!(!answer.body.contains("CANARY"), "{}", answer.body);
    answer.status
}

/// A world in which nothing has happened, and the ping and whatever else came at first was looked into.
fn quiet() -> World {
    let world = World::with(PYTHON, &Pace::default());
    settled(&world);
    world
}

/// The database, read beside the program.
fn store(baton: &Baton) -> (tokio::runtime::Runtime, Store) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let store = runtime.block_on(Store::open(&baton.database(), OpenOptions { migrate: false })).unwrap();
    (runtime, store)
}

/// The memory of a process, in bytes: now, or the most since [`forget_the_peak`].
fn memory(pid: u32, what: &str) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(what)).unwrap();
    line.trim_start_matches(':').split_whitespace().next().unwrap().parse::<usize>().unwrap() * 1024
}

fn resident(pid: u32) -> usize {
    memory(pid, "VmRSS")
}

fn peak(pid: u32) -> usize {
    memory(pid, "VmHWM")
}

/// From now on the peak is counted anew (proc(5), `clear_refs`).
fn forget_the_peak(pid: u32) {
    std::fs::write(format!("/proc/{pid}/clear_refs"), "5").unwrap();
}

/// As many descriptors as this process may have.
fn many_descriptors() {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }).unwrap();
}

/// The value that so many of a hundred do not exceed.
fn percentile(times: &mut [Duration], percent: usize) -> Duration {
    times.sort();
    times[(times.len() * percent / 100).min(times.len() - 1)]
}
