//! Keeps a run's work outside its sandbox while the run goes on: its files as plain data through the sandbox's own server,
//! within the limits of a run's end, and the agent's conversation of the same moment; one newest snapshot, under the lease.
//!
//! When: while the model thinks and no tool runs, as soon as the configured seconds have passed since the last time; and
//! before each command, because that can take minutes. What takes long is done less often: at most a twentieth of the time
//! goes there.

use std::time::Duration;

use baton_agent::Standing;
use baton_core::domain::effect::RunOrder;
use baton_core::domain::enclosure::WorkspaceChanges;
use baton_core::domain::ids::RunId;
use baton_core::domain::kept;
use baton_core::domain::run::AgentEvent;
use baton_core::domain::task::Task;
use baton_core::domain::tool::ToolRequest;
use baton_queue::{JobContext, StopReason};
use baton_sandbox::{Fingerprint, SandboxError, Session, Snapshot};
use baton_store::{Json, NewKept, Packed, StoreError};
use serde_json::Value;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::ground::Ground;
use super::kept::{About, purpose_key};
use super::log::Log;
use crate::engine::Engine;

/// The most that is kept, compressed. Files of random bytes at the limits of a sandbox are more.
const MAX_CHANGES: usize = 64 * 1024 * 1024;
const MAX_CONVERSATION: usize = 16 * 1024 * 1024;

/// So many times as long as keeping took, nothing is kept.
const REST: u32 = 20;

/// What takes no longer than this is done before every command.
const CHEAP: Duration = Duration::from_secs(1);

pub(super) struct Keeper<'a> {
    engine: &'a Engine,
    context: &'a JobContext,
    log: &'a Log,
    run: RunId,
    purpose: String,
    about: About,
    /// What the run goes on from: what the sandbox tells is a change of that.
    earlier: WorkspaceChanges,
    began: Instant,
    seconds_before: u64,
    every: Duration,
    /// How far the agent is; what was seen of it is kept.
    standing: watch::Receiver<Standing>,
    /// How many replies the agent was given.
    replies: u64,
    /// What the workspace was like when it was kept last; none if it was not yet, under this lease.
    known: Option<Fingerprint>,
    /// Whether a tool was used since that may have changed it.
    is_touched: bool,
    last: Option<Instant>,
    cost: Duration,
    /// Whether it was said already that something cannot be kept.
    has_complained: bool,
}

/// What became of the wish to keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keeping {
    /// It is kept.
    Kept,
    /// It is not, and why stands in the log. The last snapshot stays.
    NotKept,
}

impl<'a> Keeper<'a> {
    pub(super) fn new(
        engine: &'a Engine,
        context: &'a JobContext,
        log: &'a Log,
        (task, order): (&Task, &RunOrder),
        ground: &Ground,
        seconds_before: u64,
    ) -> Self {
        let about =
            About { start: ground.origin.clone(), base: ground.base.clone(), files: 0, seconds: seconds_before };
        Self {
            engine,
            context,
            log,
            run: order.run,
            purpose: purpose_key(task, order, &ground.origin),
            about,
            earlier: ground.resumed.as_ref().map(|resumed| resumed.changes.clone()).unwrap_or_default(),
            began: Instant::now(),
            seconds_before,
            every: Duration::from_secs(engine.parts().sandbox_config.keep_seconds),
            standing: watch::channel(Standing::default()).1,
            replies: 0,
            known: None,
            is_touched: true,
            last: None,
            cost: Duration::ZERO,
            has_complained: false,
        }
    }

    /// Hears from now on how far this agent is.
    pub(super) fn listen(&mut self, standing: watch::Receiver<Standing>) {
        self.standing = standing;
        self.replies = 0;
    }

    /// Where it says what cannot be kept, with all else that happens in the run.
    pub(super) fn log(&self) -> &'a Log {
        self.log
    }

    /// Whether the model has answered since the run began or went on.
    pub(super) fn has_heard(&self) -> bool {
        !self.standing.borrow().conversation.is_null()
    }

    /// Whether somebody asked that the job be stopped: it is not given to another worker.
    pub(super) fn is_called_off(&self) -> bool {
        self.context.stop_reason() == Some(StopReason::CancelRequested)
    }

    /// Notes that the agent was given the reply to this call.
    pub(super) fn replied(&mut self, request: &ToolRequest) {
        self.replies += 1;
        self.is_touched |= match request {
            ToolRequest::Run { .. } | ToolRequest::Edit { .. } | ToolRequest::Write { .. } => true,
            ToolRequest::Read { .. } | ToolRequest::List { .. } | ToolRequest::Search { .. } => false,
        };
    }

    /// Resolves when there is something to keep and the time for it has come. Never in the moment in which the workspace
    /// is further than the conversation.
    pub(super) async fn is_due(&self) {
        let mut news = self.standing.clone();
        let replies = self.replies;
        let is_behind = news.has_changed().unwrap_or(false) || news.changed().await.is_ok();
        if !is_behind || news.wait_for(|standing| standing.replies == replies).await.is_err() {
            std::future::pending::<()>().await;
        }
        if let Some(last) = self.last {
            sleep_until(last + self.every.max(self.cost * REST)).await;
        }
    }

    /// Keeps before a call is done, if there is something to keep: a command can take long, and whatever happens
    /// meanwhile, the model is told that it was interrupted.
    ///
    /// # Errors
    /// When the sandbox fails.
    pub(super) async fn before(
        &mut self,
        session: &mut dyn Session,
        request: &ToolRequest,
    ) -> Result<(), SandboxError> {
        let rest = match request {
            ToolRequest::Run { .. } if self.cost < CHEAP => Duration::ZERO,
            ToolRequest::Run { .. } => self.cost * REST,
            _ => self.every.max(self.cost * REST),
        };
        let may = self.last.is_none_or(|last| last.elapsed() >= rest);
        if may && self.standing.has_changed().unwrap_or(false) { self.keep(session).await.map(drop) } else { Ok(()) }
    }

    /// Keeps how far the agent is now.
    ///
    /// # Errors
    /// When the sandbox fails.
    pub(super) async fn keep(&mut self, session: &mut dyn Session) -> Result<Keeping, SandboxError> {
        let conversation = self.standing.borrow_and_update().conversation.clone();
        self.keep_with(session, conversation).await
    }

    /// Keeps the workspace as it is now with this conversation; null for none.
    ///
    /// # Errors
    /// When the sandbox fails.
    pub(super) async fn keep_with(
        &mut self,
        session: &mut dyn Session,
        conversation: Value,
    ) -> Result<Keeping, SandboxError> {
        let began = Instant::now();
        let snapshot = match (self.known, self.is_touched) {
            (Some(_), false) => Ok(None),
            (known, _) => session.snapshot(known).await,
        };
        let kept = match snapshot {
            Ok(snapshot) => self.write(snapshot, conversation).await,
            Err(SandboxError::Changes(why)) => Err(why),
            Err(failed) => return Err(failed),
        };
        (self.last, self.cost) = (Some(began), began.elapsed());
        tracing::debug!(run = %self.run, millis = self.cost.as_millis(), files = self.about.files, ok = kept.is_ok(), "kept");
        match kept {
            Ok(()) => {
                self.is_touched = false;
                Ok(Keeping::Kept)
            }
            Err(why) => {
                self.complain(&why).await;
                Ok(Keeping::NotKept)
            }
        }
    }

    /// Writes what is new; the error is for people.
    async fn write(&mut self, snapshot: Option<Snapshot>, conversation: Value) -> Result<(), String> {
        let known = snapshot.as_ref().map(|snapshot| snapshot.fingerprint);
        let changes = match snapshot {
            Some(snapshot) => {
                let changes = kept::upon(self.earlier.clone(), snapshot.changes);
                self.about.files = changes.written.len() + changes.deleted.len();
                let packed = packed(move || kept::pack(&changes), MAX_CHANGES).await;
                Some(packed.map_err(|why| format!("the changed files {why}"))?)
            }
            None => None,
        };
        let talk = packed(move || serde_json::to_vec(&conversation).ok(), MAX_CONVERSATION).await;
        let talk = talk.map_err(|why| format!("the conversation {why}"))?;
        self.about.seconds = self.seconds_before.saturating_add(self.began.elapsed().as_secs());
        self.save(changes.as_ref(), &talk).await.map_err(|error| error.to_string())?;
        self.known = known.or(self.known);
        Ok(())
    }

    async fn save(&self, changes: Option<&Packed>, conversation: &Packed) -> Result<(), StoreError> {
        let about = Json::of(&self.about)?;
        let kept = NewKept { run: self.run, purpose: &self.purpose, about: &about, changes, conversation };
        let mut tx = self.engine.store().begin().await?;
        tx.keep(&self.context.lease, &kept, self.engine.now()).await?;
        tx.commit().await
    }

    /// Says once that the work cannot be kept. It goes on all the same.
    async fn complain(&mut self, why: &str) {
        tracing::warn!(run = %self.run, why, "the work of a run cannot be kept while it goes on");
        if !std::mem::replace(&mut self.has_complained, true) {
            let text = format!("If the run is broken off now, what it did since the last time is lost: {why}.");
            self.log.write(AgentEvent::Notice { text }).await;
        }
    }
}

/// Compresses away from the threads that serve others; the error completes a sentence.
async fn packed(plain: impl FnOnce() -> Option<Vec<u8>> + Send + 'static, max: usize) -> Result<Packed, String> {
    let packed = tokio::task::spawn_blocking(move || plain().map(|plain| Packed::of(&plain))).await;
    let packed = packed.map_err(|e| format!("cannot be compressed: {e}"))?.ok_or("have no form to be kept in")?;
    let packed = packed.map_err(|e| format!("cannot be compressed: {e}"))?;
    if packed.len() > max {
        return Err(format!("are more than the {} MiB, compressed, that are kept", max / 1024 / 1024));
    }
    Ok(packed)
}
