//! Sets the world up, plays a story in it, and audits it: the only way to get a world, so no story escapes the audit.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use baton::config::{Addresses, AgentConfig, Config, GithubConfig, PolicyConfig};
use baton::engine::{Agents, Engine, Parts, RECONCILE, TIDY};
use baton::server::{Listening, Web};
use baton_core::domain::enclosure::Gap;
use baton_core::domain::time::Timestamp;
use baton_git::{CredentialProgram, Git, GitConfig};
use baton_github::{Budget, GitHubApp, Timeouts};
use baton_queue::{Clock, Config as WorkerConfig, Jitter, Recurring, Worker};
use baton_sandbox::{AgentUser, Bubblewrap, Config as BubblewrapConfig, Sandbox as _};
use baton_store::{OpenOptions, Store};
use futures::FutureExt as _;
use github_sim::{AppSpec, Files, Level, Options, Role, Sim, TimeSource};
use tokio_util::sync::CancellationToken;

use super::apart::{Apart, falls, part};
use super::script::Agent;
use super::weather::Weather;
use super::{MACHINE_USER, REPO, World, leaks};

/// When every story begins: Monday, 5 January 2026, 09:00 UTC.
const BEGIN: i64 = 1_767_603_600;

/// The project: a greeting with a typo, and a test runner that writes JUnit's format.
const GREET: &str = "echo \"Helo, $1!\"\n";
/// Runs its cases.
pub const TEST: &str = r#"# Runs every case in tests/: the first line is the name to greet, the second a pattern for the greeting.
echo '<testsuite name="greet">' > report.xml
status=0
for file in tests/*.case; do
  name=$(basename "$file" .case)
  if grep -q '^skip' "$file"; then
    echo "<testcase classname=\"greet\" name=\"$name\"><skipped/></testcase>" >> report.xml
  else
    want=$(sed -n 2p "$file")
    case "$(sh greet.sh "$(sed -n 1p "$file")")" in
      $want) echo "<testcase classname=\"greet\" name=\"$name\"/>" >> report.xml ;;
      *)
        echo "<testcase classname=\"greet\" name=\"$name\"><failure>another greeting</failure></testcase>" >> report.xml
        status=1 ;;
    esac
  fi
done
echo '</testsuite>' >> report.xml
exit $status
"#;

/// What a story starts from.
pub struct Setup {
    budget: Budget,
    files: Files,
    settings: Option<String>,
    script: Agent,
    policy: Box<dyn FnOnce(&mut PolicyConfig)>,
    repositories: Vec<&'static str>,
    weather: Weather,
    looks_every: Option<Duration>,
    starts_late: bool,
}

impl Setup {
    /// The usual project, people and policy, and an agent that does well.
    pub fn usual() -> Self {
        let files = Files::none()
            .with("README.md", "# Greeter\n\n`sh greet.sh NAME` greets.\n")
            .with(".gitignore", "report.xml\n")
            .with("greet.sh", GREET)
            .with("test.sh", TEST)
            .with("tests/punctuation.case", "skip until somebody decides\n")
            .with("tests/runs.case", "Bea\n*, Bea!\n");
        Self {
            budget: wide_budget(),
            files,
            settings: Some("commands:\n  test: sh test.sh --junitxml=report.xml\n".to_owned()),
            script: Agent::steady(),
            policy: Box::new(|_| {}),
            repositories: vec![REPO],
            weather: Weather::of_the_day(),
            looks_every: Weather::of_the_day().looks_every(),
            starts_late: false,
        }
    }

    /// Baton has never been there when the story begins; else it has had its first look.
    pub fn starts_late(mut self) -> Self {
        self.starts_late = true;
        self
    }

    /// Baton keeps within this budget on GitHub.
    pub fn keeps_within(mut self, budget: Budget) -> Self {
        self.budget = budget;
        self
    }

    pub(super) fn budget(&self) -> Budget {
        self.budget
    }

    pub(super) fn every(&self) -> Option<Duration> {
        self.looks_every
    }

    /// Another agent.
    pub fn agent(mut self, script: Agent) -> Self {
        self.script = script;
        self
    }

    /// A further file, or another text of one.
    pub fn file(mut self, path: &str, text: &str) -> Self {
        self.files = self.files.with(path, text);
        self
    }

    /// Another `.github/baton.yml`.
    pub fn settings(mut self, text: &str) -> Self {
        self.settings = Some(text.to_owned());
        self
    }

    /// No `.github/baton.yml` at all.
    pub fn without_settings(mut self) -> Self {
        self.settings = None;
        self
    }

    /// What the operator changes of the policy.
    pub fn policy(mut self, change: impl FnOnce(&mut PolicyConfig) + 'static) -> Self {
        self.policy = Box::new(change);
        self
    }

    /// Baton asks GitHub this often for what its webhooks did not tell.
    pub fn looks_every(mut self, seconds: u64) -> Self {
        self.looks_every = Some(Duration::from_secs(seconds));
        self
    }

    /// One more repository with the same files and people.
    pub fn and_repository(mut self, name: &'static str) -> Self {
        self.repositories.push(name);
        self
    }
}

/// Plays a story and audits the world at its end.
pub fn play(setup: Setup, story: impl AsyncFnOnce(&World)) {
    let number = part::next_play();
    let Some(setup) = part::is_played(setup, number) else { return };
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let world = World::begin(setup, number).await;
        if let Err(panic) = AssertUnwindSafe(story(&world)).catch_unwind().await {
            eprintln!("{}", world.account().await);
            resume_unwind(panic);
        }
        world.audit().await;
        world.tells_its_end().await;
        world.end().await;
    });
}

impl World {
    async fn begin(setup: Setup, number: usize) -> Self {
        let folder = tempfile::Builder::new().prefix("baton-world-").tempdir().expect("a folder");
        // The dropped agent user has to reach its checkouts in it.
        let time = Arc::new(AtomicI64::new(BEGIN * 1_000));
        let clock = {
            let time = Arc::clone(&time);
            Clock::from_fn(move || Timestamp(time.load(Ordering::SeqCst)))
        };
        let store = Store::open(&part::database(folder.path()), OpenOptions::default()).await.expect("a database");
        let begin = jiff::Timestamp::from_second(BEGIN).expect("a time");
        let sim = Sim::start(Options {
            data: Some(folder.path().join("github")),
            time: TimeSource::Fixed(begin),
            ..Options::default()
        })
        .expect("the simulator");

        let apart = Apart::of_the_day(folder.path(), number);
        let shutdown = CancellationToken::new();
        let (webhook_url, serving) = match &apart {
            Some(apart) => (apart.webhook_url(), tokio::spawn(async { Ok(()) })),
            None => serve(&store, &clock, &shutdown).await,
        };

        sim.webhook_fates(setup.weather.fates());
        let app = sim.app(app_from_manifest(&webhook_url)).expect("the App");
        let (numbers, installations) = plant(&sim, app.app_id, &setup);
        let (budget, weather, looks_every, late) = (setup.budget, setup.weather, setup.looks_every, setup.starts_late);
        let script = write_script(folder.path(), "first", &setup.script);
        let url = |text: &str| text.parse().expect("an address");
        let addresses = Addresses { api: url(sim.api_url()), web: url(sim.web_url()), git: url(sim.git_url()) };
        let app_id = i64::try_from(app.app_id).expect("small numbers");
        let mut config = configuration(setup, addresses, app_id, app.private_key_pem.clone(), folder.path(), &script);
        config.sandbox.accepted_gaps = missing_gaps().await;

        let engine = engine(&config, &store, clock.clone(), budget);
        let worker = Arc::new(worker(&engine, "first", clock, looks_every, NEVER));
        let world = Self {
            budget,
            sim,
            store,
            app,
            installations,
            numbers,
            config: Mutex::new(config),
            engine: Mutex::new(engine),
            worker: Mutex::new(worker),
            time,
            folder,
            webhook_url,
            shutdown,
            serving,
            dead: Mutex::default(),
            ghostwritten: Mutex::default(),
            weather,
            looks_every,
            apart,
        };
        if let Some(apart) = &world.apart {
            apart.time_is(world.now());
            world.sim.witness_writes(|operation, moment| falls::book().witness(operation, moment));
            // Whoever speaks to a Baton finds one.
            world.begins_apart(apart).await;
        }
        if world.looks_every.is_some() && !late {
            world.settle().await;
        }
        world
    }

    async fn end(self) {
        if let Some(apart) = &self.apart {
            self.ends_apart(apart).await;
        }
        self.shutdown.cancel();
        self.serving.await.expect("the server ends").expect("the server ends well");
        self.store.close().await;
    }
}

/// The App exactly as `app-manifest.yml` asks for it: the simulator refuses whatever goes beyond that.
pub(super) fn app_from_manifest(webhook_url: &str) -> AppSpec {
    #[derive(serde::Deserialize)]
    struct Manifest {
        name: String,
        default_permissions: BTreeMap<String, Level>,
        default_events: Vec<String>,
    }
    let text = include_str!("../../app-manifest.yml");
    let manifest: Manifest = yaml_serde::from_str(text).expect("app-manifest.yml");
    AppSpec {
        name: manifest.name,
        webhook_url: Some(webhook_url.to_owned()),
        webhook_secret: Some(leaks::WEBHOOK_SECRET.to_owned()),
        permissions: manifest.default_permissions,
        events: manifest.default_events,
        ..AppSpec::default()
    }
}

fn plant(sim: &Sim, app: u64, setup: &Setup) -> (BTreeMap<String, u64>, BTreeMap<String, u64>) {
    for login in ["nora", "mallory"] {
        sim.user(login).expect("a user");
    }
    let mut files = setup.files.clone();
    if let Some(settings) = &setup.settings {
        files = files.with(".github/baton.yml", settings.as_str());
    }
    let (mut numbers, mut installations) = (BTreeMap::new(), BTreeMap::new());
    for name in &setup.repositories {
        numbers.insert((*name).to_owned(), sim.repository(name, files.clone()).expect("a repository"));
        for (login, role) in [
            ("olga", Role::Admin),
            ("alice", Role::Maintain),
            ("bob", Role::Write),
            ("tina", Role::Triage),
            (MACHINE_USER, Role::Triage),
            ("rita", Role::Read),
        ] {
            sim.role(name, login, role).expect("a role");
        }
        installations.insert((*name).to_owned(), sim.install(app, name).expect("an installation"));
    }
    (numbers, installations)
}

/// The server of webhooks in this process: its address, and its end.
async fn serve(
    store: &Store,
    clock: &Clock,
    shutdown: &CancellationToken,
) -> (String, tokio::task::JoinHandle<Result<(), baton::server::ServerError>>) {
    let secret = secrecy::SecretString::from(leaks::WEBHOOK_SECRET);
    let web = Web::new(store.clone(), vec![secret], clock.clone()).expect("a server");
    let listening = Listening::on("127.0.0.1:0", &web).await.expect("a port");
    let webhook_url = format!("http://{}/webhooks/github", listening.address().expect("an address"));
    (webhook_url, tokio::spawn(listening.serve(shutdown.clone())))
}

/// What the operator wrote down, but for the gaps that he accepts.
pub(super) fn configuration(
    setup: Setup,
    addresses: Addresses,
    app: i64,
    private_key: String,
    folder: &Path,
    script: &Path,
) -> Config {
    let secret = secrecy::SecretString::from(leaks::WEBHOOK_SECRET);
    let mut github = GithubConfig::of_app(addresses, app, private_key.into(), secret);
    github.assignees = vec![MACHINE_USER.to_owned()];
    let mut config = Config { github, ..Config::default() };
    config.store.data = folder.join("data");
    config.agents.insert("steady".into(), AgentConfig::replay(script.to_owned()));
    config.policy.agent = Some("steady".into());
    leaks::configure_provider(&mut config);
    (setup.policy)(&mut config.policy);
    config
}

pub(super) fn write_script(folder: &Path, name: &str, script: &Agent) -> PathBuf {
    let file = folder.join(format!("{name}.json"));
    std::fs::write(&file, script.text()).expect("the recording is written");
    file
}

/// The program under test, which git and the sandbox start again.
fn program() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_baton"))
}

/// A user of this world's own, so that the audit can tell its processes from those of the tests beside it.
pub(super) fn agent_user() -> Option<AgentUser> {
    let uid = part::agent_uid();
    baton_sandbox::is_root().then_some(AgentUser { uid, gid: uid })
}

fn sandbox(config: &Config) -> Bubblewrap {
    let mut settings = BubblewrapConfig::new(program());
    settings.agent = agent_user();
    settings.accepted_gaps = config.sandbox.accepted_gaps.iter().copied().collect();
    Bubblewrap::new(settings)
}

/// What this machine cannot enforce is done without here; where no sandbox can be had, the test fails and says why.
async fn missing_gaps() -> Vec<Gap> {
    let probe = sandbox(&Config::default()).probe().await;
    if let Some(problem) = probe.problems.first() {
        panic!(
            "the scenarios need a sandbox, and none can be started: {problem}. Install `bubblewrap` (script/setup does)"
        );
    }
    probe.gaps.into_iter().map(|(gap, _)| gap).collect()
}

pub(super) fn engine(config: &Config, store: &Store, clock: Clock, budget: Budget) -> Engine {
    let credentials = CredentialProgram { program: program(), args: vec!["git-credential".to_owned()] };
    let mut git = GitConfig::new(config.store.data.clone(), credentials);
    git.checkout_owner = agent_user().map(|user| (user.uid, user.gid));
    let time = clock.clone();
    let github = GitHubApp::new(&baton_github::Config {
        api_url: config.github.api_url.clone(),
        graphql_url: None,
        web_url: Some(config.github.web_url.clone()),
        app_id: config.github.app_id.expect("an App"),
        private_key_pem: config.github.private_key().expect("a key").expect("a key"),
        marker_secrets: config.github.webhook_secrets().expect("a secret"),
        key_source: None,
        authorities_pem: None,
        timeouts: Timeouts::default(),
        budget,
        clock: Arc::new(move || time.now()),
    });
    Engine::new(Parts {
        store: store.clone(),
        github: github.expect("a client of GitHub"),
        git: Git::new(git).expect("Baton's repositories"),
        sandbox: Arc::new(sandbox(config)),
        agents: Agents::new(config).expect("the agents"),
        github_config: config.github.clone(),
        sandbox_config: config.sandbox.clone(),
        policy: config.policy.clone(),
        task_policy: config.policy.task_policy().expect("the policy"),
        commits_as: None,
        clock,
    })
}

/// Time stands still in a story while everything happens that can happen, so GitHub's budget for a minute would be that for
/// a whole story. What keeps under it has stories of its own (`scenarios/storm`).
fn wide_budget() -> Budget {
    Budget { burst: 2_000, writes_per_hour: 20_000, points_per_minute: 1_000_000, ..Budget::default() }
}

/// Time moves in leaps here, and a lease is lost only where the story says so.
pub(super) const NEVER: Duration = Duration::from_secs(400 * 24 * 60 * 60);

pub(super) fn worker(
    engine: &Engine,
    owner: &str,
    clock: Clock,
    looks_every: Option<Duration>,
    lease: Duration,
) -> Worker<Engine> {
    let mut settings = WorkerConfig::new(owner);
    settings.lease_ttl = lease;
    // Chance has no place in a story.
    settings.jitter = Jitter::from_fn(|| 0.5);
    settings.recurring = vec![Recurring { kind: TIDY.to_owned(), every: Duration::from_secs(60 * 60) }];
    settings.recurring.extend(looks_every.map(|every| Recurring { kind: RECONCILE.to_owned(), every }));
    Worker::new(engine.store().clone(), engine.clone(), settings, clock)
}
