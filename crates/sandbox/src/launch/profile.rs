//! The profile: everything the inside of a sandbox is made of, as bwrap's arguments. Curated, not inherited: what is
//! not named here is not there.

use std::ffi::OsString;
use std::fs;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;

use baton_core::domain::enclosure::WorkspaceAccess;

use super::stage::{self, Stage, at};
use crate::inside::{CHECKOUT, HOME, SERVE_JSON, SERVER, UPPER, WORKSPACE};
use crate::wire::LaunchSpec;
use crate::{ENCLOSURE_ARG, SERVE_ARG};

const NAMESPACES: [&str; 9] = [
    "--unshare-user",
    "--disable-userns",
    "--unshare-pid",
    "--unshare-net",
    "--unshare-ipc",
    "--unshare-uts",
    "--unshare-cgroup",
    "--die-with-parent",
    "--new-session",
];

/// Of the host's `/etc`: only what programs need to start, nothing that says who or where the host is.
const ETC: [&str; 12] = [
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/alternatives",
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
    "/etc/ca-certificates",
    "/etc/localtime",
    "/etc/mime.types",
    "/etc/os-release",
    "/etc/debian_version",
    "/etc/protocols",
];

/// Read-only even for the kernel's own permission checks.
const PROC_READ_ONLY: [&str; 6] =
    ["/proc/sys", "/proc/sysrq-trigger", "/proc/bus", "/proc/fs", "/proc/irq", "/proc/mtrr"];

/// Files that tell about the host or other sandboxes: covered by an unusable device node (it cannot be opened, because
/// the mount forbids devices).
const PROC_MASKED: [&str; 14] = [
    "/proc/kcore",
    "/proc/kallsyms",
    "/proc/kmsg",
    "/proc/keys",
    "/proc/key-users",
    "/proc/timer_list",
    "/proc/sched_debug",
    "/proc/latency_stats",
    "/proc/interrupts",
    "/proc/iomem",
    "/proc/ioports",
    "/proc/modules",
    "/proc/slabinfo",
    "/proc/vmallocinfo",
];

/// Files in a toolchain's folder that hold credentials: never shown.
const CREDENTIALS: [&str; 7] =
    ["credentials", "credentials.toml", ".npmrc", ".netrc", ".pypirc", ".git-credentials", ".yarnrc.yml"];

/// bwrap's arguments, and the program it runs.
pub(super) fn arguments(spec: &LaunchSpec, stage: &Stage, seccomp: &[OwnedFd]) -> Vec<OsString> {
    let mut a = Arguments::default();
    NAMESPACES.into_iter().for_each(|flag| a.add([flag]));
    a.add(["--hostname", "sandbox", "--cap-drop", "ALL", "--clearenv"]);
    system(&mut a);
    kernel_views(&mut a);
    a.bind("--bind", at("tmp"), "/tmp");
    a.bind("--bind", at("home"), HOME);
    a.bind("--bind", at("run"), "/run");
    a.add(["--dir", "/var", "--symlink", "../tmp", "/var/tmp", "--symlink", "../run", "/var/run"]);
    for (n, path) in stage.offers.iter().enumerate() {
        let staged = at(&format!("offer-{n}"));
        a.bind("--ro-bind", &staged, path);
        for name in CREDENTIALS.iter().filter(|name| staged.join(name).symlink_metadata().is_ok()) {
            a.bind("--ro-bind", "/dev/null", path.join(name));
        }
    }
    a.bind("--ro-bind", at("program"), SERVER);
    a.bind("--ro-bind", at("serve.json"), SERVE_JSON);
    a.bind("--ro-bind", at("lower"), CHECKOUT);
    if stage.is_overlay() {
        a.bind("--ro-bind", at(stage::UPPER_FILES), UPPER);
    }
    let bind = match spec.enclosure.access {
        WorkspaceAccess::Writable => "--bind",
        WorkspaceAccess::ReadOnly => "--ro-bind",
    };
    a.bind(bind, &stage.workspace, WORKSPACE);
    a.add(["--chdir", WORKSPACE, "--remount-ro", "/"]);
    for program in seccomp {
        a.add(["--add-seccomp-fd", &program.as_raw_fd().to_string()]);
    }
    a.add(["--", SERVER, ENCLOSURE_ARG, SERVE_ARG]);
    a.0
}

/// Programs and libraries, read-only.
fn system(a: &mut Arguments) {
    a.bind("--ro-bind", "/usr", "/usr");
    for name in ["bin", "sbin", "lib", "lib32", "lib64", "libx32"] {
        let path = Path::new("/").join(name);
        if let Ok(target) = fs::read_link(&path) {
            a.0.extend(["--symlink".into(), target.into_os_string(), path.into_os_string()]);
        } else if path.is_dir() {
            a.bind("--ro-bind", &path, &path);
        }
    }
    a.add(["--dir", "/etc"]);
    for path in ETC.into_iter().filter(|p| Path::new(p).exists()) {
        a.bind("--ro-bind", path, path);
    }
    for name in ["passwd", "group", "hosts", "nsswitch.conf"] {
        a.bind("--ro-bind", at("etc").join(name), Path::new("/etc").join(name));
    }
}

/// `/proc` and `/dev`, cut down.
fn kernel_views(a: &mut Arguments) {
    a.add(["--proc", "/proc"]);
    for path in PROC_READ_ONLY.into_iter().filter(|p| Path::new(p).exists()) {
        a.bind("--ro-bind", path, path);
    }
    for path in PROC_MASKED.into_iter().filter(|p| Path::new(p).exists()) {
        a.bind("--ro-bind", "/dev/null", path);
    }
    a.add(["--dev", "/dev"]);
    a.bind("--bind", at("shm"), "/dev/shm");
    a.add(["--remount-ro", "/dev"]);
}

#[derive(Default)]
struct Arguments(Vec<OsString>);

impl Arguments {
    fn add<'a>(&mut self, arguments: impl IntoIterator<Item = &'a str>) {
        self.0.extend(arguments.into_iter().map(OsString::from));
    }

    fn bind(&mut self, how: &str, from: impl AsRef<Path>, to: impl AsRef<Path>) {
        self.0.extend([how.into(), from.as_ref().into(), to.as_ref().into()]);
    }
}
