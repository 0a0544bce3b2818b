//! The pages' server: only who has the link gets in, and what GitHub sends back has to carry the state it was given.

use std::net::SocketAddr;

use axum::Router;
use axum::extract::{Form, Path, Query, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use maud::Markup;
use serde::Deserialize;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::page::{self, Typed};
use super::{Hook, Setup, Wanted, paste};

/// Where GitHub sends the browser back to.
const BACK: &str = "/setup/created";

/// A set-up whose pages can be opened.
pub struct Serving {
    setup: Setup,
    listener: TcpListener,
    address: SocketAddr,
}

#[derive(Clone)]
struct Site {
    setup: Setup,
    /// `http://ADDRESS:PORT`, as the operator's browser reaches it.
    origin: String,
}

impl Serving {
    /// Takes the address.
    ///
    /// # Errors
    /// When it cannot be taken.
    pub async fn on(listen: &str, setup: Setup) -> std::io::Result<Self> {
        let listener = TcpListener::bind(listen).await?;
        let address = listener.local_addr()?;
        Ok(Self { setup, listener, address })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The one link that opens it.
    #[must_use]
    pub fn link(&self) -> String {
        format!("http://{}/setup/{}", self.address, self.setup.inner.key)
    }

    /// Answers until `shutdown` fires.
    ///
    /// # Errors
    /// When the server breaks.
    pub async fn serve(self, shutdown: CancellationToken) -> std::io::Result<()> {
        let site = Site { setup: self.setup, origin: format!("http://{}", self.address) };
        let router = Router::new()
            .route(BACK, get(come_back))
            .route("/setup/{key}", get(show).post(read))
            .fallback(|| async { nothing_here() })
            .with_state(site);
        axum::serve(self.listener, router).with_graceful_shutdown(async move { shutdown.cancelled().await }).await
    }
}

/// A page that nothing may frame, follow or add to.
fn answer(status: StatusCode, page: Markup) -> Response {
    let headers = [
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'",
        ),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
    ];
    let mut response = (status, page.into_string()).into_response();
    for (name, value) in headers {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

fn nothing_here() -> Response {
    let text = "There is nothing at this address. Open the whole link that `baton setup` shows in the terminal.";
    answer(StatusCode::NOT_FOUND, page::trouble(text))
}

async fn show(State(site): State<Site>, Path(key): Path<String>) -> Response {
    if key != site.setup.inner.key {
        return nothing_here();
    }
    let progress = site.setup.inner.progress.borrow().clone();
    let page = match &progress.created {
        Some(created) => page::status(created, &progress),
        None => {
            let chosen = site.setup.inner.chosen.lock().await;
            let typed = typed(chosen.as_ref().unwrap_or(&site.setup.inner.wanted));
            page::ask(&site.setup.inner.addresses, &typed, progress.trouble.as_deref())
        }
    };
    answer(StatusCode::OK, page)
}

fn typed(wanted: &Wanted) -> Typed {
    let (public, tunnel) = match &wanted.hook {
        Some(Hook::Public(base)) => (base.to_string(), String::new()),
        Some(Hook::Tunnel(channel)) => (String::new(), channel.to_string()),
        None => (String::new(), String::new()),
    };
    let organization = wanted.organization.clone().unwrap_or_default();
    Typed { name: wanted.name.clone(), organization, public, tunnel }
}

async fn read(State(site): State<Site>, Path(key): Path<String>, Form(typed): Form<Typed>) -> Response {
    let inner = &site.setup.inner;
    if key != inner.key {
        return nothing_here();
    }
    let wanted = Wanted::read(&typed.name, &typed.organization, &typed.public, &typed.tunnel);
    let made = wanted.and_then(|wanted| {
        let manifest = wanted.manifest(&format!("{}{BACK}", site.origin))?;
        Ok((wanted, manifest))
    });
    match made {
        Ok((wanted, manifest)) => {
            let page = page::confirm(&inner.addresses, &wanted, &manifest, &inner.state);
            *inner.chosen.lock().await = Some(wanted);
            answer(StatusCode::OK, page)
        }
        Err(error) => answer(StatusCode::OK, page::ask(&inner.addresses, &typed, Some(&error.to_string()))),
    }
}

#[derive(Deserialize)]
struct Back {
    #[serde(default)]
    code: String,
    #[serde(default)]
    state: String,
}

async fn come_back(State(site): State<Site>, Query(back): Query<Back>) -> Response {
    if !site.setup.is_ours(&back.state) || !paste::is_code(&back.code) {
        return nothing_here();
    }
    // A task of its own, which goes on when the browser goes away: the code is good once, and so is what it brings. What went
    // wrong is shown where the link leads.
    let (setup, code) = (site.setup.clone(), back.code);
    let _shown_there = tokio::spawn(async move { setup.take(&code).await }).await;
    Redirect::to(&format!("/setup/{}", site.setup.inner.key)).into_response()
}
