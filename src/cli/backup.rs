//! `baton backup` and `baton restore`: one file out of the database while it is in use, and back in its place.

use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::time::Instant;

use anyhow::anyhow;
use baton_store::{BackupError, Content, RestoreError, Store, StoreError, Written};
use clap::Args;

use super::assemble::configuration;
use super::given::Given;
use super::table::{line, visible};
use super::{Fault, logs};
use crate::clock;
use crate::config::Config;

/// What `baton backup` is told.
#[derive(Debug, Args)]
pub(super) struct BackupArguments {
    /// The new file. One that is there is never overwritten.
    file: PathBuf,
    /// One JSON object.
    #[arg(long)]
    json: bool,
}

/// What `baton restore` is told.
#[derive(Debug, Args)]
pub(super) struct RestoreArguments {
    /// The back-up; it stays as it is.
    file: PathBuf,
    /// Where there is a database that holds data, put it aside.
    #[arg(long)]
    force: bool,
    /// One JSON object.
    #[arg(long)]
    json: bool,
}

/// What came of it, for a program.
#[derive(serde::Serialize)]
struct BackedUp<'a> {
    file: &'a std::path::Path,
    #[serde(flatten)]
    content: Content,
    seconds: f64,
}

/// `baton backup`
pub(super) async fn backup(given: &Given, arguments: BackupArguments) -> Result<(), Fault> {
    logs::start("warn");
    let BackupArguments { file, json } = arguments;
    let config = configuration(given)?;
    of_a_file(&config, "pg_dump --format=custom --file=FILE --dbname=URL", "while Baton runs")?;
    let begun = Instant::now();
    let is_watched = !json && std::io::stderr().is_terminal();
    let told = |written: Written| {
        if is_watched {
            let percent = written.bytes.saturating_mul(100) / written.of.max(1);
            let _terminal_went_away = write!(std::io::stderr(), "\r\u{1b}[K  … {percent} % of {}", size(written.of));
        }
    };
    let made = Store::back_up(&config.store.url, &file, told).await;
    if is_watched {
        let _terminal_went_away = write!(std::io::stderr(), "\r\u{1b}[K");
    }
    let content = made.map_err(not_backed_up)?;
    let seconds = begun.elapsed().as_secs_f64();
    if json {
        let told = BackedUp { file: &file, content, seconds };
        line(&serde_json::to_string(&told).map_err(Fault::failed)?);
        return Ok(());
    }
    line(&visible(&format!("{} is written and sound: {}, in {seconds:.1} s.", file.display(), held(&content))));
    line("Keep it as safe as the repositories, and the configuration and the secrets with it.");
    Ok(())
}

/// `baton restore`
pub(super) async fn restore(given: &Given, arguments: RestoreArguments) -> Result<(), Fault> {
    logs::start("warn");
    let RestoreArguments { file, force, json } = arguments;
    let config = configuration(given)?;
    let command = "pg_restore --clean --if-exists --single-transaction --dbname=URL FILE";
    of_a_file(&config, command, "after every server and worker was stopped")?;
    let restored = Store::restore(&config.store.url, &file, force, clock::now()).await.map_err(not_restored)?;
    if json {
        line(&serde_json::to_string(&restored).map_err(Fault::failed)?);
        return Ok(());
    }
    line(&visible(&format!("{} holds what {} held: {}.", config.store.url, file.display(), held(&restored.now))));
    if restored.from.migration != restored.now.migration {
        let (from, to) = (restored.from.migration, restored.now.migration);
        line(&format!("It was brought from migration {from} to {to}."));
    }
    if let Some(kept) = &restored.kept {
        line(&visible(&format!("What was there is kept as {}; remove it when all is well.", kept.display())));
    }
    line(
        "Start `baton serve`. It compares with GitHub first: what was said to the lost database is not carried out again, so \
         whoever approved, asked or cancelled since the back-up says it again. Comments, branches and pull requests that were \
         made since are found, not made twice.",
    );
    Ok(())
}

/// Refuses a database that is a server's, and says whose command it is instead. Its URL, which may hold a password, is not
/// shown.
fn of_a_file(config: &Config, command: &str, when: &str) -> Result<(), Fault> {
    if !config.store.url.starts_with("postgres") {
        return Ok(());
    }
    Err(Fault::usage(anyhow!(
        "the database is PostgreSQL's, which has its own way: `{command}`, {when}, with `store.url` as URL"
    )))
}

fn held(content: &Content) -> String {
    let Content { bytes, migration: _, deliveries, tasks, jobs } = content;
    format!("{tasks} tasks, {deliveries} deliveries, {jobs} jobs, {}", size(*bytes))
}

/// A size for people.
pub(super) fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    let mut shown = format!("{bytes} bytes");
    let mut part = bytes;
    for unit in UNITS {
        if part < 1024 {
            break;
        }
        let tenths = part.saturating_mul(10) / 1024;
        shown = format!("{}.{} {unit}", tenths / 10, tenths % 10);
        part /= 1024;
    }
    shown
}

fn not_backed_up(error: BackupError) -> Fault {
    match error {
        BackupError::Exists(_) | BackupError::Store(StoreError::Missing(_) | StoreError::BadUrl { .. }) => {
            Fault::usage(error)
        }
        other => Fault::failed(other),
    }
}

fn not_restored(error: RestoreError) -> Fault {
    match error {
        RestoreError::Backup(error) => not_backed_up(error),
        RestoreError::HoldsData { .. } | RestoreError::Itself(_) => Fault::usage(error),
        other => Fault::failed(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_for_people() {
        let shown: Vec<String> = [0, 1023, 1024, 1_500_000, 3 << 30, u64::MAX].map(size).into();
        assert_eq!(shown, ["0 bytes", "1023 bytes", "1.0 KiB", "1.4 MiB", "3.0 GiB", "16777215.9 TiB"]);
    }
}
