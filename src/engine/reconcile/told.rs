//! An observation in the words of a webhook. Only what the engine reads of a delivery is filled in: everything else it asks
//! GitHub for anyway.

use std::collections::BTreeMap;

use baton_core::domain::ids::{CommentId, IssueNumber};
use baton_core::domain::issue::RepositoryRef;
use baton_core::domain::task::Withdrawal;
use baton_core::domain::time::Timestamp;
use baton_github::{GitHubError, IssueAct};
use baton_queue::Failure;
use baton_webhook::{
    Account, Comment, CommentChange, Context, Incoming, Installation, Issue, IssueChange, IssueState, ListedRepository,
    Origin, PullChange, PullRequest, RefSide, Repository,
};

use super::observe::{Change, Observation, PullNow, Seen};
use crate::engine::Engine;
use crate::engine::facts::AUTO_LABEL;
use crate::engine::missing::Standing;

/// What there is to say of an observation.
pub(super) enum Told {
    /// What the webhook would have said.
    So(Box<Incoming>),
    /// There is nothing to say any more, because.
    Moot(&'static str),
    /// Whether it is so is in doubt until then.
    InDoubt(Timestamp),
}

impl From<Incoming> for Told {
    fn from(incoming: Incoming) -> Self {
        Self::So(Box::new(incoming))
    }
}

/// What is gone for certain; else what there is to say instead.
fn certainly<G>(standing: Standing<G>) -> Result<G, Told> {
    match standing {
        Standing::Gone(gone) => Ok(gone),
        Standing::There => Err(Told::Moot("it is there after all")),
        Standing::Doubtful(until) => Err(Told::InDoubt(until)),
    }
}

impl Engine {
    /// What the webhook would have said, if it is still so.
    pub(super) async fn told(&self, seen: &Observation) -> Result<Told, Failure> {
        let repository = self.parts().github.repository(&seen.repository);
        let context = Context { sender: self.doer_of(seen).await?, ..context(&seen.repository) };
        let incoming = match &seen.what {
            Seen::Comment { comment, thread, on_pull } => {
                let origin = if *on_pull { Origin::PullRequest } else { Origin::Issue };
                return self.told_comment(seen, *comment, thread_of(*thread, origin, seen.at)).await;
            }
            Seen::HandedOver { issue, event } => return self.told_handover(seen, *issue, *event).await,
            Seen::CommentGone { comment, thread } => {
                match certainly(self.comment_standing(&repository, *thread, *comment).await?) {
                    Ok(()) => Incoming::Comment {
                        context,
                        issue: thread_of(*thread, Origin::Issue, seen.at),
                        comment: comment_of(*comment, String::new(), None),
                        change: CommentChange::Deleted,
                    },
                    Err(told) => return Ok(told),
                }
            }
            Seen::Issue { issue, change, .. } => {
                let change = match change {
                    Change::Closed => IssueChange::Closed,
                    Change::Deleted | Change::Transferred => {
                        match certainly(self.issue_standing(&repository, *issue).await?) {
                            Ok(Withdrawal::IssueTransferred) => IssueChange::Transferred { to: None },
                            Ok(_) => IssueChange::Deleted,
                            Err(told) => return Ok(told),
                        }
                    }
                    Change::Edited { .. } => IssueChange::Edited { title_before: None, body_before: None },
                    Change::Unassigned { login } => IssueChange::Unassigned { assignee: self.own_login(login) },
                    Change::Unlabelled { label } => IssueChange::Unlabeled { label: Some(label.clone()) },
                };
                Incoming::Issue { context, issue: thread_of(*issue, Origin::Issue, seen.at), change }
            }
            Seen::Pull { pull, now } => {
                // The look has seen it.
                match self.pull_standing(&repository, *pull).await? {
                    Standing::There => {}
                    Standing::Gone(()) => return Ok(Told::Moot("the pull request is not on GitHub (any more)")),
                    Standing::Doubtful(until) => return Ok(Told::InDoubt(until)),
                }
                let change = match now {
                    PullNow::Closed { merged } => PullChange::Closed { merged: *merged, merged_by: None },
                    PullNow::Reopened => PullChange::Reopened,
                };
                Incoming::PullRequest { context, pull: pull_of(*pull), change }
            }
            Seen::NotCovered { .. } => match certainly(self.reach(&seen.repository).await?) {
                Ok(()) => self.narrowed(&seen.repository),
                Err(told) => return Ok(told),
            },
        };
        Ok(incoming.into())
    }

    /// The App was taken off this repository.
    fn narrowed(&self, repository: &RepositoryRef) -> Incoming {
        Incoming::InstallationRepositories {
            installation: Installation {
                id: repository.installation,
                app: self.parts().github_config.app_id,
                account: None,
                permissions: BTreeMap::new(),
            },
            added: Vec::new(),
            removed: vec![ListedRepository { id: repository.id, name: repository.name.clone() }],
            sender: None,
        }
    }

    /// Who did it, for the history alone: nothing is decided by that.
    async fn doer_of(&self, seen: &Observation) -> Result<Option<Account>, Failure> {
        let (number, act) = match &seen.what {
            Seen::Issue { issue, change: Change::Closed, .. } => (*issue, IssueAct::Closed),
            Seen::Issue { issue, change: Change::Unassigned { login }, .. } => {
                (*issue, IssueAct::Unassigned(login.clone()))
            }
            Seen::Issue { issue, change: Change::Unlabelled { label }, .. } => {
                (*issue, IssueAct::Unlabelled(label.clone()))
            }
            Seen::Pull { pull, now: PullNow::Closed { .. } } => (*pull, IssueAct::Closed),
            Seen::Pull { pull, now: PullNow::Reopened } => (*pull, IssueAct::Reopened),
            Seen::Issue { .. }
            | Seen::Comment { .. }
            | Seen::CommentGone { .. }
            | Seen::HandedOver { .. }
            | Seen::NotCovered { .. } => return Ok(None),
        };
        match self.parts().github.repository(&seen.repository).issue_events(number).await {
            Ok(events) => {
                let newest = events.into_iter().rev().find(|event| event.act == act);
                Ok(newest.and_then(|event| event.actor).map(account))
            }
            Err(GitHubError::NotFound { .. } | GitHubError::Gone { .. }) => Ok(None),
            Err(refused) => Err(self.refused(&refused)),
        }
    }

    /// A comment that was edited since it was written never commands, even one edited within its first second.
    async fn told_comment(&self, seen: &Observation, comment: CommentId, issue: Issue) -> Result<Told, Failure> {
        let repository = self.parts().github.repository(&seen.repository);
        // The look has seen it: what GitHub does not find now may be there in a moment.
        let not_found = async || {
            Ok(match self.comment_standing(&repository, issue.number, comment).await? {
                Standing::Gone(()) => Told::Moot("the comment is not on GitHub (any more)"),
                Standing::Doubtful(until) => Told::InDoubt(until),
                Standing::There => return Err(Failure::transient("GitHub shows the comment now and then only")),
            })
        };
        let there = match repository.comment(comment).await {
            Ok(there) => there,
            Err(GitHubError::NotFound { .. } | GitHubError::Gone { .. }) => return not_found().await,
            Err(refused) => return Err(self.refused(&refused)),
        };
        match repository.last_edit(&there.node_id).await {
            Ok(None) => {}
            Ok(Some(_)) => {
                return Ok(Told::Moot("the comment was edited before it was read, and an edited one never commands"));
            }
            Err(GitHubError::NotFound { .. } | GitHubError::Gone { .. }) => return not_found().await,
            Err(refused) => return Err(self.refused(&refused)),
        }
        self.comment_found(repository.reference().id, comment).await?;
        let author = there.author.map(account);
        let comment = comment_of(there.id, there.body, author.clone());
        let context = Context { sender: author, ..context(&seen.repository) };
        Ok(Incoming::Comment { context, issue, comment, change: CommentChange::Created }.into())
    }

    async fn told_handover(&self, seen: &Observation, issue: IssueNumber, event: i64) -> Result<Told, Failure> {
        let repository = self.parts().github.repository(&seen.repository);
        let (now, events) = match (repository.issue(issue).await, repository.issue_events(issue).await) {
            (Ok(now), Ok(events)) => (now, events),
            (Err(GitHubError::NotFound { .. } | GitHubError::Gone { .. }), _)
            | (_, Err(GitHubError::NotFound { .. } | GitHubError::Gone { .. })) => {
                return match certainly(self.issue_standing(&repository, issue).await?) {
                    Ok(_) => Ok(Told::Moot("the issue is gone")),
                    Err(Told::Moot(_)) => Err(Failure::transient("GitHub shows the issue now and then only")),
                    Err(told) => Ok(told),
                };
            }
            (Err(refused), _) | (_, Err(refused)) => return Err(self.refused(&refused)),
        };
        let Some(event) = events.iter().find(|there| there.id == event) else {
            return Ok(Told::Moot("GitHub does not tell of this event any more"));
        };
        let mut told = thread_of(issue, Origin::Issue, event.at);
        let change = match &event.act {
            IssueAct::Assigned(login) => IssueChange::Assigned { assignee: self.own_login(login) },
            IssueAct::Labelled(label) => {
                // Approval in advance is for the text that its setter saw. If that changed since, nobody knows it: it stays
                // empty, and an empty text is no issue's.
                if label.eq_ignore_ascii_case(AUTO_LABEL) {
                    let renamed = events.iter().any(|it| it.act == IssueAct::Renamed && it.at >= event.at);
                    let edit = match repository.last_edit(&now.node_id).await {
                        Ok(edit) => edit,
                        Err(refused) => return Err(self.refused(&refused)),
                    };
                    if !renamed && edit.is_none_or(|edit| edit < event.at) {
                        (told.title, told.body) = (now.title, now.body);
                    }
                }
                IssueChange::Labeled { label: Some(label.clone()) }
            }
            IssueAct::Unassigned(_)
            | IssueAct::Unlabelled(_)
            | IssueAct::Renamed
            | IssueAct::Closed
            | IssueAct::Reopened => {
                return Ok(Told::Moot("this event hands nothing over"));
            }
        };
        Ok(Incoming::Issue { context: context(&seen.repository), issue: told, change }.into())
    }

    /// One of the bot's logins as an assignee; its number is not looked at.
    fn own_login(&self, login: &str) -> Option<Account> {
        let kind = baton_core::domain::actor::AccountKind::User;
        Some(Account { id: baton_core::domain::ids::UserId(0), login: login.to_owned(), kind })
    }
}

fn context(reference: &RepositoryRef) -> Context {
    Context {
        repository: Repository { id: reference.id, name: reference.name.clone(), private: true, default_branch: None },
        installation: Some(reference.installation),
        sender: None,
    }
}

fn account(account: baton_github::Account) -> Account {
    Account { id: account.person.id, login: account.person.login, kind: account.kind }
}

fn thread_of(number: IssueNumber, origin: Origin, at: Timestamp) -> Issue {
    Issue {
        number,
        origin,
        title: String::new(),
        body: String::new(),
        author: None,
        labels: Vec::new(),
        assignees: Vec::new(),
        state: IssueState::Open,
        locked: false,
        html_url: String::new(),
        node_id: String::new(),
        updated_at: Some(at),
    }
}

fn comment_of(id: CommentId, body: String, author: Option<Account>) -> Comment {
    Comment { id, body, author, created_at: None, updated_at: None, html_url: String::new(), node_id: String::new() }
}

fn pull_of(number: IssueNumber) -> PullRequest {
    let side = || RefSide { branch: String::new(), sha: None, repository: None };
    PullRequest {
        number,
        title: String::new(),
        body: String::new(),
        author: None,
        head: side(),
        base: side(),
        state: IssueState::Open,
        draft: false,
        merged: false,
        html_url: String::new(),
        node_id: String::new(),
    }
}
