//! Ends a git that does nothing any more, and one that would fill the disk. Large work may take as long as it takes.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use baton_core::domain::transfer::Transfer;
use tokio::sync::watch;

use super::RunError;
use crate::health::free_bytes_at;

/// How long git may take.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Patience {
    /// So long in all.
    Total(Duration),
    /// As long as it likes, but never so long without saying or doing anything.
    Silence(Duration),
}

/// What is heard of a running git.
#[derive(Debug, Default)]
pub(super) struct Heard {
    bytes: AtomicU64,
    pub told: Option<watch::Sender<Option<Transfer>>>,
}

impl Heard {
    pub fn telling(told: Option<watch::Sender<Option<Transfer>>>) -> Self {
        Self { bytes: AtomicU64::new(0), told }
    }

    pub fn hear(&self, bytes: usize) {
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}

/// How often is looked.
const LOOK: Duration = Duration::from_secs(1);

/// The kernel counts in hundredths of a second for all programs (`USER_HZ`).
const TICK: Duration = Duration::from_millis(10);

/// Comes back with the reason to end git, once there is one.
pub(super) async fn guard(group: u32, heard: &Heard, patience: Patience, place: &Path, reserve: u64) -> RunError {
    let silence = match patience {
        Patience::Total(all) => {
            tokio::time::sleep(all).await;
            return RunError::TimedOut(all);
        }
        Patience::Silence(silence) => silence,
    };
    let look = LOOK.min(silence / 4).max(Duration::from_millis(10));
    let (mut bytes, mut busy, mut quiet) = (0, Duration::ZERO, Duration::ZERO);
    while quiet < silence {
        if let Ok(free) = free_bytes_at(place)
            && free < reserve
        {
            return RunError::DiskFull { free, reserve };
        }
        tokio::time::sleep(look).await;
        let said = heard.bytes.load(Ordering::Relaxed);
        quiet += look;
        if said != bytes {
            (bytes, quiet) = (said, Duration::ZERO);
        }
        // Checking what arrived takes minutes in which git says nothing: work is a sign of life too.
        let worked = work_of(group);
        if worked.saturating_sub(busy) >= look / 10 {
            quiet = Duration::ZERO;
        }
        busy = worked;
    }
    RunError::Silent(silence)
}

/// The processor time that a process group has used so far, of its members that are still there. Source: proc(5).
fn work_of(group: u32) -> Duration {
    let ticks: u64 = processes().filter_map(|process| ticks_in(&process, group)).sum();
    TICK.saturating_mul(u32::try_from(ticks).unwrap_or(u32::MAX))
}

fn processes() -> impl Iterator<Item = PathBuf> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(|path| {
        path.file_name().is_some_and(|name| name.as_encoded_bytes().first().is_some_and(u8::is_ascii_digit))
    })
}

fn ticks_in(process: &Path, group: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(process.join("stat")).ok()?;
    // Behind the program's name, which may hold anything: state, parent, group; user and system time are the 12th and 13th.
    let fields: Vec<&str> = stat.rsplit_once(") ")?.1.split(' ').collect();
    if fields.get(2)?.parse::<u32>().ok()? != group {
        return None;
    }
    Some(fields.get(11)?.parse::<u64>().ok()?.saturating_add(fields.get(12)?.parse().ok()?))
}
