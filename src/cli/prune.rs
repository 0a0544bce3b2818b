//! `baton prune`: lets go by hand of what the recurring tidying lets go of every hour.

use baton_core::domain::time::Timestamp;
use clap::Args;
use serde::Serialize;

use super::assemble::{self, configuration};
use super::backup::size;
use super::given::Given;
use super::table::{line, print, visible};
use super::{Fault, logs};
use crate::clock;
use crate::engine::{PruneReport, PrunedPart, Retention};

/// What to prune.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Only tell what would go.
    #[arg(long)]
    dry_run: bool,
    /// One JSON object.
    #[arg(long)]
    json: bool,
}

/// The line of a program.
#[derive(Serialize)]
struct Told<'a> {
    at: Timestamp,
    dry_run: bool,
    #[serde(flatten)]
    report: &'a PruneReport,
    database: Option<baton_store::Space>,
}

pub(super) async fn prune(given: &Given, arguments: Arguments) -> Result<(), Fault> {
    logs::start("warn");
    let Arguments { dry_run, json } = arguments;
    let config = configuration(given)?;
    let store = assemble::store(&config, false).await?;
    let git = assemble::git(&config)?;
    let now = clock::now();
    let retention = Retention { store: &store, git: &git, limits: config.policy.retention, now, really: !dry_run };
    let report = retention.prune(&|| true).await.map_err(Fault::failed)?;
    let database = store.space().await;
    if json {
        let told = Told { at: now, dry_run, report: &report, database };
        line(&serde_json::to_string(&told).map_err(Fault::failed)?);
        return Ok(());
    }
    let parts: Vec<&PrunedPart> = report.parts.iter().filter(|part| part.pruned.rows > 0).collect();
    print(false, &["WHAT", if dry_run { "WOULD GO" } else { "GONE" }, "SIZE"], &parts, |part| {
        vec![part.what.to_owned().into(), part.pruned.rows.to_string().into(), size(part.pruned.bytes).into()]
    });
    if report.kept_percent < 100 {
        line(&format!(
            "The disk is nearly full (`policy.retention.free_gib`): things are kept for {} % of their time.",
            report.kept_percent
        ));
    }
    if let Some(free) = report.free {
        line(&format!("{} are free on the disk.", size(free)));
    }
    if let Some(space) = database {
        let (file, bytes, free) = (space.file.display(), size(space.bytes), size(space.free));
        line(&visible(&format!("{file} has {bytes}, of which {free} are used again before it grows.")));
    }
    Ok(())
}
