//! A delivery in Baton's words: plain data. What a payload claims about rights (`author_association`, `sender.site_admin`)
//! is left out on purpose: it is never used to decide anything.

use std::collections::BTreeMap;

use baton_core::domain::actor::AccountKind;
use baton_core::domain::ids::{
    CommentId, CommitSha, InstallationId, IssueNumber, RepositoryId, RepositoryName, UserId,
};
use baton_core::domain::time::Timestamp;

use crate::reason::{Ignored, Malformed};

/// Every event Baton reads, and of those that have actions the actions it acts on. The rest is [`Incoming::Ignored`].
///
/// `app-manifest.yml` subscribes to exactly these, except the ones GitHub sends to every App unasked.
pub const HANDLED: &[(&str, &[&str])] = &[
    ("check_run", &["rerequested", "requested_action"]),
    ("installation", &["created", "deleted", "suspend", "unsuspend", "new_permissions_accepted"]),
    ("installation_repositories", &["added", "removed"]),
    ("issue_comment", &["created", "edited", "deleted"]),
    (
        "issues",
        &[
            "opened",
            "edited",
            "assigned",
            "unassigned",
            "labeled",
            "unlabeled",
            "closed",
            "reopened",
            "deleted",
            "transferred",
        ],
    ),
    ("ping", &[]),
    (
        "pull_request",
        &["opened", "edited", "closed", "reopened", "synchronize", "ready_for_review", "converted_to_draft"],
    ),
    ("push", &[]),
];

/// What a delivery says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Incoming {
    /// Something happened to an issue.
    Issue {
        /// Where, and by whom.
        context: Context,
        /// The issue after the change.
        issue: Issue,
        /// What happened.
        change: IssueChange,
    },
    /// Something happened to a comment on an issue or on a pull request's conversation.
    Comment {
        /// Where, and by whom.
        context: Context,
        /// The issue or pull request the comment is on.
        issue: Issue,
        /// The comment after the change.
        comment: Comment,
        /// What happened.
        change: CommentChange,
    },
    /// Something happened to a pull request.
    PullRequest {
        /// Where, and by whom.
        context: Context,
        /// The pull request after the change.
        pull: PullRequest,
        /// What happened.
        change: PullChange,
    },
    /// A branch or tag moved.
    Push {
        /// Where, and by whom.
        context: Context,
        /// What moved.
        push: Push,
    },
    /// A person asks something of one of our check runs.
    CheckRun {
        /// Where, and by whom.
        context: Context,
        /// Which check run.
        check_run: CheckRun,
        /// What is asked.
        change: CheckRunChange,
    },
    /// The App was installed, removed, or its installation changed.
    Installation {
        /// Which installation, and by whom.
        installation: Installation,
        /// What happened.
        change: InstallationChange,
        /// Who did it.
        sender: Option<Account>,
    },
    /// Repositories joined or left an installation.
    InstallationRepositories {
        /// Which installation.
        installation: Installation,
        /// Now served.
        added: Vec<ListedRepository>,
        /// No longer served.
        removed: Vec<ListedRepository>,
        /// Who did it.
        sender: Option<Account>,
    },
    /// GitHub says that the webhook works.
    Ping {
        /// The hook's number.
        hook: Option<i64>,
    },
    /// Understood as a delivery, and nothing for Baton to do.
    Ignored {
        /// Why.
        reason: Ignored,
    },
    /// Not a payload at all. Recorded like every other delivery; nothing else happens.
    Malformed {
        /// What is wrong with it.
        reason: Malformed,
    },
}

/// Where something happened, and who did it. The latter is a claim until GitHub was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Context {
    /// The repository.
    pub repository: Repository,
    /// The installation the event was sent to.
    pub installation: Option<InstallationId>,
    /// Who did it; `None` for a deleted account.
    pub sender: Option<Account>,
}

/// A repository as payloads describe it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repository {
    /// GitHub's number, which survives renames.
    pub id: RepositoryId,
    /// `OWNER/NAME` at the time of the event.
    pub name: RepositoryName,
    /// Whether it is private; taken as private when the payload does not say.
    pub private: bool,
    /// The default branch, where the payload says it.
    pub default_branch: Option<String>,
}

/// A repository as the lists in installation events describe it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedRepository {
    /// GitHub's number.
    pub id: RepositoryId,
    /// `OWNER/NAME`.
    pub name: RepositoryName,
}

/// An account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// GitHub's number, which survives renames. Ours is recognised by it, never by the login's form.
    pub id: UserId,
    /// The login at the time of the event.
    pub login: String,
    /// What it is. Kinds that are none of ours (`Mannequin`, for example) count as bots: nobody to take orders from.
    pub kind: AccountKind,
}

/// Open or closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IssueState {
    /// Open, or not said.
    Open,
    /// Closed.
    Closed,
}

/// Whether an "issue" is one, or the conversation of a pull request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// An issue.
    Issue,
    /// A pull request: GitHub sends its comments as comments on an issue of the same number.
    PullRequest,
}

/// An issue as payloads describe it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issue {
    /// Its number in the repository.
    pub number: IssueNumber,
    /// Issue, or pull request.
    pub origin: Origin,
    /// The title.
    pub title: String,
    /// The body; empty when there is none.
    pub body: String,
    /// Who opened it; `None` for a deleted account.
    pub author: Option<Account>,
    /// Names of its labels.
    pub labels: Vec<String>,
    /// Who it is assigned to.
    pub assignees: Vec<Account>,
    /// Open or closed.
    pub state: IssueState,
    /// Whether only collaborators may comment.
    pub locked: bool,
    /// Its page.
    pub html_url: String,
    /// Its name in GraphQL.
    pub node_id: String,
    /// When it last changed.
    pub updated_at: Option<Timestamp>,
}

/// What happened to an issue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IssueChange {
    /// Opened.
    Opened,
    /// Title or body changed; the texts are what stood there before.
    Edited {
        /// The old title, if it changed.
        title_before: Option<String>,
        /// The old body, if it changed.
        body_before: Option<String>,
    },
    /// Assigned to someone.
    Assigned {
        /// To whom; `None` for a deleted account.
        assignee: Option<Account>,
    },
    /// No longer assigned to someone.
    Unassigned {
        /// To whom it was; `None` for a deleted account.
        assignee: Option<Account>,
    },
    /// Got a label.
    Labeled {
        /// Its name.
        label: Option<String>,
    },
    /// Lost a label.
    Unlabeled {
        /// Its name; `None` when the label itself was deleted: compare the issue's labels then.
        label: Option<String>,
    },
    /// Closed.
    Closed,
    /// Opened again.
    Reopened,
    /// Deleted for good.
    Deleted,
    /// Moved to another repository.
    Transferred {
        /// Where to, when the payload says it.
        to: Option<(RepositoryName, IssueNumber)>,
    },
}

/// A comment as payloads describe it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comment {
    /// GitHub's number.
    pub id: CommentId,
    /// Its Markdown.
    pub body: String,
    /// Who wrote it; `None` for a deleted account.
    pub author: Option<Account>,
    /// When it was written.
    pub created_at: Option<Timestamp>,
    /// When it was last changed.
    pub updated_at: Option<Timestamp>,
    /// Its page.
    pub html_url: String,
    /// Its name in GraphQL.
    pub node_id: String,
}

/// What happened to a comment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommentChange {
    /// Written. Only this may command.
    Created,
    /// Changed.
    Edited {
        /// What stood there before.
        body_before: Option<String>,
    },
    /// Deleted.
    Deleted,
}

/// One side of a pull request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefSide {
    /// The branch's name.
    pub branch: String,
    /// Its commit at the time of the event. Trust it over a lagging API.
    pub sha: Option<CommitSha>,
    /// The repository it is in; `None` when that fork is gone.
    pub repository: Option<RepositoryId>,
}

/// A pull request as payloads describe it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PullRequest {
    /// Its number in the repository.
    pub number: IssueNumber,
    /// The title.
    pub title: String,
    /// The body; empty when there is none.
    pub body: String,
    /// Who opened it; `None` for a deleted account.
    pub author: Option<Account>,
    /// What is to be merged.
    pub head: RefSide,
    /// Into what.
    pub base: RefSide,
    /// Open or closed.
    pub state: IssueState,
    /// Whether it is a draft.
    pub draft: bool,
    /// Whether it was merged.
    pub merged: bool,
    /// Its page.
    pub html_url: String,
    /// Its name in GraphQL.
    pub node_id: String,
}

/// What happened to a pull request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PullChange {
    /// Opened.
    Opened,
    /// Title, body or base changed.
    Edited,
    /// Closed; [`PullRequest::merged`] repeats the flag.
    Closed {
        /// Whether it was merged.
        merged: bool,
        /// Who merged it.
        merged_by: Option<Account>,
    },
    /// Opened again.
    Reopened,
    /// Its head moved.
    Synchronize {
        /// From this commit.
        before: Option<CommitSha>,
    },
    /// No longer a draft.
    ReadyForReview,
    /// A draft again.
    ConvertedToDraft,
}

/// A ref that moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Push {
    /// The full name: `refs/heads/main`.
    pub git_ref: String,
    /// Where it was; `None` when it is new.
    pub before: Option<CommitSha>,
    /// Where it is; `None` when it is gone.
    pub after: Option<CommitSha>,
    /// Whether history was rewritten.
    pub forced: bool,
}

impl Push {
    /// The branch's name; `None` for tags and everything else.
    #[must_use]
    pub fn branch(&self) -> Option<&str> {
        self.git_ref.strip_prefix("refs/heads/")
    }
}

/// A check run as payloads describe it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckRun {
    /// GitHub's number.
    pub id: i64,
    /// Its name: ours is `baton`.
    pub name: String,
    /// What we called it.
    pub external_id: String,
    /// The commit it is on.
    pub head_sha: Option<CommitSha>,
    /// The App that made it.
    pub app: Option<i64>,
}

/// What is asked of a check run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CheckRunChange {
    /// Run it again.
    Rerequested,
    /// One of its buttons was pressed.
    RequestedAction {
        /// The button's identifier.
        identifier: String,
    },
}

/// An installation of the App.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installation {
    /// GitHub's number.
    pub id: InstallationId,
    /// The App that is installed.
    pub app: Option<i64>,
    /// On whose account.
    pub account: Option<Account>,
    /// What its owner granted: name to level.
    pub permissions: BTreeMap<String, String>,
}

/// What happened to an installation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InstallationChange {
    /// Installed, on these repositories.
    Created {
        /// The repositories; GitHub lists only some of very many.
        repositories: Vec<ListedRepository>,
    },
    /// Uninstalled.
    Deleted,
    /// Switched off by its owner.
    Suspended,
    /// Switched on again.
    Unsuspended,
    /// Its owner agreed to what the App newly asks for.
    NewPermissionsAccepted,
}
