//! Baton's own bare repositories, and everything that touches git: fetch, checkout, import, diff, rebase, push.
//!
//! Invariant: nothing here ever reads a `.git` folder or a working tree that an agent could write. What an agent made
//! comes in as data ([`WorkspaceChanges`](baton_core::domain::enclosure::WorkspaceChanges)), becomes objects of a bare
//! repository that only Baton writes, is judged there, and is pushed from there.
//!
//! libgit2 handles objects; the git program handles the network, with an environment made from nothing. A token reaches
//! it only through an inherited pipe, read by [`credential_main`].

mod author;
mod changes;
mod checkout;
mod compose;
mod config;
mod credential;
mod error;
mod fetch;
mod health;
mod import;
mod local_clone;
mod maintain;
mod mirror;
mod objects;
mod patch;
mod process;
mod prune;
mod push;
mod read;
mod rebase;
mod remote;
mod stale;
mod tree;
mod unused;

pub use author::author_of_clone;
pub use changes::HostileChange;
pub use checkout::{Checkout, CheckoutError, CheckoutOf};
pub use config::{CredentialProgram, GitConfig, ImportLimits};
pub use credential::credential_main;
pub use error::GitError;
pub use fetch::FetchError;
pub use health::free_bytes_at;
pub use import::{CommitMeta, Identity, ImportError};
pub use local_clone::{CloneError, CloneHead, head_of_clone};
pub use mirror::Git;
pub use objects::TreeId;
pub use prune::{PruneLimits, Pruned};
pub use push::{PushError, Pushed};
pub use read::{ListedFile, ReadError};
pub use rebase::RebaseError;
pub use remote::{InvalidRemote, Remote};
pub use unused::MirrorUse;
