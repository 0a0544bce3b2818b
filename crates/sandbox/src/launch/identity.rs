//! Who the launcher is and becomes: never user 0 when bubblewrap starts.

use rustix::mount::{MountPropagationFlags, mount_change};
use rustix::process::{DumpableBehavior, Gid, Uid, set_dumpable_behavior};
use rustix::thread::{UnshareFlags, set_no_new_privs, set_thread_groups, set_thread_res_gid, set_thread_res_uid};

use super::{Failure, Step};
use crate::raw;
use crate::wire::LaunchSpec;

/// How the launcher was started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Identity {
    /// As root: it will become this user.
    Root { uid: u32, gid: u32 },
    /// As somebody without privileges: it stays that.
    Ordinary { uid: u32, gid: u32 },
}

impl Identity {
    /// Finds out, and refuses to run a sandbox as user or group 0.
    pub(super) fn of(spec: &LaunchSpec) -> Result<Self, Failure> {
        let own = Ids::read()?;
        let (uid, gid) = (rustix::process::getuid().as_raw(), rustix::process::getgid().as_raw());
        if !own.has_root() {
            return Ok(Self::Ordinary { uid, gid });
        }
        match spec.agent {
            Some((uid, gid)) if uid != 0 && gid != 0 => Ok(Self::Root { uid, gid }),
            _ => Err(Failure::new(
                "started as root without another user to become: name an unprivileged user in the configuration",
            )),
        }
    }

    /// The user and group that everything inside has.
    pub(super) fn agent(self) -> (u32, u32) {
        match self {
            Self::Root { uid, gid } | Self::Ordinary { uid, gid } => (uid, gid),
        }
    }

    /// As root: mounts of one's own, which nobody else sees and which go away with the last process.
    pub(super) fn private_mounts(self) -> Result<(), Failure> {
        raw::unshare(UnshareFlags::NEWNS).step(|| "making private mounts".into())?;
        mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)
            .step(|| "making private mounts private".into())
    }

    /// Drops root for good.
    pub(super) fn give_up_root(self) -> Result<(), Failure> {
        let (uid, gid) = self.agent();
        let (uid, gid) = (Uid::from_raw(uid), Gid::from_raw(gid));
        set_thread_groups(&[]).step(|| "giving up groups".into())?;
        set_thread_res_gid(gid, gid, gid).step(|| format!("becoming group {gid}", gid = gid.as_raw()))?;
        set_thread_res_uid(uid, uid, uid).step(|| format!("becoming user {uid}", uid = uid.as_raw()))
    }
}

/// New user and mount namespaces, with the one user mapped to itself.
pub(super) fn enter_user_namespace(uid: u32, gid: u32) -> Result<(), Failure> {
    set_no_new_privs(true).step(|| "setting no_new_privs".into())?;
    // After a change of user, /proc/self belongs to root until the process is dumpable again.
    set_dumpable_behavior(DumpableBehavior::Dumpable).step(|| "becoming dumpable".into())?;
    raw::unshare(UnshareFlags::NEWUSER | UnshareFlags::NEWNS).step(|| {
        "making a user namespace (is `user.max_user_namespaces` 0, or are unprivileged user namespaces restricted?)"
            .into()
    })?;
    for (file, line) in
        [("setgroups", "deny".to_owned()), ("uid_map", format!("{uid} {uid} 1")), ("gid_map", format!("{gid} {gid} 1"))]
    {
        std::fs::write(format!("/proc/self/{file}"), line).step(|| format!("writing /proc/self/{file}"))?;
    }
    set_dumpable_behavior(DumpableBehavior::NotDumpable).step(|| "becoming undumpable".into())
}

/// The last check before anything else happens: whatever went before, nothing goes on with root's ids.
pub(super) fn verify(user: Identity) -> Result<(), Failure> {
    let ids = Ids::read()?;
    if ids.has_root() {
        return Err(Failure::new("still user or group 0 after dropping root: refusing to start bubblewrap"));
    }
    if matches!(user, Identity::Root { .. }) && !ids.groups.is_empty() {
        return Err(Failure::new("still in root's supplementary groups after dropping root: refusing"));
    }
    if matches!(user, Identity::Root { .. }) && set_thread_res_uid(Uid::ROOT, Uid::ROOT, Uid::ROOT).is_ok() {
        return Err(Failure::new("root can be had back after dropping it: refusing to start bubblewrap"));
    }
    Ok(())
}

/// The ids that the kernel checks.
struct Ids {
    users: Vec<u32>,
    group: Vec<u32>,
    groups: Vec<u32>,
}

impl Ids {
    fn read() -> Result<Self, Failure> {
        let status = std::fs::read_to_string("/proc/self/status").step(|| "reading /proc/self/status".into())?;
        let line = |name: &str| -> Option<Vec<u32>> {
            let rest = status.lines().find_map(|l| l.strip_prefix(name)?.strip_prefix(':'))?;
            rest.split_whitespace().map(|n| n.parse().ok()).collect()
        };
        match (line("Uid"), line("Gid"), line("Groups")) {
            (Some(users), Some(group), Some(groups)) if users.len() == 4 && group.len() == 4 => {
                Ok(Self { users, group, groups })
            }
            _ => Err(Failure::new("/proc/self/status does not say who this process is")),
        }
    }

    fn has_root(&self) -> bool {
        self.users.contains(&0) || self.group.contains(&0)
    }
}
