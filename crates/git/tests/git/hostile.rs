//! Hostile trees (SECURITY.md, section 2 and E-01 to E-08): planted by an agent, or fetched from a hostile repository.
//! The oracle is a canary file that any command run on the way would make, and a folder outside that must stay as it is.

use std::fs;
use std::path::Path;

use baton_core::domain::enclosure::{FileMode, WorkspaceChanges};
use baton_core::domain::ids::{BranchName, CommitSha, IssueNumber};
use baton_core::domain::patch::{PatchPolicy, PatchVerdict, judge};
use baton_git::{CheckoutOf, FetchError, ImportError};
use git2::{ObjectType, Repository};

use crate::world::{NOW, REPO, World, file, git, meta};

/// What section 2 plants in a tree's `.git`, each line a way to make a careless host run `touch CANARY`.
const PLANTED: &[(&str, &str)] = &[
    (".git/config", "[core]\n\tfsmonitor = touch CANARY\n"),
    (".git/config", "[core]\n\thooksPath = hooks\n"),
    (".git/config", "[core]\n\tsshCommand = touch CANARY\n"),
    (".git/config", "[core]\n\tworktree = /etc\n"),
    (".git/config", "[core]\n\talternateRefsCommand = touch CANARY\n"),
    (".git/config", "[include]\n\tpath = ../evil\n"),
    (".git/config", "[filter \"x\"]\n\tclean = touch CANARY\n\tsmudge = touch CANARY\n"),
    (".git/config", "[diff \"x\"]\n\ttextconv = touch CANARY\n\tcommand = touch CANARY\n"),
    (".git/config", "[merge \"x\"]\n\tdriver = touch CANARY\n"),
    (".git/config", "[trailer \"x\"]\n\tcommand = touch CANARY\n"),
    (".git/config", "[gpg]\n\tprogram = touch CANARY\n[commit]\n\tgpgSign = true\n"),
    (".git/config", "[gc]\n\trecentObjectsHook = touch CANARY\n"),
    (".git/config", "[credential]\n\thelper = !touch CANARY\n"),
    (".git/config", "[remote \"origin\"]\n\tpromisor = true\n\turl = ext::touch CANARY\n"),
    (".git/config", "[url \"http://evil.test/\"]\n\tinsteadOf = http://127.0.0.1\n"),
    (".git/hooks/pre-commit", "#!/bin/sh\ntouch CANARY\n"),
    (".git/hooks/post-index-change", "#!/bin/sh\ntouch CANARY\n"),
    (".git/objects/info/alternates", "/var/lib/baton/mirrors/8.git/objects\n"),
    (".git/info/attributes", "* filter=x diff=x merge=x\n"),
    (".git", "gitdir: docs/evil\n"),
    ("docs/.git/config", "[core]\n\tfsmonitor = touch CANARY\n"),
    ("nested/.git", "gitdir: ../evil\n"),
    (".GIT/config", "x"),
    (".git\u{200c}/config", "x"),
    ("git~1/config", "x"),
    (".git./config", "x"),
    (".git::$INDEX_ALLOCATION/config", "x"),
    ("../escape", "x"),
    ("/etc/cron.d/x", "x"),
    ("a/../../escape", "x"),
    ("a\nb", "x"),
    ("a\u{0}b", "x"),
    ("", "x"),
];

#[tokio::test]
async fn what_an_agent_plants_is_refused_by_name() {
    let w = World::new();
    let base = w.fetched().await;
    for (path, text) in PLANTED {
        for mode in [FileMode::Regular, FileMode::Executable, FileMode::Symlink] {
            let changes = WorkspaceChanges { written: vec![file(path, mode, text.as_bytes())], deleted: Vec::new() };
            let said = w.git.import(REPO, &base, changes, meta("x")).await;
            assert!(matches!(said, Err(ImportError::Hostile(_))), "{path:?}: {said:?}");
        }
        let changes = WorkspaceChanges { written: Vec::new(), deleted: vec![(*path).to_owned()] };
        let said = w.git.import(REPO, &base, changes, meta("x")).await;
        assert!(matches!(said, Err(ImportError::Hostile(_))), "deleting {path:?}: {said:?}");
    }
    assert_eq!(git(&w.mirror(), &["for-each-ref", "refs/baton/tasks"]), "", "nothing was imported");
    assert!(!fs::read_to_string(w.mirror().join("config")).unwrap().contains("CANARY"));
}

/// The whole way of a change through Baton, with everything a tree may legally hold that makes git run programs.
#[tokio::test]
async fn what_a_tree_may_hold_runs_nothing() {
    let w = World::new();
    let canary = w.dir.path().join("canary");
    let touch = format!("touch {}", canary.display());
    let base = w.fetched().await;
    let bare = |name: &str, text: &str| file(&format!("docs/bare/{name}"), FileMode::Regular, text.as_bytes());
    let changes = WorkspaceChanges {
        written: vec![
            file(
                ".gitattributes",
                FileMode::Regular,
                b"* filter=x diff=x merge=x ident text eol=crlf working-tree-encoding=UTF-16\n",
            ),
            file(".gitconfig", FileMode::Regular, format!("[core]\n\tfsmonitor = {touch}\n").as_bytes()),
            file(".lfsconfig", FileMode::Regular, format!("[lfs]\n\turl = ext::{touch}\n").as_bytes()),
            file(".gitmodules", FileMode::Regular, b"[submodule \"../x\"]\n\tpath = -u\n\turl = ext::sh -c id\n"),
            file("hooks/pre-commit", FileMode::Executable, format!("#!/bin/sh\n{touch}\n").as_bytes()),
            // A bare repository in the tree, which git would take for one.
            bare("HEAD", "ref: refs/heads/main\n"),
            bare("config", &format!("[core]\n\tbare = true\n\tfsmonitor = {touch}\n")),
            bare("objects/info/alternates", "/etc\n"),
            bare("refs/heads/x", &"1".repeat(40)),
            file("-rf", FileMode::Regular, b"x"),
            file("$(touch x)", FileMode::Regular, b"x"),
            file("loop", FileMode::Symlink, b"loop"),
            file("README.MD", FileMode::Regular, b"another in case\n"),
        ],
        deleted: Vec::new(),
    };
    let head = w.git.import(REPO, &base, changes, meta("x")).await.unwrap();
    let patch = w.git.patch(REPO, &base, &head).await.unwrap();
    w.git.diff_text(REPO, &base, &head, 100_000).await.unwrap();
    let new_base = w.upstream_commit(&[("other", "x\n")]);
    w.fetched().await;
    let moved = w.git.rebase(REPO, crate::world::TASK, &base, &head, &new_base).await.unwrap();
    let checkout = w.git.checkout(REPO, &CheckoutOf::Commit(moved.clone()), NOW).await.unwrap();
    assert_eq!(fs::read(checkout.path().join("README.MD")).unwrap(), b"another in case\n");
    let again = w.import(&moved, &[("README.md", "one more round\n")]).await;
    let branch = BranchName::for_issue("baton", IssueNumber(1), "x", 1);
    w.git.push(REPO, &again, &branch, None, &w.remote()).await.unwrap();
    assert!(!canary.exists(), "something ran");
    // Harmless to Baton is not harmless to others: the policy stops what concerns submodules.
    let PatchVerdict::Refused { findings } = judge(&patch, &PatchPolicy::default()) else { panic!("it passed") };
    assert_eq!(
        findings.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["`.gitmodules` concerns submodules, which Baton does not touch"]
    );
}

#[tokio::test]
async fn links_and_submodules_of_an_agent() {
    let w = World::new();
    let base = w.fetched().await;
    let long = "x".repeat(5000);
    for (path, mode, content) in [
        ("sub", FileMode::Submodule, &b"1111111111111111111111111111111111111111"[..]),
        ("link", FileMode::Symlink, b""),
        ("link", FileMode::Symlink, b"a\0b"),
        ("link", FileMode::Symlink, long.as_bytes()),
        (".gitmodules", FileMode::Symlink, b"x"),
        ("d/.GitAttributes", FileMode::Symlink, b"x"),
    ] {
        let changes = WorkspaceChanges { written: vec![file(path, mode, content)], deleted: Vec::new() };
        let said = w.git.import(REPO, &base, changes, meta("x")).await;
        assert!(matches!(said, Err(ImportError::Hostile(_))), "{path}: {said:?}");
    }
    let changes =
        WorkspaceChanges { written: vec![file("out", FileMode::Symlink, b"../../../etc/passwd")], deleted: Vec::new() };
    let head = w.git.import(REPO, &base, changes, meta("x")).await.unwrap();
    let patch = w.git.patch(REPO, &base, &head).await.unwrap();
    assert!(!judge(&patch, &PatchPolicy::default()).is_clean(), "imported as data, and stopped by the policy");
}

/// Writes a tree object of any content and a commit of it: what a hostile server could send.
fn raw_commit(repository: &Path, entries: &[(&str, &[u8], &str)]) -> CommitSha {
    let repository = Repository::open_bare(repository).unwrap();
    let odb = repository.odb().unwrap();
    let empty = odb.write(ObjectType::Tree, b"").unwrap();
    let inner = {
        let blob = odb.write(ObjectType::Blob, b"inner").unwrap();
        odb.write(ObjectType::Tree, &[b"100644 planted\0", blob.as_bytes()].concat()).unwrap()
    };
    let mut tree = Vec::new();
    for (mode, name, content) in entries {
        let id = match *mode {
            "40000" if content.is_empty() => empty,
            "40000" => inner,
            _ => odb.write(ObjectType::Blob, content.as_bytes()).unwrap(),
        };
        tree.extend_from_slice(format!("{mode} ").as_bytes());
        tree.extend_from_slice(name);
        tree.push(0);
        tree.extend_from_slice(id.as_bytes());
    }
    let tree = odb.write(ObjectType::Tree, &tree).unwrap();
    let commit = format!("tree {tree}\nauthor A <a@b> 1 +0000\ncommitter A <a@b> 1 +0000\n\nx\n");
    odb.write(ObjectType::Commit, commit.as_bytes()).unwrap().to_string().parse().unwrap()
}

/// Name of the attack and the entries of its tree.
type Attack<'a> = (&'a str, Vec<(&'a str, &'a [u8], &'a str)>);

fn hostile_trees(outside: &str) -> Vec<Attack<'_>> {
    vec![
        (".git", vec![("40000", b".git", "x")]),
        (".GIT", vec![("40000", b".GIT", "x")]),
        ("hfs .git", vec![("40000", ".g\u{200c}it".as_bytes(), "x")]),
        ("ntfs git~1", vec![("40000", b"git~1", "x")]),
        ("dots", vec![("40000", b"..", "x")]),
        ("dot", vec![("40000", b".", "x")]),
        ("slash", vec![("100644", b"../escape", "x")]),
        ("absolute", vec![("100644", b"/tmp/escape", "x")]),
        ("empty", vec![("100644", b"", "x")]),
        ("link, then folder", vec![("120000", b"a", outside), ("40000", b"a", "x")]),
        ("link, then file", vec![("120000", b"a", outside), ("100644", b"a", "x")]),
        (".gitmodules link", vec![("120000", b".gitmodules", "/etc/passwd")]),
    ]
}

#[tokio::test]
async fn a_hostile_server_s_trees_do_not_come_in() {
    let w = World::new();
    let outside = w.dir.path().join("outside");
    for (name, entries) in hostile_trees(outside.to_str().unwrap()) {
        let commit = raw_commit(&w.upstream(), &entries);
        fs::write(w.upstream().join("refs/heads/evil"), format!("{commit}\n")).unwrap();
        let said = w.git.fetch_branch(REPO, &w.remote(), "evil").await;
        // A nameless entry already stops the sender.
        let refused = matches!(said, Err(FetchError::Corrupt(_))) || name == "empty" && said.is_err();
        assert!(refused, "{name}: {said:?}");
        assert_eq!(w.git.resolve(REPO, commit.as_str()).await.unwrap(), None, "{name} stayed outside");
    }
}

/// And if one had come in: the checkout does not depend on fsck.
#[tokio::test]
async fn hostile_trees_are_not_checked_out() {
    let w = World::new();
    w.fetched().await;
    let outside = w.dir.path().join("outside");
    fs::create_dir(&outside).unwrap();
    for (name, entries) in hostile_trees(outside.to_str().unwrap()) {
        if name.starts_with(".gitmodules") {
            continue; // a link like any other here: it is made and never followed
        }
        let commit = raw_commit(&w.mirror(), &entries);
        let said = w.git.checkout(REPO, &CheckoutOf::Commit(commit), NOW).await;
        assert!(said.is_err(), "{name}: {said:?}");
    }
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 0, "a link was followed");
    assert!(!w.root().join("checkouts/escape").exists() && !Path::new("/tmp/escape").exists());
    let folders = fs::read_dir(w.root().join("checkouts")).unwrap().flatten().filter(|e| e.path().is_dir());
    assert_eq!(folders.count(), 0, "no part of a refused checkout stays");
}

#[tokio::test]
async fn an_endless_depth_ends() {
    let w = World::new();
    w.fetched().await;
    let repository = Repository::open_bare(w.mirror()).unwrap();
    let odb = repository.odb().unwrap();
    let blob = odb.write(ObjectType::Blob, b"x").unwrap();
    let mut tree = odb.write(ObjectType::Tree, &[b"100644 f\0", blob.as_bytes()].concat()).unwrap();
    for _ in 0..5000 {
        tree = odb.write(ObjectType::Tree, &[b"40000 d\0", tree.as_bytes()].concat()).unwrap();
    }
    let commit = format!("tree {tree}\nauthor A <a@b> 1 +0000\ncommitter A <a@b> 1 +0000\n\nx\n");
    let commit: CommitSha = odb.write(ObjectType::Commit, commit.as_bytes()).unwrap().to_string().parse().unwrap();
    assert!(w.git.list_files(REPO, &commit).await.is_err());
    assert!(w.git.checkout(REPO, &CheckoutOf::Commit(commit), NOW).await.is_err());
}
