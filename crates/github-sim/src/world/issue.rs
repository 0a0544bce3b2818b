//! Issues (a pull request is an issue with a [`Pull`]), comments, reactions and the events of the timeline.

use jiff::Timestamp;
use serde_json::Value;

use super::pull::Pull;

#[derive(Debug)]
pub(crate) struct Issue {
    pub id: u64,
    pub number: u64,
    pub title: String,
    pub body: Option<String>,
    pub author: u64,
    pub open: bool,
    pub state_reason: Option<String>,
    pub locked: bool,
    pub lock_reason: Option<String>,
    pub labels: Vec<u64>,
    pub assignees: Vec<u64>,
    pub comments: Vec<Comment>,
    pub reactions: Vec<Reaction>,
    pub events: Vec<IssueEvent>,
    pub edits: Vec<Edit>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub closed_at: Option<Timestamp>,
    pub closed_by: Option<u64>,
    pub via_app: Option<u64>,
    pub pull: Option<Pull>,
}

#[derive(Debug)]
pub(crate) struct Comment {
    pub id: u64,
    pub author: u64,
    pub body: String,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// Why it is folded away (`OUTDATED`), when it is.
    pub minimized: Option<String>,
    pub reactions: Vec<Reaction>,
    pub edits: Vec<Edit>,
    pub via_app: Option<u64>,
}

/// What a title or body was before somebody changed it.
#[derive(Debug, Clone)]
pub(crate) struct Edit {
    pub at: Timestamp,
    pub by: u64,
    pub field: &'static str,
    pub from: String,
}

#[derive(Debug, Clone)]
pub(crate) struct Reaction {
    pub id: u64,
    pub user: u64,
    pub content: String,
    pub created_at: Timestamp,
}

/// The eight reactions GitHub knows.
pub(crate) const REACTIONS: [&str; 8] = ["+1", "-1", "laugh", "confused", "heart", "hooray", "rocket", "eyes"];

/// One line of `GET /issues/{n}/events`; `extra` holds the fields of its kind (`label`, `assignee`…), already rendered.
#[derive(Debug, Clone)]
pub(crate) struct IssueEvent {
    pub id: u64,
    pub event: &'static str,
    pub actor: u64,
    pub at: Timestamp,
    pub via_app: Option<u64>,
    pub commit: Option<String>,
    pub extra: Vec<(&'static str, Value)>,
}
