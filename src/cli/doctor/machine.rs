//! The machine: git, disk, database, and whether a server runs here.

use std::path::{Path, PathBuf};

use baton_store::{OpenOptions, Store, StoreError};
use tokio::net::TcpListener;

use super::report::{Outcome, fault, good, warning};
use crate::cli::{Fault, assemble, health, job};
use crate::config::Config;

/// Below this, a checkout of a large repository may not fit.
const LITTLE: u64 = 2 * 1024 * 1024 * 1024;

/// Below this, not even the database has room to grow.
const NOTHING: u64 = 128 * 1024 * 1024;

/// The git program.
pub(super) async fn git(config: &Config) -> Vec<Outcome> {
    let git = match assemble::git(config) {
        Ok(git) => git,
        Err(Fault::Usage(error) | Fault::Failed(error)) => {
            return vec![fault(format!("{error:#}"), "Let `store.data` name a folder that Baton may write to")];
        }
    };
    vec![match git.version().await {
        Ok(version) => good(version),
        Err(error) => fault(error.to_string(), "Install git: `apt-get install git`"),
    }]
}

/// Room for the database, and for mirrors and checkouts.
pub(super) async fn disk(config: &Config) -> Vec<Outcome> {
    let mut places = vec![("mirrors and checkouts", config.store.data.clone())];
    if let Ok(database) = Store::file(&config.store.url) {
        places.push(("the database", database.parent().map_or_else(|| PathBuf::from("."), Path::to_path_buf)));
    }
    places.into_iter().map(|(what, place)| room(what, &place)).collect()
}

fn room(what: &str, place: &Path) -> Outcome {
    let place = std::path::absolute(Path::new(".").join(place)).unwrap_or_else(|_| place.to_owned());
    // What is not made yet will be made beside what is there.
    let there = place.ancestors().find(|it| it.exists()).unwrap_or(&place);
    let mib = |bytes: u64| bytes / (1024 * 1024);
    let shown = place.display();
    let remedy = "Make room there, or let `store.data` and `store.url` name places with more";
    match baton_git::free_bytes_at(there) {
        Ok(free) if free < NOTHING => fault(format!("only {} MiB are free for {what} in {shown}", mib(free)), remedy),
        Ok(free) if free < LITTLE => warning(format!("only {} MiB are free for {what} in {shown}", mib(free)), remedy),
        Ok(free) => good(format!("{} GiB free for {what} in {shown}", mib(free) / 1024)),
        Err(error) => fault(format!("{shown}: {error}"), "Let it name a folder that is there"),
    }
}

/// The database: there, sound, of this version, in WAL mode, writable.
pub(super) async fn database(config: &Config) -> Vec<Outcome> {
    let url = &config.store.url;
    if Store::file(url).is_ok_and(|file| !file.exists()) {
        return vec![warning(format!("{url} is not there yet"), "`baton serve` or `baton migrate` makes it")];
    }
    let store = match Store::open(url, OpenOptions { migrate: false }).await {
        Ok(store) => store,
        Err(error) => return vec![refused(&error)],
    };
    let outcomes = look_into(&store, url).await;
    store.close().await;
    outcomes
}

async fn look_into(store: &Store, url: &str) -> Vec<Outcome> {
    match store.begin().await {
        Ok(nothing) => drop(nothing),
        Err(error) => return vec![refused(&error)],
    }
    let durability = match store.durability().await {
        Ok(durability) => durability,
        Err(error) => return vec![refused(&error)],
    };
    if !durability.contains("journal_mode=wal") {
        let remedy = "Put the database on a local disk: network file systems cannot share its log";
        return vec![fault(format!("{url} is not in WAL mode ({durability})"), remedy)];
    }
    let mut outcomes = vec![match store.integrity_complaints().await {
        Ok(complaints) if complaints.is_empty() => {
            good(format!("{url}: sound, of this version, in WAL mode, writable"))
        }
        Ok(complaints) => {
            let few: Vec<&str> = complaints.iter().take(3).map(String::as_str).collect();
            fault(format!("{url} is damaged: {}", few.join("; ")), "Stop Baton and restore a back-up")
        }
        Err(error) => refused(&error),
    }];
    outcomes.extend(given_up(store).await);
    outcomes
}

/// Work that was given up on, if there is any.
async fn given_up(store: &Store) -> Option<Outcome> {
    match store.dead_jobs().await {
        Ok(0) => None,
        Ok(dead) => {
            let remedy = format!("`{}` says for each what helps", job::LIST_DEAD);
            let jobs = if dead == 1 { "job was" } else { "jobs were" };
            Some(warning(format!("{dead} {jobs} given up on"), remedy))
        }
        Err(error) => Some(refused(&error)),
    }
}

fn refused(error: &StoreError) -> Outcome {
    let remedy = match error {
        StoreError::NeedsMigration { .. } => "Bring it up to date with `baton migrate`",
        StoreError::Busy { .. } => "Another program holds it: end that, or wait until it is done",
        _ => "Let `store.url` name a database that Baton may write to",
    };
    fault(error.to_string(), remedy)
}

/// Whether a server runs at `server.listen`, or could.
pub(super) async fn server(config: &Config) -> Vec<Outcome> {
    let listen = &config.server.listen;
    vec![match running(config).await {
        Running::Baton => good(format!("a server runs at {listen}")),
        Running::Other(what) => fault(
            format!("another program has {listen}: {what}"),
            "End that program, or let `server.listen` name a free address",
        ),
        Running::Nothing => match TcpListener::bind(listen).await {
            Ok(_) => good(format!("no server runs here; {listen} is free")),
            Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => fault(
                format!("another program has {listen}, and says nothing"),
                "End that program, or let `server.listen` name a free address",
            ),
            Err(error) => {
                fault(format!("{listen} cannot be listened on: {error}"), "Let `server.listen` name a free address")
            }
        },
    }]
}

/// What is at `server.listen`.
pub(super) enum Running {
    Baton,
    Other(String),
    Nothing,
}

/// Asks it.
pub(super) async fn running(config: &Config) -> Running {
    let listen = &config.server.listen;
    // The system will choose a port; nobody can be there.
    if listen.ends_with(":0") {
        return Running::Nothing;
    }
    match health::ask(&health::from_here(listen), "/healthz").await {
        Ok((200, says)) if says == "ok" => Running::Baton,
        Ok((status, _)) => Running::Other(format!("it answers {status} to /healthz")),
        Err(error) if error.downcast_ref::<std::io::Error>().is_some() => Running::Nothing,
        Err(error) => Running::Other(format!("{error:#}")),
    }
}
