//! Labels: of a repository, and on an issue.

use serde_json::json;

use super::limits::check_label;
use super::{Done, Refusal};
use crate::world::repository::Label;
use crate::world::{Actor, World};

impl World {
    /// Adds a label to the repository.
    pub(crate) fn create_label(
        &mut self,
        by: &Actor,
        repo: u64,
        name: &str,
        color: Option<&str>,
        description: Option<&str>,
    ) -> Done<u64> {
        if self.repo(repo).is_some_and(|it| it.label(name).is_some()) {
            return Err(Refusal::invalid("Label", "name", "already_exists"));
        }
        check_label(name, color, description)?;
        let id = self.fresh_id();
        let label = Label {
            id,
            name: name.to_owned(),
            color: color.unwrap_or("ededed").trim_start_matches('#').to_owned(),
            description: description.map(str::to_owned),
        };
        self.repositories.get_mut(&repo).ok_or_else(Refusal::not_found)?.labels.push(label);
        self.record(by, "label.create", Some(repo), json!({"name": name}));
        let made = self.repo(repo).and_then(|it| it.label_by_id(id)).map(|label| self.label_json(repo, label));
        self.emit("label", Some("created"), repo, by, vec![("label", json!(made))]);
        Ok(id)
    }

    /// The ids of labels by name; a label the repository does not have yet is made, as GitHub does.
    pub(crate) fn ensure_labels(&mut self, by: &Actor, repo: u64, names: &[String]) -> Done<Vec<u64>> {
        let mut ids = Vec::new();
        for name in names {
            let known = self.repo(repo).and_then(|it| it.label(name)).map(|label| label.id);
            let id = match known {
                Some(id) => id,
                None => self.create_label(by, repo, name, None, None)?,
            };
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
        Ok(ids)
    }

    pub(crate) fn add_labels(&mut self, by: &Actor, repo: u64, number: u64, names: &[String]) -> Done<()> {
        for label in self.ensure_labels(by, repo, names)? {
            let issue = self.issue_mut(repo, number).ok_or_else(Refusal::not_found)?;
            if !issue.labels.contains(&label) {
                issue.labels.push(label);
                self.announce_label(by, repo, number, label, true);
            }
        }
        Ok(())
    }

    pub(crate) fn remove_label(&mut self, by: &Actor, repo: u64, number: u64, name: &str) -> Done<()> {
        let missing = || Refusal::new(404, "Label does not exist");
        let label = self.repo(repo).and_then(|it| it.label(name)).map(|label| label.id).ok_or_else(missing)?;
        let issue = self.issue_mut(repo, number).ok_or_else(Refusal::not_found)?;
        let at = issue.labels.iter().position(|id| *id == label).ok_or_else(missing)?;
        issue.labels.remove(at);
        self.announce_label(by, repo, number, label, false);
        Ok(())
    }

    /// Makes the labels of an issue exactly these.
    pub(crate) fn set_labels(&mut self, by: &Actor, repo: u64, number: u64, names: &[String]) -> Done<()> {
        let wanted = self.ensure_labels(by, repo, names)?;
        let present = self.issue(repo, number).ok_or_else(Refusal::not_found)?.labels.clone();
        for label in present.into_iter().filter(|label| !wanted.contains(label)) {
            let name = self.repo(repo).and_then(|it| it.label_by_id(label)).map(|label| label.name.clone());
            self.remove_label(by, repo, number, &name.unwrap_or_default())?;
        }
        self.add_labels(by, repo, number, names)
    }

    /// The event, the ledger line and the webhook of a label put on or taken off.
    pub(crate) fn announce_label(&mut self, by: &Actor, repo: u64, number: u64, label: u64, on: bool) {
        let Some(found) = self.repo(repo).and_then(|it| it.label_by_id(label)).cloned() else { return };
        let action = if on { "labeled" } else { "unlabeled" };
        let short = json!({"name": found.name, "color": found.color});
        self.note_event(by, repo, number, action, vec![("label", short)], None);
        self.record(by, &format!("issue.{action}"), Some(repo), json!({"number": number, "label": found.name}));
        let label = self.label_json(repo, &found);
        self.emit_issue(by, repo, number, action, vec![("label", label)]);
    }
}
