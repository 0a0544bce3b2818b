//! `POST /webhooks/github`: the signature is checked over the raw body while it comes in, the delivery and its job are
//! committed, and only then GitHub is answered. Nothing of the body is read here, and nothing unsigned is logged.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use baton_store::{NewDelivery, Recorded};
use baton_webhook::{SignatureError, Verification};
use secrecy::ExposeSecret;
use tokio::time::{Instant, timeout, timeout_at};

use super::bodies::{Bodies, Share};
use super::guests::Guest;
use super::refused::Refused;
use super::{ANSWER_WITHIN, BODY_LIMIT, Secrets, Web};

/// Headers that are kept besides those with columns of their own, and how much of each.
const KEPT: [&str; 2] = ["content-type", "user-agent"];
const KEPT_BYTES: usize = 200;

/// GitHub's names of events and deliveries are shorter.
const NAME_BYTES: usize = 64;

/// What is taken of memory for a body at once.
const BLOCK: usize = 64 * 1024;

/// A body up to this size is still taken from whoever is refused before it, so that they can read the answer.
const SMALL: usize = 64 * 1024;
const SMALL_WITHIN: Duration = Duration::from_secs(1);

/// When a request that begins now has to be answered.
pub(super) fn deadline() -> Instant {
    Instant::now() + ANSWER_WITHIN
}

pub(super) async fn receive(State(web): State<Web>, request: Request) -> Response {
    let until = deadline();
    let (head, body) = request.into_parts();
    let guest = head.extensions.get::<Guest>().cloned().unwrap_or_default();
    let _busy = guest.busy();
    match take(&web, &guest, &head.headers, body, until).await {
        Ok(Recorded::New(_)) => (StatusCode::ACCEPTED, "recorded\n").into_response(),
        Ok(Recorded::Duplicate(_)) => (StatusCode::OK, "recorded before\n").into_response(),
        Err(refused) => {
            web.inner.refusals.note(refused);
            refused.into_response()
        }
    }
}

async fn take(web: &Web, guest: &Guest, headers: &HeaderMap, body: Body, until: Instant) -> Result<Recorded, Refused> {
    let (body, _share) = signed(&web.inner.secrets, &web.inner.bodies, guest, headers, body, until).await?;
    record(web, headers, &body, until).await
}

/// The whole body of a delivery that GitHub signed, and its share of the memory for bodies: read within every limit there
/// is.
pub(super) async fn signed(
    secrets: &Secrets,
    bodies: &Arc<Bodies>,
    guest: &Guest,
    headers: &HeaderMap,
    mut body: Body,
    until: Instant,
) -> Result<(Vec<u8>, Share), Refused> {
    let mut verification = match begin(secrets, headers).await {
        Ok(verification) => verification,
        Err(refused) => {
            discard(&mut body).await;
            return Err(refused);
        }
    };
    // What is announced as too large is refused without waiting for it.
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if announced > BODY_LIMIT {
        return Err(Refused::TooLarge);
    }
    let share = bodies.share();
    let pieces = tokio::select! {
        read = timeout_at(until, read(body, &share, &mut verification)) => read.map_err(|_| Refused::TooSlow)??,
        () = share.told_to_give_way() => return Err(Refused::NoRoom),
    };
    verification.finish().map_err(|_| Refused::BadSignature)?;
    share.prove();
    guest.prove();
    Ok((pieces.whole(), share))
}

/// Begins to check the signature: what cannot be right is refused before any of the body is taken.
async fn begin(secrets: &Secrets, headers: &HeaderMap) -> Result<Verification, Refused> {
    const NAME: &str = "x-hub-signature-256";
    let signature = single(headers, NAME);
    // A second signature is nobody's business but a forger's.
    if signature.is_none() && headers.contains_key(NAME) {
        return Err(Refused::BadSignature);
    }
    let secrets = secrets.now().await;
    let secrets: Vec<&[u8]> = secrets.iter().map(|secret| secret.expose_secret().as_bytes()).collect();
    Verification::begin(&secrets, signature).map_err(|error| match error {
        SignatureError::Missing => Refused::NoSignature,
        SignatureError::NoSecret | SignatureError::Malformed | SignatureError::Mismatch => Refused::BadSignature,
    })
}

/// A body as it comes in, in blocks of one size: whoever is cut off leaves memory that the next one fits into.
#[derive(Default)]
struct Pieces {
    blocks: Vec<Vec<u8>>,
    length: usize,
}

impl Pieces {
    fn push(&mut self, mut piece: &[u8]) {
        self.length += piece.len();
        while !piece.is_empty() {
            if self.blocks.last().is_none_or(|block| block.len() == BLOCK) {
                self.blocks.push(Vec::with_capacity(BLOCK));
            }
            let Some(block) = self.blocks.last_mut() else { return };
            let (fits, rest) = piece.split_at(piece.len().min(BLOCK - block.len()));
            block.extend_from_slice(fits);
            piece = rest;
        }
    }

    /// In one piece.
    fn whole(mut self) -> Vec<u8> {
        if self.blocks.len() == 1 {
            return self.blocks.pop().unwrap_or_default();
        }
        let mut whole = Vec::with_capacity(self.length);
        for block in self.blocks {
            whole.extend(block);
        }
        whole
    }
}

/// The whole body, or as much as there may be.
async fn read(mut body: Body, share: &Share, verification: &mut Verification) -> Result<Pieces, Refused> {
    let mut pieces = Pieces::default();
    while let Some(piece) = next(&mut body).await {
        let piece = piece.map_err(|_| Refused::Broken)?;
        if pieces.length + piece.len() > BODY_LIMIT {
            return Err(Refused::TooLarge);
        }
        share.grow(piece.len()).map_err(|_| Refused::NoRoom)?;
        pieces.push(&piece);
        verification.update(&piece);
    }
    Ok(pieces)
}

/// The body's next piece; trailers are none.
async fn next(body: &mut Body) -> Option<Result<Bytes, axum::Error>> {
    loop {
        match poll_fn(|context| Pin::new(&mut *body).poll_frame(context)).await? {
            Ok(frame) => {
                if let Ok(data) = frame.into_data() {
                    return Some(Ok(data));
                }
            }
            Err(error) => return Some(Err(error)),
        }
    }
}

/// Takes a small body and forgets it: a connection that is closed with unread bytes in it takes the answer along.
async fn discard(body: &mut Body) {
    let all = async {
        let mut left = SMALL;
        while let Some(Ok(piece)) = next(body).await {
            match left.checked_sub(piece.len()) {
                Some(rest) => left = rest,
                None => return,
            }
        }
    };
    // Whoever does not send it does not read the answer.
    timeout(SMALL_WITHIN, all).await.unwrap_or_default();
}

async fn record(web: &Web, headers: &HeaderMap, body: &[u8], until: Instant) -> Result<Recorded, Refused> {
    // None of these headers is signed.
    let (Some(event), Some(guid)) = (name(headers, "x-github-event"), name(headers, "x-github-delivery")) else {
        return Err(Refused::Nameless);
    };
    let kept: Vec<(&str, &str)> = KEPT
        .iter()
        .filter_map(|name| single(headers, name).map(|value| (*name, value.get(..KEPT_BYTES).unwrap_or(value))))
        .collect();
    let delivery = NewDelivery {
        hook_type: name(headers, "x-github-hook-installation-target-type").unwrap_or_default(),
        hook_id: name(headers, "x-github-hook-installation-target-id").unwrap_or_default(),
        guid,
        event,
        headers: &kept,
        body,
    };
    // Where it cannot be recorded GitHub notes the failure, and the delivery can be asked for again.
    match timeout_at(until, web.inner.store.record_delivery(&delivery, web.inner.clock.now())).await {
        Ok(Ok(recorded)) => {
            match recorded {
                Recorded::New(id) => tracing::info!(delivery = %id, event, "delivery recorded"),
                Recorded::Duplicate(id) => tracing::info!(delivery = %id, event, "delivery was recorded before"),
            }
            Ok(recorded)
        }
        Ok(Err(error)) => {
            tracing::error!(%error, "a delivery could not be recorded");
            Err(Refused::Store)
        }
        Err(_) => {
            tracing::error!("a delivery could not be recorded in time");
            Err(Refused::Store)
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

/// A header that holds a name as GitHub gives them.
fn name<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    single(headers, name).filter(|value| (1..=NAME_BYTES).contains(&value.len()) && value.bytes().all(plain))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn whatever_the_pieces_the_whole_is_what_came(pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..3 * BLOCK), 0..4)) {
            let mut read = Pieces::default();
            pieces.iter().for_each(|piece| read.push(piece));
            prop_assert_eq!(read.whole(), pieces.concat());
        }
    }
}
