//! Check suites, check runs and commit statuses.

use jiff::Timestamp;
use serde_json::Value;

#[derive(Debug)]
pub(crate) struct CheckSuite {
    pub id: u64,
    pub app: u64,
    pub head_sha: String,
    pub head_branch: Option<String>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

#[derive(Debug)]
pub(crate) struct CheckRun {
    pub id: u64,
    pub suite: u64,
    pub app: u64,
    pub name: String,
    pub head_sha: String,
    pub status: String,
    pub conclusion: Option<String>,
    pub external_id: String,
    pub details_url: Option<String>,
    pub started_at: Option<Timestamp>,
    pub completed_at: Option<Timestamp>,
    pub title: Option<String>,
    pub summary: Option<String>,
    pub text: Option<String>,
    pub annotations: Vec<Value>,
    pub actions: Vec<Value>,
}

#[derive(Debug)]
pub(crate) struct Status {
    pub id: u64,
    pub sha: String,
    pub creator: u64,
    pub state: String,
    pub context: String,
    pub description: Option<String>,
    pub target_url: Option<String>,
    pub at: Timestamp,
}
