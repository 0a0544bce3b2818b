//! The server: Baton's own program, running inside the sandbox. It serves tools and commands there, so that nothing on
//! the host ever touches what an agent wrote. It trusts nobody inside and holds nothing worth stealing; should the
//! agent break it, Baton sees only frames.

mod capture;
mod changes;
mod command;
mod edit;
mod files;
mod limits;
mod tree;

use std::io::{self, Write};
use std::process::ExitCode;

use baton_core::domain::enclosure::{Completed, WorkspaceAccess};
use baton_core::domain::tool::{TOOL_REPLY_LIMIT, ToolReply, ToolRequest};
use rustix::process::{DumpableBehavior, set_dumpable_behavior};

use crate::inside;
use crate::raw;
use crate::wire::{self, Answer, MAX_FROM_HOST, Request, ServeSpec, WireError};
use command::Command;

/// Seconds a `run` tool may take when the model names none.
const DEFAULT_RUN_SECONDS: u64 = 120;

/// The server's whole life: frames in on standard input, frames out on standard output, until the input ends.
#[must_use]
pub fn server_main() -> ExitCode {
    match serve() {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            // If nobody listens any more there is nobody to tell.
            let _ = writeln!(io::stderr(), "inside: {e}");
            ExitCode::FAILURE
        }
    }
}

fn serve() -> io::Result<()> {
    raw::close_inherited()?;
    // Same user as everything else in here: only this keeps its memory and descriptors from them.
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    let spec: ServeSpec = serde_json::from_slice(&std::fs::read(inside::SERVE_JSON)?)?;
    limits::apply(&spec)?;
    let mut input = raw::standard_input();
    let mut output = io::stdout().lock();
    wire::write(&mut output, &Answer::Ready)?;
    output.flush()?;
    loop {
        let request = match wire::read(&mut *input, MAX_FROM_HOST).and_then(wire::Frame::message) {
            Ok(request) => request,
            Err(WireError::Closed) => return Ok(()),
            Err(e) => return Err(io::Error::other(e.to_string())),
        };
        match request {
            Request::Tool(request) => wire::write(&mut output, &Answer::Tool(tool(&spec, request)))?,
            Request::Exec(invocation) => {
                let Completed { ending, dropped_bytes, millis, .. } =
                    Command::of(&spec, invocation).run(spec.limits.output_bytes, &mut |text| {
                        wire::write(&mut output, &Answer::Output(text.to_owned()))?;
                        output.flush()
                    })?;
                wire::write(&mut output, &Answer::Completed { ending, dropped_bytes, millis })?;
            }
            Request::ReadFile { path, max } => {
                let content = files::regular(&path, max);
                wire::write(&mut output, &Answer::File { bytes: content.as_ref().map(|c| c.len() as u64) })?;
                wire::write_bytes(&mut output, &content.unwrap_or_default())?;
            }
            Request::Changes { max_files, max_file_bytes, max_total_bytes, unless } => {
                command::kill_the_others()?;
                let bounds = changes::Bounds { max_files, max_file_bytes, max_total_bytes };
                let sent = match spec.access {
                    WorkspaceAccess::ReadOnly => Ok(Answer::Done { fingerprint: 0 }),
                    WorkspaceAccess::Writable => changes::send(&bounds, unless, &mut output),
                };
                wire::write(&mut output, &sent.unwrap_or_else(Answer::Failed))?;
            }
        }
        output.flush()?;
    }
}

/// Runs one tool and bounds its answer.
fn tool(spec: &ServeSpec, request: ToolRequest) -> ToolReply {
    let answer = match request {
        ToolRequest::Run { command, timeout_seconds } => return run(spec, command, timeout_seconds),
        ToolRequest::Read { path, from_line, lines } => files::read(&path, from_line, lines),
        ToolRequest::List { path, glob } => tree::list(&path, glob.as_deref()),
        ToolRequest::Search { pattern, path, glob } => tree::search(&pattern, &path, glob.as_deref()),
        ToolRequest::Edit { path, old, new, all } => edit::edit(&path, &old, &new, all, spec.limits.file_bytes),
        ToolRequest::Write { path, content } => edit::write(&path, &content, spec.limits.file_bytes),
    };
    let ok = answer.is_ok();
    let text = answer.unwrap_or_else(|sentence| sentence);
    ToolReply { ok, text: capture::shorten(&text, TOOL_REPLY_LIMIT), exit: None }
}

fn run(spec: &ServeSpec, command: String, timeout_seconds: Option<u32>) -> ToolReply {
    use baton_core::domain::enclosure::{Ending, Invocation};
    let seconds = timeout_seconds.map_or(DEFAULT_RUN_SECONDS, u64::from);
    let invocation = Invocation::shell(&command, std::time::Duration::from_secs(seconds));
    let keep = TOOL_REPLY_LIMIT as u64 - 200;
    let completed = match Command::of(spec, invocation).run(keep, &mut |_| Ok(())) {
        Ok(completed) => completed,
        Err(e) => return ToolReply { ok: false, text: format!("the command could not be run: {e}"), exit: None },
    };
    let mut text = completed.output;
    let mut note = |note: String| {
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        text.push_str(&note);
    };
    let exit = match completed.ending {
        Ending::Exited(0) => Some(0),
        Ending::Exited(status) => {
            note(format!("[exit status {status}]"));
            Some(status)
        }
        Ending::Signalled(signal) => {
            note(format!("[killed by signal {signal}{}]", if signal == 9 { ": out of memory?" } else { "" }));
            None
        }
        Ending::TimedOut => {
            note(format!("[killed with everything it started: it ran longer than {seconds} s]"));
            None
        }
    };
    ToolReply { ok: exit == Some(0), text, exit }
}
