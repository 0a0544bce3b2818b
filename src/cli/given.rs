//! What every command is given besides its own arguments: where the configuration is, and what flags say over it.

use std::path::PathBuf;

use clap::Args;

use super::Fault;
use crate::config::{Flag, Loaded, Sources, default_places, environment, load};

/// The flags of every command.
#[derive(Debug, Args)]
pub(super) struct Flags {
    /// The configuration file; default: baton.toml here, then the user's place, then /etc/baton.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Set a key of the configuration over the file and the variables; may be given several times. Not for secrets.
    #[arg(long = "set", global = true, value_name = "KEY=VALUE", value_parser = setting)]
    settings: Vec<Flag>,
}

fn setting(text: &str) -> Result<Flag, String> {
    let (key, value) = text.split_once('=').ok_or("write KEY=VALUE, such as worker.concurrency=4")?;
    let (key, value) = (key.trim().to_owned(), value.trim().to_owned());
    Ok(Flag { flag: format!("--set {key}"), key, value })
}

/// Where the configuration of this start comes from.
#[derive(Debug)]
pub(super) struct Given {
    /// The file that is read, if there is one.
    pub file: Option<PathBuf>,
    /// What flags say. A command with a flag of its own for a key adds it here.
    pub flags: Vec<Flag>,
}

impl From<Flags> for Given {
    fn from(flags: Flags) -> Self {
        let file = flags.config.or_else(|| default_places().into_iter().find(|place| place.is_file()));
        Self { file, flags: flags.settings }
    }
}

impl Given {
    /// Reads the configuration, and where each of its values comes from.
    pub fn load(&self) -> Result<Loaded, Fault> {
        let variables = environment();
        load(&Sources { file: self.file.as_deref(), variables: &variables, flags: &self.flags }).map_err(Fault::usage)
    }
}
