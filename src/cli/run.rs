//! `baton run`: the same work on a local clone, without GitHub. The clone is put on a stage, the plan is shown and asked
//! about on the terminal, and the branch that comes out is fetched into the clone.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;

use super::Fault;

/// What to work on.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The clone. Its committed state is worked on; it is not changed but for the new branch.
    #[arg(long, value_name = "PATH")]
    repo: PathBuf,
    /// The issue: the title in the first line, then the text.
    #[arg(long, value_name = "FILE")]
    issue: PathBuf,
    /// Approve the plan without asking.
    #[arg(long)]
    yes: bool,
}

pub(super) async fn run(_file: Option<&Path>, _arguments: Arguments) -> Result<(), Fault> {
    let _ = Duration::ZERO;
    Err(Fault::failed(anyhow::anyhow!("under construction")))
}
