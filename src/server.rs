//! The web server: verifies, records, reads and answers. It calls no GitHub, no git and no agent.

//!
//! Whoever reaches the port gets little: a bounded number of connections, time, memory for bodies, and lines in the log.

mod bodies;
mod guests;
mod health;
mod listening;
mod refused;
mod secrets;
mod trial;
mod tunnel;
mod webhook;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::{get, post};
use baton_queue::Clock;
use baton_store::Store;
use tokio_util::sync::CancellationToken;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::timeout::TimeoutLayer;

use bodies::Bodies;
use health::Readiness;
use refused::Refusals;

pub use listening::Listening;
pub use secrets::{Secrets, Unreadable};
pub use trial::Trial;
pub use tunnel::{Tunnel, TunnelError};

/// GitHub sends nothing larger, and neither takes Baton.
pub const BODY_LIMIT: usize = 25 * 1024 * 1024;

/// Below GitHub's ten seconds: what takes longer is told to have failed, and can be asked for again.
const ANSWER_WITHIN: Duration = Duration::from_secs(8);

/// What the server needs.
#[derive(Clone)]
pub struct Web {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    secrets: Secrets,
    clock: Clock,
    bodies: Arc<Bodies>,
    refusals: Refusals,
    readiness: Readiness,
    stopping: CancellationToken,
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
    pub fn new(store: Store, secrets: impl Into<Secrets>, clock: Clock) -> Result<Self, ServerError> {
        let secrets = secrets.into();
        if secrets.is_empty() {
            return Err(ServerError::NoSecret);
        }
        let inner = Inner {
            store,
            secrets,
            clock,
            bodies: Arc::default(),
            refusals: Refusals::default(),
            readiness: Readiness::default(),
            stopping: CancellationToken::new(),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Cancel it when the process is about to end: deliveries are taken still, and `/readyz` says that nobody should bring
    /// more.
    #[must_use]
    pub fn stopping(&self) -> CancellationToken {
        self.inner.stopping.clone()
    }

    /// The routes.
    pub fn router(&self) -> Router {
        let routes = Router::new()
            // It watches its own time: what is too slow is told so.
            .route("/webhooks/github", post(webhook::receive))
            .route("/healthz", get(health::alive))
            .route("/readyz", get(health::ready));
        bounded(routes).with_state(self.clone())
    }
}

/// What holds for every route of whoever listens there.
fn bounded<S: Clone + Send + Sync + 'static>(routes: Router<S>) -> Router<S> {
    let within = ANSWER_WITHIN + Duration::from_secs(1);
    routes.layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, within)).layer(CatchPanicLayer::new())
}
