//! SECURITY.md D-11: what cannot be enclosed is not run. Each refusal says what to do, and nothing ran.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use baton_core::domain::enclosure::Gap;
use baton_sandbox::{AgentUser, Bubblewrap, Config, Sandbox, SandboxError};
use insta::assert_snapshot;

use super::setup::*;

async fn refusal(config: Config) -> String {
    let checkout = checkout(&[]);
    match Bubblewrap::new(config).start(spec(checkout.path())).await {
        Ok(_) => panic!("it started"),
        Err(e) => e.to_string(),
    }
}

#[tokio::test]
async fn without_bubblewrap() {
    let missing = Config { bwrap: "/nowhere/bwrap".into(), ..config() };
    assert_snapshot!(refusal(missing.clone()).await, @"no sandbox can be started: /nowhere/bwrap is no program that can be run. Install bubblewrap (`apt-get install bubblewrap`), or name its path in `sandbox.bwrap`");
    let probe = Bubblewrap::new(missing).probe().await;
    assert_eq!(probe.problems.len(), 1);
}

/// A bubblewrap that cannot do what the profile needs ends the start, whatever it says.
#[tokio::test]
async fn with_a_bubblewrap_that_fails() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let fake = folder.path().join("bwrap");
    std::fs::write(&fake, "#!/bin/sh\necho 'bwrap: unknown option --add-seccomp-fd' >&2\nexit 1\n").unwrap();
    std::fs::set_permissions(&fake, std::fs::Permissions::from_mode(0o755)).unwrap();
    assert_snapshot!(refusal(Config { bwrap: fake, ..config() }).await, @"no sandbox can be started: bwrap: unknown option --add-seccomp-fd. Install bubblewrap 0.8 or newer");
}

#[tokio::test]
async fn as_root_with_no_other_user_to_be() {
    if !is_root() {
        // Only root can be asked to become somebody else.
        return;
    }
    for agent in [None, Some(AgentUser { uid: 0, gid: 1 }), Some(AgentUser { uid: 1, gid: 0 })] {
        let sentence = refusal(Config { agent, ..config() }).await;
        assert!(sentence.contains("has no other user to run agents as"), "{sentence}");
    }
}

/// Run by an ordinary user (see `ordinary`), who has no control groups: the gap is named, and only its own name opens it.
#[tokio::test]
async fn a_gap_that_nobody_accepted() {
    let probe = sandbox().probe().await;
    let gaps: BTreeSet<Gap> = probe.gaps.iter().map(|(gap, _)| *gap).collect();
    if is_root() {
        assert_eq!(gaps, BTreeSet::new());
        return;
    }
    for missing in &gaps {
        let accepted_gaps = gaps.iter().copied().filter(|gap| gap != missing).collect();
        let checkout = checkout(&[]);
        let result = Bubblewrap::new(Config { accepted_gaps, ..config() }).start(spec(checkout.path())).await;
        match result {
            Err(SandboxError::Gap { gap, .. }) => assert_eq!(gap, *missing),
            Err(e) => panic!("{e}"),
            Ok(_) => panic!("it started without {}", missing.name()),
        }
    }
}

/// Set in the copy of this test that finds itself without user namespaces.
const WITHOUT: &str = "BATON_SANDBOX_TEST_WITHOUT_USERNS";

#[tokio::test]
async fn where_user_namespaces_are_off() {
    if std::env::var_os(WITHOUT).is_some() {
        let sentence = refusal(config()).await;
        assert!(sentence.contains("user namespace") && sentence.contains("max_user_namespaces"), "{sentence}");
        return;
    }
    // The limit holds below the namespace it is set in, so the machine itself stays as it is.
    let script =
        "echo 0 > /proc/sys/user/max_user_namespaces && exec \"$0\" --exact refusals::where_user_namespaces_are_off";
    let output = Command::new("unshare")
        .args(["--user", "--map-root-user", "sh", "-c", script])
        .arg(std::env::current_exe().unwrap())
        .env(WITHOUT, "1")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

/// The launcher by itself, started by somebody who says nothing sensible, does nothing.
#[test]
fn the_launcher_refuses_nonsense() {
    for (input, sentence) in
        [(&b""[..], "the stream ended"), (b"X\0\0\0\x01x", "unknown kind"), (b"J\0\0\0\x02{}", "is none")]
    {
        let mut child = Command::new(PROGRAM)
            .args([baton_sandbox::ENCLOSURE_ARG, baton_sandbox::LAUNCH_ARG])
            .stdin(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), input).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(70));
        assert!(String::from_utf8_lossy(&output.stderr).contains(sentence), "{output:?}");
    }
}
