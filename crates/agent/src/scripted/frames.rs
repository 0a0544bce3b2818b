//! Sends an answer's events as a stream, cut into awkward pieces, and spoils it where a fault asks for that.

use std::convert::Infallible;
use std::io;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::response::Response;
use futures::StreamExt as _;
use futures::stream;
use serde_json::Value;

use super::{Fault, event_stream};

/// One event: its type, where the interface names it, and its data.
pub(super) struct Frame {
    event: Option<String>,
    data: String,
}

impl Frame {
    /// An event whose type is also named outside its data, as Anthropic and the Responses interface do it.
    pub(super) fn named(data: Value) -> Self {
        let event = data["type"].as_str().map(str::to_owned);
        Self { event, data: data.to_string() }
    }

    /// An event of data alone.
    pub(super) fn bare(data: impl Into<String>) -> Self {
        Self { event: None, data: data.into() }
    }

    fn text(&self) -> String {
        let event = self.event.as_ref().map(|event| format!("event: {event}\n")).unwrap_or_default();
        format!("{event}data: {}\n\n", self.data)
    }
}

/// The pieces a text is streamed in.
pub(super) fn pieces(text: &str) -> Vec<String> {
    let characters: Vec<char> = text.chars().collect();
    characters.chunks(11).map(|piece| piece.iter().collect()).collect()
}

/// The response.
pub(super) fn streamed(frames: Vec<Frame>, fault: Option<Fault>) -> Response {
    let half = frames.len().div_ceil(2);
    let whole: Vec<u8> = frames.iter().flat_map(|frame| frame.text().into_bytes()).collect();
    let first: Vec<u8> = frames.iter().take(half).flat_map(|frame| frame.text().into_bytes()).collect();
    match fault {
        Some(Fault::Cut) => {
            let pieces = chunks(first).map(Ok).chain(stream::once(async {
                // Long enough for what went before to arrive: the break must come in the middle.
                tokio::time::sleep(Duration::from_millis(50)).await;
                Err(io::Error::from(io::ErrorKind::ConnectionReset))
            }));
            event_stream(Body::from_stream(pieces))
        }
        Some(Fault::Short) => body(first),
        Some(Fault::Garbage) => body(b"data: <html>what?\n\n".to_vec()),
        Some(Fault::Overloaded) => {
            let error = r#"{"type":"error","code":"overloaded_error","error":{"type":"overloaded_error","message":"injected fault"}}"#;
            body([first, format!("event: error\ndata: {error}\n\n").into_bytes()].concat())
        }
        Some(Fault::Stall) => {
            let pieces = chunks(first).chain(stream::pending()).map(Ok::<_, Infallible>);
            event_stream(Body::from_stream(pieces))
        }
        Some(Fault::Status { .. } | Fault::Hang | Fault::Overflow) | None => body(whole),
    }
}

fn body(bytes: Vec<u8>) -> Response {
    event_stream(Body::from_stream(chunks(bytes).map(Ok::<_, Infallible>)))
}

/// Pieces that fall into the middle of lines, characters and events.
fn chunks(bytes: Vec<u8>) -> impl futures::Stream<Item = Bytes> {
    let pieces: Vec<Bytes> = bytes.chunks(173).map(Bytes::copy_from_slice).collect();
    stream::iter(pieces)
}
