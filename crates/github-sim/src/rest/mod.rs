//! The REST API: a table of operations, who may call them, and a handler for each.

pub(crate) mod access;
mod apps;
mod assignees;
pub(crate) mod authenticate;
mod call;
mod checks;
mod comments;
mod commits;
pub(crate) mod disturb;
mod git_objects;
mod hooks;
mod issues;
mod labels;
mod lag;
mod languages;
pub(crate) mod operation;
mod page;
mod pulls;
mod reactions;
mod refs;
mod repositories;
mod reviews;
pub(crate) mod route;
pub(crate) mod serve;
mod users;

pub use operation::{Needs, OPERATIONS_DOC, Operation, operations};
