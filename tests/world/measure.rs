//! How much memory is used while something goes on: by this process, in which Baton and GitHub's simulator run, and by each
//! git that Baton starts.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// Looks on from its beginning to its end.
pub struct Watch {
    done: Arc<AtomicBool>,
    largest_git: Arc<AtomicU64>,
    looking: JoinHandle<()>,
}

/// The most memory, in bytes.
#[derive(Clone, Copy, Debug)]
pub struct Peaks {
    /// Of this process.
    pub own: u64,
    /// Of the largest git.
    pub git: u64,
}

impl Watch {
    /// From now on; a git is Baton's when it runs in a mirror below this folder.
    pub fn begin(folder: &Path) -> Self {
        // proc(5): the peak begins anew.
        std::fs::write("/proc/self/clear_refs", "5").expect("the peak is set back");
        let (done, largest_git) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (folder, is_done, largest) = (folder.to_owned(), Arc::clone(&done), Arc::clone(&largest_git));
        let looking = std::thread::spawn(move || {
            while !is_done.load(Ordering::SeqCst) {
                largest.fetch_max(gits_below(&folder), Ordering::SeqCst);
                std::thread::sleep(Duration::from_millis(50));
            }
        });
        Self { done, largest_git, looking }
    }

    /// What it came to.
    pub fn end(self) -> Peaks {
        self.done.store(true, Ordering::SeqCst);
        self.looking.join().expect("it looked");
        let peaks = Peaks {
            own: peak(Path::new("/proc/self")).expect("the own peak"),
            git: self.largest_git.load(Ordering::SeqCst),
        };
        println!("  peak memory    {:>7} MB, of git {} MB", peaks.own / 1_000_000, peaks.git / 1_000_000);
        peaks
    }
}

impl Peaks {
    /// Fails where there was more.
    pub fn are_below(self, own: u64, git: u64) {
        assert!(self.own < own && self.git < git, "{self:?}");
    }
}

/// The largest peak of those that work in a mirror below this folder now.
fn gits_below(folder: &Path) -> u64 {
    let processes = std::fs::read_dir("/proc").expect("processes").flatten().map(|entry| entry.path());
    let at_work = |process: &PathBuf| {
        std::fs::read_link(process.join("cwd"))
            .is_ok_and(|at| at.starts_with(folder) && at.components().any(|part| part.as_os_str() == "mirrors"))
    };
    processes.filter(at_work).filter_map(|process| peak(&process)).max().unwrap_or(0)
}

/// `VmHWM` of a process, unless it is gone.
fn peak(process: &Path) -> Option<u64> {
    let status = std::fs::read_to_string(process.join("status")).ok()?;
    let kilobytes = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    kilobytes.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
}
