//! The port: takes connections, gives each its deadlines, and ends in good order.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::{Extension, Router};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::guests::{Admission, Guests, Seat};
use super::{ANSWER_WITHIN, ServerError, Web};

/// A request's head has to be there in this time, and a connection on which nothing is asked ends after it.
const HEAD_WITHIN: Duration = Duration::from_secs(10);

/// Bytes of a request's head; GitHub's have about one thousand.
const HEAD_LIMIT: usize = 32 * 1024;

/// Bytes that a connection may have read and not dealt with.
const BUFFER: usize = 64 * 1024;

/// When the server ends: for answers that are written but not sent yet.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// After a failure to take a connection, and how many such failures in a row mean that none will ever be taken again.
const PAUSE: Duration = Duration::from_millis(500);
const FAILURES: u32 = 120;

/// A server that listens.
pub struct Listening {
    listener: TcpListener,
    router: Router,
}

impl Listening {
    /// Takes the address.
    ///
    /// # Errors
    /// [`ServerError::Listen`].
    pub async fn on(address: &str, web: &Web) -> Result<Self, ServerError> {
        Self::with(address, web.router())
            .await
            .map_err(|source| ServerError::Listen { address: address.to_owned(), source })
    }

    /// The same for other routes.
    pub(super) async fn with(address: &str, router: Router) -> std::io::Result<Self> {
        Ok(Self { listener: TcpListener::bind(address).await?, router })
    }

    /// The address that was taken: with port 0, the one the system chose.
    ///
    /// # Errors
    /// When the system does not tell.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Answers until `shutdown` fires; then nobody is let in any more, and what is under way is answered still.
    ///
    /// # Errors
    /// [`ServerError::Serve`] when no connection can be taken any more.
    pub async fn serve(self, shutdown: CancellationToken) -> Result<(), ServerError> {
        let guests = Arc::new(Guests::default());
        let under_way = TaskTracker::new();
        let mut failures = 0;
        loop {
            let taken = tokio::select! {
                taken = self.listener.accept() => taken,
                () = shutdown.cancelled() => break,
            };
            match taken {
                Ok((stream, _)) => {
                    failures = 0;
                    if let Some(seat) = place(&guests).await {
                        under_way.spawn(attend(stream, seat, self.router.clone(), shutdown.clone()));
                    }
                }
                Err(source) if failures >= FAILURES => return Err(ServerError::Serve(source)),
                Err(error) => {
                    failures += 1;
                    tracing::warn!(%error, "a connection could not be taken");
                    sleep(PAUSE).await;
                }
            }
        }
        drop(self.listener);
        under_way.close();
        under_way.wait().await;
        Ok(())
    }
}

/// A place, as soon as there is one: whoever comes behind waits in the system's queue. Nothing when nobody will make room.
async fn place(guests: &Arc<Guests>) -> Option<Seat> {
    loop {
        match guests.admit(Instant::now()) {
            Admission::Seat(seat) => return Some(seat),
            Admission::Wait(left) => sleep(left).await,
            Admission::Full => return None,
        }
    }
}

/// One connection, to its end.
async fn attend(stream: TcpStream, seat: Seat, router: Router, shutdown: CancellationToken) {
    // Without it an answer may wait for the other side's acknowledgement; and where it cannot be had, it may.
    stream.set_nodelay(true).unwrap_or_default();
    let guest = &seat.guest;
    let service = TowerToHyperService::new(router.layer(Extension(guest.clone())));
    let mut server = http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(HEAD_WITHIN);
    server.max_header_size(HEAD_LIMIT).max_buf_size(BUFFER);
    let mut connection = pin!(server.serve_connection(TokioIo::new(stream), service));
    tokio::select! {
        // A connection that breaks is the other side's affair.
        _ended = &mut connection => return,
        () = guest.told_to_leave() => return,
        () = shutdown.cancelled() => {}
    }
    connection.as_mut().graceful_shutdown();
    let patience = if guest.is_busy() { ANSWER_WITHIN + LAST_WORDS } else { LAST_WORDS };
    drop(timeout(patience, connection).await);
}
