//! How far a transfer from a repository's server has come.

use serde::{Deserialize, Serialize};

/// A transfer under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transfer {
    /// What is done at this moment.
    pub step: TransferStep,
    /// How much of this step is done: 0 to 100.
    pub percent: u8,
    /// Bytes received so far.
    pub bytes: u64,
}

/// The steps of a transfer, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TransferStep {
    /// The server counts and packs what it will send.
    Preparing,
    /// Objects arrive.
    Receiving,
    /// What arrived is put in its place, and looked through.
    Unpacking,
}
