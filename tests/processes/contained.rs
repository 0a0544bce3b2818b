//! The container's seccomp profile, without a container: the same filter, built by the same library, around `baton demo`. What
//! the sandbox needs must be in it, or no container that uses it would work.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Output;

use tempfile::TempDir;

use super::process::run;

/// A user that owns nothing, as in the image.
const USER: &str = "64200";

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Runs a program as the image's user would: without privileges, under the filter.
fn contained(folder: &Path, program: &[&str]) -> Output {
    let script = fs::read_to_string(repository().join("deploy/checks/seccomp-profile.py")).unwrap();
    let profile = fs::read_to_string(repository().join("deploy/seccomp.json")).unwrap();
    fs::write(folder.join("filter.py"), script).unwrap();
    fs::write(folder.join("profile.json"), profile).unwrap();
    let filter = ["/usr/bin/python3", "filter.py", "run", "profile.json", "--"];
    let ordinary = ["--reuid", USER, "--regid", USER, "--clear-groups", "--bounding-set=-all", "--inh-caps=-all", "--"];
    let drop: &[&str] = if rustix::process::geteuid().is_root() { &ordinary } else { &["--no-new-privs", "--"] };
    let line: Vec<&str> = drop.iter().chain(&filter).chain(program).copied().collect();
    run(folder, Path::new("setpriv"), &line, &[])
}

/// A folder that everybody can reach, with the program in it.
fn place() -> (TempDir, PathBuf) {
    let folder = TempDir::new().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let program = folder.path().join("baton");
    fs::copy(env!("CARGO_BIN_EXE_baton"), &program).unwrap();
    (folder, program)
}

#[test]
fn the_whole_loop_runs_under_the_containers_filter() {
    let (folder, program) = place();
    let output = contained(folder.path(), &[program.to_str().unwrap(), "demo"]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "is python3-seccomp there? script/setup --test gets it.\n{said}\n{text}");
    assert!(text.contains("fail on the base's source, pass now"), "{text}");
}

/// What the profile takes away is gone, and was there without it.
#[test]
fn the_filter_is_one() {
    let (folder, _program) = place();
    let tries = "
import ctypes, errno, os, socket
libc = ctypes.CDLL(None, use_errno=True)
def outcome(name, result):
    print(name, 'done' if result >= 0 else errno.errorcode[ctypes.get_errno()])
def family(name, number, kind):
    try:
        socket.socket(number, kind).close()
        print(name, 'done')
    except OSError as error:
        print(name, errno.errorcode[error.errno])
family('socket UNIX', socket.AF_UNIX, socket.SOCK_STREAM)
family('socket VSOCK', 40, socket.SOCK_STREAM)
outcome('ptrace TRACEME', libc.ptrace(0, 0, 0, 0))
outcome('memfd_secret', libc.syscall(447, 0))
outcome('unshare user', libc.unshare(0x10000000))
";
    fs::write(folder.path().join("tries.py"), tries).unwrap();
    let said = |output: Output| {
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let inside = said(contained(folder.path(), &["/usr/bin/python3", "tries.py"]));
    insta::assert_snapshot!(inside, @"
    socket UNIX done
    socket VSOCK EPERM
    ptrace TRACEME EPERM
    memfd_secret EPERM
    unshare user done
    ");
    let outside = said(run(folder.path(), Path::new("/usr/bin/python3"), &["tries.py"], &[]));
    assert!(outside.contains("ptrace TRACEME done"), "{outside}");
}
