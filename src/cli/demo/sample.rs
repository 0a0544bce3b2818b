//! The demo's repository, issue and replays, built into the program so that it needs no files.

use github_sim::Files;

/// The conversation whose edit is right.
pub(super) const RIGHT: &str = include_str!("../../../fixtures/replays/python-dotfile-right.json");

/// The conversation whose edit is wrong.
pub(super) const WRONG: &str = include_str!("../../../fixtures/replays/python-dotfile-wrong.json");

const ISSUE: &str = include_str!("../../../fixtures/repos/python-dotfile/ISSUE.md");

macro_rules! tree {
    ($($path:literal),* $(,)?) => {
        [$(($path, include_str!(concat!("../../../fixtures/repos/python-dotfile/tree/", $path)))),*]
    };
}

/// The repository's files; with the name of an agent in its `.github/baton.yml`.
pub(super) fn tree(agent: Option<&str>) -> Files {
    let files = tree![
        ".github/baton.yml",
        ".gitignore",
        "CHANGELOG.md",
        "LICENSE",
        "README.md",
        "dotfile/__init__.py",
        "dotfile/__main__.py",
        "dotfile/errors.py",
        "dotfile/expand.py",
        "dotfile/lines.py",
        "dotfile/loader.py",
        "dotfile/values.py",
        "pyproject.toml",
        "tests/__init__.py",
        "tests/test_command.py",
        "tests/test_loader.py",
        "tests/test_values.py",
    ];
    files.into_iter().fold(Files::none(), |tree, (path, text)| match agent {
        Some(agent) if path == ".github/baton.yml" => tree.with(path, format!("agent: {agent}\n{text}")),
        _ => tree.with(path, text),
    })
}

/// The issue's title and body, with the nonce in its place.
pub(super) fn issue(nonce: &str) -> (String, String) {
    let (title, body) = ISSUE.split_once('\n').unwrap_or((ISSUE, ""));
    (title.to_owned(), body.trim_start().replace("{{nonce}}", nonce))
}
