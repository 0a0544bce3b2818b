//! Control groups: what really bounds memory, processor time and processes of a whole sandbox, on cgroup v1 and v2.
//! Groups are named after the Baton process that made them, so that a later one can tell and reap what a dead one left.

mod layout;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use baton_core::domain::enclosure::{Gap, Limits};
use rustix::process::{Pid, Signal, kill_process};

use layout::{Base, Controller, Version};

/// Launcher, bwrap and its first process inside: they are counted too.
const OWN_PROCESSES: u32 = 3;
const PERIOD_MICROS: u64 = 100_000;
const PREFIX: &str = "baton-";
/// Where Baton itself moves on cgroup v2, because a group with children may not hold processes.
const HOST_LEAF: &str = "baton-host";

/// The group of one sandbox: one folder for each hierarchy it is in.
#[derive(Debug, Default)]
pub(crate) struct Group {
    folders: Vec<PathBuf>,
    memory: Option<(Version, PathBuf)>,
}

impl Group {
    /// Makes the group and sets its limits. What cannot be enforced comes back by name, with the reason.
    pub(crate) fn create(label: &str, limits: &Limits, serial: u64) -> (Self, Vec<(Gap, String)>) {
        let name = format!("{PREFIX}{}-{serial}-{label}", owner_mark(std::process::id()).unwrap_or_default());
        Self::create_in(&name, limits, &|controller| layout::find(controller))
    }

    fn create_in(
        name: &str,
        limits: &Limits,
        find: &dyn Fn(Controller) -> Result<Base, String>,
    ) -> (Self, Vec<(Gap, String)>) {
        let mut group = Self::default();
        let mut gaps = Vec::new();
        for (controller, gap) in [
            (Controller::Memory, Gap::MemoryCgroup),
            (Controller::Cpu, Gap::CpuCgroup),
            (Controller::Pids, Gap::ProcessCgroup),
        ] {
            if let Err(why) = find(controller).and_then(|base| group.add(controller, &base, name, limits)) {
                gaps.push((gap, why));
            }
        }
        (group, gaps)
    }

    fn add(&mut self, controller: Controller, base: &Base, name: &str, limits: &Limits) -> Result<(), String> {
        let folder = base.path.join(name);
        match fs::create_dir(&folder) {
            Err(e) if e.kind() != io::ErrorKind::AlreadyExists => {
                return Err(format!("{} cannot be made: {e}", folder.display()));
            }
            _ => {}
        }
        if !self.folders.contains(&folder) {
            self.folders.push(folder.clone());
        }
        for (file, value, required) in settings(controller, base.version, limits) {
            let file = folder.join(file);
            if !required && !file.exists() {
                continue;
            }
            fs::write(&file, value).map_err(|e| format!("{} cannot be set: {e}", file.display()))?;
        }
        if controller == Controller::Memory {
            self.memory = Some((base.version, folder));
        }
        Ok(())
    }

    /// The files to which a process writes `0` to join.
    pub(crate) fn join_files(&self) -> Vec<PathBuf> {
        self.folders.iter().map(|f| f.join("cgroup.procs")).collect()
    }

    /// Whether the kernel killed something inside for want of memory.
    pub(crate) fn ran_out_of_memory(&self) -> bool {
        let Some((version, folder)) = &self.memory else { return false };
        let file = match version {
            Version::V1 => "memory.oom_control",
            Version::V2 => "memory.events",
        };
        fs::read_to_string(folder.join(file)).is_ok_and(|text| {
            text.lines()
                .filter_map(|l| l.strip_prefix("oom_kill "))
                .any(|n| n.trim().parse::<u64>().is_ok_and(|n| n > 0))
        })
    }

    /// Kills what is left and removes the folders. Blocks until that is done, at most until the deadline.
    pub(crate) fn remove(&mut self, deadline: Instant) {
        self.folders.retain(|folder| !clear(folder, deadline).1);
    }
}

/// What to write where: (file, value, must it exist).
fn settings(controller: Controller, version: Version, limits: &Limits) -> Vec<(&'static str, String, bool)> {
    let quota = (u64::from(limits.cpu_percent) * PERIOD_MICROS / 100).max(1000);
    let processes = u64::from(limits.processes) + u64::from(OWN_PROCESSES);
    let memory = limits.memory_bytes;
    match (controller, version) {
        (Controller::Memory, Version::V1) => vec![
            ("memory.limit_in_bytes", memory.to_string(), true),
            ("memory.memsw.limit_in_bytes", memory.to_string(), false),
        ],
        (Controller::Memory, Version::V2) => {
            vec![("memory.max", memory.to_string(), true), ("memory.swap.max", "0".into(), false)]
        }
        (Controller::Cpu, Version::V1) => {
            vec![("cpu.cfs_period_us", PERIOD_MICROS.to_string(), true), ("cpu.cfs_quota_us", quota.to_string(), true)]
        }
        (Controller::Cpu, Version::V2) => vec![("cpu.max", format!("{quota} {PERIOD_MICROS}"), true)],
        (Controller::Pids, Version::V1 | Version::V2) => vec![("pids.max", processes.to_string(), true)],
    }
}

/// Process id and start time: what tells a living owner from a later process with the same id.
fn owner_mark(pid: u32) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let started = stat.rsplit_once(')')?.1.split_whitespace().nth(19)?;
    Some(format!("{pid}.{started}"))
}

/// Is this the name of a group whose owner is gone?
fn is_left_over(name: &str) -> bool {
    let Some((mark, _)) = name.strip_prefix(PREFIX).and_then(|rest| rest.split_once('-')) else { return false };
    let Some((pid, _)) = mark.split_once('.') else { return false };
    pid.parse().is_ok_and(|pid| owner_mark(pid).as_deref() != Some(mark))
}

/// Kills what is in a group and removes it. Returns how many were killed, and whether the folder is gone.
fn clear(folder: &Path, deadline: Instant) -> (usize, bool) {
    let mut killed = 0;
    loop {
        // On v2 this reaches everything at once; elsewhere the file does not exist.
        if folder.join("cgroup.kill").exists() {
            let _ = fs::write(folder.join("cgroup.kill"), "1");
        }
        for pid in members(folder) {
            killed += usize::from(kill_process(pid, Signal::KILL).is_ok());
        }
        match fs::remove_dir(folder) {
            Ok(()) => return (killed, true),
            Err(e) if e.kind() == io::ErrorKind::NotFound => return (killed, true),
            // Somebody else's: waiting does not help.
            Err(e) if e.kind() == io::ErrorKind::PermissionDenied => return (killed, false),
            Err(_) if Instant::now() >= deadline => return (killed, false),
            Err(_) => std::thread::sleep(Duration::from_millis(2)),
        }
    }
}

fn members(folder: &Path) -> Vec<Pid> {
    let text = fs::read_to_string(folder.join("cgroup.procs")).unwrap_or_default();
    text.lines().filter_map(|l| Pid::from_raw(l.trim().parse().ok()?)).collect()
}

/// Removes the groups of Baton processes that are gone, and kills what still runs in them.
/// Returns how many groups and how many processes there were.
pub(crate) fn reap() -> (usize, usize) {
    let mut bases: Vec<PathBuf> = [Controller::Memory, Controller::Cpu, Controller::Pids]
        .into_iter()
        .filter_map(|controller| layout::find(controller).ok().map(|base| base.path))
        .collect();
    bases.sort();
    bases.dedup();
    let (mut groups, mut processes) = (0, 0);
    for base in bases {
        let Ok(entries) = fs::read_dir(&base) else { continue };
        for entry in entries.flatten().filter(|e| e.file_name().to_str().is_some_and(is_left_over)) {
            let (killed, gone) = clear(&entry.path(), Instant::now() + Duration::from_secs(5));
            groups += usize::from(gone);
            processes += killed;
        }
    }
    (groups, processes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_on_each_version() {
        let limits = Limits { memory_bytes: 1 << 30, cpu_percent: 150, processes: 64, ..Limits::default() };
        let mut table = String::new();
        for controller in [Controller::Memory, Controller::Cpu, Controller::Pids] {
            for version in [Version::V1, Version::V2] {
                for (file, value, required) in settings(controller, version, &limits) {
                    table += &format!("{version:?} {file} = {value}{}\n", if required { "" } else { " (if there)" });
                }
            }
        }
        insta::assert_snapshot!(table, @r"
        V1 memory.limit_in_bytes = 1073741824
        V1 memory.memsw.limit_in_bytes = 1073741824 (if there)
        V2 memory.max = 1073741824
        V2 memory.swap.max = 0 (if there)
        V1 cpu.cfs_period_us = 100000
        V1 cpu.cfs_quota_us = 150000
        V2 cpu.max = 150000 100000
        V1 pids.max = 67
        V2 pids.max = 67
        ");
    }

    #[test]
    fn a_group_belongs_to_a_living_process_or_is_left_over() {
        let own = owner_mark(std::process::id()).unwrap();
        let pid = std::process::id();
        assert!(!is_left_over(&format!("baton-{own}-1-run-1.1")));
        assert!(is_left_over(&format!("baton-{pid}.1-1-run-1.1")), "another process had this id before");
        assert!(is_left_over("baton-4194304.5-1-run"), "no such process");
        for other in ["docker", "baton-host", "baton-", "baton-x.y-1", "system.slice"] {
            assert!(!is_left_over(other), "{other} is not ours");
        }
    }

    #[test]
    fn a_controller_that_is_missing_or_refuses_is_a_gap_with_its_reason() {
        let folder = tempfile::tempdir().unwrap();
        let base = Base { version: Version::V2, path: folder.path().join("absent") };
        let (_, gaps) = Group::create_in("baton-x", &Limits::default(), &|controller| match controller {
            Controller::Memory => Err("no such hierarchy".into()),
            Controller::Cpu | Controller::Pids => Ok(Base { version: base.version, path: base.path.clone() }),
        });
        let names: Vec<_> = gaps.iter().map(|(gap, _)| gap.name()).collect();
        assert_eq!(names, ["memory-cgroup", "cpu-cgroup", "process-cgroup"]);
        assert!(gaps[1].1.contains("cannot be made"), "{}", gaps[1].1);
    }
}
