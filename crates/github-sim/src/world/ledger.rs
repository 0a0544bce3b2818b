//! What happened, in order, never changed: every effect on the world, every request, every mention.

use serde::Serialize;
use serde_json::Value;

/// One thing done to the simulated GitHub.
#[derive(Debug, Clone, Serialize)]
pub struct Effect {
    /// Counts from 1.
    pub seq: u64,
    /// When, on the simulator's clock.
    pub at: String,
    /// Login of who did it (`baton[bot]`).
    pub actor: String,
    /// What proved who it was: `person`, `personal token …1234`, `installation 17 token …1234`.
    pub with: String,
    /// What was done, `subject.verb`: `comment.create`, `ref.push`, `pull.merge`.
    pub what: String,
    /// `owner/name`, where there is one.
    pub repository: Option<String>,
    /// The particulars of this kind of effect.
    pub detail: Value,
}

/// One request as it came in, whatever became of it.
#[derive(Debug, Clone, Serialize)]
pub struct Request {
    /// Counts from 1.
    pub seq: u64,
    /// When, on the simulator's clock.
    pub at: String,
    /// The operation's id in GitHub's OpenAPI description (`issues/create-comment`), `git/receive-pack`,
    /// `graphql/minimizeComment`, or empty when nothing is served there.
    pub operation: String,
    /// The HTTP method.
    pub method: String,
    /// The path with its query.
    pub path: String,
    /// What proved who asked, as in [`Effect::with`].
    pub with: String,
    /// The answer's status; 0 when the connection was cut instead.
    pub status: u16,
}

/// A person whom GitHub would have notified because a text names them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Mention {
    /// Who is named.
    pub login: String,
    /// Who wrote the text.
    pub by: String,
    /// `owner/name`.
    pub repository: String,
    /// Issue or pull request.
    pub number: u64,
}
