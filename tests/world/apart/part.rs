//! The child: the same test once more, which builds nothing but Baton, at a clock and a GitHub that its parent keeps.

use std::fs::File;
use std::io::{BufRead as _, Write as _};
use std::net::SocketAddr;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use baton::config::{Addresses, Config};
use baton::server::{Listening, Web};
use baton_core::domain::enclosure::Gap;
use baton_core::domain::time::Timestamp;
use baton_queue::Clock;
use baton_store::{OpenOptions, Store};
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use super::super::stage::{self, Setup};
use super::super::{MANY, leaks};

/// Names the file with the part that a child plays.
pub(super) const PART: &str = "BATON_STORY_PART";

/// How long a lease holds without a heartbeat.
pub(super) const LEASE: Duration = Duration::from_secs(30);

/// What a child says begins like this.
pub(super) const SAYS: &str = "@baton ";

/// What a child needs to know beyond the story's own setup.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Part {
    /// Which of the worlds of its test.
    pub play: usize,
    pub owner: String,
    pub folder: PathBuf,
    /// Where webhooks arrive, if they do at this one.
    pub listen: Option<SocketAddr>,
    pub api: String,
    pub web: String,
    pub git: String,
    pub app: i64,
    pub private_key: String,
    pub agent_uid: u32,
    pub gaps: Vec<Gap>,
    pub script: PathBuf,
    pub repositories: Vec<String>,
}

static AGENT_UID: OnceLock<u32> = OnceLock::new();

/// The user of a world's agents: its own, whichever process is Baton.
pub(in crate::world) fn agent_uid() -> u32 {
    *AGENT_UID.get().unwrap_or(&(100_000 + std::process::id()))
}

/// Where the world's time stands: a file that the parent writes.
pub(super) fn time_file(folder: &Path) -> PathBuf {
    folder.join("time")
}

/// Where a world's database is.
pub(in crate::world) fn database(folder: &Path) -> String {
    format!("sqlite://{}", folder.join("baton.db").display())
}

/// In a child: plays the part if it is this world's turn, and ends the process with it. Elsewhere does nothing.
/// Whether the world is not to be played here.
#[expect(clippy::disallowed_methods, reason = "a test that starts itself tells the child by a variable")]
pub(in crate::world) fn is_played(setup: Setup, number: usize) -> Option<Setup> {
    let Ok(file) = std::env::var(PART) else { return Some(setup) };
    let part: Part = serde_json::from_slice(&std::fs::read(file).expect("the part")).expect("a part");
    if part.play != number {
        return None;
    }
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    runtime.block_on(part.play(setup));
    std::process::exit(0);
}

/// The number of the next world of this process.
pub(in crate::world) fn next_play() -> usize {
    static PLAYS: AtomicUsize = AtomicUsize::new(0);
    PLAYS.fetch_add(1, Ordering::SeqCst)
}

fn say(what: &str) {
    // On a line of its own: the test's runner writes here too.
    let mut out = std::io::stdout().lock();
    writeln!(out, "\n{SAYS}{what}").and_then(|()| out.flush()).expect("the parent listens");
}

impl Part {
    async fn play(self, setup: Setup) {
        AGENT_UID.set(self.agent_uid).expect("one part a process");
        let clock = self.clock();
        let store = Store::open(&database(&self.folder), OpenOptions::default()).await.expect("the database");
        let (budget, looks_every) = (setup.budget(), setup.every());
        let config = self.config(setup);
        if let Some(address) = self.listen {
            let secret = secrecy::SecretString::from(leaks::WEBHOOK_SECRET);
            let web = Web::new(store.clone(), vec![secret], clock.clone()).expect("a server");
            let listening = Listening::on(&address.to_string(), &web).await.expect("the port");
            tokio::spawn(listening.serve(CancellationToken::new()));
        }
        let engine = stage::engine(&config, &store, clock.clone(), budget);
        let worker = stage::worker(&engine, &self.owner, clock, looks_every, LEASE);
        say("ready");
        let (told, mut commands) = tokio::sync::mpsc::unbounded_channel();
        std::thread::spawn(move || {
            for line in std::io::stdin().lock().lines() {
                if line.is_ok_and(|line| told.send(line).is_ok()) {
                    continue;
                }
                break;
            }
        });
        // Without a parent there is nothing to play for.
        while let Some(command) = commands.recv().await {
            assert_eq!(command, "work");
            let ran = worker.run_until_idle(MANY).await.expect("the queue comes to rest");
            say(&format!("idle {}", ran.len()));
        }
        store.close().await;
    }

    fn clock(&self) -> Clock {
        let file = File::open(time_file(&self.folder)).expect("the time");
        Clock::from_fn(move || {
            let mut bytes = [0; 8];
            file.read_exact_at(&mut bytes, 0).expect("the time");
            Timestamp(i64::from_ne_bytes(bytes))
        })
    }

    fn config(&self, setup: Setup) -> Config {
        let url = |text: &str| text.parse().expect("an address");
        let addresses = Addresses { api: url(&self.api), web: url(&self.web), git: url(&self.git) };
        let key = self.private_key.clone();
        let mut config = stage::configuration(setup, addresses, self.app, key, &self.folder, &self.script);
        config.policy.repositories.clone_from(&self.repositories);
        config.sandbox.accepted_gaps = self.gaps.clone();
        config
    }
}
