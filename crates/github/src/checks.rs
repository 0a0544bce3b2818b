//! Check runs: found by what we called them on their commit, or made.

use baton_core::domain::ids::CommitSha;
use serde_json::{Value, json};

use crate::Found;
use crate::call::{Call, Reply};
use crate::error::GitHubError;
use crate::operations::{CREATE_CHECK_RUN, LIST_CHECK_RUNS, UPDATE_CHECK_RUN};
use crate::pages::{Enough, each_page};
use crate::repository::Repository;
use crate::{texts, wire};

/// How a check run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckConclusion {
    /// Good.
    Success,
    /// Bad.
    Failure,
    /// Neither.
    Neutral,
    /// Stopped.
    Cancelled,
    /// Somebody has to do something.
    ActionRequired,
}

impl CheckConclusion {
    fn name(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Neutral => "neutral",
            Self::Cancelled => "cancelled",
            Self::ActionRequired => "action_required",
        }
    }
}

/// Where a check run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckState {
    /// Waiting.
    Queued,
    /// Under way.
    InProgress,
    /// Over.
    Completed(CheckConclusion),
}

/// What a check run shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckRunUpdate<'a> {
    /// Where it stands.
    pub state: CheckState,
    /// The heading; cut to 255 characters.
    pub title: &'a str,
    /// The summary, Markdown; cut to 65,535 bytes.
    pub summary: &'a str,
    /// More, Markdown; cut to 65,535 bytes.
    pub text: Option<&'a str>,
    /// Where "Details" leads.
    pub details_url: Option<&'a str>,
}

/// A check run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckRun {
    /// GitHub's number.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// What we called it.
    pub external_id: String,
    /// The commit it is on.
    pub head_sha: CommitSha,
    /// GitHub's status: `queued`, `in_progress`, `completed`.
    pub status: String,
    /// GitHub's conclusion, when completed.
    pub conclusion: Option<String>,
    /// Its page.
    pub html_url: Option<String>,
}

fn read(wire: wire::CheckRun, reply: &Reply) -> Result<CheckRun, GitHubError> {
    Ok(CheckRun {
        id: wire.id,
        name: wire.name,
        external_id: wire.external_id.unwrap_or_default(),
        head_sha: wire.head_sha.parse().map_err(|_| GitHubError::Malformed {
            operation: reply.operation.name,
            detail: "the check run's commit is none".to_owned(),
        })?,
        status: wire.status,
        conclusion: wire.conclusion,
        html_url: wire.html_url,
    })
}

impl Repository {
    /// Brings a check run into being or up to date: the one of this name and external id on the commit, or a new one.
    ///
    /// # Errors
    /// [`GitHubError::Validation`] when the commit is not in the repository.
    pub async fn set_check_run(
        &self,
        name: &str,
        external_id: &str,
        head: &CommitSha,
        update: &CheckRunUpdate<'_>,
    ) -> Result<Found<CheckRun>, GitHubError> {
        if let Some(id) = self.find_check_run(name, external_id, head).await? {
            let call = Call::new(&UPDATE_CHECK_RUN, &[self.owner(), self.name(), &id.to_string()]).body(body(update));
            let reply = self.send(&call).await?;
            return Ok(Found::Existing(read(reply.json()?, &reply)?));
        }
        let mut body = body(update);
        body["name"] = json!(name);
        body["external_id"] = json!(external_id);
        body["head_sha"] = json!(head.as_str());
        let call = Call::new(&CREATE_CHECK_RUN, &[self.owner(), self.name()]).body(body);
        let reply = self.send(&call).await?;
        Ok(Found::Created(read(reply.json()?, &reply)?))
    }

    /// Our check run of this name and external id on a commit. Only check runs of this very App are looked at.
    async fn find_check_run(
        &self,
        name: &str,
        external_id: &str,
        head: &CommitSha,
    ) -> Result<Option<i64>, GitHubError> {
        let app = self.shared.key.app_id();
        let app_id = app.to_string();
        let query = [("check_name", name), ("filter", "all"), ("app_id", app_id.as_str()), ("per_page", "100")];
        let call = Call::new(&LIST_CHECK_RUNS, &[self.owner(), self.name(), head.as_str()]).query(&query);
        let mut found = None;
        each_page(self, call, |page: wire::CheckRuns| {
            found = page
                .check_runs
                .into_iter()
                .find(|run| {
                    run.name == name
                        && run.external_id.as_deref() == Some(external_id)
                        && run.app.as_ref().is_none_or(|by| by.id == app)
                })
                .map(|run| run.id);
            if found.is_some() { Enough::Yes } else { Enough::No }
        })
        .await?;
        Ok(found)
    }
}

fn body(update: &CheckRunUpdate<'_>) -> Value {
    let mut output = json!({
        "title": texts::check_title(update.title),
        "summary": texts::check_text(update.summary),
    });
    if let Some(text) = update.text {
        output["text"] = json!(texts::check_text(text));
    }
    let mut body = json!({ "output": output });
    match update.state {
        CheckState::Queued => body["status"] = json!("queued"),
        CheckState::InProgress => body["status"] = json!("in_progress"),
        CheckState::Completed(conclusion) => {
            body["status"] = json!("completed");
            body["conclusion"] = json!(conclusion.name());
        }
    }
    if let Some(url) = update.details_url {
        body["details_url"] = json!(url);
    }
    body
}
