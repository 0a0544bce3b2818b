//! Repositories themselves change: renamed, transferred, archived, their branches renamed.

use serde_json::{Value, json};

use super::{Done, Refusal};
use crate::git::read::ZERO;
use crate::world::{Actor, World};

impl World {
    /// Gives a repository another name; the old one answers with redirects from now on.
    pub(crate) fn rename_repository(&mut self, by: &Actor, repo: u64, name: &str) -> Done<()> {
        let (old, owner) = (self.full_name(repo), self.repo(repo).map_or(0, |repo| repo.owner));
        self.refuse_taken(owner, name)?;
        let it = self.repositories.get_mut(&repo).ok_or_else(Refusal::not_found)?;
        let from = std::mem::replace(&mut it.name, name.to_owned());
        self.renamed.insert(old.to_lowercase(), repo);
        self.record(by, "repository.rename", Some(repo), json!({"from": old}));
        self.announce(by, repo, "renamed", json!({"repository": {"name": {"from": from}}}));
        Ok(())
    }

    /// Gives a repository to another account. What was installed for the old owner covers it no longer.
    pub(crate) fn transfer_repository(&mut self, by: &Actor, repo: u64, to: u64) -> Done<()> {
        let (old, name) = (self.full_name(repo), self.repo(repo).map(|repo| repo.name.clone()).unwrap_or_default());
        self.refuse_taken(to, &name)?;
        let covering = self.installations_on(repo);
        for installation in covering {
            self.uninstall_from(installation, repo);
        }
        let it = self.repositories.get_mut(&repo).ok_or_else(Refusal::not_found)?;
        let from = std::mem::replace(&mut it.owner, to);
        self.renamed.insert(old.to_lowercase(), repo);
        self.record(by, "repository.transfer", Some(repo), json!({"from": old}));
        let from = json!({"owner": {"from": {"user": self.user_json(from)}}});
        self.announce(by, repo, "transferred", from);
        self.announce_new_repository(repo);
        Ok(())
    }

    fn refuse_taken(&self, owner: u64, name: &str) -> Done<()> {
        let taken = self.repositories.values().any(|it| it.owner == owner && it.name.eq_ignore_ascii_case(name));
        if taken { Err(Refusal::custom("Repository", "name already exists on this account")) } else { Ok(()) }
    }

    pub(crate) fn archive(&mut self, by: &Actor, repo: u64, archived: bool) -> Done<()> {
        let it = self.repositories.get_mut(&repo).ok_or_else(Refusal::not_found)?;
        if it.archived != archived {
            it.archived = archived;
            let action = if archived { "archived" } else { "unarchived" };
            self.record(by, &format!("repository.{action}"), Some(repo), Value::Null);
            self.announce(by, repo, action, Value::Null);
        }
        Ok(())
    }

    /// Makes another branch the default one.
    pub(crate) fn set_default_branch(&mut self, by: &Actor, repo: u64, branch: &str) -> Done<()> {
        if self.git.branch(repo, branch).is_none() {
            let message = format!(
                "The branch {branch} was not found. Please push that ref first or create it via the Git Data API."
            );
            return Err(Refusal::custom("Repository", message));
        }
        self.git.run(repo, &["symbolic-ref", "HEAD", &format!("refs/heads/{branch}")])?;
        let it = self.repositories.get_mut(&repo).ok_or_else(Refusal::not_found)?;
        let from = std::mem::replace(&mut it.default_branch, branch.to_owned());
        if from != branch {
            self.record(by, "repository.default_branch", Some(repo), json!({"from": from, "to": branch}));
            self.announce(by, repo, "edited", json!({"default_branch": {"from": from}}));
        }
        Ok(())
    }

    /// Renames a branch: pull requests into it follow, those from it are closed, as GitHub does.
    pub(crate) fn rename_branch(&mut self, by: &Actor, repo: u64, from: &str, to: &str) -> Done<()> {
        let sha = self.git.branch(repo, from).ok_or_else(Refusal::not_found)?;
        if self.git.branch(repo, to).is_some() || to.is_empty() {
            return Err(Refusal::new(422, "Branch name already exists"));
        }
        let (old, new) = (format!("refs/heads/{from}"), format!("refs/heads/{to}"));
        self.git.set_ref(repo, &new, &sha)?;
        self.after_push(by, repo, &new, ZERO, &sha, false);
        if self.repo(repo).is_some_and(|repo| repo.default_branch == from) {
            self.set_default_branch(by, repo, to)?;
        }
        let issues = self.repo(repo).into_iter().flat_map(|repo| repo.issues.values());
        let based = issues.filter(|issue| issue.open && issue.pull.as_ref().is_some_and(|pull| pull.base_ref == from));
        for number in based.map(|issue| issue.number).collect::<Vec<_>>() {
            self.change_base(by, repo, number, to)?;
        }
        if let Some(it) = self.repositories.get_mut(&repo) {
            if let Some(rules) = it.protected.remove(from) {
                it.protected.insert(to.to_owned(), rules);
            }
            it.renamed_branches.insert(from.to_owned(), to.to_owned());
        }
        self.git.delete_ref(repo, &old)?;
        self.after_push(by, repo, &old, &sha, ZERO, false);
        Ok(())
    }

    /// A `repository` event.
    fn announce(&mut self, by: &Actor, repo: u64, action: &str, changes: Value) {
        let particulars = if changes.is_null() { Vec::new() } else { vec![("changes", changes)] };
        self.emit("repository", Some(action), repo, by, particulars);
    }
}
