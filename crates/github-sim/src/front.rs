//! The one listener: takes requests off the wire, says which part of the simulator they are for, cuts connections on demand.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::connect_info::Connected;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::Response;
use axum::serve::{IncomingStream, Listener};
use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

use crate::git::smart_http::{self, GitReply, GitRequest};
use crate::rest::serve::{Incoming, Repeated, Reply};
use crate::sim::lock;
use crate::world::World;

/// First segments of the API's paths, where it is served without a prefix.
const API_ROOTS: [&str; 13] = [
    "app",
    "apps",
    "app-manifests",
    "graphql",
    "installation",
    "meta",
    "rate_limit",
    "repos",
    "repositories",
    "user",
    "users",
    "orgs",
    "search",
];

/// Larger bodies are no REST request.
const MOST_BODY: usize = 32 * 1024 * 1024;

pub(crate) fn router(world: Arc<Mutex<World>>) -> Router {
    Router::new().fallback(handle).with_state(world)
}

async fn handle(
    State(world): State<Arc<Mutex<World>>>,
    ConnectInfo(wire): ConnectInfo<Wire>,
    request: Request,
) -> Response<Body> {
    let path = request.uri().path().to_owned();
    if let Some((owner, repo, rest)) = git_path(&path) {
        let (parts, body) = request.into_parts();
        let request = GitRequest {
            owner,
            repo,
            rest,
            method: parts.method.to_string(),
            query: parts.uri.query().unwrap_or_default().to_owned(),
            headers: parts.headers,
            body,
        };
        return match smart_http::serve(&world, request).await {
            GitReply::Answer(response) => response,
            GitReply::Cut => wire.cut(),
        };
    }
    wire.pace(Duration::ZERO);
    let incoming = match take(request).await {
        Ok(incoming) => incoming,
        Err(response) => return response,
    };
    let _counted = InFlight::enter(&world, incoming.authorization.as_deref());
    let done = tokio::task::spawn_blocking(move || dispatch(&world, incoming)).await;
    let reply = done.unwrap_or_else(|error| Reply::text(500, "text/plain", format!("the simulator failed: {error}")));
    if !reply.delay.is_zero() {
        tokio::time::sleep(reply.delay).await;
    }
    wire.pace(reply.pace);
    if reply.cut { wire.cut() } else { answer(reply) }
}

async fn take(request: Request) -> Result<Incoming, Response<Body>> {
    let (parts, body) = request.into_parts();
    let header = |name: &str| parts.headers.get(name).and_then(|it| it.to_str().ok()).map(str::to_owned);
    let body = axum::body::to_bytes(body, MOST_BODY)
        .await
        .map_err(|error| answer(Reply::text(413, "text/plain", error.to_string())))?;
    Ok(Incoming {
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        authorization: header("authorization"),
        accept: header("accept").unwrap_or_default(),
        if_none_match: header("if-none-match"),
        #[cfg(feature = "contract")]
        wrong_on_purpose: crate::contract::is_on_purpose(header),
        cookie: header("cookie"),
        body,
    })
}

/// Everything that is not git.
fn dispatch(world: &Arc<Mutex<World>>, mut request: Incoming) -> Reply {
    let path = request.path.clone();
    if let Some(rest) = path.strip_prefix("/_sim") {
        request.path = rest.to_owned();
        return crate::control::serve(world, &request);
    }
    if path == "/graphql" || path == "/api/graphql" {
        let reply = crate::graphql::serve(world, &request);
        #[cfg(feature = "contract")]
        crate::contract::watch_graphql(world, &request, &reply);
        return reply;
    }
    if let Some(rest) = path.strip_prefix("/api/v3") {
        request.path = rest.to_owned();
        return rest_of_github(world, request);
    }
    let first = path.trim_start_matches('/').split('/').next().unwrap_or_default();
    // GitHub's pages are on another host. Here an App's page shares its path with the API, and a browser says it is one.
    let page = first == "apps" && (request.accept.contains("text/html") || path.matches('/').count() > 2);
    if API_ROOTS.contains(&first) && !page {
        return rest_of_github(world, request);
    }
    #[cfg(feature = "contract")]
    crate::contract::watch_page(world, &request);
    crate::page::serve(world, &request)
}

fn rest_of_github(world: &Arc<Mutex<World>>, mut request: Incoming) -> Reply {
    if let Some(path) = crate::rest::serve::by_name(world, &request.path) {
        request.path = path;
    }
    let reply = crate::rest::serve::serve(world, &request);
    #[cfg(feature = "contract")]
    crate::contract::watch_rest(world, &request, &reply);
    reply
}

fn answer(reply: Reply) -> Response<Body> {
    let mut response = Response::builder().status(reply.status);
    for (name, value) in reply.headers {
        response = response.header(name, value);
    }
    let body = match reply.more {
        None => Body::from(reply.body),
        Some(more) => endless(reply.body.into(), *more),
    };
    response.body(body).unwrap_or_default()
}

/// A body that is made while it is sent.
fn endless(start: Bytes, more: Repeated) -> Body {
    let times = usize::try_from(more.times.unwrap_or(u64::MAX)).unwrap_or(usize::MAX);
    let chunks = std::iter::once(start).chain(std::iter::repeat_n(more.bytes, times)).chain([more.tail]);
    Body::from_stream(futures::stream::iter(chunks.map(Ok::<_, std::io::Error>)))
}

/// `/{owner}/{repo}.git/…`, and the same without `.git` where only git asks.
fn git_path(path: &str) -> Option<(String, String, String)> {
    let mut parts = path.trim_start_matches('/').splitn(3, '/');
    let (owner, repo, rest) = (parts.next()?, parts.next()?, parts.next()?);
    let asks = matches!(rest, "info/refs" | "git-upload-pack" | "git-receive-pack");
    let name = repo.strip_suffix(".git").or(Some(repo).filter(|_| asks))?;
    Some((owner.to_owned(), name.to_owned(), rest.to_owned()))
}

/// A request that is being answered, where simultaneous requests are counted.
struct InFlight {
    world: Arc<Mutex<World>>,
    payer: u64,
}

impl InFlight {
    fn enter(world: &Arc<Mutex<World>>, authorization: Option<&str>) -> Option<Self> {
        let mut locked = lock(world);
        locked.switches.limits.as_ref()?;
        let who = locked.identify(authorization).ok()?;
        let payer = locked.payer(who)?;
        locked.usage.entry(payer).or_default().in_flight += 1;
        Some(Self { world: Arc::clone(world), payer })
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        if let Some(usage) = lock(&self.world).usage.get_mut(&self.payer) {
            usage.in_flight = usage.in_flight.saturating_sub(1);
        }
    }
}

/// A handle on the connection a request came over.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wire(Arc<Line>);

#[derive(Debug, Default)]
struct Line {
    cut: AtomicBool,
    /// Microseconds between two bytes; 0: no wait.
    pace: AtomicU64,
}

impl Wire {
    /// From now on nothing is written to this connection; the client sees it end without an answer.
    fn cut(&self) -> Response<Body> {
        self.0.cut.store(true, Ordering::SeqCst);
        Response::default()
    }

    fn pace(&self, pace: Duration) {
        self.0.pace.store(u64::try_from(pace.as_micros()).unwrap_or(u64::MAX), Ordering::SeqCst);
    }
}

impl Connected<IncomingStream<'_, Doors>> for Wire {
    fn connect_info(stream: IncomingStream<'_, Doors>) -> Self {
        stream.io().wire.clone()
    }
}

/// A listener whose connections can be cut.
pub(crate) struct Doors(pub TcpListener);

impl Listener for Doors {
    type Io = Connection;
    type Addr = std::net::SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        let (stream, address) = Listener::accept(&mut self.0).await;
        (Connection { stream, wire: Wire::default(), pause: None }, address)
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        self.0.local_addr()
    }
}

pub(crate) struct Connection {
    stream: TcpStream,
    wire: Wire,
    pause: Option<Pin<Box<tokio::time::Sleep>>>,
}

impl Connection {
    fn refused(&self) -> Option<std::io::Error> {
        self.wire.0.cut.load(Ordering::SeqCst).then(|| std::io::ErrorKind::ConnectionReset.into())
    }
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<std::io::Result<usize>> {
        if let Some(error) = self.refused() {
            return Poll::Ready(Err(error));
        }
        let pace = self.wire.0.pace.load(Ordering::SeqCst);
        if pace == 0 {
            return Pin::new(&mut self.stream).poll_write(cx, buf);
        }
        if let Some(pause) = &mut self.pause {
            ready!(pause.as_mut().poll(cx));
            self.pause = None;
        }
        let one = buf.get(..1).unwrap_or_default();
        let written = ready!(Pin::new(&mut self.stream).poll_write(cx, one))?;
        self.pause = Some(Box::pin(tokio::time::sleep(Duration::from_micros(pace))));
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::git_path;

    #[test]
    fn what_is_git() {
        let at = |path| git_path(path).map(|(owner, repo, rest)| format!("{owner} {repo} {rest}"));
        assert_eq!(at("/acme/app.git/info/refs").as_deref(), Some("acme app info/refs"));
        assert_eq!(at("/acme/app/git-upload-pack").as_deref(), Some("acme app git-upload-pack"));
        assert_eq!(at("/acme/app/issues/1"), None);
        assert_eq!(at("/acme/app"), None);
    }
}
