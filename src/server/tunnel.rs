//! Webhooks without a public address: a channel on the internet takes them, and tells them on as server-sent events to
//! whoever listens. What is told goes the way of every delivery, signature and all: the channel is believed nothing.
//!
//! Source of the form: smee's client and server (`x-github-…` headers as keys beside `body`), and gosmee's `bodyB`, which
//! holds the body as it was sent.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use baton_agent::native::SseReader;
use futures::StreamExt as _;
use serde_json::value::RawValue;
use tokio_util::sync::CancellationToken;
use url::Url;

/// What is passed on of the headers; the rest is the channel's own.
const PASSED_ON: [&str; 7] = [
    "x-github-event",
    "x-github-delivery",
    "x-github-hook-id",
    "x-github-hook-installation-target-id",
    "x-github-hook-installation-target-type",
    "x-hub-signature-256",
    "user-agent",
];

/// Channels send a sign of life every half a minute or so.
const SILENCE: Duration = Duration::from_secs(90);
const CONNECT: Duration = Duration::from_secs(10);
/// Pauses before another try: of connecting, and of handing over what the server could not record.
const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(60);
/// What the server cannot record for so many tries is left to GitHub's own list of deliveries.
const TRIES: u32 = 6;

/// A way from a channel to a server of Baton's on this machine.
#[derive(Clone, Debug)]
pub struct Tunnel {
    channel: Url,
    server: Url,
    /// For the channel.
    client: reqwest::Client,
    /// For the server: whatever proxy leads to the world, deliveries do not leave this machine again.
    inside: reqwest::Client,
}

/// No tunnel can be had.
#[derive(Debug, thiserror::Error)]
#[error("the tunnel's HTTP client cannot be made: {0}")]
pub struct TunnelError(String);

impl Tunnel {
    /// From this channel to the server at this address. Nothing is sent yet.
    ///
    /// # Errors
    /// [`TunnelError`]
    pub fn new(channel: Url, server: SocketAddr) -> Result<Self, TunnelError> {
        let client = reqwest::Client::builder()
            .connect_timeout(CONNECT)
            .read_timeout(SILENCE)
            .redirect(reqwest::redirect::Policy::limited(3))
            .build()
            .map_err(|error| TunnelError(error.to_string()))?;
        let inside = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build();
        let inside = inside.map_err(|error| TunnelError(error.to_string()))?;
        let server = format!("http://{}/webhooks/github", reachable(server));
        let server = server.parse().map_err(|error: url::ParseError| TunnelError(error.to_string()))?;
        Ok(Self { channel, server, client, inside })
    }

    /// Listens until `shutdown` fires, and connects again whenever the channel goes away.
    pub async fn run(self, shutdown: CancellationToken) {
        let mut pause = SHORTEST;
        loop {
            let ended = tokio::select! {
                ended = self.listen(&mut pause) => ended,
                () = shutdown.cancelled() => return,
            };
            tracing::warn!(reason = ended, seconds = pause.as_secs(), "the webhook channel is gone; connecting again");
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = shutdown.cancelled() => return,
            }
            pause = (pause * 2).min(LONGEST);
        }
    }

    /// Until the channel ends; why it did.
    async fn listen(&self, pause: &mut Duration) -> String {
        let asked = self.client.get(self.channel.clone()).header("accept", "text/event-stream").send().await;
        let answer = match asked {
            Ok(answer) if answer.status().is_success() => answer,
            Ok(answer) => return format!("it answers {}", answer.status()),
            Err(error) => return plain(error),
        };
        let kind = answer.headers().get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default();
        if !kind.starts_with("text/event-stream") {
            return format!("it is no channel: it answers `{}` instead of events", kind.escape_debug());
        }
        tracing::info!(host = self.channel.host_str().unwrap_or_default(), "listening to the webhook channel");
        *pause = SHORTEST;
        let mut reader = SseReader::default();
        let mut stream = answer.bytes_stream();
        while let Some(piece) = stream.next().await {
            let events = match piece {
                Ok(piece) => reader.push(&piece),
                Err(error) => return plain(error),
            };
            let events = match events {
                Ok(events) => events,
                Err(overflow) => return overflow.to_string(),
            };
            for event in events.iter().filter(|event| matches!(event.event.as_str(), "" | "message")) {
                match Delivery::read(&event.data) {
                    Ok(delivery) => self.hand_over(&delivery).await,
                    Err(none) => tracing::debug!(%none, "the channel told something that is no delivery"),
                }
            }
        }
        "it ended".to_owned()
    }

    /// To Baton's own server, which checks and records it as if it had come from GitHub itself.
    async fn hand_over(&self, delivery: &Delivery) {
        let mut pause = SHORTEST;
        for _ in 0..TRIES {
            let request = self.inside.post(self.server.clone()).headers(delivery.headers.clone());
            match request.body(delivery.body.clone()).timeout(CONNECT).send().await.map(|answer| answer.status()) {
                Ok(status) if status.is_success() => return,
                Ok(StatusCode::UNAUTHORIZED) => {
                    tracing::warn!(
                        "a delivery of the webhook channel has no good signature: somebody else's, or the App's \
                         webhook secret is not the configured one, or the channel changed the body"
                    );
                    return;
                }
                Ok(status) if status.is_client_error() => {
                    tracing::warn!(%status, "a delivery of the webhook channel was refused");
                    return;
                }
                Ok(status) => tracing::info!(%status, "a delivery of the webhook channel waits"),
                Err(error) => tracing::info!(reason = plain(error), "a delivery of the webhook channel waits"),
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST);
        }
        tracing::warn!("a delivery of the webhook channel could not be recorded");
    }
}

/// An error without the channel's address, which is as good as a password to read what comes through it.
fn plain(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(deeper) = cause {
        text = format!("{text}: {deeper}");
        cause = deeper.source();
    }
    text
}

/// An address to connect to, for one to listen on.
fn reachable(mut server: SocketAddr) -> SocketAddr {
    if server.ip().is_unspecified() {
        server.set_ip(if server.is_ipv4() { [127, 0, 0, 1].into() } else { std::net::Ipv6Addr::LOCALHOST.into() });
    }
    server
}

/// One delivery as the channel tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Delivery {
    headers: HeaderMap,
    body: Vec<u8>,
}

/// Why something is no delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
enum NoDelivery {
    #[error("it is no JSON object")]
    Shapeless,
    #[error("it has no signature of GitHub's")]
    Unsigned,
    #[error("it has no body that can be read")]
    Bodiless,
}

impl Delivery {
    /// The text of `body` is taken as it stands: it was signed as it was written, and so the channel has to have kept it.
    fn read(data: &str) -> Result<Self, NoDelivery> {
        let told: BTreeMap<String, Box<RawValue>> = serde_json::from_str(data).map_err(|_| NoDelivery::Shapeless)?;
        let text = |key: &str| serde_json::from_str::<String>(told.get(key)?.get()).ok();
        let mut headers = HeaderMap::new();
        for name in PASSED_ON {
            if let Some(value) = text(name).and_then(|value| HeaderValue::from_str(&value).ok()) {
                headers.insert(HeaderName::from_static(name), value);
            }
        }
        if !headers.contains_key("x-hub-signature-256") {
            return Err(NoDelivery::Unsigned);
        }
        headers.insert("content-type", HeaderValue::from_static("application/json"));
        let body = match (text("bodyB"), told.get("body")) {
            (Some(encoded), _) => STANDARD.decode(encoded).map_err(|_| NoDelivery::Bodiless)?,
            (None, Some(body)) => body.get().as_bytes().to_vec(),
            (None, None) => return Err(NoDelivery::Bodiless),
        };
        Ok(Self { headers, body })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_body_is_taken_as_it_stands() {
        let told = r#"{"host":"x","x-github-event":"ping","x-hub-signature-256":"sha256=00","content-type":"x",
            "body":{"b":1.10, "a":"é\u00e9/"},"query":{},"timestamp":1}"#;
        let read = Delivery::read(told).unwrap();
        assert_eq!(read.body, r#"{"b":1.10, "a":"é\u00e9/"}"#.as_bytes());
        assert_eq!(read.headers.len(), 3);
        assert_eq!(read.headers["content-type"], "application/json");
        assert!(!read.headers.contains_key("host"));
    }

    #[test]
    fn an_encoded_body_wins() {
        let told = r#"{"x-hub-signature-256":"sha256=00","body":{},"bodyB":"eyJhIjogMX0="}"#;
        assert_eq!(Delivery::read(told).unwrap().body, br#"{"a": 1}"#);
    }

    #[test]
    fn other_things_are_no_delivery() {
        let none = |told: &str| Delivery::read(told).unwrap_err();
        assert_eq!(none("ready"), NoDelivery::Shapeless);
        assert_eq!(none("[]"), NoDelivery::Shapeless);
        assert_eq!(none(r#"{"body":{}}"#), NoDelivery::Unsigned);
        assert_eq!(none(r#"{"body":{},"x-hub-signature-256":7}"#), NoDelivery::Unsigned);
        assert_eq!(none(r#"{"body":{},"x-hub-signature-256":"a\r\nb: c"}"#), NoDelivery::Unsigned);
        assert_eq!(none(r#"{"x-hub-signature-256":"x"}"#), NoDelivery::Bodiless);
        assert_eq!(none(r#"{"x-hub-signature-256":"x","bodyB":"%"}"#), NoDelivery::Bodiless);
    }

    proptest! {
        #[test]
        fn anything_is_read_or_refused(told in any::<String>()) {
            let _ = Delivery::read(&told);
        }

        #[test]
        fn any_body_arrives_byte_for_byte(text in any::<String>(), number in any::<f64>()) {
            let body = serde_json::json!({ "text": text, "number": number, "deep": [[text]] }).to_string();
            let told = format!(r#"{{"x-hub-signature-256":"sha256=00","body":{body},"x-github-event":"push"}}"#);
            prop_assert_eq!(Delivery::read(&told).unwrap().body, body.as_bytes());
        }
    }
}
