//! GitHub's closing keywords: which pull requests say that they close an issue.
//!
//! Source: GitHub's documentation, "Linking a pull request to an issue": close, closes, closed, fix, fixes, fixed, resolve,
//! resolves, resolved, in any case, with an optional colon, before `#N`, `OWNER/REPO#N` or the issue's address.

use std::sync::LazyLock;

use regex::Regex;

use super::ids::{IssueNumber, RepositoryName};

#[expect(clippy::expect_used, reason = "a constant, covered by the tests below")]
static CLOSING: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?i)\b(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?):?\s+(?:(?P<repo>[\w.-]+/[\w.-]+)?#|gh-|https?://[^/\s]+/(?P<url>[\w.-]+/[\w.-]+)/issues/)(?P<number>[0-9]{1,18})\b",
    )
    .expect("a constant pattern")
});

/// Whether a pull request of `repository` with this text closes issue `number` of it when it is merged.
#[must_use]
pub fn closes(text: &str, repository: &RepositoryName, number: IssueNumber) -> bool {
    CLOSING.captures_iter(text).any(|found| {
        let elsewhere = found
            .name("repo")
            .or_else(|| found.name("url"))
            .is_some_and(|named| named.as_str().parse::<RepositoryName>().map_or(true, |named| named != *repository));
        !elsewhere && found["number"].parse() == Ok(number.0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keywords_count_before_this_issue_only() {
        let repository: RepositoryName = "acme/app".parse().unwrap();
        let does = |text: &str| closes(text, &repository, IssueNumber(7));
        for text in [
            "Closes #7",
            "This fixes: #7, and more",
            "RESOLVED acme/App#7",
            "fix gh-7",
            "Fixed https://github.com/acme/app/issues/7.",
            "closes #8, closes #7",
        ] {
            assert!(does(text), "{text}");
        }
        for text in
            ["See #7", "closes #77", "closes other/app#7", "encloses #7", "closes https://x.org/a/b/issues/7", ""]
        {
            assert!(!does(text), "{text}");
        }
    }
}
