//! What the tests stand on: a simulator with one repository and one App, a client, a webhook receiver, a git program.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};

use github_sim::{AppCredentials, AppSpec, Level, Options, Permissions, Role, Sim};
use serde_json::{Value, json};

pub const REPO: &str = "acme/app";

pub struct Stage {
    pub sim: Sim,
    pub app: AppCredentials,
    pub installation: u64,
    pub http: reqwest::Client,
}

pub struct Reply {
    pub status: u16,
    pub body: Value,
    pub headers: reqwest::header::HeaderMap,
}

impl Reply {
    pub fn message(&self) -> &str {
        self.body["message"].as_str().unwrap_or_default()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|it| it.to_str().ok()).unwrap_or_default()
    }
}

pub fn permissions(list: &[(&str, Level)]) -> Permissions {
    list.iter().map(|(name, level)| ((*name).to_owned(), *level)).collect()
}

impl Stage {
    pub fn new() -> Self {
        let sim = Sim::start(Options::default()).unwrap();
        sim.user("acme").unwrap();
        sim.repository(REPO, [("README.md", "# App\n"), ("src/lib.rs", "pub fn one() -> u8 { 2 }\n")]).unwrap();
        sim.role(REPO, "alice", Role::Maintain).unwrap();
        sim.role(REPO, "rita", Role::Read).unwrap();
        sim.user("olaf").unwrap();
        let write = Level::Write;
        let app = sim
            .app(AppSpec {
                name: "Baton".into(),
                permissions: permissions(&[
                    ("issues", write),
                    ("pull_requests", write),
                    ("contents", write),
                    ("checks", write),
                ]),
                events: [
                    "issues",
                    "issue_comment",
                    "pull_request",
                    "pull_request_review",
                    "push",
                    "create",
                    "check_run",
                ]
                .map(str::to_owned)
                .into(),
                ..AppSpec::default()
            })
            .unwrap();
        let installation = sim.install(app.app_id, REPO).unwrap();
        Self {
            sim,
            app,
            installation,
            http: reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap(),
        }
    }

    pub fn jwt(&self) -> String {
        let now = jiff::Timestamp::now().as_second();
        jwt(&self.app, &json!({"iss": self.app.app_id, "iat": now - 60, "exp": now + 540}))
    }

    pub async fn send(&self, method: &str, path: &str, token: &str, body: Option<Value>) -> Reply {
        self.receive(self.request(method, path), token, body).await
    }

    /// Sends what GitHub does not describe or the token does not allow, to see how it is refused.
    pub async fn send_wrong(&self, method: &str, path: &str, token: &str, body: Option<Value>) -> Reply {
        let request = self.request(method, path).header("x-github-sim-wrong-on-purpose", "yes");
        self.receive(request, token, body).await
    }

    fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        let url = if path.starts_with("http") { path.to_owned() } else { format!("{}{path}", self.sim.api_url()) };
        self.http.request(method.parse().unwrap(), url)
    }

    async fn receive(&self, request: reqwest::RequestBuilder, token: &str, body: Option<Value>) -> Reply {
        let mut request = request;
        if !token.is_empty() {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.unwrap();
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Reply { status, body, headers }
    }

    pub async fn mint(&self, narrowing: Value) -> String {
        let path = format!("/app/installations/{}/access_tokens", self.installation);
        let minted = self.send("POST", &path, &self.jwt(), Some(narrowing)).await;
        assert_eq!(minted.status, 201, "{}", minted.body);
        minted.body["token"].as_str().unwrap().to_owned()
    }

    pub fn clone_url(&self, user: &str) -> String {
        let host = self.sim.git_url().trim_start_matches("http://").to_owned();
        if user.is_empty() { format!("http://{host}/{REPO}.git") } else { format!("http://{user}@{host}/{REPO}.git") }
    }
}

pub fn jwt(app: &AppCredentials, claims: &Value) -> String {
    let key = jsonwebtoken::EncodingKey::from_rsa_pem(app.private_key_pem.as_bytes()).unwrap();
    jsonwebtoken::encode(&jsonwebtoken::Header::new(jsonwebtoken::Algorithm::RS256), claims, &key).unwrap()
}

/// Runs git without anybody's configuration; success and everything it said.
pub fn git(folder: &Path, args: &[&str]) -> (bool, String) {
    let output = Command::new("git")
        .args(["-c", "user.name=Test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false"])
        .args(args)
        .current_dir(folder)
        .env_clear()
        .env("PATH", std::env::var("PATH").unwrap())
        .env("HOME", folder)
        .env("LC_ALL", "C")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_TERMINAL_PROMPT", "0")
        .output()
        .expect("git must be installed: apt-get install git");
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

pub fn git_ok(folder: &Path, args: &[&str]) -> String {
    let (ok, said) = git(folder, args);
    assert!(ok, "git {args:?}: {said}");
    said
}

/// What a webhook receiver got.
#[derive(Clone, Debug)]
pub struct Received {
    pub headers: axum::http::HeaderMap,
    pub body: bytes::Bytes,
}

impl Received {
    pub fn header(&self, name: &str) -> String {
        self.headers.get(name).map(|it| it.to_str().unwrap().to_owned()).unwrap_or_default()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// `issues.opened by alice`
    pub fn short(&self) -> String {
        let (body, event) = (self.json(), self.header("x-github-event"));
        let action = body["action"].as_str().map(|it| format!(".{it}")).unwrap_or_default();
        let sender = body["sender"]["login"].as_str().map(|it| format!(" by {it}")).unwrap_or_default();
        format!("{event}{action}{sender}")
    }
}

pub type Inbox = Arc<Mutex<Vec<Received>>>;

/// Starts a receiver that answers with this status; its URL and what it gets.
pub async fn receiver(status: u16) -> (String, Inbox) {
    let inbox = Inbox::default();
    let shared = Arc::clone(&inbox);
    let handler = move |headers: axum::http::HeaderMap, body: bytes::Bytes| async move {
        shared.lock().unwrap().push(Received { headers, body });
        axum::http::StatusCode::from_u16(status).unwrap()
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let app = axum::Router::new().route("/hook", axum::routing::post(handler));
    tokio::spawn(async move { axum::serve(listener, app).await });
    (url, inbox)
}

pub fn shorts(inbox: &Inbox) -> Vec<String> {
    inbox.lock().unwrap().drain(..).map(|it| it.short()).collect()
}

/// A clone with somebody's credentials in its address.
pub fn work(stage: &Stage, user: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    git_ok(folder.path(), &["clone", "-q", &stage.clone_url(user), "work"]);
    let work = folder.path().join("work");
    (folder, work)
}

/// Writes a file and commits it.
pub fn commit(work: &Path, path: &str, text: &str) {
    let file = work.join(path);
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(file, text).unwrap();
    git_ok(work, &["add", "-A"]);
    git_ok(work, &["commit", "-q", "-m", &format!("change {path}")]);
}
