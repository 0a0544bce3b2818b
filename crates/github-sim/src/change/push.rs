//! What a moved ref means: webhooks, pull requests that follow, issues that commits close.

use serde_json::{Value, json};

use super::{Done, Refusal};
use crate::git::commit::{Author, File, NewCommit};
use crate::git::read::ZERO;
use crate::world::repository::RefMove;
use crate::world::{Actor, World};

impl World {
    /// Commits `changes` (a path with `None` is deleted) on top of a branch, or of the default branch where there is
    /// no such branch yet, or of another commit, and pushes it; the commit's id.
    pub(crate) fn push_files(
        &mut self,
        by: &Actor,
        repo: u64,
        branch: &str,
        onto: Option<&str>,
        (message, changes): (&str, Vec<(&str, Option<&File>)>),
    ) -> Done<String> {
        let old = self.git.branch(repo, branch);
        let default = self.repo(repo).map(|repo| repo.default_branch.clone()).unwrap_or_default();
        let parent = match onto {
            Some(onto) => Some(self.git.resolve(repo, onto).ok_or_else(|| Refusal::new(422, "Object does not exist"))?),
            None => old.clone().or_else(|| self.git.branch(repo, &default)),
        };
        let (name, email) = (self.login(by.user).to_owned(), self.email_of(by.user));
        let author = Author { name: &name, email: &email, at: self.now().as_second() };
        let commit = NewCommit { branch, parent: parent.as_deref(), author, message, changes };
        let new = self.git.make_commit(repo, &commit)?;
        self.after_push(by, repo, &format!("refs/heads/{branch}"), old.as_deref().unwrap_or(ZERO), &new, false);
        Ok(new)
    }

    /// Tells the world that a ref has moved (git has moved it already).
    pub(crate) fn after_push(&mut self, by: &Actor, repo: u64, name: &str, old: &str, new: &str, over_git: bool) {
        let now = self.now();
        if let Some(repository) = self.repositories.get_mut(&repo) {
            repository.pushed_at = now;
            repository.moves.push(RefMove { at: now, old: old.to_owned(), new: new.to_owned() });
        }
        let what = if new == ZERO { "ref.delete" } else { "ref.push" };
        let forced = old != ZERO && new != ZERO && !self.git.is_ancestor(repo, old, new);
        let detail = json!({"ref": name, "before": old, "after": new, "forced": forced, "over_git": over_git});
        self.record(by, what, Some(repo), detail);
        self.emit_push(by, repo, name, old, new, forced);
        self.emit_made_or_gone(by, repo, name, old, new);
        let Some(branch) = name.strip_prefix("refs/heads/") else { return };
        if new == ZERO {
            for (base_repo, number) in self.open_pulls_from(repo, branch) {
                self.close_issue(by, base_repo, number, None, None);
            }
            return;
        }
        self.note_suites(by, repo, branch, new);
        self.follow_branch(by, repo, branch, old, new);
        if self.repo(repo).is_some_and(|repo| repo.default_branch == branch) && old != ZERO {
            for commit in self.git.commits_between(repo, old, new) {
                self.close_named(by, repo, &commit.message, Some(&commit.sha));
            }
        }
    }

    fn emit_push(&mut self, by: &Actor, repo: u64, name: &str, old: &str, new: &str, forced: bool) {
        let default = self.repo(repo).map(|repo| repo.default_branch.clone()).unwrap_or_default();
        let commits = match (old, new) {
            (_, ZERO) => Vec::new(),
            (ZERO, new) => {
                let known = self.git.branch(repo, &default).filter(|tip| tip != new);
                known.map_or_else(
                    || self.git.newest_commits(repo, new, 20).into_iter().rev().collect(),
                    |tip| self.git.commits_between(repo, &tip, new),
                )
            }
            (old, new) => self.git.commits_between(repo, old, new),
        };
        let commits: Vec<Value> = commits.iter().map(|commit| self.pushed_commit_json(repo, commit)).collect();
        let short = |sha: &str| sha.get(..12).unwrap_or(sha).to_owned();
        let particulars = vec![
            ("ref", json!(name)),
            ("before", json!(old)),
            ("after", json!(new)),
            ("base_ref", Value::Null),
            ("created", json!(old == ZERO)),
            ("deleted", json!(new == ZERO)),
            ("forced", json!(forced)),
            ("compare", json!(format!("{}/compare/{}...{}", self.repo_html_url(repo), short(old), short(new)))),
            ("head_commit", commits.last().cloned().unwrap_or_default()),
            ("commits", json!(commits)),
            ("pusher", json!({"name": self.login(by.user), "email": self.email_of(by.user)})),
        ];
        self.emit("push", None, repo, by, particulars);
    }

    /// The `create` and `delete` events of branches and tags.
    fn emit_made_or_gone(&mut self, by: &Actor, repo: u64, name: &str, old: &str, new: &str) {
        let (kind, short) = match (name.strip_prefix("refs/heads/"), name.strip_prefix("refs/tags/")) {
            (Some(branch), _) => ("branch", branch),
            (None, Some(tag)) => ("tag", tag),
            (None, None) => return,
        };
        let mut particulars = vec![("ref", json!(short)), ("ref_type", json!(kind)), ("pusher_type", json!("user"))];
        if old == ZERO && new != ZERO {
            let default = self.repo(repo).map(|repo| repo.default_branch.clone());
            particulars.extend([("master_branch", json!(default)), ("description", Value::Null)]);
            self.emit("create", None, repo, by, particulars);
        } else if new == ZERO && old != ZERO {
            self.emit("delete", None, repo, by, particulars);
        }
    }
}
