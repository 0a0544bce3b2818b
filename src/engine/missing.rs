//! What GitHub does not find, and when that is believed. "Not found" is also what GitHub says of what it does not show for the
//! moment, and in an incident it says so of everything; work must not end for that.
//!
//! "Gone" (410) is believed at once. "Not found" (404) is believed when the place around it answers, and it is still so when
//! GitHub is asked again some minutes later. Until then what was not found is in doubt.

use std::time::Duration;

use baton_core::domain::ids::{CommentId, IssueNumber, RepositoryId, RepositoryName};
use baton_core::domain::issue::RepositoryRef;
use baton_core::domain::refusal::Refusal;
use baton_core::domain::task::Withdrawal;
use baton_core::domain::time::Timestamp;
use baton_github::{GitHubError, Issue, Repository};
use baton_queue::Failure;
use baton_store::JobId;
use serde::{Deserialize, Serialize};

use super::{Engine, error};

const MINUTE: u64 = 60;

/// For how long something is in doubt before it is believed to be gone.
const DOUBTED: Duration = Duration::from_secs(5 * MINUTE);
/// A doubt that nobody has looked into for so long is forgotten: two moments of trouble that are far apart prove nothing. Who
/// is in doubt asks again when [`DOUBTED`] is over.
const FORGOTTEN: Duration = Duration::from_secs(10 * MINUTE);
/// For how long a whole repository may be not found before nobody waits for it any more.
const PATIENCE: Duration = Duration::from_secs(24 * 60 * MINUTE);
/// How much later than it could be settled a doubt is looked at by those who only wait for it.
const MOMENT: Duration = Duration::from_secs(MINUTE);

/// What is known of something that was looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Standing<G = ()> {
    /// It is there, or nothing says that it is not.
    There,
    /// It is gone.
    Gone(G),
    /// It was not found, and that proves nothing yet: to be asked again then.
    Doubtful(Timestamp),
}

/// What was not found.
#[derive(Clone, Copy, Debug)]
enum Thing {
    Issue(RepositoryId, IssueNumber),
    Pull(RepositoryId, IssueNumber),
    Comment(RepositoryId, CommentId),
    /// A repository, although the App's installation covers it.
    Repository(RepositoryId),
    /// The App's way to a repository.
    Reach(RepositoryId),
}

impl Thing {
    fn key(self) -> String {
        match self {
            Self::Issue(repository, issue) => format!("doubt/issue/{repository}/{issue}"),
            Self::Pull(repository, pull) => format!("doubt/pull/{repository}/{pull}"),
            Self::Comment(repository, comment) => format!("doubt/comment/{repository}/{comment}"),
            Self::Repository(repository) => format!("doubt/repository/{repository}"),
            Self::Reach(repository) => format!("doubt/reach/{repository}"),
        }
    }
}

/// Where it is remembered that a job was put off for a doubt.
fn doubter(job: JobId) -> String {
    format!("doubt/job/{job}")
}

/// What is remembered of something that was not found.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Doubt {
    /// Since when.
    since: Timestamp,
    /// When it was asked for last.
    asked: Timestamp,
}

impl Engine {
    /// Whether an issue is where it was. One that was transferred answers under another name than the repository has now; a
    /// repository that was merely renamed has that name too.
    pub(super) async fn issue_standing(
        &self,
        repository: &Repository,
        number: IssueNumber,
    ) -> Result<Standing<Withdrawal>, Failure> {
        let reference = repository.reference();
        let thing = Thing::Issue(reference.id, number);
        let now = match repository.issue(number).await {
            Ok(now) => now,
            // Switched off, issues are there all the same, and come back with the switch.
            Err(GitHubError::Gone { message, .. }) if Refusal::read(&message) == Refusal::IssuesOff => {
                return Ok(Standing::There);
            }
            Err(GitHubError::Gone { .. }) => return Ok(Standing::Gone(Withdrawal::IssueDeleted)),
            Err(not_found @ GitHubError::NotFound { .. }) => {
                return match repository.info().await {
                    Ok(_) => self.not_found(thing, Withdrawal::IssueDeleted).await,
                    Err(_) => self.unanswered(reference.id, &not_found).await,
                };
            }
            Err(refused) => return self.unanswered(reference.id, &refused).await,
        };
        if is_elsewhere(&reference.name, &now, number) {
            match repository.info().await {
                Ok(info) if is_elsewhere(&info.name, &now, number) => {
                    return Ok(Standing::Gone(Withdrawal::IssueTransferred));
                }
                Ok(_) => {}
                Err(refused) => return self.unanswered(reference.id, &refused).await,
            }
        }
        self.found(thing).await?;
        self.found(Thing::Repository(reference.id)).await?;
        Ok(Standing::There)
    }

    /// Whether a comment still stands on its issue.
    pub(super) async fn comment_standing(
        &self,
        repository: &Repository,
        issue: IssueNumber,
        comment: CommentId,
    ) -> Result<Standing, Failure> {
        let reference = repository.reference();
        let thing = Thing::Comment(reference.id, comment);
        match repository.comment(comment).await {
            Ok(_) => {
                self.found(thing).await?;
                Ok(Standing::There)
            }
            Err(GitHubError::Gone { message, .. }) if Refusal::read(&message) == Refusal::IssuesOff => {
                Ok(Standing::There)
            }
            Err(GitHubError::NotFound { .. } | GitHubError::Gone { .. }) => {
                match self.issue_standing(repository, issue).await? {
                    Standing::There => self.not_found(thing, ()).await,
                    Standing::Gone(_) => Ok(Standing::Gone(())),
                    Standing::Doubtful(until) => Ok(Standing::Doubtful(until)),
                }
            }
            Err(refused) => self.unanswered(reference.id, &refused).await,
        }
    }

    /// Whether a pull request is where it was.
    pub(super) async fn pull_standing(
        &self,
        repository: &Repository,
        number: IssueNumber,
    ) -> Result<Standing, Failure> {
        let reference = repository.reference();
        let thing = Thing::Pull(reference.id, number);
        match repository.pull(number).await {
            Ok(_) => {
                self.found(thing).await?;
                Ok(Standing::There)
            }
            Err(GitHubError::Gone { .. }) => Ok(Standing::Gone(())),
            Err(not_found @ GitHubError::NotFound { .. }) => match repository.info().await {
                Ok(_) => self.not_found(thing, ()).await,
                Err(_) => self.unanswered(reference.id, &not_found).await,
            },
            Err(refused) => self.unanswered(reference.id, &refused).await,
        }
    }

    /// Whether the App may act in a repository through the installation that the reference names. The App's own lists decide,
    /// which go by numbers: a name may be another repository's by now.
    pub(super) async fn reach(&self, reference: &RepositoryRef) -> Result<Standing, Failure> {
        let github = &self.parts().github;
        let thing = Thing::Reach(reference.id);
        if github.installation_of(&reference.name).await.is_ok_and(|it| it == reference.installation) {
            self.found(thing).await?;
            return Ok(Standing::There);
        }
        let installations = match github.installations().await {
            Ok(list) => list,
            Err(refused) => return self.unanswered(reference.id, &refused).await,
        };
        if !installations.iter().any(|it| it.id == reference.installation && !it.suspended) {
            return self.not_found(thing, ()).await;
        }
        match github.repositories_of(reference.installation).await {
            Ok(list) if list.iter().any(|covered| covered.reference.id == reference.id) => {
                self.found(thing).await?;
                Ok(Standing::There)
            }
            Ok(_) => self.not_found(thing, ()).await,
            Err(refused) => self.unanswered(reference.id, &refused).await,
        }
    }

    /// Waits while it is in doubt whether a comment still stands: what it approves does not begin meanwhile. GitHub is asked
    /// here too: whoever doubted may have found the comment since.
    ///
    /// # Errors
    /// [`Failure::NotYet`] while it is.
    pub(super) async fn wait_out_doubt(
        &self,
        repository: &Repository,
        issue: IssueNumber,
        comment: CommentId,
    ) -> Result<(), Failure> {
        let thing = Thing::Comment(repository.reference().id, comment);
        if self.doubt_about(thing).await?.is_none() {
            return Ok(());
        }
        let standing = self.comment_standing(repository, issue, comment).await?;
        let is_settled = self.doubt_about(thing).await?.is_none();
        let now = self.now();
        let until = match standing {
            Standing::There if is_settled => return Ok(()),
            Standing::Doubtful(until) => until.max(now),
            // That an approval ends with its comment is decided where the comment is missed.
            Standing::There | Standing::Gone(()) => now,
        };
        Err(Failure::NotYet {
            why: None,
            reason: "GitHub does not find the comment that approved this, and is asked again".to_owned(),
            until: until.plus(MOMENT),
        })
    }

    /// A comment was seen: there is no doubt about it.
    pub(super) async fn comment_found(&self, repository: RepositoryId, comment: CommentId) -> Result<(), Failure> {
        self.found(Thing::Comment(repository, comment)).await
    }

    /// Notes that a job is put off for a doubt about its issue, or about the App's way there.
    pub(super) async fn doubt_for(&self, job: JobId, issue: Option<IssueNumber>) -> Result<(), Failure> {
        let mut tx = self.store().begin().await?;
        tx.remember(&doubter(job), &issue, self.now()).await?;
        tx.commit().await?;
        Ok(())
    }

    /// The job has come through: what it was put off for was trouble that has passed, and the next trouble proves nothing with
    /// it.
    pub(super) async fn doubt_no_more(&self, job: JobId, repository: RepositoryId) -> Result<(), Failure> {
        let Some(issue) = self.store().recall::<Option<IssueNumber>>(&doubter(job)).await? else { return Ok(()) };
        let things = [Thing::Repository(repository), Thing::Reach(repository)];
        let mut tx = self.store().begin().await?;
        for thing in things.into_iter().chain(issue.map(|issue| Thing::Issue(repository, issue))) {
            tx.forget(&thing.key()).await?;
        }
        tx.forget(&doubter(job)).await?;
        tx.commit().await?;
        Ok(())
    }

    /// The place answers, and the thing is not in it.
    async fn not_found<G>(&self, thing: Thing, gone: G) -> Result<Standing<G>, Failure> {
        let sure = self.doubt(thing).await?.plus(DOUBTED);
        Ok(if sure <= self.now() { Standing::Gone(gone) } else { Standing::Doubtful(sure) })
    }

    /// GitHub does not answer about the repository at all. What passes by itself is tried again as always; "not found" means
    /// nothing for a day; every other no says something about the asking, and nothing about what was asked for.
    async fn unanswered<G>(&self, repository: RepositoryId, refused: &GitHubError) -> Result<Standing<G>, Failure> {
        let now = self.now();
        match error::github(refused, now) {
            Failure::Permanent { .. } | Failure::Refused { .. } => {}
            passing => return Err(passing),
        }
        match refused {
            GitHubError::NotFound { .. } | GitHubError::NotInstalled => {
                let since = self.doubt(Thing::Repository(repository)).await?;
                let is_over = since.plus(PATIENCE) <= now;
                Ok(if is_over { Standing::There } else { Standing::Doubtful(now.plus(DOUBTED)) })
            }
            _ => Ok(Standing::There),
        }
    }

    /// Notes that something was not found; since when that is so.
    async fn doubt(&self, thing: Thing) -> Result<Timestamp, Failure> {
        let now = self.now();
        let since = self.doubt_about(thing).await?.map_or(now, |doubt| doubt.since);
        let mut tx = self.store().begin().await?;
        tx.remember(&thing.key(), &Doubt { since, asked: now }, now).await?;
        tx.commit().await?;
        Ok(since)
    }

    async fn doubt_about(&self, thing: Thing) -> Result<Option<Doubt>, Failure> {
        let doubt = self.store().recall::<Doubt>(&thing.key()).await?;
        Ok(doubt.filter(|doubt| doubt.asked.plus(FORGOTTEN) >= self.now()))
    }

    async fn found(&self, thing: Thing) -> Result<(), Failure> {
        if self.store().recall::<Doubt>(&thing.key()).await?.is_none() {
            return Ok(());
        }
        let mut tx = self.store().begin().await?;
        tx.forget(&thing.key()).await?;
        tx.commit().await?;
        Ok(())
    }
}

/// Whether GitHub answered with an issue of another place than this repository: one that was transferred is found where it
/// went.
pub(super) fn is_elsewhere(repository: &RepositoryName, now: &Issue, number: IssueNumber) -> bool {
    let path = format!("/{repository}/issues/{number}").to_lowercase();
    now.number != number || !now.html_url.to_lowercase().ends_with(&path)
}
