//! Baton in a process of its own: the story keeps GitHub, the clock and the people, and a child is Baton with its web
//! server, engine and worker. It is killed where the sweep says, and begun anew until everything rests. Any story can be
//! told that way: `BATON_STORY_FALLS` says where Baton falls, and `scenarios/sweep` tells them again.

pub mod end;
pub mod falls;
pub(super) mod part;

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::os::unix::fs::FileExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use baton_core::domain::time::Timestamp;
use baton_queue::Ran;
use tokio::net::TcpSocket;
use tokio::sync::{Mutex as AsyncMutex, mpsc};
use tokio::task::JoinHandle;

use super::World;
use falls::Shared;
use part::{LEASE, PART, Part, SAYS};

/// The variable that puts Baton into a process of its own, and says where it falls: `commit:17:before,unanswered:3`, or
/// nothing.
pub const FALLS: &str = "BATON_STORY_FALLS";

/// The variable with the library that kills around commits, built from `commits.c`.
pub const LIBRARY: &str = "BATON_STORY_LIBRARY";

/// A loaded machine takes its time.
const PATIENCE: Duration = Duration::from_secs(300);

/// What a lost answer put off comes back within this time; what waits longer does so for another reason.
const PUT_OFF: Duration = Duration::from_secs(60 * 60);

/// Baton, seen from its parent.
#[derive(Debug)]
pub(super) struct Apart {
    play: usize,
    library: PathBuf,
    time: File,
    shared: Shared,
    address: SocketAddr,
    /// Holds the port while nobody listens: whoever knocks is refused.
    _reserved: TcpSocket,
    baton: AsyncMutex<Option<Arc<Process>>>,
    /// The configuration has changed since it was begun.
    is_stale: AtomicBool,
    /// Somebody was killed, or an answer was lost, since everything rested.
    is_disturbed: AtomicBool,
    unanswered_before: Mutex<u64>,
    /// Attempts to deliver a webhook that failed, and were made again.
    made_again: Mutex<BTreeSet<u64>>,
}

/// One child.
#[derive(Debug)]
pub(super) struct Process {
    child: Mutex<Child>,
    commands: Mutex<Option<ChildStdin>>,
    said: AsyncMutex<mpsc::UnboundedReceiver<String>>,
    id: u32,
}

/// What a child is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    /// Webhooks arrive here, and work is done.
    Server,
    /// It works beside the server.
    Worker,
    /// As a worker, and nothing befalls it.
    Bystander,
}

/// How a child's work ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Worked {
    /// It has nothing to do any more, after so many jobs.
    Idle(usize),
    /// It was killed.
    Died,
}

impl Apart {
    /// Where the environment asks for it; the time stands in a file from now on.
    #[expect(clippy::disallowed_methods, reason = "the sweep tells the stories again this way")]
    pub(super) fn of_the_day(folder: &Path, play: usize) -> Option<Self> {
        let falls = std::env::var(FALLS).ok()?;
        falls::book().plan(&falls);
        let library = std::env::var(LIBRARY).expect("the sweep names the library").into();
        let reserved = TcpSocket::new_v4().expect("a socket");
        reserved.set_reuseaddr(true).expect("an option");
        reserved.bind(SocketAddr::from(([127, 0, 0, 1], 0))).expect("a port");
        Some(Self {
            play,
            library,
            time: File::create(part::time_file(folder)).expect("a file"),
            shared: Shared::at(&folder.join("book")),
            address: reserved.local_addr().expect("an address"),
            _reserved: reserved,
            baton: AsyncMutex::default(),
            is_stale: AtomicBool::new(false),
            is_disturbed: AtomicBool::new(false),
            unanswered_before: Mutex::new(falls::book().unanswered),
            made_again: Mutex::default(),
        })
    }

    /// Where webhooks go.
    pub(super) fn webhook_url(&self) -> String {
        format!("http://{}/webhooks/github", self.address)
    }

    /// The world's time is this now.
    pub(super) fn time_is(&self, now: Timestamp) {
        self.time.write_all_at(&now.0.to_ne_bytes(), 0).expect("the time is written");
    }

    /// The operator has changed something, and restarts Baton before it does anything else.
    pub(super) fn is_reconfigured(&self) {
        self.is_stale.store(true, Ordering::SeqCst);
    }
}

impl Process {
    #[expect(clippy::disallowed_methods, reason = "a child of the test is the test itself")]
    fn start(world: &World, apart: &Apart, owner: &str, role: Role) -> Self {
        let folder = world.folder();
        let file = folder.join(format!("part-{}.json", owner.replace(' ', "-")));
        let part = serde_json::to_vec(&world.part(apart, owner, role)).expect("JSON");
        std::fs::write(&file, part).expect("the part is written");
        apart.shared.turn();
        let log = File::options().append(true).create(true).open(folder.join("baton.log")).expect("a log");
        let mut command = Command::new(std::env::current_exe().expect("this program"));
        command.args(["--exact", &test_name(), "--nocapture", "--include-ignored", "--test-threads=1"]);
        command.env(PART, file).env_remove(FALLS);
        if role != Role::Bystander {
            command.env("LD_PRELOAD", &apart.library);
            // The library compares with what the kernel calls the file.
            let real = folder.canonicalize().expect("the folder");
            command.env("BATON_FALL_BOOK", real.join("book")).env("BATON_FALL_LOG", real.join("baton.db-wal"));
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log);
        let mut child = command.spawn().expect("this program starts");
        let (says, said) = mpsc::unbounded_channel();
        let out = BufReader::new(child.stdout.take().expect("its output"));
        std::thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                if let Some(what) = line.strip_prefix(SAYS) {
                    // Whoever does not listen any more has seen it end.
                    let _ = says.send(what.to_owned());
                }
            }
        });
        let commands = Mutex::new(child.stdin.take());
        let id = child.id();
        Self { child: Mutex::new(child), commands, said: AsyncMutex::new(said), id }
    }

    /// Tells it to work.
    fn begins(&self) {
        let mut commands = self.commands.lock().unwrap_or_else(PoisonError::into_inner);
        // Who was killed hears nothing, and that shows when it is listened to.
        let _ = commands.as_mut().expect("it was not stopped").write_all(b"work\n");
    }

    /// What it says next; nothing from one that is dead.
    async fn says(&self) -> Option<String> {
        let said = async { self.said.lock().await.recv().await };
        let said = tokio::time::timeout(PATIENCE, said).await.expect("a Baton that lives says something");
        if said.is_none() {
            // Its number is another's soon.
            falls::book().works(None);
            let status = self.child.lock().unwrap_or_else(PoisonError::into_inner).wait().expect("it has ended");
            was_killed(status);
        }
        said
    }

    async fn ends(&self) -> Worked {
        let Some(said) = self.says().await else { return Worked::Died };
        let count = said.strip_prefix("idle ").and_then(|count| count.parse().ok());
        Worked::Idle(count.unwrap_or_else(|| panic!("it says {said:?}")))
    }

    async fn works(&self) -> Worked {
        falls::book().works(Some(self.id));
        self.begins();
        self.ends().await
    }

    fn is_dead(&self) -> bool {
        let status = self.child.lock().unwrap_or_else(PoisonError::into_inner).try_wait().expect("a child");
        status.is_some_and(was_killed)
    }

    /// What it has said meanwhile, if anything.
    fn has_said(&self) -> Option<String> {
        self.said.try_lock().ok()?.try_recv().ok()
    }

    /// Ends it as a calm operator does, and waits for its end.
    async fn stops(&self) {
        drop(self.commands.lock().unwrap_or_else(PoisonError::into_inner).take());
        let ends = async { while self.said.lock().await.recv().await.is_some() {} };
        tokio::time::timeout(PATIENCE, ends).await.expect("it ends when it is told to");
    }
}

/// Whoever ends here was killed; anything else is a bug of Baton's.
fn was_killed(status: ExitStatus) -> bool {
    assert_eq!(status.signal(), Some(9), "Baton ended by itself: {status}");
    true
}

impl Drop for Process {
    fn drop(&mut self) {
        let mut child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        // One that has ended already cannot be killed, and that is as well.
        let _ = child.kill();
        let _ = child.wait();
    }
}

impl World {
    fn part(&self, apart: &Apart, owner: &str, role: Role) -> Part {
        let config = self.config.lock().expect("the configuration");
        Part {
            play: apart.play,
            owner: owner.to_owned(),
            folder: self.folder().to_owned(),
            listen: (role == Role::Server).then_some(apart.address),
            api: self.sim.api_url().to_owned(),
            web: self.sim.web_url().to_owned(),
            git: self.sim.git_url().to_owned(),
            app: i64::try_from(self.app.app_id).expect("small numbers"),
            private_key: self.app.private_key_pem.clone(),
            agent_uid: part::agent_uid(),
            gaps: config.sandbox.accepted_gaps.clone(),
            script: config.agents["steady"].script.clone().expect("a recording"),
            repositories: config.policy.repositories.clone(),
        }
    }

    /// Baton is there from now on.
    pub(super) async fn begins_apart(&self, apart: &Apart) {
        self.awake(apart).await;
    }

    /// The Baton that serves; begun if there is none.
    async fn awake(&self, apart: &Apart) -> Arc<Process> {
        let mut baton = apart.baton.lock().await;
        if apart.is_stale.swap(false, Ordering::SeqCst)
            && let Some(old) = baton.take()
        {
            old.stops().await;
        }
        if let Some(there) = baton.take() {
            if !there.is_dead() {
                *baton = Some(Arc::clone(&there));
                return there;
            }
            self.fell(apart);
        }
        loop {
            let new = Arc::new(Process::start(self, apart, "apart", Role::Server));
            if let Some(said) = new.says().await {
                assert_eq!(said, "ready");
                *baton = Some(Arc::clone(&new));
                return new;
            }
            self.fell(apart);
        }
    }

    /// A Baton was killed. Until its leases have run out, nobody takes its work over.
    fn fell(&self, apart: &Apart) {
        apart.is_disturbed.store(true, Ordering::SeqCst);
        let mut book = falls::book();
        book.kills += 1;
        book.works(None);
        drop(book);
        apart.shared.turn();
        self.advance_to(self.now().plus(LEASE));
    }

    /// [`World::settle`] with Baton in a process of its own.
    pub(super) async fn settles_apart(&self, apart: &Apart) {
        loop {
            let baton = self.awake(apart).await;
            falls::book().works(Some(baton.id));
            self.sim.settle().await;
            match baton.works().await {
                Worked::Died => {}
                Worked::Idle(0) if self.sim.pending_webhooks() == 0 => {
                    apart.shared.turn();
                    if !self.makes_good(apart).await {
                        return;
                    }
                }
                Worked::Idle(_) => {}
            }
        }
    }

    /// After a fall, GitHub sends again what it could not deliver, and what was put off comes back. Whether that is more
    /// to do.
    async fn makes_good(&self, apart: &Apart) -> bool {
        let unanswered = falls::book().unanswered;
        let lost = unanswered > *apart.unanswered_before.lock().expect("the number");
        if !lost && !apart.is_disturbed.load(Ordering::SeqCst) {
            return false;
        }
        // Who looks for itself finds what it missed.
        if self.looks_every.is_none() && self.delivers_again(apart) > 0 {
            return true;
        }
        if let Some(at) = self.next_retry().await.filter(|at| at.since(self.now()) <= PUT_OFF) {
            self.advance_to(at);
            return true;
        }
        apart.is_disturbed.store(false, Ordering::SeqCst);
        *apart.unanswered_before.lock().expect("the number") = unanswered;
        false
    }

    /// How many deliveries that nobody answered are made again.
    fn delivers_again(&self, apart: &Apart) -> usize {
        let deliveries = self.sim.deliveries();
        let arrived: BTreeSet<&str> =
            deliveries.iter().filter(|it| it.status.is_some_and(|it| it < 500)).map(|it| it.guid.as_str()).collect();
        let failed = deliveries
            .iter()
            .filter(|it| !["waiting", "held"].contains(&it.outcome.as_str()) && !arrived.contains(it.guid.as_str()));
        let mut made_again = apart.made_again.lock().expect("the list");
        let mut count = 0;
        for delivery in failed {
            if made_again.insert(delivery.id) {
                self.redelivers(&delivery.guid);
                count += 1;
            }
        }
        count
    }

    /// [`World::begins_working`] with Baton in a process of its own.
    pub(super) async fn begins_working_apart(&self, apart: &Apart) -> JoinHandle<Vec<Ran>> {
        let begun = std::time::Instant::now();
        let baton = 'anew: loop {
            let baton = self.awake(apart).await;
            falls::book().works(Some(baton.id));
            self.sim.settle().await;
            baton.begins();
            loop {
                if self.agent_waits().await {
                    break 'anew baton;
                }
                if baton.is_dead() {
                    continue 'anew;
                }
                if baton.has_said().is_some() {
                    assert!(self.makes_good(apart).await, "no agent waits inside a tool:\n{}", self.story());
                    continue 'anew;
                }
                assert!(begun.elapsed() < PATIENCE, "no agent got as far as its waiting tool");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        falls::book().works(None);
        tokio::spawn(async move {
            // One that is killed here is missed when the story settles.
            let _ = baton.ends().await;
            Vec::new()
        })
    }

    /// [`World::meanwhile`] with both Batons in processes of their own.
    pub(super) async fn meanwhile_apart(&self, apart: &Apart) {
        let other = Process::start(self, apart, "meanwhile", Role::Bystander);
        assert_eq!(other.says().await.as_deref(), Some("ready"));
        loop {
            self.sim.settle().await;
            other.begins();
            if other.ends().await == Worked::Idle(0) && self.sim.pending_webhooks() == 0 {
                break;
            }
        }
        other.stops().await;
    }

    /// [`World::works_in_parallel`], each in a process of its own.
    pub(super) async fn parallel_apart(&self, apart: &Apart, workers: usize) {
        let mut batons = Vec::new();
        for number in 0..workers {
            let baton = Process::start(self, apart, &format!("parallel {number}"), Role::Worker);
            if baton.says().await.is_some() {
                batons.push(baton);
            } else {
                self.fell(apart);
            }
        }
        for baton in &batons {
            baton.begins();
        }
        for baton in batons {
            if baton.ends().await == Worked::Died {
                self.fell(apart);
            } else {
                baton.stops().await;
            }
        }
        self.settles_apart(apart).await;
    }

    /// Baton ends, for its world does.
    pub(super) async fn ends_apart(&self, apart: &Apart) {
        if let Some(baton) = apart.baton.lock().await.take() {
            baton.stops().await;
        }
        apart.shared.turn();
    }
}

/// The test that is told here: the sweep names exactly one.
fn test_name() -> String {
    let mut arguments = std::env::args().skip_while(|argument| argument != "--exact");
    arguments.nth(1).expect("a story with Baton in a process of its own is told by the sweep, by its whole name")
}
