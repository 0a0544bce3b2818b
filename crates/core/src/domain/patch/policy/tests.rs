//! The policy as a table: what passes, what does not, and the sentence.

use insta::assert_snapshot;
use proptest::prelude::*;

use super::*;

/// A new plain file of one line.
pub(in crate::domain::patch) fn change(path: &str, line: &str) -> FileChange {
    FileChange {
        path: path.to_owned(),
        old_mode: None,
        new_mode: Some(FileMode::Regular),
        added_lines: 1,
        removed_lines: 0,
        binary: false,
        new_size: line.len() as u64 + 1,
        additions: vec![(1, line.to_owned())],
        link_target: None,
    }
}

pub(in crate::domain::patch) fn patch(files: Vec<FileChange>) -> Patch {
    let sha = |c: &str| c.repeat(40).parse().expect("forty digits");
    Patch { base: sha("0"), head: sha("1"), files }
}

fn said(files: Vec<FileChange>, policy: &PatchPolicy) -> String {
    match judge(&patch(files), policy) {
        PatchVerdict::Clean => "clean".to_owned(),
        PatchVerdict::Refused { findings } => findings.iter().map(|finding| format!("{finding}\n")).collect(),
    }
}

#[test]
fn an_ordinary_patch_is_clean() {
    let files = vec![
        change("src/lib.rs", "pub fn f() {}"),
        change("tests/f.rs", "#[test]"),
        change(".github/ISSUE_TEMPLATE.md", "x"),
    ];
    assert_eq!(said(files, &PatchPolicy::default()), "clean");
    assert_eq!(said(Vec::new(), &PatchPolicy::default()), "clean");
}

#[test]
fn protected_paths_are_protected_in_any_case_and_when_they_go() {
    let mut gone = change(".github/workflows/ci.yml", "");
    (gone.old_mode, gone.new_mode, gone.additions, gone.added_lines) = (Some(FileMode::Regular), None, Vec::new(), 0);
    let files = [
        ".github/workflows/deep/x.yml",
        ".GitHub/Workflows/ci.yml",
        ".github/actions/a/action.yml",
        ".github/baton.yml",
        ".github/baton.yaml",
        "CODEOWNERS",
        "docs/CODEOWNERS",
        ".github/CODEOWNERS",
        ".gitlab-ci.yml",
        "Jenkinsfile",
        ".github/dependabot.yml",
        "src/CODEOWNERS",
        "docs/.github/workflows/ci.yml",
    ];
    let mut files: Vec<FileChange> = files.iter().map(|path| change(path, "x")).collect();
    files.push(gone);
    assert_snapshot!(said(files, &PatchPolicy::default()), @r"
    `.GitHub/Workflows/ci.yml` is protected by `.github/workflows/**`: only people change it
    `.github/CODEOWNERS` is protected by `{,.github/,docs/}CODEOWNERS`: only people change it
    `.github/actions/a/action.yml` is protected by `.github/actions/**`: only people change it
    `.github/baton.yaml` is protected by `.github/baton.{yml,yaml}`: only people change it
    `.github/baton.yml` is protected by `.github/baton.{yml,yaml}`: only people change it
    `.github/dependabot.yml` is protected by `.github/dependabot.{yml,yaml}`: only people change it
    `.github/workflows/ci.yml` is protected by `.github/workflows/**`: only people change it
    `.github/workflows/deep/x.yml` is protected by `.github/workflows/**`: only people change it
    `.gitlab-ci.yml` is protected by `.gitlab-ci.yml`: only people change it
    `CODEOWNERS` is protected by `{,.github/,docs/}CODEOWNERS`: only people change it
    `Jenkinsfile` is protected by `Jenkinsfile`: only people change it
    `docs/CODEOWNERS` is protected by `{,.github/,docs/}CODEOWNERS`: only people change it
    ");
}

#[test]
fn kinds_and_sizes_are_judged() {
    let mut link = change("up", "../../etc");
    (link.new_mode, link.link_target) = (Some(FileMode::Symlink), Some("../../etc".into()));
    let mut inside = change("docs/latest", "v2");
    (inside.new_mode, inside.link_target) = (Some(FileMode::Symlink), Some("v2".into()));
    let mut module = change("vendor/x", "");
    module.new_mode = Some(FileMode::Submodule);
    let mut binary = change("logo.png", "");
    (binary.binary, binary.additions, binary.added_lines) = (true, Vec::new(), 0);
    let mut big = change("data.csv", "x");
    big.new_size = 2 * 1024 * 1024;
    let mut long = change("long.txt", "x");
    long.removed_lines = 5_000;
    let mut unread = change("unread.txt", "x");
    unread.added_lines = 2;
    let files = vec![
        link,
        inside,
        module,
        binary,
        big,
        long,
        unread,
        change(".gitmodules", "[submodule]"),
        change("a/.GIT/config", "x"),
        change("bell\u{7}", "x"),
    ];
    assert_snapshot!(said(files, &PatchPolicy::default()), @r"
    5010 lines added and removed; at most 5000 are allowed
    `data.csv` has 2097152 bytes; at most 1048576 are allowed
    `.gitmodules` concerns submodules, which Baton does not touch
    `vendor/x` concerns submodules, which Baton does not touch
    `up` is a symbolic link that leads out of the repository, to `../../etc`
    `logo.png` is a binary file, which nobody can review as a patch
    the path `a/.GIT/config` is refused: it lies in a `.git` folder, or in what some file systems take for one
    the path `bell\u{7}` is refused: it contains a control character
    `unread.txt` adds more text than is scanned for secrets, so it is not published
    ");
}

#[test]
fn secrets_are_found_wherever_they_stand() {
    let token = ["ghp", "_16C7e42F292c6912E7710c838347Ae178B4a"].concat();
    let mut link = change("link", "x");
    (link.new_mode, link.link_target) = (Some(FileMode::Symlink), Some(token.clone()));
    let files = || {
        vec![
            change("src/a.rs", &format!("let t = \"{token}\";")),
            change(&format!("notes/{token}.txt"), "x"),
            link.clone(),
        ]
    };
    let text = said(files(), &PatchPolicy::default());
    assert_snapshot!(text, @r"
    the name of a file looks like a secret (github-token: ghp_… (44 characters))
    the target of the symbolic link `link` looks like a secret (github-token: ghp_… (40 characters))
    `src/a.rs`, line 1: looks like a secret (github-token: ghp_… (40 characters))
    ");
    assert!(!text.contains(&token));
    let policy = PatchPolicy { allow_secrets: vec!["**".into()], ..PatchPolicy::default() };
    assert_eq!(said(files(), &policy), "clean");
}

#[test]
fn limits_are_the_operator_s() {
    let policy = PatchPolicy { max_files: 1, allow_binary: vec!["*.png".into()], ..PatchPolicy::default() };
    let mut binary = change("logo.PNG", "");
    (binary.binary, binary.additions, binary.added_lines) = (true, Vec::new(), 0);
    assert_eq!(said(vec![binary.clone()], &policy), "clean");
    assert_eq!(said(vec![binary, change("a", "x")], &policy), "2 files changed; at most 1 are allowed\n");
}

#[test]
fn a_broken_policy_lets_nothing_pass() {
    let policy = PatchPolicy { protected_paths: vec!["a[".into()], ..PatchPolicy::default() };
    assert!(policy.check().is_err());
    let PatchVerdict::Refused { findings } = judge(&patch(Vec::new()), &policy) else { panic!("it passed") };
    assert!(matches!(&findings[..], [Finding::BrokenPolicy { glob, .. }] if glob == "a["));
}

#[test]
fn more_text_than_is_scanned_is_refused() {
    let line = "a b ".repeat(MAX_SCANNED_BYTES / 8);
    let files = ["a", "b", "c"].map(|path| change(path, &line)).to_vec();
    let policy = PatchPolicy { max_file_bytes: u64::MAX, ..PatchPolicy::default() };
    assert_eq!(said(files, &policy), "`c` adds more text than is scanned for secrets, so it is not published\n");
}

#[test]
fn a_verdict_survives_json() {
    let verdict = judge(&patch(vec![change("CODEOWNERS", "x")]), &PatchPolicy::default());
    let text = serde_json::to_string(&verdict).expect("plain data");
    assert_snapshot!(text, @r#"{"verdict":"refused","findings":[{"finding":"protected_path","path":"CODEOWNERS","glob":"{,.github/,docs/}CODEOWNERS"}]}"#);
    assert_eq!(serde_json::from_str::<PatchVerdict>(&text).expect("what was written"), verdict);
    let policy: PatchPolicy = serde_json::from_str("{}").expect("all defaults");
    assert_eq!(policy, PatchPolicy::default());
}

proptest! {
    #[test]
    fn what_is_clean_is_harmless(
        files in prop::collection::vec(
            (
                prop_oneof![
                    "[a-z./]{1,12}",
                    "\\PC{1,12}",
                    "[.]github/(workflows|Actions|docs)/[a-z]{1,4}",
                    "(a/)?[.]git(modules|ignore)?",
                ],
                prop::option::of(prop::sample::select(vec![
                    FileMode::Regular, FileMode::Executable, FileMode::Symlink, FileMode::Submodule,
                ])),
                "[./a]{0,8}",
                any::<bool>(),
            ),
            0..4,
        ),
    ) {
        let files: Vec<FileChange> = files
            .into_iter()
            .map(|(path, new_mode, target, binary)| {
                let mut file = change(&path, "x");
                (file.new_mode, file.binary) = (new_mode, binary);
                file.link_target = (new_mode == Some(FileMode::Symlink)).then_some(target);
                file
            })
            .collect();
        let clean = judge(&patch(files.clone()), &PatchPolicy::default()).is_clean();
        let harmless = files.iter().all(|file| {
            let lower = file.path.to_lowercase();
            check_path(&file.path).is_ok()
                && !lower.starts_with(".github/workflows/")
                && !lower.starts_with(".github/actions/")
                && !lower.ends_with(".gitmodules")
                && file.new_mode != Some(FileMode::Submodule)
                && (file.new_mode.is_none() || !file.binary)
                && file.link_target.as_ref().is_none_or(|target| link_stays_inside(&file.path, target))
        });
        prop_assert_eq!(clean, harmless);
    }
}
