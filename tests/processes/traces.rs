//! What can be seen of programs from outside: `/proc`, control groups, files.

use std::fs;
use std::path::{Path, PathBuf};

use rustix::process::{Pid, Signal, kill_process};

/// A process as everybody on the machine with enough rights sees it.
#[derive(Debug)]
pub struct Seen {
    pub pid: u32,
    pub cmdline: String,
    pub environ: String,
}

/// Every process, except this test.
pub fn processes() -> Vec<Seen> {
    let own = std::process::id();
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok()).filter(|pid| *pid != own);
    pids.filter_map(|pid| {
        // A process may end while it is looked at.
        let text = |file: &str| {
            Some(String::from_utf8_lossy(&fs::read(format!("/proc/{pid}/{file}")).ok()?).replace('\0', " "))
        };
        Some(Seen { pid, cmdline: text("cmdline")?, environ: text("environ").unwrap_or_default() })
    })
    .collect()
}

/// The process that is exactly this command.
pub fn running(command: &str) -> Option<u32> {
    processes().into_iter().find(|seen| seen.cmdline.trim_end() == command).map(|seen| seen.pid)
}

/// Every process that is exactly this command.
pub fn running_all(command: &str) -> Vec<u32> {
    processes().into_iter().filter(|seen| seen.cmdline.trim_end() == command).map(|seen| seen.pid).collect()
}

/// Ends a process that somebody waits for.
pub fn end(pid: u32) {
    let pid = Pid::from_raw(pid.try_into().unwrap()).unwrap();
    kill_process(pid, Signal::TERM).unwrap();
}

/// What still runs of the sandboxes of a Baton: processes that see a mount out of its folder, or run its program. Not
/// those with the ids `except`.
pub fn enclosed(folder: &Path, program: &Path, except: &[u32]) -> Vec<String> {
    let name = folder.file_name().unwrap().to_str().unwrap();
    let found = processes().into_iter().filter(|seen| !except.contains(&seen.pid));
    let found = found.filter(|seen| {
        let proc = PathBuf::from(format!("/proc/{}", seen.pid));
        let mounts = fs::read_to_string(proc.join("mountinfo")).unwrap_or_default();
        mounts.contains(name) || fs::read_link(proc.join("exe")).is_ok_and(|exe| exe == program)
    });
    found.map(|seen| format!("{} {}", seen.pid, seen.cmdline)).collect()
}

/// The control groups that the processes `pids` made.
pub fn groups(pids: &[u32]) -> Vec<PathBuf> {
    let marks: Vec<String> = pids.iter().map(|pid| format!("baton-{pid}.")).collect();
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::from("/sys/fs/cgroup")];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries.flatten().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())) {
            let name = entry.file_name().to_string_lossy().into_owned();
            if marks.iter().any(|mark| name.starts_with(mark)) {
                found.push(entry.path());
            } else {
                folders.push(entry.path());
            }
        }
    }
    found
}

/// The files below `folder` in which one of `needles` stands. What is in `except` may hold them.
pub fn files_with(folder: &Path, needles: &[&str], except: &[PathBuf]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries.flatten() {
            let (path, kind) = (entry.path(), entry.file_type().unwrap());
            if except.contains(&path) {
                continue;
            }
            if kind.is_dir() {
                folders.push(path);
            } else if kind.is_file() {
                let bytes = fs::read(&path).unwrap_or_default();
                let holds = |needle: &&str| bytes.windows(needle.len()).any(|window| window == needle.as_bytes());
                if needles.iter().any(holds) {
                    found.push(path);
                }
            }
        }
    }
    found
}
