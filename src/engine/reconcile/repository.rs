//! One repository: what changed in it since the last look, oldest first, and how its live tasks compare with that.

use std::collections::BTreeMap;
use std::time::Duration;

use baton_core::command::parse;
use baton_core::domain::ids::{Digest, IssueNumber, RepositoryId};
use baton_core::domain::task::Task;
use baton_core::domain::time::Timestamp;
use baton_github::{Changed, Comment, GitHubError, Issue, Repository};
use baton_queue::Failure;
use serde::{Deserialize, Serialize};

use super::deliveries::before;
use super::installations::Place;
use super::observe::{Observation, Seen};
use crate::engine::Engine;
use crate::engine::ingest::comment_key;

/// A list may show a change some seconds late.
const OVERLAP: Duration = Duration::from_secs(2 * 60);

/// How far a repository was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Mark {
    /// What was done before this is none of Baton's business.
    pub from: Timestamp,
    /// The newest change seen, by GitHub's clock.
    until: Timestamp,
    /// What the last look saw.
    seen: Option<Digest>,
    /// Whether the look before saw the same. A change within the second of a look shows in the next one only.
    calm: bool,
}

impl Mark {
    /// The setting that holds a repository's.
    pub(super) fn setting(repository: RepositoryId) -> String {
        format!("reconcile/repository/{repository}")
    }

    /// Of a repository that is this database's business since then.
    pub(super) fn first(since: Timestamp) -> Self {
        // GitHub's times are whole seconds.
        let from = Timestamp(since.0.div_euclid(1_000) * 1_000);
        Self { from, until: from, seen: None, calm: false }
    }
}

/// What changed, read.
pub(super) struct News {
    /// Issues and pull requests that changed, as they are now.
    pub threads: BTreeMap<IssueNumber, Issue>,
    /// Whether there is anything in it that the last looks did not see.
    pub is_new: bool,
}

impl Engine {
    /// Looks at a repository. The mark moves in the transaction in which the jobs for what was found are enqueued.
    pub(super) async fn look_at(&self, place: &Place, tasks: &[Task]) -> Result<(), Failure> {
        let reference = &place.covered.reference;
        let repository = self.parts().github.repository(reference);
        let setting = Mark::setting(reference.id);
        let mark = self.store().setting::<Mark>(&setting).await?;
        let mut mark = mark.unwrap_or_else(|| Mark::first(place.since));
        // It may have been installed anew since.
        mark.from = mark.from.max(place.installed.unwrap_or(mark.from));
        let since = before(mark.until, OVERLAP).max(mark.from);

        let changed = match repository.issues_since(since).await {
            Ok(changed) => changed,
            // Issues are switched off here.
            Err(GitHubError::Gone { .. }) => Changed { items: Vec::new(), complete: true },
            Err(refused) => return Err(self.refused(&refused)),
        };
        let seen = fingerprint(&changed.items);
        let is_same = mark.seen.as_ref() == Some(&seen);
        let newest = changed.items.iter().filter_map(|issue| issue.updated_at).max().unwrap_or(mark.until);
        let threads: BTreeMap<_, _> = changed.items.into_iter().map(|issue| (issue.number, issue)).collect();
        let news = News { threads, is_new: !(is_same && mark.calm) };

        let mut until = newest.max(mark.until);
        let mut found = Vec::new();
        if news.is_new && !news.threads.is_empty() {
            let comments = repository.comments_since(since).await.map_err(|refused| self.refused(&refused))?;
            if let (false, Some(last)) = (comments.complete, comments.items.last()) {
                until = until.min(last.updated_at);
            }
            self.comments(&repository, &mark, &news, comments.items, &mut found).await?;
            self.handovers(&repository, &mark, &news, &mut found).await?;
            self.reopened_pulls(&repository, &news, &mut found).await?;
        }
        for task in tasks {
            self.compare(&repository, &news, task, &mut found).await?;
        }
        // Things happen in the order in which they happened.
        found.sort_by_key(|observation| observation.at);

        let next = Mark { from: mark.from, until, seen: Some(seen), calm: is_same };
        let mut tx = self.store().begin().await?;
        for observation in &found {
            self.enqueue_observation(&mut tx, observation).await?;
        }
        if next != mark {
            tx.set(&setting, &next, self.now()).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// Comments that command and were never heard of. One that was edited since it was written never commands.
    async fn comments(
        &self,
        repository: &Repository,
        mark: &Mark,
        news: &News,
        comments: Vec<Comment>,
        found: &mut Vec<Observation>,
    ) -> Result<(), Failure> {
        let reference = repository.reference();
        for comment in comments {
            let is_late = comment.created_at < mark.from;
            let is_edited = comment.updated_at != comment.created_at;
            if is_late || is_edited || parse(&comment.body).is_empty() {
                continue;
            }
            if self.store().was_noticed(&comment_key(reference.id, comment.id)).await? {
                continue;
            }
            let on_pull = match news.threads.get(&comment.issue) {
                Some(thread) => thread.is_pull_request,
                None => comment.html_url.contains("/pull/"),
            };
            let what = Seen::Comment { comment: comment.id, thread: comment.issue, on_pull };
            let (at, version) = (comment.created_at, Some(comment.updated_at));
            found.push(Observation { repository: reference.clone(), at, version, what });
        }
        Ok(())
    }
}

fn fingerprint(issues: &[Issue]) -> Digest {
    let lines: Vec<String> = issues
        .iter()
        .map(|issue| format!("{} {}", issue.number, issue.updated_at.map(|at| at.0).unwrap_or_default()))
        .collect();
    Digest::of(&lines.iter().map(String::as_str).collect::<Vec<_>>())
}
