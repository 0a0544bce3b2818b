//! `baton demo`, as a newcomer runs it: no configuration, an empty folder.

use std::path::Path;

use tempfile::TempDir;

use super::process::run;

/// What it prints, and the change record it made up.
fn demo() -> (String, String) {
    let folder = TempDir::new().unwrap();
    let output = run(folder.path(), Path::new(env!("CARGO_BIN_EXE_baton")), &["demo"], &[]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{}\n{text}\n{}", output.status, String::from_utf8_lossy(&output.stderr));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "it leaves nothing where it was started");
    assert!(!text.contains('\x1b'), "piped output has no escape codes");
    let nonce = text.split("asks for the change record ").nth(1).unwrap();
    (text.clone(), nonce.split_whitespace().next().unwrap().to_owned())
}

#[test]
fn it_shows_a_proof_and_a_refusal_and_made_neither_up() {
    let (first, one) = demo();
    for shown in [
        "replay: ",
        "### Plan, revision 1",
        "/plan approve",
        "| Tests | Number | Which |",
        "fail on the base's source, pass now",
        "(open pull request)",
        "(open draft pull request)",
        "broken: passed on the base, fail now",
        "test_after_a_quoted_value",
    ] {
        assert!(first.contains(shown), "`{shown}` is not shown:\n{first}");
    }
    let (second, other) = demo();
    assert_ne!(one, other);
    assert!(first.matches(&one).count() > 1 && second.matches(&other).count() > 1);
    assert!(!second.contains(&one), "the second demonstration knows the first one's record");
}
