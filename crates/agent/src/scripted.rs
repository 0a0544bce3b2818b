//! A scripted model server: speaks the three interfaces, says what a recording says, and refuses malformed requests.
//!
//! For tests and for trying things out, never for work. It keeps no conversation: every answer follows from the request
//! alone, so retries and restarts see what they would at a real provider. [`Fault`]s are injected by request number.

mod anthropic;
mod fault;
mod frames;
mod openai_chat;
mod openai_responses;
mod wellformed;

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub use fault::{Fault, UnknownFault};

use crate::native::Api;
use crate::replay::{Script, next_turn};
use wellformed::Heard;

/// What the server is to do.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// What goes wrong, by the number of the request it goes wrong in, from 1.
    pub faults: Vec<(usize, Fault)>,
    /// The only key that is let in; any when none.
    pub key: Option<String>,
}

/// One request that came, and what became of it.
#[derive(Clone, Debug, Serialize)]
pub struct Seen {
    /// Which interface.
    pub api: Api,
    /// The status it was answered with.
    pub status: u16,
    /// Why it was refused, or which fault was injected.
    pub problem: Option<String>,
    /// Its body.
    pub body: Value,
}

struct Shared {
    scripts: Vec<Script>,
    options: Options,
    seen: Mutex<Vec<Seen>>,
}

/// A running server on a loopback port of its own; dropping it stops it.
#[derive(Debug)]
pub struct ModelSim {
    address: SocketAddr,
    shared: Arc<Shared>,
    server: JoinHandle<io::Result<()>>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("options", &self.options).finish_non_exhaustive()
    }
}

impl ModelSim {
    /// Serves the recordings at `listen`. Of several, a request gets the one whose label is the model it asks for, else
    /// the first.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub async fn start(listen: SocketAddr, scripts: Vec<Script>, options: Options) -> io::Result<Self> {
        let listener = TcpListener::bind(listen).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared { scripts, options, seen: Mutex::default() });
        let app = Router::new()
            .route("/v1/messages", post(|state, headers, body| answer(Api::Anthropic, state, headers, body)))
            .route("/v1/responses", post(|state, headers, body| answer(Api::OpenAi, state, headers, body)))
            .route("/v1/chat/completions", post(|state, headers, body| answer(Api::OpenAiChat, state, headers, body)))
            .route("/v1/models/{*model}", get(look_up))
            .route("/v1/models", get(list))
            .route("/requests", get(|State(shared): State<Arc<Shared>>| async move { Json(shared.seen()) }))
            .layer(axum::extract::DefaultBodyLimit::max(64 << 20))
            .with_state(Arc::clone(&shared));
        let server = tokio::spawn(async move { axum::serve(listener, app).await });
        Ok(Self { address, shared, server })
    }

    /// Where it listens, without a path.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The base URL to configure for an interface.
    #[must_use]
    pub fn base_url(&self, api: Api) -> String {
        match api {
            Api::Anthropic => self.url(),
            Api::OpenAi | Api::OpenAiChat => format!("{}/v1", self.url()),
        }
    }

    /// Every request so far.
    #[must_use]
    pub fn requests(&self) -> Vec<Seen> {
        self.shared.seen()
    }

    /// Waits until the server ends by itself, which it does only when its socket fails.
    ///
    /// # Errors
    /// Why it ended.
    pub async fn ended(&mut self) -> io::Result<()> {
        (&mut self.server).await.unwrap_or_else(|error| Err(io::Error::other(error)))
    }
}

impl Drop for ModelSim {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Shared {
    fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Writes the request down and returns its number.
    fn arrived(&self, api: Api, body: Value) -> usize {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.push(Seen { api, status: 200, problem: None, body });
        seen.len()
    }

    fn refused(&self, number: usize, status: u16, problem: &str) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(one) = seen.get_mut(number - 1) {
            one.status = status;
            one.problem = Some(problem.to_owned());
        }
    }

    fn script(&self, model: &str) -> Option<&Script> {
        self.scripts.iter().find(|script| script.label == model).or(self.scripts.first())
    }
}

/// Answers one request of any interface.
async fn answer(api: Api, State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    let parsed: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
    let number = shared.arrived(api, parsed.clone());
    let refuse = |status: u16, kind: &str, problem: String| {
        shared.refused(number, status, &problem);
        error(api, status, kind, &problem, None)
    };
    let given = key(api, &headers);
    let welcome = given.as_ref().is_some_and(|key| shared.options.key.as_ref().is_none_or(|wanted| wanted == key));
    if !welcome {
        // Some providers quote what they were given: the client must not pass that on.
        let quoted = given.unwrap_or_else(|| "none".to_owned());
        return refuse(401, "authentication_error", format!("invalid API key: {quoted}"));
    }
    let fault = shared.options.faults.iter().find(|(at, _)| *at == number).map(|(_, fault)| *fault);
    if let Some(fault) = fault {
        shared.refused(number, fault.status(), &format!("injected: {fault}"));
    }
    if let Some(Fault::Status { status, retry_after }) = fault {
        return error(api, status, fault::kind(status), "injected fault", retry_after);
    }
    if let Some(Fault::Overflow) = fault {
        return error(api, 400, "context_length_exceeded", "prompt is too long: 2 tokens > 1 maximum", None);
    }
    if let Some(Fault::Hang) = fault {
        std::future::pending::<()>().await;
    }
    let heard = match hear(api, &parsed) {
        Ok(heard) => heard,
        Err(problem) => return refuse(400, "invalid_request_error", format!("malformed request: {problem}")),
    };
    let Some(script) = shared.script(&heard.model) else {
        return refuse(404, "not_found_error", format!("no recording for the model {}", heard.model));
    };
    let turn = match next_turn(script, &heard.turns) {
        Ok(turn) => turn,
        Err(departure) => return refuse(400, "invalid_request_error", departure.to_string()),
    };
    let prefix = format!("s{}", heard.turns.len());
    let frames = match api {
        Api::Anthropic => anthropic::frames(&turn, &prefix),
        Api::OpenAi => openai_responses::frames(&turn, &prefix),
        Api::OpenAiChat => openai_chat::frames(&turn, &prefix),
    };
    frames::streamed(frames, fault)
}

/// The key of a request that may be for either kind of provider.
fn any_key(headers: &HeaderMap) -> Option<String> {
    key(Api::Anthropic, headers).or_else(|| key(Api::OpenAi, headers))
}

impl Shared {
    fn welcomes(&self, headers: &HeaderMap) -> bool {
        any_key(headers).is_some_and(|key| self.options.key.as_ref().is_none_or(|wanted| *wanted == key))
    }
}

/// One model: there is one for every recording.
async fn look_up(State(shared): State<Arc<Shared>>, Path(model): Path<String>, headers: HeaderMap) -> Response {
    if !shared.welcomes(&headers) {
        return error(Api::OpenAi, 401, "authentication_error", "invalid API key", None);
    }
    match shared.scripts.iter().find(|script| script.label == model) {
        Some(script) => Json(json!({ "id": script.label, "object": "model", "type": "model" })).into_response(),
        None => error(Api::OpenAi, 404, "not_found_error", "no such model", None),
    }
}

/// All models.
async fn list(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    if !shared.welcomes(&headers) {
        return error(Api::OpenAi, 401, "authentication_error", "invalid API key", None);
    }
    let data: Vec<Value> = shared.scripts.iter().map(|script| json!({ "id": script.label, "type": "model" })).collect();
    Json(json!({ "object": "list", "data": data })).into_response()
}

/// Reads and checks the request's body.
fn hear(api: Api, body: &Value) -> Result<Heard, String> {
    let heard = match api {
        Api::Anthropic => anthropic::hear(body)?,
        Api::OpenAi => openai_responses::hear(body)?,
        Api::OpenAiChat => openai_chat::hear(body)?,
    };
    wellformed::check(&heard.turns)?;
    Ok(heard)
}

fn key(api: Api, headers: &HeaderMap) -> Option<String> {
    let value = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    match api {
        Api::Anthropic => value("x-api-key").filter(|_| value("anthropic-version").is_some()),
        Api::OpenAi | Api::OpenAiChat => value("authorization")?.strip_prefix("Bearer ").map(str::to_owned),
    }
}

/// An error in the shape of the interface.
fn error(api: Api, status: u16, kind: &str, message: &str, retry_after: Option<u32>) -> Response {
    let body = match api {
        Api::Anthropic => json!({ "type": "error", "error": { "type": kind, "message": message } }),
        Api::OpenAi | Api::OpenAiChat => json!({ "error": { "type": kind, "code": kind, "message": message } }),
    };
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = (status, Json(body)).into_response();
    if let Some(seconds) = retry_after {
        response.headers_mut().insert("retry-after", seconds.into());
    }
    response
}

/// A response of server-sent events.
fn event_stream(body: Body) -> Response {
    ([("content-type", "text/event-stream"), ("cache-control", "no-cache")], body).into_response()
}
