//! The program. Hidden commands of the sandbox and of git come first, before anything is read or started.

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<std::ffi::OsString> = std::env::args_os().skip(1).collect();
    if let Some(code) = baton_sandbox::dispatch(&arguments) {
        return code;
    }
    baton::cli::main(arguments)
}
