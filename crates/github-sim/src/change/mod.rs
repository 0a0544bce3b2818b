//! Everything that can happen on GitHub: each function changes the world, writes the ledger and sends the webhooks.
//! Who may is decided before (see `rest::access`); what is valid is decided here.

pub(crate) mod assignment;
pub(crate) mod check;
pub(crate) mod closing;
pub(crate) mod comment;
pub(crate) mod draft;
pub(crate) mod install;
pub(crate) mod issue;
pub(crate) mod label;
pub(crate) mod limits;
pub(crate) mod manifest;
pub(crate) mod mention;
pub(crate) mod merge;
pub(crate) mod pull;
pub(crate) mod push;
pub(crate) mod reaction;
pub(crate) mod repository;
pub(crate) mod review;
pub(crate) mod setup;
pub(crate) mod token;

pub(crate) use crate::refusal::Refusal;

/// What a change answers.
pub(crate) type Done<T> = Result<T, Refusal>;
