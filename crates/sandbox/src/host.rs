//! Baton's side: checks what was asked, makes control groups, starts the launcher, and refuses with a reason.

pub(crate) mod environment;
mod session;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use baton_core::domain::enclosure::{EnclosureSpec, Gap, Invocation, Limits, WorkspaceAccess};
use rustix::fs::{Access, access};

use crate::cgroup::{self, Group};
use crate::error::{Problem, SandboxError};
use crate::sandbox::{BoxFuture, Probe, Sandbox, Session};
use crate::wire::{LaunchSpec, ServeSpec};
use crate::{ENCLOSURE_ARG, LAUNCH_ARG};
use session::BubblewrapSession;

/// An unprivileged user of the machine that owns nothing: what sandboxes run as when Baton is root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AgentUser {
    /// Its id, not 0.
    pub uid: u32,
    /// Its group's id, not 0.
    pub gid: u32,
}

/// How sandboxes are started on this machine.
#[derive(Clone, Debug)]
pub struct Config {
    /// The program that calls [`crate::dispatch`]: Baton itself (`/proc/self/exe`, resolved).
    pub program: PathBuf,
    /// The bubblewrap program.
    pub bwrap: PathBuf,
    /// The user to become; needed when Baton runs as root, unused otherwise.
    pub agent: Option<AgentUser>,
    /// Protections that may be missing.
    pub accepted_gaps: BTreeSet<Gap>,
}

impl Config {
    /// With Debian's bubblewrap and no gap accepted.
    #[must_use]
    pub fn new(program: PathBuf) -> Self {
        Self { program, bwrap: "/usr/bin/bwrap".into(), agent: None, accepted_gaps: BTreeSet::new() }
    }
}

/// Sandboxes made by bubblewrap.
#[derive(Clone, Debug)]
pub struct Bubblewrap {
    config: Config,
}

static SERIAL: AtomicU64 = AtomicU64::new(0);

/// What a Baton that was killed has left takes memory and processor time from those that live. Done before every
/// sandbox, so that a worker which takes over a dead one's task clears up after it.
async fn clear_the_dead() {
    match tokio::task::spawn_blocking(cgroup::reap).await {
        Ok((0, _)) => {}
        Ok((groups, processes)) => tracing::info!(groups, processes, "removed what a dead process left"),
        Err(e) => tracing::error!(error = %e, "removing what dead processes left"),
    }
}

impl Bubblewrap {
    /// A sandbox kind with this configuration; nothing is started or checked yet.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self { config }
    }

    /// Whether a folder can be offered under `read_only_paths`.
    ///
    /// # Errors
    /// Says why not, and what to do.
    pub fn check_read_only_path(&self, path: &Path) -> Result<(), SandboxError> {
        let refuse = |why: String| Err(SandboxError::ReadOnlyPath { path: path.to_owned(), why });
        if !path.is_absolute() || path.components().any(|c| c == std::path::Component::ParentDir) {
            return refuse("give an absolute path without `..`".into());
        }
        if is_too_much(path) {
            return refuse(
                "it holds more than a toolchain; name the toolchain's own folder (for example `~/.rustup`)".into(),
            );
        }
        if let Err(e) = path.metadata() {
            let remedy = "install the toolchain, or take the folder out of `sandbox.read_only_paths`";
            return refuse(format!("{e}; {remedy}"));
        }
        // Root takes hold of the folder before it gives up root, so folders above that are closed to others do not matter.
        if !is_root() && access(path, Access::READ_OK | Access::EXEC_OK).is_err() {
            return refuse(
                "the user that runs Baton may not read it; let that user read it, or install it to /opt".into(),
            );
        }
        Ok(())
    }

    fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        if access(&self.config.bwrap, Access::EXEC_OK).is_err() {
            problems.push(Problem {
                what: format!("{} is no program that can be run", self.config.bwrap.display()),
                remedy: "Install bubblewrap (`apt-get install bubblewrap`), or name its path in `sandbox.bwrap`".into(),
            });
        }
        if access(&self.config.program, Access::EXEC_OK).is_err() {
            problems.push(Problem {
                what: format!("{} is no program that can be run", self.config.program.display()),
                remedy: "Let the user that runs Baton read and run its own program".into(),
            });
        }
        let agent = self.config.agent;
        if is_root() && agent.is_none_or(|a| a.uid == 0 || a.gid == 0) {
            problems.push(Problem {
                what: "Baton runs as root and has no other user to run agents as".into(),
                remedy:
                    "Name the number of a user that owns nothing in `sandbox.uid`, or run Baton as an ordinary user"
                        .into(),
            });
        }
        problems
    }

    async fn start_session(&self, spec: EnclosureSpec) -> Result<BubblewrapSession, SandboxError> {
        check(&spec)?;
        spec.read_only_paths.iter().try_for_each(|path| self.check_read_only_path(path))?;
        if let Some(problem) = self.problems().into_iter().next() {
            return Err(SandboxError::Refused(problem));
        }
        clear_the_dead().await;
        let (group, gaps) = Group::create(&spec.label, &spec.limits, SERIAL.fetch_add(1, Ordering::Relaxed));
        // From here on the group has an owner that removes it.
        let mut group = session::OwnedGroup::new(group);
        if let Some((gap, why)) = gaps.iter().find(|(gap, _)| !self.config.accepted_gaps.contains(gap)).cloned() {
            group.remove().await;
            return Err(SandboxError::Gap { gap, why });
        }
        for (gap, why) in &gaps {
            tracing::warn!(gap = gap.name(), why, "a sandbox starts without a protection, as configured");
        }
        let launch = self.launch_spec(spec, &group, &gaps);
        let mut command = tokio::process::Command::new(&self.config.program);
        command
            .args([ENCLOSURE_ARG, LAUNCH_ARG])
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // A Ctrl-C at Baton's terminal is for Baton alone, which then stops its sandboxes.
            .process_group(0);
        let child = command.spawn().map_err(SandboxError::io("starting the launcher"))?;
        BubblewrapSession::begin(child, group, &launch).await
    }

    fn launch_spec(&self, enclosure: EnclosureSpec, group: &session::OwnedGroup, gaps: &[(Gap, String)]) -> LaunchSpec {
        let serve = ServeSpec {
            access: enclosure.access,
            limits: enclosure.limits.clone(),
            limit_address_space: gaps.iter().any(|(gap, _)| *gap == Gap::MemoryCgroup),
            env: environment::of_commands(&enclosure),
        };
        LaunchSpec {
            serve,
            enclosure,
            agent: self.config.agent.map(|a| (a.uid, a.gid)),
            join: group.join_files(),
            program: self.config.program.clone(),
            bwrap: self.config.bwrap.clone(),
        }
    }

    /// Starts an empty sandbox and runs something in it.
    async fn try_out(&self) -> Result<(), Problem> {
        let trouble =
            |what: String| Problem { what, remedy: "See SECURITY.md, \"What the machine must allow\"".into() };
        // A name of its own each time: one that was killed in the middle must not stand in the way of the next.
        let checkout = tempfile::Builder::new().prefix("baton-probe-").tempdir();
        let checkout = checkout.map_err(|e| trouble(format!("no temporary folder can be made: {e}")))?;
        match self.run_true(checkout.path()).await {
            Err(SandboxError::Refused(problem)) => Err(problem),
            Err(e) => Err(trouble(e.to_string())),
            Ok(()) => checkout.close().map_err(|e| trouble(format!("a temporary folder cannot be removed: {e}"))),
        }
    }

    async fn run_true(&self, checkout: &Path) -> Result<(), SandboxError> {
        let spec = EnclosureSpec {
            label: "probe".into(),
            checkout: checkout.to_owned(),
            access: WorkspaceAccess::Writable,
            limits: Limits::default(),
            read_only_paths: Vec::new(),
            path_prefix: Vec::new(),
            env: std::collections::BTreeMap::new(),
        };
        let mut all_accepted = self.clone();
        all_accepted.config.accepted_gaps.extend(Gap::ALL);
        let mut session = all_accepted.start_session(spec).await?;
        let done = session.exec(Invocation::shell("true", Duration::from_secs(20)), &mut |_| {}).await?;
        session.stop().await;
        if done.ending.success() {
            Ok(())
        } else {
            Err(SandboxError::Ended(format!("`true` ended with {:?}: {}", done.ending, done.output)))
        }
    }
}

impl Sandbox for Bubblewrap {
    fn name(&self) -> &'static str {
        "bubblewrap"
    }

    fn probe(&self) -> BoxFuture<'_, Probe> {
        Box::pin(async move {
            clear_the_dead().await;
            let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
            let (group, gaps) = Group::create("probe", &Limits::default(), serial);
            session::OwnedGroup::new(group).remove().await;
            let mut problems = self.problems();
            if problems.is_empty() {
                problems.extend(self.try_out().await.err());
            }
            Probe { gaps, problems }
        })
    }

    fn start(&self, spec: EnclosureSpec) -> BoxFuture<'_, Result<Box<dyn Session>, SandboxError>> {
        Box::pin(async move { Ok(Box::new(self.start_session(spec).await?) as Box<dyn Session>) })
    }
}

/// Whether this process can act as root: then agents need another user to run as.
#[must_use]
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root() || rustix::process::getuid().is_root()
}

/// Refuses what would confuse a later step.
fn check(spec: &EnclosureSpec) -> Result<(), SandboxError> {
    let refuse = |why: String| Err(SandboxError::Request(why));
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '-');
    if spec.label.is_empty() || spec.label.len() > 64 || !spec.label.chars().all(plain) || spec.label.contains("..") {
        return refuse(format!("`{}` is no label: 1 to 64 of a-z, 0-9, `.` and `-`", spec.label.escape_debug()));
    }
    if !spec.checkout.is_absolute() || !spec.checkout.is_dir() {
        return refuse(format!("the checkout {} is no folder with an absolute path", spec.checkout.display()));
    }
    let limits = &spec.limits;
    let all = [limits.wall_seconds, limits.memory_bytes, limits.cpu_percent.into(), limits.processes.into()];
    let sizes = [limits.workspace_bytes, limits.tmp_bytes, limits.home_bytes, limits.file_bytes, limits.output_bytes];
    if all.iter().chain(&sizes).any(|limit| *limit == 0) {
        return refuse("a limit is 0, which would mean `unlimited` to some part of the system; give a real one".into());
    }
    Ok(())
}

/// Folders that hold a person's or the system's secrets besides any toolchain.
fn is_too_much(path: &Path) -> bool {
    const WHOLE: [&str; 9] = ["/", "/root", "/home", "/etc", "/var", "/tmp", "/run", "/boot", "/srv"];
    const BELOW: [&str; 5] = ["/proc", "/sys", "/dev", "/workspace", "/.baton"];
    let is_home = path.parent() == Some(Path::new("/home")) || path.join(".ssh").exists();
    WHOLE.iter().any(|p| path == Path::new(p)) || BELOW.iter().any(|p| path.starts_with(p)) || is_home
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(label: &str) -> EnclosureSpec {
        EnclosureSpec {
            label: label.into(),
            checkout: "/usr".into(),
            access: WorkspaceAccess::ReadOnly,
            limits: Limits::default(),
            read_only_paths: Vec::new(),
            path_prefix: Vec::new(),
            env: std::collections::BTreeMap::new(),
        }
    }

    #[test]
    fn labels_are_names_of_control_groups_and_nothing_else() {
        for good in ["run-12.3", "a"] {
            assert!(check(&spec(good)).is_ok(), "{good}");
        }
        for bad in ["", "a/b", "..", "Run", "a b", "ü", "\n"] {
            assert!(check(&spec(bad)).is_err(), "{bad}");
        }
        let mut unlimited = spec("a");
        unlimited.limits.tmp_bytes = 0;
        assert!(check(&unlimited).is_err(), "size=0 would be no limit at all");
    }

    #[test]
    fn whole_homes_are_not_offered() {
        let bubblewrap = Bubblewrap::new(Config::new("/usr/bin/true".into()));
        for bad in ["/", "/root", "/home", "/home/ann", "/etc", "/proc/1", "/usr/../etc", "relative", "/no/such"] {
            assert!(bubblewrap.check_read_only_path(Path::new(bad)).is_err(), "{bad}");
        }
        assert!(bubblewrap.check_read_only_path(Path::new("/usr/lib")).is_ok());
    }
}
