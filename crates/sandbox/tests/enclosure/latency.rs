//! How long things take. Not run by default: `cargo nextest run -p baton-sandbox --run-ignored only --no-capture`.

use std::fs;
use std::time::{Duration, Instant};

use super::setup::*;

fn median(mut all: Vec<Duration>) -> Duration {
    all.sort();
    all[all.len() / 2]
}

#[tokio::test]
#[ignore = "a measurement; prints figures"]
async fn start_and_changes() {
    let empty = checkout(&[]);
    let large = tempfile::tempdir().unwrap();
    for folder in 0..200 {
        let path = large.path().join(format!("d{folder}"));
        fs::create_dir(&path).unwrap();
        for file in 0..100 {
            fs::write(path.join(format!("f{file}")), vec![b'x'; 5000]).unwrap();
        }
    }
    for (name, folder) in [("empty", &empty), ("20,000 files", &large)] {
        let (mut starts, mut runs, mut changes, mut stops) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for _ in 0..15 {
            let mut clock = Instant::now();
            let mut lap = |into: &mut Vec<Duration>| {
                into.push(clock.elapsed());
                clock = Instant::now();
            };
            let mut session = start(spec(folder.path())).await;
            lap(&mut starts);
            sh(&mut *session, "true").await;
            lap(&mut runs);
            sh(&mut *session, "echo y > new; [ -e d1 ] && echo z > d1/f1; true").await;
            lap(&mut Vec::new());
            let found = session.changes().await.unwrap();
            assert!(!found.written.is_empty());
            lap(&mut changes);
            session.stop().await;
            lap(&mut stops);
        }
        println!(
            "{name}: start {:?}, `true` {:?}, changes {:?}, stop {:?} (medians of 15)",
            median(starts),
            median(runs),
            median(changes),
            median(stops)
        );
    }
}
