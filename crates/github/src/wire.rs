//! The few fields Baton reads of GitHub's answers, under GitHub's names. Unknown fields are skipped; what may be null or
//! absent is an option.

use serde::Deserialize;

/// Anything of which only the number matters: a repository, an account, an App, a reaction.
#[derive(Debug, Deserialize)]
pub(crate) struct Numbered {
    pub id: i64,
}

#[derive(Debug, Deserialize)]
pub(crate) struct User {
    pub id: i64,
    pub login: String,
    #[serde(rename = "type")]
    pub kind: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct App {
    pub id: i64,
    pub slug: Option<String>,
    pub name: Option<String>,
    #[serde(default)]
    pub permissions: std::collections::BTreeMap<String, String>,
    #[serde(default)]
    pub events: Vec<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Installation {
    pub id: i64,
    /// GitHub also knows enterprises here, which have no login.
    pub account: Option<Login>,
    pub suspended_at: Option<String>,
    pub created_at: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Login {
    pub login: Option<String>,
    pub slug: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Repository {
    pub id: i64,
    pub full_name: String,
    #[serde(default)]
    pub private: bool,
    #[serde(default)]
    pub archived: bool,
    pub default_branch: String,
    pub html_url: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Role {
    pub permission: String,
    pub role_name: Option<String>,
    pub user: Option<Numbered>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Label {
    pub name: Option<String>,
}

/// GitHub's labels on issues are objects or, in old answers, plain names.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum AnyLabel {
    Object(Label),
    Name(String),
}

impl AnyLabel {
    pub(crate) fn into_name(self) -> Option<String> {
        match self {
            Self::Object(label) => label.name,
            Self::Name(name) => Some(name),
        }
    }
}

#[derive(Debug, Deserialize)]
pub(crate) struct Issue {
    pub number: i64,
    pub node_id: String,
    pub html_url: String,
    pub title: String,
    pub body: Option<String>,
    pub user: Option<User>,
    pub state: String,
    #[serde(default)]
    pub locked: bool,
    #[serde(default)]
    pub labels: Vec<AnyLabel>,
    #[serde(default)]
    pub assignees: Option<Vec<User>>,
    pub pull_request: Option<serde::de::IgnoredAny>,
    pub updated_at: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Comment {
    pub id: i64,
    pub node_id: String,
    pub html_url: String,
    pub body: Option<String>,
    pub user: Option<User>,
    pub issue_url: String,
    pub created_at: String,
    pub updated_at: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct IssueEvent {
    pub id: Option<i64>,
    pub event: String,
    pub actor: Option<User>,
    pub assignee: Option<User>,
    pub assigner: Option<User>,
    pub label: Option<Label>,
    pub created_at: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct GitRef {
    #[serde(rename = "ref")]
    pub name: String,
    pub object: GitObject,
}

#[derive(Debug, Deserialize)]
pub(crate) struct GitObject {
    pub sha: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Side {
    #[serde(rename = "ref")]
    pub branch: String,
    pub sha: String,
    pub repo: Option<Numbered>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Pull {
    pub number: i64,
    pub node_id: String,
    pub html_url: String,
    pub title: String,
    pub body: Option<String>,
    pub user: Option<User>,
    pub state: String,
    #[serde(default)]
    pub draft: bool,
    pub merged: Option<bool>,
    pub merged_at: Option<String>,
    pub updated_at: Option<String>,
    pub head: Side,
    pub base: Side,
}

#[derive(Debug, Deserialize)]
pub(crate) struct CheckRuns {
    pub check_runs: Vec<CheckRun>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct CheckRun {
    pub id: i64,
    pub name: String,
    pub external_id: Option<String>,
    pub head_sha: String,
    pub status: String,
    pub conclusion: Option<String>,
    pub html_url: Option<String>,
    pub app: Option<Numbered>,
}
