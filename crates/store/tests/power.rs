//! The power goes: what the disk has of the database's log ends anywhere. Cut at every frame and in the middle of every
//! frame, and with rubbish behind the cut: the database opens, is sound, and everything that was said to be committed
//! before the cut is there. Catalogue: R-09.

#![expect(clippy::unwrap_used, reason = "a test stops at the first thing that is not as it should be")]

use std::fs;
use std::path::Path;

use baton_core::domain::time::Timestamp;
use baton_store::{DeliveryFilter, NewDelivery, OpenOptions, Store};

/// SQLite's log: a header, and frames of a page each behind a header of their own (<https://sqlite.org/fileformat2.html>,
/// section 4.1).
const HEADER: usize = 32;
const FRAME: usize = 24 + 4096;

/// So many deliveries are recorded, one commit each.
const COMMITS: usize = 8;

/// A database as it is on disk: its file, and its log.
#[derive(Clone)]
struct Disk {
    file: Vec<u8>,
    log: Vec<u8>,
}

impl Disk {
    fn of(folder: &Path) -> Self {
        Self {
            file: fs::read(folder.join("baton.db")).unwrap(),
            log: fs::read(folder.join("baton.db-wal")).unwrap_or_default(),
        }
    }

    /// Opens a copy as the next start of the program does; the GUIDs that it knows, in the order they came.
    async fn opens(&self) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("baton.db"), &self.file).unwrap();
        fs::write(folder.path().join("baton.db-wal"), &self.log).unwrap();
        let store = Store::open(&url(folder.path()), OpenOptions::default()).await.unwrap();
        assert_eq!(store.integrity_complaints().await.unwrap(), [""; 0]);
        let mut known = store.deliveries(&DeliveryFilter::default(), None, 1_000).await.unwrap();
        known.sort_by_key(|delivery| delivery.id.0);
        // What is there can be written to.
        record(&store, "after the cut").await;
        store.close().await;
        known.into_iter().map(|delivery| delivery.guid).collect()
    }
}

fn url(folder: &Path) -> String {
    format!("sqlite://{}/baton.db", folder.display())
}

async fn record(store: &Store, guid: &str) {
    let new = NewDelivery { hook_type: "integration", hook_id: "1", guid, event: "issues", headers: &[], body: b"{}" };
    store.record_delivery(&new, Timestamp(1)).await.unwrap();
}

/// How long the log was when each commit was acknowledged, and the disk at the end.
async fn a_life(folder: &Path) -> (Vec<usize>, Disk) {
    let store = Store::open(&url(folder), OpenOptions::default()).await.unwrap();
    let mut ends = Vec::new();
    for number in 0..COMMITS {
        record(&store, &format!("{number}")).await;
        ends.push(Disk::of(folder).log.len());
    }
    let disk = Disk::of(folder);
    assert_eq!((disk.log.len() - HEADER) % FRAME, 0, "pages have another size, or the log another form");
    assert!(ends.is_sorted(), "the log was folded into the file in the middle of the test");
    (ends, disk)
}

/// What was acknowledged before the cut is the beginning of what is there; one more may have got through.
fn judge(cut: usize, ends: &[usize], known: &[String]) {
    let acknowledged = ends.iter().filter(|end| **end <= cut).count();
    let all: Vec<String> = (0..known.len()).map(|number| number.to_string()).collect();
    assert_eq!(known, all, "cut at {cut}");
    assert!(known.len() >= acknowledged, "cut at {cut}: {acknowledged} were acknowledged, {} are there", known.len());
    assert!(known.len() <= acknowledged + 1, "cut at {cut}: {} are there of {acknowledged}", known.len());
}

#[tokio::test]
async fn the_log_is_cut_anywhere() {
    let folder = tempfile::tempdir().unwrap();
    let (ends, disk) = a_life(folder.path()).await;
    let frames = (disk.log.len() - HEADER) / FRAME;
    let mut cuts: Vec<usize> = vec![0, HEADER / 2];
    for frame in 0..=frames {
        let boundary = HEADER + frame * FRAME;
        cuts.extend([boundary, boundary + [11, 24, 2_024][frame % 3]]);
    }
    for (number, cut) in cuts.into_iter().filter(|cut| *cut <= disk.log.len()).enumerate() {
        let mut log = disk.log[..cut].to_vec();
        // A file that grew before its bytes were written holds zeros, or what stood there before.
        match number % 3 {
            0 => {}
            1 => log.resize(disk.log.len(), 0),
            _ => log.extend(disk.log[cut..].iter().map(|byte| byte.wrapping_mul(7) ^ 0x5a)),
        }
        let known = Disk { log, ..disk.clone() }.opens().await;
        judge(cut, &ends, &known);
    }
}

/// The log is being folded into the file when the power goes: some pages of the file are new, in any order.
#[tokio::test]
async fn the_file_is_half_written() {
    let folder = tempfile::tempdir().unwrap();
    let (_, before) = a_life(folder.path()).await;
    // The next opening folds the log of the copy into its file when it closes.
    let copy = tempfile::tempdir().unwrap();
    fs::write(copy.path().join("baton.db"), &before.file).unwrap();
    fs::write(copy.path().join("baton.db-wal"), &before.log).unwrap();
    Store::open(&url(copy.path()), OpenOptions::default()).await.unwrap().close().await;
    let after = Disk::of(copy.path());
    assert!(after.log.is_empty() && after.file.len() > before.file.len());
    let all: Vec<String> = (0..COMMITS).map(|number| number.to_string()).collect();
    for seed in 0..8_u64 {
        let mut file = before.file.clone();
        file.resize(after.file.len(), 0);
        for (page, new) in after.file.chunks(4096).enumerate() {
            let mixed = (page as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15 ^ seed).rotate_left(23);
            if mixed % 3 < seed % 4 {
                file[page * 4096..page * 4096 + new.len()].copy_from_slice(new);
            }
        }
        let known = Disk { file, log: before.log.clone() }.opens().await;
        assert_eq!(known, all, "seed {seed}");
    }
}
