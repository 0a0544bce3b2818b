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

use crate::world::{Setup, World, play};

/// A fault, and where it strikes how often; the story is the usual one, from the issue to the pull request.
struct Case {
    name: &'static str,
    plan: fn(&World),
    /// Its way in the table: these operations' answers are shown.
    shows: &'static [&'static str],
}

const COMMENT: &str = "issues/create-comment";
const PULL: &str = "pulls/create";
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

const CASES: [Case; 16] = [
    Case {
        name: "secondary limit, 403, seconds",
        plan: |w| strikes(w, COMMENT, &limited(false, 403, Wait::Seconds(90)), 1),
        shows: &[COMMENT],
    },
    Case {
        name: "secondary limit, 429, date",
        plan: |w| strikes(w, PULL, &limited(false, 429, Wait::Date(90)), 1),
        shows: &[PULL],
    },
    Case {
        name: "secondary limit, no time named, twice",
        plan: |w| strikes(w, PULL, &limited(false, 403, Wait::Unsaid), 2),
        shows: &[PULL],
    },
    Case {
        name: "primary limit, 403, reset",
        plan: |w| strikes(w, ISSUE, &limited(true, 403, Wait::Seconds(1200)), 1),
        shows: &[ISSUE],
    },
    Case {
        name: "primary limit, 429, reset",
        plan: |w| strikes(w, COMMENT, &limited(true, 429, Wait::Seconds(600)), 1),
        shows: &[COMMENT],
    },
    Case { name: "502 in HTML on a write, twice", plan: |w| strikes(w, PULL, &html(502), 2), shows: &[PULL] },
    Case { name: "502 in HTML on a read", plan: |w| strikes(w, ISSUE, &html(502), 1), shows: &[ISSUE] },
    Case { name: "down altogether, eight times", plan: |w| strikes(w, "*", &html(503), 8), shows: &[TOKEN] },
    Case { name: "reset before the pull request", plan: |w| strikes(w, PULL, &Fault::Drop, 1), shows: &[PULL] },
    Case { name: "reset after the pull request", plan: |w| strikes(w, PULL, &Fault::DoAndDrop, 1), shows: &[PULL] },
    Case { name: "reset after the comment", plan: |w| strikes(w, COMMENT, &Fault::DoAndDrop, 1), shows: &[COMMENT] },
    Case {
        name: "noise instead of the answer to a comment",
        plan: |w| strikes(w, COMMENT, &Fault::Garbage { status: 201, body: "<html>".to_owned() }, 1),
        shows: &[COMMENT],
    },
    Case { name: "a body without end", plan: |w| strikes(w, ISSUE, &Fault::EndlessBody, 1), shows: &[ISSUE] },
    Case {
        name: "a bomb of a gigabyte",
        plan: |w| strikes(w, ISSUE, &Fault::GzipBomb { bytes: 1 << 30 }, 1),
        shows: &[ISSUE],
    },
    Case { name: "401, a token that ended early", plan: |w| strikes(w, PULL, &html(401), 1), shows: &[PULL] },
    Case {
        name: "another host by 307",
        plan: |w| strikes(w, PULL, &Fault::Redirect { status: 307, to: "http://127.0.0.1:9/".to_owned() }, 1),
        shows: &[PULL],
    },
];

/// Standing faults: the API lags, the clocks differ.
const STANDING: [Case; 2] = [
    Case { name: "the API lags three seconds", plan: |w| w.sim.switch(|s| s.lag_seconds = 3), shows: &[ISSUE] },
    Case {
        name: "an hour between the clocks",
        plan: |w| w.sim.switch(|s| s.clock_ahead_seconds = 3600),
        shows: &[TOKEN],
    },
];

/// The usual story under a fault; its row.
fn row(case: &Case) -> String {
    let line = std::sync::Mutex::new(String::new());
    play(Setup::usual(), async |w| {
        (case.plan)(w);
        let begin = w.now();
        let issue = w.rita().reports_the_typo();
        w.alice().assigns(issue);
        w.lets_time_pass().await;
        w.alice().says(issue, "/plan approve");
        w.lets_time_pass().await;
        // Two seconds are those in which people act.
        let waited = w.now().since(begin).as_secs().saturating_sub(3);
        let answers = answers(w, case.shows);
        let notes = if w.notes(issue).is_empty() { "nothing" } else { "why it failed, and what to do" };
        let state = w.state(issue).await.as_str();
        *line.lock().expect("a line") =
            format!("{:<42} | {answers:<58} | {waited:>5} s | {state:<10} | {notes:<30} | {}", case.name, twice(w));
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
            let times = if same.len() > 1 { format!("×{}", same.len()) } else { String::new() };
            let shown = if same[0] == 0 { "cut".to_owned() } else { same[0].to_string() };
            let _ = write!(text, " {shown}{times}");
        }
    }
    text
}

/// How many of the bot's comments and pull requests were made more than once.
fn twice(w: &World) -> usize {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for effect in w.sim.ledger().iter().filter(|effect| effect.actor == w.bot()) {
        let what = match effect.what.as_str() {
            "comment.create" => {
                let body = effect.detail["body"].as_str().unwrap_or_default();
                body.rsplit_once("<!-- baton:").map(|(_, mark)| mark.to_owned())
            }
            "pull.create" | "pull.open" => effect.detail["head"].as_str().map(str::to_owned),
            "check.create" => effect.detail["external_id"].as_str().map(str::to_owned),
            _ => None,
        };
        if let Some(what) = what {
            *seen.entry(format!("{}: {what}", effect.what)).or_default() += 1;
        }
    }
    seen.values().filter(|times| **times > 1).count()
}

/// Each row is a whole story with a sandbox of its own; two go at a time.
#[test]
#[ignore = "takes minutes: `script/test --full` runs it"]
fn the_table_of_faults() {
    let cases: Vec<&Case> = CASES.iter().chain(&STANDING).collect();
    let next = AtomicUsize::new(0);
    let rows = std::sync::Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::SeqCst);
                    let Some(case) = cases.get(at) else { return };
                    let row = row(case);
                    rows.lock().expect("the rows").insert(at, row);
                }
            });
        }
    });
    let mut table = format!(
        "{:<42} | {:<58} | {:>7} | {:<10} | {:<30} | written twice\n",
        "fault", "what GitHub answered to what was asked", "waited", "state", "what people saw of it"
    );
    for row in rows.into_inner().expect("the rows").values() {
        assert!(row.ends_with("| 0"), "written twice: {row}");
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
