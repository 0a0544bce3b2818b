//! Runs one program to its end: output bounded while it comes, a time limit that holds, and nothing left over.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use baton_core::domain::enclosure::{Completed, Ending, Invocation};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};

use super::capture::Capture;
use crate::inside;
use crate::raw;
use crate::wire::ServeSpec;

/// As shells answer.
const NOT_FOUND: i32 = 127;
const NOT_RUNNABLE: i32 = 126;
/// Bytes of output in one frame.
const MAX_PIECE: usize = 64 * 1024;
/// How long killed processes may take to go.
const PATIENCE: Duration = Duration::from_secs(5);

/// A program to run.
pub(super) struct Command {
    process: std::process::Command,
    argv: Vec<String>,
    stdin: String,
    timeout: Duration,
}

impl Command {
    pub(super) fn of(spec: &ServeSpec, invocation: Invocation) -> Self {
        let Invocation { argv, env, cwd, stdin, timeout_seconds } = invocation;
        let mut process = std::process::Command::new(argv.first().map_or("", String::as_str));
        process
            .args(argv.get(1..).unwrap_or_default())
            .env_clear()
            .envs(&spec.env)
            .envs(&env)
            .current_dir(Path::new(inside::WORKSPACE).join(cwd))
            .stdin(if stdin.is_empty() { Stdio::null() } else { Stdio::piped() })
            .process_group(0);
        // The program is looked up in the PATH it is given, not in the server's.
        Self { process, argv, stdin, timeout: Duration::from_secs(timeout_seconds) }
    }

    /// Runs it. At most `keep` bytes of output are kept; `on_text` gets them as they come.
    ///
    /// # Errors
    /// When the server can no longer do its work. A program that cannot be started is an ending like any other.
    pub(super) fn run(mut self, keep: u64, on_text: &mut dyn FnMut(&str) -> io::Result<()>) -> io::Result<Completed> {
        let started = Instant::now();
        let (output, write_end) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
        self.process.stdout(write_end.try_clone()?).stderr(write_end);
        let mut child = match self.process.spawn() {
            Ok(child) => child,
            Err(e) => {
                let name = self.argv.first().map_or("(nothing)", String::as_str);
                let status = if e.kind() == io::ErrorKind::NotFound { NOT_FOUND } else { NOT_RUNNABLE };
                let text = format!("{name} cannot be started: {e}\n");
                on_text(&text)?;
                return Ok(completed(Ending::Exited(status), text, 0, started));
            }
        };
        // The command holds copies of the pipe's write end.
        drop(self.process);
        let mut sink = Sink { capture: Capture::new(keep), text: String::new(), on_text };
        prefer_for_oom(&child);
        feed(&mut child, self.stdin)?;
        let finished = pump(&child, &output, started + self.timeout, &mut sink);
        // In any case nothing of it goes on: not after an error either.
        let group = Pid::from_child(&child);
        let _ = kill_process_group(group, Signal::KILL);
        let swept = kill_the_others();
        let status = child.wait()?;
        let in_time = finished?;
        swept?;
        drain(&output, &mut sink)?;
        let (rest, dropped) = sink.capture.finish();
        for piece in pieces(&rest) {
            (sink.on_text)(piece)?;
        }
        sink.text.push_str(&rest);
        let ending = if in_time { ending(status) } else { Ending::TimedOut };
        Ok(completed(ending, sink.text, dropped, started))
    }
}

/// A long text in parts that each fit a frame, however much of it must be escaped.
fn pieces(mut text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    while !text.is_empty() {
        let (piece, rest) = text.split_at(text.floor_char_boundary(MAX_PIECE));
        pieces.push(piece);
        text = rest;
    }
    pieces
}

fn completed(ending: Ending, output: String, dropped_bytes: u64, started: Instant) -> Completed {
    let millis = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    Completed { ending, output, dropped_bytes, millis }
}

fn ending(status: ExitStatus) -> Ending {
    match (status.code(), status.signal()) {
        (Some(code), _) => Ending::Exited(code),
        (None, signal) => Ending::Signalled(signal.unwrap_or_default()),
    }
}

struct Sink<'a> {
    capture: Capture,
    text: String,
    on_text: &'a mut dyn FnMut(&str) -> io::Result<()>,
}

impl Sink<'_> {
    fn take(&mut self, bytes: &[u8]) -> io::Result<()> {
        let text = self.capture.push(bytes);
        if !text.is_empty() {
            (self.on_text)(&text)?;
            self.text.push_str(&text);
        }
        Ok(())
    }
}

/// When memory runs out, the kernel shall take the command and not the server.
fn prefer_for_oom(child: &Child) {
    // Best effort: the limit holds without it, only more of the session is lost.
    let _ = std::fs::write(format!("/proc/{}/oom_score_adj", child.id()), "800");
}

/// Writes standard input from a thread of its own, so that a program that does not read cannot hold us up.
fn feed(child: &mut Child, text: String) -> io::Result<()> {
    let Some(mut stdin) = child.stdin.take() else { return Ok(()) };
    let thread = std::thread::Builder::new().name("stdin".into());
    // The thread ends when everything is written or the program is gone; neither needs to be known.
    thread.spawn(move || stdin.write_all(text.as_bytes())).map(drop)
}

/// Moves output until the program has ended (true) or its time is up (false).
fn pump(child: &Child, output: &OwnedFd, deadline: Instant, sink: &mut Sink<'_>) -> io::Result<bool> {
    let process = pidfd_open(Pid::from_child(child), PidfdFlags::empty())?;
    let mut open = true;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(false);
        }
        let mut fds = vec![PollFd::new(&process, PollFlags::IN)];
        if open {
            fds.push(PollFd::new(output, PollFlags::IN));
        }
        wait(&mut fds, left)?;
        let (ended, readable) = (!fds[0].revents().is_empty(), fds.get(1).is_some_and(|f| !f.revents().is_empty()));
        if readable {
            open = read_some(output, sink)? > 0;
        } else if ended {
            return Ok(true);
        }
    }
}

/// Takes what is still in the pipe. All writers are dead, so this ends.
fn drain(output: &OwnedFd, sink: &mut Sink<'_>) -> io::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let mut fds = [PollFd::new(output, PollFlags::IN)];
        wait(&mut fds, deadline.saturating_duration_since(Instant::now()))?;
        if fds[0].revents().is_empty() || read_some(output, sink)? == 0 {
            return Ok(());
        }
    }
}

fn wait(fds: &mut [PollFd<'_>], left: Duration) -> io::Result<()> {
    let left =
        Timespec { tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX), tv_nsec: left.subsec_nanos().into() };
    match poll(fds, Some(&left)) {
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(e) => Err(e.into()),
    }
}

fn read_some(output: &OwnedFd, sink: &mut Sink<'_>) -> io::Result<usize> {
    let mut buffer = [0; 32 * 1024];
    let count = File::from(output.try_clone()?).read(&mut buffer)?;
    sink.take(&buffer[..count])?;
    Ok(count)
}

/// Kills every process in the sandbox but the server, and waits until they are gone.
pub(super) fn kill_the_others() -> io::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        raw::kill_everyone_else()?;
        if !others_live()? {
            return Ok(());
        }
        if Instant::now() > deadline {
            return Err(io::Error::other("a process inside cannot be killed"));
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Is there a process that is neither the first, nor the server, nor dead already?
fn others_live() -> io::Result<bool> {
    for entry in std::fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(pid) = name.to_str().and_then(|n| n.parse::<u32>().ok()) else { continue };
        if pid == 1 || pid == std::process::id() {
            continue;
        }
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let state = stat.rsplit_once(')').and_then(|(_, rest)| rest.split_whitespace().next());
        if state.is_some_and(|s| s != "Z" && s != "X") {
            return Ok(true);
        }
    }
    Ok(false)
}
