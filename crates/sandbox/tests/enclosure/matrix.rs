//! Policy × attempt × verdict: the 35 probes and more, each made for real inside, under every policy, and outside as its
//! control. An attempt that fails outside too proves nothing: such rows are only let through for what this machine
//! lacks, by name, and the table says so.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use baton_core::domain::enclosure::{Ending, Invocation};
use baton_sandbox::Session;

use super::outside::{Outside, cgroup_folder, root_disk};
use super::setup::*;

pub const PROBE: &str = env!("CARGO_BIN_EXE_enclosure-probe");

/// When the attempt must succeed outside.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Control {
    /// For anybody.
    Anybody,
    /// For root.
    Root,
    /// Only where the machine has what it takes: a device, an address, a system call that is not switched off.
    IfThere,
}

use Control::{Anybody, IfThere, Root};

struct Attempt {
    what: &'static str,
    control: Control,
    arguments: Vec<String>,
}

/// Every attempt on the outside. All of them must be denied under every policy.
fn attempts(outside: &Outside) -> Vec<Attempt> {
    let pid = outside.process.id();
    let own = outside.own.map_or("192.0.2.1:9".to_owned(), |a| a.to_string());
    let mut all = Vec::new();
    let mut row = |what: &'static str, control: Control, command: String| {
        let arguments = command.split(' ').map(str::to_owned).collect();
        all.push(Attempt { what, control, arguments });
    };
    row("read /etc/shadow", Root, "read-file /etc/shadow".into());
    row("read a host file", Anybody, format!("read-file {}", outside.secret()));
    row("read a host process's environment", Anybody, format!("read-file /proc/{pid}/environ"));
    row("write beside a host file", Anybody, format!("write-beside {}", outside.folder.path().display()));
    row("write /usr", Root, "write-beside /usr/bin".into());
    row("write /etc", Root, "write-beside /etc".into());
    row("write core_pattern", Root, "write-same /proc/sys/kernel/core_pattern".into());
    row("write sysrq-trigger", IfThere, "open-write /proc/sysrq-trigger".into());
    row("make a control group", Root, format!("make-folder {}", cgroup_folder()));
    row("signal a host process", Anybody, format!("signal {pid}"));
    row("become user 0", Root, "become-root".into());
    row("TCP to the host's loopback", Anybody, format!("tcp {}", outside.loopback));
    row("TCP to the host's own address", IfThere, format!("tcp {own}"));
    row("TCP to the outside", IfThere, "route 192.0.2.1:80".into());
    row("UDP to the host's own address", IfThere, format!("udp {own}"));
    row("DNS with data in the name", Anybody, format!("dns {}", outside.name_server));
    row("abstract unix socket", Anybody, format!("abstract {}", outside.abstract_name));
    row("AF_VSOCK socket", IfThere, "socket 40 1 0".into());
    row("AF_ALG socket", IfThere, "socket 38 5 0".into());
    row("AF_PACKET socket", Root, "socket 17 3 768".into());
    row("raw ICMP socket", Root, "socket 2 3 1".into());
    row("AF_KEY socket", IfThere, "socket 15 3 2".into());
    row("unshare a user namespace", Anybody, "unshare-user".into());
    row("unshare a mount namespace", Root, "unshare-mount".into());
    row("clone a user namespace", Anybody, "clone-user".into());
    row("clone3", Anybody, "clone3".into());
    row("setns", Root, "setns".into());
    row("mount a tmpfs", Root, "mount-tmpfs".into());
    row("the new mount interface", Root, "new-mount-api".into());
    row("io_uring", IfThere, "io-uring".into());
    row("bpf", Root, "bpf".into());
    row("perf_event_open", Root, "perf".into());
    row("ptrace", Anybody, "ptrace".into());
    row("process_vm_readv", Anybody, "process-vm".into());
    row("keyctl", Anybody, "keyctl".into());
    row("userfaultfd", IfThere, "userfaultfd".into());
    row("the kernel's log", Root, "syslog".into());
    row("open_by_handle_at", Root, "handle /".into());
    row("change the personality", Anybody, "personality".into());
    row("open the root disk", IfThere, format!("device {}", root_disk()));
    row("open /dev/kvm", IfThere, "device /dev/kvm:10:232:c".into());
    row("open /dev/mem", IfThere, "device /dev/mem:1:1:c".into());
    row("open /dev/fuse", Root, "device /dev/fuse:10:229:c".into());
    row("open /dev/net/tun", IfThere, "device /dev/net/tun:10:200:c".into());
    row("open /dev/vsock", IfThere, "device /dev/vsock".into());
    row("open the kernel's memory image", IfThere, "read-file /proc/kcore".into());
    row("type into a terminal", IfThere, "tiocsti".into());
    row("the 32-bit system call entry", IfThere, "int80".into());
    row("the x32 system call entry", IfThere, "x32".into());
    all
}

/// Puts the probe where the inside can run it.
pub fn checkout_with_probe() -> tempfile::TempDir {
    let folder = checkout(&[("a", "one")]);
    std::fs::copy(PROBE, folder.path().join("probe")).unwrap();
    folder
}

/// What the probe said outside: its line, and whether it got what it tried.
pub fn outside(arguments: &[String]) -> (bool, String) {
    let output = Command::new(PROBE).args(arguments).output().unwrap();
    (output.status.success(), String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The same inside. Any other end than the probe's own two is a broken test.
pub async fn inside(session: &mut dyn Session, arguments: &[String]) -> (bool, String) {
    let argv = std::iter::once("/workspace/probe".to_owned()).chain(arguments.iter().cloned()).collect();
    let invocation = Invocation { argv, ..Invocation::shell("", std::time::Duration::from_secs(60)) };
    let done = session.exec(invocation, &mut |_| {}).await.unwrap();
    let got = match done.ending {
        Ending::Exited(0) => true,
        Ending::Exited(1) => false,
        other => panic!("{arguments:?} ended with {other:?}: {}", done.output),
    };
    (got, done.output.trim().to_owned())
}

#[tokio::test]
async fn nothing_gets_out_under_any_policy() {
    let (host, checkout) = (Outside::new(), checkout_with_probe());
    let mut writable = start(spec(checkout.path())).await;
    let mut planning = start(read_only(checkout.path())).await;
    let (mut table, mut leaks, mut unproven) = (String::new(), Vec::new(), Vec::new());
    for attempt in attempts(&host) {
        let (got, control) = outside(&attempt.arguments);
        let must = match attempt.control {
            Anybody => true,
            Root => is_root(),
            IfThere => false,
        };
        if must && !got {
            unproven.push(format!("{}: {control}", attempt.what));
        }
        if got
            && ["tcp", "dns", "abstract"].contains(&attempt.arguments[0].as_str())
            && attempt.what != "TCP to the outside"
        {
            // The control's own visit is counted before the inside begins.
            eventually("the control's visit is counted", || host.visits() > 0);
        }
        let (in_writable, said) = inside(&mut *writable, &attempt.arguments).await;
        let (in_planning, said_planning) = inside(&mut *planning, &attempt.arguments).await;
        let visits = host.visits();
        if in_writable || in_planning || visits > 0 {
            leaks.push(format!("{}: {said} / {said_planning} / {visits} visits", attempt.what));
        }
        let note = if got { "" } else { "   (no control here)" };
        let _ = writeln!(table, "{:36} outside {control:60.60} | inside {said:50.50}{note}", attempt.what);
    }
    println!("{table}");
    assert_eq!(leaks, Vec::<String>::new(), "\n{table}");
    assert_eq!(unproven, Vec::<String>::new(), "these attempts fail outside too and prove nothing\n{table}");
}

/// Where a run may write, by policy: what is not in this table is read-only.
#[tokio::test]
async fn what_may_be_written_by_policy() {
    let checkout = checkout_with_probe();
    let mut writable = start(spec(checkout.path())).await;
    let mut planning = start(read_only(checkout.path())).await;
    let mut table = String::from("\n");
    let places = [
        "/workspace",
        "/tmp",
        "/var/tmp",
        "/home/agent",
        "/run",
        "/dev/shm",
        "/",
        "/usr",
        "/usr/local/bin",
        "/etc",
        "/dev",
        "/proc",
        "/proc/sys/kernel",
        "/home",
        "/var",
        "/.baton",
        "/.baton/checkout",
        "/.baton/upper",
    ];
    for place in places {
        let arguments = ["write-beside".to_owned(), place.to_owned()];
        let word = |got| if got { "writes" } else { "-" };
        let (a, _) = inside(&mut *writable, &arguments).await;
        let (b, _) = inside(&mut *planning, &arguments).await;
        let _ = writeln!(table, "{place:20} implementing {:7} planning {}", word(a), word(b));
    }
    insta::assert_snapshot!(table, @r"
    /workspace           implementing writes  planning -
    /tmp                 implementing writes  planning writes
    /var/tmp             implementing writes  planning writes
    /home/agent          implementing writes  planning writes
    /run                 implementing writes  planning writes
    /dev/shm             implementing writes  planning writes
    /                    implementing -       planning -
    /usr                 implementing -       planning -
    /usr/local/bin       implementing -       planning -
    /etc                 implementing -       planning -
    /dev                 implementing -       planning -
    /proc                implementing -       planning -
    /proc/sys/kernel     implementing -       planning -
    /home                implementing -       planning -
    /var                 implementing -       planning -
    /.baton              implementing -       planning -
    /.baton/checkout     implementing -       planning -
    /.baton/upper        implementing -       planning -
    ");
    assert!(Path::new(PROBE).exists());
}
