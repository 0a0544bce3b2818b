//! A listener for `baton doctor` where no server runs: says of each delivery whether it came and was rightly signed, and
//! takes none. GitHub is told so for all but pings, so that whatever really happens meanwhile is asked for again.

use std::net::SocketAddr;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::BODY_LIMIT;

/// A delivery that came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// Its GUID.
    pub guid: String,
    /// Whether one of the configured secrets signed it.
    pub is_signed: bool,
}

/// The listener; dropping it stops it.
#[derive(Debug)]
pub struct Trial {
    /// Where it listens.
    pub address: SocketAddr,
    arrivals: mpsc::Receiver<Arrival>,
    serving: JoinHandle<std::io::Result<()>>,
}

#[derive(Clone)]
struct Desk {
    secrets: std::sync::Arc<Vec<SecretString>>,
    arrivals: mpsc::Sender<Arrival>,
}

impl Trial {
    /// Listens at `listen`, the address of the server that does not run.
    ///
    /// # Errors
    /// When the address is taken, or none of this machine's.
    pub async fn at(listen: &str, secrets: Vec<SecretString>) -> std::io::Result<Self> {
        let listener = TcpListener::bind(listen).await?;
        let address = listener.local_addr()?;
        let (sender, arrivals) = mpsc::channel(64);
        let router = Router::new()
            .route("/webhooks/github", post(take).layer(DefaultBodyLimit::max(BODY_LIMIT)))
            .route("/healthz", get(|| async { "a trial by baton doctor\n" }))
            .with_state(Desk { secrets: std::sync::Arc::new(secrets), arrivals: sender });
        let serving = tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { address, arrivals, serving })
    }

    /// A delivery that has come, if there is one left to tell of.
    pub fn arrived(&mut self) -> Option<Arrival> {
        self.arrivals.try_recv().ok()
    }
}

impl Drop for Trial {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn take(State(desk): State<Desk>, headers: HeaderMap, body: Bytes) -> (StatusCode, &'static str) {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let secrets: Vec<&[u8]> = desk.secrets.iter().map(|secret| secret.expose_secret().as_bytes()).collect();
    let is_signed = baton_webhook::verify(&secrets, Some(header("x-hub-signature-256")), &body).is_ok();
    let guid: String = header("x-github-delivery").chars().take(100).collect();
    // Whoever floods the port while the doctor listens fills this, and changes nothing.
    let _nobody_waits_or_too_many = desk.arrivals.try_send(Arrival { guid, is_signed });
    match (is_signed, header("x-github-event")) {
        (false, _) => (StatusCode::UNAUTHORIZED, "bad signature\n"),
        (true, "ping") => (StatusCode::OK, "baton doctor saw it\n"),
        (true, _) => (StatusCode::SERVICE_UNAVAILABLE, "baton doctor saw it; the server does not run\n"),
    }
}
