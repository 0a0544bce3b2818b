//! Where secrets are while everything runs: in files of the operator's and in Baton's memory, and in no process's
//! environment or arguments, no sandbox, no log, no database (SECURITY.md D-01, F-06).

use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::baton::CANARY;
use super::github::MAINTAINER;
use super::process::{Process, until};
use super::story::{PYTHON, Pace, marked};
use super::traces::{self, Seen};
use super::world::{PATIENCE, World};

/// What no process may show: the App's key, the webhook secret, and every token that GitHub has given out.
struct Secrets {
    key: String,
    webhook: String,
    /// The last four characters of every token, all that the simulator tells.
    tokens: Vec<String>,
}

impl Secrets {
    fn of(world: &World) -> Self {
        let key = world.github.app["private_key_pem"].as_str().unwrap();
        let requests = world.github.list("requests");
        let with = requests.iter().filter_map(|it| it["with"].as_str()?.split_once('…').map(|(_, end)| end.to_owned()));
        let mut tokens: Vec<String> = with.collect();
        tokens.sort();
        tokens.dedup();
        Self { key: key.lines().nth(1).unwrap().to_owned(), webhook: world.baton.webhook_secret.clone(), tokens }
    }

    /// The secret that stands in a text.
    fn in_text(&self, text: &str) -> Option<String> {
        for secret in [&self.key, &self.webhook] {
            if text.contains(secret.as_str()) {
                return Some(secret.clone());
            }
        }
        let words = text.split("ghs_").skip(1);
        let token = |rest: &str| rest.chars().take_while(char::is_ascii_alphanumeric).collect::<String>();
        words.map(token).find(|token| self.tokens.iter().any(|end| token.len() > 8 && token.ends_with(end.as_str())))
    }

    fn is_shown_by(&self, seen: &Seen) -> bool {
        self.in_text(&seen.cmdline).or_else(|| self.in_text(&seen.environ)).is_some()
    }

    fn shown(&self) -> Vec<Seen> {
        traces::processes().into_iter().filter(|seen| self.is_shown_by(seen)).collect()
    }
}

/// What a curious agent can look at: every environment and command line, every file and descriptor it can read.
const LOOK_AROUND: &str = "env; id -u; cat /proc/*/environ /proc/*/cmdline | tr '\\0' '\\n'; ls -l /proc/self/fd /proc/1/fd; \
    grep -rlaE 'gh[s]_[A-Za-z0-9]|PRIVAT[E] KEY|canary-o[f]' / --exclude-dir=proc --exclude-dir=sys --exclude-dir=usr --exclude-dir=lib 2>/dev/null; \
    cat .git/config; echo looked";

#[test]
fn no_secret_is_in_any_process_or_sandbox() {
    let mark = marked(2);
    let pace =
        Pace { planning: Some(LOOK_AROUND.to_owned()), working: Some(format!("{LOOK_AROUND}; {mark}")), testing: None };
    let mut world = World::with(PYTHON, &pace);
    // The push takes long enough to be looked at.
    world.github.fault("git/receive-pack", &json!({ "kind": "delay", "millis": 1_500 }), Some(1));
    world.hand_over();
    world.wait_for_plan();
    world.says(MAINTAINER, "/plan approve");

    let sandboxed = world.until("the working agent's command runs", || {
        traces::running(&mark)?;
        let inside = traces::enclosed(world.folder(), world.baton.program(), &world.baton.pids);
        (inside.len() > 2).then_some(inside)
    });
    let secrets = Secrets::of(&world);
    assert!(!secrets.tokens.is_empty() && secrets.key.len() > 30);
    assert!(secrets.shown().is_empty(), "{:#?}", secrets.shown());
    // Baton's own environment holds the operator's canary, and none of what it started does.
    let with_canary: Vec<u32> =
        traces::processes().into_iter().filter(|it| it.environ.contains(CANARY)).map(|it| it.pid).collect();
    assert!(with_canary.contains(&world.baton.pid()), "{with_canary:?}");
    let pids: Vec<u32> = sandboxed.iter().filter_map(|it| it.split(' ').next()?.parse().ok()).collect();
    assert!(pids.iter().all(|pid| !with_canary.contains(pid)), "{with_canary:?} {sandboxed:#?}");

    // While git pushes: looked at now, judged when all tokens are known.
    let during_push = world.until("git pushes", || {
        let seen = traces::processes();
        let pushes = |it: &Seen| it.cmdline.contains(&world.github.address) && it.cmdline.contains(" push ");
        seen.iter().any(pushes).then_some(seen)
    });

    let pull = world.wait_for_review();
    let secrets = Secrets::of(&world);
    let shown: Vec<_> = during_push.iter().filter(|seen| secrets.is_shown_by(seen)).collect();
    assert!(shown.is_empty(), "{shown:#?}");
    let log = world.baton.json(&["task", "log", "1", "--json"]);
    let log = Value::from(log).to_string();
    assert!(log.matches("looked").count() >= 2, "{log}");
    assert!(secrets.in_text(&log).is_none() && !log.contains("ghs_") && !log.contains(CANARY), "{log}");
    assert!(!log.contains("PRIVATE KEY-----\\n") && !log.contains("app.pem"), "{log}");
    for said in [world.thread(), pull["body"].to_string(), world.baton.logs()] {
        assert!(secrets.in_text(&said).is_none() && !said.contains("ghs_"), "{said}");
    }
    let needles = [secrets.key.as_str(), &secrets.webhook, "ghs_", CANARY];
    let files = traces::files_with(world.folder(), &needles, &world.secret_files());
    assert!(files.is_empty(), "{files:?}");
    world.audit();
}

/// Whoever can be seen with a token is seen: else the test above would prove nothing.
#[test]
fn a_token_in_the_open_would_be_found() {
    let secrets = Secrets { key: "k".repeat(64), webhook: "w".repeat(40), tokens: vec!["Zz9Q".to_owned()] };
    let folder = TempDir::new().unwrap();
    let holder = Process::start("holder", folder.path(), Path::new("sleep"), &["60"], &[("TOKEN", "ghs_abcdefghZz9Q")]);
    until("the token is seen", PATIENCE, || secrets.shown().iter().any(|seen| seen.pid == holder.pid()).then_some(()));
    assert_eq!(secrets.in_text("https://x:ghs_abcdefghZz9Q@host/"), Some("abcdefghZz9Q".to_owned()));
    assert_eq!(secrets.in_text("ghs_abcdefghOther"), None);
    assert!(secrets.in_text(&format!("key {}", "w".repeat(41))).is_some());
}
