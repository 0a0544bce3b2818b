//! The work of a run that did not come to its end: what it belongs to, and how the next run for the same purpose finds it.

use baton_agent::Conversation;
use baton_core::domain::effect::{Purpose, RunOrder};
use baton_core::domain::enclosure::WorkspaceChanges;
use baton_core::domain::ids::{CommitSha, Digest, RunId};
use baton_core::domain::kept;
use baton_core::domain::run::Spent;
use baton_core::domain::task::Task;
use baton_core::domain::time::Timestamp;
use baton_core::domain::usage::Usage;
use baton_git::{CommitMeta, Git, Identity, ImportError};
use baton_queue::Failure;
use baton_store::{Kept, Packed, Store, StoreError};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::bill::sum;
use crate::engine::{Engine, error};

/// The most that is unpacked of changed files and their list, and of a conversation: more than what is ever packed.
const MAX_CHANGES: u64 = 192 * 1024 * 1024;
const MAX_CONVERSATION: u64 = 256 * 1024 * 1024;

/// What is known of kept work without unpacking it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// The commit that its files are a change of.
    pub start: CommitSha,
    /// The commit that the whole work is a change of.
    pub base: CommitSha,
    /// How many files it changes.
    pub files: usize,
    /// Seconds that its run took until then, all its attempts together.
    pub seconds: u64,
}

/// Kept work, ready to go on from.
pub(super) struct Resumed {
    /// When it was kept.
    pub kept_at: Timestamp,
    /// The run that did it.
    run: Option<RunId>,
    seconds: u64,
    /// Its files, as changes of where the run starts.
    pub changes: WorkspaceChanges,
    /// The same as a commit in Baton's own repository; none if it changed nothing.
    pub head: Option<CommitSha>,
    /// The agent's conversation; none if it is to be begun anew.
    pub conversation: Option<Value>,
}

/// What a run finds when it begins.
pub(super) enum Left {
    /// No work for its purpose.
    Nothing,
    /// Work to go on from.
    Work(Box<Resumed>),
    /// Work that cannot be gone on from: it starts anew, and this is why.
    Unusable(String),
}

/// Kept work belongs to one approved plan and the commit its purpose starts from, or to one issue text and one wish to
/// plan: nothing else may go on from it.
pub(super) fn purpose_key(task: &Task, order: &RunOrder, start: &CommitSha) -> String {
    let about = match &order.purpose {
        Purpose::Plan { cause } => {
            let cause = serde_json::to_string(cause).unwrap_or_default();
            Digest::of(&[&cause, task.issue.digest().as_str()])
        }
        Purpose::Implement { plan, .. } | Purpose::Revise { plan, .. } => plan.digest.clone(),
    };
    format!("{}/{}/{start}", order.purpose.kind().name(), about.as_str())
}

impl Engine {
    /// What was kept for the purpose of a run that starts at `start`, put into Baton's own repository.
    pub(super) async fn left_over(&self, task: &Task, order: &RunOrder, start: &CommitSha) -> Result<Left, Failure> {
        let kept = match self.store().kept(task.id).await {
            Ok(kept) => kept.filter(|kept| kept.about.purpose == purpose_key(task, order, start)),
            Err(corrupt @ StoreError::Corrupt { .. }) => return Ok(Left::Unusable(corrupt.to_string())),
            Err(failure) => return Err(failure.into()),
        };
        let Some(kept) = kept else { return Ok(Left::Nothing) };
        let (kept_at, run) = (kept.about.at, RunId::parse(&kept.about.run));
        let opened = match tokio::task::spawn_blocking(move || open(&kept)).await.map_err(Failure::bug)? {
            Ok(opened) => opened,
            Err(reason) => return Ok(Left::Unusable(reason)),
        };
        let Opened { about, changes, conversation } = opened;
        let head = match commit(&self.parts().git, task, start, kept_at, changes.clone()).await {
            Ok(head) => head,
            Err(ImportError::Git(failure)) => return Err(error::git(&failure)),
            Err(hostile) => return Ok(Left::Unusable(hostile.to_string())),
        };
        let seconds = about.seconds;
        Ok(Left::Work(Box::new(Resumed { kept_at, run, seconds, changes, head, conversation })))
    }

    /// What earlier attempts at this very run used.
    pub(super) async fn spent(&self, run: RunId, resumed: Option<&Resumed>) -> Result<Spent, Failure> {
        let usage: Usage = sum(&self.store().used(run).await?)?;
        let seconds = resumed.filter(|resumed| resumed.run == Some(run)).map_or(0, |resumed| resumed.seconds);
        Ok(Spent { usage, seconds })
    }
}

struct Opened {
    about: About,
    changes: WorkspaceChanges,
    conversation: Option<Value>,
}

/// Unpacks kept work; the error is for people.
fn open(kept: &Kept) -> Result<Opened, String> {
    let about = kept.about.about.read::<About>("kept work").map_err(|e| e.to_string())?;
    let changes = changes_in(&kept.changes)?;
    let talk = kept.conversation.plain(MAX_CONVERSATION).map_err(|e| e.to_string())?;
    let talk: Value = serde_json::from_slice(&talk).map_err(|e| format!("the conversation cannot be read: {e}"))?;
    if !talk.is_null() {
        Conversation::check(&talk)?;
    }
    Ok(Opened { about, changes, conversation: Some(talk).filter(|talk| !talk.is_null()) })
}

fn changes_in(packed: &Packed) -> Result<WorkspaceChanges, String> {
    let plain = packed.plain(MAX_CHANGES).map_err(|e| e.to_string())?;
    kept::unpack(&plain).map_err(|e| e.to_string())
}

/// A commit of kept files. It is never pushed, so nobody stands in it; made again, it is the same.
async fn commit(
    git: &Git,
    task: &Task,
    start: &CommitSha,
    kept_at: Timestamp,
    changes: WorkspaceChanges,
) -> Result<Option<CommitSha>, ImportError> {
    if changes == WorkspaceChanges::default() {
        return Ok(None);
    }
    let nobody = Identity { name: "Baton".to_owned(), email: "baton@localhost".to_owned() };
    let message = "Work in progress\n".to_owned();
    let meta = CommitMeta { task: task.id, author: nobody.clone(), committer: nobody, time: kept_at, message };
    match git.import(task.repository.id, start, changes, meta).await {
        Ok(head) => Ok(Some(head)),
        Err(ImportError::NothingChanged) => Ok(None),
        Err(other) => Err(other),
    }
}

/// Unfinished work of a task, in Baton's own repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfinished {
    /// When it was kept.
    pub kept_at: Timestamp,
    /// The commit it is a change of.
    pub base: CommitSha,
    /// The files as they were kept.
    pub head: CommitSha,
}

/// Why unfinished work cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum UnfinishedError {
    /// The database failed, or what it holds is damaged.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What was kept is damaged.
    #[error("{0}")]
    Damaged(String),
    /// It cannot be put into Baton's own repository: the commit it is a change of is not on this machine, say.
    #[error("what was kept cannot be put into Baton's repository on this machine: {0}")]
    Import(#[from] ImportError),
}

/// What is kept of a task's unfinished work, if that changed any file.
///
/// # Errors
/// [`UnfinishedError`].
pub async fn unfinished(store: &Store, git: &Git, task: &Task) -> Result<Option<Unfinished>, UnfinishedError> {
    let Some(kept) = store.kept(task.id).await? else { return Ok(None) };
    let about = kept.about.about.read::<About>("kept work")?;
    let changes = changes_in(&kept.changes).map_err(UnfinishedError::Damaged)?;
    let kept_at = kept.about.at;
    let head = commit(git, task, &about.start, kept_at, changes).await?;
    Ok(head.map(|head| Unfinished { kept_at, base: about.base, head }))
}
