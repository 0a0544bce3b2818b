//! From nothing to a bot that answers: `baton setup` in a real browser, `baton doctor`, `baton serve`, and the first pull
//! request; and the same behind a webhook channel. Pictures of the pages go to the target folder, to be looked at.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::json;
use tempfile::TempDir;

use super::browser::Browser;
use super::channel::Channel;
use super::github::{GitHub, MACHINE_USER, MAINTAINER, REPORTER};
use super::process::{Process, run, until};
use super::programs;
use super::story::PYTHON;
use super::world::{PATIENCE, is_plan};

/// A GitHub with people and a repository, and nothing of Baton.
struct Ground {
    folder: TempDir,
    github: GitHub,
    baton: programs::Baton,
    /// Where Baton is going to listen.
    listen: String,
}

impl Ground {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let github = GitHub::without_an_app(folder.path());
        let roles = json!({ MAINTAINER: "admin", MACHINE_USER: "triage", REPORTER: "read" });
        github.post("users", &json!({ "login": MAINTAINER }));
        github.post("users", &json!({ "login": REPORTER }));
        github.post("repositories", &json!({ "name": REPOSITORY, "folder": PYTHON.tree(), "roles": roles }));
        // Free now; who takes it in between makes the test fail, not lie.
        let listen = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        Self { folder, github, baton: programs::baton(), listen }
    }

    fn config(&self) -> PathBuf {
        self.folder.path().join("baton.toml")
    }

    fn variables(&self) -> Vec<(String, String)> {
        let url = |name: &str| self.github.urls[name].as_str().unwrap().to_owned();
        vec![
            ("BATON_GITHUB__API_URL".into(), url("api_url")),
            ("BATON_GITHUB__WEB_URL".into(), url("web_url")),
            ("BATON_SERVER__LISTEN".into(), self.listen.clone()),
            ("BATON_LOG".into(), "info".into()),
        ]
    }

    fn start(&self, name: &str, arguments: &[&str]) -> Process {
        let variables = self.variables();
        let variables: Vec<_> = variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        Process::start(name, self.folder.path(), &self.baton.path, arguments, &variables)
    }

    fn run(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let variables = self.variables();
        let variables: Vec<_> = variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let output = run(self.folder.path(), &self.baton.path, arguments, &variables);
        let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
        (output.status.code(), said)
    }

    fn link(setup: &Process) -> String {
        until("baton setup shows its link", Duration::from_secs(30), || {
            let said = setup.stdout();
            let line = said.lines().find(|line| line.trim_start().starts_with("http://"))?;
            Some(line.trim().to_owned())
        })
    }

    /// What a browser does, up to the address that it cannot open.
    fn create_on_github(&self, link: &str, channel: &str) -> String {
        let web = self.github.urls["web_url"].as_str().unwrap();
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let post = |url: &str, form: &[(&str, &str)]| {
            let request = http.post(url).header("cookie", format!("github_sim_user={MAINTAINER}")).form(form);
            runtime.block_on(async {
                let answer = request.send().await.unwrap();
                let to = answer.headers().get("location").map(|to| to.to_str().unwrap().to_owned());
                (to, answer.text().await.unwrap())
            })
        };
        let (_, page) = post(link, &[("name", "Our Baton"), ("tunnel", channel)]);
        let target = attribute(&page, "action");
        assert!(target.starts_with(web), "{target}");
        let (_, page) = post(&target, &[("manifest", &attribute(&page, "value"))]);
        let pending = page.split_once("name=\"pending\"").unwrap().1;
        let form = [("pending", attribute(pending, "value")), ("name", "Our Baton".to_owned())];
        let form = [("pending", form[0].1.as_str()), ("name", form[1].1.as_str())];
        let (to, page) = post(&format!("{}/settings/apps", web.trim_end_matches('/')), &form);
        to.unwrap_or_else(|| panic!("no way back: {page}"))
    }

    fn install(&self) {
        let config = fs::read_to_string(self.config()).unwrap();
        let app = config.lines().find_map(|line| line.strip_prefix("app_id = ")).unwrap();
        let app: u64 = app.parse().unwrap();
        self.github.post("installations", &json!({ "app_id": app, "repo": REPOSITORY }));
    }

    fn add_agent(&self) {
        let script = PYTHON.recording();
        let agent = format!("\n[agents.recorded]\nkind = \"replay\"\nscript = \"{}\"\n", script.display());
        let config = fs::read_to_string(self.config()).unwrap();
        fs::write(self.config(), config + &agent).unwrap();
    }

    /// An issue, its plan, the approval, the pull request.
    fn first_pull_request(&self) {
        let (title, body) = PYTHON.issue("CR-12345678");
        let deed = json!({ "verb": "opens_issue", "repo": REPOSITORY, "title": title, "body": body });
        let number = self.github.person(REPORTER, &deed)["number"].as_u64().unwrap();
        let say = |text: &str| {
            let deed = json!({ "verb": "says", "repo": REPOSITORY, "number": number, "body": text });
            self.github.person(MAINTAINER, &deed);
        };
        say("/plan");
        until("the plan stands on the issue", PATIENCE, || {
            is_plan(&self.github.text(&format!("thread/{REPOSITORY}/{number}"))).then_some(())
        });
        say("/plan approve");
        let pull = until("the pull request is there", PATIENCE, || {
            self.github.list(&format!("pulls/{REPOSITORY}")).into_iter().find(|pull| pull["draft"] == false)
        });
        assert!(pull["body"].as_str().unwrap().contains(&format!("Closes #{number}")), "{pull:#}");
    }
}

const REPOSITORY: &str = "alice/dotfile";

/// The first such attribute of a page, read as a browser reads it.
fn attribute(page: &str, name: &str) -> String {
    let (_, rest) = page.split_once(&format!("{name}=\"")).unwrap_or_else(|| panic!("no `{name}` in {page}"));
    let value = rest.split_once('"').unwrap().0;
    value.replace("&quot;", "\"").replace("&#39;", "'").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

/// Puts a picture where a person finds it.
fn picture(browser: &Browser, name: &str) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pictures");
    fs::create_dir_all(&folder).unwrap();
    let picture = browser.picture();
    assert!(picture.starts_with(b"\x89PNG"));
    fs::write(folder.join(format!("{name}.png")), picture).unwrap();
}

fn mode(file: &Path) -> u32 {
    fs::metadata(file).unwrap().permissions().mode() & 0o777
}

#[test]
fn from_nothing_to_the_first_pull_request() {
    let ground = Ground::new();
    let mut setup = ground.start("setup", &["setup", "--name", "Our Baton"]);
    let link = Ground::link(&setup);
    let browser = Browser::start(ground.folder.path());

    browser.open(&link);
    browser.wait_for("Create Baton's GitHub App");
    picture(&browser, "setup-1-ask");
    browser.fill("Public address", "no address");
    browser.press("Continue");
    browser.wait_for("`no address` is no http(s) address");
    browser.fill("Public address", &format!("http://{}", ground.listen));
    browser.press("Continue");
    browser.wait_for("What it may do");
    picture(&browser, "setup-2-confirm");
    browser.press("Create it on GitHub");

    // GitHub's side, as a person meets it.
    browser.wait_for("Sign in");
    browser.press(MAINTAINER);
    browser.wait_for("Create GitHub App");
    picture(&browser, "setup-3-github");
    browser.press("Create GitHub App for");

    browser.wait_for("Install it on your repositories");
    picture(&browser, "setup-4-created");
    let home = browser.address();
    assert_eq!(home, link, "the browser came back by itself");
    browser.open(&browser.link("Install it on your repositories"));
    browser.wait_for("Only select repositories");
    browser.press("Install");
    until("the App is installed", PATIENCE, || setup.stdout().contains("✓ installed on alice").then_some(()));
    browser.open(&home);
    browser.wait_for("Baton is set up");
    picture(&browser, "setup-5-done");
    assert!(setup.wait(PATIENCE).success(), "{}{}", setup.stdout(), setup.stderr());

    for secret in ["app-key.pem", "webhook-secret"] {
        let file = ground.folder.path().join(secret);
        assert_eq!(mode(&file), 0o600, "{secret}");
        let text = fs::read_to_string(&file).unwrap();
        let said = setup.stdout() + &setup.stderr();
        assert!(!said.contains(text.trim()) && !text.trim().is_empty(), "{secret} is shown");
    }
    let (code, said) = ground.run(&["setup"]);
    assert_eq!(code, Some(2), "a second App would overwrite the first one's key: {said}");
    assert!(said.contains("is configured already; `baton doctor` checks it"), "{said}");

    ground.add_agent();
    let (code, said) = ground.run(&["config", "check"]);
    assert_eq!(code, Some(0), "{said}");
    let serving = ground.start("serve", &["serve"]);
    until("baton serve listens", PATIENCE, || serving.stderr().contains("listening for webhooks").then_some(()));
    ground.first_pull_request();
}

/// A laptop: the browser cannot come back to it and no webhook reaches it. The address is pasted, and webhooks come
/// through a channel, over which others say things too.
#[test]
fn behind_a_webhook_channel() {
    let ground = Ground::new();
    let channel = Channel::open();
    let mut setup = ground.start("setup", &["setup", "--name", "Our Baton", "--tunnel", &channel.url]);
    let link = Ground::link(&setup);
    setup.type_in("what shall I say\n");
    until("a slip is told", PATIENCE, || {
        setup.stdout().contains("this is neither a code nor an address").then_some(())
    });
    let address = ground.create_on_github(&link, &channel.url);
    assert!(address.starts_with(&link[..link.find("/setup/").unwrap()]), "{address} is not below {link}");
    setup.type_in(&format!("{address}\n"));
    until("the App is made", PATIENCE, || setup.stdout().contains("GitHub has made the App Our Baton").then_some(()));
    until("baton setup listens", PATIENCE, || (channel.listeners() > 0).then_some(()));
    ground.install();
    assert!(setup.wait(PATIENCE).success(), "{}{}", setup.stdout(), setup.stderr());

    ground.add_agent();
    channel.hang_up();
    let serving = ground.start("serve", &["serve"]);
    until("baton serve listens to the channel", PATIENCE, || (channel.listeners() > 0).then_some(()));
    channel.tell("hello");
    channel.tell(r#"{"x-github-event":"issues","x-github-delivery":"1","x-hub-signature-256":"sha256=00","body":{}}"#);
    until("a forged delivery is refused", PATIENCE, || {
        serving.stderr().contains("has no good signature").then_some(())
    });
    // The channel goes away and comes back.
    channel.hang_up();
    until("baton serve listens again", PATIENCE, || (channel.listeners() > 0).then_some(()));
    ground.first_pull_request();
}

#[test]
fn what_cannot_be_set_up_is_said_at_once() {
    let ground = Ground::new();
    let (code, said) = ground.run(&["setup", "--organization", "acme corp"]);
    assert_eq!((code, said.lines().count()), (Some(2), 1), "{said}");
    assert!(said.contains("`acme corp` is no organisation's name"), "{said}");
    fs::write(ground.folder.path().join("app-key.pem"), "the key of another App").unwrap();
    let (code, said) = ground.run(&["setup"]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("app-key.pem is there already and may be an App's only key"), "{said}");
    assert_eq!(fs::read_to_string(ground.folder.path().join("app-key.pem")).unwrap(), "the key of another App");
}
