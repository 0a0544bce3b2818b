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
    match web.inner.readiness.ask(&web.inner.store).await {
        Answer::Ready => (StatusCode::OK, "ready\n"),
        // How much it is, is not everybody's business.
        Answer::WithDeadJobs => {
            (StatusCode::OK, "ready; some work was given up on, see `baton job list --state dead`\n")
        }
        Answer::Nothing => (StatusCode::SERVICE_UNAVAILABLE, "the store does not answer\n"),
    }
}

/// What the store says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    /// It takes deliveries.
    Ready,
    /// The same, and there is work that was given up on.
    WithDeadJobs,
    /// It lets nobody write.
    Nothing,
}

/// The store's last word.
#[derive(Debug, Default)]
pub(super) struct Readiness {
    last: Mutex<Option<(Instant, Answer)>>,
}

impl Readiness {
    /// Whoever asks while the store is being asked waits for that answer.
    async fn ask(&self, store: &Store) -> Answer {
        let mut last = self.last.lock().await;
        if let Some((_, answer)) = last.filter(|(at, _)| at.elapsed() < FRESH) {
            return answer;
        }
        // A transaction that is dropped at once takes the lock that recording a delivery takes, and writes nothing.
        let answer = match tokio::time::timeout(PATIENCE, store.begin()).await {
            Ok(Ok(nothing)) => {
                drop(nothing);
                // Whether deliveries are taken does not hang on this.
                match tokio::time::timeout(PATIENCE, store.dead_jobs()).await {
                    Ok(Ok(dead)) if dead > 0 => Answer::WithDeadJobs,
                    _ => Answer::Ready,
                }
            }
            Ok(Err(error)) => {
                tracing::error!(%error, "not ready");
                Answer::Nothing
            }
            Err(_) => {
                tracing::error!("not ready: the store lets nobody write");
                Answer::Nothing
            }
        };
        *last = Some((Instant::now(), answer));
        answer
    }
}
