//! Where things lie inside a sandbox. The launcher puts them there, the server and the commands find them.

/// The workspace: the checkout, and the run's own changes.
pub(crate) const WORKSPACE: &str = "/workspace";
/// The private home folder.
pub(crate) const HOME: &str = "/home/agent";
/// The server's own program.
pub(crate) const SERVER: &str = "/.baton/server";
/// What the server needs to know.
pub(crate) const SERVE_JSON: &str = "/.baton/serve.json";
/// The untouched checkout, to compare with.
pub(crate) const CHECKOUT: &str = "/.baton/checkout";
/// What the run wrote, seen below the overlay; absent when the workspace is a copy or read-only.
pub(crate) const UPPER: &str = "/.baton/upper";
