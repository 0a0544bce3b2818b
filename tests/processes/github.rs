//! GitHub, simulated by a process of its own and driven through its control API.

use std::path::Path;

use serde_json::{Value, json};

use super::http;
use super::process::Process;
use super::programs;

/// Who may write.
pub const MAINTAINER: &str = "alice";
/// Who may only read.
pub const REPORTER: &str = "rita";
/// The login that issues are assigned to.
pub const MACHINE_USER: &str = "baton-bot";
/// The login under which Baton writes.
pub const BATON: &str = "baton[bot]";

/// The simulator with one App. What went over the wire is held against GitHub's descriptions to its end, in every test.
pub struct GitHub {
    _process: Process,
    /// HOST:PORT.
    pub address: String,
    /// What it said when it started.
    pub urls: Value,
    /// The App's credentials.
    pub app: Value,
}

impl GitHub {
    pub fn start(folder: &Path) -> Self {
        let mut github = Self::without_an_app(folder);
        github.app = github.register();
        github
    }

    /// A GitHub that knows nobody yet.
    pub fn without_an_app(folder: &Path) -> Self {
        let data = folder.join("github");
        std::fs::create_dir(&data).unwrap();
        let arguments = ["serve", "--listen", "127.0.0.1:0", "--data", data.to_str().unwrap()];
        let mut process = Process::start("github-sim", folder, &programs::github_sim(), &arguments, &[]);
        let urls: Value = serde_json::from_str(&process.first_line()).unwrap();
        let url = urls["control_url"].as_str().unwrap();
        let address = url.trim_start_matches("http://").split('/').next().unwrap().to_owned();
        Self { _process: process, address, urls, app: Value::Null }
    }

    /// The App that `app-manifest.yml` describes.
    fn register(&self) -> Value {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("app-manifest.yml");
        let manifest: Value = yaml_serde::from_str(&std::fs::read_to_string(manifest).unwrap()).unwrap();
        for login in [MAINTAINER, REPORTER, MACHINE_USER] {
            self.post("users", &json!({ "login": login }));
        }
        let made = self.post(
            "apps",
            &json!({
                "name": manifest["name"],
                "permissions": manifest["default_permissions"],
                "events": manifest["default_events"],
            }),
        );
        made["apps"][0].clone()
    }

    /// A repository with the files of a folder and the App installed on it.
    pub fn repository(&self, name: &str, folder: &Path) {
        let roles = json!({ MAINTAINER: "maintain", MACHINE_USER: "triage", REPORTER: "read" });
        self.post("repositories", &json!({ "name": name, "folder": folder, "roles": roles }));
        self.post("installations", &json!({ "app_id": self.app["app_id"], "repo": name }));
    }

    /// Where webhooks go from now on.
    pub fn tell(&self, address: &str) {
        let url = format!("http://{address}/webhooks/github");
        self.send("PATCH", &format!("apps/{}", self.app["app_id"]), &json!({ "webhook_url": url }));
    }

    pub fn get(&self, path: &str) -> Value {
        serde_json::from_str(&self.text(path)).unwrap()
    }

    pub fn list(&self, path: &str) -> Vec<Value> {
        self.get(path).as_array().unwrap().clone()
    }

    pub fn text(&self, path: &str) -> String {
        let answer = http::request(&self.address, "GET", &format!("/_sim/{path}"), &[], b"").unwrap();
        assert_eq!(answer.status, 200, "GET {path}: {}", answer.body);
        answer.body
    }

    pub fn post(&self, path: &str, body: &Value) -> Value {
        self.send("POST", path, body)
    }

    /// A person's deed.
    pub fn person(&self, login: &str, deed: &Value) -> Value {
        self.post(&format!("people/{login}"), deed)
    }

    /// From now on `operation` goes wrong, `times` times, or always.
    pub fn fault(&self, operation: &str, fault: &Value, times: Option<u32>) {
        self.post("faults", &json!({ "operation": operation, "fault": fault, "times": times }));
    }

    pub fn no_faults(&self) {
        self.send("DELETE", "faults", &json!({}));
    }

    /// What Baton did, as `what` with its particulars.
    pub fn deeds(&self) -> Vec<(String, Value)> {
        let done = self.list("ledger").into_iter().filter(|effect| effect["actor"] == BATON);
        done.map(|effect| (effect["what"].as_str().unwrap().to_owned(), effect["detail"].clone())).collect()
    }

    /// What went over the wire, both ways, is what GitHub's own descriptions say, and Baton asked for nothing that its
    /// permissions do not allow.
    pub fn audit_contract(&self) {
        let contract = self.contract();
        let count = |tally: &Value| tally["requests"].as_u64().unwrap();
        let checked: u64 = contract["checked"].as_object().unwrap().values().map(count).sum();
        // Git's own protocol is spoken beside the API.
        let beside = ["git/upload-pack", "git/receive-pack"];
        let of_git = |request: &Value| beside.contains(&request["operation"].as_str().unwrap());
        let asked = self.list("requests").iter().filter(|request| !of_git(request)).count();
        assert_eq!(checked, asked as u64, "not every request was held against GitHub's descriptions");
    }

    /// What was held against GitHub's descriptions, and without a violation.
    fn contract(&self) -> Value {
        let contract = self.get("contract");
        assert_eq!(contract["violations"], json!([]), "not as GitHub describes it: {:#}", contract["violations"]);
        contract
    }

    pub fn send(&self, method: &str, path: &str, body: &Value) -> Value {
        let headers = [("content-type", "application/json")];
        let body = body.to_string();
        let answer = http::request(&self.address, method, &format!("/_sim/{path}"), &headers, body.as_bytes()).unwrap();
        assert_eq!(answer.status, 200, "{method} {path} {body}: {}", answer.body);
        serde_json::from_str(&answer.body).unwrap()
    }
}

impl Drop for GitHub {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.contract();
        }
    }
}
