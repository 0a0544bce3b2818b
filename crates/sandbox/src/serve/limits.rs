//! The limits that a process inside carries with it, below those of the control groups. Set from inside, because a
//! process limit counts per user namespace: set outside, all sandboxes of one user would share it.

use std::io;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::wire::ServeSpec;

/// Descriptors of one process.
const OPEN_FILES: u64 = 8192;
/// bwrap's first process and the server are counted too.
const OWN_PROCESSES: u64 = 2;

/// Sets them for this process and all that it will start; none can be raised again.
pub(super) fn apply(spec: &ServeSpec) -> io::Result<()> {
    let limits = &spec.limits;
    cap(Resource::Core, 0)?;
    cap(Resource::Nproc, u64::from(limits.processes) + OWN_PROCESSES)?;
    cap(Resource::Fsize, limits.file_bytes)?;
    cap(Resource::Nofile, OPEN_FILES)?;
    if spec.limit_address_space {
        cap(Resource::As, limits.memory_bytes)?;
    }
    Ok(())
}

/// Lowers soft and hard limit; a lower one that is already there stays.
fn cap(resource: Resource, value: u64) -> io::Result<()> {
    let hard = getrlimit(resource).maximum.map_or(value, |now| now.min(value));
    Ok(setrlimit(resource, Rlimit { current: Some(hard), maximum: Some(hard) })?)
}
