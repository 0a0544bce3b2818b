//! The Test Anything Protocol, as `node --test` (indented subtests) and `vitest --reporter=tap-flat` print it.

use baton_core::domain::evidence::TestStatus;

use super::Reading;
use super::line::indent;
use super::tree::Tree;

/// Reads TAP.
pub(super) fn read(output: &str) -> Reading {
    let mut reading = Reading::default();
    let mut tree = Tree::default();
    let mut planned = false;
    let mut lines = output.lines().peekable();
    while let Some(line) = lines.next() {
        let depth = indent(line) / 4;
        let text = line.trim_start_matches(' ');
        planned |= depth == 0 && is_plan(text);
        reading.incomplete |= text.starts_with("Bail out!");
        let Some((status, name)) = result(text) else { continue };
        let mut is_suite = false;
        if let Some(start) = lines.next_if(|next| next.trim() == "---") {
            let end = format!("{}...", &start[..indent(start)]);
            for detail in lines.by_ref().take_while(|detail| detail.trim_end() != end) {
                is_suite |= detail.trim() == "type: 'suite'";
            }
        }
        reading.incomplete |= depth == 0 && status == TestStatus::Failed && is_script(&name);
        if let Some(node) = tree.add(depth, &name, status) {
            node.is_suite = is_suite;
        }
    }
    reading.incomplete |= !planned;
    tree.read_into(&mut reading);
    reading
}

/// A whole file is named when it could not be run to its end: its tests are not.
pub(super) fn is_script(name: &str) -> bool {
    let endings = [".js", ".mjs", ".cjs", ".jsx", ".ts", ".mts", ".cts", ".tsx"];
    endings.iter().any(|ending| name.ends_with(ending))
}

/// `1..7`
fn is_plan(text: &str) -> bool {
    text.strip_prefix("1..").is_some_and(|count| count.trim_end().parse::<u32>().is_ok())
}

/// `ok 3 - name # SKIP reason`, `not ok 4 - name`.
fn result(text: &str) -> Option<(TestStatus, String)> {
    let (passed, rest) = match text.strip_prefix("not ok ") {
        Some(rest) => (false, rest),
        None => (true, text.strip_prefix("ok ")?),
    };
    let (number, description) = rest.split_once(' ').unwrap_or((rest, ""));
    number.parse::<u32>().ok()?;
    let description = description.strip_prefix("- ").unwrap_or(description);
    let (name, directive) = split_directive(description);
    let directive = directive.to_ascii_lowercase();
    let status = if directive.starts_with("skip") || directive.starts_with("todo") {
        TestStatus::Skipped
    } else if passed {
        TestStatus::Passed
    } else {
        TestStatus::Failed
    };
    Some((status, name))
}

/// Parts the name from what stands behind the first `#` that is not escaped; `\#` and `\\` in the name are resolved.
fn split_directive(description: &str) -> (String, &str) {
    let mut name = String::new();
    let mut characters = description.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '\\' => name.extend(characters.next().map(|(_, escaped)| escaped)),
            '#' if name.ends_with(' ') || name.is_empty() => return (name, description[at + 1..].trim_start()),
            other => name.push(other),
        }
    }
    (name, "")
}
