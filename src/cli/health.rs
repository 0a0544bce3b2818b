//! `baton health`: asks the server on this machine whether it is well. For the health check of a container, which has no
//! other program to ask with.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use clap::Args;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::Fault;
use super::assemble::configuration;
use super::given::Given;
use super::table::line;

/// What to ask.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Ask whether it can take webhooks too: then the database has to answer.
    #[arg(long)]
    ready: bool,
}

/// A server that is well answers at once; a supervisor that waits longer than this learns nothing more.
const PATIENCE: Duration = Duration::from_secs(5);

/// The answers are a few words.
const LONGEST_ANSWER: u64 = 8 * 1024;

/// Exit code 0 if the server at `server.listen` answers well; else 1, with the reason.
pub(super) async fn health(given: &Given, arguments: Arguments) -> Result<(), Fault> {
    let config = configuration(given)?;
    let address = from_here(&config.server.listen);
    let path = if arguments.ready { "/readyz" } else { "/healthz" };
    let answer = tokio::time::timeout(PATIENCE, ask(&address, path)).await;
    let (status, says) = match answer {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) => return Err(Fault::failed(error.context(format!("http://{address}{path} does not answer")))),
        Err(_) => return Err(Fault::failed(anyhow!("http://{address}{path} does not answer within {PATIENCE:?}"))),
    };
    if status != 200 {
        return Err(Fault::failed(anyhow!("http://{address}{path} answers {status}: {says}")));
    }
    line(&says);
    Ok(())
}

/// Where this machine reaches a server that listens there: "on every address" is no address to ask at.
pub(super) fn from_here(listen: &str) -> String {
    match listen.parse::<SocketAddr>() {
        Ok(SocketAddr::V4(address)) if address.ip().is_unspecified() => {
            SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), address.port()).to_string()
        }
        Ok(SocketAddr::V6(address)) if address.ip().is_unspecified() => {
            SocketAddr::new(IpAddr::V6(Ipv6Addr::LOCALHOST), address.port()).to_string()
        }
        Ok(_) | Err(_) => listen.to_owned(),
    }
}

pub(super) async fn ask(address: &str, path: &str) -> anyhow::Result<(u16, String)> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.take(LONGEST_ANSWER).read_to_end(&mut answer).await?;
    understand(&answer).context("what answers there does not speak HTTP; is `server.listen` another program's?")
}

/// Status and first line of the body (RFC 9112, section 4; the server gives a plain body with its length).
fn understand(answer: &[u8]) -> Option<(u16, String)> {
    let text = String::from_utf8_lossy(answer);
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.strip_prefix("HTTP/1.")?.split(' ').nth(1)?.parse().ok()?;
    Some((status, body.lines().next().unwrap_or_default().to_owned()))
}

#[cfg(test)]
mod tests {
    use proptest::strategy::Strategy as _;

    use super::*;

    #[test]
    fn every_address_is_asked_at_loopback() {
        let asked: Vec<_> =
            ["0.0.0.0:3000", "[::]:80", "127.0.0.1:3000", "192.0.2.7:1", "localhost:3000"].map(from_here).into();
        assert_eq!(asked, ["127.0.0.1:3000", "[::1]:80", "127.0.0.1:3000", "192.0.2.7:1", "localhost:3000"]);
    }

    #[test]
    fn answers_are_understood_or_not() {
        let understood = |text: &str| understand(text.as_bytes());
        assert_eq!(understood("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nok\n"), Some((200, "ok".into())));
        assert_eq!(understood("HTTP/1.1 503 Service Unavailable\r\n\r\n"), Some((503, String::new())));
        assert_eq!(understood("SSH-2.0-OpenSSH_9.2\r\n\r\n"), None);
        assert_eq!(understood("HTTP/1.1 200 OK\r\n"), None, "cut off");
    }

    proptest::proptest! {
        #[test]
        fn whatever_answers_never_panics(
            answer in proptest::prop_oneof![
                proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200),
                "HTTP/1\\.[ -~]{0,20}(\r\n){0,2}[ -~\r\n]{0,40}".prop_map(String::into_bytes),
            ],
        ) {
            if let Some((_, says)) = understand(&answer) {
                assert!(!says.contains('\n'));
            }
        }
    }
}
