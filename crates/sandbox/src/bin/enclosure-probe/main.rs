//! Tries to get out: one attempt for each name, made for real. For tests of sandboxes only.
//!
//! `enclosure-probe NAME [ARGUMENT]…` prints `got: …` and exits 0 when the attempt succeeded, prints `denied: …` and
//! exits 1 when it did not. What is attempted is the same inside and outside, so that the outside is the control.

mod files;
mod kernel;
mod network;
mod raw;

use std::io;
use std::process::ExitCode;

/// What an attempt got, or how it was denied.
type Outcome = io::Result<String>;

fn attempt(name: &str, arguments: &[String]) -> Outcome {
    let argument = |n: usize| arguments.get(n).map_or("", String::as_str);
    match name {
        "read-file" => files::read(argument(0)),
        "write-beside" => files::write_beside(argument(0)),
        "write-same" => files::write_same(argument(0)),
        "open-write" => files::open_write(argument(0)),
        "make-folder" => files::make_folder(argument(0)),
        "device" => files::device(argument(0)),
        "handle" => files::by_handle(argument(0)),
        "descriptors" => files::descriptors(),
        "signal" => kernel::signal(argument(0)),
        "unshare-user" => kernel::unshare(libc::CLONE_NEWUSER),
        "unshare-mount" => kernel::unshare(libc::CLONE_NEWNS),
        "clone-user" => kernel::clone_user(),
        "clone3" => kernel::clone3(),
        "setns" => kernel::setns(),
        "mount-tmpfs" => kernel::mount_tmpfs(),
        "new-mount-api" => kernel::fsopen(),
        "io-uring" => kernel::io_uring(),
        "bpf" => kernel::bpf(),
        "perf" => kernel::perf(),
        "ptrace" => kernel::ptrace(),
        "process-vm" => kernel::process_vm(),
        "keyctl" => kernel::keyctl(),
        "userfaultfd" => kernel::userfaultfd(),
        "syslog" => kernel::syslog(),
        "personality" => kernel::personality(),
        "become-root" => kernel::become_root(),
        "tiocsti" => kernel::tiocsti(),
        "int80" => kernel::int80(),
        "x32" => kernel::x32(),
        "tcp" => network::tcp(argument(0)),
        "route" => network::route(argument(0)),
        "udp" => network::udp(argument(0)),
        "dns" => network::dns(argument(0)),
        "abstract" => network::abstract_socket(argument(0)),
        "socket" => network::socket(argument(0), argument(1), argument(2)),
        "scan" => network::scan(argument(0)),
        _ => Err(io::Error::other(format!("no attempt is called {name:?}"))),
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some((name, rest)) = arguments.split_first() else {
        eprintln!("usage: enclosure-probe NAME [ARGUMENT]…");
        return ExitCode::from(2);
    };
    match attempt(name, rest) {
        Ok(what) => {
            println!("got: {what}");
            ExitCode::SUCCESS
        }
        Err(e) => {
            println!("denied: {e}");
            ExitCode::FAILURE
        }
    }
}
