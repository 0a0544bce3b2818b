//! From the configuration to the parts of a running Baton.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use baton_git::{CredentialProgram, Git, GitConfig, Identity};
use baton_github::{Budget, Config as GitHubConfig, GitHubApp, KeySource, Timeouts};
use baton_queue::{Clock, Config as WorkerSettings, Recurring, Worker};
use baton_sandbox::{AgentUser, Bubblewrap, Config as BubblewrapConfig};
use baton_store::{Hold, Limits, OpenOptions, Store};

use super::Fault;
use super::given::Given;
use crate::clock;
use crate::config::{Config, SandboxConfig};
use crate::engine::{Agents, Engine, Parts, RECONCILE, TIDY};

/// The hidden command by which git gets a token from Baton.
pub(super) const GIT_CREDENTIAL: &str = "git-credential";

/// The user that agents become when Baton is root and nothing else is configured: a number that no user of a usual system
/// has.
const AGENT_UID: u32 = 64_823;

/// How often checkouts are tidied.
const TIDY_EVERY: Duration = Duration::from_secs(60 * 60);

/// Reads the configuration.
pub(super) fn configuration(given: &Given) -> Result<Config, Fault> {
    Ok(given.load()?.config)
}

/// Opens the store.
pub(super) async fn store(config: &Config, migrate: bool) -> Result<Store, Fault> {
    let options = OpenOptions { migrate };
    Store::open(&config.store.url, options).await.map_err(Fault::usage)
}

/// Keeps the database from being replaced by a restore, where it is a file.
pub(super) fn hold(config: &Config) -> Result<Option<Hold>, Fault> {
    let is_file = !config.store.url.starts_with("postgres");
    is_file.then(|| Store::hold(&config.store.url)).transpose().map_err(Fault::usage)
}

/// This program, as it can be started again.
pub(super) fn program() -> Result<PathBuf, Fault> {
    std::env::current_exe().context("cannot find out where this program is").map_err(Fault::failed)
}

/// The user that agents run as, where Baton is root.
pub(super) fn agent_user(config: &SandboxConfig) -> Option<AgentUser> {
    let uid = config.uid.unwrap_or(AGENT_UID);
    let is_root = baton_sandbox::is_root();
    is_root.then_some(AgentUser { uid, gid: config.gid.unwrap_or(uid) })
}

/// The sandbox as configured.
pub(super) fn sandbox(config: &SandboxConfig) -> Result<Bubblewrap, Fault> {
    let mut settings = BubblewrapConfig::new(program()?);
    settings.agent = agent_user(config);
    if let Some(bwrap) = &config.bwrap {
        settings.bwrap.clone_from(bwrap);
    }
    settings.accepted_gaps = config.accepted_gaps.iter().copied().collect();
    Ok(Bubblewrap::new(settings))
}

/// Baton's own repositories.
pub(super) fn git(config: &Config) -> Result<Git, Fault> {
    open_git(config, false)
}

/// The same, and clones on this machine may be fetched from.
pub(super) fn git_of_clones(config: &Config) -> Result<Git, Fault> {
    open_git(config, true)
}

fn open_git(config: &Config, allow_file: bool) -> Result<Git, Fault> {
    let data = std::path::absolute(&config.store.data).context("store.data").map_err(Fault::usage)?;
    let credentials = CredentialProgram { program: program()?, args: vec![GIT_CREDENTIAL.to_owned()] };
    let mut settings = GitConfig::new(data, credentials);
    settings.allow_file = allow_file;
    settings.checkout_owner = agent_user(&config.sandbox).map(|user| (user.uid, user.gid));
    Git::new(settings).context("store.data: Baton's own repositories").map_err(Fault::usage)
}

/// The client of GitHub.
pub(super) fn github(config: &Config) -> Result<GitHubApp, Fault> {
    let app_id = config
        .github
        .app_id
        .context("`github.app_id` is not set: the number of the GitHub App")
        .map_err(Fault::usage)?;
    let key = config.github.private_key().map_err(Fault::usage)?;
    let private_key_pem = key
        .context("no private key: set `github.private_key_file` to the key of the GitHub App")
        .map_err(Fault::usage)?;
    let marker_secrets = config.github.webhook_secrets().map_err(Fault::usage)?;
    GitHubApp::new(&GitHubConfig {
        api_url: config.github.api_url.clone(),
        graphql_url: None,
        web_url: Some(config.github.web_url.clone()),
        app_id,
        private_key_pem,
        marker_secrets,
        key_source: Some(key_source(config)),
        authorities_pem: None,
        timeouts: Timeouts::default(),
        budget: Budget::default(),
        clock: Arc::new(clock::now),
    })
    .map_err(Fault::usage)
}

/// Reads the App's key anew, for when the operator has replaced it while Baton runs.
fn key_source(config: &Config) -> KeySource {
    let github = config.github.clone();
    Arc::new(move || github.private_key().ok().flatten())
}

/// The whole.
pub(super) async fn engine(config: &Config, store: Store) -> Result<Engine, Fault> {
    engine_for(config, store, None).await
}

/// The same; commits are this person's, not the bot's.
pub(super) async fn engine_for(config: &Config, store: Store, commits_as: Option<Identity>) -> Result<Engine, Fault> {
    Ok(Engine::new(Parts {
        store,
        github: github(config)?,
        git: git(config)?,
        sandbox: Arc::new(sandbox(&config.sandbox)?),
        agents: Agents::new(config).map_err(Fault::usage)?,
        github_config: config.github.clone(),
        sandbox_config: config.sandbox.clone(),
        policy: config.policy.clone(),
        task_policy: config.policy.task_policy().map_err(Fault::usage)?,
        commits_as,
        clock: Clock::from_fn(clock::now),
    }))
}

/// A worker over the engine.
pub(super) fn worker(config: &Config, engine: Engine) -> Worker<Engine> {
    let store = engine.store().clone();
    let owner = format!("{}@{}", std::process::id(), clock::now());
    let mut settings = WorkerSettings::new(owner);
    let runs = config.worker.concurrency;
    settings.runs = usize::try_from(runs).unwrap_or(usize::MAX);
    settings.limits = Limits { global_runs: runs, per_repository_runs: config.worker.per_repository };
    settings.lease_ttl = Duration::from_secs(config.worker.lease_seconds.max(1));
    settings.recurring = vec![
        Recurring { kind: TIDY.to_owned(), every: TIDY_EVERY },
        Recurring { kind: RECONCILE.to_owned(), every: Duration::from_secs(config.worker.reconcile_seconds) },
    ];
    Worker::new(store, engine, settings, Clock::from_fn(clock::now))
}
