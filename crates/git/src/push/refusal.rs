//! Why a server refuses a branch, read from its own words: GitHub's codes (GH001, GH006, GH013) and git's summaries.

use serde::{Deserialize, Serialize};

/// The rule that a server named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusalReason {
    /// GH006: the branch is protected.
    Protected,
    /// GH013: a repository rule.
    Ruleset,
    /// GH013: push protection found a secret.
    Secret,
    /// GH001: a file, or all together, is too large.
    TooLarge,
    /// The App may not change workflow files.
    WorkflowPermission,
    /// The branch is not where Baton left it.
    NonFastForward,
    /// The repository is archived or read-only.
    ReadOnly,
    /// The App may not write here.
    NoPermission,
    /// Something else: a hook of the server, for example.
    Other,
}

/// The reason for a rejected reference.
pub(crate) fn classify(stderr: &str, summary: &str) -> RefusalReason {
    let stale = ["(stale info)", "(fetch first)", "(non-fast-forward)", "(remote ref updated since checkout)"];
    named(stderr).or_else(|| named(summary)).unwrap_or(
        // `failed to update ref` and `cannot lock ref`: somebody moved it while this push was under way.
        if stale.iter().any(|s| summary.contains(s))
            || summary.contains("cannot lock ref")
            || summary.contains("failed to update ref")
        {
            RefusalReason::NonFastForward
        } else {
            RefusalReason::Other
        },
    )
}

/// The reason that the server's words name, if they do.
pub(crate) fn named(text: &str) -> Option<RefusalReason> {
    let text = text.to_lowercase();
    let has = |part: &str| text.contains(part);
    if has("refusing to allow") && has("workflow") {
        Some(RefusalReason::WorkflowPermission)
    } else if has("gh001") || has("exceeds github's file size limit") || has("exceeds maximum allowed size") {
        Some(RefusalReason::TooLarge)
    } else if has("gh009") || has("gh013") && (has("push protection") || has("secret")) {
        Some(RefusalReason::Secret)
    } else if has("gh013") {
        Some(RefusalReason::Ruleset)
    } else if has("gh006") || has("protected branch") {
        Some(RefusalReason::Protected)
    } else if has("archived so it is read-only") || has("archived so is read-only") || has("is read-only") {
        Some(RefusalReason::ReadOnly)
    } else {
        None
    }
}

/// The reason behind HTTP's 403.
pub(crate) fn forbidden(stderr: &str) -> RefusalReason {
    named(stderr).unwrap_or(RefusalReason::NoPermission)
}

/// What the server itself said, without git's own lines.
pub(crate) fn remote_lines(stderr: &str) -> String {
    let lines: Vec<&str> = stderr
        .lines()
        .filter_map(|line| line.strip_prefix("remote: "))
        .map(str::trim_end)
        .filter(|line| !line.is_empty())
        .collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn github_s_words_are_understood() {
        use RefusalReason::*;
        let hook = "[remote rejected] (pre-receive hook declined)";
        for (stderr, summary, reason) in [
            (
                "remote: error: GH006: Protected branch update failed for refs/heads/main.",
                "[remote rejected] (protected branch hook declined)",
                Protected,
            ),
            (
                "remote: error: GH013: Repository rule violations found for refs/heads/x.\nremote: - Cannot create ref due to creations being restricted.",
                "[remote rejected] (push declined due to repository rule violations)",
                Ruleset,
            ),
            (
                "remote: error: GH013: Repository rule violations found\nremote: - GITHUB PUSH PROTECTION\nremote:   Push cannot contain secrets",
                "[remote rejected] (push declined due to repository rule violations)",
                Secret,
            ),
            (
                "remote: error: GH001: Large files detected.\nremote: error: File a.bin is 120.00 MB; this exceeds GitHub's file size limit of 100.00 MB",
                hook,
                TooLarge,
            ),
            (
                "",
                "[remote rejected] (refusing to allow a GitHub App to create or update workflow `.github/workflows/ci.yml` without `workflows` permission)",
                WorkflowPermission,
            ),
            ("", "[rejected] (stale info)", NonFastForward),
            ("", "[rejected] (fetch first)", NonFastForward),
            ("", "[remote rejected] (cannot lock ref 'refs/heads/x': is at aaa but expected bbb)", NonFastForward),
            ("remote: ERROR: This repository was archived so it is read-only.", "[remote rejected]", ReadOnly),
            ("remote: no", hook, Other),
        ] {
            assert_eq!(classify(stderr, summary), reason, "{stderr} / {summary}");
        }
    }

    #[test]
    fn only_the_server_is_quoted() {
        assert_eq!(
            remote_lines("remote: error: GH006: no   \nremote: \nerror: failed to push some refs\n"),
            "error: GH006: no"
        );
    }
}
