//! Long fetches: their progress is told, silence ends them, a full disk does, and nothing of a broken one stays.

use std::time::Duration;

use baton_core::domain::transfer::{Transfer, TransferStep};
use baton_git::FetchError;

use crate::server::Fault;
use crate::world::{REPO, World, git, until};

/// Bytes in which nothing comes twice.
fn noise(bytes: usize) -> String {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut out = String::with_capacity(bytes + 16);
    while out.len() < bytes {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        out.push_str(&format!("{:016x}", state.wrapping_mul(0x2545_F491_4F6C_DD1D)));
    }
    out
}

/// What lies in the mirror's folder of packs.
fn packs(w: &World) -> Vec<String> {
    let entries = std::fs::read_dir(w.mirror().join("objects/pack")).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

/// A repository of some megabytes and a few hundred objects.
fn of_some_size(w: &World) {
    let files: Vec<(String, String)> = (0..120).map(|nth| (format!("{nth}.txt"), format!("{nth}\n"))).collect();
    let mut files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let large = noise(6_000_000);
    files.push(("large.txt", &large));
    w.upstream_commit(&files);
}

#[tokio::test]
async fn progress_is_told_while_it_arrives() {
    let w = World::new();
    of_some_size(&w);
    w.server.fault(None, Fault::Slow(Duration::from_millis(40)));
    let (told, mut hears) = tokio::sync::watch::channel(None);
    let (git, remote) = (w.git.telling(told), w.remote());
    let fetch = tokio::spawn(async move { git.fetch_branch(REPO, &remote, "main").await });
    let mut all: Vec<Transfer> = Vec::new();
    while hears.changed().await.is_ok() {
        all.extend(*hears.borrow_and_update());
    }
    fetch.await.unwrap().unwrap();
    let received: Vec<&Transfer> = all.iter().filter(|it| it.step == TransferStep::Receiving).collect();
    assert!(received.is_sorted_by_key(|it| (it.percent, it.bytes)), "{received:?}");
    assert!(received.iter().any(|it| it.percent < 100 && it.bytes > 100_000), "told on the way: {received:?}");
    let last = received.last().unwrap();
    assert!(last.percent == 100 && last.bytes > 3_000_000, "{last:?}");
}

#[tokio::test]
async fn a_server_that_falls_silent_in_the_middle_is_waited_for_no_longer() {
    let w = World::configured(|c| c.stall_timeout = Duration::from_secs(1));
    of_some_size(&w);
    w.server.fault(None, Fault::Stall(1_000_000));
    let fetch = async || w.git.fetch_branch(REPO, &w.remote(), "main").await;
    let error = fetch().await.unwrap_err();
    insta::assert_snapshot!(error, @"the fetch stood still: the server sent nothing for 1 s; it was ended, and what had arrived of it was removed");
    assert!(matches!(error, FetchError::Stalled(_)));
    assert_eq!(packs(&w), Vec::<String>::new());
    w.server.heal();
    assert_eq!(Some(fetch().await.unwrap()), w.upstream_ref("main"));
}

/// Whatever the reason: git waits for something and says nothing.
#[tokio::test]
async fn a_git_that_says_and_does_nothing_is_ended() {
    let w = World::configured(|c| c.silence_timeout = Duration::from_secs(1));
    of_some_size(&w);
    w.server.fault(None, Fault::Stall(1_000_000));
    let error = w.git.fetch_branch(REPO, &w.remote(), "main").await.unwrap_err();
    insta::assert_snapshot!(error, @"the fetch stood still: git said and did nothing for 1 s and was stopped; it was ended, and what had arrived of it was removed");
    assert_eq!(packs(&w), Vec::<String>::new());
}

/// Six seconds in all, and never silent for one.
#[tokio::test]
async fn a_slow_fetch_may_take_longer_than_silence_may() {
    let w = World::configured(|c| c.silence_timeout = Duration::from_secs(2));
    of_some_size(&w);
    w.server.fault(None, Fault::Slow(Duration::from_millis(120)));
    let begun = std::time::Instant::now();
    assert_eq!(Some(w.fetched().await), w.upstream_ref("main"));
    assert!(begun.elapsed() > Duration::from_secs(4), "it was slow: {:?}", begun.elapsed());
}

#[tokio::test]
async fn what_a_killed_fetch_left_is_removed_by_the_next() {
    let w = World::new();
    w.fetched().await;
    of_some_size(&w);
    w.server.fault(None, Fault::Stall(1_000_000));
    let (git, remote) = (w.git.clone(), w.remote());
    let fetch = tokio::spawn(async move { git.fetch_branch(REPO, &remote, "main").await });
    until("a half of a pack is there", || packs(&w).iter().any(|name| name.starts_with("tmp_pack"))).await;
    fetch.abort();
    w.server.heal();
    std::fs::write(w.mirror().join("objects/pack/pack-1.keep"), "fetch-pack 1 on here\n").unwrap();
    assert_eq!(Some(w.fetched().await), w.upstream_ref("main"));
    assert!(!packs(&w).iter().any(|name| name.starts_with("tmp_") || name.ends_with(".keep")), "{:?}", packs(&w));
}

#[tokio::test]
async fn room_that_is_to_stay_free_is_left_free() {
    let w = World::configured(|c| c.reserve_bytes = u64::MAX);
    let error = w.git.fetch_branch(REPO, &w.remote(), "main").await.unwrap_err();
    assert!(matches!(error, FetchError::DiskFull(_)), "{error:?}");
    assert!(error.to_string().contains("the disk is nearly full"), "{error}");
}

/// Set in the second of the two processes that the next test is played in: the small disk's folder.
const SMALL: &str = "BATON_TEST_SMALL_DISK";

/// A file system of 2 MB in a namespace of our own, and the test once more in there.
#[tokio::test]
async fn a_disk_that_runs_full_is_a_sentence_and_keeps_what_there_was() {
    #[expect(clippy::disallowed_methods, reason = "how the second process knows that it is the second")]
    let small = std::env::var(SMALL);
    if let Ok(small) = small {
        return on_a_small_disk(small.into()).await;
    }
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path().display().to_string();
    let test = std::env::current_exe().unwrap();
    let script = format!(
        "mount -t tmpfs -o size=2m none '{place}' && exec '{}' --exact --nocapture \
         patience::a_disk_that_runs_full_is_a_sentence_and_keeps_what_there_was",
        test.display()
    );
    let inside = std::process::Command::new("unshare")
        .args(["--map-root-user", "--mount", "sh", "-c", &script])
        .env(SMALL, &place)
        .output()
        .expect("unshare is there; install util-linux");
    let said = format!("{}{}", String::from_utf8_lossy(&inside.stdout), String::from_utf8_lossy(&inside.stderr));
    assert!(inside.status.success() && said.contains("1 passed"), "user namespaces are needed: {said}");
}

async fn on_a_small_disk(small: std::path::PathBuf) {
    let w = World::configured(|c| {
        c.root = small.clone();
        c.reserve_bytes = 0;
    });
    let mirror = small.join("mirrors/7.git");
    let first = w.fetched().await;
    let free = || baton_git::free_bytes_at(&small).unwrap();
    let before = free();
    of_some_size(&w);
    let error = w.git.fetch_branch(REPO, &w.remote(), "main").await.unwrap_err();
    insta::assert_snapshot!(error, @"there is no room for the repository: the disk is full; what had arrived of it was removed");
    assert!(matches!(error, FetchError::DiskFull(_)));
    assert!(before - free() < 100_000, "{} bytes are gone", before - free());
    assert_eq!(w.git.resolve(REPO, "main").await.unwrap(), Some(first), "what was there is there");
    git(&mirror, &["fsck", "--strict"]);
    // Somebody makes room.
    make_room(&small);
    assert_eq!(Some(w.fetched().await), w.upstream_ref("main"));
}

fn make_room(small: &std::path::Path) {
    let done = std::process::Command::new("mount").args(["-o", "remount,size=64m"]).arg(small).status().unwrap();
    assert!(done.success());
}
