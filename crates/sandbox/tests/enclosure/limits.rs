//! SECURITY.md D-10: bombs. Each hits its limit, the sandbox (or at least the host) goes on, and nothing is left.

use std::time::{Duration, Instant};

use baton_core::domain::enclosure::{Completed, EnclosureSpec, Ending, Invocation};
use baton_sandbox::{SandboxError, Session};

use super::setup::*;

async fn timed(session: &mut dyn Session, command: &str, seconds: u64) -> Completed {
    session.exec(Invocation::shell(command, Duration::from_secs(seconds)), &mut |_| {}).await.unwrap()
}

fn small(checkout: &tempfile::TempDir, change: impl FnOnce(&mut EnclosureSpec)) -> EnclosureSpec {
    let mut spec = spec(checkout.path());
    change(&mut spec);
    spec
}

#[tokio::test]
async fn a_fork_bomb() {
    let checkout = checkout(&[]);
    let mut session = start(small(&checkout, |s| s.limits.processes = 64)).await;
    let s = &mut *session;
    let count =
        timed(s, "for i in $(seq 300); do sleep 30 & done 2>/dev/null; jobs -r | wc -l; kill -9 $(jobs -p)", 40).await;
    let alive: u32 = count.output.split_whitespace().last().and_then(|n| n.parse().ok()).unwrap_or(0);
    assert!(alive < 64, "{alive} processes ran: {count:?}");
    let started = Instant::now();
    let bomb = timed(s, "bomb() { bomb | bomb & }; bomb; sleep 1000", 3).await;
    assert!(started.elapsed() < Duration::from_secs(30), "{bomb:?}");
    let after = timed(s, "ls -d /proc/[0-9]* | wc -l", 10).await;
    assert_eq!(after.ending, Ending::Exited(0), "the sandbox works on: {after:?}");
    let seen: u32 = after.output.trim().parse().unwrap();
    assert!(seen <= 6, "{seen} processes are left of the bomb");
}

/// One process that wants more than there is. Control: what fits is given.
#[tokio::test]
async fn a_memory_bomb() {
    let checkout = checkout(&[]);
    let mut session = start(small(&checkout, |s| s.limits.memory_bytes = 256 * MIB)).await;
    let s = &mut *session;
    let fits = timed(s, "head -c 60M /dev/zero | tail | wc -c", 60).await;
    assert_eq!(fits.output.trim(), (60 * MIB).to_string(), "{fits:?}");
    let bomb = timed(s, "head -c 900M /dev/zero | tail | wc -c; echo ${PIPESTATUS[1]}", 60).await;
    let status: Option<i32> = bomb.output.split_whitespace().last().and_then(|n| n.parse().ok());
    assert!(matches!(status, Some(1..)), "it got its memory: {bomb:?}");
    assert_eq!(timed(s, "echo on", 10).await.output, "on\n");
}

/// Many small ones together: only a control group bounds that.
#[tokio::test]
async fn a_memory_bomb_in_pieces() {
    if !is_root() {
        // Without control groups this is the named gap `memory-cgroup`; see `refusals`.
        return;
    }
    let checkout = checkout(&[]);
    let mut session = start(small(&checkout, |s| s.limits.memory_bytes = 256 * MIB)).await;
    let command = "for i in 1 2 3 4 5 6; do (head -c 100M /dev/zero | tail | (sleep 2; wc -c)) & done; wait";
    match session.exec(Invocation::shell(command, Duration::from_secs(60)), &mut |_| {}).await {
        Ok(done) => {
            let whole = done.output.lines().filter(|l| l.trim() == (100 * MIB).to_string()).count();
            assert!(whole < 6, "600 MiB fitted into 256: {done:?}");
        }
        Err(e) => assert!(matches!(&e, SandboxError::Ended(why) if why.contains("memory")), "{e}"),
    }
}

#[tokio::test]
async fn every_disk_is_bounded() {
    let checkout = checkout(&[]);
    let spec = small(&checkout, |s| {
        s.limits.workspace_bytes = 16 * MIB;
        s.limits.tmp_bytes = 8 * MIB;
        s.limits.home_bytes = 4 * MIB;
    });
    let mut session = start(spec).await;
    let s = &mut *session;
    for (place, bytes) in [("/workspace", 16), ("/tmp", 8), ("/home/agent", 4), ("/dev/shm", 8), ("/run", 16)] {
        let command = format!("head -c 64M /dev/zero > {place}/fill; stat -c %s {place}/fill; rm {place}/fill");
        let done = timed(s, &command, 60).await;
        assert!(done.output.contains("No space left on device"), "{place}: {done:?}");
        let size: u64 = done.output.lines().last().unwrap().parse().unwrap();
        assert!(size > bytes * MIB / 2 && size <= bytes * MIB, "{place} took {size} bytes");
    }
    let many = timed(s, "cd /tmp && for i in $(seq 5000); do : > f$i || break; done 2>/dev/null; ls | wc -l", 60).await;
    let files: u64 = many.output.trim().parse().unwrap();
    assert!((100..=8 * MIB / 4096).contains(&files), "{files} files");
}

#[tokio::test]
async fn one_file_is_bounded() {
    let checkout = checkout(&[]);
    let mut session = start(small(&checkout, |s| s.limits.file_bytes = MIB)).await;
    let sparse = timed(&mut *session, "truncate -s 100G huge; head -c 5M /dev/zero > big; stat -c '%n %s' *", 20).await;
    assert!(sparse.output.contains("big 1048576"), "{sparse:?}");
    assert!(!sparse.output.contains("107374182400"), "{sparse:?}");
}

#[tokio::test]
async fn the_processor_is_shared() {
    if !is_root() {
        // Without control groups this is the named gap `cpu-cgroup`; see `refusals`.
        return;
    }
    let checkout = checkout(&[]);
    let mut session = start(small(&checkout, |s| s.limits.cpu_percent = 20)).await;
    let done = timed(&mut *session, "for i in 1 2 3; do (while :; do :; done) & done; sleep 3; times", 20).await;
    // `times` speaks of the shell alone; the control group says how often everything was held back.
    let stat = std::fs::read_dir("/sys/fs/cgroup/cpu")
        .or_else(|_| std::fs::read_dir("/sys/fs/cgroup"))
        .unwrap()
        .flatten()
        .filter(|e| e.file_name().to_string_lossy().starts_with(&format!("baton-{}.", std::process::id())))
        .find_map(|e| std::fs::read_to_string(e.path().join("cpu.stat")).ok())
        .expect("the sandbox has a control group for the processor");
    let throttled: u64 = stat.lines().find_map(|l| l.strip_prefix("nr_throttled ")).unwrap().parse().unwrap();
    assert!(throttled >= 5, "held back {throttled} times: {stat} {done:?}");
}

/// The limits of one sandbox are not shared with another of the same user.
#[tokio::test]
async fn a_full_sandbox_does_not_starve_its_sibling() {
    let checkout = checkout(&[]);
    let mut full = start(small(&checkout, |s| s.limits.processes = 40)).await;
    let mut ignore = |_: &str| {};
    let held = full.exec(
        Invocation::shell(
            "for i in $(seq 200); do sleep 100 & done 2>/dev/null; echo full; sleep 100",
            Duration::from_secs(4),
        ),
        &mut ignore,
    );
    let sibling = async {
        let mut sibling = start(small(&checkout, |s| s.limits.processes = 40)).await;
        sh(&mut *sibling, "for i in $(seq 20); do sleep 0.2 & done; wait; echo fine").await
    };
    let (_, fine) = tokio::join!(async { held.await.map(drop) }, sibling);
    assert_eq!((fine.ending, fine.output.as_str()), (Ending::Exited(0), "fine\n"));
}
