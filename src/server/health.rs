//! Is the process alive, and can it do its work?

use axum::extract::State;
use axum::http::StatusCode;

use super::Web;

/// The process answers.
pub(super) async fn alive() -> &'static str {
    "ok\n"
}

/// The store answers too: deliveries can be taken.
pub(super) async fn ready(State(web): State<Web>) -> (StatusCode, String) {
    match web.inner.store.job_counts().await {
        Ok(_) => (StatusCode::OK, "ready\n".to_owned()),
        Err(error) => {
            tracing::error!(%error, "not ready");
            (StatusCode::SERVICE_UNAVAILABLE, "the store does not answer\n".to_owned())
        }
    }
}
