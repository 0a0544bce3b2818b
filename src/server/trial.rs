//! A listener for `baton doctor` where no server runs: says of each delivery whether it came and was rightly signed, and
//! takes none. GitHub is told so for all but pings, so that whatever really happens meanwhile is asked for again.
//!
//! It stands on the same port as the server, so the same limits hold: they are the server's own.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use secrecy::SecretString;
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::bodies::Bodies;
use super::guests::Guest;
use super::refused::Refused;
use super::{Listening, Secrets, bounded, webhook};

/// The listener; dropping it stops it.
#[derive(Debug)]
pub struct Trial {
    /// Where it listens.
    pub address: SocketAddr,
    seen: watch::Receiver<Option<bool>>,
    _until_dropped: DropGuard,
}

#[derive(Clone)]
struct Desk {
    secrets: Arc<Secrets>,
    bodies: Arc<Bodies>,
    waits_for: Arc<str>,
    seen: Arc<watch::Sender<Option<bool>>>,
}

impl Trial {
    /// Listens at `listen`, the address of the server that does not run, and looks out for the delivery of one GUID: whatever
    /// else strangers post meanwhile, it is not lost among them.
    ///
    /// # Errors
    /// When the address is taken, or none of this machine's.
    pub async fn at(listen: &str, secrets: Vec<SecretString>, guid: &str) -> std::io::Result<Self> {
        let (seen, sees) = watch::channel(None);
        let desk = Desk {
            secrets: Arc::new(secrets.into()),
            bodies: Arc::default(),
            waits_for: guid.into(),
            seen: Arc::new(seen),
        };
        let routes = Router::new()
            .route("/webhooks/github", post(take))
            .route("/healthz", get(|| async { "a trial by baton doctor\n" }));
        let listening = Listening::with(listen, bounded(routes).with_state(desk)).await?;
        let address = listening.address()?;
        let ending = CancellationToken::new();
        tokio::spawn(listening.serve(ending.clone()));
        Ok(Self { address, seen: sees, _until_dropped: ending.drop_guard() })
    }

    /// Whether the delivery has come, and whether one of the configured secrets signed it.
    #[must_use]
    pub fn arrived(&self) -> Option<bool> {
        *self.seen.borrow()
    }
}

async fn take(State(desk): State<Desk>, request: Request) -> Response {
    let until = webhook::deadline();
    let (head, body) = request.into_parts();
    let guest = head.extensions.get::<Guest>().cloned().unwrap_or_default();
    let _busy = guest.busy();
    let header = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let read = webhook::signed(&desk.secrets, &desk.bodies, &guest, &head.headers, body, until).await;
    let is_signed = match read {
        Ok(_) => true,
        Err(Refused::NoSignature | Refused::BadSignature) => false,
        // It did not come whole; GitHub is told why.
        Err(refused) => return refused.into_response(),
    };
    if *desk.waits_for == *header("x-github-delivery") {
        // A signature is nobody's but GitHub's: what comes unsigned under the same GUID takes it back for nobody.
        desk.seen.send_modify(|seen| *seen = Some(is_signed || *seen == Some(true)));
    }
    match (is_signed, header("x-github-event")) {
        (false, _) => (StatusCode::UNAUTHORIZED, "bad signature\n").into_response(),
        (true, "ping") => (StatusCode::OK, "baton doctor saw it\n").into_response(),
        (true, _) => {
            (StatusCode::SERVICE_UNAVAILABLE, "baton doctor saw it; the server does not run\n").into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use hmac::{Hmac, KeyInit as _, Mac as _};
    use sha2::Sha256;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpStream;
    use tokio::time::Instant;

    use super::*;
    use crate::server::BODY_LIMIT;

    /// Sends this head, and a body; the first line of the answer.
    async fn ask(address: SocketAddr, head: &str, length: usize, body: &[u8]) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let start = format!("POST /webhooks/github HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{head}");
        stream.write_all(format!("{start}content-length: {length}\r\n\r\n").as_bytes()).await.unwrap();
        stream.write_all(body).await.unwrap();
        let mut answer = String::new();
        tokio::time::timeout(Duration::from_secs(60), stream.read_to_string(&mut answer)).await.unwrap().unwrap();
        answer.lines().next().unwrap_or_default().to_owned()
    }

    fn signature(secret: &str, body: &[u8]) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
        mac.update(body);
        format!("x-hub-signature-256: sha256={}\r\n", hex::encode(mac.finalize().into_bytes()))
    }

    #[tokio::test]
    async fn the_servers_limits_hold_for_it() {
        let trial = Trial::at("127.0.0.1:0", vec!["secret".into()], "1").await.unwrap();
        let (address, body) = (trial.address, b"{}");
        let of = |guid: &str, event: &str| format!("x-github-delivery: {guid}\r\nx-github-event: {event}\r\n");
        let ours = signature("secret", body);
        let signed = |guid: &str, event: &str| of(guid, event) + &ours;
        let said = [
            ask(address, &signed("1", "ping"), 2, body).await,
            ask(address, &signed("2", "issues"), 2, body).await,
            ask(address, &(of("3", "ping") + &signature("another", body)), 2, body).await,
            // Announced, and never sent: answered all the same.
            ask(address, &signed("4", "ping"), BODY_LIMIT + 1, b"").await,
            ask(address, &format!("x: {}\r\n", "y".repeat(100_000)), 0, b"").await,
        ];
        insta::assert_snapshot!(said.join("\n"), @r"
        HTTP/1.1 200 OK
        HTTP/1.1 503 Service Unavailable
        HTTP/1.1 401 Unauthorized
        HTTP/1.1 413 Payload Too Large
        HTTP/1.1 431 Request Header Fields Too Large
        ");
        assert_eq!(trial.arrived(), Some(true));
        drop(trial);
        let deadline = Instant::now() + Duration::from_secs(30);
        while TcpStream::connect(address).await.is_ok() {
            assert!(Instant::now() < deadline, "it listens on");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// More posts than anybody keeps, from whoever finds the port.
    #[tokio::test]
    async fn strangers_do_not_hide_what_is_waited_for() {
        let trial = Trial::at("127.0.0.1:0", vec!["secret".into()], "ours").await.unwrap();
        let (address, body) = (trial.address, b"{}");
        let of = |guid: &str| format!("x-github-delivery: {guid}\r\nx-github-event: ping\r\n");
        let floods = async || {
            for nth in 0..100 {
                ask(address, &of(&format!("theirs-{nth}")), 2, body).await;
            }
        };
        floods().await;
        assert_eq!(trial.arrived(), None);
        ask(address, &of("ours"), 2, body).await;
        assert_eq!(trial.arrived(), Some(false), "it came, and was not rightly signed");
        ask(address, &(of("ours") + &signature("secret", body)), 2, body).await;
        ask(address, &(of("ours") + &signature("another", body)), 2, body).await;
        floods().await;
        assert_eq!(trial.arrived(), Some(true));
    }
}
