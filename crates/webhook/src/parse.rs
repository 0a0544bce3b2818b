//! From a verified body to [`Incoming`]. Total: every input gives an answer, and no shape is an error.

use std::borrow::Cow;

use baton_core::domain::actor::AccountKind;
use baton_core::domain::ids::{CommentId, CommitSha, InstallationId, IssueNumber, RepositoryId, UserId};
use baton_core::domain::time::Timestamp;

use crate::incoming::{
    Account, CheckRun, CheckRunChange, Comment, CommentChange, Context, HANDLED, Incoming, Installation,
    InstallationChange, Issue, IssueChange, IssueState, ListedRepository, Origin, PullChange, PullRequest, Push,
    RefSide, Repository,
};
use crate::lenient::{Field, List, Object};
use crate::reason::{Ignored, Malformed};
use crate::wire;

/// Reads a delivery whose signature was verified.
///
/// `event` is the header `X-GitHub-Event`; `body` the raw body, JSON or form-encoded with a field `payload` (both content
/// types that GitHub offers). Unknown events are not even parsed.
#[must_use]
pub fn parse(event: &str, body: &[u8]) -> Incoming {
    let Some((event, actions)) = HANDLED.iter().find(|(name, _)| *name == event) else {
        return Incoming::Ignored { reason: Ignored::Event { event: event.to_owned() } };
    };
    let payload = match read(body) {
        Ok(payload) => payload,
        Err(reason) => return Incoming::Malformed { reason },
    };
    let action = payload.action.0.clone().unwrap_or_default();
    if !actions.is_empty() && !actions.contains(&action.as_str()) {
        return Incoming::Ignored { reason: Ignored::Action { event: (*event).to_owned(), action } };
    }
    understand(event, &action, payload).unwrap_or_else(|Missing(field)| Incoming::Ignored {
        reason: Ignored::Missing { event: (*event).to_owned(), field },
    })
}

/// The field without which an event means nothing.
struct Missing(&'static str);

fn read(body: &[u8]) -> Result<wire::Payload, Malformed> {
    let json = json_of(body)?;
    if json.iter().find(|b| !b.is_ascii_whitespace()) != Some(&b'{') {
        // A typed parse would also take an array, field by field.
        return match serde_json::from_slice::<serde::de::IgnoredAny>(&json) {
            Ok(_) => Err(Malformed::NotAnObject),
            Err(error) => Err(broken(&error)),
        };
    }
    serde_json::from_slice(&json).map_err(|error| broken(&error))
}

fn broken(error: &serde_json::Error) -> Malformed {
    Malformed::Json { line: error.line(), column: error.column() }
}

/// The JSON text: the body itself, or the `payload` field of a form. No JSON begins with a letter and has `=` in it.
fn json_of(body: &[u8]) -> Result<Cow<'_, [u8]>, Malformed> {
    let looks_like_form = body.first().is_some_and(u8::is_ascii_alphabetic) && body.contains(&b'=');
    if !looks_like_form {
        return Ok(Cow::Borrowed(body));
    }
    url::form_urlencoded::parse(body)
        .find(|(name, _)| name == "payload")
        .map(|(_, value)| Cow::Owned(value.into_owned().into_bytes()))
        .ok_or(Malformed::NoPayload)
}

fn understand(event: &str, action: &str, mut payload: wire::Payload) -> Result<Incoming, Missing> {
    match event {
        "issues" => {
            let context = context(&mut payload)?;
            let change = issue_change(action, &mut payload);
            let issue = issue(payload.issue)?;
            Ok(Incoming::Issue { context, issue, change })
        }
        "issue_comment" => {
            let context = context(&mut payload)?;
            let change = match action {
                "created" => CommentChange::Created,
                "deleted" => CommentChange::Deleted,
                _ => CommentChange::Edited {
                    body_before: inner(payload.changes).and_then(|changes| before(changes.body)),
                },
            };
            let issue = issue(payload.issue)?;
            let comment = comment(payload.comment)?;
            Ok(Incoming::Comment { context, issue, comment, change })
        }
        "pull_request" => pull_request(action, payload),
        "push" => push(payload),
        "check_run" => check_run(action, payload),
        "installation" => installation_event(action, payload),
        "installation_repositories" => Ok(Incoming::InstallationRepositories {
            installation: installation(payload.installation)?,
            added: repositories(payload.repositories_added),
            removed: repositories(payload.repositories_removed),
            sender: account(payload.sender),
        }),
        _ => Ok(Incoming::Ping { hook: payload.hook_id.0 }),
    }
}

fn issue_change(action: &str, payload: &mut wire::Payload) -> IssueChange {
    let changes = inner(std::mem::take(&mut payload.changes)).unwrap_or_default();
    let mut assignee = || account(std::mem::take(&mut payload.assignee));
    let mut label = || inner(std::mem::take(&mut payload.label)).and_then(|label| label.name.0);
    match action {
        "opened" => IssueChange::Opened,
        "assigned" => IssueChange::Assigned { assignee: assignee() },
        "unassigned" => IssueChange::Unassigned { assignee: assignee() },
        "labeled" => IssueChange::Labeled { label: label() },
        "unlabeled" => IssueChange::Unlabeled { label: label() },
        "closed" => IssueChange::Closed,
        "reopened" => IssueChange::Reopened,
        "deleted" => IssueChange::Deleted,
        "transferred" => {
            let name = inner(changes.new_repository).and_then(|r| r.full_name.0?.parse().ok());
            let number = inner(changes.new_issue).and_then(|issue| issue.number.0).map(IssueNumber);
            IssueChange::Transferred { to: name.zip(number) }
        }
        _ => IssueChange::Edited { title_before: before(changes.title), body_before: before(changes.body) },
    }
}

fn pull_request(action: &str, mut payload: wire::Payload) -> Result<Incoming, Missing> {
    let context = context(&mut payload)?;
    let wire = inner(payload.pull_request).ok_or(Missing("pull_request"))?;
    let merged = wire.merged.0.unwrap_or(false);
    let change = match action {
        "opened" => PullChange::Opened,
        "closed" => PullChange::Closed { merged, merged_by: account(wire.merged_by) },
        "reopened" => PullChange::Reopened,
        "synchronize" => PullChange::Synchronize { before: sha(payload.before) },
        "ready_for_review" => PullChange::ReadyForReview,
        "converted_to_draft" => PullChange::ConvertedToDraft,
        _ => PullChange::Edited,
    };
    let pull = PullRequest {
        number: IssueNumber(wire.number.0.ok_or(Missing("pull_request.number"))?),
        title: text(wire.title),
        body: text(wire.body),
        author: account(wire.user),
        head: side(wire.head),
        base: side(wire.base),
        state: state(&wire.state),
        draft: wire.draft.0.unwrap_or(false),
        merged,
        html_url: text(wire.html_url),
        node_id: text(wire.node_id),
    };
    Ok(Incoming::PullRequest { context, pull, change })
}

fn push(mut payload: wire::Payload) -> Result<Incoming, Missing> {
    let context = context(&mut payload)?;
    let push = Push {
        git_ref: payload.git_ref.0.ok_or(Missing("ref"))?,
        before: sha(payload.before),
        after: sha(payload.after),
        forced: payload.forced.0.unwrap_or(false),
    };
    Ok(Incoming::Push { context, push })
}

fn check_run(action: &str, mut payload: wire::Payload) -> Result<Incoming, Missing> {
    let context = context(&mut payload)?;
    let wire = inner(payload.check_run).ok_or(Missing("check_run"))?;
    let change = match action {
        "rerequested" => CheckRunChange::Rerequested,
        _ => CheckRunChange::RequestedAction {
            identifier: inner(payload.requested_action)
                .and_then(|action| action.identifier.0)
                .ok_or(Missing("requested_action.identifier"))?,
        },
    };
    let check_run = CheckRun {
        id: wire.id.0.ok_or(Missing("check_run.id"))?,
        name: text(wire.name),
        external_id: text(wire.external_id),
        head_sha: sha(wire.head_sha),
        app: inner(wire.app).and_then(|app| app.id.0),
    };
    Ok(Incoming::CheckRun { context, check_run, change })
}

fn installation_event(action: &str, payload: wire::Payload) -> Result<Incoming, Missing> {
    let change = match action {
        "created" => InstallationChange::Created { repositories: repositories(payload.repositories) },
        "deleted" => InstallationChange::Deleted,
        "suspend" => InstallationChange::Suspended,
        "unsuspend" => InstallationChange::Unsuspended,
        _ => InstallationChange::NewPermissionsAccepted,
    };
    Ok(Incoming::Installation {
        installation: installation(payload.installation)?,
        change,
        sender: account(payload.sender),
    })
}

fn installation(field: Field<Object<wire::Installation>>) -> Result<Installation, Missing> {
    let wire = inner(field).ok_or(Missing("installation"))?;
    Ok(Installation {
        id: InstallationId(wire.id.0.ok_or(Missing("installation.id"))?),
        app: wire.app_id.0,
        account: account(wire.account),
        permissions: wire.permissions.0.map(|texts| texts.0).unwrap_or_default(),
    })
}

fn context(payload: &mut wire::Payload) -> Result<Context, Missing> {
    let wire = inner(std::mem::take(&mut payload.repository)).ok_or(Missing("repository"))?;
    let name = wire.full_name.0.and_then(|name| name.parse().ok());
    Ok(Context {
        repository: Repository {
            id: RepositoryId(wire.id.0.ok_or(Missing("repository.id"))?),
            name: name.ok_or(Missing("repository.full_name"))?,
            private: wire.private.0.unwrap_or(true),
            default_branch: wire.default_branch.0,
        },
        installation: inner(std::mem::take(&mut payload.installation))
            .and_then(|installation| installation.id.0)
            .map(InstallationId),
        sender: account(std::mem::take(&mut payload.sender)),
    })
}

fn issue(field: Field<Object<wire::Issue>>) -> Result<Issue, Missing> {
    let wire = inner(field).ok_or(Missing("issue"))?;
    Ok(Issue {
        number: IssueNumber(wire.number.0.ok_or(Missing("issue.number"))?),
        origin: match wire.pull_request.0 {
            Some(_) => Origin::PullRequest,
            None => Origin::Issue,
        },
        title: text(wire.title),
        body: text(wire.body),
        author: account(wire.user),
        labels: elements(wire.labels).into_iter().filter_map(|label| label.name.0).collect(),
        assignees: elements(wire.assignees).into_iter().filter_map(person).collect(),
        state: state(&wire.state),
        locked: wire.locked.0.unwrap_or(false),
        html_url: text(wire.html_url),
        node_id: text(wire.node_id),
        updated_at: time(wire.updated_at),
    })
}

fn comment(field: Field<Object<wire::Comment>>) -> Result<Comment, Missing> {
    let wire = inner(field).ok_or(Missing("comment"))?;
    Ok(Comment {
        id: CommentId(wire.id.0.ok_or(Missing("comment.id"))?),
        body: text(wire.body),
        author: account(wire.user),
        created_at: time(wire.created_at),
        updated_at: time(wire.updated_at),
        html_url: text(wire.html_url),
        node_id: text(wire.node_id),
    })
}

fn inner<T>(field: Field<Object<T>>) -> Option<T> {
    field.0.map(|object| object.0)
}

fn elements<T>(field: Field<List<T>>) -> Vec<T> {
    field.0.map(|list| list.0).unwrap_or_default()
}

fn text(field: Field<String>) -> String {
    field.0.unwrap_or_default()
}

fn time(field: Field<String>) -> Option<Timestamp> {
    Timestamp::parse_rfc3339(&field.0?)
}

/// A commit; the all-zero id, with which GitHub says "none", is none.
fn sha(field: Field<String>) -> Option<CommitSha> {
    let digits = field.0?;
    if digits.bytes().all(|b| b == b'0') {
        return None;
    }
    digits.parse().ok()
}

/// The old text of a changed field: an empty one when there was none, `None` when the field did not change.
fn before(field: Field<Object<wire::From>>) -> Option<String> {
    inner(field).map(|from| text(from.from))
}

fn state(field: &Field<String>) -> IssueState {
    match field.0.as_deref() {
        Some("closed") => IssueState::Closed,
        _ => IssueState::Open,
    }
}

fn account(field: Field<Object<wire::Account>>) -> Option<Account> {
    person(inner(field)?)
}

/// An account needs both its number and its login; half of one is no identity.
fn person(wire: wire::Account) -> Option<Account> {
    Some(Account {
        id: UserId(wire.id.0?),
        login: wire.login.0?,
        kind: match wire.kind.0.as_deref() {
            Some("User") => AccountKind::User,
            Some("Organization") => AccountKind::Organization,
            _ => AccountKind::Bot,
        },
    })
}

fn side(field: Field<Object<wire::Side>>) -> RefSide {
    let wire = inner(field).unwrap_or_default();
    RefSide {
        branch: text(wire.branch),
        sha: sha(wire.sha),
        repository: inner(wire.repo).and_then(|repo| repo.id.0).map(RepositoryId),
    }
}

fn repositories(field: Field<List<wire::Repository>>) -> Vec<ListedRepository> {
    elements(field)
        .into_iter()
        .filter_map(|wire| {
            Some(ListedRepository { id: RepositoryId(wire.id.0?), name: wire.full_name.0?.parse().ok()? })
        })
        .collect()
}
