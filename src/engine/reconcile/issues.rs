//! Issues and pull requests against what tasks know of them: handed over, taken away, edited, closed, merged, gone.

use baton_core::domain::ids::IssueNumber;
use baton_core::domain::task::{ApprovedThrough, Closed, State, Task};
use baton_core::domain::time::Timestamp;
use baton_github::{GitHubError, Issue, IssueAct, IssueEvent, IssueState, PullState, Repository};
use baton_queue::Failure;

use super::observe::{Change, Observation, PullNow, Seen};
use super::repository::{Mark, News};
use crate::engine::Engine;
use crate::engine::apply::read;
use crate::engine::facts::AUTO_LABEL;
use crate::engine::ingest::{Handle, handed_over, handover_key};
use crate::engine::missing::is_elsewhere;

/// GitHub's times are whole seconds: something of the same second may be later.
fn second(at: Timestamp) -> Timestamp {
    Timestamp(at.0.div_euclid(1_000) * 1_000)
}

impl Engine {
    /// Assignments and labels that hand an issue over, still stand, and were never dealt with.
    pub(super) async fn handovers(
        &self,
        repository: &Repository,
        mark: &Mark,
        news: &News,
        found: &mut Vec<Observation>,
    ) -> Result<(), Failure> {
        for issue in news.threads.values() {
            let handles = self.handles_on(issue);
            if issue.is_pull_request || issue.state != IssueState::Open || handles.is_empty() {
                continue;
            }
            let events = self.events_of(repository, issue.number).await?;
            for handle in &handles {
                let Some(event) = handed_over(&events, handle) else { continue };
                let key = handover_key(repository.reference().id, event.id);
                if event.at >= second(mark.from) && !self.store().was_noticed(&key).await? {
                    let what = Seen::HandedOver { issue: issue.number, event: event.id };
                    let (at, version) = (event.at, issue.updated_at);
                    found.push(Observation { repository: repository.reference().clone(), at, version, what });
                }
            }
        }
        Ok(())
    }

    /// The bot's assignees and labels on an issue.
    fn handles_on(&self, issue: &Issue) -> Vec<Handle> {
        let ours = &self.parts().github_config.assignees;
        let assigned = |login: &&String| {
            issue.assignees.iter().any(|account| account.person.login.eq_ignore_ascii_case(login.as_str()))
        };
        let logins = ours.iter().filter(assigned).cloned().map(Handle::Login);
        let labels = [self.parts().policy.label.clone(), AUTO_LABEL.to_owned()];
        let labels = labels.into_iter().filter(|label| has_label(issue, label)).map(Handle::Label);
        logins.chain(labels).collect()
    }

    async fn events_of(&self, repository: &Repository, issue: IssueNumber) -> Result<Vec<IssueEvent>, Failure> {
        match repository.issue_events(issue).await {
            Ok(events) => Ok(events),
            Err(GitHubError::NotFound { .. } | GitHubError::Gone { .. }) => Ok(Vec::new()),
            // Whoever may comment can make a history longer than is read. That is that issue's trouble alone: if the look
            // ended here, nothing in the repository would be looked at ever again.
            Err(refused @ GitHubError::Malformed { .. }) => {
                tracing::warn!(%issue, %refused, "who did what to an issue cannot be read");
                Ok(Vec::new())
            }
            Err(refused) => Err(self.refused(&refused)),
        }
    }

    /// Pull requests that were closed when Baton last heard of them, and are open.
    pub(super) async fn reopened_pulls(
        &self,
        repository: &Repository,
        news: &News,
        found: &mut Vec<Observation>,
    ) -> Result<(), Failure> {
        let reference = repository.reference();
        for thread in news.threads.values() {
            if !thread.is_pull_request || thread.state != IssueState::Open {
                continue;
            }
            let Some(row) = self.store().task_of_pull_request(reference.id, thread.number).await? else { continue };
            if matches!(read(&row)?.state, State::Closed(Closed::PullClosed(_))) {
                let what = Seen::Pull { pull: thread.number, now: PullNow::Reopened };
                let at = thread.updated_at.unwrap_or_else(|| self.now());
                found.push(Observation { repository: reference.clone(), at, version: thread.updated_at, what });
            }
        }
        Ok(())
    }

    /// A task that goes on against its issue and its pull request.
    pub(super) async fn compare(
        &self,
        repository: &Repository,
        news: &News,
        task: &Task,
        found: &mut Vec<Observation>,
    ) -> Result<(), Failure> {
        let number = task.issue.number;
        let mut saw = |at: Timestamp, version: Option<Timestamp>, what: Seen| {
            found.push(Observation { repository: repository.reference().clone(), at, version, what });
        };
        let now = match news.threads.get(&number) {
            Some(now) => Some(now.clone()),
            None => match repository.issue(number).await {
                Ok(now) => Some(now),
                Err(GitHubError::NotFound { .. } | GitHubError::Gone { .. }) => None,
                Err(refused) => return Err(self.refused(&refused)),
            },
        };
        let change = |change| Seen::Issue { issue: number, task: task.id, change };
        let Some(now) = now else {
            saw(self.now(), None, change(Change::Deleted));
            return Ok(());
        };
        let at = now.updated_at.unwrap_or_else(|| self.now());
        if is_elsewhere(&repository.reference().name, &now, number) {
            saw(at, None, change(Change::Transferred));
            return Ok(());
        }
        if (&now.title, &now.body) != (&task.issue.title, &task.issue.body) {
            saw(at, now.updated_at, change(Change::Edited { text: now.snapshot().digest() }));
        }
        if now.state == IssueState::Closed {
            saw(at, now.updated_at, change(Change::Closed));
        }
        if news.is_new && news.threads.contains_key(&number) {
            for event in self.events_of(repository, number).await? {
                if let Some(what) = self.taken_back(&now, task, &event) {
                    saw(event.at, now.updated_at, change(what));
                }
            }
        }
        if let Some(pull) = task.pull {
            let there = repository.pull(pull).await;
            match there {
                Ok(there) if there.state == PullState::Open => {}
                Ok(there) => {
                    let merged = there.state == PullState::Merged;
                    saw(at, there.updated_at, Seen::Pull { pull, now: PullNow::Closed { merged } });
                }
                Err(GitHubError::NotFound { .. } | GitHubError::Gone { .. }) => {}
                Err(refused) => return Err(self.refused(&refused)),
            }
        }
        if let State::Queued(queued) = &task.state
            && let ApprovedThrough::Comment { id } = queued.work.approval.through
            && matches!(repository.comment(id).await, Err(GitHubError::NotFound { .. } | GitHubError::Gone { .. }))
        {
            saw(self.now(), None, Seen::CommentGone { comment: id, thread: number });
        }
        Ok(())
    }

    /// What an event took away from a task that began before, if it is still so.
    fn taken_back(&self, now: &Issue, task: &Task, event: &IssueEvent) -> Option<Change> {
        if event.at < second(task.began) {
            return None;
        }
        let ours = &self.parts().github_config.assignees;
        let is_ours = |login: &str| ours.iter().any(|ours| ours.eq_ignore_ascii_case(login));
        match &event.act {
            IssueAct::Unassigned(login)
                if is_ours(login) && !now.assignees.iter().any(|account| is_ours(&account.person.login)) =>
            {
                Some(Change::Unassigned { login: login.clone() })
            }
            IssueAct::Unlabelled(label)
                if (label.eq_ignore_ascii_case(&self.parts().policy.label)
                    || label.eq_ignore_ascii_case(AUTO_LABEL))
                    && !has_label(now, label) =>
            {
                Some(Change::Unlabelled { label: label.clone() })
            }
            _ => None,
        }
    }
}

fn has_label(issue: &Issue, label: &str) -> bool {
    issue.labels.iter().any(|there| there.eq_ignore_ascii_case(label))
}
