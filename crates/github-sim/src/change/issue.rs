//! Issues (and the issue side of pull requests): opened, edited, closed, reopened, locked, deleted, transferred.

use serde_json::{Value, json};

use super::limits::{check_body, check_title};
use super::{Done, Refusal};
use crate::hook::emit::Particulars;
use crate::world::issue::{Edit, Issue, IssueEvent};
use crate::world::{Actor, World};

/// A new title or body, where one is wanted.
#[derive(Debug, Default)]
pub(crate) struct IssueEdit {
    pub title: Option<String>,
    /// `Some(None)` empties the body.
    pub body: Option<Option<String>>,
}

impl World {
    pub(crate) fn open_issue(
        &mut self,
        by: &Actor,
        repo: u64,
        title: &str,
        body: Option<&str>,
        labels: &[String],
        assignees: &[String],
    ) -> Done<u64> {
        check_title("Issue", title)?;
        check_body("Issue", body.unwrap_or_default())?;
        let (labels, assignees) = (self.ensure_labels(by, repo, labels)?, self.assignable_ids(repo, assignees));
        let number = self.add_issue(by, repo, title, body)?;
        self.note_mentions(by, repo, number, body.unwrap_or_default());
        // GitHub sets labels and assignees of a new issue in one go, and still sends an event for each.
        if let Some(issue) = self.issue_mut(repo, number) {
            issue.labels.clone_from(&labels);
            issue.assignees.clone_from(&assignees);
        }
        let detail = json!({"number": number, "title": title, "body": body});
        self.record(by, "issue.create", Some(repo), detail);
        let issue = self.issue_json(repo, number);
        self.emit("issues", Some("opened"), repo, by, vec![("issue", issue)]);
        for label in labels {
            self.announce_label(by, repo, number, label, true);
        }
        for assignee in assignees {
            self.announce_assignee(by, repo, number, assignee, true);
        }
        Ok(number)
    }

    /// Puts an issue into the world without telling anyone; pull requests start with this too.
    pub(crate) fn add_issue(&mut self, by: &Actor, repo: u64, title: &str, body: Option<&str>) -> Done<u64> {
        let (id, now) = (self.fresh_id(), self.now());
        let repository = self.repositories.get_mut(&repo).ok_or_else(Refusal::not_found)?;
        let number = repository.next_number();
        let issue = Issue {
            id,
            number,
            title: title.to_owned(),
            body: body.map(str::to_owned),
            author: by.user,
            open: true,
            state_reason: None,
            locked: false,
            lock_reason: None,
            labels: Vec::new(),
            assignees: Vec::new(),
            comments: Vec::new(),
            reactions: Vec::new(),
            events: Vec::new(),
            edits: Vec::new(),
            created_at: now,
            updated_at: now,
            closed_at: None,
            closed_by: None,
            via_app: by.app,
            pull: None,
        };
        repository.issues.insert(number, issue);
        Ok(number)
    }

    pub(crate) fn edit_issue(&mut self, by: &Actor, repo: u64, number: u64, edit: IssueEdit) -> Done<()> {
        let now = self.now();
        let resource = if self.pull(repo, number).is_some() { "PullRequest" } else { "Issue" };
        if let Some(title) = &edit.title {
            check_title(resource, title)?;
        }
        if let Some(Some(body)) = &edit.body {
            check_body(resource, body)?;
        }
        let issue = self.issue_mut(repo, number).ok_or_else(Refusal::not_found)?;
        let mut changes = serde_json::Map::new();
        let mut renamed = None;
        if let Some(title) = edit.title.filter(|title| *title != issue.title) {
            let from = std::mem::replace(&mut issue.title, title);
            changes.insert("title".into(), json!({"from": from}));
            renamed = Some((from.clone(), issue.title.clone()));
            issue.edits.push(Edit { at: now, by: by.user, field: "title", from });
        }
        if let Some(body) = edit.body.filter(|body| *body != issue.body) {
            let from = std::mem::replace(&mut issue.body, body).unwrap_or_default();
            changes.insert("body".into(), json!({"from": from}));
            issue.edits.push(Edit { at: now, by: by.user, field: "body", from });
        }
        if changes.is_empty() {
            return Ok(());
        }
        issue.updated_at = now;
        let body = issue.body.clone().unwrap_or_default();
        if changes.contains_key("body") {
            self.note_mentions(by, repo, number, &body);
        }
        if let Some((from, to)) = renamed {
            self.note_event(by, repo, number, "renamed", vec![("rename", json!({"from": from, "to": to}))], None);
        }
        let changes = Value::Object(changes);
        self.record(by, "issue.edit", Some(repo), json!({"number": number, "changes": changes}));
        self.emit_issue(by, repo, number, "edited", vec![("changes", changes)]);
        Ok(())
    }

    pub(crate) fn close_issue(
        &mut self,
        by: &Actor,
        repo: u64,
        number: u64,
        reason: Option<&str>,
        commit: Option<&str>,
    ) {
        let now = self.now();
        let Some(issue) = self.issue_mut(repo, number).filter(|issue| issue.open) else { return };
        let reason = if issue.pull.is_some() { None } else { Some(reason.unwrap_or("completed").to_owned()) };
        issue.open = false;
        issue.state_reason.clone_from(&reason);
        issue.closed_at = Some(now);
        issue.closed_by = Some(by.user);
        issue.updated_at = now;
        let extra = vec![("state_reason", json!(reason))];
        self.note_event(by, repo, number, "closed", extra, commit);
        self.record(by, "issue.close", Some(repo), json!({"number": number, "reason": reason, "commit": commit}));
        self.emit_issue(by, repo, number, "closed", Vec::new());
    }

    pub(crate) fn reopen_issue(&mut self, by: &Actor, repo: u64, number: u64) -> Done<()> {
        let now = self.now();
        let issue = self.issue_mut(repo, number).ok_or_else(Refusal::not_found)?;
        if issue.open {
            return Ok(());
        }
        if issue.pull.as_ref().is_some_and(|pull| pull.merge.is_some()) {
            return Err(Refusal::custom(
                "PullRequest",
                "state cannot be changed. The pull request cannot be reopened.",
            ));
        }
        issue.open = true;
        issue.state_reason = if issue.pull.is_some() { None } else { Some("reopened".to_owned()) };
        issue.closed_at = None;
        issue.closed_by = None;
        issue.updated_at = now;
        self.note_event(by, repo, number, "reopened", vec![("state_reason", json!(null))], None);
        self.record(by, "issue.reopen", Some(repo), json!({"number": number}));
        self.emit_issue(by, repo, number, "reopened", Vec::new());
        Ok(())
    }

    pub(crate) fn set_lock(&mut self, by: &Actor, repo: u64, number: u64, lock: Option<Option<&str>>) -> Done<()> {
        let issue = self.issue_mut(repo, number).ok_or_else(Refusal::not_found)?;
        issue.locked = lock.is_some();
        issue.lock_reason = lock.flatten().map(str::to_owned);
        let event = if lock.is_some() { "locked" } else { "unlocked" };
        self.note_event(by, repo, number, event, vec![("lock_reason", json!(lock.flatten()))], None);
        self.record(by, &format!("issue.{event}"), Some(repo), json!({"number": number}));
        self.emit_issue(by, repo, number, event, Vec::new());
        Ok(())
    }

    pub(crate) fn delete_issue(&mut self, by: &Actor, repo: u64, number: u64) -> Done<()> {
        let issue = self.issue_json(repo, number);
        let repository = self.repositories.get_mut(&repo).ok_or_else(Refusal::not_found)?;
        repository.issues.remove(&number).ok_or_else(Refusal::not_found)?;
        repository.deleted_issues.insert(number);
        self.record(by, "issue.delete", Some(repo), json!({"number": number}));
        self.emit("issues", Some("deleted"), repo, by, vec![("issue", issue)]);
        Ok(())
    }

    /// Moves an issue to another repository; its number there.
    pub(crate) fn transfer_issue(&mut self, by: &Actor, repo: u64, number: u64, to: u64) -> Done<u64> {
        let before = self.issue_json(repo, number);
        let source = self.repositories.get_mut(&repo).ok_or_else(Refusal::not_found)?;
        let mut issue = source.issues.remove(&number).ok_or_else(Refusal::not_found)?;
        let target = self.repositories.get_mut(&to).ok_or_else(Refusal::not_found)?;
        issue.number = target.next_number();
        issue.labels.clear();
        let new_number = issue.number;
        target.issues.insert(new_number, issue);
        if let Some(source) = self.repositories.get_mut(&repo) {
            source.moved_issues.insert(number, (to, new_number));
        }
        let to_name = self.full_name(to);
        self.record(
            by,
            "issue.transfer",
            Some(repo),
            json!({"number": number, "to": to_name, "new_number": new_number}),
        );
        let changes = json!({"new_issue": self.issue_json(to, new_number), "new_repository": self.repository_json(to)});
        self.emit("issues", Some("transferred"), repo, by, vec![("issue", before), ("changes", changes)]);
        let changes = json!({"old_issue": {"number": number}, "old_repository": self.repository_json(repo)});
        let issue = self.issue_json(to, new_number);
        self.emit("issues", Some("opened"), to, by, vec![("issue", issue), ("changes", changes)]);
        Ok(new_number)
    }

    /// An `issues` or a `pull_request` event, as the thread is the one or the other.
    pub(crate) fn emit_issue(&mut self, by: &Actor, repo: u64, number: u64, action: &str, more: Particulars) {
        if self.pull(repo, number).is_some() {
            let mut particulars = vec![("number", json!(number)), ("pull_request", self.full_pull_json(repo, number))];
            particulars.extend(more);
            self.emit("pull_request", Some(action), repo, by, particulars);
        } else {
            let mut particulars = vec![("issue", self.issue_json(repo, number))];
            particulars.extend(more);
            self.emit("issues", Some(action), repo, by, particulars);
        }
    }

    /// Adds a line to the events of a thread.
    pub(crate) fn note_event(
        &mut self,
        by: &Actor,
        repo: u64,
        number: u64,
        event: &'static str,
        extra: Vec<(&'static str, Value)>,
        commit: Option<&str>,
    ) {
        let (id, at) = (self.fresh_id(), self.now());
        let event =
            IssueEvent { id, event, actor: by.user, at, via_app: by.app, commit: commit.map(str::to_owned), extra };
        if let Some(issue) = self.issue_mut(repo, number) {
            issue.events.push(event);
            issue.updated_at = at;
        }
    }
}
