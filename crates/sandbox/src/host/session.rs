//! One running sandbox, seen from Baton. Everything read here comes from inside and is hostile: bounded, typed, and at
//! the first thing that is not an answer the sandbox is killed.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use baton_core::domain::enclosure::{Completed, Invocation, WorkspaceChanges, WorkspaceFile};
use baton_core::domain::tool::{ToolReply, ToolRequest};
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout, timeout_at};

use crate::cgroup::Group;
use crate::error::{Problem, SandboxError};
use crate::sandbox::{BoxFuture, Fingerprint, Session, Snapshot};
use crate::wire::{self, Answer, Frame, LaunchSpec, Request, WireError};

/// How long a sandbox may take to come up, on a very busy machine.
const START: Duration = Duration::from_secs(60);
/// How long everything may take to be gone after it was killed.
const END: Duration = Duration::from_secs(10);
/// Bytes of reasons that are kept.
const MAX_REASON: usize = 16 * 1024;
/// The most that is taken out of a workspace.
const MAX_CHANGED_FILES: u64 = 10_000;
const MAX_CHANGED_FILE: u64 = 32 * 1024 * 1024;
const MAX_CHANGED_TOTAL: u64 = 128 * 1024 * 1024;
/// Bytes of output that may come beyond the limit: the note about what was left out.
const OUTPUT_SLACK: u64 = 256;

/// Control groups that are removed when nobody needs them any more, at the latest by drop.
pub(super) struct OwnedGroup(Option<Group>);

impl OwnedGroup {
    pub(super) fn new(group: Group) -> Self {
        Self(Some(group))
    }

    pub(super) fn join_files(&self) -> Vec<std::path::PathBuf> {
        self.0.as_ref().map(Group::join_files).unwrap_or_default()
    }

    fn ran_out_of_memory(&self) -> bool {
        self.0.as_ref().is_some_and(Group::ran_out_of_memory)
    }

    /// Kills what is left in them and removes them.
    pub(super) async fn remove(&mut self) {
        let Some(mut group) = self.0.take() else { return };
        let removed = tokio::task::spawn_blocking(move || group.remove(std::time::Instant::now() + END)).await;
        if let Err(e) = removed {
            tracing::error!(error = %e, "removing a sandbox's control groups");
        }
    }
}

impl Drop for OwnedGroup {
    fn drop(&mut self) {
        let Some(mut group) = self.0.take() else { return };
        // Killing takes a moment that a drop must not block for; what a failed spawn leaves, the next start reaps.
        let thread = std::thread::Builder::new().name("sandbox-end".into());
        if let Err(e) = thread.spawn(move || group.remove(std::time::Instant::now() + END)) {
            tracing::error!(error = %e, "removing a sandbox's control groups");
        }
    }
}

/// What the launcher and bwrap say on standard error. Its open end is also the lifeline: without it, they kill all.
struct Lifeline {
    reader: JoinHandle<()>,
    said: Arc<Mutex<Vec<u8>>>,
}

impl Lifeline {
    fn hold(mut stderr: ChildStderr) -> Self {
        let said = Arc::new(Mutex::new(Vec::new()));
        let keep = Arc::clone(&said);
        let reader = tokio::spawn(async move {
            let mut buffer = [0; 4096];
            while let Ok(n @ 1..) = stderr.read(&mut buffer).await {
                let mut said = keep.lock().unwrap_or_else(PoisonError::into_inner);
                let room = MAX_REASON.saturating_sub(said.len()).min(n);
                said.extend_from_slice(&buffer[..room]);
            }
        });
        Self { reader, said }
    }

    fn said(&self) -> String {
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        // Part of it may come from inside: no control characters.
        let text = String::from_utf8_lossy(&said);
        let clean: String = text.chars().map(|c| if c.is_control() && c != '\n' { '\u{fffd}' } else { c }).collect();
        clean.trim().replace('\n', "; ")
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Idle,
    /// A call is under way; seen by another call, it was abandoned.
    Busy,
    Down,
}

pub(super) struct BubblewrapSession {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
    lifeline: Lifeline,
    group: OwnedGroup,
    deadline: Instant,
    wall_seconds: u64,
    output_bytes: u64,
    state: State,
}

impl BubblewrapSession {
    /// Hands the specification to the launcher and waits until the server inside is up.
    pub(super) async fn begin(mut child: Child, group: OwnedGroup, spec: &LaunchSpec) -> Result<Self, SandboxError> {
        let (Some(stdin), Some(stdout), Some(stderr)) = (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(SandboxError::Ended("the launcher has no pipes".into()));
        };
        let limits = &spec.enclosure.limits;
        let mut session = Self {
            child,
            stdin,
            stdout: BufReader::new(stdout),
            lifeline: Lifeline::hold(stderr),
            group,
            deadline: Instant::now() + Duration::from_secs(limits.wall_seconds),
            wall_seconds: limits.wall_seconds,
            output_bytes: limits.output_bytes,
            state: State::Busy,
        };
        let up = timeout(START, session.come_up(spec)).await;
        match up {
            Ok(Ok(())) => {
                session.state = State::Idle;
                Ok(session)
            }
            failed => {
                session.see_off().await;
                let why = match (session.lifeline.said(), failed) {
                    (said, _) if !said.is_empty() => said,
                    (_, Ok(Err(e))) => e.to_string(),
                    _ => format!("it did not come up within {} s", START.as_secs()),
                };
                Err(SandboxError::Refused(explain(why)))
            }
        }
    }

    async fn come_up(&mut self, spec: &LaunchSpec) -> Result<(), WireError> {
        self.stdin.write_all(&wire::encode_message(spec)?).await?;
        match self.answer().await? {
            Answer::Ready => Ok(()),
            _ => Err(WireError::Unexpected),
        }
    }

    async fn ask(&mut self, request: &Request) -> Result<(), WireError> {
        Ok(self.stdin.write_all(&wire::encode_message(request)?).await?)
    }

    async fn answer(&mut self) -> Result<Answer, WireError> {
        wire::read_async(&mut self.stdout).await?.message()
    }

    /// Bytes that were announced, no more and no fewer.
    async fn bytes(&mut self, count: u64, max: u64) -> Result<Vec<u8>, WireError> {
        if count > max {
            return Err(WireError::Unexpected);
        }
        let mut bytes = Vec::new();
        while (bytes.len() as u64) < count {
            match wire::read_async(&mut self.stdout).await? {
                Frame::Bytes(chunk) if !chunk.is_empty() && (bytes.len() + chunk.len()) as u64 <= count => {
                    bytes.extend_from_slice(&chunk);
                }
                _ => return Err(WireError::Unexpected),
            }
        }
        Ok(bytes)
    }

    async fn do_tool(&mut self, request: ToolRequest) -> Result<ToolReply, WireError> {
        self.ask(&Request::Tool(request)).await?;
        match self.answer().await? {
            Answer::Tool(reply) => Ok(reply),
            _ => Err(WireError::Unexpected),
        }
    }

    async fn do_exec(
        &mut self,
        invocation: Invocation,
        on_output: &mut (dyn FnMut(&str) + Send),
    ) -> Result<Completed, WireError> {
        self.ask(&Request::Exec(invocation)).await?;
        // Replacement characters make text longer than the bytes it came from.
        let most = self.output_bytes.saturating_mul(3).saturating_add(OUTPUT_SLACK);
        let mut output = String::new();
        loop {
            match self.answer().await? {
                Answer::Output(text) if (output.len() + text.len()) as u64 <= most => {
                    on_output(&text);
                    output.push_str(&text);
                }
                Answer::Completed { ending, dropped_bytes, millis } => {
                    return Ok(Completed { ending, output, dropped_bytes, millis });
                }
                _ => return Err(WireError::Unexpected),
            }
        }
    }

    async fn do_read(&mut self, path: &str, max: u64) -> Result<Option<Vec<u8>>, WireError> {
        self.ask(&Request::ReadFile { path: path.to_owned(), max }).await?;
        match self.answer().await? {
            Answer::File { bytes: None } => Ok(None),
            Answer::File { bytes: Some(count) } => Ok(Some(self.bytes(count, max).await?)),
            _ => Err(WireError::Unexpected),
        }
    }

    /// The inner result is the server's own refusal; the snapshot is none if nothing differs from what is known.
    async fn do_changes(&mut self, known: Option<Fingerprint>) -> Result<Result<Option<Snapshot>, String>, WireError> {
        self.ask(&Request::Changes {
            max_files: MAX_CHANGED_FILES,
            max_file_bytes: MAX_CHANGED_FILE,
            max_total_bytes: MAX_CHANGED_TOTAL,
            unless: known.map(|known| known.0),
        })
        .await?;
        let mut changes = WorkspaceChanges::default();
        let mut left = MAX_CHANGED_TOTAL;
        loop {
            if (changes.written.len() + changes.deleted.len()) as u64 > MAX_CHANGED_FILES {
                return Err(WireError::Unexpected);
            }
            match self.answer().await? {
                Answer::Written { path, mode, bytes } => {
                    let content = self.bytes(bytes, left.min(MAX_CHANGED_FILE)).await?;
                    left -= bytes;
                    changes.written.push(WorkspaceFile { path, mode, content });
                }
                Answer::Deleted { path } => changes.deleted.push(path),
                Answer::Done { fingerprint } => {
                    return Ok(Ok(Some(Snapshot { changes, fingerprint: Fingerprint(fingerprint) })));
                }
                Answer::Same if known.is_some() && changes == WorkspaceChanges::default() => return Ok(Ok(None)),
                Answer::Failed(sentence) => return Ok(Err(sentence)),
                _ => return Err(WireError::Unexpected),
            }
        }
    }

    /// Marks the session as busy; when the mark is dropped before the call is over, everything is killed.
    async fn turn(&mut self) -> Result<Turn<'_>, SandboxError> {
        if self.state != State::Idle {
            self.end().await;
            return Err(SandboxError::Stopped);
        }
        self.state = State::Busy;
        Ok(Turn { session: self, over: false })
    }

    /// Lets everything inside die, without waiting. Its control groups go with the session, or with the next call.
    fn cut(&mut self) {
        // Not a kill of the launcher: it is the one that kills all others and sees them gone.
        self.lifeline.reader.abort();
        self.state = State::Down;
    }

    /// Something inside ended: waits a moment for its last words, then for the end of all.
    async fn see_off(&mut self) {
        let _ = timeout(Duration::from_millis(500), &mut self.lifeline.reader).await;
        self.end().await;
    }

    /// Kills everything and waits until it is gone.
    async fn end(&mut self) {
        self.state = State::Down;
        self.lifeline.reader.abort();
        if timeout(END, self.child.wait()).await.is_err() {
            let _ = self.child.kill().await;
        }
        self.group.remove().await;
    }

    /// Why a call failed; by then everything is dead.
    async fn failure(&mut self, error: WireError) -> SandboxError {
        let out_of_memory = self.group.ran_out_of_memory();
        if matches!(error, WireError::Closed | WireError::Io(_)) {
            self.see_off().await;
            if Instant::now() >= self.deadline {
                return SandboxError::WallClock { seconds: self.wall_seconds };
            }
            let said = self.lifeline.said();
            return SandboxError::Ended(match (out_of_memory, said.is_empty()) {
                (true, _) => "its memory limit is used up".into(),
                (false, true) => "its server was killed from inside".into(),
                (false, false) => said,
            });
        }
        self.end().await;
        SandboxError::Hostile(error.to_string())
    }
}

/// One call under way.
struct Turn<'a> {
    session: &'a mut BubblewrapSession,
    over: bool,
}

impl Turn<'_> {
    /// Ends the call with what came of it in time.
    async fn end<T>(
        mut self,
        result: Result<Result<T, WireError>, tokio::time::error::Elapsed>,
    ) -> Result<T, SandboxError> {
        let ended = match result {
            Ok(Ok(value)) => {
                self.session.state = State::Idle;
                Ok(value)
            }
            Ok(Err(error)) => Err(self.session.failure(error).await),
            Err(_) => {
                self.session.end().await;
                Err(SandboxError::WallClock { seconds: self.session.wall_seconds })
            }
        };
        self.over = true;
        ended
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if !self.over {
            self.session.cut();
        }
    }
}

impl Session for BubblewrapSession {
    fn tool(&mut self, request: ToolRequest) -> BoxFuture<'_, Result<ToolReply, SandboxError>> {
        Box::pin(async move {
            let turn = self.turn().await?;
            let result = timeout_at(turn.session.deadline, turn.session.do_tool(request)).await;
            turn.end(result).await
        })
    }

    fn exec<'a>(
        &'a mut self,
        invocation: Invocation,
        on_output: &'a mut (dyn FnMut(&str) + Send),
    ) -> BoxFuture<'a, Result<Completed, SandboxError>> {
        Box::pin(async move {
            if invocation.argv.is_empty() {
                return Err(SandboxError::Request("there is no program to run".into()));
            }
            let turn = self.turn().await?;
            let result = timeout_at(turn.session.deadline, turn.session.do_exec(invocation, on_output)).await;
            turn.end(result).await
        })
    }

    fn read_file<'a>(&'a mut self, path: &'a str, max: u64) -> BoxFuture<'a, Result<Option<Vec<u8>>, SandboxError>> {
        Box::pin(async move {
            let turn = self.turn().await?;
            let result = timeout_at(turn.session.deadline, turn.session.do_read(path, max)).await;
            turn.end(result).await
        })
    }

    fn changes(&mut self) -> BoxFuture<'_, Result<WorkspaceChanges, SandboxError>> {
        Box::pin(async move { Ok(self.snapshot(None).await?.map(|snapshot| snapshot.changes).unwrap_or_default()) })
    }

    fn snapshot(&mut self, known: Option<Fingerprint>) -> BoxFuture<'_, Result<Option<Snapshot>, SandboxError>> {
        Box::pin(async move {
            let turn = self.turn().await?;
            let result = timeout_at(turn.session.deadline, turn.session.do_changes(known)).await;
            turn.end(result).await?.map_err(SandboxError::Changes)
        })
    }

    fn stop(&mut self) -> BoxFuture<'_, ()> {
        Box::pin(self.end())
    }
}

impl Drop for BubblewrapSession {
    fn drop(&mut self) {
        self.cut();
    }
}

/// What the launcher or bwrap said, with what the operator can do about it.
fn explain(why: String) -> Problem {
    let remedies = [
        ("unknown option", "Install bubblewrap 0.8 or newer"),
        (
            "user namespace",
            "Allow unprivileged user namespaces (`sysctl user.max_user_namespaces=15000`; on Ubuntu also \
          `kernel.apparmor_restrict_unprivileged_userns=0`)",
        ),
        ("Creating new namespace", "Allow unprivileged user namespaces (`sysctl user.max_user_namespaces=15000`)"),
        (
            "mount proc",
            "Let the container that Baton runs in see an unmasked /proc (Docker: `--security-opt systempaths=unconfined`)",
        ),
        ("seccomp", "Use a kernel with seccomp filters (CONFIG_SECCOMP_FILTER)"),
        (
            "control group",
            "Let Baton write to its own control group, or accept the gap by name in `sandbox.accepted_gaps`",
        ),
    ];
    let remedy =
        remedies.iter().find(|(word, _)| why.contains(word)).map_or("Run `baton doctor`", |(_, remedy)| remedy);
    Problem { what: why, remedy: remedy.into() }
}
