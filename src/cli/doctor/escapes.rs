//! The sandbox: one is started for real, and what a hostile run would try first is tried in it. Every attempt is harmless
//! where it gets out: it touches only what the doctor put there.

use std::io::ErrorKind;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

use baton_core::domain::enclosure::{EnclosureSpec, Invocation, Limits, WorkspaceAccess};
use baton_sandbox::{Sandbox as _, Session};
use tempfile::TempDir;

use super::report::{Outcome, fault, good, warning};
use crate::cli::given::Given;
use crate::cli::{Fault, assemble};
use crate::config::Config;

/// Whether a sandbox can be had, with which gaps, and whether the toolchains can be offered.
pub(super) async fn sandbox(config: &Config) -> Vec<Outcome> {
    let sandbox = match assemble::sandbox(&config.sandbox) {
        Ok(sandbox) => sandbox,
        Err(Fault::Usage(error) | Fault::Failed(error)) => {
            return vec![fault(format!("{error:#}"), "Look at `[sandbox]` in the configuration")];
        }
    };
    let probe = sandbox.probe().await;
    let mut outcomes: Vec<Outcome> =
        probe.problems.iter().map(|problem| fault(problem.what.clone(), problem.remedy.clone())).collect();
    for (gap, why) in &probe.gaps {
        let name = gap.name();
        outcomes.push(if config.sandbox.accepted_gaps.contains(gap) {
            warning(
                format!("`{name}` is not enforced, as accepted: {why}"),
                "Nothing; SECURITY.md says what that means",
            )
        } else {
            fault(
                format!("`{name}` cannot be enforced: {why}"),
                format!(
                    "Give Baton a writable cgroup (as root, or a systemd unit with `Delegate=yes`), or accept the gap: \
                     `sandbox.accepted_gaps = [\"{name}\"]`"
                ),
            )
        });
    }
    for path in &config.sandbox.read_only_paths {
        if let Err(error) = sandbox.check_read_only_path(path) {
            outcomes.push(fault(error.to_string(), "Mend it, or take it out of `sandbox.read_only_paths`"));
        }
    }
    if outcomes.is_empty() {
        outcomes.push(good("one was started, and every limit is enforced"));
    }
    outcomes
}

/// Seconds that one attempt may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// What lies outside, and must stay there.
struct Outside {
    folder: TempDir,
    /// Somebody who listens on this machine.
    listener: TcpListener,
    port: u16,
    /// The configuration file, which names secrets.
    configuration: Option<PathBuf>,
}

/// What stands in a file outside: whoever reads it inside got out.
const CANARY: &str = "outside-4f1d9c";

impl Outside {
    fn prepare(given: &Given) -> std::io::Result<Self> {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::Builder::new().prefix("baton-doctor-").tempdir()?;
        std::fs::write(folder.path().join("canary"), CANARY)?;
        let checkout = folder.path().join("checkout");
        std::fs::create_dir(&checkout)?;
        std::fs::set_permissions(&checkout, std::fs::Permissions::from_mode(0o755))?;
        std::fs::write(checkout.join("README"), "a checkout\n")?;
        // Open to everybody on this machine, so that only the sandbox keeps anybody from it. From here on nothing is written
        // in it by name: somebody could have put a link there. Sticky, so that nobody replaces what is there.
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o1777))?;
        let listener = TcpListener::bind("127.0.0.1:0")?;
        listener.set_nonblocking(true)?;
        let port = listener.local_addr()?.port();
        let configuration = given.file.as_deref().and_then(|file| std::path::absolute(file).ok());
        Ok(Self { folder, listener, port, configuration })
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

/// One attempt, as a line of shell, and what it prints where it got out.
struct Attempt {
    what: &'static str,
    shell: String,
}

/// Printed by an attempt that got out.
const OUT: &str = "GOT-OUT";

fn attempts(outside: &Outside) -> Vec<Attempt> {
    let word = |path: &Path| format!("'{}'", path.display().to_string().replace('\'', r"'\''"));
    let canary = word(&outside.at("canary"));
    let mut attempts = vec![
        Attempt { what: "read a file of this machine", shell: format!("grep -q {CANARY} {canary} && echo {OUT}") },
        Attempt {
            what: "write a file on this machine",
            shell: format!("echo x > {} && echo {OUT}", word(&outside.at("written"))),
        },
        Attempt {
            what: "write to /usr and /etc",
            shell: format!("(: > /usr/baton-doctor || : > /etc/baton-doctor) && echo {OUT}"),
        },
        Attempt {
            what: "reach the network of this machine",
            shell: format!("exec 3<>/dev/tcp/127.0.0.1/{} && echo {OUT}", outside.port),
        },
        Attempt {
            what: "see other processes",
            shell: format!("cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' '\\n' | grep -qx docto[r] && echo {OUT}"),
        },
        Attempt { what: "be root", shell: format!("test \"$(id -u)\" = 0 && echo {OUT}") },
        Attempt { what: "mount a file system", shell: format!("mount -t tmpfs none /mnt && echo {OUT}") },
        Attempt {
            what: "find a credential in the environment",
            shell: format!("env | grep -qiE '^(BATON_|GITHUB_|ANTHROPIC_|OPENAI_|AWS_|SSH_)' && echo {OUT}"),
        },
    ];
    if let Some(file) = &outside.configuration {
        attempts.push(Attempt {
            what: "read Baton's configuration",
            shell: format!("cat {} > /dev/null && echo {OUT}", word(file)),
        });
    }
    attempts
}

/// Tries them all.
pub(super) async fn escapes(config: &Config, given: &Given) -> Vec<Outcome> {
    let broken =
        |error: String| vec![fault(error, "Run `baton doctor` again; see SECURITY.md for what a sandbox needs")];
    let outside = match Outside::prepare(given) {
        Ok(outside) => outside,
        Err(error) => return broken(format!("nothing could be prepared to try to reach: {error}")),
    };
    let sandbox = match assemble::sandbox(&config.sandbox) {
        Ok(sandbox) => sandbox,
        Err(Fault::Usage(error) | Fault::Failed(error)) => return broken(format!("{error:#}")),
    };
    let spec = EnclosureSpec {
        label: "doctor".to_owned(),
        checkout: outside.at("checkout"),
        access: WorkspaceAccess::Writable,
        limits: Limits { wall_seconds: 80, ..config.sandbox.limits.clone() },
        read_only_paths: Vec::new(),
        path_prefix: Vec::new(),
        env: std::collections::BTreeMap::new(),
    };
    let mut session = match sandbox.start(spec).await {
        Ok(session) => session,
        Err(error) => return broken(error.to_string()),
    };
    let outcomes = try_all(session.as_mut(), &outside).await;
    session.stop().await;
    outcomes
}

async fn try_all(session: &mut dyn Session, outside: &Outside) -> Vec<Outcome> {
    let attempts = attempts(outside);
    let mut out = Vec::new();
    // A shell that does nothing would contain everything.
    let control = session.exec(Invocation::shell(&format!("echo {OUT}"), PATIENCE), &mut |_| {}).await;
    if !control.as_ref().is_ok_and(|done| done.output.contains(OUT)) {
        return vec![fault(
            "no program runs in the sandbox, so nothing could be tried",
            "Install bash, or look at `baton doctor` as the user that Baton runs as",
        )];
    }
    for attempt in &attempts {
        match session.exec(Invocation::shell(&attempt.shell, PATIENCE), &mut |_| {}).await {
            Ok(done) if done.output.lines().any(|line| line == OUT) => out.push(attempt.what),
            Ok(_) => {}
            Err(error) => {
                return vec![fault(
                    format!("the sandbox ended while it was tried to {}: {error}", attempt.what),
                    "Run `baton doctor` again",
                )];
            }
        }
    }
    // What the run says of itself is one thing; what is seen from outside counts too.
    if outside.at("written").exists() && !out.contains(&"write a file on this machine") {
        out.push("write a file on this machine");
    }
    let reached = !matches!(outside.listener.accept(), Err(error) if error.kind() == ErrorKind::WouldBlock);
    if reached && !out.contains(&"reach the network of this machine") {
        out.push("reach the network of this machine");
    }
    if out.is_empty() {
        let tried: Vec<&str> = attempts.iter().map(|attempt| attempt.what).collect();
        return vec![good(format!("{} attempts, none got out: {}", tried.len(), tried.join("; ")))];
    }
    let remedy = "Start no Baton here: what encloses runs does not. SECURITY.md says how to report a hole";
    out.into_iter().map(|what| fault(format!("a run can {what}"), remedy)).collect()
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    /// Where an attempt is tried so that it can get out, and nothing on this machine changes: as a command line before it.
    fn ground_of(what: &str) -> Vec<&'static str> {
        // A user and a file system of its own, as far as this process sees; what is mounted there, nobody else sees.
        let own = ["unshare", "--user", "--map-root-user", "--mount", "bash", "-c"];
        let bare = ["bash", "-c"].to_vec();
        match what {
            "be root" | "mount a file system" => own.to_vec(),
            // Both folders are covered by empty ones, the one with the programs last: what is tried needs none.
            "write to /usr and /etc" => {
                let covered = "mount -t tmpfs none /etc && mount -t tmpfs none /usr && eval \"$0\"";
                [&own[..], &[covered]].concat()
            }
            "find a credential in the environment" => ["env", "GITHUB_TOKEN=nothing", "bash", "-c"].to_vec(),
            _ => bare,
        }
    }

    /// Every attempt gets out where something lets it: what they try is real, and the sandbox is what keeps them.
    #[test]
    #[expect(
        clippy::disallowed_methods,
        reason = "the attempts are tried on this machine, to see that they can get out"
    )]
    fn every_attempt_gets_out_where_nothing_keeps_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("baton.toml");
        std::fs::write(&file, "").unwrap();
        let outside = Outside::prepare(&Given { file: Some(file), flags: Vec::new() }).unwrap();
        let mut doctor = Command::new("bash").args(["-c", "exec -a doctor sleep 30"]).spawn().unwrap();
        let mut kept = Vec::new();
        for attempt in attempts(&outside) {
            let ground = ground_of(attempt.what);
            let mut said = String::new();
            for _ in 0..100 {
                let output = Command::new(ground[0]).args(&ground[1..]).arg(&attempt.shell).output();
                let output = output.unwrap_or_else(|error| panic!("{} (util-linux, coreutils): {error}", ground[0]));
                said =
                    [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
                // The process to be seen may not have its name yet.
                if said.lines().any(|line| line == OUT) || attempt.what != "see other processes" {
                    break;
                }
                std::thread::sleep(Duration::from_millis(20));
            }
            if !said.lines().any(|line| line == OUT) {
                kept.push((attempt.what, said));
            }
        }
        doctor.kill().unwrap();
        doctor.wait().unwrap();
        assert_eq!(kept, [], "these would be kept in without any sandbox");
        assert!(outside.at("written").exists());
        assert!(outside.listener.accept().is_ok());
        let left = ["/usr/baton-doctor", "/etc/baton-doctor"].map(|path| Path::new(path).exists());
        assert_eq!(left, [false, false], "what was tried in a covered folder is on this machine");
    }
}
