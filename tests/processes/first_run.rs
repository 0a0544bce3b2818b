//! A new operator's first run, with nothing prepared: `baton setup` in an empty folder with a real terminal and a real
//! browser, `baton doctor`, `baton serve`, and the first pull request. `docs/first-run.md` shows what they see; this plays
//! it and holds that page against what is printed today. `script/record` writes the page and its pictures anew.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use super::browser::Browser;
use super::github::{MACHINE_USER, MAINTAINER, REPORTER};
use super::ground::{Ground, REPOSITORY};
use super::process::until;
use super::story::PYTHON;
use super::terminal::Terminal;
use super::transcript::Transcript;
use super::world::{PATIENCE, is_plan};

/// The doctor tries what a hostile run would try.
const EXAMINATION: Duration = Duration::from_secs(180);

struct Operator {
    ground: Ground,
    /// Empty at first.
    folder: PathBuf,
    terminal: Terminal,
    browser: Browser,
    page: Transcript,
}

impl Operator {
    fn sits_down() -> Self {
        let ground = Ground::new();
        let folder = ground.folder.path().join("bot");
        fs::create_dir(&folder).unwrap();
        let variables = [("BATON_SERVER__LISTEN", ground.listen.as_str())];
        let terminal = Terminal::open("terminal", ground.folder.path(), &folder, &ground.baton.path, &variables);
        let browser = Browser::start(ground.folder.path());
        let page = Transcript::of("first-run.md", &steady(&ground, &folder));
        Self { ground, folder, terminal, browser, page }
    }

    /// The same machine, another window.
    fn opens_another_terminal(&self) -> Terminal {
        let variables = [("BATON_SERVER__LISTEN", self.ground.listen.as_str())];
        let aside = self.ground.folder.path();
        Terminal::open("another", aside, &self.folder, &self.ground.baton.path, &variables)
    }

    fn github(&self) -> String {
        format!("http://{}", self.ground.github.address)
    }

    /// Puts a picture where a person finds it: beside the page when it is written anew.
    fn picture(&self, name: &str) {
        let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/first-run");
        let aside = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pictures");
        let folder = if Transcript::is_recording() { docs } else { aside };
        fs::create_dir_all(&folder).unwrap();
        let picture = self.browser.picture();
        assert!(picture.starts_with(b"\x89PNG"));
        assert!(picture.len() < 120_000 || !Transcript::is_recording(), "{name}: {} bytes", picture.len());
        fs::write(folder.join(format!("{name}.png")), picture).unwrap();
    }

    /// The pages, from the link in the terminal to the end.
    fn creates_the_app(&self, link: &str) {
        let browser = &self.browser;
        browser.open(link);
        browser.wait_for("Create Baton's GitHub App");
        browser.fill("Name of the App", "Our Baton");
        self.picture("1-ask");
        browser.fill("Public address", "no address");
        browser.press("Continue");
        browser.wait_for("`no address` is no http(s) address");
        browser.fill("Public address", &format!("http://{}", self.ground.listen));
        browser.press("Continue");
        browser.wait_for("What it may do");
        self.picture("2-confirm");
        browser.press("Create it on GitHub");

        // GitHub's side, as a person meets it.
        browser.wait_for("Sign in");
        browser.press(MAINTAINER);
        browser.wait_for("Create GitHub App");
        self.picture("3-github");
        browser.press("Create GitHub App for");

        browser.wait_for("Install it on your repositories");
        self.picture("4-created");
        assert_eq!(browser.address(), link, "the browser came back by itself");
        browser.open(&browser.link("Install it on your repositories"));
        browser.wait_for("Only select repositories");
        browser.press("Install");
        self.terminal.wait_for("✓ installed on alice", PATIENCE);
        browser.open(link);
        browser.wait_for("Baton is set up");
        self.picture("5-done");
    }

    /// What an editor does.
    fn edits_the_configuration(&self) {
        let file = self.folder.join("baton.toml");
        let text = fs::read_to_string(&file).unwrap();
        fs::copy(PYTHON.recording(), self.folder.join("recording.json")).unwrap();
        let text = text.replace("# assignees = [\"LOGIN\"]", &format!("assignees = [\"{MACHINE_USER}\"]"));
        let agent = "\n[agents.recorded]\nkind = \"replay\"\nscript = \"recording.json\"\n";
        fs::write(&file, text + agent).unwrap();
    }

    fn opens_an_issue(&self) -> u64 {
        let (title, body) = PYTHON.issue("CR-12345678");
        let deed = json!({ "verb": "opens_issue", "repo": REPOSITORY, "title": title, "body": body });
        let number = self.ground.github.person(REPORTER, &deed)["number"].as_u64().unwrap();
        self.does(&json!({ "verb": "assigns", "repo": REPOSITORY, "number": number, "login": MACHINE_USER }));
        number
    }

    fn does(&self, deed: &Value) {
        self.ground.github.person(MAINTAINER, deed);
    }

    fn thread(&self, number: u64) -> String {
        self.ground.github.text(&format!("thread/{REPOSITORY}/{number}"))
    }

    /// The secrets are in files of their owner's, and were never on the screen.
    fn kept_the_secrets(&self) {
        for secret in ["app-key.pem", "webhook-secret"] {
            let file = self.folder.join(secret);
            assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600, "{secret}");
            let text = fs::read_to_string(&file).unwrap();
            assert!(!self.terminal.raw().contains(text.trim()) && !text.trim().is_empty(), "{secret} is shown");
        }
    }
}

/// What differs from one first run to the next, or from machine to machine.
fn steady(ground: &Ground, folder: &Path) -> Vec<(String, &'static str)> {
    let exactly = |text: &str| regex::escape(text);
    let others = [
        (r"ssh -L [0-9]+:127\.0\.0\.1:[0-9]+", "ssh -L 40123:127.0.0.1:40123"),
        (r"127\.0\.0\.1:[0-9]+/setup/[A-Za-z0-9]+", "127.0.0.1:40123/setup/KEY"),
        (r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}(\.[0-9]+)?Z", "2026-11-22T12:00:00Z"),
        (r"until [0-9]{4}-[0-9]{2}-[0-9]{2}", "until 2026-12-06"),
        (r"git version [0-9.]+", "git version 2.47.3"),
        (r"[0-9]+ GiB free", "57 GiB free"),
        (r"(commit|plan|Plan [0-9]+) (\(?)[0-9a-f]{7,12}\b", "$1 ${2}c0ffee0"),
        (r"\| [0-9]+ s \|", "| 1 s |"),
        // Hidden from readers, and folded away.
        (r"(?s)\n*<!-- baton:.*?-->", ""),
        (r"(?s)<details>.*?</details>\n+", ""),
    ];
    let own = [
        (exactly(folder.to_str().unwrap()), "/home/alice/bot"),
        (exactly(&ground.github.address), "127.0.0.1:8090"),
        (exactly(&ground.listen), "127.0.0.1:3000"),
    ];
    own.into_iter().chain(others.map(|(what, by)| (what.to_owned(), by))).collect()
}

/// The last post of a thread.
fn last_post(thread: &str) -> String {
    let from = thread.rfind("\n--- @").unwrap() + 1;
    thread[from..].to_owned()
}

/// The log's lines about the server itself and about changes of the task: how many deliveries come in between differs.
fn in_short(log: &str) -> String {
    let effects = regex::Regex::new(" effects=[0-9]+").unwrap();
    let mut lines: Vec<String> = Vec::new();
    for line in log.lines().filter(|line| ["$ ", "cli::serve", "task changed"].iter().any(|part| line.contains(part))) {
        let line = effects.replace(line, "").into_owned();
        let told = |line: &str| line.split_once(" INFO ").map(|(_, told)| told.to_owned());
        if lines.last().is_none_or(|last| told(last).is_none() || told(last) != told(&line)) {
            lines.push(line);
        }
    }
    lines.join("\n")
}

#[test]
fn from_nothing_to_the_first_pull_request() {
    let mut operator = Operator::sits_down();
    let github = operator.github();
    operator.terminal.begin(&format!("baton setup --github {github}"));
    operator.terminal.wait_for("/setup/", PATIENCE);
    let link = until("the link", PATIENCE, || {
        let screen = operator.terminal.raw();
        screen.lines().map(str::trim).find(|line| line.starts_with("http://")).map(str::to_owned)
    });
    operator.creates_the_app(&link);
    let setup = operator.terminal.read(PATIENCE);
    operator.page.holds("setup", &setup);
    let files = operator.terminal.run("stat -c '%A %n' *", PATIENCE);
    operator.page.holds("files", &files);
    operator.kept_the_secrets();
    let again = operator.terminal.run("baton setup", PATIENCE);
    assert!(
        again.contains("is configured already; `baton doctor` checks it"),
        "another App's key would be lost: {again}"
    );

    operator.edits_the_configuration();
    let file = operator.terminal.run("cat baton.toml", PATIENCE);
    operator.page.holds("configuration", &file);
    let checked = operator.terminal.run("baton config check", PATIENCE);
    operator.page.holds("check", &checked);
    let examined = operator.terminal.run("baton doctor", EXAMINATION);
    operator.page.holds("doctor", &examined);

    operator.terminal.begin("baton serve");
    operator.terminal.wait_for("listening for webhooks", PATIENCE);
    let issue = operator.opens_an_issue();
    until("the plan stands on the issue", PATIENCE, || is_plan(&operator.thread(issue)).then_some(()));
    operator.browser.open(&format!("{github}/{REPOSITORY}/issues/{issue}"));
    operator.browser.scroll_to("Plan, revision 1");
    operator.picture("6-plan");
    let plan = last_post(&operator.thread(issue));
    operator.page.holds("plan", &plan);

    operator.does(&json!({ "verb": "says", "repo": REPOSITORY, "number": issue, "body": "/plan approve" }));
    let pull = until("the pull request is there", PATIENCE, || {
        let pulls = operator.ground.github.list(&format!("pulls/{REPOSITORY}"));
        pulls.into_iter().find(|pull| pull["draft"] == false && pull["requested_reviewers"] == json!([MAINTAINER]))
    });
    let number = pull["number"].as_u64().unwrap();
    operator.browser.open(&format!("{github}/{REPOSITORY}/pull/{number}"));
    operator.browser.scroll_to("Evidence");
    operator.picture("7-pull-request");
    let thread = operator.thread(number);
    operator.page.holds("pull-request", &thread);

    let mut another = operator.opens_another_terminal();
    let list = another.run("baton task list", PATIENCE);
    operator.page.holds("list", &list);
    let show = another.run("baton task show 1", PATIENCE);
    operator.page.holds("show", &show);
    assert!(operator.terminal.raw().contains("\u{1b}[32m✓\u{1b}[0m escapes"), "no colour on a terminal");
    assert!(another.raw().contains("\u{1b}[32min_review\u{1b}[0m"), "no colour on a terminal");
    let coloured = another.raw().len();
    let plain = ["NO_COLOR=1 baton task list", "baton task list | cat"].map(|command| another.run(command, PATIENCE));
    assert!(plain.iter().all(|shown| shown.ends_with(list.split_once('\n').unwrap().1)), "{plain:?}");
    assert!(!another.raw()[coloured..].contains('\u{1b}'), "colour where none is wanted: {}", another.raw());
    operator.terminal.interrupt();
    let served = operator.terminal.read(PATIENCE);
    operator.page.holds("serve", &in_short(&served));
    operator.page.is_whole();
    operator.ground.github.audit_contract();
}
