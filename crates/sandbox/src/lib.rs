//! Encloses a run with bubblewrap: starts the sandbox, serves tools and commands inside it, takes its changes out.
//! It must never start anything with user id 0, and never fall back to something weaker without being told to.
//!
//! Three processes do the work (see [`launcher_main`] and [`server_main`] for the two that are not Baton itself):
//!
//! ```text
//! Baton ──frames──────────────────────────────────────────────► server   (inside: tools, commands, changes)
//!   └─ launcher: cgroups, mounts, drops its user, supervises ─► bwrap ─► pid 1
//! ```

mod cgroup;
mod error;
mod host;
mod inside;
mod launch;
mod raw;
mod sandbox;
mod seccomp;
mod serve;
mod toolchain;
mod wire;

pub use error::{Problem, SandboxError};
pub use host::{AgentUser, Bubblewrap, Config, is_root};
pub use launch::launcher_main;
pub use sandbox::{BoxFuture, Fingerprint, Probe, Sandbox, Session, Snapshot};
pub use serve::server_main;
pub use toolchain::Toolchains;

/// The first hidden argument under which a program must call [`launcher_main`] or [`server_main`].
pub const ENCLOSURE_ARG: &str = "enclosure";
/// The second hidden argument for [`launcher_main`].
pub const LAUNCH_ARG: &str = "launch";
/// The second hidden argument for [`server_main`].
pub const SERVE_ARG: &str = "serve";

/// Runs the launcher or the server when the arguments (without the program's name) ask for one of them. A program
/// that offers itself as [`Config::program`] calls this first of all, before it starts a thread or opens a file.
#[must_use]
pub fn dispatch<S: AsRef<std::ffi::OsStr>>(args: &[S]) -> Option<std::process::ExitCode> {
    let [first, second] = args else { return None };
    if first.as_ref() != ENCLOSURE_ARG {
        return None;
    }
    match second.as_ref().to_str() {
        Some(LAUNCH_ARG) => Some(launcher_main()),
        Some(SERVE_ARG) => Some(server_main()),
        _ => None,
    }
}
