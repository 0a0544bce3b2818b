//! The world of the scenarios: GitHub's simulator, Baton's real server, store, git and sandbox, an engine whose time only
//! moves when the story says so, and the people in it. Nothing here is a stand-in for a part of Baton.

pub mod apart;
mod audit;
mod faults;
mod leaks;
mod long_fetch;
pub mod measure;
pub mod past;
mod people;
mod reading;
pub mod script;
mod stage;
mod storm;
mod terminal;
pub mod weather;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use baton::config::Config;
use baton::engine::{Engine, TIDY};
use baton_core::domain::ids::{IssueNumber, RepositoryId, RunId, TaskId};
use baton_core::domain::task::{StateName, Task};
use baton_core::domain::time::Timestamp;
use baton_queue::{Clock, Ending, Ran, Worker};
use baton_store::{Job, JobFilter, JobState, Store};
use github_sim::{AppCredentials, Sim};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub use stage::{Setup, TEST, play};
use weather::Weather;

/// The repository most stories play in.
pub const REPO: &str = "acme/greeter";

/// The login that issues are assigned to.
pub const MACHINE_USER: &str = "baton-bot";

/// More jobs than this at one moment mean that jobs breed.
const MANY: usize = 400;

/// Everything a story can touch.
pub struct World {
    /// GitHub.
    pub sim: Sim,
    /// Baton's database.
    pub store: Store,
    app: AppCredentials,
    budget: baton_github::Budget,
    installations: BTreeMap<String, u64>,
    numbers: BTreeMap<String, u64>,
    config: Mutex<Config>,
    engine: Mutex<Engine>,
    worker: Mutex<Arc<Worker<Engine>>>,
    time: Arc<AtomicI64>,
    folder: TempDir,
    webhook_url: String,
    shutdown: CancellationToken,
    serving: JoinHandle<Result<(), baton::server::ServerError>>,
    /// Jobs the story expects to die, by kind.
    dead: Mutex<Vec<&'static str>>,
    /// Texts that the story wrote in the bot's name.
    ghostwritten: Mutex<Vec<String>>,
    weather: Weather,
    looks_every: Option<Duration>,
    /// Where Baton is another process.
    apart: Option<apart::Apart>,
}

impl World {
    /// Lets everything happen that can happen now: webhooks arrive, jobs are done, what follows from them too.
    pub async fn settle(&self) -> Vec<Ran> {
        let mut all = Vec::new();
        self.late_webhooks_arrive();
        if let Some(apart) = &self.apart {
            self.settles_apart(apart).await;
            return all;
        }
        loop {
            self.sim.settle().await;
            let worker = self.worker();
            let ran = worker.run_until_idle(MANY).await.expect("the queue comes to rest");
            if ran.is_empty() && self.sim.pending_webhooks() == 0 {
                return all;
            }
            all.extend(ran);
        }
    }

    /// What the weather kept back comes, newest first.
    fn late_webhooks_arrive(&self) {
        if let Weather::Mixed(_) = self.weather {
            self.sim.release_webhooks(true);
        }
    }

    /// Settles, and then lets time pass until nothing waits for another attempt.
    pub async fn settle_with_retries(&self) {
        for _ in 0..60 {
            self.settle().await;
            match self.next_retry().await {
                Some(at) => self.advance_to(at),
                None => return,
            }
        }
        panic!("something is tried again and again");
    }

    /// Works off whatever is there, however much that is, through all its attempts.
    pub async fn works_off(&self) {
        for _ in 0..1000 {
            self.sim.settle().await;
            if let Some(apart) = &self.apart {
                self.settles_apart(apart).await;
            }
            let ran = self.worker().run_until_idle(1_000_000).await.expect("the queue comes to rest");
            if !ran.is_empty() {
                continue;
            }
            match self.next_retry().await {
                Some(at) => self.advance_to(at),
                None => return,
            }
        }
        panic!("something is tried again and again");
    }

    async fn next_retry(&self) -> Option<Timestamp> {
        let filter = JobFilter { state: Some(JobState::Queued), ..JobFilter::default() };
        let jobs = self.store.jobs(&filter, None, 1000).await.expect("jobs");
        let later = jobs.iter().filter(|job| !["wake", TIDY].contains(&job.kind.as_str()) && job.run_at > self.now());
        // What waits behind another job in its lane has a time that is past.
        later.map(|job| job.run_at).min()
    }

    /// Time passes, and what is due then is done.
    pub async fn advance(&self, by: Duration) {
        self.advance_to(self.now().plus(by));
        self.settle().await;
    }

    fn advance_to(&self, at: Timestamp) {
        let by = at.since(self.now());
        self.time.fetch_add(i64::try_from(by.as_millis()).expect("a sane time"), Ordering::SeqCst);
        if let Some(apart) = &self.apart {
            apart.time_is(self.now());
        }
        self.sim.advance(by);
    }

    /// A second passes, as between two things that people do.
    fn tick(&self) {
        self.advance_to(self.now().plus(Duration::from_secs(1)));
    }

    /// The time in this world.
    pub fn now(&self) -> Timestamp {
        Timestamp(self.time.load(Ordering::SeqCst))
    }

    fn clock(&self) -> Clock {
        let time = Arc::clone(&self.time);
        Clock::from_fn(move || Timestamp(time.load(Ordering::SeqCst)))
    }

    fn worker(&self) -> Arc<Worker<Engine>> {
        Arc::clone(&self.worker.lock().expect("the worker"))
    }

    /// Where everything lies.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Where deliveries are posted.
    pub fn webhook_url(&self) -> &str {
        &self.webhook_url
    }

    /// GitHub's numbers of a repository and of its installation.
    pub fn numbers_of(&self, repo: &str) -> (u64, u64) {
        (self.numbers[repo], self.installations[repo])
    }

    /// The engine, for what the operator does at the command line.
    pub fn engine(&self) -> Engine {
        self.engine.lock().expect("the engine").clone()
    }

    /// The operator gives the agent another recording and restarts Baton.
    pub fn agent_becomes(&self, script: &script::Agent) {
        self.reconfigure(|config, folder| {
            let file = stage::write_script(folder, "mended", script);
            config.agents.insert("steady".into(), baton::config::AgentConfig::replay(file));
        });
    }

    /// The operator serves these repositories and no others, and restarts Baton.
    pub fn serves_only(&self, repositories: &[&str]) {
        self.reconfigure(|config, _| {
            config.policy.repositories = repositories.iter().map(|name| (*name).to_owned()).collect();
        });
    }

    /// Deliveries go to a Baton with another database, which takes them and does nothing about them, until the sender is
    /// dropped or used: the life of a database of which only a back-up is left.
    pub async fn lives_elsewhere(&self) -> CancellationToken {
        let url = format!("sqlite://{}", self.folder.path().join("lost.db").display());
        let store = Store::open(&url, baton_store::OpenOptions::default()).await.expect("a database");
        let web = baton::server::Web::new(store, vec![self.webhook_secret().into()], self.clock()).expect("a server");
        let listening = baton::server::Listening::on("127.0.0.1:0", &web).await.expect("a port");
        let url = format!("http://{}/webhooks/github", listening.address().expect("an address"));
        self.sim.webhook_url(self.app.app_id, &url).expect("the App is there");
        let lost = CancellationToken::new();
        tokio::spawn(listening.serve(lost.clone()));
        lost
    }

    /// That life is over, and this one goes on from the back-up.
    pub fn is_restored(&self, lost: &CancellationToken) {
        lost.cancel();
        self.sim.webhook_url(self.app.app_id, &self.webhook_url).expect("the App is there");
    }

    fn reconfigure(&self, change: impl FnOnce(&mut Config, &Path)) {
        let mut config = self.config.lock().expect("the configuration");
        change(&mut config, self.folder.path());
        let engine = stage::engine(&config, &self.store, self.clock(), self.budget);
        *self.worker.lock().expect("the worker") =
            Arc::new(stage::worker(&engine, "restarted", self.clock(), self.looks_every, stage::NEVER));
        *self.engine.lock().expect("the engine") = engine;
        if let Some(apart) = &self.apart {
            apart.is_reconfigured();
        }
    }

    /// Lets a worker begin, and comes back when the agent of the newest run of this kind waits inside a tool. What it
    /// returns ends when that worker is done.
    pub async fn begins_working(&self) -> JoinHandle<Vec<Ran>> {
        if let Some(apart) = &self.apart {
            return self.begins_working_apart(apart).await;
        }
        self.sim.settle().await;
        let worker = self.worker();
        let work = tokio::spawn(async move { worker.run_until_idle(MANY).await.expect("the queue comes to rest") });
        let deadline = std::time::Instant::now() + Duration::from_secs(60);
        while !self.agent_waits().await {
            assert!(
                !work.is_finished(),
                "the worker came to rest, and no agent waits inside a tool:\n{}",
                self.story()
            );
            assert!(std::time::Instant::now() < deadline, "no agent got as far as its waiting tool");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        work
    }

    async fn agent_waits(&self) -> bool {
        let mut waits = false;
        for task in self.tasks().await {
            if let Some(run) = task.current_run() {
                let log = self.store.run_log(run, 0, 1000).await.expect("log");
                let text: Vec<&str> = log.iter().map(|entry| entry.entry.as_str()).collect();
                let started =
                    text.iter().filter(|line| line.contains("\"tool_started\"") && line.contains(script::WAITS));
                let finished =
                    text.iter().filter(|line| line.contains("\"tool_finished\"") && line.contains(script::WAITED));
                waits |= started.count() > finished.count();
            }
        }
        waits
    }

    /// A second worker does what is due while an agent is busy with the first.
    pub async fn meanwhile(&self) {
        if let Some(apart) = &self.apart {
            return self.meanwhile_apart(apart).await;
        }
        let other = stage::worker(&self.engine(), "meanwhile", self.clock(), self.looks_every, stage::NEVER);
        loop {
            self.sim.settle().await;
            let ran = other.run_until_idle(MANY).await.expect("the queue comes to rest");
            if ran.is_empty() && self.sim.pending_webhooks() == 0 {
                return;
            }
        }
    }

    /// So many workers at once do what is due.
    pub async fn works_in_parallel(&self, workers: usize) {
        if let Some(apart) = &self.apart {
            return self.parallel_apart(apart, workers).await;
        }
        let work = (0..workers).map(|number| {
            let (name, every) = (format!("parallel {number}"), self.looks_every);
            let worker = stage::worker(&self.engine(), &name, self.clock(), every, stage::NEVER);
            tokio::spawn(async move { worker.run_until_idle(MANY).await.expect("the queue comes to rest") })
        });
        for done in futures::future::join_all(work).await {
            done.expect("the worker comes to rest");
        }
    }

    /// Every conversation that agents had, with all that they were told.
    pub async fn everything_agents_were_told(&self) -> String {
        let mut told = String::new();
        for task in self.tasks().await {
            for run in self.store.runs(task.id).await.expect("runs") {
                told.push_str(run.ending.expect("the run has ended").as_str());
            }
        }
        told
    }

    /// The comment of the newest plan.
    pub async fn plan_comment(&self, issue: u64) -> u64 {
        let task = self.task(issue).await.expect("a task");
        let posted = task.plan_comments.last().expect("a plan stands on the issue");
        u64::try_from(posted.comment.id.0).expect("an id")
    }

    /// The newest task on an issue of [`REPO`].
    pub async fn task(&self, issue: u64) -> Option<Task> {
        self.task_in(REPO, issue).await
    }

    /// The newest task on an issue.
    pub async fn task_in(&self, repo: &str, issue: u64) -> Option<Task> {
        let id = RepositoryId(i64::try_from(self.numbers[repo]).expect("small numbers"));
        let number = IssueNumber(i64::try_from(issue).expect("small numbers"));
        let row = self.store.task_of_issue(id, number).await.expect("tasks");
        row.map(|row| row.document.read("task").expect("a task"))
    }

    /// Where the newest task on an issue stands.
    pub async fn state(&self, issue: u64) -> StateName {
        self.task(issue).await.expect("there is a task").state.name()
    }

    /// All tasks, oldest first.
    pub async fn tasks(&self) -> Vec<Task> {
        let rows = self.store.tasks(&baton_store::TaskFilter::default(), None, 1000).await.expect("tasks");
        let mut tasks: Vec<Task> = rows.iter().map(|row| row.document.read("task").expect("a task")).collect();
        tasks.sort_by_key(|task| task.id);
        tasks
    }

    /// Jobs in one state.
    pub async fn jobs(&self, state: JobState) -> Vec<Job> {
        let filter = JobFilter { state: Some(state), ..JobFilter::default() };
        self.store.jobs(&filter, None, 5000).await.expect("jobs")
    }

    /// The story expects that a job of this kind is given up.
    pub fn expects_to_give_up(&self, kind: &'static str) {
        self.dead.lock().expect("the list").push(kind);
    }

    /// What became of the deliveries so far, newest last: event and outcome.
    pub async fn outcomes(&self) -> Vec<String> {
        let filter = baton_store::DeliveryFilter::default();
        let deliveries = self.store.deliveries(&filter, None, 5000).await.expect("deliveries");
        let mut lines: Vec<(i64, String)> = deliveries
            .iter()
            .map(|delivery| (delivery.id.0, format!("{}: {:?}", delivery.event, delivery.outcome)))
            .collect();
        lines.sort();
        lines.into_iter().map(|(_, line)| line).collect()
    }

    /// Rita reports the typo, Alice hands it over, and the plan stands on the issue.
    pub async fn planned(&self) -> u64 {
        let issue = self.rita().reports_the_typo();
        self.alice().assigns(issue);
        self.settle().await;
        assert_eq!(self.state(issue).await, StateName::AwaitingApproval);
        issue
    }

    /// [`Self::planned`], then Alice approves and everything that follows has happened.
    pub async fn approved(&self) -> u64 {
        let issue = self.planned().await;
        self.alice().says(issue, "/plan approve");
        self.settle().await;
        issue
    }

    /// [`Self::approved`], and the pull request is open.
    pub async fn in_review(&self) -> u64 {
        let issue = self.approved().await;
        assert_eq!(self.state(issue).await, StateName::InReview);
        issue
    }

    /// How often a run of this kind was begun.
    pub async fn runs(&self, kind: &str) -> usize {
        let mut count = 0;
        for task in self.tasks().await {
            count += self.store.runs(task.id).await.expect("runs").iter().filter(|run| run.kind == kind).count();
        }
        count
    }
}

/// A run's name, read back.
fn run_id(task: TaskId, text: &str) -> RunId {
    let number = text.rsplit_once('.').and_then(|(_, number)| number.parse().ok()).expect("TASK.NUMBER");
    RunId { task, number }
}

/// How often an attempt ended like this.
pub fn endings(ran: &[Ran], wanted: impl Fn(&Ending) -> bool) -> usize {
    ran.iter().filter(|one| wanted(&one.ending)).count()
}
