//! The App's webhook deliveries as GitHub lists them, and asking for one again. GitHub never repeats a failed one by itself.
//!
//! Source: GitHub's REST reference, "GitHub App webhooks".

use baton_core::domain::time::Timestamp;
use serde::Deserialize;

use crate::app::GitHubApp;
use crate::call::Call;
use crate::error::GitHubError;
use crate::operations::{LIST_DELIVERIES, REDELIVER};
use crate::pages::{Asker, Enough, each_page_of};

/// Pages that are read in one go.
const PAGES: u32 = 50;

/// One attempt to deliver one event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// The attempt's number.
    pub id: i64,
    /// The event's name, which all attempts at it share.
    pub guid: String,
    /// When it was made.
    pub at: Timestamp,
    /// The event.
    pub event: String,
    /// The event's action.
    pub action: Option<String>,
    /// What came of it.
    pub outcome: AttemptOutcome,
    /// Whether it was answered 202: Baton's word for "it is on disk now".
    pub recorded: bool,
}

/// What came of an attempt to deliver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttemptOutcome {
    /// It was answered with success.
    Succeeded,
    /// It was answered with an error, or not at all.
    Failed,
    /// It is under way.
    Pending,
}

#[derive(Deserialize)]
struct Line {
    id: i64,
    guid: String,
    delivered_at: String,
    status: String,
    status_code: i64,
    event: String,
    action: Option<String>,
}

impl Line {
    fn read(self) -> Option<Attempt> {
        let outcome = match self.status_code {
            200..=399 => AttemptOutcome::Succeeded,
            _ if self.status == "pending" => AttemptOutcome::Pending,
            _ => AttemptOutcome::Failed,
        };
        let at = Timestamp::parse_rfc3339(&self.delivered_at)?;
        let recorded = self.status_code == 202;
        Some(Attempt { id: self.id, guid: self.guid, at, event: self.event, action: self.action, outcome, recorded })
    }
}

impl GitHubApp {
    /// The attempts at deliveries made since a time, newest first, 5,000 at most. GitHub keeps those of three days (of seven
    /// on Enterprise Server).
    ///
    /// # Errors
    /// Whatever GitHub refuses.
    pub async fn attempts_since(&self, since: Timestamp) -> Result<Vec<Attempt>, GitHubError> {
        let (mut all, mut pages) = (Vec::new(), 0);
        let first = Call::new(&LIST_DELIVERIES, &[]).query(&[("per_page", "100")]);
        each_page_of(&Asker::App(&self.shared), first, |page: Vec<Line>| {
            pages += 1;
            let (before, listed) = (all.len(), page.len());
            all.extend(page.into_iter().filter_map(Line::read).filter(|attempt| attempt.at >= since));
            if all.len() - before < listed || pages == PAGES { Enough::Yes } else { Enough::No }
        })
        .await?;
        Ok(all)
    }

    /// Asks GitHub to deliver once more what an attempt was to deliver, under the same GUID. Asking twice delivers twice.
    ///
    /// # Errors
    /// [`GitHubError::NotFound`] when GitHub does not keep it any more.
    pub async fn redeliver(&self, attempt: i64) -> Result<(), GitHubError> {
        let call = Call::new(&REDELIVER, &[&attempt.to_string()]);
        self.shared.send_as_app(&call).await.map(drop)
    }
}
