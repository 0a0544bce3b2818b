#!/usr/bin/python3
"""Builds the container's seccomp profile with libseccomp, as a container engine does, to judge it or to run under it.

Usage: seccomp-profile.py check PROFILE            every name is a system call, and no forbidden one is allowed
       seccomp-profile.py run PROFILE -- PROGRAM…  gives up new privileges, loads the filter, becomes the program

Needs Debian's python3-seccomp.
"""

import ctypes
import errno
import json
import os
import sys

try:
    import seccomp
except ImportError:
    sys.exit("seccomp-profile.py: install python3-seccomp, for /usr/bin/python3 (script/setup --lint does)")

ARCHITECTURES = {"SCMP_ARCH_X86_64": seccomp.Arch.X86_64, "SCMP_ARCH_AARCH64": seccomp.Arch.AARCH64}
COMPARISONS = {
    "SCMP_CMP_NE": seccomp.NE, "SCMP_CMP_LT": seccomp.LT, "SCMP_CMP_LE": seccomp.LE,
    "SCMP_CMP_EQ": seccomp.EQ, "SCMP_CMP_GE": seccomp.GE, "SCMP_CMP_GT": seccomp.GT,
}
# System calls of Linux 6.5 to 6.13, newer than the libseccomp of Debian 12. Engines pass over names they do not know.
NEWER = {
    "cachestat", "fchmodat2", "futex_requeue", "futex_wait", "futex_wake", "getxattrat", "listxattrat", "mseal",
    "removexattrat", "setxattrat",
}
# Refused by Baton's sandbox as well (crates/sandbox/src/seccomp.rs), or of no use to an ordinary user in a container.
FORBIDDEN = {
    "acct", "add_key", "bpf", "chroot", "clone3", "delete_module", "fanotify_init", "finit_module", "fsconfig", "fsmount",
    "fsopen", "fspick", "init_module", "io_uring_enter", "io_uring_register", "io_uring_setup", "ioperm", "iopl", "kcmp",
    "kexec_file_load", "kexec_load", "keyctl", "modify_ldt", "name_to_handle_at", "open_by_handle_at", "perf_event_open",
    "pidfd_getfd", "process_madvise", "process_vm_readv", "process_vm_writev", "ptrace", "quotactl", "quotactl_fd",
    "reboot", "request_key", "setdomainname", "setns", "settimeofday", "swapoff", "swapon", "syslog", "userfaultfd",
}
PR_SET_NO_NEW_PRIVS = 38


def known(name, architectures):
    """Whether the name is a system call of one of the architectures; libseccomp gives others a negative number."""
    return any(seccomp.resolve_syscall(architecture, name) >= 0 for architecture in architectures)


def build(profile):
    """The filter for this machine, from the parts of the format that seccomp.schema.json allows."""
    result = seccomp.SyscallFilter(seccomp.ERRNO(profile["defaultErrnoRet"]))
    for rule in profile["syscalls"]:
        allow = rule["action"] == "SCMP_ACT_ALLOW"
        action = seccomp.ALLOW if allow else seccomp.ERRNO(rule.get("errnoRet", profile["defaultErrnoRet"]))
        arguments = [seccomp.Arg(a["index"], COMPARISONS[a["op"]], a["value"]) for a in rule.get("args", [])]
        for name in rule["names"]:
            if seccomp.resolve_syscall(seccomp.Arch.NATIVE, name) >= 0:
                result.add_rule_exactly(action, name, *arguments)
    return result


def check(profile):
    """What is wrong with the profile, a line each."""
    architectures = [ARCHITECTURES[entry["architecture"]] for entry in profile["archMap"]]
    allowed = [rule for rule in profile["syscalls"] if rule["action"] == "SCMP_ACT_ALLOW"]
    names = [name for rule in profile["syscalls"] for name in rule["names"]]
    faults = [f"{name} is no system call" for name in names if name not in NEWER and not known(name, architectures)]
    faults += [f"{name} is allowed" for rule in allowed for name in rule["names"] if name in FORBIDDEN]
    plain = [name for rule in profile["syscalls"] if "args" not in rule for name in rule["names"]]
    faults += [f"{name} stands there twice" for name in sorted({name for name in plain if plain.count(name) > 1})]
    faults += [f"{name} is allowed whatever its arguments" for name in ("socket", "personality") if name in plain]
    build(profile)
    return faults


def run(profile, program):
    """Replaces this process by the program, under the filter."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        sys.exit(f"seccomp-profile.py: no_new_privs: {errno.errorcode[ctypes.get_errno()]}")
    build(profile).load()
    os.execvp(program[0], program)


def main():
    arguments = sys.argv[1:]
    if arguments in (["-h"], ["--help"]):
        print(__doc__.strip())
    elif len(arguments) == 2 and arguments[0] == "check":
        with open(arguments[1], encoding="utf-8") as file:
            faults = check(json.load(file))
        sys.exit("\n".join(faults) if faults else 0)
    elif len(arguments) > 3 and arguments[0] == "run" and arguments[2] == "--":
        with open(arguments[1], encoding="utf-8") as file:
            profile = json.load(file)
        run(profile, arguments[3:])
    else:
        sys.exit(__doc__.strip())


main()
