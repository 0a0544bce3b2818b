//! Whole stories on bad days of the network and of GitHub: what Baton did, what people saw, and that nothing was written
//! twice. And what no text of a stranger can make the host do (H-02, H-03).

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use baton_core::domain::task::StateName;
use github_sim::{Fault, FaultRule, Wait};
use insta::assert_snapshot;

use crate::world::{REPO, Setup, World, play};

/// A fault, and when it strikes; the story is the usual one, from the issue to the pull request.
struct Case {
    name: &'static str,
    when: When,
    plan: fn(&World),
    /// Its way in the table: these operations' answers are shown.
    shows: &'static [&'static str],
    /// What ends it, where it does not end by itself.
    ends: Option<fn(&World)>,
    /// What people find the repository by when they approve the plan.
    repository: &'static str,
}

/// When a fault strikes.
#[derive(Clone, Copy, PartialEq)]
enum When {
    /// Before there is an issue.
    First,
    /// While the plan waits for its approval.
    Planned,
    /// When the plan was approved, before the work begins.
    Approved,
}

const fn first(name: &'static str, plan: fn(&World), shows: &'static [&'static str]) -> Case {
    Case { name, when: When::First, plan, shows, ends: None, repository: REPO }
}

const fn later(name: &'static str, when: When, plan: fn(&World), ends: fn(&World)) -> Case {
    Case { name, when, plan, shows: &[TOKEN, PULL], ends: Some(ends), repository: REPO }
}

const COMMENT: &str = "issues/create-comment";
const PULL: &str = "pulls/create";
const PUSH: &str = "git/receive-pack";
const ISSUE: &str = "issues/get";
const TOKEN: &str = "apps/create-installation-access-token";

fn strikes(w: &World, operation: &str, fault: &Fault, times: u32) {
    w.sim.fault(FaultRule::new(operation, fault.clone(), times));
}

fn limited(primary: bool, status: u16, wait: Wait) -> Fault {
    Fault::Limited { primary, status, wait }
}

fn html(status: u16) -> Fault {
    Fault::Refuse { status, message: None }
}

fn redirected(status: u16) -> Fault {
    Fault::Redirect { status, to: "http://127.0.0.1:9/".to_owned() }
}

/// The other name of [`REPO`].
const RENAMED: &str = "acme/welcomer";

const CASES: [Case; 27] = [
    first(
        "secondary limit, 403, seconds",
        |w| strikes(w, COMMENT, &limited(false, 403, Wait::Seconds(90)), 1),
        &[COMMENT],
    ),
    first("secondary limit, 429, date", |w| strikes(w, PULL, &limited(false, 429, Wait::Date(90)), 1), &[PULL]),
    first(
        "secondary limit, no time named, twice",
        |w| strikes(w, PULL, &limited(false, 403, Wait::Unsaid), 2),
        &[PULL],
    ),
    first("primary limit, 403, reset", |w| strikes(w, ISSUE, &limited(true, 403, Wait::Seconds(1200)), 1), &[ISSUE]),
    first("primary limit, 429, reset", |w| strikes(w, COMMENT, &limited(true, 429, Wait::Seconds(600)), 1), &[COMMENT]),
    first("502 in HTML on a write, twice", |w| strikes(w, PULL, &html(502), 2), &[PULL]),
    first("502 in HTML on a read", |w| strikes(w, ISSUE, &html(502), 1), &[ISSUE]),
    first("down altogether, eight times", |w| strikes(w, "*", &html(503), 8), &[TOKEN]),
    first("reset before the pull request", |w| strikes(w, PULL, &Fault::Drop, 1), &[PULL]),
    first("reset after the pull request", |w| strikes(w, PULL, &Fault::DoAndDrop, 1), &[PULL]),
    first("reset after the comment", |w| strikes(w, COMMENT, &Fault::DoAndDrop, 1), &[COMMENT]),
    first(
        "reset after the push",
        |w| w.sim.fault(FaultRule { skip: 2, ..FaultRule::new(PUSH, Fault::DoAndDrop, 1) }),
        &[PUSH],
    ),
    first("no answer in time, though it is done", |w| strikes(w, PULL, &Fault::Delay { millis: 25_000 }, 1), &[PULL]),
    first(
        "noise instead of the answer to a comment",
        |w| strikes(w, COMMENT, &Fault::Garbage { status: 201, body: "<html>".to_owned() }, 1),
        &[COMMENT],
    ),
    first("a body without end", |w| strikes(w, ISSUE, &Fault::EndlessBody, 1), &[ISSUE]),
    first("a bomb of a gigabyte", |w| strikes(w, ISSUE, &Fault::GzipBomb { bytes: 1 << 30 }, 1), &[ISSUE]),
    first("401, a token that ended early", |w| strikes(w, PULL, &html(401), 1), &[PULL]),
    first("401 to every token, five times", |w| strikes(w, ISSUE, &html(401), 5), &[ISSUE]),
    first("another host by 307, on a write", |w| strikes(w, PULL, &redirected(307), 1), &[PULL]),
    first("another host by 301, on a write", |w| strikes(w, PULL, &redirected(301), 1), &[PULL]),
    first("another host by 301, on a read", |w| strikes(w, ISSUE, &redirected(301), 1), &[ISSUE]),
    first("the API lags three seconds", |w| w.sim.switch(|s| s.lag_seconds = 3), &[ISSUE]),
    first("an hour between the clocks", |w| w.sim.switch(|s| s.clock_ahead_seconds = 3600), &[TOKEN]),
    later("the App is suspended, and back", When::Approved, |w| w.suspends(true), |w| w.suspends(false)),
    later("the App is taken off, and back", When::Approved, World::uninstalls, World::installs_again),
    Case {
        repository: RENAMED,
        ..later(
            "the repository is renamed",
            When::Planned,
            |w| w.sim.rename(REPO, "welcomer").expect("renamed"),
            |w| w.sim.rename(RENAMED, "greeter").expect("renamed back"),
        )
    },
    later(
        "the repository is renamed at work",
        When::Approved,
        |w| w.sim.rename(REPO, "welcomer").expect("renamed"),
        |w| w.sim.rename(RENAMED, "greeter").expect("renamed back"),
    ),
];

/// The usual story under a fault; its row.
fn row(case: &Case) -> String {
    let line = std::sync::Mutex::new(String::new());
    play(Setup::usual(), async |w| {
        let strikes = |now: When| {
            if case.when == now {
                (case.plan)(w);
            }
        };
        strikes(When::First);
        let begin = w.now();
        let issue = w.rita().reports_the_typo();
        w.alice().assigns(issue);
        w.lets_time_pass().await;
        strikes(When::Planned);
        w.sim.person("alice").says(case.repository, issue, "/plan approve").expect("GitHub lets alice");
        if case.when == When::Approved {
            w.sim.settle().await;
        }
        strikes(When::Approved);
        w.lets_time_pass().await;
        // To five seconds: people act in two of them, and headers are cut to whole ones.
        let waited = w.now().since(begin).as_secs().saturating_sub(1) / 5 * 5;
        let answers = answers(w, case.shows);
        let state = w.state(issue).await.as_str();
        if let Some(ends) = case.ends {
            ends(w);
        }
        let notes = w.notes(issue);
        let saw = notes.lines().next().unwrap_or("nothing");
        *line.lock().expect("a line") =
            format!("{:<42} | {answers:<58} | {waited:>5} s | {state:<10} | {} | {saw}", case.name, w.written_twice());
    });
    line.into_inner().expect("a line")
}

/// The statuses that an operation was answered with, in order; many of the same are counted.
fn answers(w: &World, operations: &[&str]) -> String {
    let mut text = String::new();
    for operation in operations {
        let statuses: Vec<u16> =
            w.sim.requests().iter().filter(|one| one.operation == *operation).map(|one| one.status).collect();
        let short = operation.rsplit('/').next().unwrap_or_default();
        let _ = write!(text, "{short}:");
        for same in statuses.chunk_by(|a, b| a == b) {
            let times = match same.len() {
                1 => String::new(),
                few @ 2..10 => format!("×{few}"),
                _ => "×many".to_owned(),
            };
            let shown = if same[0] == 0 { "cut".to_owned() } else { same[0].to_string() };
            let _ = write!(text, " {shown}{times}");
        }
        text.push_str("; ");
    }
    text.trim_end_matches("; ").to_owned()
}

/// Each row is a whole story with a sandbox of its own; two go at a time.
#[test]
#[ignore = "takes minutes: `script/test --full` runs it"]
fn the_table_of_faults() {
    let next = AtomicUsize::new(0);
    let rows = std::sync::Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::SeqCst);
                    let Some(case) = CASES.get(at) else { return };
                    let row = row(case);
                    rows.lock().expect("the rows").insert(at, row);
                }
            });
        }
    });
    let mut table = format!(
        "{:<42} | {:<58} | {:>7} | {:<10} | written twice | what people read of it\n",
        "fault", "what GitHub answered to what was asked", "waited", "state"
    );
    for row in rows.into_inner().expect("the rows").values() {
        assert!(row.contains(" | 0 | "), "written twice: {row}");
        let _ = writeln!(table, "{row}");
    }
    assert_snapshot!("faults", table);
}

/// Counts who connects; answers nobody.
struct Recorder {
    url: String,
    connections: Arc<AtomicUsize>,
}

impl Recorder {
    async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let connections = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&connections);
        tokio::spawn(async move {
            while listener.accept().await.is_ok() {
                count.fetch_add(1, Ordering::SeqCst);
            }
        });
        Self { url, connections }
    }

    /// Nobody came; and somebody who comes now is seen, so that this means something.
    async fn nobody_came(self) {
        assert_eq!(self.connections.load(Ordering::SeqCst), 0, "somebody fetched a stranger's address");
        let address = self.url.trim_start_matches("http://").to_owned();
        tokio::net::TcpStream::connect(address).await.expect("the recorder listens");
        let deadline = std::time::Instant::now() + Duration::from_secs(10);
        while self.connections.load(Ordering::SeqCst) == 0 {
            assert!(std::time::Instant::now() < deadline, "the recorder sees nobody at all");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

/// Images, links, attachments: whatever an issue names, the host fetches none of it.
#[test]
fn h_02_no_address_in_an_issue_is_fetched() {
    play(Setup::usual(), async |w| {
        let recorder = Recorder::start().await;
        let there = &recorder.url;
        let body = format!(
            "It says `Helo`, see ![shot]({there}/shot.png), <img src=\"{there}/b.png\">, [log]({there}/log.txt), {there}/plain, \
             ![f](file:///etc/passwd), ![m](http://169.254.169.254/latest/meta-data/), [a][r]\n\n[r]: {there}/reference"
        );
        let issue = w.rita().opens_issue("The greeting is misspelt", &body);
        w.alice().assigns(issue);
        w.settle().await;
        w.alice().says(issue, &format!("More: ![here]({there}/comment.png)"));
        w.alice().says(issue, "/plan approve");
        w.settle().await;
        assert_eq!(w.state(issue).await, StateName::InReview);
        recorder.nobody_came().await;
    });
}

/// Where GitHub is, the operator's configuration alone says: neither a payload nor a repository's file does.
#[test]
fn h_03_github_is_where_the_operator_says() {
    play(Setup::usual(), async |w| {
        let recorder = Recorder::start().await;
        let issue = w.rita().reports_the_typo();
        w.alice().assigns(issue);
        w.settle().await;
        let text = w.last_delivery("issues", "assigned").payload.to_string();
        let elsewhere =
            text.replace(w.sim.api_url(), &recorder.url).replace(w.sim.web_url().trim_end_matches('/'), &recorder.url);
        assert_ne!(text, elsewhere, "a payload names addresses");
        assert_eq!(w.delivers("issues", "0e7c1f0a-h03", &elsewhere).await, 202);
        w.settle().await;
        w.bob().pushes("main", ".github/baton.yml", &format!("github:\n  api_url: {}\n", recorder.url));
        w.alice().says(issue, "/plan");
        w.settle().await;
        assert!(w.notes(issue).contains("there is no key \"github\""), "{}", w.notes(issue));
        recorder.nobody_came().await;
    });
}
