//! The few fields Baton reads of GitHub's payloads, under GitHub's names. Everything else in a payload is skipped unread.

use serde::Deserialize;

use crate::lenient::{Field, List, Object, Presence, Texts};

/// A payload of any event.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Payload {
    pub action: Field<String>,
    pub repository: Field<Object<Repository>>,
    pub installation: Field<Object<Installation>>,
    pub sender: Field<Object<Account>>,
    pub issue: Field<Object<Issue>>,
    pub comment: Field<Object<Comment>>,
    pub changes: Field<Object<Changes>>,
    pub assignee: Field<Object<Account>>,
    pub label: Field<Object<Label>>,
    pub pull_request: Field<Object<PullRequest>>,
    #[serde(rename = "ref")]
    pub git_ref: Field<String>,
    pub before: Field<String>,
    pub after: Field<String>,
    pub forced: Field<bool>,
    pub check_run: Field<Object<CheckRun>>,
    pub requested_action: Field<Object<RequestedAction>>,
    pub repositories: Field<List<Repository>>,
    pub repositories_added: Field<List<Repository>>,
    pub repositories_removed: Field<List<Repository>>,
    pub hook_id: Field<i64>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Repository {
    pub id: Field<i64>,
    pub full_name: Field<String>,
    pub private: Field<bool>,
    pub default_branch: Field<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Installation {
    pub id: Field<i64>,
    pub app_id: Field<i64>,
    pub account: Field<Object<Account>>,
    pub permissions: Field<Texts>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Account {
    pub id: Field<i64>,
    pub login: Field<String>,
    #[serde(rename = "type")]
    pub kind: Field<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Label {
    pub name: Field<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Issue {
    pub number: Field<i64>,
    pub title: Field<String>,
    pub body: Field<String>,
    pub user: Field<Object<Account>>,
    pub labels: Field<List<Label>>,
    pub assignees: Field<List<Account>>,
    pub state: Field<String>,
    pub locked: Field<bool>,
    pub html_url: Field<String>,
    pub node_id: Field<String>,
    pub updated_at: Field<String>,
    pub pull_request: Field<Presence>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Comment {
    pub id: Field<i64>,
    pub body: Field<String>,
    pub user: Field<Object<Account>>,
    pub created_at: Field<String>,
    pub updated_at: Field<String>,
    pub html_url: Field<String>,
    pub node_id: Field<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Changes {
    pub title: Field<Object<From>>,
    pub body: Field<Object<From>>,
    pub new_issue: Field<Object<Issue>>,
    pub new_repository: Field<Object<Repository>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct From {
    pub from: Field<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct PullRequest {
    pub number: Field<i64>,
    pub title: Field<String>,
    pub body: Field<String>,
    pub user: Field<Object<Account>>,
    pub head: Field<Object<Side>>,
    pub base: Field<Object<Side>>,
    pub state: Field<String>,
    pub draft: Field<bool>,
    pub merged: Field<bool>,
    pub merged_by: Field<Object<Account>>,
    pub html_url: Field<String>,
    pub node_id: Field<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Side {
    #[serde(rename = "ref")]
    pub branch: Field<String>,
    pub sha: Field<String>,
    pub repo: Field<Object<Repository>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct CheckRun {
    pub id: Field<i64>,
    pub name: Field<String>,
    pub external_id: Field<String>,
    pub head_sha: Field<String>,
    pub app: Field<Object<App>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct App {
    pub id: Field<i64>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct RequestedAction {
    pub identifier: Field<String>,
}
