//! GitHub's own words when it says no, what Baton reads in them, and what people read of it.

#![expect(clippy::unwrap_used, reason = "whatever fails here is a failing test")]

use baton_core::command::parse;
use baton_core::command::spec::Place;
use baton_core::domain::note::Note;
use baton_core::domain::refusal::Refusal;
use baton_core::domain::task::Failure;
use baton_core::prose::neutral::Links;
use baton_core::prose::note::{Around, comment};
use insta::assert_snapshot;
use proptest::prelude::*;

/// Words as GitHub and git say them, the server's lines without `remote:`.
const WORDS: [(&str, &str); 35] = [
    (
        "protected branch",
        "error: GH006: Protected branch update failed for refs/heads/baton/issue-1.\n\n- Changes must be made through a pull request.\n\n- Required status check \"ci\" is expected.\n[remote rejected] (protected branch hook declined)",
    ),
    (
        "ruleset",
        "error: GH013: Repository rule violations found for refs/heads/baton/issue-1.\nReview all repository rules at https://github.com/acme/app/rules?ref=refs%2Fheads%2Fbaton%2Fissue-1\n\n- Cannot create ref due to creations being restricted.\n\n- Commits must have verified signatures.\n[remote rejected] (push declined due to repository rule violations)",
    ),
    (
        "push protection",
        "error: GH013: Repository rule violations found for refs/heads/baton/issue-1.\n\n- GITHUB PUSH PROTECTION\n  —————————————————————————————————————————\n    Resolve the following violations before pushing again\n\n    - Push cannot contain secrets\n\n\n     (?) Learn how to resolve a blocked push\n     https://docs.github.com/code-security/secret-scanning\n\n\n      —— Stripe Live API Secret Key ————————————————————————————————\n       locations:\n         - commit: 8f3a1c0de2\n           path: config/pay.py:4\n\n       (?) To push, remove secret from commit(s) or follow this URL to allow the secret.\n       https://github.com/acme/app/security/secret-scanning/unblock-secret/2aBcD\n[remote rejected] (push declined due to repository rule violations)",
    ),
    (
        "large file",
        "error: Trace: 0123\nerror: See https://gh.io/lfs for more information.\nerror: File assets/it is big.bin is 120.00 MB; this exceeds GitHub's file size limit of 100.00 MB\nerror: GH001: Large files detected. You may want to try Git Large File Storage - https://git-lfs.github.com.\n[remote rejected] (pre-receive hook declined)",
    ),
    ("large pack", "fatal: pack exceeds maximum allowed size (2.00 GiB)"),
    ("quota of data", "batch response: This repository is over its data quota."),
    ("quota of the disk", "error: file write error: No space left on device\n[remote rejected] (unpacker error)"),
    (
        "workflow",
        "[remote rejected] (refusing to allow a GitHub App to create or update workflow `.github/workflows/ci.yml` without `workflows` permission)",
    ),
    ("moved before", "[rejected] (stale info)"),
    ("moved during", "[remote rejected] (cannot lock ref 'refs/heads/x': is at aaa but expected bbb)"),
    ("hook", "policy: no pushes on Sundays\n[remote rejected] (pre-receive hook declined)"),
    (
        "archived, git",
        "fatal: unable to access 'https://github.com/acme/app.git/': This repository was archived so it is read-only.",
    ),
    ("archived, API", "Repository was archived so is read-only."),
    ("empty", "Git Repository is empty."),
    ("no default branch", "the default branch `main` has no commit yet"),
    ("base", "Validation Failed\nPullRequest base invalid"),
    ("permission, API", "Resource not accessible by integration"),
    ("permission, token", "The permissions requested are not granted to this installation."),
    ("permission, git", "Permission to acme/app.git denied to baton[bot]."),
    ("write access, git", "Write access to repository not granted."),
    ("suspended", "This installation has been suspended"),
    ("issues off", "Issues are disabled for this repo"),
    ("issues off, newer", "Issues has been disabled in this repository."),
    ("pull requests off", "Pull requests are disabled for this repo"),
    ("locked", "Unable to create comment because issue is locked."),
    ("no commits", "Validation Failed\nNo commits between main and baton/issue-1"),
    ("pull exists", "Validation Failed\nA pull request already exists for acme:baton/issue-1."),
    (
        "restricted",
        "An owner of this repository has limited the ability to open a pull request to users that are collaborators on this repository.",
    ),
    ("blocked", "Repository access blocked"),
    ("deleted", "This issue was deleted"),
    ("rules, API", "Repository rule violations found\n\nCannot create ref due to creations being restricted."),
    ("reference", "Reference already exists"),
    ("secrets, old", "error: GH009: Secrets detected! This push failed."),
    ("hostile", "no\n```\n@everyone /baton cancel [x](https://evil.test) <img src=x>"),
    ("nothing", ""),
];

fn links() -> Links {
    Links::of_repository("https://github.com", &"acme/app".parse().unwrap())
}

fn told(refusal: Refusal, said: &str, work_kept: bool) -> String {
    let reason = Failure::Refused { what: "push the branch".to_owned(), refusal, said: said.to_owned() };
    let around = Around { task: None, place: Place::Issue, links: &links(), contact: None };
    comment(&Note::Failed { reason, work_kept }, &around)
}

#[test]
fn every_no_of_github_is_read_and_told() {
    let mut table = String::new();
    for (name, words) in WORDS {
        let refusal = Refusal::read(words);
        let kind = serde_json::to_value(&refusal).unwrap()["refusal"].as_str().unwrap().to_owned();
        table.push_str(&format!("=== {name}: {kind}\n{}\n\n", told(refusal, words, true)));
    }
    assert_snapshot!(table);
}

#[test]
fn a_missing_permission_says_where_it_is_granted() {
    let page = Some("https://github.com/organizations/acme/settings/installations/7".to_owned());
    let cases = [
        Refusal::permission(None),
        Refusal::Permission { needs: Some("checks: write".into()), unaccepted: vec![], page: page.clone() },
        Refusal::Permission {
            needs: Some("contents: write".into()),
            unaccepted: vec!["checks: write".into(), "contents: write".into()],
            page,
        },
        Refusal::Suspended,
        Refusal::NotInstalled,
        Refusal::Hidden,
        Refusal::Gone,
    ];
    let lines: Vec<String> = cases.into_iter().map(|refusal| told(refusal, "", false)).collect();
    assert_snapshot!(lines.join("\n---\n"));
}

/// Any text of a server, with words that matter thrown in.
fn words() -> impl Strategy<Value = String> {
    let known = proptest::sample::select(WORDS.iter().flat_map(|(_, words)| words.lines()).collect::<Vec<_>>());
    let line = prop_oneof![
        3 => known.prop_map(str::to_owned),
        2 => "\\PC{0,80}",
        1 => "(- |path: |—— |error: File )[`\\[\\]()<>@/#a-zé*_ ]{0,300}( is 1; this exceeds)?",
    ];
    proptest::collection::vec(line, 0..30).prop_map(|lines| lines.join("\n"))
}

proptest! {
    #[test]
    fn whatever_a_server_says_ends_as_a_short_sentence_that_does_nothing(words in words(), kept: bool) {
        let refusal = Refusal::read(&words);
        let again: Refusal = serde_json::from_str(&serde_json::to_string(&refusal).unwrap()).unwrap();
        prop_assert_eq!(&again, &refusal);
        let comment = told(refusal, &words, kept);
        prop_assert!(comment.chars().count() < 30_000, "{}", comment.chars().count());
        prop_assert!(parse(&comment).is_empty(), "a bot would obey this: {}", comment);
        let html = comrak::markdown_to_html(&comment, &{
            let mut options = comrak::Options::default();
            options.extension.autolink = true;
            options.render.r#unsafe = true;
            options
        });
        prop_assert!(!html.contains("<img") && !html.contains("<script"), "{}", html);
        for link in html.split("href=\"").skip(1) {
            prop_assert!(link.starts_with("https://github.com/acme/app/"), "{}", html);
            prop_assert!(!link.contains("unblock-secret"), "{}", html);
        }
    }

    /// GitHub names the place; should a server print the secret beside it, it goes no further.
    #[test]
    fn a_secret_is_never_in_the_sentence(body in "[A-Za-z0-9]{36}", at in 0_usize..8) {
        let secret = format!("ghp_{body}");
        let (_, words) = WORDS.iter().find(|(name, _)| *name == "push protection").unwrap();
        let mut lines: Vec<String> = words.lines().map(str::to_owned).collect();
        lines.insert(lines.len() - at, format!("           key = \"{secret}\""));
        let words = lines.join("\n");
        let refusal = Refusal::read(&words);
        let is_secret = matches!(refusal, Refusal::Secrets { .. });
        prop_assert!(is_secret);
        prop_assert!(!told(refusal, &words, true).contains(&body));
    }
}
