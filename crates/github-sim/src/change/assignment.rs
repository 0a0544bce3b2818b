//! Who an issue is assigned to. An App's bot cannot be: GitHub ignores the wish without a word, and so does this.

use serde_json::json;

use super::{Done, Refusal};
use crate::world::{Actor, World};

impl World {
    /// The ids of those logins that can be assigned here.
    pub(crate) fn assignable_ids(&self, repo: u64, logins: &[String]) -> Vec<u64> {
        let mut ids = Vec::new();
        for login in logins {
            let id = self.account_by_login(login).map(|account| account.id);
            ids.extend(id.filter(|id| self.assignable(repo, *id) && !ids.contains(id)));
        }
        ids
    }

    pub(crate) fn assign(&mut self, by: &Actor, repo: u64, number: u64, logins: &[String]) -> Done<()> {
        for user in self.assignable_ids(repo, logins) {
            let issue = self.issue_mut(repo, number).ok_or_else(Refusal::not_found)?;
            // GitHub allows ten assignees.
            if issue.assignees.len() < 10 && !issue.assignees.contains(&user) {
                issue.assignees.push(user);
                self.announce_assignee(by, repo, number, user, true);
            }
        }
        Ok(())
    }

    pub(crate) fn unassign(&mut self, by: &Actor, repo: u64, number: u64, logins: &[String]) -> Done<()> {
        for login in logins {
            let Some(user) = self.account_by_login(login).map(|account| account.id) else { continue };
            let issue = self.issue_mut(repo, number).ok_or_else(Refusal::not_found)?;
            if let Some(at) = issue.assignees.iter().position(|id| *id == user) {
                issue.assignees.remove(at);
                self.announce_assignee(by, repo, number, user, false);
            }
        }
        Ok(())
    }

    /// Makes the assignees exactly these.
    pub(crate) fn set_assignees(&mut self, by: &Actor, repo: u64, number: u64, logins: &[String]) -> Done<()> {
        let present = self.issue(repo, number).ok_or_else(Refusal::not_found)?.assignees.clone();
        let wanted = self.assignable_ids(repo, logins);
        let gone: Vec<String> =
            present.iter().filter(|id| !wanted.contains(id)).map(|id| self.login(*id).to_owned()).collect();
        self.unassign(by, repo, number, &gone)?;
        self.assign(by, repo, number, logins)
    }

    /// The event, the ledger line and the webhook of an assignment made or ended.
    pub(crate) fn announce_assignee(&mut self, by: &Actor, repo: u64, number: u64, user: u64, on: bool) {
        let action = if on { "assigned" } else { "unassigned" };
        let (assignee, assigner) = (self.user_json(user), self.user_json(by.user));
        let extra = vec![("assignee", assignee.clone()), ("assigner", assigner)];
        self.note_event(by, repo, number, action, extra, None);
        let login = self.login(user).to_owned();
        self.record(by, &format!("issue.{action}"), Some(repo), json!({"number": number, "assignee": login}));
        self.emit_issue(by, repo, number, action, vec![("assignee", assignee)]);
    }
}
