//! `baton config …`

use std::path::Path;

use clap::Subcommand;

use super::Fault;
use super::assemble::configuration;
use super::table::line;
use crate::engine::Agents;

/// What can be done with the configuration.
#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Read it whole, with the environment over it, and say what is wrong. Opens no connection.
    Check,
}

pub(super) fn config(file: Option<&Path>, verb: Verb) -> Result<(), Fault> {
    match verb {
        Verb::Check => check(file),
    }
}

fn check(file: Option<&Path>) -> Result<(), Fault> {
    let config = configuration(file)?;
    config.policy.task_policy().map_err(Fault::usage)?.patch.check().map_err(Fault::usage)?;
    let agents = Agents::new(&config).map_err(Fault::usage)?;
    let mut missing = Vec::new();
    if config.github.app_id.is_none() {
        missing.push("github.app_id");
    }
    if config.github.private_key().map_err(Fault::usage)?.is_none() {
        missing.push("github.private_key_file");
    }
    if config.github.webhook_secrets().map_err(Fault::usage)?.is_empty() {
        missing.push("github.webhook_secret");
    }
    if !missing.is_empty() {
        return Err(Fault::usage(anyhow::anyhow!("`baton serve` needs what is not set: {}", missing.join(", "))));
    }
    for (name, agent) in agents.list() {
        line(&format!("agent {name}: {}", agent.label()));
    }
    line("The configuration is good.");
    Ok(())
}
