//! Watches over bwrap from outside: when Baton goes away or the time is up, everything is killed and waited for.

use std::ffi::OsString;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, WaitOptions, kill_process, pidfd_open, set_child_subreaper, wait};

use super::{Failure, Step, stage};

/// Starts bwrap and returns when nothing of it is left.
///
/// Standard error is the lifeline: Baton holds its other end, whose closing (by drop, exit, or a kill that lets no
/// code run) shows here as an error on the pipe. The death signal that bwrap asks for is tied to this process, which
/// has one thread, so it means what it says.
pub(super) fn run(
    arguments: &[OsString],
    seccomp: Vec<OwnedFd>,
    started: Instant,
    wall_seconds: u64,
) -> Result<ExitCode, Failure> {
    // What bwrap orphans comes to us, so that "no child left" means that nothing is left.
    set_child_subreaper(Some(rustix::process::getpid())).step(|| "becoming a reaper".into())?;
    let child =
        Command::new(stage::at("bwrap")).args(arguments).env_clear().spawn().step(|| "starting bubblewrap".into())?;
    drop(seccomp);
    let pid = Pid::from_child(&child);
    // The server's frames are between Baton and the server: holding on to them would hide its end.
    let null = std::fs::File::options().read(true).write(true).open("/dev/null").step(|| "opening /dev/null".into())?;
    rustix::stdio::dup2_stdin(&null).step(|| "letting go of standard input".into())?;
    rustix::stdio::dup2_stdout(&null).step(|| "letting go of standard output".into())?;

    let ended = watch(pid, started + Duration::from_secs(wall_seconds))?;
    if ended == Ended::WallClock {
        let _ = writeln!(std::io::stderr(), "the time limit of {wall_seconds} s is used up");
    }
    let _ = kill_process(pid, Signal::KILL);
    let mut code = ExitCode::from(super::FAILED);
    while let Ok(reaped) = wait(WaitOptions::empty()) {
        if let Some((who, status)) = reaped
            && who == pid
        {
            code = ExitCode::from(status.exit_status().and_then(|s| u8::try_from(s).ok()).unwrap_or(super::FAILED));
        }
    }
    Ok(code)
}

#[derive(PartialEq, Eq)]
enum Ended {
    ByItself,
    BatonIsGone,
    WallClock,
}

fn watch(pid: Pid, deadline: Instant) -> Result<Ended, Failure> {
    let process = pidfd_open(pid, PidfdFlags::empty()).step(|| "watching bubblewrap".into())?;
    let lifeline = rustix::stdio::stderr();
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(Ended::WallClock);
        }
        let left =
            Timespec { tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX), tv_nsec: left.subsec_nanos().into() };
        let mut fds = [PollFd::new(&process, PollFlags::IN), PollFd::from_borrowed_fd(lifeline, PollFlags::empty())];
        match poll(&mut fds, Some(&left)) {
            Err(rustix::io::Errno::INTR) => continue,
            other => other.step(|| "waiting".into())?,
        };
        if !fds[0].revents().is_empty() {
            return Ok(Ended::ByItself);
        }
        if fds[1].revents().intersects(PollFlags::ERR | PollFlags::HUP | PollFlags::NVAL) {
            return Ok(Ended::BatonIsGone);
        }
    }
}
