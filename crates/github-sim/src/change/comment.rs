//! Comments on issues and pull requests: written, edited, deleted, folded away.

use serde_json::json;

use super::limits::check_body;
use super::{Done, Refusal};
use crate::hook::emit::Particulars;
use crate::world::issue::{Comment, Edit};
use crate::world::{Actor, World};

impl World {
    pub(crate) fn add_comment(&mut self, by: &Actor, repo: u64, number: u64, body: &str) -> Done<u64> {
        if body.trim().is_empty() {
            return Err(Refusal::validation(vec![json!({
                "resource": "IssueComment", "code": "unprocessable", "field": "data", "message": "Body cannot be blank",
            })]));
        }
        check_body("IssueComment", body)?;
        let (id, now) = (self.fresh_id(), self.now());
        let comment = Comment {
            id,
            author: by.user,
            body: body.to_owned(),
            created_at: now,
            updated_at: now,
            minimized: None,
            reactions: Vec::new(),
            edits: Vec::new(),
            via_app: by.app,
        };
        let issue = self.issue_mut(repo, number).ok_or_else(Refusal::not_found)?;
        issue.comments.push(comment);
        issue.updated_at = now;
        self.note_mentions(by, repo, number, body);
        self.record(by, "comment.create", Some(repo), json!({"number": number, "id": id, "body": body}));
        self.emit_comment(by, repo, number, id, "created", Vec::new());
        Ok(id)
    }

    pub(crate) fn edit_comment(&mut self, by: &Actor, repo: u64, id: u64, body: &str) -> Done<()> {
        check_body("IssueComment", body)?;
        let now = self.now();
        let number = self.comment_place(repo, id).ok_or_else(Refusal::not_found)?;
        let comment = self.comment_mut(repo, id).ok_or_else(Refusal::not_found)?;
        if comment.body == body {
            return Ok(());
        }
        let from = std::mem::replace(&mut comment.body, body.to_owned());
        comment.updated_at = now;
        comment.edits.push(Edit { at: now, by: by.user, field: "body", from: from.clone() });
        self.note_mentions(by, repo, number, body);
        self.record(by, "comment.edit", Some(repo), json!({"number": number, "id": id, "body": body}));
        let changes = json!({"body": {"from": from}});
        self.emit_comment(by, repo, number, id, "edited", vec![("changes", changes)]);
        Ok(())
    }

    pub(crate) fn delete_comment(&mut self, by: &Actor, repo: u64, id: u64) -> Done<()> {
        let number = self.comment_place(repo, id).ok_or_else(Refusal::not_found)?;
        let comment = self.comment(repo, id).map(|comment| self.comment_json(repo, number, comment));
        if let Some(issue) = self.issue_mut(repo, number) {
            issue.comments.retain(|it| it.id != id);
        }
        self.record(by, "comment.delete", Some(repo), json!({"number": number, "id": id}));
        let particulars = vec![("issue", self.issue_json(repo, number)), ("comment", json!(comment))];
        self.emit("issue_comment", Some("deleted"), repo, by, particulars);
        Ok(())
    }

    /// Folds a comment away with GitHub's classifier (`OUTDATED`), or shows it again.
    pub(crate) fn minimize_comment(&mut self, by: &Actor, repo: u64, id: u64, reason: Option<&str>) -> Done<()> {
        let comment = self.comment_mut(repo, id).ok_or_else(Refusal::not_found)?;
        comment.minimized = reason.map(str::to_owned);
        let what = if reason.is_some() { "comment.minimize" } else { "comment.unminimize" };
        self.record(by, what, Some(repo), json!({"id": id, "reason": reason}));
        Ok(())
    }

    fn emit_comment(&mut self, by: &Actor, repo: u64, number: u64, id: u64, action: &str, more: Particulars) {
        let comment = self.comment(repo, id).map(|comment| self.comment_json(repo, number, comment));
        let mut particulars = more;
        particulars.push(("issue", self.issue_json(repo, number)));
        particulars.push(("comment", json!(comment)));
        self.emit("issue_comment", Some(action), repo, by, particulars);
    }
}
