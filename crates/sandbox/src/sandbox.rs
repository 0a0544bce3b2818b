//! The trait that every kind of sandbox implements, and the session it gives. No policy here: that is in the spec.

use std::future::Future;
use std::pin::Pin;

use baton_core::domain::enclosure::{Completed, EnclosureSpec, Gap, Invocation, WorkspaceChanges};
use baton_core::domain::tool::{ToolReply, ToolRequest};

use crate::error::{Problem, SandboxError};

/// A future that can be held in a trait object.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What a machine can and cannot do for a sandbox.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Probe {
    /// Protections this machine cannot give, each with the reason. A start is refused unless they are accepted.
    pub gaps: Vec<(Gap, String)>,
    /// What keeps any sandbox from starting. Empty: one was started for real and did its work.
    pub problems: Vec<Problem>,
}

/// What a workspace is like, as the server inside says: to ask whether it still is. Nothing else follows from it, for
/// whoever is inside can make it what they like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint(pub(crate) u64);

/// What a run has changed so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// The changes.
    pub changes: WorkspaceChanges,
    /// What the workspace is like now.
    pub fingerprint: Fingerprint,
}

/// A way to enclose runs.
pub trait Sandbox: Send + Sync {
    /// Its name in configuration, logs and the pull request.
    fn name(&self) -> &'static str;

    /// Starts a real, empty sandbox and reports what is missing.
    fn probe(&self) -> BoxFuture<'_, Probe>;

    /// Starts a sandbox over a checkout, which is never written to.
    ///
    /// # Errors
    /// When a protection is missing and not accepted, or the sandbox cannot be started. Nothing weaker is tried.
    fn start(&self, spec: EnclosureSpec) -> BoxFuture<'_, Result<Box<dyn Session>, SandboxError>>;
}

/// One running sandbox. Dropping it, or a future it gave, kills everything in it.
pub trait Session: Send {
    /// Runs one tool inside.
    ///
    /// # Errors
    /// Only when the sandbox itself fails; a tool that fails says so in its reply.
    fn tool(&mut self, request: ToolRequest) -> BoxFuture<'_, Result<ToolReply, SandboxError>>;

    /// Runs one program inside to its end. `on_output` gets the output as it comes. When the program ends, whatever it
    /// started and left running is killed.
    ///
    /// # Errors
    /// Only when the sandbox itself fails; a program that fails says so in its ending.
    fn exec<'a>(
        &'a mut self,
        invocation: Invocation,
        on_output: &'a mut (dyn FnMut(&str) + Send),
    ) -> BoxFuture<'a, Result<Completed, SandboxError>>;

    /// The content of a regular file inside (relative to the workspace, or absolute as seen inside); `None` when there
    /// is none, it is something else, or it is longer than `max` bytes. Symbolic links are not followed.
    ///
    /// # Errors
    /// Only when the sandbox itself fails.
    fn read_file<'a>(&'a mut self, path: &'a str, max: u64) -> BoxFuture<'a, Result<Option<Vec<u8>>, SandboxError>>;

    /// What the run changed in its workspace. Every other process inside is killed first.
    ///
    /// # Errors
    /// When there is more than can be taken out, or a new file's name is not UTF-8.
    fn changes(&mut self) -> BoxFuture<'_, Result<WorkspaceChanges, SandboxError>>;

    /// The same while the run goes on, within the same limits: the sandbox can be used on afterwards. `None` if all of it
    /// is as it was when the fingerprint `known` was given out; then nothing but that is carried.
    ///
    /// # Errors
    /// [`SandboxError::Changes`] when there is more than can be taken out: the sandbox is as good as before. Any other
    /// means that it failed.
    fn snapshot(&mut self, known: Option<Fingerprint>) -> BoxFuture<'_, Result<Option<Snapshot>, SandboxError>>;

    /// Kills everything inside and waits until it is gone, mounts and control groups included.
    fn stop(&mut self) -> BoxFuture<'_, ()>;
}
