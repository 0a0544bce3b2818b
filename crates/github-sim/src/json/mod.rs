//! The world in the shapes of GitHub's published OpenAPI description. Reads only.

mod account;
mod app;
mod check;
mod event;
mod git;
mod issue;
mod pull;
mod repository;

use serde_json::Value;

pub(crate) use issue::issue_node;

/// Adds the fields of one object to another.
pub(crate) fn merge(into: &mut Value, more: Value) {
    if let (Value::Object(into), Value::Object(more)) = (into, more) {
        into.extend(more);
    }
}
