//! The system calls that nothing inside a sandbox may make, as BPF programs for `bwrap --add-seccomp-fd`.
//! A deny list on purpose: everything a build or a test runner does must keep working; what is denied is what reaches
//! past the namespaces (AF_VSOCK, io_uring, new namespaces, mounts), into other processes, or rarely used kernel code.

use std::collections::BTreeMap;
use std::io::{self, Seek, Write};
use std::os::fd::OwnedFd;

use rustix::fs::{MemfdFlags, memfd_create};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen as Len, SeccompCmpOp as Op, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch, sock_filter,
};

#[cfg(target_arch = "x86_64")]
const ARCH: TargetArch = TargetArch::x86_64;
#[cfg(target_arch = "aarch64")]
const ARCH: TargetArch = TargetArch::aarch64;

/// Refused with EPERM whatever their arguments.
const DENIED: &[libc::c_long] = &[
    // New namespaces, mounts (old and new interface), other roots.
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
    // Other processes' memory and descriptors.
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_pidfd_getfd,
    libc::SYS_kcmp,
    // Kernel machinery with a history of holes, which builds and tests do not need.
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
    libc::SYS_userfaultfd,
    libc::SYS_name_to_handle_at,
    libc::SYS_open_by_handle_at,
    libc::SYS_fanotify_init,
    libc::SYS_move_pages,
    libc::SYS_migrate_pages,
    libc::SYS_lookup_dcookie,
    libc::SYS_nfsservctl,
    libc::SYS_quotactl,
    libc::SYS_quotactl_fd,
    libc::SYS_acct,
    libc::SYS_vhangup,
    // The machine itself.
    libc::SYS_kexec_load,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_syslog,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_adjtimex,
    libc::SYS_clock_adjtime,
];

/// `open_tree_attr`, `kexec_file_load` and what only one architecture has.
#[cfg(target_arch = "x86_64")]
const DENIED_HERE: &[libc::c_long] = &[
    467,
    libc::SYS_kexec_file_load,
    libc::SYS_iopl,
    libc::SYS_ioperm,
    libc::SYS_modify_ldt,
    libc::SYS_uselib,
    libc::SYS_ustat,
    libc::SYS_sysfs,
    libc::SYS__sysctl,
];
#[cfg(target_arch = "aarch64")]
const DENIED_HERE: &[libc::c_long] = &[467, libc::SYS_kexec_file_load];

/// The socket families that stay: the network namespace holds them.
const FAMILIES: [libc::c_int; 4] = [libc::AF_UNIX, libc::AF_INET, libc::AF_INET6, libc::AF_NETLINK];

/// CLONE_NEWTIME is missing on purpose: `clone` reads its bit as part of the exit signal, only `unshare` and `clone3`
/// know it, and those are denied.
const NEW_NAMESPACES: [libc::c_int; 7] = [
    libc::CLONE_NEWUSER,
    libc::CLONE_NEWNS,
    libc::CLONE_NEWPID,
    libc::CLONE_NEWNET,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWUTS,
    libc::CLONE_NEWCGROUP,
];

/// ioctls that type into a terminal or change its driver.
const TERMINAL_IOCTLS: [libc::Ioctl; 3] = [libc::TIOCSTI, 0x541C /* TIOCLINUX */, libc::TIOCSETD];

fn condition(argument: u8, op: Op, value: i64) -> seccompiler::Result<SeccompCondition> {
    // Bit patterns: a negative constant means its 32 bits.
    #[expect(clippy::cast_sign_loss, reason = "only the low 32 bits are compared")]
    let value = (value as u64) & 0xffff_ffff;
    Ok(SeccompCondition::new(argument, Len::Dword, op, value)?)
}

fn rule(conditions: Vec<SeccompCondition>) -> seccompiler::Result<SeccompRule> {
    Ok(SeccompRule::new(conditions)?)
}

/// The deny list: EPERM.
fn deny_list() -> seccompiler::Result<BpfProgram> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> =
        DENIED.iter().chain(DENIED_HERE).map(|&call| (call, Vec::new())).collect();
    let other_family: Vec<_> =
        FAMILIES.iter().map(|&f| condition(0, Op::Ne, f.into())).collect::<seccompiler::Result<_>>()?;
    rules.insert(libc::SYS_socket, vec![rule(other_family.clone())?]);
    rules.insert(libc::SYS_socketpair, vec![rule(other_family)?]);
    let new_namespace = NEW_NAMESPACES
        .iter()
        .map(|&flag| rule(vec![condition(0, Op::MaskedEq(u64::from(flag.unsigned_abs())), flag.into())?]))
        .collect::<seccompiler::Result<_>>()?;
    rules.insert(libc::SYS_clone, new_namespace);
    let terminal = TERMINAL_IOCTLS
        .iter()
        .map(|&request| rule(vec![condition(1, Op::Eq, i64::try_from(request).unwrap_or_default())?]))
        .collect::<seccompiler::Result<_>>()?;
    rules.insert(libc::SYS_ioctl, terminal);
    // Asking for the personality, and the ordinary one, stay possible.
    let personality = rule(vec![condition(0, Op::Ne, 0)?, condition(0, Op::Ne, 0xffff_ffff)?])?;
    rules.insert(libc::SYS_personality, vec![personality]);
    compile(rules, libc::EPERM)
}

/// `clone3` passes its flags in memory, where no filter can read them. ENOSYS makes every libc fall back to `clone`.
fn no_clone3() -> seccompiler::Result<BpfProgram> {
    compile(BTreeMap::from([(libc::SYS_clone3, Vec::new())]), libc::ENOSYS)
}

fn compile(rules: BTreeMap<i64, Vec<SeccompRule>>, errno: i32) -> seccompiler::Result<BpfProgram> {
    let errno = SeccompAction::Errno(errno.unsigned_abs());
    Ok(SeccompFilter::new(rules, SeccompAction::Allow, errno, ARCH)?.try_into()?)
}

/// System call numbers with the x32 bit pass a check of the architecture and no rule of a deny list: ENOSYS for all.
fn no_x32() -> BpfProgram {
    const LOAD_NUMBER: u16 = 0x20; // BPF_LD | BPF_W | BPF_ABS, offset 0 of seccomp_data
    const JUMP_IF_AT_LEAST: u16 = 0x35; // BPF_JMP | BPF_JGE | BPF_K
    const RETURN: u16 = 0x06; // BPF_RET | BPF_K
    const X32_BIT: u32 = 0x4000_0000;
    const ALLOW: u32 = 0x7fff_0000;
    const ERRNO: u32 = 0x0005_0000;
    let step = |code, jt, jf, k| sock_filter { code, jt, jf, k };
    vec![
        step(LOAD_NUMBER, 0, 0, 0),
        step(JUMP_IF_AT_LEAST, 0, 1, X32_BIT),
        step(RETURN, 0, 0, ERRNO | libc::ENOSYS.unsigned_abs()),
        step(RETURN, 0, 0, ALLOW),
    ]
}

fn bytes(program: &BpfProgram) -> Vec<u8> {
    program
        .iter()
        .flat_map(|i| {
            let [a, b] = i.code.to_ne_bytes();
            let [c, d, e, f] = i.k.to_ne_bytes();
            [a, b, i.jt, i.jf, c, d, e, f]
        })
        .collect()
}

/// The programs, each in a memory file that survives `exec`.
pub(crate) fn programs() -> io::Result<Vec<OwnedFd>> {
    let deny = deny_list().map_err(io::Error::other)?;
    let clone3 = no_clone3().map_err(io::Error::other)?;
    [deny, clone3, no_x32()]
        .iter()
        .map(|program| {
            let mut file = std::fs::File::from(memfd_create("seccomp", MemfdFlags::empty())?);
            file.write_all(&bytes(program))?;
            file.rewind()?;
            Ok(file.into())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_programs_compile_and_fit_the_kernels_limit() {
        for program in [deny_list().unwrap(), no_clone3().unwrap(), no_x32()] {
            assert!(program.len() <= 4096, "BPF_MAXINSNS");
            assert_eq!(bytes(&program).len(), program.len() * 8);
        }
    }

    #[test]
    fn nothing_is_listed_twice() {
        let mut all: Vec<_> = DENIED.iter().chain(DENIED_HERE).collect();
        all.sort_unstable();
        let count = all.len();
        all.dedup();
        assert_eq!(all.len(), count);
    }
}
