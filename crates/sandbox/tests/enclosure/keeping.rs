//! Snapshots of a workspace while a run goes on: the same limits and the same judgement as at its end, and the run goes on.

use std::fs;
use std::time::{Duration, Instant};

use baton_core::domain::enclosure::{FileMode, WorkspaceChanges};
use baton_core::domain::tool::ToolRequest;
use baton_sandbox::{SandboxError, Session, Snapshot};

use super::setup::*;

/// A snapshot that has something to tell.
async fn snapshot(session: &mut dyn Session) -> Snapshot {
    session.snapshot(None).await.unwrap().unwrap()
}

fn paths(changes: &WorkspaceChanges) -> Vec<(&str, FileMode, usize)> {
    changes.written.iter().map(|file| (file.path.as_str(), file.mode, file.content.len())).collect()
}

#[tokio::test]
async fn what_has_not_changed_is_not_carried_twice_and_the_run_goes_on() {
    let checkout = checkout(&[("a", "one"), ("b", "two")]);
    let mut session = start(spec(checkout.path())).await;
    let s = &mut *session;
    let untouched = snapshot(s).await;
    assert_eq!(untouched.changes, WorkspaceChanges::default());
    assert_eq!(s.snapshot(Some(untouched.fingerprint)).await.unwrap(), None);

    tool(s, ToolRequest::Write { path: "a".into(), content: "ONE".into() }).await;
    let first = s.snapshot(Some(untouched.fingerprint)).await.unwrap().unwrap();
    assert_eq!(paths(&first.changes), [("a", FileMode::Regular, 3)]);
    assert_eq!(s.snapshot(Some(first.fingerprint)).await.unwrap(), None);

    // The same size within the same tick of the clock, another mode, and a file that is gone: each is another workspace.
    tool(s, ToolRequest::Write { path: "a".into(), content: "EIN".into() }).await;
    let second = s.snapshot(Some(first.fingerprint)).await.unwrap().unwrap();
    assert_eq!(second.changes.written[0].content, b"EIN");
    tool(s, run("chmod +x a")).await;
    let third = s.snapshot(Some(second.fingerprint)).await.unwrap().unwrap();
    assert_eq!(paths(&third.changes), [("a", FileMode::Executable, 3)]);
    tool(s, run("rm b")).await;
    let fourth = s.snapshot(Some(third.fingerprint)).await.unwrap().unwrap();
    assert_eq!(fourth.changes.deleted, ["b"]);
    assert_eq!(s.changes().await.unwrap(), fourth.changes, "the end sees the same");
    assert_eq!(tool(s, run("cat a")).await.text, "EIN", "and it goes on after all that");
    session.stop().await;
}

#[tokio::test]
async fn a_workspace_that_is_too_much_is_refused_and_can_still_be_used() {
    let checkout = checkout(&[("a", "one")]);
    let mut spec = spec(checkout.path());
    spec.limits.workspace_bytes = 1024 * MIB;
    let mut session = start(spec).await;
    let s = &mut *session;
    let many = "mkdir d; cd d; seq 100000 | xargs touch";
    for (made, gone, why) in [
        (many, "rm -r d", "100000 files changed, more than the 10000 that are taken"),
        ("truncate -s 33M big", "rm big", "big is larger than the 33554432 bytes that are taken"),
        (
            "for i in 1 2 3 4 5; do truncate -s 30M big$i; done",
            "rm big*",
            "the changed files hold more than the 134217728 bytes that are taken",
        ),
    ] {
        let reply = tool(s, run(made)).await;
        assert!(reply.ok, "{reply:?}");
        let refused = s.snapshot(None).await.unwrap_err();
        assert!(matches!(refused, SandboxError::Changes(_)), "{refused}");
        assert!(refused.to_string().contains(why), "{refused}");
        assert!(tool(s, run(gone)).await.ok);
        assert_eq!(snapshot(s).await.changes, WorkspaceChanges::default());
    }
    session.stop().await;
}

#[tokio::test]
async fn links_devices_and_whoever_changes_files_meanwhile_get_nowhere() {
    let checkout = checkout(&[("a", "one"), ("dir/b", "two")]);
    let mut session = start(spec(checkout.path())).await;
    let s = &mut *session;
    let reply = tool(
        s,
        run("ln -s /etc/passwd link; ln -s . loop; ln -s link a2; ln -sfn / dir/up; mkfifo pipe; mknod null c 1 3; \
             python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind(\"sock\")'; ln a hard; \
             setsid nohup sh -c 'while :; do echo x >> grows; mv grows b2; mv b2 grows; done' >/dev/null 2>&1 & true"),
    )
    .await;
    assert!(reply.exit.is_some(), "{reply:?}");
    for _ in 0..20 {
        let changes = snapshot(s).await.changes;
        let links: Vec<_> = changes.written.iter().filter(|file| file.mode == FileMode::Symlink).collect();
        assert_eq!(
            links.iter().map(|file| (file.path.as_str(), file.content.as_slice())).collect::<Vec<_>>(),
            [("a2", b"link".as_slice()), ("dir/up", b"/"), ("link", b"/etc/passwd"), ("loop", b".")],
            "as links, whatever they point to"
        );
        let files = paths(&changes);
        assert!(!files.iter().any(|(path, ..)| ["pipe", "null", "sock"].contains(path)), "{files:?}");
        let running = tool(s, run("cat /proc/[0-9]*/cmdline | tr '\\0' ' '")).await.text;
        assert!(!running.contains("while :"), "whoever changed files is gone: {running}");
    }
    session.stop().await;
}

fn median(mut all: Vec<Duration>) -> Duration {
    all.sort();
    all[all.len() / 2]
}

#[tokio::test]
#[ignore = "a measurement; prints figures"]
async fn what_a_snapshot_costs() {
    let empty = checkout(&[]);
    let large = tempfile::tempdir().unwrap();
    for folder in 0..200 {
        let path = large.path().join(format!("d{folder}"));
        fs::create_dir(&path).unwrap();
        for file in 0..100 {
            fs::write(path.join(format!("f{file}")), vec![b'x'; 5000]).unwrap();
        }
    }
    for (name, folder) in [("empty", &empty), ("20,000 files", &large)] {
        for (changed, make) in [
            ("nothing", "true"),
            ("3 files of 5 kB", "for i in 1 2 3; do head -c 5000 /dev/urandom > n$i; done"),
            ("1,000 files of 5 kB", "for i in $(seq 1000); do head -c 5000 /dev/urandom > n$i; done"),
            ("4 files of 10 MB", "for i in 1 2 3 4; do head -c 10000000 /dev/urandom > m$i; done"),
        ] {
            let mut session = start(spec(folder.path())).await;
            sh(&mut *session, make).await;
            let (mut new, mut same) = (Vec::new(), Vec::new());
            for _ in 0..9 {
                let clock = Instant::now();
                let seen = snapshot(&mut *session).await;
                new.push(clock.elapsed());
                let clock = Instant::now();
                assert_eq!(session.snapshot(Some(seen.fingerprint)).await.unwrap(), None);
                same.push(clock.elapsed());
            }
            println!("{name}, {changed}: {:?}, unchanged {:?} (medians of 9)", median(new), median(same));
            session.stop().await;
        }
    }
}
