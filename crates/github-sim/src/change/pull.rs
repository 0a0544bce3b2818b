//! Pull requests: opened, kept up with their branches, their base changed.

use serde_json::json;

use super::limits::{check_body, check_title};
use super::{Done, Refusal};
use crate::world::pull::Pull;
use crate::world::{Actor, World};

/// What somebody wants to open.
#[derive(Debug)]
pub(crate) struct NewPull<'a> {
    pub title: &'a str,
    pub body: Option<&'a str>,
    /// `branch`, or `owner:branch`.
    pub head: &'a str,
    pub base: &'a str,
    pub draft: bool,
    pub maintainer_can_modify: bool,
}

impl World {
    /// The repository and branch that `owner:branch` or `branch` names, seen from the base repository.
    pub(crate) fn find_head(&self, base_repo: u64, head: &str) -> Option<(u64, String)> {
        let Some((owner, branch)) = head.split_once(':') else { return Some((base_repo, head.to_owned())) };
        let owner = self.account_by_login(owner)?.id;
        let base = self.repo(base_repo)?;
        if base.owner == owner {
            return Some((base_repo, branch.to_owned()));
        }
        let fork = self.repositories.values().find(|repo| repo.owner == owner && repo.fork_of == Some(base_repo))?;
        Some((fork.id, branch.to_owned()))
    }

    pub(crate) fn open_pull(&mut self, by: &Actor, repo: u64, new: &NewPull<'_>) -> Done<u64> {
        check_title("PullRequest", new.title)?;
        check_body("PullRequest", new.body.unwrap_or_default())?;
        let invalid = |field| Refusal::invalid("PullRequest", field, "invalid");
        let base_sha = self.git.branch(repo, new.base).ok_or_else(|| invalid("base"))?;
        let (head_repo, head_ref) = self.find_head(repo, new.head).ok_or_else(|| invalid("head"))?;
        let head_sha = self.git.branch(head_repo, &head_ref).ok_or_else(|| invalid("head"))?;
        if head_repo != repo {
            self.fetch_from(repo, head_repo, &head_ref)?;
        }
        self.refuse_twin(repo, head_repo, &head_ref, new.base)?;
        if self.git.commits_between(repo, &base_sha, &head_sha).is_empty() {
            let message = format!("No commits between {} and {}", new.base, new.head);
            return Err(Refusal::custom("PullRequest", message));
        }
        let number = self.add_issue(by, repo, new.title, new.body)?;
        let id = self.fresh_id();
        self.git.set_ref(repo, &format!("refs/pull/{number}/head"), &head_sha)?;
        if let Some(issue) = self.issue_mut(repo, number) {
            issue.pull = Some(Pull {
                id,
                head_repo,
                head_ref: head_ref.clone(),
                head_sha: head_sha.clone(),
                base_ref: new.base.to_owned(),
                base_sha,
                draft: new.draft,
                maintainer_can_modify: new.maintainer_can_modify,
                merge: None,
                requested_reviewers: Vec::new(),
                reviews: Vec::new(),
                review_comments: Vec::new(),
            });
        }
        self.note_mentions(by, repo, number, new.body.unwrap_or_default());
        let detail = json!({"number": number, "title": new.title, "body": new.body, "head": head_ref,
            "head_sha": head_sha, "base": new.base, "draft": new.draft});
        self.record(by, "pull.create", Some(repo), detail);
        self.emit_issue(by, repo, number, "opened", Vec::new());
        Ok(number)
    }

    fn refuse_twin(&self, repo: u64, head_repo: u64, head_ref: &str, base: &str) -> Done<()> {
        let issues = self.repo(repo).into_iter().flat_map(|repo| repo.issues.values());
        let twin = issues
            .filter(|issue| issue.open)
            .filter_map(|issue| issue.pull.as_ref())
            .any(|pull| pull.head_repo == head_repo && pull.head_ref == head_ref && pull.base_ref == base);
        if !twin {
            return Ok(());
        }
        let owner = self.repo(head_repo).map_or(0, |repo| repo.owner);
        let message = format!("A pull request already exists for {}:{head_ref}.", self.login(owner));
        Err(Refusal::custom("PullRequest", message))
    }

    /// Brings a fork's branch into the base repository's objects.
    fn fetch_from(&self, repo: u64, fork: u64, branch: &str) -> Done<()> {
        let source = self.git.dir(fork).to_string_lossy().into_owned();
        self.git.run(repo, &["fetch", "--quiet", "--no-tags", &source, &format!("refs/heads/{branch}")])?;
        Ok(())
    }

    /// Points an open pull request at another base branch.
    pub(crate) fn change_base(&mut self, by: &Actor, repo: u64, number: u64, base: &str) -> Done<()> {
        let invalid = || Refusal::invalid("PullRequest", "base", "invalid");
        let sha = self.git.branch(repo, base).ok_or_else(invalid)?;
        let pull = self.pull_mut(repo, number).ok_or_else(Refusal::not_found)?;
        if pull.base_ref == base {
            return Ok(());
        }
        let from = std::mem::replace(&mut pull.base_ref, base.to_owned());
        let from_sha = std::mem::replace(&mut pull.base_sha, sha);
        self.record(by, "pull.rebase", Some(repo), json!({"number": number, "from": from, "to": base}));
        let changes = json!({"base": {"ref": {"from": from}, "sha": {"from": from_sha}}});
        self.emit_issue(by, repo, number, "edited", vec![("changes", changes)]);
        Ok(())
    }

    /// After a branch moved: heads follow it and are announced; bases take the new tip.
    pub(crate) fn follow_branch(&mut self, by: &Actor, repo: u64, branch: &str, old: &str, new: &str) {
        for (base_repo, number) in self.open_pulls_from(repo, branch) {
            if base_repo != repo && self.fetch_from(base_repo, repo, branch).is_err() {
                continue;
            }
            // The ref is only for fetching the pull request by number; its absence shows there.
            let _ = self.git.set_ref(base_repo, &format!("refs/pull/{number}/head"), new);
            if let Some(pull) = self.pull_mut(base_repo, number) {
                pull.head_sha = new.to_owned();
            }
            let now = self.now();
            if let Some(issue) = self.issue_mut(base_repo, number) {
                issue.updated_at = now;
            }
            let more = vec![("before", json!(old)), ("after", json!(new))];
            self.emit_issue(by, base_repo, number, "synchronize", more);
        }
        let issues = self.repositories.get_mut(&repo).into_iter().flat_map(|repo| repo.issues.values_mut());
        for pull in issues.filter(|issue| issue.open).filter_map(|issue| issue.pull.as_mut()) {
            if pull.base_ref == branch {
                pull.base_sha = new.to_owned();
            }
        }
    }

    /// Open pull requests whose head is this branch: repository and number.
    pub(crate) fn open_pulls_from(&self, repo: u64, branch: &str) -> Vec<(u64, u64)> {
        let all = self.repositories.values().flat_map(|base| base.issues.values().map(move |issue| (base.id, issue)));
        all.filter(|(_, issue)| issue.open)
            .filter(|(_, issue)| {
                issue.pull.as_ref().is_some_and(|pull| pull.head_repo == repo && pull.head_ref == branch)
            })
            .map(|(base, issue)| (base, issue.number))
            .collect()
    }
}
