//! The system calls that need `unsafe`: each wrapped so that its caller cannot misuse it. Nothing else may be unsafe.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use rustix::thread::UnshareFlags;

fn check(result: libc::c_long) -> io::Result<libc::c_long> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// Closes every descriptor but standard input, output and error. Only for the first lines of a program's `main`.
#[expect(unsafe_code, reason = "no safe wrapper exists; nothing in the process owns a descriptor yet")]
pub(crate) fn close_inherited() -> io::Result<()> {
    // SAFETY: called before anything in this process opens a descriptor, so none that somebody owns is closed.
    check(unsafe { libc::syscall(libc::SYS_close_range, 3, u32::MAX, 0) }).map(drop)
}

/// Moves this single-threaded process into new namespaces.
#[expect(unsafe_code, reason = "rustix marks it unsafe because of CLONE_FILES, which is never asked for here")]
pub(crate) fn unshare(flags: UnshareFlags) -> io::Result<()> {
    debug_assert!(!flags.contains(UnshareFlags::FILES), "see the safety note");
    // SAFETY: the descriptor table stays shared as it is.
    unsafe { rustix::thread::unshare_unsafe(flags) }.map_err(Into::into)
}

/// Makes a detached mount (from `open_tree`) read-only, without set-user-id and devices; with `userns`, its owner's
/// ids are shown through that user namespace's map.
#[expect(unsafe_code, reason = "rustix has no mount_setattr")]
pub(crate) fn restrict_mount(tree: BorrowedFd<'_>, userns: Option<BorrowedFd<'_>>) -> io::Result<()> {
    let mut attr_set = libc::MOUNT_ATTR_RDONLY | libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NODEV;
    if userns.is_some() {
        attr_set |= libc::MOUNT_ATTR_IDMAP;
    }
    let attributes = libc::mount_attr {
        attr_set,
        attr_clr: 0,
        propagation: 0,
        userns_fd: userns.map_or(0, |fd| u64::try_from(fd.as_raw_fd()).unwrap_or(0)),
    };
    let flags = libc::AT_EMPTY_PATH | libc::AT_RECURSIVE;
    // SAFETY: the path is a valid empty C string, and the size is that of the struct that is passed.
    let result = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            tree.as_raw_fd(),
            c"".as_ptr(),
            flags,
            &raw const attributes,
            size_of::<libc::mount_attr>(),
        )
    };
    check(result).map(drop)
}

/// Forks a child that does nothing but live in a new user namespace, until the returned pipe end is dropped.
/// Returns its process id. Only for a single-threaded process.
#[expect(unsafe_code, reason = "a user namespace needs a process of its own, and this one must stay where it is")]
pub(crate) fn fork_into_user_namespace() -> io::Result<(u32, OwnedFd)> {
    let (ready_read, ready_write) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
    let (hold_read, hold_write) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
    let (hold_end, ready) = (hold_write.as_raw_fd(), ready_write.as_raw_fd());
    let wait = hold_read.as_raw_fd();
    // SAFETY: the process is single-threaded; the child only makes raw system calls and leaves with `_exit`.
    let pid = unsafe { libc::fork() };
    if pid == 0 {
        // SAFETY: plain system calls on descriptors that the child inherited.
        unsafe {
            libc::close(hold_end);
            let status: u8 = u8::from(libc::unshare(libc::CLONE_NEWUSER) != 0);
            libc::write(ready, (&raw const status).cast(), 1);
            let mut byte = 0_u8;
            libc::read(wait, (&raw mut byte).cast(), 1);
            libc::_exit(0);
        }
    }
    check(pid.into())?;
    drop(ready_write);
    let mut status = [1_u8];
    rustix::io::read(&ready_read, &mut status)?;
    if status != [0] {
        return Err(io::Error::other("a user namespace could not be made"));
    }
    let pid = u32::try_from(pid).map_err(io::Error::other)?;
    Ok((pid, hold_write))
}

/// Kills every process of this pid namespace except its first and the caller. Outside a pid namespace of one's own
/// this would be a massacre, so it refuses unless the caller's parent is process 1 and the caller's id is small.
#[expect(unsafe_code, reason = "rustix refuses -1 as a process id")]
pub(crate) fn kill_everyone_else() -> io::Result<()> {
    let own = rustix::process::getpid().as_raw_nonzero().get();
    let parent = rustix::process::getppid().map(|p| p.as_raw_nonzero().get());
    if parent != Some(1) || own > 16 {
        return Err(io::Error::other("not the server of a sandbox"));
    }
    // SAFETY: sends signals only.
    match check(unsafe { libc::kill(-1, libc::SIGKILL) }.into()) {
        Err(e) if e.raw_os_error() == Some(libc::ESRCH) => Ok(()),
        other => other.map(drop),
    }
}

/// Takes over standard input as an unbuffered file.
#[expect(unsafe_code, reason = "standard input must be read without a buffer: another program reads on after us")]
pub(crate) fn standard_input() -> std::mem::ManuallyDrop<std::fs::File> {
    // SAFETY: descriptor 0 is open for the whole life of the process, and the wrapper never closes it.
    std::mem::ManuallyDrop::new(unsafe { std::fs::File::from_raw_fd(0) })
}
