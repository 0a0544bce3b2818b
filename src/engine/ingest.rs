//! From a delivery to what it does: facts are asked of GitHub first, then everything is decided in one transaction.
//!
//! A payload is only a hint that something happened. Who acted with which rights, what the issue says now and who set a
//! label are asked of GitHub; what cannot be found out is asked again later and does nothing until then.

mod act;
mod comment;
mod handover;
mod issue;
mod reach;
mod reading;

use baton_core::domain::actor::Person;
use baton_core::domain::event::Event;
use baton_core::domain::ids::{Digest, InstallationId, IssueNumber, RepositoryId};
use baton_core::domain::issue::{RepositoryRef, Thread};
use baton_core::domain::task::Withdrawal;
use baton_github::{GitHubError, PullState};
use baton_queue::{Failure, Handled, JobContext};
use baton_store::{Delivery, DeliveryOutcome, Ingest, JobId, NewJob, Outcome, StoreError, TaskFilter, Tx};
use baton_webhook::{Account, Context, Incoming, InstallationChange, ListedRepository, PullChange, PullRequest};

pub(super) use act::Act;
pub(super) use handover::{Handle, comment_key, handed_over, handover_key};

use super::perform::MET_AT_ONCE;
use super::{Engine, error};

/// GitHub shows things a moment before they are written down here: such a delivery is looked at so often.
const LOOKS: u32 = 5;

/// What a delivery leads to.
pub(super) enum Consequence {
    /// Nothing, because.
    Ignore(String),
    /// These, in order.
    Acts(Vec<Act>),
    /// These, in order, and never again for what has this key, whoever tells of it.
    Once { key: String, acts: Vec<Act> },
}

impl Consequence {
    fn ignore(reason: impl Into<String>) -> Self {
        Self::Ignore(reason.into())
    }

    /// Notes who did what happened, for the history: nothing is decided by it, so the delivery's word is enough.
    fn done_by(mut self, sender: Option<&Account>) -> Self {
        let person = sender.map(|sender| Person { id: sender.id, login: sender.login.clone() });
        if let Self::Acts(acts) | Self::Once { acts, .. } = &mut self {
            for act in acts {
                if let Act::Happened { event, .. } = act {
                    event.name_the_doer(person.as_ref());
                }
            }
        }
        self
    }
}

/// Why an event is none of ours.
pub(super) enum Unserved {
    /// It names no installation of the App.
    NotInstalled,
    /// The operator does not serve this repository.
    NotAllowed(RepositoryRef),
}

impl Unserved {
    /// What follows where nobody asked for anything.
    fn quietly(self) -> Consequence {
        Consequence::ignore(match self {
            Self::NotInstalled => "it names no installation of the App".to_owned(),
            Self::NotAllowed(reference) => format!("the operator does not serve {} (`policy`)", reference.name),
        })
    }

    /// What follows where somebody asked for work: they are told, once per repository.
    fn aloud(self, number: IssueNumber) -> Consequence {
        match self {
            Self::NotInstalled => self.quietly(),
            Self::NotAllowed(repository) => {
                Consequence::Acts(vec![Act::NotServed { thread: Thread { repository, number } }])
            }
        }
    }
}

/// The kind of the job that considers a delivery in its turn: those about one issue go one after the other, in the order
/// they came.
pub(super) const CONSIDER: &str = "consider";

impl Engine {
    /// Looks what a delivery is about, and puts it in the lane of that issue. What does nothing whatever the world looks like
    /// is settled at once.
    pub(super) async fn take_in(&self, context: &JobContext) -> Result<Handled, Failure> {
        let Ingest { delivery: id } = context.job.payload.read("ingest job")?;
        let (_, incoming, _) = self.read_delivery(id).await?;
        let now = self.now();
        let mut tx = self.store().begin().await?;
        match nothing_follows(&incoming) {
            Some(reason) => tx.settle_delivery(id, &DeliveryOutcome::Ignored(reason), now).await?,
            None => {
                let mut job = NewJob::new(CONSIDER, &Ingest { delivery: id })?;
                job.dedupe_key = Some(format!("{CONSIDER}:{id}"));
                job.priority = context.job.priority;
                job.max_attempts = context.job.max_attempts;
                job.lane = lane(&incoming);
                // No repository waits for another's flood.
                job.repository = repository(&incoming).unwrap_or_default();
                tx.enqueue(&job, now).await?;
            }
        }
        tx.complete(&context.lease, &Outcome::Done(None), now).await?;
        tx.commit().await?;
        Ok(Handled::Completed)
    }

    /// Handles one delivery: its job ends with the transaction in which it had its effect.
    pub(super) async fn ingest(&self, context: &JobContext) -> Result<Handled, Failure> {
        let Ingest { delivery: id } = context.job.payload.read("ingest job")?;
        let (delivery, incoming, body) = self.read_delivery(id).await?;
        let consequence = self.consider_or_ignore(&incoming, context).await?;

        let now = self.now();
        let mut tx = self.store().begin().await?;
        // The same bytes under another GUID are the same event: GitHub sends some twice, and a captured delivery can
        // be sent again by anybody who captured it.
        let key = format!("delivery/{}", content_key(&delivery, &body));
        let outcome = self.carry_out(&mut tx, consequence, Some(key), context.job.id).await?;
        tx.settle_delivery(id, &outcome, now).await?;
        tx.complete(&context.lease, &Outcome::Done(None), now).await?;
        tx.commit().await?;
        Ok(Handled::Completed)
    }

    /// Does in the caller's transaction what follows, and says what came of it. `key` names the event where what follows does
    /// not name itself.
    pub(super) async fn carry_out(
        &self,
        tx: &mut Tx,
        consequence: Consequence,
        key: Option<String>,
        doer: JobId,
    ) -> Result<DeliveryOutcome, StoreError> {
        let (key, acts) = match consequence {
            Consequence::Ignore(reason) => return Ok(DeliveryOutcome::Ignored(reason)),
            Consequence::Acts(acts) => (key, acts),
            Consequence::Once { key, acts } => (Some(key), acts),
        };
        if let Some(key) = key
            && !tx.once(&key, self.now()).await?
        {
            return Ok(DeliveryOutcome::Ignored("the same event was dealt with before".to_owned()));
        }
        let mut notes = Vec::new();
        for act in acts {
            notes.extend(self.perform_act(tx, act, doer).await?);
        }
        Ok(if notes.is_empty() { DeliveryOutcome::Handled } else { DeliveryOutcome::Ignored(notes.join("; ")) })
    }

    /// What follows; nothing where the App has no way to what it is about.
    pub(super) async fn consider_or_ignore(
        &self,
        incoming: &Incoming,
        job: &JobContext,
    ) -> Result<Consequence, Failure> {
        match self.consider(incoming, job).await {
            Ok(consequence) => Ok(consequence),
            Err(failure) => match self.out_of_reach(incoming, &failure, job).await? {
                Some(reason) => Ok(Consequence::Ignore(reason)),
                None => Err(failure),
            },
        }
    }

    async fn consider(&self, incoming: &Incoming, job: &JobContext) -> Result<Consequence, Failure> {
        if let Some(reason) = nothing_follows(incoming) {
            return Ok(Consequence::Ignore(reason));
        }
        match incoming {
            Incoming::Issue { context, issue, change } => {
                let consequence = self.issue_changed(context, issue, change, job).await?;
                Ok(consequence.done_by(context.sender.as_ref()))
            }
            Incoming::Comment { context, issue, comment, change } => {
                self.commented(context, issue, comment, change, job).await
            }
            Incoming::PullRequest { context, pull, change } => match self.served(context) {
                Ok(repository) => {
                    let consequence = self.pull_changed(&repository, pull, change, job).await?;
                    Ok(consequence.done_by(context.sender.as_ref()))
                }
                Err(unserved) => Ok(unserved.quietly()),
            },
            Incoming::Installation { installation, change: InstallationChange::Created { repositories }, .. } => {
                Ok(self.first_contact(installation.id, repositories))
            }
            Incoming::Installation { installation, .. } => {
                let live = TaskFilter { live: Some(true), ..TaskFilter::default() };
                self.uninstalled(live, |reference| reference.installation == installation.id).await
            }
            Incoming::InstallationRepositories { installation, added, removed, .. } => {
                let gone: Vec<RepositoryId> = removed.iter().map(|repository| repository.id).collect();
                let live = TaskFilter { live: Some(true), ..TaskFilter::default() };
                match self.uninstalled(live, |reference| gone.contains(&reference.id)).await? {
                    Consequence::Ignore(_) if !added.is_empty() => Ok(self.first_contact(installation.id, added)),
                    consequence => Ok(consequence),
                }
            }
            // Settled above.
            Incoming::Push { .. }
            | Incoming::CheckRun { .. }
            | Incoming::Ping { .. }
            | Incoming::Ignored { .. }
            | Incoming::Malformed { .. } => Ok(Consequence::ignore("nothing follows from it")),
        }
    }

    /// The repository of an event, if the operator serves it and the event names the App's installation.
    fn served(&self, context: &Context) -> Result<RepositoryRef, Unserved> {
        let name = context.repository.name.clone();
        let installation = context.installation.ok_or(Unserved::NotInstalled)?;
        let is_served = self.parts().policy.serves(name.owner(), &name.to_string());
        let reference = RepositoryRef { id: context.repository.id, name, installation };
        if is_served { Ok(reference) } else { Err(Unserved::NotAllowed(reference)) }
    }

    /// What became of one of Baton's pull requests, as GitHub tells it now: deliveries come late and out of order.
    async fn pull_changed(
        &self,
        reference: &RepositoryRef,
        pull: &PullRequest,
        change: &PullChange,
        job: &JobContext,
    ) -> Result<Consequence, Failure> {
        match change {
            PullChange::Closed { .. } | PullChange::Reopened => {}
            PullChange::Opened
            | PullChange::Edited
            | PullChange::Synchronize { .. }
            | PullChange::ReadyForReview
            | PullChange::ConvertedToDraft => {
                return Ok(Consequence::ignore("nothing follows from this change of a pull request"));
            }
        }
        let Some(row) = self.store().task_of_pull_request(reference.id, pull.number).await? else {
            // It may be open on GitHub a moment before that is written down here.
            let ours = match &pull.author {
                Some(author) => self.is_ourselves(author.id).await?,
                None => false,
            };
            if ours && job.job.attempts < LOOKS {
                return Err(Failure::transient("the pull request is not written down yet"));
            }
            return Ok(Consequence::ignore("not a pull request of Baton's"));
        };
        let newest = self.store().task_of_issue(reference.id, row.issue).await?;
        if newest.is_some_and(|newest| newest.id != row.id) {
            return Ok(Consequence::ignore("a later task has taken this issue over"));
        }
        let number = pull.number;
        let now = match self.parts().github.repository(reference).pull(number).await {
            Ok(now) => now,
            // GitHub's API lags behind its webhooks now and then.
            Err(GitHubError::NotFound { .. }) if job.job.attempts < LOOKS => {
                return Err(Failure::transient("GitHub does not show the pull request yet"));
            }
            Err(GitHubError::NotFound { .. } | GitHubError::Gone { .. }) => {
                return Ok(Consequence::ignore("the pull request is gone"));
            }
            Err(refused) => return Err(error::github(&refused, self.now())),
        };
        let event = match now.state {
            PullState::Open => Event::PullReopened { pull: number, by: None },
            PullState::Closed => Event::PullClosed { pull: number, merged: false, by: None },
            PullState::Merged => Event::PullClosed { pull: number, merged: true, by: None },
        };
        Ok(Consequence::Acts(vec![Act::Happened { task: row.id, event }]))
    }

    /// The repositories that are served are looked at, so many of them at once.
    fn first_contact(&self, installation: InstallationId, listed: &[ListedRepository]) -> Consequence {
        let served = listed.iter().filter(|it| self.parts().policy.serves(it.name.owner(), &it.name.to_string()));
        let references = served.map(|it| RepositoryRef { id: it.id, name: it.name.clone(), installation });
        let met: Vec<RepositoryRef> = references.take(MET_AT_ONCE).collect();
        if met.is_empty() {
            return Consequence::ignore("the operator serves none of these repositories (`policy`)");
        }
        Consequence::Acts(vec![Act::Meet { repositories: met }])
    }

    async fn uninstalled(
        &self,
        filter: TaskFilter<'_>,
        concerns: impl Fn(&RepositoryRef) -> bool,
    ) -> Result<Consequence, Failure> {
        let mut acts = Vec::new();
        let mut before = None;
        loop {
            let page = self.store().tasks(&filter, before, 200).await?;
            for row in &page {
                if concerns(&super::apply::read(row)?.repository) {
                    let event = Event::Withdrawn { because: Withdrawal::Uninstalled, by: None };
                    acts.push(Act::Happened { task: row.id, event });
                }
            }
            match page.last() {
                Some(last) if page.len() == 200 => before = Some(last.id),
                _ => break,
            }
        }
        Ok(if acts.is_empty() { Consequence::ignore("no task there") } else { Consequence::Acts(acts) })
    }
}

/// Why nothing follows from a delivery, whatever the world looks like.
fn nothing_follows(incoming: &Incoming) -> Option<String> {
    Some(match incoming {
        Incoming::Push { .. } => "pushes start nothing".to_owned(),
        Incoming::CheckRun { .. } => "check runs are not watched in this version".to_owned(),
        Incoming::Installation { change, .. } => match change {
            InstallationChange::Deleted | InstallationChange::Suspended | InstallationChange::Created { .. } => {
                return None;
            }
            InstallationChange::Unsuspended | InstallationChange::NewPermissionsAccepted => {
                "installations are looked up when they are needed".to_owned()
            }
        },
        Incoming::Ping { .. } => "a ping, answered".to_owned(),
        Incoming::Ignored { reason } => reason.to_string(),
        Incoming::Malformed { reason } => reason.to_string(),
        Incoming::Issue { .. }
        | Incoming::Comment { .. }
        | Incoming::PullRequest { .. }
        | Incoming::InstallationRepositories { .. } => return None,
    })
}

/// The repository that a delivery is about, for its turn.
fn repository(incoming: &Incoming) -> Option<String> {
    match incoming {
        Incoming::Issue { context, .. } | Incoming::Comment { context, .. } | Incoming::PullRequest { context, .. } => {
            Some(context.repository.id.to_string())
        }
        _ => None,
    }
}

/// The issue, or pull request, that a delivery is about.
fn lane(incoming: &Incoming) -> Option<String> {
    let (context, number) = match incoming {
        Incoming::Issue { context, issue, .. } | Incoming::Comment { context, issue, .. } => (context, issue.number),
        Incoming::PullRequest { context, pull, .. } => (context, pull.number),
        _ => return None,
    };
    Some(lane_of(context.repository.id, number))
}

/// The lane in which everything about one issue is considered.
pub(super) fn lane_of(repository: RepositoryId, number: IssueNumber) -> String {
    format!("{CONSIDER}/{repository}/{number}")
}

/// Names an event by its content.
fn content_key(delivery: &Delivery, body: &[u8]) -> String {
    Digest::of(&[&delivery.event, &String::from_utf8_lossy(body)]).as_str().to_owned()
}
