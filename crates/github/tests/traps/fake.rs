//! A server that answers what a test tells it to, and remembers what it was asked.

use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::KeyPair as _;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use baton_core::domain::ids::{InstallationId, RepositoryId};
use baton_core::domain::issue::RepositoryRef;
use baton_core::domain::time::Timestamp;
use baton_github::{Budget, Config, GitHubApp, Repository, Timeouts};
use github_sim::contract::{check_graphql_request, check_request};
use secrecy::SecretString;
use serde_json::{Value, json};

/// What was asked.
#[derive(Clone, Debug)]
pub struct Asked {
    pub method: String,
    pub path: String,
    pub authorization: String,
    pub headers: Vec<(String, String)>,
    pub body: Value,
}

impl Asked {
    /// `POST /path`, for comparing.
    pub fn line(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

pub struct Fake {
    pub url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
    raw: Arc<Mutex<Vec<Raw>>>,
    server: tokio::task::JoinHandle<()>,
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.server.abort();
        // Looked at when all is over: the tests count milliseconds.
        let found: Vec<String> = self.raw.lock().unwrap().iter().flat_map(Raw::violations).collect();
        let fine = found.is_empty() || std::thread::panicking();
        assert!(fine, "asked otherwise than GitHub describes it:\n{}", found.join("\n"));
    }
}

pub const BOT: i64 = 777;
pub const TOKEN: &str = "ghs_CANARY0000000000000000000000000000000001";

impl Fake {
    /// Starts a server. `answer` gets what no default answers; requests with the App's signature and for the bot user are
    /// answered as GitHub does, unless `answer` does it first.
    pub async fn start(answer: impl Fn(&Asked) -> Option<Response> + Send + Sync + 'static) -> Self {
        let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let raw: Arc<Mutex<Vec<Raw>>> = Arc::default();
        let (log, all) = (Arc::clone(&asked), Arc::clone(&raw));
        let answer = Arc::new(answer);
        let handler = move |request: Request| {
            let (log, all, answer) = (Arc::clone(&log), Arc::clone(&all), Arc::clone(&answer));
            async move {
                let (one, raw) = read(request).await;
                all.lock().unwrap().push(raw);
                log.lock().unwrap().push(one.clone());
                answer(&one)
                    .or_else(|| default_answer(&one))
                    .unwrap_or_else(|| status(404, json!({"message": "Not Found"})))
            }
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = tokio::spawn(async move {
            axum::serve(listener, Router::new().fallback(handler)).await.unwrap();
        });
        Self { url, asked, raw, server }
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// All requests as lines, those for tokens and the bot user left out.
    pub fn lines(&self) -> Vec<String> {
        self.asked()
            .iter()
            .filter(|one| !one.path.starts_with("/app") && !one.path.starts_with("/users/"))
            .map(Asked::line)
            .collect()
    }

    pub fn count(&self, line: &str) -> usize {
        self.asked().iter().filter(|one| one.line() == line).count()
    }

    pub fn mints(&self) -> Vec<Asked> {
        self.asked().into_iter().filter(|one| one.path.ends_with("/access_tokens")).collect()
    }

    pub fn config(&self) -> Config {
        config(&self.url)
    }

    pub fn repository(&self) -> Repository {
        repository(&self.config())
    }
}

/// What was asked, for the tests and for the contract.
async fn read(request: Request) -> (Asked, Raw) {
    let (parts, body) = request.into_parts();
    let bytes: Bytes = axum::body::to_bytes(body, 10 << 20).await.unwrap();
    let header = |name: &str| parts.headers.get(name).map(|v| v.to_str().unwrap().to_owned()).unwrap_or_default();
    let asked = Asked {
        method: parts.method.to_string(),
        path: parts.uri.to_string(),
        authorization: header("authorization"),
        headers: parts.headers.iter().map(|(k, v)| (k.to_string(), v.to_str().unwrap().to_owned())).collect(),
        body: serde_json::from_slice(&bytes).unwrap_or(Value::Null),
    };
    (asked, Raw { method: parts.method.to_string(), uri: parts.uri, body: bytes })
}

/// A request as it came over the wire.
struct Raw {
    method: String,
    uri: axum::http::Uri,
    body: Bytes,
}

impl Raw {
    /// What GitHub would not know of it.
    fn violations(&self) -> Vec<String> {
        let path = self.uri.path();
        let found = match path.split_once("/api/v3").map_or(path, |(_, below)| below) {
            path if path.ends_with("/graphql") => check_graphql_request(&self.body),
            path => check_request(&self.method, path, self.uri.query().unwrap_or_default(), &self.body),
        };
        found.iter().map(ToString::to_string).collect()
    }
}

fn default_answer(one: &Asked) -> Option<Response> {
    let path = one.path.split('?').next().unwrap();
    match (one.method.as_str(), path) {
        ("POST", path) if path.ends_with("/access_tokens") => {
            Some(status(201, json!({"token": TOKEN, "expires_at": in_an_hour()})))
        }
        ("GET", path) if path.ends_with("/app") => {
            Some(status(200, json!({"id": 12, "slug": "baton", "name": "Baton"})))
        }
        ("GET", path) if path.contains("/users/") => {
            Some(status(200, json!({"id": BOT, "login": "baton[bot]", "type": "Bot"})))
        }
        _ => None,
    }
}

pub fn status(code: u16, body: Value) -> Response {
    (axum::http::StatusCode::from_u16(code).unwrap(), axum::Json(body)).into_response()
}

pub fn with_header(mut response: Response, name: &'static str, value: &str) -> Response {
    response.headers_mut().insert(name, value.parse().unwrap());
    response
}

pub fn html(code: u16) -> Response {
    let page = "<html><head><title>Unicorn!</title></head><body>CANARY-HTML</body></html>";
    (axum::http::StatusCode::from_u16(code).unwrap(), axum::response::Html(page)).into_response()
}

/// Announces more than it sends, and hangs up.
pub fn cut_off(code: u16) -> Response {
    let pieces = futures::stream::iter([Ok(Bytes::from_static(b"{\"id\":")), Err(std::io::Error::other("hung up"))]);
    Response::builder().status(code).header("content-length", "4000").body(Body::from_stream(pieces)).unwrap()
}

#[expect(clippy::disallowed_methods, reason = "the source of the time that the room is given")]
pub fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    Timestamp(i64::try_from(since.as_millis()).unwrap())
}

pub fn in_an_hour() -> String {
    now().plus(Duration::from_secs(3600)).to_string()
}

pub fn comment(id: i64, author: i64, body: &str) -> Value {
    json!({
        "id": id, "node_id": format!("IC_{id}"), "html_url": "https://x/1", "body": body,
        "user": {"id": author, "login": "someone", "type": "User"},
        "issue_url": "https://api/repos/acme/app/issues/1",
        "created_at": "2026-11-22T15:00:00Z", "updated_at": "2026-11-22T15:00:00Z",
    })
}

/// An RSA key of this run: no key is kept in the repository.
pub fn key() -> &'static (String, Vec<u8>) {
    static KEY: OnceLock<(String, Vec<u8>)> = OnceLock::new();
    KEY.get_or_init(generate)
}

/// Another one.
pub fn another_key() -> &'static (String, Vec<u8>) {
    static KEY: OnceLock<(String, Vec<u8>)> = OnceLock::new();
    KEY.get_or_init(generate)
}

fn generate() -> (String, Vec<u8>) {
    let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
    let der = AsDer::<aws_lc_rs::encoding::Pkcs8V1Der<'_>>::as_der(&pair).unwrap();
    let base64 = base64::engine::general_purpose::STANDARD.encode(der.as_ref());
    let lines: Vec<&str> = base64.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    let label = "PRIVATE KEY";
    let pem = format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"));
    (pem, pair.public_key().as_ref().to_vec())
}

/// A clock that the test moves.
#[derive(Clone)]
pub struct Hands(Arc<std::sync::atomic::AtomicI64>);

impl Hands {
    /// Puts it into a configuration.
    pub fn of(config: &mut Config) -> Self {
        let hands = Self(Arc::new(std::sync::atomic::AtomicI64::new(now().0)));
        let time = hands.clone();
        config.clock = Arc::new(move || time.now());
        hands
    }

    pub fn now(&self) -> Timestamp {
        Timestamp(self.0.load(std::sync::atomic::Ordering::SeqCst))
    }

    pub fn forward(&self, by: Duration) {
        self.0.fetch_add(i64::try_from(by.as_millis()).unwrap(), std::sync::atomic::Ordering::SeqCst);
    }

    pub fn forward_to(&self, to: Timestamp) {
        self.forward(to.since(self.now()));
    }
}

pub fn config(url: &str) -> Config {
    Config {
        api_url: url.parse().unwrap(),
        graphql_url: None,
        web_url: None,
        app_id: 12,
        private_key_pem: SecretString::from(key().0.clone()),
        marker_secrets: vec![SecretString::from("CANARY-WEBHOOK-SECRET")],
        key_source: None,
        authorities_pem: None,
        budget: Budget::default(),
        timeouts: Timeouts {
            connect: Duration::from_secs(5),
            read: Duration::from_millis(400),
            total: Duration::from_secs(2),
        },
        clock: Arc::new(now),
    }
}

pub fn repository(config: &Config) -> Repository {
    GitHubApp::new(config).unwrap().repository(&RepositoryRef {
        id: RepositoryId(42),
        name: "acme/app".parse().unwrap(),
        installation: InstallationId(5),
    })
}
