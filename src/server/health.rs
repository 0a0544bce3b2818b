//! Is the process alive, and can it do its work? Both cost next to nothing, however often strangers ask.

use std::time::{Duration, Instant};

use axum::extract::State;
use axum::http::StatusCode;
use baton_store::Store;
use tokio::sync::Mutex;

use super::Web;

/// The store is asked again when its last word is this old.
const FRESH: Duration = Duration::from_secs(1);

/// The store may take this long to say that it takes deliveries.
const PATIENCE: Duration = Duration::from_secs(2);

/// The process answers.
pub(super) async fn alive() -> &'static str {
    "ok\n"
}

/// Deliveries can be taken: the process is not about to end, and the store lets one write.
pub(super) async fn ready(State(web): State<Web>) -> (StatusCode, &'static str) {
    if web.inner.stopping.is_cancelled() {
        return (StatusCode::SERVICE_UNAVAILABLE, "stopping\n");
    }
    if web.inner.readiness.ask(&web.inner.store).await {
        (StatusCode::OK, "ready\n")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "the store does not answer\n")
    }
}

/// The store's last word.
#[derive(Debug, Default)]
pub(super) struct Readiness {
    last: Mutex<Option<(Instant, bool)>>,
}

impl Readiness {
    /// Whoever asks while the store is being asked waits for that answer.
    async fn ask(&self, store: &Store) -> bool {
        let mut last = self.last.lock().await;
        if let Some((_, ready)) = last.filter(|(at, _)| at.elapsed() < FRESH) {
            return ready;
        }
        // A transaction that is dropped at once takes the lock that recording a delivery takes, and writes nothing.
        let ready = match tokio::time::timeout(PATIENCE, store.begin()).await {
            Ok(Ok(_)) => true,
            Ok(Err(error)) => {
                tracing::error!(%error, "not ready");
                false
            }
            Err(_) => {
                tracing::error!("not ready: the store lets nobody write");
                false
            }
        };
        *last = Some((Instant::now(), ready));
        ready
    }
}
