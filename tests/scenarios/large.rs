//! Large repositories: many files, and a long history. Beside the story itself it is measured what each part of it takes, and
//! that Baton's memory and its git's do not grow with the repository.

use std::time::{Duration, Instant};

use baton::engine::transfer_of;
use baton_core::domain::ids::RepositoryId;
use baton_core::domain::task::StateName;
use baton_git::{CheckoutOf, CredentialProgram, Git, GitConfig, Remote};
use github_sim::{Fault, FaultRule};

use crate::world::measure::Watch;
use crate::world::past::Past;
use crate::world::{REPO, Setup, World, play};

const MIB: u64 = 1024 * 1024;

/// Fetches [`REPO`] into a folder that is gone afterwards, twice, with a commit in between, checks it out, and repacks it.
async fn measured(w: &World) {
    let folder = tempfile::tempdir_in(w.folder()).expect("a folder");
    let program = env!("CARGO_BIN_EXE_baton").into();
    let credentials = CredentialProgram { program, args: vec!["git-credential".to_owned()] };
    let git = Git::new(GitConfig::new(folder.path(), credentials)).expect("repositories");
    let token = w.sim.personal_token("alice").expect("a token");
    let url = format!("{}/{REPO}.git", w.sim.git_url().trim_end_matches('/'));
    let remote = Remote::new(&url, Some(token.into())).expect("an address");
    let id = RepositoryId(1);

    let begun = Instant::now();
    git.fetch_branch(id, &remote, "main").await.expect("the first fetch");
    println!("  first fetch    {:>7.1} s", begun.elapsed().as_secs_f32());
    let mut past = Past::default();
    past.commit(w.sim.branch_head(REPO, "main").as_deref(), "One more").file("NEWS.md", b"One more\n");
    w.had(&past);
    let begun = Instant::now();
    let head = git.fetch_branch(id, &remote, "main").await.expect("the second fetch");
    println!("  second fetch   {:>7.1} s", begun.elapsed().as_secs_f32());
    let begun = Instant::now();
    let checkout = git.checkout(id, &CheckoutOf::Commit(head), w.now()).await.expect("a checkout");
    println!("  working tree   {:>7.1} s", begun.elapsed().as_secs_f32());
    drop(checkout);
    let begun = Instant::now();
    git.maintain(id).await.expect("it is repacked");
    println!("  repacking      {:>7.1} s", begun.elapsed().as_secs_f32());
}

/// The story: from the assignment to the pull request, which holds what was asked for and nothing of what is large.
async fn told(w: &World, large: &str) {
    let begun = Instant::now();
    let issue = w.in_review().await;
    println!("  the whole task {:>7.1} s", begun.elapsed().as_secs_f32());
    assert!(!w.pull().draft, "{}", w.thread(issue));
    let diff = w.diff();
    assert!(diff.contains("+echo \"Hello, $1!\"") && !diff.contains(large), "{diff}");
}

/// So many files beside the project's own.
fn many_files(count: usize) {
    play(Setup::usual(), async |w| {
        let head = w.sim.branch_head(REPO, "main").expect("main");
        let mut past = Past::default();
        let mut commit = past.commit(Some(&head), "Many files");
        for nth in 0..count {
            commit = commit.file(&format!("data/{:03}/{nth}.txt", nth % 500), format!("Number {nth}\n").as_bytes());
        }
        w.had(&past);
        drop(past);
        println!("{count} files");
        let watch = Watch::begin(w.folder());
        measured(w).await;
        told(w, "data/").await;
        watch.end().are_below(300 * MIB, 300 * MIB);
    });
}

#[test]
fn a_thousand_files() {
    many_files(1_000);
}

#[test]
#[ignore = "takes minutes: `script/test --full` runs it"]
fn fifty_thousand_files() {
    many_files(50_000);
}

/// A file of so many bytes that nothing makes smaller, written anew in so many commits, with many small commits in between.
fn long_history(bytes: usize, versions: u64) {
    const SMALL: u64 = 200;
    play(Setup::usual(), async |w| {
        let head = w.sim.branch_head(REPO, "main").expect("main");
        let mut import = w.imports();
        for version in 0..versions {
            let mut past = Past::default();
            let on = (version == 0).then_some(head.as_str());
            past.commit(on, "One more version").file("big.bin", &noise(version, bytes));
            for nth in 0..SMALL {
                let line = format!("Entry {nth} of version {version}\n");
                past.commit(None, "One more entry").file(&format!("log/{}.txt", nth % 50), line.as_bytes());
            }
            import.takes(&past);
        }
        import.ends();
        println!("{} MB of history, {} commits", bytes as u64 * versions / 1_000_000, versions * (SMALL + 1));
        let watch = Watch::begin(w.folder());
        measured(w).await;
        told(w, "big.bin").await;
        // Of which 256 MiB may be parts of packs, mapped.
        watch.end().are_below(300 * MIB, 500 * MIB);
    });
}

/// Bytes in which nothing comes twice (xorshift64*, by Marsaglia and Vigna).
fn noise(seed: u64, bytes: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut out = Vec::with_capacity(bytes + 8);
    while out.len() < bytes {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        out.extend_from_slice(&state.wrapping_mul(0x2545_F491_4F6C_DD1D).to_le_bytes());
    }
    out.truncate(bytes);
    out
}

#[test]
fn a_history_of_some_megabytes() {
    long_history(200_000, 20);
}

#[test]
#[ignore = "takes minutes: `script/test --full` runs it"]
fn a_history_of_two_gigabytes() {
    long_history(20_000_000, 100);
}

/// The server sends some megabytes slowly: the progress comment and the store say how far it is, and when it is over nothing
/// more of it is shown.
#[test]
fn a_long_fetch_is_told_of_while_it_goes_on() {
    play(Setup::usual(), async |w| {
        // The first look at the repository is over.
        w.settle().await;
        let head = w.sim.branch_head(REPO, "main").expect("main");
        let mut past = Past::default();
        past.commit(Some(&head), "Something large").file("big.bin", &noise(7, 3_000_000));
        for nth in 0..150 {
            past.commit(None, "One more entry").file("log.txt", format!("{nth}\n").as_bytes());
        }
        w.had(&past);
        let issue = w.rita().reports_the_typo();
        w.alice().assigns(issue);
        // Ten seconds of it.
        w.sim.fault(FaultRule::new("git/upload-pack", Fault::Throttle { bytes_per_second: 300_000 }, 10));
        let work = w.works_beside().await;
        let (task, transfer) = w.fetches(issue).await;
        assert!(transfer.percent <= 100 && transfer.bytes < 3_100_000, "{transfer:?}");
        w.meanwhile().await;
        assert!(!w.thread(issue).contains("fetching"), "nobody is told of a fetch of a few seconds");
        w.time_goes_by(Duration::from_secs(21));
        let shown = w.comes_to_show(issue, "fetching acme/greeter").await;
        assert!(shown.contains("**State:** `planning`"), "{shown}");
        assert!(shown.contains("**Now:** fetching acme/greeter, "), "{shown}");
        work.await.expect("the worker comes to rest");
        w.settle().await;
        assert_eq!(w.state(issue).await, StateName::AwaitingApproval);
        assert!(!w.thread(issue).contains("fetching"), "{}", w.thread(issue));
        assert_eq!(transfer_of(&w.store, &task, w.now()).await.expect("the store"), None);
    });
}
