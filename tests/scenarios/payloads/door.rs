//! The real endpoint, alone: the server on a port of loopback, with a database on disk and nobody who looks into what it
//! records.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use baton::server::{Listening, Web};
use baton_core::domain::time::Timestamp;
use baton_queue::Clock;
use baton_store::{DeliveryFilter, OpenOptions, Store};
use futures::{StreamExt as _, stream};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// What signs deliveries here.
pub const SECRET: &str = "CANARY-door-77b0e1";

/// One delivery to post.
#[derive(Clone, Debug)]
pub struct Post {
    /// What it is, for whoever reads that it failed.
    pub label: String,
    pub event: String,
    pub body: Vec<u8>,
    pub form: bool,
}

impl Post {
    pub fn json(label: String, event: &str, payload: &serde_json::Value) -> Self {
        let body = serde_json::to_vec(payload).expect("JSON");
        Self { label, event: event.to_owned(), body, form: false }
    }

    /// The same as GitHub sends it to a hook with the content type `application/x-www-form-urlencoded`.
    pub fn as_form(&self) -> Self {
        let encoded: String = url::form_urlencoded::byte_serialize(&self.body).collect();
        let label = format!("{} (form)", self.label);
        Self { label, event: self.event.clone(), body: format!("payload={encoded}").into_bytes(), form: true }
    }
}

/// The endpoint's address, and the number of posts so far.
pub struct Poster {
    url: String,
    secret: String,
    client: reqwest::Client,
    next: AtomicU64,
}

impl Poster {
    pub fn to(url: &str, secret: &str) -> Self {
        let client = reqwest::Client::builder().no_proxy().build().expect("a client");
        Self { url: url.to_owned(), secret: secret.to_owned(), client, next: AtomicU64::new(0) }
    }

    /// Posts all of them, signed, many at once. Returns each GUID with its post, and those that were not answered with
    /// 202.
    pub async fn post_all<'p>(&self, posts: &'p [Post]) -> (BTreeMap<String, &'p Post>, Vec<String>) {
        let sent: Vec<(String, &Post, u16)> =
            stream::iter(posts).map(|post| self.post(post)).buffer_unordered(16).collect().await;
        let wrong = sent.iter().filter(|(_, _, status)| *status != 202);
        let wrong = wrong.map(|(_, post, status)| format!("{status}: {}", post.label)).collect();
        (sent.into_iter().map(|(guid, post, _)| (guid, post)).collect(), wrong)
    }

    async fn post<'p>(&self, post: &'p Post) -> (String, &'p Post, u16) {
        let guid = format!("post-{}", self.next.fetch_add(1, Ordering::Relaxed));
        let kind = if post.form { "application/x-www-form-urlencoded" } else { "application/json" };
        let request = self
            .client
            .post(&self.url)
            .header("content-type", kind)
            .header("x-github-event", &post.event)
            .header("x-github-delivery", &guid)
            .header("x-github-hook-installation-target-type", "integration")
            .header("x-github-hook-installation-target-id", "1")
            .header("x-hub-signature-256", github_sim::sha256_signature(&self.secret, &post.body))
            .body(post.body.clone());
        let status = request.send().await.map_or(0, |answer| answer.status().as_u16());
        (guid, post, status)
    }
}

/// A running endpoint.
pub struct Door {
    pub store: Store,
    pub poster: Poster,
    /// HOST:PORT.
    pub address: String,
    _folder: TempDir,
    shutdown: CancellationToken,
    serving: JoinHandle<Result<(), baton::server::ServerError>>,
}

impl Door {
    pub async fn open() -> Self {
        let folder = tempfile::Builder::new().prefix("baton-door-").tempdir().expect("a folder");
        let url = format!("sqlite://{}", folder.path().join("baton.db").display());
        let store = Store::open(&url, OpenOptions::default()).await.expect("a database");
        let clock = Clock::from_fn(|| Timestamp(1_767_603_600_000));
        let secrets = vec![secrecy::SecretString::from(SECRET)];
        let web = Web::new(store.clone(), secrets, clock).expect("a server");
        let listening = Listening::on("127.0.0.1:0", &web).await.expect("a port");
        let address = listening.address().expect("an address").to_string();
        let shutdown = CancellationToken::new();
        let serving = tokio::spawn(listening.serve(shutdown.clone()));
        let poster = Poster::to(&format!("http://{address}/webhooks/github"), SECRET);
        Self { store, poster, address, _folder: folder, shutdown, serving }
    }

    /// Posts all of them and compares what is on disk with what was sent, byte for byte. Returns what is wrong.
    pub async fn takes(&self, posts: &[Post]) -> Vec<String> {
        let (mut sent, mut wrong) = self.poster.post_all(posts).await;
        let mut before = None;
        loop {
            let page = self.store.deliveries(&DeliveryFilter::default(), before, 500).await.expect("deliveries");
            for delivery in &page {
                let Some(post) = sent.remove(&delivery.guid) else { continue };
                let body = self.store.delivery_body(delivery.id).await.expect("a body").expect("a body");
                if body != post.body || delivery.event != post.event {
                    wrong.push(format!("not kept as it was sent: {}", post.label));
                }
            }
            match page.last() {
                Some(last) => before = Some(last.id),
                None => break,
            }
        }
        wrong.extend(sent.values().map(|post| format!("not kept: {}", post.label)));
        wrong
    }

    /// How many deliveries are on disk.
    pub async fn kept(&self) -> u64 {
        self.store.delivery_counts().await.expect("counts").iter().map(|count| count.count).sum()
    }

    pub async fn close(self) {
        self.shutdown.cancel();
        self.serving.await.expect("the server ends").expect("the server ends well");
        self.store.close().await;
    }
}
