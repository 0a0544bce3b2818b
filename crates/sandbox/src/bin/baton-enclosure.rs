//! The launcher and the server as a program of their own: for tests, and for whoever wants a small binary in the
//! sandbox. Does nothing else.

use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<_> = std::env::args_os().skip(1).collect();
    baton_sandbox::dispatch(&args).unwrap_or_else(|| {
        eprintln!(
            "usage: baton-enclosure enclosure launch|serve (started by Baton, with its frames on standard input)"
        );
        ExitCode::FAILURE
    })
}
