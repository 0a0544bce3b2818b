//! A GitHub with people and a repository, and nothing of Baton: where an operator begins.

use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::json;
use tempfile::TempDir;

use super::github::{GitHub, MACHINE_USER, MAINTAINER, REPORTER};
use super::process::{Process, run, until};
use super::programs;
use super::story::PYTHON;
use super::world::{PATIENCE, is_plan};

/// The operator's own repository.
pub const REPOSITORY: &str = "alice/dotfile";

pub struct Ground {
    pub folder: TempDir,
    pub github: GitHub,
    pub baton: programs::Baton,
    /// Where Baton is going to listen.
    pub listen: String,
}

impl Ground {
    pub fn new() -> Self {
        // Screens and pictures show its name.
        let folder = tempfile::Builder::new().prefix("baton-").tempdir().unwrap();
        let github = GitHub::without_an_app(folder.path());
        let roles = json!({ MAINTAINER: "admin", MACHINE_USER: "triage", REPORTER: "read" });
        github.post("users", &json!({ "login": MAINTAINER }));
        github.post("users", &json!({ "login": REPORTER }));
        github.post("repositories", &json!({ "name": REPOSITORY, "folder": PYTHON.tree(), "roles": roles }));
        // Free now; who takes it in between makes the test fail, not lie.
        let listen = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        Self { folder, github, baton: programs::baton(), listen }
    }

    pub fn config(&self) -> PathBuf {
        self.folder.path().join("baton.toml")
    }

    pub fn variables(&self) -> Vec<(String, String)> {
        let url = |name: &str| self.github.urls[name].as_str().unwrap().to_owned();
        vec![
            ("BATON_GITHUB__API_URL".into(), url("api_url")),
            ("BATON_GITHUB__WEB_URL".into(), url("web_url")),
            ("BATON_SERVER__LISTEN".into(), self.listen.clone()),
            ("BATON_LOG".into(), "info".into()),
        ]
    }

    pub fn start(&self, name: &str, arguments: &[&str]) -> Process {
        let variables = self.variables();
        let variables: Vec<_> = variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        Process::start(name, self.folder.path(), &self.baton.path, arguments, &variables)
    }

    pub fn run(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let variables = self.variables();
        let variables: Vec<_> = variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let output = run(self.folder.path(), &self.baton.path, arguments, &variables);
        let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
        (output.status.code(), said)
    }

    pub fn link(setup: &Process) -> String {
        until("baton setup shows its link", Duration::from_secs(30), || {
            let said = setup.stdout();
            let line = said.lines().find(|line| line.trim_start().starts_with("http://"))?;
            Some(line.trim().to_owned())
        })
    }

    /// What a browser does, up to the address that it cannot open.
    pub fn create_on_github(&self, link: &str, channel: &str) -> String {
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

    pub fn install(&self) {
        let config = fs::read_to_string(self.config()).unwrap();
        let app = config.lines().find_map(|line| line.strip_prefix("app_id = ")).unwrap();
        let app: u64 = app.parse().unwrap();
        self.github.post("installations", &json!({ "app_id": app, "repo": REPOSITORY }));
    }

    pub fn add_agent(&self) {
        let script = PYTHON.recording();
        let agent = format!("\n[agents.recorded]\nkind = \"replay\"\nscript = \"{}\"\n", script.display());
        let config = fs::read_to_string(self.config()).unwrap();
        fs::write(self.config(), config + &agent).unwrap();
    }

    /// An issue, its plan, the approval, the pull request.
    pub fn first_pull_request(&self) {
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

/// The first such attribute of a page, read as a browser reads it.
fn attribute(page: &str, name: &str) -> String {
    let (_, rest) = page.split_once(&format!("{name}=\"")).unwrap_or_else(|| panic!("no `{name}` in {page}"));
    let value = rest.split_once('"').unwrap().0;
    value.replace("&quot;", "\"").replace("&#39;", "'").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}
