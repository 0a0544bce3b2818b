//! Raw system calls, so that no library decides for us what is attempted.

use std::io;

/// Makes a system call.
#[expect(unsafe_code, reason = "the purpose of this program is to make system calls that no wrapper offers")]
pub fn call(number: libc::c_long, a: [usize; 6]) -> io::Result<i64> {
    // SAFETY: every pointer that callers pass points to a live value of the size the call expects.
    let result = unsafe { libc::syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// The address of a value, for [`call`].
pub fn address<T: ?Sized>(value: &mut T) -> usize {
    std::ptr::from_mut(value).cast::<u8>().addr()
}

/// Runs something in a forked child and reports whether it succeeded there.
#[expect(unsafe_code, reason = "some attempts change the process that makes them")]
pub fn in_child(attempt: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
    // SAFETY: this program has one thread.
    let pid = unsafe { libc::fork() };
    if pid == 0 {
        let status = attempt().map_or_else(|e| e.raw_os_error().unwrap_or(255), |()| 0);
        // SAFETY: ends the child at once, without running the parent's destructors.
        unsafe { libc::_exit(status) };
    }
    let mut status = 0;
    // SAFETY: waits for the child that was just made.
    if pid < 0 || unsafe { libc::waitpid(pid, &raw mut status, 0) } < 0 {
        return Err(io::Error::last_os_error());
    }
    if libc::WIFSIGNALED(status) {
        return Err(io::Error::other(format!("killed by signal {}", libc::WTERMSIG(status))));
    }
    match libc::WEXITSTATUS(status) {
        0 => Ok(()),
        error => Err(io::Error::from_raw_os_error(error)),
    }
}

/// The 32-bit entry of the kernel: system call 20 is `getpid` there.
#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "no other way into the 32-bit entry")]
pub fn int80_getpid() -> i64 {
    let result: i64;
    // SAFETY: `getpid` has no arguments and no effects; rax is the only register it writes.
    unsafe {
        std::arch::asm!("int 0x80", inlateout("rax") 20_i64 => result, out("r8") _, out("r9") _, out("r10") _, out("r11") _)
    };
    result
}
