//! SECURITY.md D-01 to D-04: a thorough search from inside finds nothing of the host and touches nobody.

use std::os::fd::AsFd;
use std::process::Command;
use std::time::Duration;

use baton_core::domain::enclosure::{Ending, Invocation};
use insta::assert_snapshot;
use rustix::io::FdFlags;

use super::matrix::{PROBE, checkout_with_probe, inside};
use super::outside::{CANARY, Outside};
use super::setup::*;

/// D-01: environments, arguments and memory of every process in sight.
#[tokio::test]
async fn no_environment_but_the_made_up_one() {
    let own = std::env::vars().filter(|(name, _)| name.starts_with("CARGO_") || name.starts_with("NEXTEST")).count();
    assert!(own > 0 || !is_root(), "the test runner's own variables are the canaries here");
    let checkout = checkout(&[]);
    let mut session = start(spec(checkout.path())).await;
    let names = sh(&mut *session, "env | cut -d= -f1 | sort | tr '\\n' ' '").await.output;
    assert_snapshot!(names, @"CARGO_NET_OFFLINE CARGO_TERM_COLOR CI GIT_CONFIG_COUNT GIT_CONFIG_KEY_0 GIT_CONFIG_VALUE_0 GIT_PAGER GIT_TERMINAL_PROMPT HOME LANG LOGNAME MANPAGER NO_COLOR PAGER PATH PIP_DISABLE_PIP_VERSION_CHECK PWD PYTHONDONTWRITEBYTECODE SHELL SHLVL TERM TMPDIR TZ USER _ npm_config_audit npm_config_fund npm_config_update_notifier");
    let others = sh(
        &mut *session,
        "cat /proc/1/environ /proc/2/environ | wc -c; cat /proc/2/mem 2>&1 | head -c 60; ls /proc/2/fd",
    )
    .await;
    assert!(!others.output.contains("CARGO_MANIFEST"), "{}", others.output);
    let server = sh(&mut *session, "head -c 1 /proc/2/mem >/dev/null && echo READ; ls /proc/2/fd >/dev/null && echo LISTED; cat /proc/2/environ > /dev/null && echo SEEN").await;
    for word in ["READ", "LISTED", "SEEN"] {
        assert!(!server.output.contains(word), "the server lies open: {}", server.output);
    }
}

/// D-01: a descriptor that Baton forgot to close does not come in. Control: it reaches a program started plainly.
#[tokio::test]
async fn no_inherited_descriptor() {
    let host = Outside::new();
    let file = std::fs::File::open(host.secret()).unwrap();
    rustix::io::fcntl_setfd(file.as_fd(), FdFlags::empty()).unwrap();
    let plain = Command::new(PROBE).arg("descriptors").output().unwrap();
    assert!(String::from_utf8_lossy(&plain.stdout).contains("secret"), "no control: {plain:?}");
    let checkout = checkout_with_probe();
    let mut session = start(spec(checkout.path())).await;
    let (got, said) = inside(&mut *session, &["descriptors".into()]).await;
    assert!(!got, "{said}");
}

/// D-02: everything that can be read inside, searched for what was planted outside; and every socket in sight.
#[tokio::test]
async fn no_file_of_the_host() {
    let host = Outside::new();
    let planted = std::fs::read_to_string(host.secret()).unwrap();
    assert!(planted.contains(CANARY));
    let checkout = checkout(&[("a", "one")]);
    let mut session = start(spec(checkout.path())).await;
    // /usr is the host's on purpose and holds no secret; it would only take long.
    let search = format!(
        "grep -rlsI '{}' / --exclude-dir=proc --exclude-dir=usr --exclude-dir=dev; ",
        CANARY.replace('5', "[5]")
    );
    let found = sh(&mut *session, &search).await;
    assert_eq!(found.output, "");
    let told = sh(&mut *session, "find / -xdev -type s 2>/dev/null; find /run /tmp /dev/shm /home -type s; ls -A / /home /run /root /var /etc 2>&1").await;
    let own = "/root: No such";
    let told = told.output.replace("ls: cannot access '/root': No such file or directory\n", &format!("{own}\n"));
    assert!(told.contains(own), "{told}");
    for gone in ["docker.sock", "dbus", "systemd", "shadow", ".ssh", "resolv.conf", "machine-id", "hostname", "sudoers"]
    {
        assert!(!told.contains(gone), "{gone} can be seen:\n{told}");
    }
}

/// D-03: every process id there may be is shot at, with everything.
#[tokio::test]
async fn no_process_of_the_host_or_of_a_sibling() {
    let mut host = Outside::new();
    let checkout = checkout(&[("a", "one")]);
    let mut sibling = start(spec(checkout.path())).await;
    let mut session = start(spec(checkout.path())).await;
    assert!(host.process.id() > 100, "the number could mean a process inside");
    let shots = "for p in $(seq 3 65535); do [ $p = $$ ] || kill -KILL $p; done 2>/dev/null; cat /proc/[0-9]*/mem > /dev/null 2>&1; \
                 ls -d /proc/[0-9]* | wc -l";
    let done = session.exec(Invocation::shell(shots, Duration::from_secs(60)), &mut |_| {}).await.unwrap();
    assert_eq!(done.ending, Ending::Exited(0));
    let seen: u32 = done.output.trim().parse().unwrap();
    assert!(seen <= 6, "it sees {seen} processes");
    assert_eq!(host.process.try_wait().unwrap(), None, "the host's process was killed");
    assert_eq!(sh(&mut *sibling, "cat a").await.output, "one");
}

/// D-04: every port of both loopback addresses, while a server listens there outside.
#[tokio::test]
async fn no_port_of_the_host() {
    let host = Outside::new();
    let checkout = checkout_with_probe();
    let mut session = start(spec(checkout.path())).await;
    host.visits();
    for address in ["127.0.0.1", "::1"] {
        let (got, said) = inside(&mut *session, &["scan".into(), address.into()]).await;
        assert!(!got, "{address}: {said}");
    }
    assert_eq!(host.visits(), 0);
    assert!(std::net::TcpStream::connect(host.loopback).is_ok(), "no control: nobody listens outside");
}

/// D-12: what the kernel itself says about a process inside.
#[tokio::test]
async fn no_privilege_is_left() {
    let checkout = checkout(&[]);
    let mut session = start(spec(checkout.path())).await;
    let status = sh(
        &mut *session,
        "grep -E '^(Cap|NoNewPrivs|Seccomp|Groups)' /proc/self/status | tr '\\t' ' '; hostname; ulimit -c -n",
    )
    .await;
    let status: String =
        status.output.lines().filter(|l| !l.starts_with("Groups")).map(|l| format!("{}\n", l.trim_end())).collect();
    assert_snapshot!(status, @r"
    CapInh: 0000000000000000
    CapPrm: 0000000000000000
    CapEff: 0000000000000000
    CapBnd: 0000000000000000
    CapAmb: 0000000000000000
    NoNewPrivs: 1
    Seccomp: 2
    Seccomp_filters: 3
    sandbox
    core file size              (blocks, -c) 0
    open files                          (-n) 8192
    ");
    let nosuid = sh(&mut *session, "awk '$6 !~ /nosuid/ {print $5, $6}' /proc/self/mountinfo").await;
    assert_eq!(nosuid.output, "", "a set-user-id program would work there");
}
