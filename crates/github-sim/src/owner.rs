//! What the owner of an account does in its settings: install Apps, protect branches, rename and give away repositories.

use crate::refusal::Refusal;
use crate::sim::{Sim, find};
use crate::world::repository::{Repository, Rule};
use crate::world::{Actor, World};

impl Sim {
    /// Installs an App on one more repository; the installation's id.
    ///
    /// # Errors
    /// When one of them is unknown.
    pub fn install(&self, app_id: u64, full_name: &str) -> Result<u64, Refusal> {
        let mut world = self.lock();
        let repo = find(&world, full_name)?;
        world.install(app_id, repo)
    }

    /// Installs an App on all repositories of an account, those to come among them; the installation's id.
    ///
    /// # Errors
    /// When one of them is unknown.
    pub fn install_all(&self, app_id: u64, login: &str) -> Result<u64, Refusal> {
        let mut world = self.lock();
        let account = world.account_by_login(login).map(|account| account.id).ok_or_else(Refusal::not_found)?;
        let by = world.person_actor(account);
        world.install_on(&by, app_id, account, None)
    }

    /// Takes a repository out of an installation.
    ///
    /// # Errors
    /// When the repository is unknown.
    pub fn uninstall_from(&self, installation: u64, full_name: &str) -> Result<(), Refusal> {
        let mut world = self.lock();
        let repo = find(&world, full_name)?;
        world.uninstall_from(installation, repo);
        Ok(())
    }

    /// Ends an installation and its tokens.
    pub fn uninstall(&self, installation: u64) {
        let mut world = self.lock();
        let by = world.owner_of(installation);
        world.uninstall(&by, installation);
    }

    /// Suspends an installation, or ends that.
    pub fn suspend(&self, installation: u64, suspended: bool) {
        let mut world = self.lock();
        let by = world.owner_of(installation);
        world.suspend(&by, installation, suspended);
    }

    /// The owner accepts what the App asks for now.
    pub fn accept_permissions(&self, installation: u64) {
        let mut world = self.lock();
        let by = world.owner_of(installation);
        world.accept_permissions(&by, installation);
    }

    /// Archives a repository, or brings it back.
    ///
    /// # Errors
    /// When the repository is unknown.
    pub fn archive(&self, full_name: &str, archived: bool) -> Result<(), Refusal> {
        self.as_owner(full_name, |world, by, repo| world.archive(by, repo, archived))
    }

    /// Protects a branch from pushes (GH006: changes go through pull requests), or stops doing so.
    ///
    /// # Errors
    /// When the repository is unknown.
    pub fn protect(&self, full_name: &str, branch: &str, protected: bool) -> Result<(), Refusal> {
        if protected {
            return self.protect_with(full_name, branch, Rule::PullRequest);
        }
        self.change_repository(full_name, |repo| {
            repo.protected.remove(branch);
        })
    }

    /// Adds to what a protected branch refuses (GH006).
    ///
    /// # Errors
    /// When the repository is unknown.
    pub fn protect_with(&self, full_name: &str, branch: &str, rule: Rule) -> Result<(), Refusal> {
        self.change_repository(full_name, |repo| {
            repo.protected.entry(branch.to_owned()).or_default().insert(rule);
        })
    }

    /// Adds a rule to the repository's rulesets (GH013) for branches by name, by `start*`, `~DEFAULT_BRANCH` or `~ALL`.
    ///
    /// # Errors
    /// When the repository is unknown.
    pub fn ruleset(&self, full_name: &str, branches: &str, rule: Rule) -> Result<(), Refusal> {
        self.change_repository(full_name, |repo| repo.rulesets.push((branches.to_owned(), rule)))
    }

    /// Takes away all rules of the repository's rulesets.
    ///
    /// # Errors
    /// When the repository is unknown.
    pub fn no_rulesets(&self, full_name: &str) -> Result<(), Refusal> {
        self.change_repository(full_name, |repo| repo.rulesets.clear())
    }

    /// Switches push protection for secrets on or off; public repositories begin with it, as on GitHub.
    ///
    /// # Errors
    /// When the repository is unknown.
    pub fn push_protection(&self, full_name: &str, on: bool) -> Result<(), Refusal> {
        self.change_repository(full_name, |repo| repo.push_protection = on)
    }

    /// Switches the issues of a repository on or off.
    ///
    /// # Errors
    /// When the repository is unknown.
    pub fn issues_enabled(&self, full_name: &str, enabled: bool) -> Result<(), Refusal> {
        self.change_repository(full_name, |repo| repo.has_issues = enabled)
    }

    /// Renames a repository; its old name answers 301 and 307 from now on.
    ///
    /// # Errors
    /// When the repository is unknown.
    pub fn rename(&self, full_name: &str, name: &str) -> Result<(), Refusal> {
        self.as_owner(full_name, |world, by, repo| world.rename_repository(by, repo, name))
    }

    /// Gives a repository to another account; its old name answers 301 and 307 from now on.
    ///
    /// # Errors
    /// When the repository or the account is unknown.
    pub fn transfer(&self, full_name: &str, to: &str) -> Result<(), Refusal> {
        self.as_owner(full_name, |world, by, repo| {
            let to = world.account_by_login(to).map(|account| account.id).ok_or_else(Refusal::not_found)?;
            world.transfer_repository(by, repo, to)
        })
    }

    /// Renames a branch, the default one too: pull requests into it follow.
    ///
    /// # Errors
    /// When the repository or the branch is unknown, or the new name taken.
    pub fn rename_branch(&self, full_name: &str, from: &str, to: &str) -> Result<(), Refusal> {
        self.as_owner(full_name, |world, by, repo| world.rename_branch(by, repo, from, to))
    }

    /// Makes another branch the default one.
    ///
    /// # Errors
    /// When the repository or the branch is unknown.
    pub fn default_branch(&self, full_name: &str, branch: &str) -> Result<(), Refusal> {
        self.as_owner(full_name, |world, by, repo| world.set_default_branch(by, repo, branch))
    }

    fn as_owner(
        &self,
        full_name: &str,
        change: impl FnOnce(&mut World, &Actor, u64) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        let mut world = self.lock();
        let id = find(&world, full_name)?;
        let by = world.person_actor(world.repo(id).map_or(0, |repo| repo.owner));
        change(&mut world, &by, id)
    }

    fn change_repository(&self, full_name: &str, change: impl FnOnce(&mut Repository)) -> Result<(), Refusal> {
        let mut world = self.lock();
        let id = find(&world, full_name)?;
        world.repositories.get_mut(&id).map(change).ok_or_else(Refusal::not_found)
    }
}
