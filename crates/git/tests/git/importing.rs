//! Importing what a run left behind, and reading it back as a patch.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use baton_core::domain::enclosure::{FileMode, WorkspaceChanges, WorkspaceFile};
use baton_core::domain::patch::path::check_path;
use baton_core::domain::patch::{PatchPolicy, judge};
use baton_git::{CheckoutOf, ImportError, ReadError};
use insta::{assert_debug_snapshot, assert_snapshot};
use proptest::prelude::*;

use crate::world::{NOW, REPO, TASK, World, file, git, meta, written};

#[tokio::test]
async fn changes_become_one_commit_on_the_base() {
    let w = World::new();
    let base = w.fetched().await;
    let changes = || WorkspaceChanges {
        written: vec![
            file("README.md", FileMode::Regular, b"hello, world\n"),
            file("bin/run", FileMode::Executable, b"#!/bin/sh\n"),
            file("docs/latest", FileMode::Symlink, b"../README.md"),
        ],
        deleted: vec!["tests/t.rs".into()],
    };
    let head = w.git.import(REPO, &base, changes(), meta("Say hello")).await.unwrap();
    assert_eq!(head, w.git.import(REPO, &base, changes(), meta("Say hello")).await.unwrap(), "the same id again");
    let shown =
        git(&w.mirror(), &["show", "--format=%P%n%an <%ae> %cn <%ce> %at%n%B", "--raw", "--no-abbrev", head.as_str()]);
    let shown = shown.replace(base.as_str(), "BASE");
    assert_snapshot!(shown, @r"
    BASE
    baton[bot] <1+baton[bot]@users.noreply.github.com> baton[bot] <1+baton[bot]@users.noreply.github.com> 1795305600
    Say hello


    :100644 100644 ce013625030ba8dba906f756967f9e9ca394464a 4b5fa63702dd96796042e92787f464e28f09f17d M	README.md
    :000000 100755 0000000000000000000000000000000000000000 1a2485251c33a70432394c93fb89330ef214bfc9 A	bin/run
    :000000 120000 0000000000000000000000000000000000000000 32d46ee883b58d6a383eed06eb98f33aa6530ded A	docs/latest
    :100644 000000 d00491fd7e5bb6fa28c517a0bb32b8b506539d4d 0000000000000000000000000000000000000000 D	tests/t.rs
    ");
    let refs = git(&w.mirror(), &["for-each-ref", "--format=%(refname)", "refs/baton/tasks"]);
    assert_eq!(refs, format!("refs/baton/tasks/{TASK}/{head}\n"));
    git(&w.mirror(), &["fsck", "--strict", "--no-dangling"]);
    w.git.release_task(REPO, TASK).await.unwrap();
    assert_eq!(git(&w.mirror(), &["for-each-ref", "refs/baton/tasks"]), "");
}

#[tokio::test]
async fn the_patch_says_everything_the_policy_needs() {
    let w = World::new();
    w.upstream_commit(&[("old.sh", "echo\n"), ("link-to-be", "text\n"), (".gitattributes", "*.txt -diff\n")]);
    let base = w.fetched().await;
    let changes = WorkspaceChanges {
        written: vec![
            file("README.md", FileMode::Regular, b"hello\nworld"),
            file("old.sh", FileMode::Executable, b"echo\n"),
            file("link-to-be", FileMode::Symlink, b"/etc/passwd"),
            file("blob.bin", FileMode::Regular, b"a\0b"),
            file("hidden.txt", FileMode::Regular, b"shown all the same\n"),
            file(".gitattributes", FileMode::Regular, b"* -diff binary\n"),
        ],
        deleted: vec!["tests/t.rs".into()],
    };
    let head = w.git.import(REPO, &base, changes, meta("x")).await.unwrap();
    let patch = w.git.patch(REPO, &base, &head).await.unwrap();
    assert_eq!((&patch.base, &patch.head), (&base, &head));
    let lines: Vec<String> = patch
        .files
        .iter()
        .map(|f| {
            let modes = format!("{:?} -> {:?}", f.old_mode, f.new_mode).replace("Some", "");
            let counts = format!("+{} -{} {}B binary={}", f.added_lines, f.removed_lines, f.new_size, f.binary);
            format!("{}: {modes} {counts} {:?} {:?}", f.path, f.additions, f.link_target)
        })
        .collect();
    assert_snapshot!(lines.join("\n"), @r#"
    .gitattributes: (Regular) -> (Regular) +1 -1 15B binary=false [(1, "* -diff binary")] None
    README.md: (Regular) -> (Regular) +1 -0 11B binary=false [(2, "world")] None
    blob.bin: None -> (Regular) +0 -0 3B binary=true [] None
    hidden.txt: None -> (Regular) +1 -0 19B binary=false [(1, "shown all the same")] None
    link-to-be: (Regular) -> (Symlink) +1 -1 11B binary=false [(1, "/etc/passwd")] Some("/etc/passwd")
    old.sh: (Regular) -> (Executable) +0 -0 5B binary=false [] None
    tests/t.rs: (Regular) -> None +0 -1 0B binary=false [] None
    "#);
}

#[tokio::test]
async fn a_file_in_a_link_s_place_is_read_line_by_line() {
    let w = World::new();
    let base = w.fetched().await;
    let one = |mode, text: &[u8]| WorkspaceChanges { written: vec![file("x", mode, text)], deleted: Vec::new() };
    let link = w.git.import(REPO, &base, one(FileMode::Symlink, b"README.md"), meta("x")).await.unwrap();
    let plain = w.git.import(REPO, &link, one(FileMode::Regular, b"a\nb\n"), meta("x")).await.unwrap();
    let files = w.git.patch(REPO, &link, &plain).await.unwrap().files;
    assert_eq!(files.len(), 1);
    assert_eq!((files[0].old_mode, files[0].new_mode), (Some(FileMode::Symlink), Some(FileMode::Regular)));
    assert_eq!(files[0].additions, [(1, "a".to_owned()), (2, "b".to_owned())]);
    assert_eq!((files[0].added_lines, files[0].new_size, files[0].link_target.as_deref()), (2, 4, None));
}

#[tokio::test]
async fn a_file_too_large_to_compare_counts_as_binary() {
    let w = World::new();
    let base = w.fetched().await;
    let line = "a line of text\n".repeat(1024);
    let large = w.import(&base, &[("large.txt", &line.repeat(1200)), ("small.txt", &line)]).await;
    let files = w.git.patch(REPO, &base, &large).await.unwrap().files;
    let seen: Vec<_> = files.iter().map(|f| (f.path.as_str(), f.binary, f.additions.len())).collect();
    assert_eq!(seen, [("large.txt", true, 0), ("small.txt", false, 1024)]);
    assert!(!judge(&w.git.patch(REPO, &base, &large).await.unwrap(), &PatchPolicy::default()).is_clean());
}

#[tokio::test]
async fn a_diff_is_for_people_and_bounded() {
    let w = World::new();
    let base = w.fetched().await;
    let head = w.import(&base, &[("README.md", "hello, world\n"), ("new.txt", "1\n2\n3\n")]).await;
    let diff = w.git.diff_text(REPO, &base, &head, 10_000).await.unwrap();
    assert_snapshot!(diff, @r"
    diff --git a/README.md b/README.md
    index ce01362..4b5fa63 100644
    --- a/README.md
    +++ b/README.md
    @@ -1 +1 @@
    -hello
    +hello, world
    diff --git a/new.txt b/new.txt
    new file mode 100644
    index 0000000..01e79c3
    --- /dev/null
    +++ b/new.txt
    @@ -0,0 +1,3 @@
    +1
    +2
    +3
    ");
    let cut = w.git.diff_text(REPO, &base, &head, 150).await.unwrap();
    assert_snapshot!(cut, @r"
    diff --git a/README.md b/README.md
    index ce01362..4b5fa63 100644
    --- a/README.md
    +++ b/README.md
    @@ -1 +1 @@
    -hello
    +hello, world
    [the diff goes on; it was cut here]
    ");
}

#[tokio::test]
async fn maintenance_packs_and_loses_nothing() {
    let w = World::new();
    let base = w.fetched().await;
    let kept = w.import(&base, &[("a", "kept\n")]).await;
    let young = w.git.compose_tree(REPO, &base, &kept, vec!["a".into()]).await.unwrap();
    let loose = || git(&w.mirror(), &["count-objects"]).split(' ').next().unwrap().parse::<u32>().unwrap();
    let before = loose();
    w.git.maintain(REPO).await.unwrap();
    assert!(loose() < before, "{before} loose objects before, {} after", loose());
    git(&w.mirror(), &["fsck", "--strict"]);
    assert_eq!(w.git.patch(REPO, &base, &kept).await.unwrap().files.len(), 1);
    w.git.checkout(REPO, &CheckoutOf::Tree(young), NOW).await.unwrap();
}

#[tokio::test]
async fn a_mirror_is_maintained_when_it_is_time() {
    let w = World::new();
    assert_eq!(w.git.mirrors().await.unwrap(), []);
    let base = w.fetched().await;
    w.import(&base, &[("a", "kept\n")]).await;
    assert_eq!(w.git.mirrors().await.unwrap(), [REPO]);
    let day = Duration::from_secs(24 * 60 * 60);
    let due = async |after: Duration| w.git.maintain_if_due(REPO, day, NOW.plus(after)).await.unwrap();
    assert!(!due(Duration::ZERO).await, "it was just made");
    assert!(!due(day - Duration::from_secs(1)).await);
    assert!(due(day).await);
    assert!(!due(day + Duration::from_secs(1)).await, "it was just done");

    let kept = w.git.tasks_kept(REPO).await.unwrap();
    assert_eq!(kept, [TASK]);
    w.git.release_task(REPO, TASK).await.unwrap();
    assert_eq!(w.git.tasks_kept(REPO).await.unwrap(), []);
}

#[tokio::test]
async fn nothing_changed_is_no_commit() {
    let w = World::new();
    let base = w.fetched().await;
    for changes in [
        WorkspaceChanges::default(),
        written(&[("README.md", "hello\n")]),
        WorkspaceChanges { written: Vec::new(), deleted: vec!["never/was.txt".into()] },
    ] {
        let said = w.git.import(REPO, &base, changes, meta("x")).await;
        assert!(matches!(said, Err(ImportError::NothingChanged)), "{said:?}");
    }
}

#[tokio::test]
async fn files_and_folders_may_trade_places_but_not_share_one() {
    let w = World::new();
    let base = w.fetched().await;
    let import = async |written: &[&str], deleted: &[&str]| {
        let changes = WorkspaceChanges {
            written: written.iter().map(|path| file(path, FileMode::Regular, b"x")).collect(),
            deleted: deleted.iter().map(|path| (*path).to_owned()).collect(),
        };
        match w.git.import(REPO, &base, changes, meta("x")).await {
            Ok(head) => git(&w.mirror(), &["ls-tree", "-r", "--name-only", head.as_str()]).trim().replace('\n', " "),
            Err(error) => error.to_string(),
        }
    };
    let cases = [
        import(&["src"], &["src/lib.rs"]).await,
        import(&["README.md/a"], &["README.md"]).await,
        import(&["src"], &[]).await,
        import(&["README.md/a"], &[]).await,
        import(&["n", "n/a"], &[]).await,
        import(&["n", "n"], &[]).await,
        import(&["n"], &["n"]).await,
        import(&[], &["src"]).await,
        import(&[], &["README.md", "src/lib.rs", "tests/t.rs"]).await,
    ];
    assert_debug_snapshot!(cases, @r#"
    [
        "README.md src tests/t.rs",
        "README.md/a src/lib.rs tests/t.rs",
        "`src` cannot be both a file and a folder",
        "`README.md` cannot be both a file and a folder",
        "`n` cannot be both a file and a folder",
        "the path `n` is named twice",
        "the path `n` is named twice",
        "README.md tests/t.rs",
        "",
    ]
    "#);
}

#[tokio::test]
async fn quotas_hold() {
    let w = World::configured(|c| {
        c.import_limits.entries = 3;
        c.import_limits.file_bytes = 10;
        c.import_limits.total_bytes = 25;
    });
    let base = w.fetched().await;
    let said = async |changes| w.git.import(REPO, &base, changes, meta("x")).await.unwrap_err().to_string();
    assert_snapshot!(said(written(&[("a", ""), ("b", ""), ("c", ""), ("d", "")])).await, @"4 files changed; at most 3 are imported");
    assert_snapshot!(said(written(&[("a", "0123456789x")])).await, @"`a` has 11 bytes; at most 10 are imported");
    let nine = "012345678";
    assert_snapshot!(said(written(&[("a", nine), ("b", nine), ("c", nine)])).await, @"the changed files have 27 bytes together; at most 25 are imported");
}

#[tokio::test]
async fn files_are_read_from_commits() {
    let w = World::new();
    let base = w.fetched().await;
    let link = WorkspaceChanges { written: vec![file("link", FileMode::Symlink, b"README.md")], deleted: Vec::new() };
    let head = w.git.import(REPO, &base, link, meta("x")).await.unwrap();
    let read = async |path: &str, max| w.git.read_file(REPO, &head, path, max).await;
    assert_eq!(read("README.md", 100).await.unwrap().as_deref(), Some(&b"hello\n"[..]));
    assert_eq!(read("src/lib.rs", 100).await.unwrap().as_deref(), Some(&b"pub fn a() {}\n"[..]));
    for none in ["link", "src", "nope", "README.md/x", "../README.md", "/etc/passwd", ""] {
        assert_eq!(read(none, 100).await.unwrap_or_default(), None, "{none}");
    }
    assert!(matches!(read("README.md", 5).await, Err(ReadError::TooLarge { size: 6, max: 5 })));
    let files = w.git.list_files(REPO, &head).await.unwrap();
    let list: Vec<String> = files.iter().map(|f| format!("{} {:?} {}", f.path, f.mode, f.size)).collect();
    assert_snapshot!(list.join("\n"), @r"
    README.md Regular 6
    link Symlink 9
    src/lib.rs Regular 14
    tests/t.rs Regular 2
    ");
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// The base's files with the changes applied, by the plainest means: what an import must come to.
fn expected(changes: &WorkspaceChanges) -> BTreeMap<String, Vec<u8>> {
    let mut files: BTreeMap<String, Vec<u8>> =
        [("README.md", "hello\n"), ("src/lib.rs", "pub fn a() {}\n"), ("tests/t.rs", "1\n")]
            .map(|(path, text)| (path.to_owned(), text.as_bytes().to_vec()))
            .into();
    for path in &changes.deleted {
        files.retain(|file, _| file != path && !file.starts_with(&format!("{path}/")));
    }
    for file in &changes.written {
        files.insert(file.path.clone(), file.content.clone());
    }
    files
}

/// Whether the changes describe one tree: no path twice, and none below another file.
fn is_consistent(changes: &WorkspaceChanges) -> bool {
    let all: Vec<&String> = changes.written.iter().map(|f| &f.path).chain(&changes.deleted).collect();
    let unique: BTreeSet<&String> = all.iter().copied().collect();
    let files = expected(changes);
    let nested = |a: &str, b: &str| b.starts_with(&format!("{a}/"));
    unique.len() == all.len()
        && all.iter().all(|path| check_path(path).is_ok())
        && files.keys().all(|a| !files.keys().any(|b| nested(a, b)))
}

#[test]
fn any_changes_are_imported_exactly_or_refused() {
    let runtime = runtime();
    let w = World::new();
    let base = runtime.block_on(w.fetched());
    let name = prop_oneof![
        8 => prop::sample::select(vec!["README.md", "src", "lib.rs", "tests", "t.rs", "a", "b", "c"]).prop_map(str::to_owned),
        1 => prop::sample::select(vec![".git", "..", ".", "", "GIT~1", ".GiT", "a\\b", "\u{202e}"]).prop_map(str::to_owned),
        1 => "\\PC{1,8}".prop_map(|s| s),
    ];
    let path = prop::collection::vec(name, 1..4).prop_map(|names| names.join("/"));
    let files = prop::collection::vec((path.clone(), prop::collection::vec(any::<u8>(), 0..20)), 0..6);
    let all = (files, prop::collection::vec(path, 0..3));
    let config = ProptestConfig { cases: 192, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |((files, deleted) in all)| {
        let changes = WorkspaceChanges {
            written: files.into_iter().map(|(path, content)| WorkspaceFile { path, mode: FileMode::Regular, content }).collect(),
            deleted,
        };
        match runtime.block_on(w.git.import(REPO, &base, changes.clone(), meta("x"))) {
            Ok(head) => {
                prop_assert!(is_consistent(&changes), "{:?}", changes);
                let checkout = runtime.block_on(w.git.checkout(REPO, &CheckoutOf::Commit(head), NOW)).unwrap();
                prop_assert_eq!(read_tree(checkout.path()), expected(&changes));
            }
            Err(ImportError::NothingChanged) => prop_assert_eq!(expected(&changes), expected(&WorkspaceChanges::default())),
            Err(ImportError::Hostile(_)) => prop_assert!(!is_consistent(&changes), "{:?}", changes),
            Err(ImportError::Git(error)) => return Err(TestCaseError::fail(format!("{error}: {changes:?}"))),
        }
    });
}

/// Every file below a folder but `.git`.
fn read_tree(root: &std::path::Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            match path.is_dir() {
                true if name == ".git" => {}
                true => folders.push(path),
                false => {
                    files.insert(name, std::fs::read(&path).unwrap());
                }
            }
        }
    }
    files
}

#[tokio::test]
async fn what_was_taken_back_is_in_nobodys_history() {
    let w = World::new();
    let base = w.fetched().await;
    let first = w.import(&base, &[("README.md", "hello, world\n"), ("key.pem", "secret\n")]).await;
    let changes = WorkspaceChanges { written: vec![], deleted: vec!["key.pem".into()] };
    let second = w.git.import(REPO, &first, changes, meta("Take the key back")).await.unwrap();
    let one = w.git.squash(REPO, &base, &second, meta("Say hello")).await.unwrap();
    let history = git(&w.mirror(), &["log", "--format=%s", "--name-only", &format!("{base}..{one}")]);
    assert_eq!(history, "Say hello\n\nREADME.md\n");
    let tree = |commit: &str| git(&w.mirror(), &["rev-parse", &format!("{commit}^{{tree}}")]);
    assert_eq!(tree(one.as_str()), tree(second.as_str()), "the same files");
    let said = w.git.squash(REPO, &base, &base, meta("x")).await;
    assert!(matches!(said, Err(ImportError::NothingChanged)), "{said:?}");
}
