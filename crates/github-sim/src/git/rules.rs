//! What GitHub refuses a push for besides access: rules on branches, secrets, large files, workflows. In its own words.

use std::collections::{BTreeMap, BTreeSet};

use super::Git;
use super::pktline::RefCommand;
use super::read::ZERO;
use crate::world::repository::{Rule, covers};

/// What the pusher's token and the repository's settings allow.
#[derive(Debug, Clone, Default)]
pub(crate) struct PushRules {
    pub may_change_workflows: bool,
    pub is_app: bool,
    pub protected: BTreeMap<String, BTreeSet<Rule>>,
    pub rulesets: Vec<(String, Rule)>,
    pub default_branch: String,
    /// Of the repository's pages, for the links in the refusals.
    pub html_url: String,
    pub push_protection: bool,
    /// Bytes a file may have.
    pub largest_file: u64,
}

/// GitHub's limit for a file: 100 MB.
pub(crate) const LARGEST_FILE: u64 = 100 * 1024 * 1024;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused {
    /// Beside the ref, in git's own report.
    pub reason: String,
    /// On the lines that begin with `remote:`.
    pub says: String,
}

/// One ref of a push, with where its objects are looked up: they are in quarantine still.
pub(super) struct Pushed<'a> {
    pub git: &'a Git,
    pub repo: u64,
    pub command: &'a RefCommand,
    pub rules: &'a PushRules,
    pub env: &'a [(&'a str, &'a str)],
}

impl Pushed<'_> {
    pub(super) fn judge(&self) -> Result<(), Refused> {
        if let Some(branch) = self.command.name.strip_prefix("refs/heads/") {
            self.refuse_protected(branch)?;
        }
        if self.command.new != ZERO {
            self.refuse_workflows()?;
            self.refuse_large_files()?;
        }
        if let Some(branch) = self.command.name.strip_prefix("refs/heads/") {
            self.refuse_ruled(branch)?;
        }
        if self.command.new != ZERO && self.rules.push_protection {
            self.refuse_secrets()?;
        }
        Ok(())
    }

    fn lines(&self, args: &[&str]) -> Vec<String> {
        let said = self.git.command(Some(self.repo), args, self.env, b"").unwrap_or_default();
        String::from_utf8_lossy(&said).lines().map(str::to_owned).collect()
    }

    fn breaks(&self, rule: &Rule) -> bool {
        let (old, new) = (self.command.old.as_str(), self.command.new.as_str());
        match rule {
            Rule::PullRequest => true,
            Rule::Deletion => new == ZERO,
            Rule::Creation => old == ZERO,
            Rule::StatusCheck(_) => new != ZERO,
            Rule::ForcePush => {
                let onward = ["merge-base", "--is-ancestor", old, new];
                old != ZERO && new != ZERO && self.git.command(Some(self.repo), &onward, self.env, b"").is_err()
            }
            Rule::Signatures => {
                let commits = self.lines(&["rev-list", new, "--not", "--all"]);
                new != ZERO && commits.iter().any(|sha| !self.is_signed(sha))
            }
        }
    }

    fn is_signed(&self, sha: &str) -> bool {
        let head = self.lines(&["cat-file", "commit", sha]);
        head.iter().take_while(|line| !line.is_empty()).any(|line| line.starts_with("gpgsig"))
    }

    fn refuse_protected(&self, branch: &str) -> Result<(), Refused> {
        let rules = self.rules.protected.get(branch);
        let broken: Vec<&Rule> = rules.into_iter().flatten().filter(|rule| self.breaks(rule)).collect();
        if broken.is_empty() {
            return Ok(());
        }
        let mut says = format!("error: GH006: Protected branch update failed for refs/heads/{branch}.\n");
        broken.iter().for_each(|rule| says.push_str(&format!("\n- {}\n", words(rule, true))));
        Err(Refused { reason: "protected branch hook declined".into(), says })
    }

    fn refuse_ruled(&self, branch: &str) -> Result<(), Refused> {
        let hits = |pattern: &str| covers(pattern, branch, &self.rules.default_branch);
        let hit = self.rules.rulesets.iter().filter(|(pattern, rule)| hits(pattern) && self.breaks(rule));
        let lines: Vec<String> = hit.map(|(_, rule)| format!("- {}\n\n", words(rule, false))).collect();
        if lines.is_empty() {
            return Ok(());
        }
        let encoded = branch.replace('/', "%2F");
        let says = format!(
            "error: GH013: Repository rule violations found for refs/heads/{branch}.\n\
             Review all repository rules at {}/rules?ref=refs%2Fheads%2F{encoded}\n\n{}",
            self.rules.html_url,
            lines.concat()
        );
        Err(Refused { reason: "push declined due to repository rule violations".into(), says })
    }

    /// A workflow file that one of the new commits makes, changes or deletes.
    fn refuse_workflows(&self) -> Result<(), Refused> {
        if self.rules.may_change_workflows {
            return Ok(());
        }
        let new = self.command.new.as_str();
        let log =
            ["log", "--format=", "--name-only", "-m", "--no-renames", new, "--not", "--all", "--", ".github/workflows"];
        let Some(path) = self.lines(&log).into_iter().find(|path| !path.is_empty()) else { return Ok(()) };
        let who = if self.rules.is_app { "a GitHub App" } else { "a Personal Access Token" };
        let right = if self.rules.is_app { "`workflows` permission" } else { "`workflow` scope" };
        let reason = format!("refusing to allow {who} to create or update workflow `{path}` without {right}");
        Err(Refused { reason, says: String::new() })
    }

    fn refuse_large_files(&self) -> Result<(), Refused> {
        let listed = self.lines(&["rev-list", "--objects", &self.command.new, "--not", "--all"]);
        let named: Vec<(&str, &str)> =
            listed.iter().filter_map(|line| line.split_once(' ')).filter(|(_, path)| !path.is_empty()).collect();
        let asked: String = named.iter().map(|(sha, _)| format!("{sha}\n")).collect();
        let format = "--batch-check=%(objecttype) %(objectsize)";
        let sizes = self.git.command(Some(self.repo), &["cat-file", format], self.env, asked.as_bytes());
        let sizes = String::from_utf8_lossy(&sizes.unwrap_or_default()).into_owned();
        let mut says = String::new();
        for ((_, path), size) in named.iter().zip(sizes.lines()) {
            let bytes = size.strip_prefix("blob ").and_then(|size| size.parse::<u64>().ok()).unwrap_or(0);
            if bytes > self.rules.largest_file {
                says.push_str(&format!(
                    "error: File {path} is {}; this exceeds GitHub's file size limit of {}\n",
                    megabytes(bytes),
                    megabytes(self.rules.largest_file)
                ));
            }
        }
        if says.is_empty() {
            return Ok(());
        }
        let trace = self.command.new.get(..32).unwrap_or_default();
        let says = format!(
            "error: Trace: {trace}\nerror: See https://gh.io/lfs for more information.\n{says}error: GH001: Large files \
             detected. You may want to try Git Large File Storage - https://git-lfs.github.com.\n"
        );
        Err(Refused { reason: "pre-receive hook declined".into(), says })
    }

    fn refuse_secrets(&self) -> Result<(), Refused> {
        let new = self.command.new.as_str();
        let log = [
            "-c",
            "core.quotePath=false",
            "log",
            "--format=commit %h",
            "-p",
            "-U0",
            "--no-color",
            "--no-ext-diff",
            "--no-renames",
            new,
            "--not",
            "--all",
        ];
        let found = secrets(&self.lines(&log));
        if found.is_empty() {
            return Ok(());
        }
        let rule = "—".repeat(41);
        let mut says = format!(
            "error: GH013: Repository rule violations found for {}.\n\n- GITHUB PUSH PROTECTION\n  {rule}\n    \
             Resolve the following violations before pushing again\n\n    - Push cannot contain secrets\n\n\n     \
             (?) Learn how to resolve a blocked push\n     https://docs.github.com/code-security/secret-scanning/\
             working-with-secret-scanning-and-push-protection/working-with-push-protection-from-the-command-line\
             #resolving-a-blocked-push\n\n",
            self.command.name
        );
        for (kind, commit, place) in found {
            says.push_str(&format!(
                "\n      —— {kind} {}\n       locations:\n         - commit: {commit}\n           path: {place}\n\n       \
                 (?) To push, remove secret from commit(s) or follow this URL to allow the secret.\n       \
                 {}/security/secret-scanning/unblock-secret/{commit}\n\n",
                "—".repeat(60_usize.saturating_sub(kind.len())),
                self.rules.html_url
            ));
        }
        Err(Refused { reason: "push declined due to repository rule violations".into(), says })
    }
}

fn words(rule: &Rule, classic: bool) -> String {
    match rule {
        Rule::PullRequest => "Changes must be made through a pull request.".into(),
        Rule::ForcePush => "Cannot force-push to this branch".into(),
        Rule::Deletion if classic => "Cannot delete a protected branch".into(),
        Rule::Deletion => "Cannot delete this branch".into(),
        Rule::Creation => "Cannot create ref due to creations being restricted.".into(),
        Rule::Signatures => "Commits must have verified signatures.".into(),
        Rule::StatusCheck(name) => format!("Required status check \"{name}\" is expected."),
    }
}

/// As GitHub writes sizes: two digits behind the point.
fn megabytes(bytes: u64) -> String {
    let hundredths = (u128::from(bytes) * 100).div_ceil(1024 * 1024);
    format!("{}.{:02} MB", hundredths / 100, hundredths % 100)
}

/// Tokens whose form their makers have published: the start, the characters behind it, how many, the name.
const SECRETS: &[(&str, usize, &str)] = &[
    ("ghp_", 36, "GitHub Personal Access Token"),
    ("gho_", 36, "GitHub OAuth Access Token"),
    ("ghs_", 36, "GitHub App Installation Access Token"),
    ("github_pat_", 82, "GitHub Personal Access Token"),
    ("glpat-", 20, "GitLab Access Token"),
    ("xoxb-", 40, "Slack API Token"),
    ("sk_live_", 24, "Stripe Live API Secret Key"),
    ("npm_", 36, "npm Access Token"),
    ("SG.", 66, "SendGrid API Key"),
    ("AIza", 35, "Google API Key"),
    ("sk-ant-api03-", 93, "Anthropic API Key"),
];

/// The kind, the commit and the place (`path:line`) of each secret in a log of patches without context.
fn secrets(log: &[String]) -> Vec<(&'static str, String, String)> {
    let (mut commit, mut path, mut number) = (String::new(), String::new(), 0u64);
    let mut found = Vec::new();
    for line in log {
        if let Some(sha) = line.strip_prefix("commit ") {
            commit = sha.to_owned();
        } else if let Some(name) = line.strip_prefix("+++ ") {
            path = name.trim_start_matches("b/").trim_end_matches('\t').to_owned();
        } else if line.starts_with("@@ ") {
            let start = line.split(' ').find_map(|word| word.strip_prefix('+'));
            number = start.and_then(|at| at.split(',').next()?.parse().ok()).unwrap_or(1);
        } else if let Some(added) = line.strip_prefix('+') {
            found.extend(secret(added).map(|kind| (kind, commit.clone(), format!("{path}:{number}"))));
            number += 1;
        }
    }
    found
}

fn secret(line: &str) -> Option<&'static str> {
    let body = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    SECRETS.iter().find_map(|(start, length, kind)| {
        let long =
            |(at, _): (usize, &str)| line[at + start.len()..].chars().take_while(|c| body(*c)).count() >= *length;
        line.match_indices(start).any(long).then_some(*kind)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn secrets_are_found_where_they_stand() {
        let token = format!("ghp_{}", "a1".repeat(18));
        let log = format!("commit abc\n+++ b/x y\n@@ -0,0 +3,2 @@\n+one\n+key = \"{token}\"\n-{token}\n+ghp_short");
        let log: Vec<String> = log.lines().map(str::to_owned).collect();
        assert_eq!(secrets(&log), [("GitHub Personal Access Token", "abc".to_owned(), "x y:4".to_owned())]);
        assert_eq!((megabytes(100 * 1024 * 1024), megabytes(1)), ("100.00 MB".to_owned(), "0.01 MB".to_owned()));
    }

    proptest! {
        #[test]
        fn any_log_is_read(log in proptest::collection::vec("[@+\\- ,0-9a-zé_ghp]{0,60}", 0..20)) {
            let _ = secrets(&log);
        }
    }
}
