//! Changes of issues: handed over, edited, taken away.

use baton_core::domain::actor::AccountKind;
use baton_core::domain::event::{Event, Trigger, Triggered};
use baton_core::domain::issue::RepositoryRef;
use baton_core::domain::task::{State, Task, Withdrawal};
use baton_core::domain::time::Timestamp;
use baton_github::{Account, GitHubError, Issue as IssueNow, PullState, Repository};
use baton_queue::{Failure, JobContext};
use baton_webhook::{Account as Assignee, Context, Issue, IssueChange, Origin};

use super::handover::{Handle, handed_over, handover_key};
use super::{Act, Consequence};
use crate::engine::apply::read;
use crate::engine::facts::AUTO_LABEL;
use crate::engine::{Engine, error};

/// The event by which an issue was handed over.
struct Given {
    /// What names it for ever.
    key: String,
    /// When it was, by GitHub's clock.
    at: Timestamp,
}

/// GitHub's API catches up within seconds; after so many looks its word counts.
const LOOKS: u32 = 5;

impl Engine {
    pub(super) async fn issue_changed(
        &self,
        context: &Context,
        issue: &Issue,
        change: &IssueChange,
        job: &JobContext,
    ) -> Result<Consequence, Failure> {
        if issue.origin == Origin::PullRequest {
            return Ok(Consequence::ignore("pull requests are not handed over"));
        }
        let hands_over = match change {
            IssueChange::Assigned { assignee } => self.is_ours(assignee.as_ref()),
            IssueChange::Labeled { label } => label.as_deref().is_some_and(|label| self.is_our_label(label)),
            _ => false,
        };
        let reference = match self.served(context) {
            Ok(reference) => reference,
            Err(unserved) if hands_over => return Ok(unserved.aloud(issue.number)),
            Err(unserved) => return Ok(unserved.quietly()),
        };
        match change {
            IssueChange::Assigned { assignee: Some(assignee) } if hands_over => {
                self.assigned(reference, issue, &assignee.login, job).await
            }
            IssueChange::Labeled { label: Some(label) } if hands_over => {
                self.labelled(reference, issue, label, job).await
            }
            IssueChange::Unassigned { assignee } if self.is_ours(assignee.as_ref()) => {
                self.taken_away(&reference, issue, Withdrawal::Unassigned, job).await
            }
            IssueChange::Unlabeled { label: Some(label) } if label.eq_ignore_ascii_case(&self.parts().policy.label) => {
                self.taken_away(&reference, issue, Withdrawal::Unlabelled, job).await
            }
            IssueChange::Unlabeled { label: Some(label) } if label.eq_ignore_ascii_case(AUTO_LABEL) => {
                self.auto_label_removed(&reference, issue, job).await
            }
            IssueChange::Closed => self.taken_away(&reference, issue, Withdrawal::IssueClosed, job).await,
            IssueChange::Deleted => self.taken_away(&reference, issue, Withdrawal::IssueDeleted, job).await,
            IssueChange::Transferred { .. } => self.gone(&reference, issue, Withdrawal::IssueTransferred).await,
            IssueChange::Edited { .. } => self.edited(&reference, issue, job).await,
            IssueChange::Opened | IssueChange::Reopened => Ok(Consequence::ignore("this alone starts nothing")),
            IssueChange::Assigned { .. }
            | IssueChange::Unassigned { .. }
            | IssueChange::Labeled { .. }
            | IssueChange::Unlabeled { .. } => Ok(Consequence::ignore("not the bot's assignee or label")),
        }
    }

    fn is_ours(&self, assignee: Option<&Assignee>) -> bool {
        assignee.is_some_and(|account| self.is_our_login(&account.login))
    }

    fn is_our_login(&self, login: &str) -> bool {
        self.parts().github_config.assignees.iter().any(|ours| ours.eq_ignore_ascii_case(login))
    }

    fn is_our_label(&self, label: &str) -> bool {
        label.eq_ignore_ascii_case(&self.parts().policy.label) || label.eq_ignore_ascii_case(AUTO_LABEL)
    }

    /// The issue as GitHub tells it now: at least as new as the delivery, or asked for again later.
    async fn issue_now(
        &self,
        repository: &Repository,
        issue: &Issue,
        job: &JobContext,
    ) -> Result<Option<IssueNow>, Failure> {
        match repository.issue(issue.number).await {
            Ok(now) if now.updated_at < issue.updated_at && job.job.attempts < LOOKS => {
                Err(Failure::transient("GitHub does not show the change yet"))
            }
            Ok(now) => Ok(Some(now)),
            Err(GitHubError::NotFound { .. }) if job.job.attempts < LOOKS => {
                Err(Failure::transient("GitHub does not show the issue yet"))
            }
            Err(GitHubError::NotFound { .. } | GitHubError::Gone { .. }) => Ok(None),
            Err(refused) => Err(error::github(&refused, self.now())),
        }
    }

    /// Who assigned it is looked up, as for a label.
    async fn assigned(
        &self,
        reference: RepositoryRef,
        issue: &Issue,
        assignee: &str,
        job: &JobContext,
    ) -> Result<Consequence, Failure> {
        let repository = self.parts().github.repository(&reference);
        let Some(now) = self.issue_now(&repository, issue, job).await? else {
            return Ok(Consequence::ignore("the issue is gone"));
        };
        if !now.assignees.iter().any(|account| self.is_our_login(&account.person.login)) {
            return Ok(Consequence::ignore("the issue is not assigned to the bot any more"));
        }
        let handle = Handle::Login(assignee.to_owned());
        match self.handover(&repository, &handle, &now, job).await? {
            Some((by, given)) => self.trigger_by(&repository, by, given, Trigger::Assigned, &now).await,
            None => Ok(Consequence::ignore("who assigned it cannot be found out")),
        }
    }

    /// Who handed the issue over by this, and which event that was.
    async fn handover(
        &self,
        repository: &Repository,
        handle: &Handle,
        issue: &IssueNow,
        job: &JobContext,
    ) -> Result<Option<(Account, Given)>, Failure> {
        let events = match repository.issue_events(issue.number).await {
            Ok(events) => events,
            Err(GitHubError::NotFound { .. } | GitHubError::Gone { .. }) => return Ok(None),
            Err(refused) => return Err(error::github(&refused, self.now())),
        };
        match handed_over(&events, handle) {
            Some(event) => {
                let given = Given { key: handover_key(repository.reference().id, event.id), at: event.at };
                Ok(event.actor.clone().map(|actor| (actor, given)))
            }
            // The issue shows it already.
            None if job.job.attempts < LOOKS => Err(Failure::transient("GitHub does not show the change yet")),
            None => Ok(None),
        }
    }

    /// A label says nothing about who set it: that is looked up.
    async fn labelled(
        &self,
        reference: RepositoryRef,
        issue: &Issue,
        label: &str,
        job: &JobContext,
    ) -> Result<Consequence, Failure> {
        let repository = self.parts().github.repository(&reference);
        let Some(now) = self.issue_now(&repository, issue, job).await? else {
            return Ok(Consequence::ignore("the issue is gone"));
        };
        if !now.labels.iter().any(|there| there.eq_ignore_ascii_case(label)) {
            return Ok(Consequence::ignore("the label was taken off again"));
        }
        let Some((by, given)) = self.handover(&repository, &Handle::Label(label.to_owned()), &now, job).await? else {
            return Ok(Consequence::ignore("who set the label cannot be found out"));
        };
        // What the label approves is the text its setter saw: the delivery's. If that has changed since, it only hands over.
        let same_text = (&issue.title, &issue.body) == (&now.title, &now.body);
        let auto = label.eq_ignore_ascii_case(AUTO_LABEL) && same_text;
        let trigger = if auto { Trigger::LabelledAuto } else { Trigger::Labelled };
        self.trigger_by(&repository, by, given, trigger, &now).await
    }

    async fn trigger_by(
        &self,
        repository: &Repository,
        by: Account,
        given: Given,
        trigger: Trigger,
        now: &IssueNow,
    ) -> Result<Consequence, Failure> {
        if by.kind != AccountKind::User && self.is_ourselves(by.person.id).await? {
            return Ok(Consequence::ignore("Baton's own doing"));
        }
        let by = self.actor(repository, by.person, by.kind).await?;
        let policy = self.parts().task_policy.clone();
        let triggered = Triggered { by, trigger, at: Some(given.at), issue: now.snapshot(), policy };
        let repository = repository.reference().clone();
        let key = given.key;
        Ok(Consequence::Once { key, acts: vec![Act::Trigger { repository, triggered: Box::new(triggered) }] })
    }

    /// Whoever takes the issue away: it counts if GitHub says it is so now.
    async fn taken_away(
        &self,
        reference: &RepositoryRef,
        issue: &Issue,
        because: Withdrawal,
        job: &JobContext,
    ) -> Result<Consequence, Failure> {
        let Some(row) = self.store().task_of_issue(reference.id, issue.number).await? else {
            return Ok(Consequence::ignore("no task there"));
        };
        let task = read(&row)?;
        if is_about_an_earlier_task(issue, &because, &task) {
            return Ok(Consequence::ignore("that was before this task began"));
        }
        let repository = self.parts().github.repository(reference);
        if let Some(now) = self.issue_now(&repository, issue, job).await?
            && self.still_ours(&now, &because)
        {
            return Ok(Consequence::ignore("it is so no more"));
        }
        // A merge closes the issue too, and its webhook may come first.
        if let (State::InReview(review), Withdrawal::IssueClosed) = (&task.state, &because) {
            let pull = repository.pull(review.pull).await.map_err(|refused| error::github(&refused, self.now()))?;
            if pull.state == PullState::Merged {
                let event = Event::PullClosed { pull: review.pull, merged: true, by: None };
                return Ok(Consequence::Acts(vec![Act::Happened { task: task.id, event }]));
            }
        }
        Ok(Consequence::Acts(vec![Act::Happened { task: task.id, event: Event::Withdrawn { because, by: None } }]))
    }

    /// The approval in advance is taken back; the issue too, if the label was all that handed it over.
    async fn auto_label_removed(
        &self,
        reference: &RepositoryRef,
        issue: &Issue,
        job: &JobContext,
    ) -> Result<Consequence, Failure> {
        let Some(row) = self.store().task_of_issue(reference.id, issue.number).await? else {
            return Ok(Consequence::ignore("no task there"));
        };
        let repository = self.parts().github.repository(reference);
        let mut acts = vec![Act::Happened { task: row.id, event: Event::AdvanceTakenBack }];
        // What else hands it over cannot be seen while GitHub does not show the issue.
        let Some(now) = self.issue_now(&repository, issue, job).await? else { return Ok(Consequence::Acts(acts)) };
        let has = |wanted: &str| now.labels.iter().any(|label| label.eq_ignore_ascii_case(wanted));
        if has(AUTO_LABEL) {
            return Ok(Consequence::ignore("it is so no more"));
        }
        let assigned = now.assignees.iter().any(|account| self.is_our_login(&account.person.login));
        let task = read(&row)?;
        if !assigned && !has(&self.parts().policy.label) && task.began_by_label {
            acts.push(Act::Happened {
                task: row.id,
                event: Event::Withdrawn { because: Withdrawal::Unlabelled, by: None },
            });
        }
        Ok(Consequence::Acts(acts))
    }

    fn still_ours(&self, now: &IssueNow, because: &Withdrawal) -> bool {
        match because {
            Withdrawal::Unassigned => now.assignees.iter().any(|account| self.is_our_login(&account.person.login)),
            Withdrawal::Unlabelled => {
                now.labels.iter().any(|label| label.eq_ignore_ascii_case(&self.parts().policy.label))
            }
            Withdrawal::IssueClosed => now.snapshot().open,
            // It is there.
            Withdrawal::IssueDeleted => true,
            Withdrawal::Command { .. } | Withdrawal::IssueTransferred | Withdrawal::Uninstalled => false,
        }
    }

    async fn gone(
        &self,
        reference: &RepositoryRef,
        issue: &Issue,
        because: Withdrawal,
    ) -> Result<Consequence, Failure> {
        match self.store().task_of_issue(reference.id, issue.number).await? {
            Some(row) => Ok(Consequence::Acts(vec![Act::Happened {
                task: row.id,
                event: Event::Withdrawn { because, by: None },
            }])),
            None => Ok(Consequence::ignore("no task there")),
        }
    }

    async fn edited(&self, reference: &RepositoryRef, issue: &Issue, job: &JobContext) -> Result<Consequence, Failure> {
        let Some(row) = self.store().task_of_issue(reference.id, issue.number).await? else {
            return Ok(Consequence::ignore("no task there"));
        };
        let repository = self.parts().github.repository(reference);
        match self.issue_now(&repository, issue, job).await? {
            Some(now) => {
                let event = Event::IssueEdited { issue: now.snapshot() };
                Ok(Consequence::Acts(vec![Act::Happened { task: row.id, event }]))
            }
            None => Ok(Consequence::ignore("the issue is gone")),
        }
    }
}

/// Whether this is a late word about handing over an earlier task: a webhook that is asked for again comes days after. What is
/// so for ever, like an issue that is closed, has no such past.
fn is_about_an_earlier_task(issue: &Issue, because: &Withdrawal, task: &Task) -> bool {
    // GitHub's times are whole seconds.
    let second = std::time::Duration::from_secs(1);
    let is_before = issue.updated_at.is_some_and(|at| at.plus(second) <= task.began);
    is_before && matches!(because, Withdrawal::Unassigned | Withdrawal::Unlabelled)
}
