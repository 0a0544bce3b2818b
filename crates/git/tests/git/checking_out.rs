//! Checkouts: exact, shared, with a small git of their own, and pruned when nobody uses them.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::time::Duration;

use baton_core::domain::enclosure::{FileMode, WorkspaceChanges};
use baton_core::domain::time::Timestamp;
use baton_git::{CheckoutOf, PruneLimits};
use insta::assert_snapshot;

use crate::world::{NOW, REPO, World, file, git, meta};

#[tokio::test]
async fn files_are_exact_and_git_inside_is_clean() {
    let w = World::new();
    // What a careless checkout would rewrite on the way.
    w.upstream_commit(&[(".gitattributes", "*.txt text eol=crlf ident filter=evil\n")]);
    let submodule = format!("160000,{},vendor/sub", "1".repeat(40));
    let work = w.dir.path().join("work");
    git(&work, &["update-index", "--add", "--cacheinfo", &submodule]);
    git(&work, &["commit", "-q", "-m", "a submodule"]);
    git(&work, &["push", "-q", "origin", "HEAD:main"]);
    let base = w.fetched().await;
    let changes = WorkspaceChanges {
        written: vec![
            file("bin/run", FileMode::Executable, b"#!/bin/sh\n"),
            file("notes.txt", FileMode::Regular, b"$Id$\nunix lines\n"),
            file("link", FileMode::Symlink, b"/etc/passwd"),
            file("dangling", FileMode::Symlink, b"nowhere"),
            file("empty", FileMode::Regular, b""),
        ],
        deleted: Vec::new(),
    };
    let head = w.git.import(REPO, &base, changes, meta("x")).await.unwrap();
    let checkout = w.git.checkout(REPO, &CheckoutOf::Commit(head.clone()), NOW).await.unwrap();
    let at = |path: &str| checkout.path().join(path);
    assert_eq!(fs::read(at("notes.txt")).unwrap(), b"$Id$\nunix lines\n");
    assert_eq!(fs::metadata(at("bin/run")).unwrap().permissions().mode() & 0o777, 0o755);
    assert_eq!(fs::metadata(at("empty")).unwrap().permissions().mode() & 0o777, 0o644);
    assert_eq!(fs::read_link(at("link")).unwrap(), Path::new("/etc/passwd"));
    assert_eq!(fs::read_dir(at("vendor/sub")).unwrap().count(), 0);
    // The index matches the files as they lie: git finds nothing to look at again, so it does not write the index anew.
    let index = fs::read(at(".git/index")).unwrap();
    let inside = git(checkout.path(), &["status", "--porcelain=v1"]);
    assert_eq!(inside, "");
    assert_eq!(fs::read(at(".git/index")).unwrap(), index, "every stat matched");
    assert_eq!(git(checkout.path(), &["log", "--format=%H %s"]), format!("{head} x\n"));
    git(checkout.path(), &["fsck", "--strict"]);
}

#[tokio::test]
async fn git_inside_has_this_commit_and_nothing_else() {
    let w = World::new();
    w.upstream_commit(&[("secret.txt", "what was once here\n")]);
    let old_blob = git(&w.dir.path().join("work"), &["rev-parse", "HEAD:secret.txt"]).trim().to_owned();
    git(&w.dir.path().join("work"), &["rm", "-q", "secret.txt"]);
    let tip = w.upstream_commit(&[("a", "one\n")]);
    w.fetched().await;
    let checkout = w.git.checkout(REPO, &CheckoutOf::Commit(tip.clone()), NOW).await.unwrap();
    assert_eq!(git(&w.mirror(), &["cat-file", "-t", &old_blob]), "blob\n", "the mirror has the past");
    let all = git(checkout.path(), &["cat-file", "--batch-all-objects", "--batch-check=%(objecttype)"]);
    let count = |kind: &str| all.lines().filter(|line| *line == kind).count();
    assert_eq!((count("commit"), count("tree"), count("blob")), (1, 3, 4), "{all}");
    assert_eq!(git(checkout.path(), &["for-each-ref", "--format=%(refname)"]), "refs/heads/work\n");
    assert_eq!(git(checkout.path(), &["remote"]), "");
    assert!(!checkout.path().join(".git/objects/info/alternates").exists());
    let config = fs::read_to_string(checkout.path().join(".git/config")).unwrap();
    assert_snapshot!(config, @r"
    [core]
    	repositoryformatversion = 0
    	filemode = true
    	bare = false
    	logallrefupdates = true
    	checkStat = minimal
    	trustctime = false
    [gc]
    	auto = 0
    [user]
    	name = Baton agent
    	email = agent@localhost
    [advice]
    	detachedHead = false
    ");
    // A copy is what a sandbox works on where nothing can be mounted; git works in it as in any clone.
    let copy = w.dir.path().join("copy");
    git(w.dir.path(), &["--version"]);
    let copied = std::process::Command::new("cp").arg("-a").arg(checkout.path()).arg(&copy).status().unwrap();
    assert!(copied.success());
    assert_eq!(git(&copy, &["status", "--porcelain"]), "");
    fs::write(copy.join("a"), "2\n").unwrap();
    assert_eq!(git(&copy, &["status", "--porcelain"]), " M a\n");
    git(&copy, &["commit", "-q", "-am", "an agent's commit"]);
    git(&copy, &["reset", "-q", "--hard", "HEAD~1"]);
    assert_eq!(fs::read(copy.join("a")).unwrap(), b"one\n");
}

#[tokio::test]
async fn one_folder_serves_all() {
    let w = World::new();
    let tip = w.fetched().await;
    let what = CheckoutOf::Commit(tip);
    let all: Vec<_> = (0..8)
        .map(|_| {
            let (git, what) = (w.git.clone(), what.clone());
            tokio::spawn(async move { git.checkout(REPO, &what, NOW).await.unwrap() })
        })
        .collect();
    let mut paths = Vec::new();
    for one in all {
        paths.push(one.await.unwrap().path().to_owned());
    }
    paths.dedup();
    assert_eq!(paths.len(), 1);
    let inode = fs::metadata(&paths[0]).unwrap().ino();
    let again = w.git.checkout(REPO, &what, NOW).await.unwrap();
    assert_eq!(fs::metadata(again.path()).unwrap().ino(), inode, "made once");
    let left: Vec<String> = names(&w.root().join("checkouts"));
    assert_eq!(left.len(), 2, "the folder and its lease, no drafts: {left:?}");
}

#[tokio::test]
async fn a_checkout_belongs_to_the_sandbox_s_user() {
    assert!(rustix::process::geteuid().is_root(), "giving files to another user needs root: run the tests as root");
    let w = World::configured(|c| c.checkout_owner = Some((54_321, 54_322)));
    let tip = w.fetched().await;
    let checkout = w.git.checkout(REPO, &CheckoutOf::Commit(tip), NOW).await.unwrap();
    for path in ["", "README.md", "src", "src/lib.rs", ".git", ".git/index", ".git/objects/pack", ".git/config"] {
        let stat = fs::symlink_metadata(checkout.path().join(path)).unwrap();
        assert_eq!((stat.uid(), stat.gid()), (54_321, 54_322), "{path}");
    }
    for private in [w.mirror(), w.root().join("mirrors")] {
        assert_eq!(fs::metadata(private).unwrap().permissions().mode() & 0o777, 0o700, "mirrors are nobody else's");
    }
    assert_eq!(git(checkout.path(), &["status", "--porcelain"]), "");
}

#[tokio::test]
async fn what_is_used_stays_and_the_oldest_goes_first() {
    let w = World::new();
    let mut held = Vec::new();
    for hour in 0..4 {
        w.upstream_commit(&[("n", &hour.to_string())]);
        let tip = w.fetched().await;
        let now = NOW.plus(Duration::from_secs(hour * 3600));
        held.push(w.git.checkout(REPO, &CheckoutOf::Commit(tip), now).await.unwrap());
    }
    let paths: Vec<_> = held.iter().map(|c| c.path().to_owned()).collect();
    let there = || paths.iter().map(|path| path.exists()).collect::<Vec<_>>();
    let now = NOW.plus(Duration::from_secs(4 * 3600));
    let prune = async |bytes, hours: u64, now: Timestamp| {
        let limits = PruneLimits { bytes, age: Duration::from_secs(hours * 3600) };
        w.git.prune_checkouts(limits, now).await.unwrap()
    };
    let nothing = prune(0, 0, now).await;
    assert_eq!((nothing.removed, nothing.kept), (0, 4), "all are in use");
    let still = held.remove(1);
    held.clear();
    let one = prune(u64::MAX, 3, now).await;
    assert_eq!((one.removed, one.kept), (1, 3));
    assert_eq!(there(), [false, true, true, true], "only the first was last used more than three hours ago");
    let size = one.freed_bytes;
    assert!(size > 0);
    let two = prune(size * 2 + size / 2, 100, now).await;
    assert_eq!((two.removed, two.kept), (1, 2));
    assert_eq!(there(), [false, true, false, true], "the one in use stays although it is older");
    drop(still);
    let rest = prune(0, 100, now).await;
    assert_eq!((rest.removed, rest.kept), (2, 0));
    assert_eq!(names(&w.root().join("checkouts")), Vec::<String>::new());
    let tip = w.fetched().await;
    assert!(w.git.checkout(REPO, &CheckoutOf::Commit(tip), now).await.unwrap().path().join("n").exists(), "made anew");
}

#[tokio::test]
async fn what_a_crash_left_is_swept() {
    let w = World::new();
    let checkouts = w.root().join("checkouts");
    fs::create_dir_all(checkouts.join("gone-7-abc/src")).unwrap();
    fs::create_dir_all(checkouts.join("new-fresh/tree")).unwrap();
    let limits = PruneLimits { bytes: u64::MAX, age: Duration::MAX };
    let touched = fs::metadata(checkouts.join("new-fresh")).unwrap().mtime();
    let soon = Timestamp((touched + 3600) * 1000);
    w.git.prune_checkouts(limits, soon).await.unwrap();
    assert_eq!(names(&checkouts), ["new-fresh"], "somebody may be making it");
    w.git.prune_checkouts(limits, soon.plus(Duration::from_secs(48 * 3600))).await.unwrap();
    assert_eq!(names(&checkouts), Vec::<String>::new());
}

fn names(folder: &Path) -> Vec<String> {
    fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect()
}
