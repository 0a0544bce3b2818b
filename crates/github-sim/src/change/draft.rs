//! A pull request becomes ready for review, or a draft again.

use serde_json::json;

use super::{Done, Refusal};
use crate::world::{Actor, World};

impl World {
    pub(crate) fn set_draft(&mut self, by: &Actor, repo: u64, number: u64, draft: bool) -> Done<()> {
        let pull = self.pull_mut(repo, number).ok_or_else(Refusal::not_found)?;
        if pull.draft == draft {
            return Ok(());
        }
        pull.draft = draft;
        let (event, action) = match draft {
            true => ("convert_to_draft", "converted_to_draft"),
            false => ("ready_for_review", "ready_for_review"),
        };
        self.note_event(by, repo, number, event, Vec::new(), None);
        self.record(by, &format!("pull.{action}"), Some(repo), json!({"number": number}));
        self.emit_issue(by, repo, number, action, Vec::new());
        Ok(())
    }
}
