//! Closing keywords: `Fixes #3` in a merged pull request's body or in a commit that reaches the default branch.

use std::collections::BTreeSet;

use super::mention;
use crate::world::{Actor, World};

const WORDS: [&str; 9] = ["close", "closes", "closed", "fix", "fixes", "fixed", "resolve", "resolves", "resolved"];

impl World {
    /// Closes the open issues that a text names with a closing keyword; `commit` is what did it.
    pub(crate) fn close_named(&mut self, by: &Actor, repo: u64, text: &str, commit: Option<&str>) {
        let full_name = self.full_name(repo);
        for number in named(text, &full_name) {
            if self.issue(repo, number).is_some_and(|issue| issue.open && issue.pull.is_none()) {
                self.close_issue(by, repo, number, Some("completed"), commit);
            }
        }
    }
}

/// The numbers of issues in `repository` that the text closes.
pub(crate) fn named(text: &str, repository: &str) -> BTreeSet<u64> {
    let visible = mention::without_code(text);
    let words: Vec<&str> = visible.split_whitespace().collect();
    let mut numbers = BTreeSet::new();
    for pair in words.windows(2) {
        let [keyword, target] = pair else { continue };
        let keyword = keyword.trim_start_matches(['(', '*', '_', '-', '"']).trim_end_matches(':');
        if WORDS.iter().any(|word| keyword.eq_ignore_ascii_case(word)) {
            numbers.extend(number_of(target, repository));
        }
    }
    numbers
}

fn number_of(target: &str, repository: &str) -> Option<u64> {
    let (prefix, rest) = match target.split_once('#') {
        Some(parts) => parts,
        None => (repository, target.split_once("/issues/")?.1),
    };
    if !prefix.is_empty() && !prefix.eq_ignore_ascii_case(repository) {
        return None;
    }
    let digits = rest.find(|c: char| !c.is_ascii_digit()).map_or(rest, |end| &rest[..end]);
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keywords_github_knows() {
        let text =
            "Closes #1, fixes: #2.\nResolved acme/app#3 but `fixes #4`, fix other/app#5, see #6, <!-- closes #7 -->";
        assert_eq!(named(text, "acme/app").into_iter().collect::<Vec<_>>(), [1, 2, 3]);
    }
}
