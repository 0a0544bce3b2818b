//! The stage: a small private file system, mounted over `/tmp` where only the launcher and bwrap see it, on which
//! everything that will be visible inside is laid out before bwrap picks it up. It vanishes with the last process.

use std::ffi::CString;
use std::fs;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use baton_core::domain::enclosure::WorkspaceAccess;
use rustix::fs::CWD;
use rustix::mount::{MountFlags, MoveMountFlags, OpenTreeFlags, mount, move_mount, open_tree};

use super::identity::Identity;
use super::{Failure, Step, fill};
use crate::raw;
use crate::wire::LaunchSpec;

/// Where the stage is mounted.
const STAGE: &str = "/tmp";
/// Bytes of the stage itself: only folders and a few small files lie on it.
const STAGE_BYTES: u64 = 8 * 1024 * 1024;
const RUN_BYTES: u64 = 16 * 1024 * 1024;
/// A file system of n bytes may hold n / this many files.
const BYTES_PER_FILE: u64 = 4096;

/// On the stage: what is written to an overlay workspace.
pub(super) const UPPER_FILES: &str = "upper/files";

/// The path of something on the stage.
pub(super) fn at(name: &str) -> PathBuf {
    Path::new(STAGE).join(name)
}

/// What was laid out.
#[derive(Debug)]
pub(super) struct Stage {
    /// Offered folders: what lies at `offer-N` and where it belongs inside.
    pub offers: Vec<PathBuf>,
    /// The folder on the stage that is the workspace: the checkout itself, an overlay of it, or a copy.
    pub workspace: PathBuf,
    /// `lower` shows the checkout with the agent as its owner.
    lower_is_agents: bool,
    overlay: bool,
}

impl Stage {
    /// Takes hold of everything on the host while the launcher may still read it, then covers `/tmp` with the stage and
    /// puts it there.
    pub(super) fn build(spec: &LaunchSpec, user: Identity) -> Result<Self, Failure> {
        let (uid, gid) = user.agent();
        let checkout = &spec.enclosure.checkout;
        let owner = fs::metadata(checkout).step(|| format!("reading the checkout {}", checkout.display()))?;
        let lower = grab(checkout)?;
        let lower_is_agents = show_as_agents(&lower, user, (owner.uid(), owner.gid()))?;
        let mut held = vec![("lower".to_owned(), lower, true)];
        held.push(("program".into(), grab_restricted(&spec.program)?, false));
        held.push(("bwrap".into(), grab_restricted(&spec.bwrap)?, false));
        let offers: Vec<PathBuf> =
            spec.enclosure.read_only_paths.iter().filter(|p| !p.starts_with("/usr")).cloned().collect();
        for (n, path) in offers.iter().enumerate() {
            held.push((format!("offer-{n}"), grab_restricted(path)?, path.is_dir()));
        }

        tmpfs(Path::new(STAGE), STAGE_BYTES, 0o755)?;
        for (name, tree, folder) in held {
            let place = at(&name);
            if folder {
                make_folder(&place)?;
            } else {
                fs::write(&place, "").step(|| format!("making {}", place.display()))?;
            }
            move_mount(&tree, "", CWD, &place, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)
                .step(|| format!("placing {}", place.display()))?;
        }
        for name in ["upper", "workspace", "tmp", "home", "shm", "run", "etc"] {
            make_folder(&at(name))?;
        }
        write_files(spec, uid, gid)?;
        let mut stage = Self { offers, workspace: at("lower"), lower_is_agents, overlay: false };
        if !lower_is_agents {
            // Ids cannot be mapped on this file system: only root can read everything, so the copy is made now.
            stage.copy(spec, Some((uid, gid)))?;
        }
        Ok(stage)
    }

    /// Mounts what is private to this sandbox, as the agent, in its own user namespace.
    pub(super) fn mount_private(&mut self, spec: &LaunchSpec) -> Result<(), Failure> {
        let limits = &spec.enclosure.limits;
        tmpfs(&at("tmp"), limits.tmp_bytes, 0o1777)?;
        tmpfs(&at("home"), limits.home_bytes, 0o700)?;
        tmpfs(&at("shm"), limits.tmp_bytes.min(256 * 1024 * 1024), 0o1777)?;
        tmpfs(&at("run"), RUN_BYTES, 0o755)?;
        match spec.enclosure.access {
            WorkspaceAccess::Writable if self.lower_is_agents => {
                if self.overlay(limits.workspace_bytes).is_err() {
                    self.copy(spec, None)?;
                }
                Ok(())
            }
            WorkspaceAccess::Writable | WorkspaceAccess::ReadOnly => Ok(()),
        }
    }

    /// A copy-on-write view of the checkout, whose changes lie in memory and are bounded.
    fn overlay(&mut self, bytes: u64) -> Result<(), Failure> {
        let upper = at("upper");
        tmpfs(&upper, bytes, 0o755)?;
        for name in ["files", "work"] {
            make_folder(&upper.join(name))?;
        }
        let options = c"lowerdir=/tmp/lower,upperdir=/tmp/upper/files,workdir=/tmp/upper/work,userxattr";
        let workspace = at("workspace");
        mount("overlay", &workspace, "overlay", MountFlags::NOSUID | MountFlags::NODEV, options)
            .step(|| "mounting the overlay".into())?;
        self.workspace = workspace;
        self.overlay = true;
        Ok(())
    }

    /// Whether the workspace is a copy-on-write view of the checkout.
    pub(super) fn is_overlay(&self) -> bool {
        self.overlay
    }

    /// The slower way to a private workspace: a bounded file system in memory, filled from the checkout.
    fn copy(&mut self, spec: &LaunchSpec, owner: Option<(u32, u32)>) -> Result<(), Failure> {
        let workspace = at("workspace");
        tmpfs(&workspace, spec.enclosure.limits.workspace_bytes, 0o755)?;
        fill::copy_tree(&at("lower"), &workspace, owner)?;
        self.workspace = workspace;
        Ok(())
    }
}

/// Maps the owner of the checkout to the agent, so that files nobody chowned can be changed in the overlay. Returns
/// whether the agent now is (or was already) the owner.
fn show_as_agents(lower: &OwnedFd, user: Identity, owner: (u32, u32)) -> Result<bool, Failure> {
    let restrict = |userns: Option<&OwnedFd>| raw::restrict_mount(lower.as_fd(), userns.map(AsFd::as_fd));
    let plain = |is_agents| {
        restrict(None).step(|| "making the checkout read-only".into())?;
        Ok(is_agents)
    };
    match user {
        Identity::Ordinary { .. } => plain(true),
        Identity::Root { uid, gid } if owner == (uid, gid) => plain(true),
        Identity::Root { uid, gid } => {
            let namespace = mapping_namespace(owner, (uid, gid))?;
            if restrict(Some(&namespace)).is_ok() { Ok(true) } else { plain(false) }
        }
    }
}

/// A user namespace in which the owner's ids mean the agent's. Nobody lives in it once the mount holds it.
fn mapping_namespace(owner: (u32, u32), agent: (u32, u32)) -> Result<OwnedFd, Failure> {
    let (pid, hold) = raw::fork_into_user_namespace().step(|| "making a user namespace for the checkout".into())?;
    let write = |file: &str, from: u32, to: u32| {
        fs::write(format!("/proc/{pid}/{file}"), format!("{from} {to} 1")).step(|| format!("writing {file}"))
    };
    let opened = write("uid_map", owner.0, agent.0)
        .and_then(|()| write("gid_map", owner.1, agent.1))
        .and_then(|()| fs::File::open(format!("/proc/{pid}/ns/user")).step(|| "opening the namespace".into()));
    drop(hold);
    rustix::process::wait(rustix::process::WaitOptions::empty()).step(|| "waiting for the namespace".into())?;
    opened.map(OwnedFd::from)
}

/// Takes hold of a file or folder (and what is mounted below it), wherever it lies.
fn grab(path: &Path) -> Result<OwnedFd, Failure> {
    let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC | OpenTreeFlags::AT_RECURSIVE;
    open_tree(CWD, path, flags).step(|| format!("taking hold of {}", path.display()))
}

fn grab_restricted(path: &Path) -> Result<OwnedFd, Failure> {
    let tree = grab(path)?;
    raw::restrict_mount(tree.as_fd(), None).step(|| format!("making {} read-only", path.display()))?;
    Ok(tree)
}

/// A file system in memory, bounded in bytes and in files, charged to the sandbox's control group.
fn tmpfs(place: &Path, bytes: u64, mode: u32) -> Result<(), Failure> {
    let files = (bytes / BYTES_PER_FILE).max(64);
    let options = CString::new(format!("size={bytes},nr_inodes={files},mode={mode:o}"))
        .map_err(|e| Failure::new(format!("mount options: {e}")))?;
    mount("tmpfs", place, "tmpfs", MountFlags::NOSUID | MountFlags::NODEV, options.as_c_str())
        .step(|| format!("mounting {}", place.display()))
}

fn make_folder(place: &Path) -> Result<(), Failure> {
    fs::create_dir(place).step(|| format!("making {}", place.display()))
}

/// The few files that are made up for the inside: nothing of the host's accounts or names is shown.
fn write_files(spec: &LaunchSpec, uid: u32, gid: u32) -> Result<(), Failure> {
    let serve = serde_json::to_string(&spec.serve).map_err(|e| Failure::new(format!("serve.json: {e}")))?;
    let files = [
        ("etc/passwd", format!("agent:x:{uid}:{gid}:agent:/home/agent:/bin/bash\n")),
        ("etc/group", format!("agent:x:{gid}:\n")),
        ("etc/hosts", "127.0.0.1 localhost sandbox\n::1 localhost\n".to_owned()),
        ("etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n".to_owned()),
        ("serve.json", serve),
    ];
    files.iter().try_for_each(|(name, content)| fs::write(at(name), content).step(|| format!("writing {name}")))
}
