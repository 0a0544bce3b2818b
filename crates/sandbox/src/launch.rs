//! The launcher: the process between Baton and bubblewrap. It joins the control groups, prepares the mounts, gives up
//! root, starts bwrap with the curated profile, and takes everything down when Baton goes away.
//! It must stay single-threaded, trust nothing but its specification, and never go on after a step failed.

mod fill;
mod identity;
mod profile;
mod stage;
mod supervise;

use std::io::{self, Write};
use std::process::ExitCode;

use crate::wire::{self, LaunchSpec, MAX_FROM_HOST};
use crate::{raw, seccomp};

/// Exit status when no sandbox came up; the reason stands on standard error.
const FAILED: u8 = 70;

/// A step that failed, with what it was.
#[derive(Debug)]
pub(crate) struct Failure(String);

impl Failure {
    pub(crate) fn new(sentence: impl Into<String>) -> Self {
        Self(sentence.into())
    }
}

/// Names the step in which an error of the operating system happened.
pub(crate) trait Step<T> {
    fn step(self, what: impl FnOnce() -> String) -> Result<T, Failure>;
}

impl<T, E: Into<io::Error>> Step<T> for Result<T, E> {
    fn step(self, what: impl FnOnce() -> String) -> Result<T, Failure> {
        self.map_err(|e| Failure(format!("{}: {}", what(), e.into())))
    }
}

/// The launcher's whole life. Call it first in `main`, before anything opens a descriptor or starts a thread.
///
/// Standard input: one frame with the specification, then whatever goes to the server inside. Standard output: the
/// server's frames. Standard error: reasons; when its other end closes, everything is killed.
#[must_use]
pub fn launcher_main() -> ExitCode {
    match launch() {
        Ok(code) => code,
        Err(Failure(sentence)) => {
            // If nobody listens any more there is nobody to tell.
            let _ = writeln!(io::stderr(), "{sentence}");
            ExitCode::from(FAILED)
        }
    }
}

fn launch() -> Result<ExitCode, Failure> {
    raw::close_inherited().step(|| "closing inherited descriptors".into())?;
    let mut input = raw::standard_input();
    let spec: LaunchSpec = wire::read(&mut *input, MAX_FROM_HOST)
        .and_then(wire::Frame::message)
        .map_err(|e| Failure(format!("reading the specification: {e}")))?;
    let started = std::time::Instant::now();
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
    rustix::process::chdir("/").step(|| "changing to /".into())?;
    for procs in &spec.join {
        std::fs::write(procs, "0").step(|| format!("joining the control group {}", procs.display()))?;
    }
    let user = identity::Identity::of(&spec)?;
    let was_root = matches!(user, identity::Identity::Root { .. });
    let (uid, gid) = user.agent();
    if was_root {
        user.private_mounts()?;
    } else {
        identity::enter_user_namespace(uid, gid)?;
    }
    let mut stage = stage::Stage::build(&spec, user)?;
    if was_root {
        user.give_up_root()?;
        identity::enter_user_namespace(uid, gid)?;
    }
    identity::verify(user)?;
    stage.mount_private(&spec)?;
    let programs = seccomp::programs().step(|| "compiling the seccomp programs".into())?;
    let arguments = profile::arguments(&spec, &stage, &programs);
    supervise::run(&arguments, programs, started, spec.enclosure.limits.wall_seconds)
}
