//! The lines of an issue's events and timeline as GitHub writes them.

use serde_json::{Value, json};

use crate::clock::stamp;
use crate::world::World;
use crate::world::issue::IssueEvent;

impl World {
    pub(crate) fn issue_event_json(&self, repo: u64, event: &IssueEvent) -> Value {
        let commit_url = event.commit.as_ref().map(|sha| format!("{}/commits/{sha}", self.repo_url(repo)));
        let mut answer = json!({
            "id": event.id,
            "node_id": format!("EV_kwDO{}", event.id),
            "url": format!("{}/issues/events/{}", self.repo_url(repo), event.id),
            "actor": self.user_json(event.actor),
            "event": event.event,
            "commit_id": event.commit,
            "commit_url": commit_url,
            "created_at": stamp(event.at),
            "performed_via_github_app": self.via_json(event.via_app),
        });
        if let Value::Object(fields) = &mut answer {
            fields.extend(event.extra.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        }
        answer
    }

    /// Events, comments and reviews of an issue in the order they happened.
    pub(crate) fn timeline_json(&self, repo: u64, number: u64) -> Vec<Value> {
        let Some(issue) = self.issue(repo, number) else { return Vec::new() };
        let mut lines: Vec<(jiff::Timestamp, u64, Value)> = Vec::new();
        for event in &issue.events {
            lines.push((event.at, event.id, self.issue_event_json(repo, event)));
        }
        for comment in &issue.comments {
            let mut line = self.comment_json(repo, number, comment);
            super::merge(&mut line, json!({"event": "commented", "actor": self.user_json(comment.author)}));
            lines.push((comment.created_at, comment.id, line));
        }
        for review in issue.pull.iter().flat_map(|pull| &pull.reviews) {
            let mut line = self.review_json(repo, number, review);
            super::merge(&mut line, json!({"event": "reviewed", "state": review.state.name().to_lowercase()}));
            lines.push((review.submitted_at, review.id, line));
        }
        lines.sort_by_key(|(at, id, _)| (*at, *id));
        lines.into_iter().map(|(_, _, line)| line).collect()
    }
}
