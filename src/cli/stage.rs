//! A stage on this machine: GitHub's simulator, Baton's server and a worker in one process, for `demo` and `run`.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow};
use baton_core::domain::ids::{IssueNumber, RepositoryId};
use baton_core::domain::task::{State, Task};
use baton_core::domain::transfer::Transfer;
use baton_core::prose;
use baton_git::Identity;
use baton_queue::Clock;
use baton_sandbox::Sandbox as _;
use baton_store::Store;
use github_sim::{AppSpec, Files, Level, Options, Role, Sim};
use tempfile::TempDir;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::task::broke;
use super::{Fault, assemble, table};
use crate::clock;
use crate::config::{Addresses, Config, GithubConfig};
use crate::engine::transfer_of;
use crate::server::{Listening, Web};

/// The login that issues are assigned to: a machine user, as GitHub wants it.
pub(super) const MACHINE_USER: &str = "baton-bot";

/// Who may write to the stage's repositories.
pub(super) const MAINTAINER: &str = "alice";

/// Who may only read, and opens issues.
pub(super) const REPORTER: &str = "rita";

/// How long the last word on an issue may take to be there.
const LAST_WORDS: Duration = Duration::from_secs(10);

/// The stage, with everything running.
pub(super) struct Stage {
    pub sim: Sim,
    pub store: Store,
    pub config: Config,
    /// The repositories' numbers, by name.
    numbers: BTreeMap<String, u64>,
    folder: StageFolder,
    shutdown: CancellationToken,
    working: JoinHandle<()>,
    serving: JoinHandle<Result<(), crate::server::ServerError>>,
}

impl Stage {
    /// Sets the stage with these repositories; commits made on it are the bot's, or this person's. `config` keeps its agents, providers, policy and sandbox; its GitHub, server
    /// and store are the stage's.
    pub(super) async fn set(
        mut config: Config,
        repositories: Vec<(String, Files)>,
        commits_as: Option<Identity>,
    ) -> Result<Self, Fault> {
        let folder = own_folder().context("a folder for the stage").map_err(Fault::failed)?;
        accept_what_is_missing(&mut config).await?;
        config.store.url = format!("sqlite://{}", folder.folder.path().join("baton.db").display());
        config.store.data = folder.folder.path().join("data");
        config.worker.lease_seconds = 10;

        let sim = Sim::start(Options::default()).context("the GitHub simulator").map_err(Fault::failed)?;
        let store = assemble::store(&config, true).await?;
        let secret = secrecy::SecretString::from(format!("{:032x}", rand::random::<u128>()));
        let web = Web::new(store.clone(), vec![secret.clone()], Clock::from_fn(clock::now)).map_err(Fault::failed)?;
        let listening = Listening::on("127.0.0.1:0", &web).await.map_err(Fault::failed)?;
        let address = listening.address().context("the server's address").map_err(Fault::failed)?;
        config.server.listen = address.to_string();

        let numbers;
        (config.github, numbers) = plant(&sim, &repositories, &format!("http://{address}/webhooks/github"), secret)
            .context("the simulator's people and repositories")
            .map_err(Fault::failed)?;
        let engine = assemble::engine_for(&config, store.clone(), commits_as).await?;
        let shutdown = CancellationToken::new();
        let worker = Arc::new(assemble::worker(&config, engine));
        let working = tokio::spawn(worker.run(shutdown.clone()));
        let serving = tokio::spawn(listening.serve(shutdown.clone()));
        Ok(Self { sim, store, config, numbers, folder, shutdown, working, serving })
    }

    /// The stage's folder: database, mirrors, checkouts.
    pub(super) fn folder(&self) -> &Path {
        self.folder.folder.path()
    }

    /// A repository's number.
    pub(super) fn number(&self, repository: &str) -> u64 {
        self.numbers.get(repository).copied().unwrap_or_default()
    }

    /// The task on an issue, if there is one.
    async fn task(&self, repository: &str, issue: u64) -> Result<Option<Task>, Fault> {
        let id = RepositoryId(i64::try_from(self.number(repository)).unwrap_or(i64::MAX));
        let number = IssueNumber(i64::try_from(issue).unwrap_or(i64::MAX));
        let row = self.store.task_of_issue(id, number).await.map_err(Fault::failed)?;
        row.map(|row| row.document.read("task")).transpose().map_err(Fault::failed)
    }

    /// Waits until the task on an issue is as wished; tells each state it passes through.
    pub(super) async fn wait_for(
        &self,
        repository: &str,
        issue: u64,
        patience: Duration,
        wished: impl Fn(&Task) -> bool,
    ) -> Result<Task, Fault> {
        let started = Instant::now();
        let mut told = None;
        let mut fetching = Fetching::default();
        loop {
            if let Some(task) = self.task(repository, issue).await? {
                let state = task.state.name();
                if told != Some(state) {
                    table::line(&format!(
                        "  {:>5.1} s  the task is `{}`",
                        started.elapsed().as_secs_f32(),
                        state.as_str()
                    ));
                    told = Some(state);
                }
                if let Some(transfer) = fetching.news(&self.store, &task).await? {
                    let fetched = prose::transfer::line("the clone", &transfer);
                    table::line(&format!("  {:>5.1} s  {fetched}", started.elapsed().as_secs_f32()));
                }
                if wished(&task) {
                    return Ok(task);
                }
                if task.ended() {
                    let why = self.why(&task, repository, issue).await;
                    return Err(Fault::failed(anyhow!("the task ended as `{}`: {why}", state.as_str())));
                }
            }
            if started.elapsed() > patience {
                return Err(Fault::failed(anyhow!(
                    "nothing happened for {} s, which must not be; please report it, with what `BATON_LOG=debug` shows",
                    patience.as_secs(),
                )));
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Why a task ended. The issue's own advice is left out: no command can be given when the stage is gone.
    async fn why(&self, task: &Task, repository: &str, issue: u64) -> String {
        if let State::Failed(failed) = &task.state {
            return broke(&failed.reason);
        }
        let last_word = || {
            let thread = self.sim.thread(repository, issue).unwrap_or_default();
            let post = thread.rsplit("\n--- @").next()?.split_once('\n').map(|(_, text)| text.to_owned())?;
            (!post.trim_start().starts_with("### ") && !post.trim_start().starts_with('/')).then_some(post)
        };
        self.until(LAST_WORDS, || last_word().is_some()).await;
        last_word().map_or_else(|| "its issue says no more".to_owned(), |post| table::visible(post.trim()))
    }

    /// Waits until something is so, or for as long as patience lasts.
    pub(super) async fn until(&self, patience: Duration, is_so: impl Fn() -> bool) {
        let started = Instant::now();
        while !is_so() && started.elapsed() < patience {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Ends everything in good order.
    pub(super) async fn close(self) -> Result<(), Fault> {
        self.shutdown.cancel();
        self.working.await.context("the worker broke").map_err(Fault::failed)?;
        self.serving.await.context("the server broke").map_err(Fault::failed)?.map_err(Fault::failed)?;
        self.store.close().await;
        Ok(())
    }
}

/// How often a terminal is told how far a fetch is.
const TOLD_EVERY: Duration = Duration::from_secs(5);

/// How far a task's fetch is, told now and then.
#[derive(Default)]
struct Fetching {
    looked: Option<Instant>,
    last: Option<Transfer>,
}

impl Fetching {
    async fn news(&mut self, store: &Store, task: &Task) -> Result<Option<Transfer>, Fault> {
        if self.looked.is_some_and(|looked| looked.elapsed() < TOLD_EVERY) {
            return Ok(None);
        }
        self.looked = Some(Instant::now());
        let now = transfer_of(store, task, clock::now()).await.map_err(Fault::failed)?;
        let is_news = now.is_some() && now != self.last;
        self.last = now;
        Ok(now.filter(|_| is_news))
    }
}

/// Tells a terminal how far a transfer is, for as long as it is polled.
pub(super) async fn say_how_far(hears: watch::Receiver<Option<Transfer>>) -> Infallible {
    let mut last = None;
    loop {
        tokio::time::sleep(TOLD_EVERY).await;
        let now = *hears.borrow();
        if let Some(transfer) = now.filter(|_| now != last) {
            table::line(&format!("           {}", prose::transfer::line("the clone", &transfer)));
        }
        last = now;
    }
}

/// Waits for Ctrl-C or SIGTERM; which it was.
pub(super) async fn told_to_stop() -> &'static str {
    use tokio::signal::unix::{SignalKind, signal};
    let terminated = async {
        match signal(SignalKind::terminate()) {
            Ok(mut signal) => drop(signal.recv().await),
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => "Ctrl-C",
        () = terminated => "SIGTERM",
    }
}

/// What every stage's folder is called.
const PREFIX: &str = "baton-stage-";
/// Held for as long as the stage's process lives.
const LOCK: &str = "in-use";

/// A folder that only this user may look into. What stages of theirs that were killed have left is removed.
fn own_folder() -> std::io::Result<StageFolder> {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
    let closed = std::fs::Permissions::from_mode(0o700);
    let folder = tempfile::Builder::new().prefix(PREFIX).permissions(closed).tempdir()?;
    // Locked before it has its name: another stage that begins now never sees it free.
    let unnamed = folder.path().join("lock");
    let lock = std::fs::File::create(&unnamed)?;
    lock.lock()?;
    std::fs::rename(&unnamed, folder.path().join(LOCK))?;
    let own = lock.metadata()?.uid();
    for entry in std::fs::read_dir(crate::config::temporary_folder())?.flatten() {
        if entry.file_name().to_string_lossy().starts_with(PREFIX) && is_left_over(&entry.path(), own) {
            // One that somebody else removes at this moment.
            let _left_there = std::fs::remove_dir_all(entry.path());
        }
    }
    Ok(StageFolder { folder, _lock: lock })
}

/// Whether a folder is this user's, and nobody's stage any more. In another user's nothing is opened: what is called a lock
/// there may be a pipe, which would hold up whoever opens it.
fn is_left_over(folder: &Path, own: u32) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::symlink_metadata(folder).is_ok_and(|it| it.is_dir() && it.uid() == own)
        && std::fs::File::open(folder.join(LOCK)).is_ok_and(|lock| lock.try_lock().is_ok())
}

/// A stage's folder, removed with it.
struct StageFolder {
    folder: TempDir,
    _lock: std::fs::File,
}

/// On a stage nothing of value is at stake: what this machine cannot enforce is said and done without. Where no sandbox can
/// be had at all, there is no stage.
async fn accept_what_is_missing(config: &mut Config) -> Result<(), Fault> {
    let probe = assemble::sandbox(&config.sandbox)?.probe().await;
    if let Some(problem) = probe.problems.first() {
        return Err(Fault::usage(anyhow!("no sandbox can be started, and nothing is run without one: {problem}")));
    }
    for (gap, why) in probe.gaps {
        if !config.sandbox.accepted_gaps.contains(&gap) {
            table::line(&format!(
                "  note: this machine cannot enforce `{}` ({why}); here that is accepted, `baton serve` would not start",
                gap.name()
            ));
            config.sandbox.accepted_gaps.push(gap);
        }
    }
    Ok(())
}

fn plant(
    sim: &Sim,
    repositories: &[(String, Files)],
    webhook: &str,
    secret: secrecy::SecretString,
) -> anyhow::Result<(GithubConfig, BTreeMap<String, u64>)> {
    use secrecy::ExposeSecret as _;
    for login in [MAINTAINER, REPORTER, MACHINE_USER] {
        sim.user(login)?;
    }
    let permissions = baton_github::needed_permissions()
        .into_iter()
        .map(|(permission, level)| {
            let level = match level {
                baton_github::Level::Read => Level::Read,
                baton_github::Level::Write => Level::Write,
            };
            (permission.name().to_owned(), level)
        })
        .collect();
    let events = baton_webhook::HANDLED
        .iter()
        .map(|(event, _)| (*event).to_owned())
        .filter(|event| !matches!(event.as_str(), "ping" | "installation" | "installation_repositories"))
        .collect();
    let app = sim.app(AppSpec {
        name: "Baton".into(),
        webhook_url: Some(webhook.to_owned()),
        webhook_secret: Some(secret.expose_secret().to_owned()),
        permissions,
        events,
        ..AppSpec::default()
    })?;
    let mut numbers = BTreeMap::new();
    for (name, files) in repositories {
        numbers.insert(name.clone(), sim.repository(name, files.clone())?);
        sim.role(name, MAINTAINER, Role::Maintain)?;
        sim.role(name, MACHINE_USER, Role::Triage)?;
        sim.role(name, REPORTER, Role::Read)?;
        sim.install(app.app_id, name)?;
    }
    let addresses = Addresses { api: sim.api_url().parse()?, web: sim.web_url().parse()?, git: sim.git_url().parse()? };
    let app_id = i64::try_from(app.app_id)?;
    let mut github = GithubConfig::of_app(addresses, app_id, app.private_key_pem.into(), secret);
    github.assignees = vec![MACHINE_USER.to_owned()];
    Ok((github, numbers))
}
