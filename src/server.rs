//! The web server: verifies, records, reads and answers. It calls no GitHub, no git and no agent.

mod health;
mod webhook;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use baton_queue::Clock;
use baton_store::Store;
use secrecy::SecretString;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::timeout::TimeoutLayer;

/// GitHub sends nothing larger, and neither takes Baton.
pub const BODY_LIMIT: usize = 25 * 1024 * 1024;

/// Below GitHub's ten seconds: what takes longer is told to have failed, and can be asked for again.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(9);

/// What the server needs.
#[derive(Clone)]
pub struct Web {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    /// The current secret first. Never empty.
    secrets: Vec<SecretString>,
    clock: Clock,
}

/// Why the server does not start.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// Without a secret anybody could command the bot.
    #[error(
        "no webhook secret is configured, so nobody could tell GitHub's deliveries from forged ones. Set \
         `github.webhook_secret` (or `github.webhook_secret_file`) to the secret of the GitHub App"
    )]
    NoSecret,
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}. Set `server.listen` to a free address")]
    Listen {
        /// The address.
        address: String,
        /// Why.
        source: std::io::Error,
    },
    /// The server broke.
    #[error("the web server stopped: {0}")]
    Serve(std::io::Error),
}

impl Web {
    /// A server that records into `store`.
    ///
    /// # Errors
    /// [`ServerError::NoSecret`].
    pub fn new(store: Store, secrets: Vec<SecretString>, clock: Clock) -> Result<Self, ServerError> {
        if secrets.is_empty() {
            return Err(ServerError::NoSecret);
        }
        Ok(Self { inner: Arc::new(Inner { store, secrets, clock }) })
    }

    /// The routes.
    pub fn router(&self) -> Router {
        Router::new()
            .route("/webhooks/github", post(webhook::receive).layer(DefaultBodyLimit::max(BODY_LIMIT)))
            .route("/healthz", get(health::alive))
            .route("/readyz", get(health::ready))
            .layer(TimeoutLayer::with_status_code(axum::http::StatusCode::SERVICE_UNAVAILABLE, REQUEST_TIMEOUT))
            .layer(CatchPanicLayer::new())
            .with_state(self.clone())
    }
}

/// A server that listens.
pub struct Listening {
    listener: TcpListener,
    router: Router,
}

impl Listening {
    /// Takes the address.
    ///
    /// # Errors
    /// [`ServerError::Listen`].
    pub async fn on(address: &str, web: &Web) -> Result<Self, ServerError> {
        let listener = TcpListener::bind(address)
            .await
            .map_err(|source| ServerError::Listen { address: address.to_owned(), source })?;
        Ok(Self { listener, router: web.router() })
    }

    /// The address that was taken: with port 0, the one the system chose.
    ///
    /// # Errors
    /// When the system does not tell.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Answers until `shutdown` fires; what is under way is answered still.
    ///
    /// # Errors
    /// [`ServerError::Serve`].
    pub async fn serve(self, shutdown: CancellationToken) -> Result<(), ServerError> {
        axum::serve(self.listener, self.router)
            .with_graceful_shutdown(async move { shutdown.cancelled().await })
            .await
            .map_err(ServerError::Serve)
    }
}
