//! `ISSUE.md` and `solution.md` of a sample repository: the issue as people see it, the edits as calls of tools.

use std::fs;

use baton_core::prose::untrusted::visible;
use serde_json::Value;

use crate::files::fixtures;
use crate::story::{call, said};

/// What stands for the tracking id, in the files and in recordings alike.
const NONCE: &str = "{{nonce}}";

fn text(repository: &str, file: &str) -> String {
    fs::read_to_string(fixtures().join("repos").join(repository).join(file)).unwrap()
}

/// Title and body of the issue with this tracking id, without what is hidden: as the engine hands them to an agent.
pub fn issue(repository: &str, nonce: &str) -> (String, String) {
    let issue = text(repository, "ISSUE.md").replace(NONCE, nonce);
    let (title, body) = issue.split_once('\n').unwrap();
    (title.to_owned(), visible(body).text)
}

/// The edits under `## WHICH edit` for one file, as calls: `write` for a new file, `edit` for each replacement.
pub fn edits(repository: &str, which: &str, file: &str) -> Vec<Value> {
    let (is_new, blocks) = blocks(&text(repository, "solution.md"), &format!("## {which} edit"), file);
    if is_new {
        assert_eq!(blocks.len(), 1, "{repository}/solution.md has one text for {file}");
        return vec![call("write", serde_json::json!({ "path": file, "content": blocks[0] }))];
    }
    assert!(!blocks.is_empty() && blocks.len() % 2 == 0, "{repository}/solution.md has pairs for {file}");
    let edit = |pair: &[String]| call("edit", serde_json::json!({ "path": file, "old": pair[0], "new": pair[1] }));
    blocks.chunks(2).map(edit).collect()
}

/// The fenced blocks for one file under a heading, and whether the file is new. Headings inside of blocks are none.
fn blocks(solution: &str, heading: &str, file: &str) -> (bool, Vec<String>) {
    let (mut in_section, mut in_file, mut is_new) = (false, false, false);
    let mut blocks = Vec::new();
    let mut block: Option<String> = None;
    for line in solution.lines() {
        if line.starts_with("````") {
            match block.take() {
                Some(text) if in_section && in_file => blocks.push(template(&text)),
                Some(_) => {}
                None => block = Some(String::new()),
            }
        } else if let Some(text) = &mut block {
            text.push_str(line);
            text.push('\n');
        } else if line.starts_with("## ") {
            in_section = line == heading;
        } else if let Some(rest) = line.strip_prefix("### `") {
            let (path, rest) = rest.split_once('`').unwrap();
            in_file = path == file;
            is_new |= in_section && in_file && rest == " (new file)";
        }
    }
    (is_new, blocks)
}

/// A text of `solution.md` as the model says it: with a variable for the tracking id.
fn template(text: &str) -> String {
    text.split(NONCE).map(said).collect::<Vec<_>>().join(NONCE)
}
