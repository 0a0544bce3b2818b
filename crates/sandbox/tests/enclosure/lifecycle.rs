//! Sandboxes end: when stopped, dropped, abandoned, out of time, broken from inside, or when Baton itself is killed.
//! Each time nothing is left: no process, no mount, no control group.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use baton_core::domain::enclosure::{Ending, Invocation};
use baton_sandbox::{Sandbox, SandboxError};

use super::setup::*;

/// A daemon as thorough as they come: forks twice, leaves the session, ignores what it can. `mark` tells it from others.
fn daemon(mark: &str) -> String {
    format!("(trap '' TERM HUP INT; setsid bash -c \"trap '' TERM HUP INT; exec -a {mark} sleep 1000\" & ) ; sleep 0.1")
}

/// A mark that no other test has.
fn mark(name: &str) -> String {
    format!("{name}-{}-{}", std::process::id(), Instant::now().elapsed().as_nanos())
}

/// The control groups that a Baton process made.
fn groups_of(pid: u32) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::from("/sys/fs/cgroup")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|t| t.is_dir()) {
                if entry.file_name().to_string_lossy().starts_with(&format!("baton-{pid}.")) {
                    found.push(entry.path());
                }
                folders.push(entry.path());
            }
        }
    }
    found
}

fn groups() -> Vec<PathBuf> {
    groups_of(std::process::id())
}

fn mounts() -> String {
    fs::read_to_string("/proc/self/mountinfo").unwrap()
}

#[tokio::test]
async fn what_a_command_leaves_running_ends_with_it() {
    let (checkout, mark) = (checkout(&[]), mark("left"));
    let mut session = start(spec(checkout.path())).await;
    let done = sh(&mut *session, &daemon(&mark)).await;
    assert!(done.ending.success(), "{done:?}");
    let seen =
        sh(&mut *session, "ps -eo pid,args 2>/dev/null | grep -c '[s]leep 1000' ; ls -d /proc/[0-9]* | wc -l").await;
    assert!(processes_with(&mark).is_empty(), "{}", seen.output);
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_and_dropping_leave_nothing() {
    let before = mounts();
    for way in ["stop", "drop", "abandon", "wall clock"] {
        let (checkout, mark) = (checkout(&[]), mark("end"));
        let mut limited = spec(checkout.path());
        limited.limits.wall_seconds = if way == "wall clock" { 2 } else { 60 };
        let mut session = start(limited).await;
        let command = format!("{}; exec -a {mark} sleep 1000", daemon(&mark));
        let mut ignore = |_: &str| {};
        let call = session.exec(Invocation::shell(&command, Duration::from_secs(50)), &mut ignore);
        let seen = tokio::spawn({
            let mark = mark.clone();
            async move {
                tokio::task::spawn_blocking(move || eventually("the daemon runs", || processes_with(&mark).len() >= 2))
                    .await
            }
        });
        match way {
            "wall clock" => {
                let error = call.await.unwrap_err();
                assert!(matches!(error, SandboxError::WallClock { seconds: 2 }), "{error}");
                seen.await.unwrap().unwrap();
            }
            "abandon" => {
                tokio::select! { _ = call => unreachable!("it sleeps"), r = seen => r.unwrap().unwrap() };
                let error = session.changes().await.unwrap_err();
                assert!(matches!(error, SandboxError::Stopped), "{error}");
            }
            "stop" => {
                tokio::select! { _ = call => unreachable!("it sleeps"), r = seen => r.unwrap().unwrap() };
                session.stop().await;
                assert!(processes_with(&mark).is_empty(), "stop waits until everything is gone");
                assert!(groups().is_empty(), "{:?}", groups());
            }
            _ => {
                tokio::select! { _ = call => unreachable!("it sleeps"), r = seen => r.unwrap().unwrap() };
                drop(session);
            }
        }
        eventually(&format!("{way} leaves no process"), || processes_with(&mark).is_empty());
        eventually(&format!("{way} leaves no group"), || groups().is_empty());
        assert_eq!(mounts(), before, "{way} leaves no mount");
    }
}

#[tokio::test]
async fn an_idle_sandbox_ends_at_its_wall_clock_too() {
    let (checkout, mark) = (checkout(&[]), mark("idle"));
    let mut limited = spec(checkout.path());
    limited.label = mark.clone();
    limited.limits.wall_seconds = 1;
    let mut session = start(limited).await;
    tokio::time::sleep(Duration::from_millis(1200)).await;
    let error = session.exec(Invocation::shell("true", Duration::from_secs(5)), &mut |_| {}).await.unwrap_err();
    assert!(matches!(error, SandboxError::WallClock { seconds: 1 }), "{error}");
}

#[tokio::test]
async fn a_server_killed_from_inside_is_an_error_and_the_end() {
    let checkout = checkout(&[]);
    let mut session = start(spec(checkout.path())).await;
    let result =
        session.exec(Invocation::shell("kill -9 $PPID; sleep 100", Duration::from_secs(50)), &mut |_| {}).await;
    let error = result.unwrap_err();
    assert!(matches!(error, SandboxError::Ended(_)), "{error}");
    let error = session.changes().await.unwrap_err();
    assert!(matches!(error, SandboxError::Stopped), "{error}");
}

#[tokio::test]
async fn a_stopped_server_cannot_outlive_its_time() {
    let (checkout, mark) = (checkout(&[]), mark("stopped"));
    let mut limited = spec(checkout.path());
    limited.limits.wall_seconds = 2;
    let mut session = start(limited).await;
    let command = format!("kill -STOP $PPID; exec -a {mark} sleep 1000");
    let error = session.exec(Invocation::shell(&command, Duration::from_secs(1)), &mut |_| {}).await.unwrap_err();
    assert!(matches!(error, SandboxError::WallClock { .. }), "{error}");
    assert!(processes_with(&mark).is_empty());
}

/// To whoever listens; not listening is no reason to panic.
fn print_line(text: &str) {
    let _ = std::io::Write::write_all(&mut std::io::stderr(), text.as_bytes());
}

/// Set in the copy of this test program that plays Baton.
const HOLD: &str = "BATON_SANDBOX_TEST_HOLD";

/// Not a test by itself: started by the next one, to be killed.
#[tokio::test]
async fn baton_that_is_going_to_be_killed() {
    let Ok(mark) = std::env::var(HOLD) else { return };
    let checkout = checkout(&[]);
    let mut session = start(spec(checkout.path())).await;
    let command = format!("{}; echo holding; sleep 0.5; kill -STOP $PPID; exec -a {mark} sleep 1000", daemon(&mark));
    let _ = session.exec(Invocation::shell(&command, Duration::from_secs(100)), &mut |text| print_line(text)).await;
}

#[tokio::test]
async fn killing_baton_leaves_nothing_once_the_next_sandbox_has_started() {
    let (mark, before) = (mark("killed"), mounts());
    let mut baton = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "lifecycle::baton_that_is_going_to_be_killed", "--nocapture"])
        .env(HOLD, &mark)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(baton.stderr.take().unwrap()).lines();
    assert!(lines.by_ref().map_while(Result::ok).any(|line| line.contains("holding")), "the sandbox never came up");
    eventually("the daemon and the command run", || processes_with(&mark).len() >= 2);
    // Control: there is something to be left. Once its owner is dead, any test that starts a sandbox may clear it away.
    if is_root() {
        assert!(!groups_of(baton.id()).is_empty(), "it has no control group, so this test proves nothing");
    }
    baton.kill().unwrap();
    baton.wait().unwrap();
    // Its sandbox dies without any help: the server inside was even stopped, so only the lifeline is left to act.
    eventually("every process is gone", || processes_with(&mark).is_empty());
    assert_eq!(mounts(), before);
    let checkout = checkout(&[]);
    let _living = start(spec(checkout.path())).await;
    assert_eq!(groups_of(baton.id()), Vec::<PathBuf>::new());
}

#[tokio::test]
async fn many_at_once() {
    let checkout = checkout(&[("a", "one")]);
    let runs = (0..8).map(|n| {
        let folder = checkout.path().to_owned();
        tokio::spawn(async move {
            let mut session = start(spec(&folder)).await;
            let done =
                sh(&mut *session, &format!("echo {n} > a; for i in $(seq 40); do true & done; wait; cat a")).await;
            assert_eq!((done.ending, done.output), (Ending::Exited(0), format!("{n}\n")));
            session.changes().await.unwrap().written[0].content.clone()
        })
    });
    for (n, run) in runs.collect::<Vec<_>>().into_iter().enumerate() {
        assert_eq!(run.await.unwrap(), format!("{n}\n").into_bytes());
    }
    assert_eq!(fs::read_to_string(checkout.path().join("a")).unwrap(), "one");
}

#[tokio::test]
async fn this_machine_has_no_problem() {
    let probe = sandbox().probe().await;
    assert_eq!(probe.problems, []);
    if is_root() {
        assert_eq!(probe.gaps, [], "root can make control groups");
    }
}
