//! More of what people do: looking after a repository, its checks and its conversations. The rest is in `person`.

use serde_json::{Value, json};

use crate::person::{Person, admin};
use crate::refusal::Refusal;
use crate::rest::access::Identity;
use crate::sim::find;
use crate::world::permission::{Level, Role};

impl Person<'_> {
    /// Opens a locked conversation again.
    ///
    /// # Errors
    /// GitHub's refusal, as for every verb here.
    pub fn unlocks(&self, repo: &str, issue: u64) -> Result<(), Refusal> {
        self.call("DELETE", &format!("/repos/{repo}/issues/{issue}/lock"), Value::Null).map(drop)
    }

    /// Closes an issue for a reason: `completed`, `not_planned`, `duplicate`.
    ///
    /// # Errors
    /// As [`Self::unlocks`].
    pub fn closes_as(&self, repo: &str, issue: u64, reason: &str) -> Result<(), Refusal> {
        let fields = json!({"state": "closed", "state_reason": reason});
        self.call("PATCH", &format!("/repos/{repo}/issues/{issue}"), fields).map(drop)
    }

    /// Reacts to a comment (`+1`, `eyes`, …); the reaction's id.
    ///
    /// # Errors
    /// As [`Self::unlocks`].
    pub fn reacts(&self, repo: &str, comment: u64, content: &str) -> Result<u64, Refusal> {
        let path = format!("/repos/{repo}/issues/comments/{comment}/reactions");
        let made = self.call("POST", &path, json!({"content": content}))?;
        Ok(made.get("id").and_then(Value::as_u64).unwrap_or_default())
    }

    /// Folds a comment away for a reason (`OUTDATED`, `SPAM`, …), or shows it again.
    ///
    /// # Errors
    /// As [`Self::unlocks`].
    pub fn minimizes(&self, repo: &str, comment: u64, reason: Option<&str>) -> Result<(), Refusal> {
        self.act(|world, user| {
            let repo = find(world, repo)?;
            let who = Identity::Person { user, token: None };
            world.admit_to_repository(who, &[], Level::Write, Role::Triage, repo)?;
            let by = world.person_actor(user);
            world.minimize_comment(&by, repo, comment, reason)
        })
    }

    /// Asks somebody for a review.
    ///
    /// # Errors
    /// As [`Self::unlocks`].
    pub fn asks_for_review(&self, repo: &str, pull: u64, login: &str) -> Result<(), Refusal> {
        let path = format!("/repos/{repo}/pulls/{pull}/requested_reviewers");
        self.call("POST", &path, json!({"reviewers": [login]})).map(drop)
    }

    /// Says that a draft is ready for review, or makes a draft of a pull request.
    ///
    /// # Errors
    /// As [`Self::unlocks`].
    pub fn marks_draft(&self, repo: &str, pull: u64, draft: bool) -> Result<(), Refusal> {
        self.act(|world, user| {
            let repo = find(world, repo)?;
            let who = Identity::Person { user, token: None };
            world.admit_to_repository(who, &[], Level::Write, Role::Write, repo)?;
            let by = world.person_actor(user);
            world.set_draft(&by, repo, pull, draft)
        })
    }

    /// Presses one of the buttons (`actions`) of a check run.
    ///
    /// # Errors
    /// As [`Self::unlocks`].
    pub fn presses(&self, repo: &str, check_run: u64, identifier: &str) -> Result<(), Refusal> {
        self.act(|world, user| {
            let repo = find(world, repo)?;
            let who = Identity::Person { user, token: None };
            world.admit_to_repository(who, &[], Level::Write, Role::Write, repo)?;
            let by = world.person_actor(user);
            world.request_action(&by, repo, check_run, identifier)
        })
    }

    /// Asks for a check run to be run again.
    ///
    /// # Errors
    /// As [`Self::unlocks`].
    pub fn reruns_check(&self, repo: &str, check_run: u64) -> Result<(), Refusal> {
        self.call("POST", &format!("/repos/{repo}/check-runs/{check_run}/rerequest"), Value::Null).map(drop)
    }

    /// Asks for all checks of a suite to be run again.
    ///
    /// # Errors
    /// As [`Self::unlocks`].
    pub fn reruns_suite(&self, repo: &str, suite: u64) -> Result<(), Refusal> {
        self.call("POST", &format!("/repos/{repo}/check-suites/{suite}/rerequest"), Value::Null).map(drop)
    }

    /// Renames a branch.
    ///
    /// # Errors
    /// As [`Self::unlocks`].
    pub fn renames_branch(&self, repo: &str, from: &str, to: &str) -> Result<(), Refusal> {
        self.call("POST", &format!("/repos/{repo}/branches/{from}/rename"), json!({"new_name": to})).map(drop)
    }

    /// Gives a repository to another account, which takes an admin.
    ///
    /// # Errors
    /// As [`Self::unlocks`].
    pub fn transfers(&self, repo: &str, to: &str) -> Result<(), Refusal> {
        self.act(|world, user| {
            let (repo, by) = admin(world, repo, user)?;
            let to = world.account_by_login(to).map(|account| account.id).ok_or_else(Refusal::not_found)?;
            world.transfer_repository(&by, repo, to)
        })
    }
}
