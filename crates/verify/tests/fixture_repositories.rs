//! The repositories of `fixtures/repos`, tested for real with their own tools: the right and the wrong edit of each
//! `solution.md` are applied, and the evidence must say what the solution says.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot read its own fixtures must fail")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use baton_core::domain::enclosure::{Completed, Ending};
use baton_core::domain::evidence::{Evidence, TestName, TestRun};
use baton_verify::{
    Comparison, ConfigChange, Detected, Executed, TestCommand, assemble, commands_to_rerun, compare, config_changes,
    detect, given, is_test_file,
};
use tempfile::TempDir;

type Tree = BTreeMap<String, String>;

fn repository(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/repos").join(name)
}

/// The text files below a folder.
fn tree(folder: &Path) -> Tree {
    let mut files = Tree::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
                files.insert(name, fs::read_to_string(&path).unwrap());
            }
        }
    }
    files
}

/// One file under a heading of a `solution.md`: its path, whether it is new, and its fenced blocks in order.
struct Edit {
    path: String,
    is_new: bool,
    blocks: Vec<String>,
}

/// The edits under the heading `## WHICH edit`.
fn edits(solution: &str, which: &str) -> Vec<Edit> {
    let mut edits: Vec<Edit> = Vec::new();
    let mut block: Option<String> = None;
    let mut wanted = false;
    for line in solution.lines() {
        if line.starts_with("````") {
            match block.take() {
                Some(text) if wanted => edits.last_mut().unwrap().blocks.push(text.replace("{{nonce}}", "BATON-4711")),
                Some(_) => {}
                None => block = Some(String::new()),
            }
        } else if let Some(text) = &mut block {
            text.push_str(line);
            text.push('\n');
        } else if line.starts_with("## ") {
            wanted = line == format!("## {which} edit");
        } else if wanted && let Some(heading) = line.strip_prefix("### `") {
            let (path, rest) = heading.split_once('`').unwrap();
            edits.push(Edit { path: path.to_owned(), is_new: rest == " (new file)", blocks: Vec::new() });
        }
    }
    edits
}

/// `base` with one of the edits of a `solution.md`.
fn edited(base: &Tree, solution: &str, which: &str) -> Tree {
    let mut files = base.clone();
    let edits = edits(solution, which);
    assert_eq!(edits.len(), 3, "a source file, a test and the changelog");
    for edit in edits {
        if edit.is_new {
            assert!(!files.contains_key(&edit.path));
            files.insert(edit.path, edit.blocks.concat());
            continue;
        }
        assert!(!edit.blocks.is_empty() && edit.blocks.len() % 2 == 0, "pairs of old and new text for {}", edit.path);
        let mut text = files[&edit.path].clone();
        for pair in edit.blocks.chunks(2) {
            assert_eq!(text.matches(&pair[0]).count(), 1, "{} holds this once:\n{}", edit.path, pair[0]);
            text = text.replace(&pair[0], &pair[1]);
        }
        files.insert(edit.path, text);
    }
    assert!(files["CHANGELOG.md"].contains("BATON-4711"), "the tracking id stands in the change");
    files
}

/// Runs the commands on a tree, as the engine does in the sandbox.
fn run(files: &Tree, commands: &[TestCommand]) -> TestRun {
    let folder = TempDir::new().unwrap();
    for (path, content) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    let completed: Vec<Completed> = commands.iter().map(|command| execute(folder.path(), &command.command)).collect();
    let executed: Vec<Executed<'_>> =
        commands.iter().zip(&completed).map(|(command, completed)| Executed::Test(command, completed, &[])).collect();
    let mut run = assemble(&executed, folder.path().to_str().unwrap());
    for command in &mut run.commands {
        command.millis = 0;
        command.tail.clear();
    }
    run
}

#[expect(clippy::disallowed_methods, reason = "the tools of the fixtures are run for real, here and not in a sandbox")]
fn execute(folder: &Path, command: &str) -> Completed {
    let started = Instant::now();
    let output = Command::new("bash")
        .args(["-c", &format!("exec 2>&1; {command}")])
        .current_dir(folder)
        .env_remove("CARGO_TARGET_DIR")
        .env_remove("NODE_OPTIONS")
        .output()
        .unwrap_or_else(|error| panic!("bash cannot be started ({error}); install it to run this test"));
    let status = output.status.code().unwrap();
    assert_ne!(
        status,
        127,
        "`{command}` needs a program that is not installed:\n{}",
        String::from_utf8_lossy(&output.stdout)
    );
    Completed {
        ending: Ending::Exited(status),
        output: String::from_utf8(output.stdout).unwrap(),
        dropped_bytes: 0,
        millis: u64::try_from(started.elapsed().as_millis()).unwrap(),
    }
}

fn found(base: &Tree) -> Detected {
    let listing: Vec<String> = base.keys().cloned().collect();
    detect(&listing, &|path| base.get(path).cloned())
}

/// The whole way of a task: base, branch, the branch's tests on the base's source, a re-run, the comparison.
fn evidence(name: &str, which: &str, commands: &[TestCommand]) -> Evidence {
    let base = tree(&repository(name).join("tree"));
    let solution = fs::read_to_string(repository(name).join("solution.md")).unwrap();
    let branch = edited(&base, &solution, which);
    let languages: Vec<_> = found(&base).languages.into_iter().collect();
    let mut mixed = base.clone();
    mixed.extend(branch.iter().filter(|(path, _)| is_test_file(path, &languages)).map(|(p, c)| (p.clone(), c.clone())));
    let changes: Vec<ConfigChange<'_>> = branch
        .iter()
        .filter(|(path, content)| base.get(*path) != Some(content))
        .map(|(path, content)| ConfigChange { path, old: base.get(path).map(String::as_str), new: Some(content) })
        .collect();

    let base_run = run(&base, commands);
    let branch_run = run(&branch, commands);
    let again: Vec<TestCommand> =
        commands_to_rerun(&base_run, &branch_run).into_iter().map(|at| commands[at].clone()).collect();
    let rerun = (!again.is_empty()).then(|| run(&branch, &again));
    let tests_on_base = run(&mixed, commands);
    compare(Comparison {
        base: &base_run,
        branch: &branch_run,
        rerun: rerun.as_ref(),
        branch_tests_on_base: Some(&tests_on_base),
        config_changed: &config_changes(&changes),
    })
}

/// The evidence as lines; empty lists are left out.
fn shown(evidence: &Evidence) -> String {
    let mut lines = vec![format!("still passing: {}", evidence.still_passing)];
    let lists: [(&str, &[TestName]); 9] = [
        ("fixed", &evidence.fixed),
        ("added, failing on base", &evidence.added_failing_on_base),
        ("added", &evidence.added),
        ("added, failing", &evidence.added_failing),
        ("newly failing", &evidence.newly_failing),
        ("failing before", &evidence.failing_before),
        ("flaky", &evidence.flaky),
        ("removed", &evidence.removed),
        ("newly skipped", &evidence.newly_skipped),
    ];
    for (title, names) in lists {
        lines.extend(names.iter().map(|name| format!("{title}: {}", name.0)));
    }
    lines.extend(evidence.config_changed.iter().map(|path| format!("configuration: {path}")));
    lines.extend(evidence.broken_commands.iter().map(|command| format!("broken: {command}")));
    for (side, commands) in [("base", &evidence.base_commands), ("branch", &evidence.branch_commands)] {
        lines.extend(commands.iter().map(|run| format!("{side}: {} ({})", run.command, run.ended)));
    }
    lines.extend(evidence.missing.iter().map(|why| format!("missing: {why}")));
    lines.push(format!("good: {}", evidence.is_good()));
    lines.join("\n")
}

#[test]
fn rust_right() {
    let commands = found(&tree(&repository("rust-timespan").join("tree"))).test;
    insta::assert_snapshot!(shown(&evidence("rust-timespan", "Right", &commands)), @r"
    still passing: 24
    added, failing on base: tests/carry.rs::seconds_that_round_up_to_sixty_carry_into_the_minutes
    added, failing on base: tests/carry.rs::the_carry_follows_the_precision
    added, failing on base: tests/carry.rs::the_clock_never_shows_sixty
    base: cargo test --no-fail-fast --offline (exit 0)
    branch: cargo test --no-fail-fast --offline (exit 0)
    good: true
    ");
}

#[test]
fn rust_wrong() {
    let commands = found(&tree(&repository("rust-timespan").join("tree"))).test;
    insta::assert_snapshot!(shown(&evidence("rust-timespan", "Wrong", &commands)), @r"
    still passing: 21
    added, failing on base: tests/carry.rs::sixty_seconds_are_never_shown
    newly failing: tests/format.rs::parse_reads_what_format_writes
    newly failing: tests/format.rs::rounds_to_the_nearest_millisecond
    newly failing: tests/format.rs::rounds_to_the_nearest_second
    base: cargo test --no-fail-fast --offline (exit 0)
    branch: cargo test --no-fail-fast --offline (exit 101)
    good: false
    ");
}

/// This repository names its command in `.github/baton.yml`.
fn python_commands() -> Vec<TestCommand> {
    let tree = tree(&repository("python-dotfile").join("tree"));
    let settings = &tree[".github/baton.yml"];
    let line = settings.lines().find_map(|line| line.trim().strip_prefix("test: ")).unwrap();
    given(&[line.to_owned()], &[], &|_| None)
}

#[test]
fn python_right() {
    insta::assert_snapshot!(shown(&evidence("python-dotfile", "Right", &python_commands())), @r"
    still passing: 26
    added, failing on base: tests.test_hash_in_quotes.HashInQuotes.test_double_quotes
    added, failing on base: tests.test_hash_in_quotes.HashInQuotes.test_nothing_else_may_follow
    added, failing on base: tests.test_hash_in_quotes.HashInQuotes.test_several_lines
    added, failing on base: tests.test_hash_in_quotes.HashInQuotes.test_single_quotes
    added: tests.test_hash_in_quotes.HashInQuotes.test_a_comment_may_follow
    added: tests.test_hash_in_quotes.HashInQuotes.test_never_closed
    base: python3 -m unittest discover -v -s tests -t . (exit 0)
    branch: python3 -m unittest discover -v -s tests -t . (exit 0)
    good: true
    ");
}

#[test]
fn python_wrong() {
    insta::assert_snapshot!(shown(&evidence("python-dotfile", "Wrong", &python_commands())), @r"
    still passing: 25
    added, failing on base: tests.test_hash_in_quotes.HashInQuotes.test_the_sign_belongs_to_the_value
    newly failing: tests.test_values.Comments.test_after_a_quoted_value
    base: python3 -m unittest discover -v -s tests -t . (exit 0)
    branch: python3 -m unittest discover -v -s tests -t . (exit 1)
    good: false
    ");
}

#[test]
fn python_commands_are_found_without_a_file_too() {
    let mut base = tree(&repository("python-dotfile").join("tree"));
    base.remove(".github/baton.yml");
    let run = run(&base, &found(&base).test);
    assert_eq!(run.tests.len(), 26);
    assert!(run.commands_succeeded());
}

#[test]
fn javascript_right() {
    let commands = found(&tree(&repository("javascript-hotshelf").join("tree"))).test;
    insta::assert_snapshot!(shown(&evidence("javascript-hotshelf", "Right", &commands)), @r"
    still passing: 22
    added, failing on base: overwriting a value > keeps it when room is needed
    added, failing on base: overwriting a value > makes the entry the most recently used one
    added: overwriting a value > is not counted in the statistics
    base: node --test --test-reporter=tap (exit 0)
    branch: node --test --test-reporter=tap (exit 0)
    good: true
    ");
}

#[test]
fn javascript_wrong() {
    let commands = found(&tree(&repository("javascript-hotshelf").join("tree"))).test;
    insta::assert_snapshot!(shown(&evidence("javascript-hotshelf", "Wrong", &commands)), @r"
    still passing: 21
    added, failing on base: keeps an entry that was overwritten
    newly failing: onEvict > is not called when a value is overwritten
    base: node --test --test-reporter=tap (exit 0)
    branch: node --test --test-reporter=tap (exit 1)
    good: false
    ");
}
