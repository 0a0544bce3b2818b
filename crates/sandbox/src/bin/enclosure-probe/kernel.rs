//! Attempts on other processes and on the kernel's machinery.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;

use crate::Outcome;
use crate::raw::{address, call, in_child};

pub fn signal(pid: &str) -> Outcome {
    let pid: usize = pid.parse().map_err(io::Error::other)?;
    call(libc::SYS_kill, [pid, 0, 0, 0, 0, 0])?;
    Ok("may be signalled".into())
}

pub fn unshare(flag: libc::c_int) -> Outcome {
    in_child(|| call(libc::SYS_unshare, [flag as usize, 0, 0, 0, 0, 0]).map(drop))?;
    Ok("a new namespace".into())
}

pub fn clone_user() -> Outcome {
    let flags = (libc::CLONE_NEWUSER | libc::SIGCHLD) as usize;
    in_child(|| match call(libc::SYS_clone, [flags, 0, 0, 0, 0, 0])? {
        0 => std::process::exit(0),
        _ => Ok(()),
    })?;
    Ok("a process in a new user namespace".into())
}

pub fn clone3() -> Outcome {
    let mut arguments = [0_u64; 8];
    arguments[4] = libc::SIGCHLD as u64;
    in_child(|| match call(libc::SYS_clone3, [address(&mut arguments), size_of_val(&arguments), 0, 0, 0, 0])? {
        0 => std::process::exit(0),
        _ => Ok(()),
    })?;
    Ok("a process".into())
}

pub fn setns() -> Outcome {
    let namespace = File::open("/proc/self/ns/net")?;
    let fd = usize::try_from(namespace.as_raw_fd()).map_err(io::Error::other)?;
    call(libc::SYS_setns, [fd, 0, 0, 0, 0, 0])?;
    Ok("entered a namespace".into())
}

pub fn mount_tmpfs() -> Outcome {
    let folder = format!("/tmp/.enclosure-probe-mount-{}", std::process::id());
    std::fs::create_dir(&folder)?;
    let (path, kind) = (format!("{folder}\0"), c"tmpfs");
    let kind = kind.as_ptr().addr();
    let mounted = call(libc::SYS_mount, [kind, path.as_ptr().addr(), kind, 0, 0, 0]);
    if mounted.is_ok() {
        call(libc::SYS_umount2, [path.as_ptr().addr(), 0, 0, 0, 0, 0])?;
    }
    std::fs::remove_dir(folder)?;
    mounted.map(|_| "mounted".into())
}

pub fn fsopen() -> Outcome {
    call(libc::SYS_fsopen, [c"tmpfs".as_ptr().addr(), 0, 0, 0, 0, 0])?;
    Ok("a file system to mount".into())
}

pub fn io_uring() -> Outcome {
    let mut parameters = [0_u8; 120];
    call(libc::SYS_io_uring_setup, [4, address(&mut parameters), 0, 0, 0, 0])?;
    Ok("a ring".into())
}

pub fn bpf() -> Outcome {
    // BPF_MAP_CREATE of an array of one 4-byte value.
    let mut attributes = [0_u32; 18];
    attributes[..4].copy_from_slice(&[2, 4, 4, 1]);
    call(libc::SYS_bpf, [0, address(&mut attributes), size_of_val(&attributes), 0, 0, 0])?;
    Ok("a map".into())
}

pub fn perf() -> Outcome {
    // PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CPU_CLOCK, of this process on any processor.
    let mut attributes = [0_u32; 32];
    attributes[..2].copy_from_slice(&[1, 128]);
    call(libc::SYS_perf_event_open, [address(&mut attributes), 0, usize::MAX, usize::MAX, 0, 0])?;
    Ok("a counter".into())
}

pub fn ptrace() -> Outcome {
    in_child(|| call(libc::SYS_ptrace, [libc::PTRACE_TRACEME as usize, 0, 0, 0, 0, 0]).map(drop))?;
    Ok("traced".into())
}

pub fn process_vm() -> Outcome {
    let (mut from, mut to) = (*b"secret", [0_u8; 6]);
    let mut local = [address(&mut to), 6];
    let mut remote = [address(&mut from), 6];
    let own = std::process::id() as usize;
    call(libc::SYS_process_vm_readv, [own, address(&mut local), 1, address(&mut remote), 1, 0])?;
    Ok("read another's memory".into())
}

pub fn keyctl() -> Outcome {
    // KEYCTL_GET_KEYRING_ID of the user's keyring, made if it is not there.
    call(libc::SYS_keyctl, [0, usize::MAX - 3, 1, 0, 0, 0])?;
    Ok("a keyring".into())
}

pub fn userfaultfd() -> Outcome {
    // UFFD_USER_MODE_ONLY: what an ordinary user may ask for.
    call(libc::SYS_userfaultfd, [1, 0, 0, 0, 0, 0])?;
    Ok("a descriptor".into())
}

pub fn syslog() -> Outcome {
    // SYSLOG_ACTION_READ_ALL
    let mut buffer = vec![0_u8; 65536];
    let read = call(libc::SYS_syslog, [3, address(buffer.as_mut_slice()), buffer.len(), 0, 0, 0])?;
    Ok(format!("{read} bytes of the kernel's log"))
}

pub fn personality() -> Outcome {
    // ADDR_NO_RANDOMIZE
    in_child(|| call(libc::SYS_personality, [0x0004_0000, 0, 0, 0, 0, 0]).map(drop))?;
    Ok("changed".into())
}

pub fn become_root() -> Outcome {
    in_child(|| call(libc::SYS_setuid, [0; 6]).map(drop))?;
    Ok("user 0".into())
}

/// Types into a controlling terminal: makes one, takes it, and injects a character.
pub fn tiocsti() -> Outcome {
    in_child(|| {
        let fail = || io::Error::from_raw_os_error(libc::ENOTTY);
        call(libc::SYS_setsid, [0; 6])?;
        let main = File::options().read(true).write(true).open("/dev/ptmx")?;
        let fd = usize::try_from(main.as_raw_fd()).map_err(|_| fail())?;
        let (mut unlocked, mut number) = (0_i32, 0_i32);
        call(libc::SYS_ioctl, [fd, libc::TIOCSPTLCK as usize, address(&mut unlocked), 0, 0, 0])?;
        call(libc::SYS_ioctl, [fd, libc::TIOCGPTN as usize, address(&mut number), 0, 0, 0])?;
        // Opening it makes it the controlling terminal of the new session.
        let terminal = File::options().read(true).write(true).open(format!("/dev/pts/{number}"))?;
        let fd = usize::try_from(terminal.as_raw_fd()).map_err(|_| fail())?;
        let mut character = b'x';
        let typed = call(libc::SYS_ioctl, [fd, libc::TIOCSTI as usize, address(&mut character), 0, 0, 0]);
        // Closing the terminal would hang up on us before the answer is out.
        std::mem::forget((main, terminal));
        typed.map(drop)
    })?;
    Ok("typed into the terminal".into())
}

#[cfg(target_arch = "x86_64")]
pub fn int80() -> Outcome {
    let own = i64::from(std::process::id());
    let mut answer = 0;
    in_child(|| {
        answer = crate::raw::int80_getpid();
        if answer > 0 { Ok(()) } else { Err(io::Error::from_raw_os_error(libc::ENOSYS)) }
    })?;
    Ok(format!("the 32-bit entry works (asked by {own})"))
}

#[cfg(not(target_arch = "x86_64"))]
pub fn int80() -> Outcome {
    Err(io::Error::other("this architecture has no second entry"))
}

pub fn x32() -> Outcome {
    call(0x4000_0000 + libc::SYS_getpid, [0; 6])?;
    Ok("the x32 entry works".into())
}
