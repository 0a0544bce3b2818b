//! Merging a pull request on the server.

use serde_json::json;

use super::{Done, Refusal};
use crate::git::commit::Author;
use crate::git::merge::Method;
use crate::world::pull::Merge;
use crate::world::repository::Rule;
use crate::world::{Actor, World};

/// How somebody wants it merged.
#[derive(Debug, Default)]
pub(crate) struct MergeWish {
    pub method: Option<String>,
    /// The head the caller has seen.
    pub sha: Option<String>,
    pub title: Option<String>,
    pub message: Option<String>,
}

impl World {
    /// Merges, closes what the pull request closes, and says the commit.
    pub(crate) fn merge_pull(&mut self, by: &Actor, repo: u64, number: u64, wish: &MergeWish) -> Done<String> {
        let method = match wish.method.as_deref().unwrap_or("merge") {
            "merge" => Method::Merge,
            "squash" => Method::Squash,
            "rebase" => Method::Rebase,
            _ => return Err(Refusal::invalid("PullRequest", "merge_method", "invalid")),
        };
        let (head, base_ref, message, body) = self.ready_to_merge(repo, number, method, wish)?;
        let base = self.git.branch(repo, &base_ref).ok_or_else(Refusal::not_found)?;
        let (name, email) = (self.login(by.user).to_owned(), self.email_of(by.user));
        let author = Author { name: &name, email: &email, at: self.now().as_second() };
        let merged = self.git.merge(repo, method, &base, &head, &author, &message)?;
        let sha = merged.ok_or_else(|| Refusal::new(405, "Pull Request is not mergeable"))?;
        self.git.set_ref(repo, &format!("refs/heads/{base_ref}"), &sha)?;
        let now = self.now();
        if let Some(pull) = self.pull_mut(repo, number) {
            pull.merge = Some(Merge { at: now, by: by.user, sha: sha.clone() });
        }
        self.note_event(by, repo, number, "merged", Vec::new(), Some(&sha));
        self.record(by, "pull.merge", Some(repo), json!({"number": number, "sha": sha, "base": base_ref}));
        self.close_issue(by, repo, number, None, Some(&sha));
        if self.repo(repo).is_some_and(|repo| repo.default_branch == base_ref) {
            self.close_named(by, repo, &body, Some(&sha));
        }
        self.after_push(by, repo, &format!("refs/heads/{base_ref}"), &base, &sha, false);
        Ok(sha)
    }

    /// Brings a pull request's branch up to date with its base by a merge commit on it.
    pub(crate) fn update_pull_branch(
        &mut self,
        by: &Actor,
        repo: u64,
        number: u64,
        expected: Option<&str>,
    ) -> Done<()> {
        let pull = self.pull(repo, number).ok_or_else(Refusal::not_found)?;
        let (head_repo, branch, head, base) =
            (pull.head_repo, pull.head_ref.clone(), pull.head_sha.clone(), pull.base_sha.clone());
        if expected.is_some_and(|expected| expected != head) {
            return Err(Refusal::new(422, "expected head sha didn't match current head ref."));
        }
        if self.git.is_ancestor(repo, &base, &head) {
            return Err(Refusal::new(422, "There are no new commits on the base branch."));
        }
        let (name, email) = (self.login(by.user).to_owned(), self.email_of(by.user));
        let author = Author { name: &name, email: &email, at: self.now().as_second() };
        let message = format!("Merge branch '{}' into {branch}", pull.base_ref);
        let merged = self.git.merge(repo, Method::Merge, &head, &base, &author, &message)?;
        let sha = merged.ok_or_else(|| Refusal::new(422, "merge conflict between base and head"))?;
        if head_repo != repo {
            let source = self.git.dir(repo).to_string_lossy().into_owned();
            self.git.run(head_repo, &["fetch", "--quiet", &source, &sha])?;
        }
        let full = format!("refs/heads/{branch}");
        self.git.set_ref(head_repo, &full, &sha)?;
        self.after_push(by, head_repo, &full, &head, &sha, false);
        Ok(())
    }

    /// A protected branch takes only heads on which its required checks have succeeded.
    fn refuse_unchecked(&self, repo: u64, base: &str, head: &str) -> Done<()> {
        let Some(repository) = self.repo(repo) else { return Err(Refusal::not_found()) };
        for rule in repository.protected.get(base).into_iter().flatten() {
            let Rule::StatusCheck(name) = rule else { continue };
            let runs = repository.check_runs.iter().filter(|run| run.head_sha == head && run.name == *name);
            let good = runs.into_iter().any(|run| run.conclusion.as_deref() == Some("success"));
            let statuses = repository.statuses.iter().filter(|it| it.sha == head && it.context == *name);
            if !good && statuses.into_iter().all(|it| it.state != "success") {
                return Err(Refusal::new(405, format!("Required status check \"{name}\" is expected.")));
            }
        }
        Ok(())
    }

    /// Head, base branch, commit message and body of a pull request that may be merged now.
    fn ready_to_merge(
        &self,
        repo: u64,
        number: u64,
        method: Method,
        wish: &MergeWish,
    ) -> Done<(String, String, String, String)> {
        let (issue, pull) = self.issue(repo, number).zip(self.pull(repo, number)).ok_or_else(Refusal::not_found)?;
        if pull.draft {
            return Err(Refusal::new(405, "Pull Request is still a draft"));
        }
        if !issue.open {
            return Err(Refusal::new(405, "Pull Request is not mergeable"));
        }
        self.refuse_unchecked(repo, &pull.base_ref, &pull.head_sha)?;
        if wish.sha.as_ref().is_some_and(|sha| *sha != pull.head_sha) {
            return Err(Refusal::new(409, "Head branch was modified. Review and try the merge again."));
        }
        let owner = self.repo(pull.head_repo).map_or("", |repo| self.login(repo.owner));
        let (title, text) = match method {
            Method::Merge => {
                (format!("Merge pull request #{number} from {owner}/{}", pull.head_ref), issue.title.clone())
            }
            Method::Squash | Method::Rebase => (format!("{} (#{number})", issue.title), String::new()),
        };
        let title = wish.title.clone().unwrap_or(title);
        let text = wish.message.clone().unwrap_or(text);
        let message = if text.is_empty() { title } else { format!("{title}\n\n{text}") };
        Ok((pull.head_sha.clone(), pull.base_ref.clone(), message, issue.body.clone().unwrap_or_default()))
    }
}
