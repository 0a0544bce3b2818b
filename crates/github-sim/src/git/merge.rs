//! Merging on the server, GitHub's three ways: a merge commit, a squashed one, a rebase.

use super::commit::Author;
use super::{Git, GitError};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    Merge,
    Squash,
    Rebase,
}

impl Git {
    /// The tree of `head` merged into `base`; `None` when they conflict.
    pub(crate) fn merged_tree(&self, repo: u64, base: &str, head: &str) -> Option<String> {
        self.line(repo, &["merge-tree", "--write-tree", "--no-messages", base, head]).ok()
    }

    /// Makes the commit (or commits) that bring `head` into `base`; does not move any branch. `Ok(None)`: conflict.
    pub(crate) fn merge(
        &self,
        repo: u64,
        method: Method,
        base: &str,
        head: &str,
        author: &Author<'_>,
        message: &str,
    ) -> Result<Option<String>, GitError> {
        match method {
            Method::Merge | Method::Squash => {
                let Some(tree) = self.merged_tree(repo, base, head) else { return Ok(None) };
                let parents: &[&str] = if method == Method::Merge { &[base, head] } else { &[base] };
                self.commit_tree(repo, &tree, parents, author, message).map(Some)
            }
            Method::Rebase => self.rebase(repo, base, head, author),
        }
    }

    fn rebase(&self, repo: u64, base: &str, head: &str, author: &Author<'_>) -> Result<Option<String>, GitError> {
        let mut onto = base.to_owned();
        for commit in self.commits_between(repo, base, head) {
            let Some(parent) = commit.parents.first() else { continue };
            // Only git 2.40 and later take the merge base as an argument. A commit with the tree of `onto` and the parent
            // of the commit to replay has that parent as its merge base with it, for any git.
            let stand_in = self.commit_tree(repo, &format!("{onto}^{{tree}}"), &[parent], author, "stand-in")?;
            let Some(tree) = self.merged_tree(repo, &stand_in, &commit.sha) else { return Ok(None) };
            onto = self.commit_tree(repo, &tree, &[&onto], author, &commit.message)?;
        }
        Ok(Some(onto))
    }

    fn commit_tree(
        &self,
        repo: u64,
        tree: &str,
        parents: &[&str],
        author: &Author<'_>,
        message: &str,
    ) -> Result<String, GitError> {
        let mut args = vec!["commit-tree", tree];
        for parent in parents {
            args.extend(["-p", *parent]);
        }
        let date = format!("{} +0000", author.at);
        let env = [
            ("GIT_AUTHOR_NAME", author.name),
            ("GIT_AUTHOR_EMAIL", author.email),
            ("GIT_AUTHOR_DATE", &date),
            ("GIT_COMMITTER_NAME", "GitHub"),
            ("GIT_COMMITTER_EMAIL", "noreply@github.com"),
            ("GIT_COMMITTER_DATE", &date),
        ];
        let sha = self.command(Some(repo), &args, &env, message.as_bytes())?;
        Ok(String::from_utf8_lossy(&sha).trim_end().to_owned())
    }

    /// Points a ref somewhere, whatever it pointed at.
    pub(crate) fn set_ref(&self, repo: u64, name: &str, sha: &str) -> Result<(), GitError> {
        self.run(repo, &["update-ref", name, sha]).map(drop)
    }

    pub(crate) fn delete_ref(&self, repo: u64, name: &str) -> Result<(), GitError> {
        self.run(repo, &["update-ref", "-d", name]).map(drop)
    }
}
