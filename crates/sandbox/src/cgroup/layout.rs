//! Where this process may make control groups: below its own, so that whatever bounds Baton bounds its sandboxes too.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::HOST_LEAF;

/// What a group is to bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Controller {
    Memory,
    Cpu,
    Pids,
}

impl Controller {
    fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Cpu => "cpu",
            Self::Pids => "pids",
        }
    }
}

/// Which interface a hierarchy speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    V1,
    V2,
}

/// The folder in which groups can be made for a controller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Base {
    pub version: Version,
    pub path: PathBuf,
}

/// Finds the folder for a controller, and on v2 hands the controller down to its children.
pub(super) fn find(controller: Controller) -> Result<Base, String> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").map_err(|e| format!("/proc/self/mountinfo: {e}"))?;
    let own = fs::read_to_string("/proc/self/cgroup").map_err(|e| format!("/proc/self/cgroup: {e}"))?;
    let base = locate(controller, &mounts, &own)
        .ok_or_else(|| format!("no mounted cgroup hierarchy has the `{}` controller", controller.name()))?;
    if base.version == Version::V2 {
        hand_down(&base.path, controller, is_all_of_a_container(&own))?;
    }
    Ok(base)
}

/// Pure part of [`find`]: a v1 hierarchy that carries the controller wins, since v2 then cannot have it.
fn locate(controller: Controller, mountinfo: &str, own: &str) -> Option<Base> {
    let v1 = own.lines().find_map(|line| {
        let (_, rest) = line.split_once(':')?;
        let (controllers, path) = rest.split_once(':')?;
        controllers.split(',').any(|c| c == controller.name()).then_some(path)
    });
    if let Some(path) = v1 {
        let (root, point) = mount_of(mountinfo, |kind, options| {
            kind == "cgroup" && options.split(',').any(|o| o == controller.name())
        })?;
        return Some(Base { version: Version::V1, path: below(&root, &point, path) });
    }
    let path = own.lines().find_map(|line| line.strip_prefix("0::"))?;
    let (root, point) = mount_of(mountinfo, |kind, _| kind == "cgroup2")?;
    let path = path.strip_suffix(HOST_LEAF).unwrap_or(path);
    Some(Base { version: Version::V2, path: below(&root, &point, path) })
}

/// Root and mount point of the first mount that fits (proc(5), mountinfo).
fn mount_of(mountinfo: &str, fits: impl Fn(&str, &str) -> bool) -> Option<(String, PathBuf)> {
    mountinfo.lines().find_map(|line| {
        let (mount, file_system) = line.split_once(" - ")?;
        let mut fields = mount.split(' ').skip(3);
        let (root, point) = (fields.next()?, fields.next()?);
        let mut fields = file_system.split(' ');
        let (kind, options) = (fields.next()?, fields.nth(1).unwrap_or_default());
        fits(kind, options).then(|| (root.to_owned(), PathBuf::from(point)))
    })
}

/// The own group's folder: its path is relative to the hierarchy, the mount may show only a part of that.
fn below(root: &str, point: &Path, own: &str) -> PathBuf {
    let relative = if root == "/" { own } else { own.strip_prefix(root).unwrap_or("") };
    let relative = relative.trim_matches('/');
    if relative.is_empty() || relative.split('/').any(|part| part == "..") {
        point.to_owned()
    } else {
        point.join(relative)
    }
}

/// Whether the own group is the top of a hierarchy as seen from here. With controllers to be had, that is a container
/// with a writable group of its own: whoever is in it came with Baton.
fn is_all_of_a_container(own: &str) -> bool {
    own.lines().filter_map(|line| line.strip_prefix("0::/")).any(|path| path.is_empty() || path == HOST_LEAF)
}

/// Cgroup v2: children only get a controller that their parent hands down, and a parent that does may hold no process;
/// so Baton itself moves to a leaf, and with it `everybody` else.
fn hand_down(base: &Path, controller: Controller, everybody: bool) -> Result<(), String> {
    let has = |file: &str| {
        fs::read_to_string(base.join(file)).is_ok_and(|text| text.split_whitespace().any(|c| c == controller.name()))
    };
    if has("cgroup.subtree_control") {
        return Ok(());
    }
    if !has("cgroup.controllers") {
        return Err(format!("{} was not given the `{}` controller", base.display(), controller.name()));
    }
    let control = base.join("cgroup.subtree_control");
    let enable = || fs::write(&control, format!("+{}", controller.name()));
    let enabled = match enable() {
        Err(e) if e.kind() == io::ErrorKind::ResourceBusy => {
            let leaf = base.join(HOST_LEAF);
            match fs::create_dir(&leaf) {
                Err(e) if e.kind() != io::ErrorKind::AlreadyExists => Err(e),
                _ => make_room(base, &leaf, everybody).and_then(|()| enable()),
            }
        }
        other => other,
    };
    enabled.map_err(|e| format!("{} cannot be changed: {e}", control.display()))
}

/// Moves Baton from its group to the leaf, or everybody: in a container, Baton's parent reaps what sandboxes orphan.
fn make_room(base: &Path, leaf: &Path, everybody: bool) -> io::Result<()> {
    let procs = leaf.join("cgroup.procs");
    fs::write(&procs, std::process::id().to_string())?;
    let others = if everybody { super::members(base) } else { Vec::new() };
    for pid in others {
        match fs::write(&procs, pid.as_raw_nonzero().to_string()) {
            Err(e) if e.raw_os_error() == Some(libc::ESRCH) => {} // It has ended.
            other => other?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HYBRID: &str = "\
30 23 0:26 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
31 30 0:27 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu
32 30 0:31 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
33 30 0:36 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
";

    #[test]
    fn side_by_side_the_first_version_carries_what_it_has() {
        let own = "8:pids:/\n4:memory:/jobs/one\n1:cpu:/\n0::/\n";
        let memory = locate(Controller::Memory, HYBRID, own).unwrap();
        assert_eq!(memory, Base { version: Version::V1, path: "/sys/fs/cgroup/memory/jobs/one".into() });
        assert_eq!(locate(Controller::Pids, HYBRID, own), None, "its hierarchy is not mounted here");
    }

    #[test]
    fn unified_below_the_own_group_and_out_of_its_leaf() {
        let mounts = "25 1 0:22 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw,nsdelegate\n";
        let expected = Base { version: Version::V2, path: "/sys/fs/cgroup/system.slice/baton.service".into() };
        for own in ["0::/system.slice/baton.service\n", "0::/system.slice/baton.service/baton-host\n"] {
            assert_eq!(locate(Controller::Cpu, mounts, own), Some(expected.clone()));
        }
    }

    #[test]
    fn in_a_container_the_mount_shows_a_part_of_the_hierarchy() {
        let mounts = "25 1 0:22 /docker/abc /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n";
        for own in ["4:memory:/docker/abc\n", "4:memory:/../outside\n"] {
            let base = locate(Controller::Memory, mounts, own).unwrap();
            assert_eq!(base.path, Path::new("/sys/fs/cgroup/memory"));
        }
    }

    #[test]
    fn only_in_a_container_is_everybody_moved() {
        assert!(is_all_of_a_container("0::/\n"));
        assert!(is_all_of_a_container("4:memory:/x\n0::/baton-host\n"), "at a later start");
        assert!(!is_all_of_a_container("0::/user.slice/session-1.scope\n"), "a person's shell is in it too");
        assert!(!is_all_of_a_container("4:memory:/\n"));
    }

    #[test]
    fn who_is_moved_and_who_has_ended_meanwhile() {
        let folder = tempfile::tempdir().unwrap();
        let leaf = folder.path().join(HOST_LEAF);
        fs::create_dir(&leaf).unwrap();
        fs::write(folder.path().join("cgroup.procs"), "1\n0\n23\n").unwrap();
        let last_moved = |everybody| {
            make_room(folder.path(), &leaf, everybody).unwrap();
            fs::read_to_string(leaf.join("cgroup.procs")).unwrap()
        };
        assert_eq!(last_moved(false), std::process::id().to_string());
        assert_eq!(last_moved(true), "23", "0 is a process that cannot be seen from here");
    }

    proptest::proptest! {
        #[test]
        fn odd_files_never_panic(mounts in "[ -~\n]{0,200}", own in "[ -~\n]{0,100}") {
            let _ = locate(Controller::Memory, &mounts, &own);
        }
    }
}
