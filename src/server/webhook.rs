//! `POST /webhooks/github`: the signature is checked over the raw body, the delivery and its job are committed, and only
//! then GitHub is answered. Nothing of the body is read here, and nothing unsigned is logged.

use axum::body::{Bytes, HttpBody as _};
use axum::extract::{FromRequest, Request, State};
use axum::http::{HeaderMap, StatusCode};
use baton_store::{NewDelivery, Recorded};
use secrecy::ExposeSecret;

use super::{BODY_LIMIT, Web};

type Answer = (StatusCode, &'static str);

/// Headers that are kept besides those with columns of their own.
const KEPT: [&str; 2] = ["content-type", "user-agent"];

pub(super) async fn receive(State(web): State<Web>, request: Request) -> Answer {
    let headers = request.headers().clone();
    // A second signature is nobody's business but a forger's.
    let signature = match (single(&headers, "x-hub-signature-256"), headers.contains_key("x-hub-signature-256")) {
        (Some(signature), _) => Some(signature.to_owned()),
        (None, true) => return (StatusCode::UNAUTHORIZED, "bad signature\n"),
        (None, false) => return (StatusCode::UNAUTHORIZED, "no X-Hub-Signature-256\n"),
    };
    // What is announced as too large is refused without waiting for it.
    if usize::try_from(request.body().size_hint().lower()).is_ok_and(|announced| announced > BODY_LIMIT) {
        return (StatusCode::PAYLOAD_TOO_LARGE, "more than 25 MiB\n");
    }
    let body = match Bytes::from_request(request, &web).await {
        Ok(body) => body,
        Err(rejection) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            return (StatusCode::PAYLOAD_TOO_LARGE, "more than 25 MiB\n");
        }
        Err(_) => return (StatusCode::BAD_REQUEST, "the body could not be read\n"),
    };
    let secrets: Vec<&[u8]> = web.inner.secrets.iter().map(|secret| secret.expose_secret().as_bytes()).collect();
    if baton_webhook::verify(&secrets, signature.as_deref(), &body).is_err() {
        tracing::info!(bytes = body.len(), "a delivery with a bad signature was refused");
        return (StatusCode::UNAUTHORIZED, "bad signature\n");
    }
    let (Some(event), Some(guid)) = (single(&headers, "x-github-event"), single(&headers, "x-github-delivery")) else {
        return (StatusCode::BAD_REQUEST, "X-GitHub-Event and X-GitHub-Delivery are needed\n");
    };
    let kept: Vec<(&str, &str)> =
        KEPT.iter().filter_map(|name| single(&headers, name).map(|value| (*name, value))).collect();
    let delivery = NewDelivery {
        hook_type: single(&headers, "x-github-hook-installation-target-type").unwrap_or_default(),
        hook_id: single(&headers, "x-github-hook-installation-target-id").unwrap_or_default(),
        guid,
        event,
        headers: &kept,
        body: &body,
    };
    match web.inner.store.record_delivery(&delivery, web.inner.clock.now()).await {
        Ok(Recorded::New(id)) => {
            tracing::info!(delivery = %id, event, "delivery recorded");
            (StatusCode::ACCEPTED, "recorded\n")
        }
        Ok(Recorded::Duplicate(id)) => {
            tracing::info!(delivery = %id, event, "delivery was recorded before");
            (StatusCode::OK, "recorded before\n")
        }
        Err(error) => {
            // GitHub notes the failure, and the delivery can be asked for again.
            tracing::error!(%error, "a delivery could not be recorded");
            (StatusCode::SERVICE_UNAVAILABLE, "the store does not answer\n")
        }
    }
}

/// A header that is there exactly once and is text.
fn single<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().ok(),
        _ => None,
    }
}
