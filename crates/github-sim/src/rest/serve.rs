//! From a request to an answer: fault, identity, route, rights, handler, then GitHub's headers around it.

use std::sync::Mutex;
use std::time::Duration;

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::access::Identity;
use super::call::{Answer, Call, Outcome};
use super::disturb::{above, with_faults};
use super::operation::{Needs, Route};
use super::route::{Found, Params, find};
use crate::refusal::Refusal;
use crate::sim::lock;
use crate::world::{Actor, World};

/// A request, taken off the wire.
#[derive(Debug, Clone, Default)]
pub(crate) struct Incoming {
    pub method: String,
    /// Behind the API's base URL, with a leading slash.
    pub path: String,
    pub query: String,
    pub authorization: Option<String>,
    pub accept: String,
    pub if_none_match: Option<String>,
    /// The request says that it is not as GitHub describes it, to see how it is refused.
    #[cfg(feature = "contract")]
    pub wrong_on_purpose: bool,
    /// What a browser brings to the pages for people.
    pub cookie: Option<String>,
    pub body: bytes::Bytes,
}

/// What goes back on the wire.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// Cut the connection instead of answering.
    pub cut: bool,
    /// It was refused by a limit and is not counted once more.
    pub uncounted: bool,
    /// Wait this long before answering.
    pub delay: Duration,
    /// Wait this long between two bytes of the answer.
    pub pace: Duration,
    /// What follows the body.
    pub more: Option<Box<Repeated>>,
    /// A planned fault put this in the place of the simulator's own answer.
    #[cfg(feature = "contract")]
    pub planned: bool,
}

/// The same bytes again and again: large bodies that are never in memory.
#[derive(Debug, Clone)]
pub(crate) struct Repeated {
    pub bytes: bytes::Bytes,
    /// `None`: for ever.
    pub times: Option<u64>,
    /// What comes at the end.
    pub tail: bytes::Bytes,
}

impl Reply {
    pub(crate) fn json(status: u16, body: &Value) -> Self {
        let headers = vec![("content-type".to_owned(), "application/json; charset=utf-8".to_owned())];
        Self { status, headers, body: body.to_string().into_bytes(), ..Self::default() }
    }

    pub(crate) fn text(status: u16, kind: &str, body: impl Into<Vec<u8>>) -> Self {
        let headers = vec![("content-type".to_owned(), format!("{kind}; charset=utf-8"))];
        Self { status, headers, body: body.into(), ..Self::default() }
    }

    /// Sends a browser on with GET.
    pub(crate) fn see_other(to: &str) -> Self {
        let mut reply = Self::text(303, "text/plain", "");
        reply.headers.push(("location".into(), to.to_owned()));
        reply
    }

    pub(crate) fn refuse(refusal: &Refusal) -> Self {
        Self::json(refusal.status, &refusal.body())
    }
}

/// Serves one REST request.
pub(crate) fn serve(world: &Mutex<World>, request: &Incoming) -> Reply {
    let mut world = lock(world);
    let found = find(&request.method, &request.path);
    let operation = if let Found::Route(route, _) = &found { route.operation.id } else { "" };
    let who = world.identify(request.authorization.as_deref());
    let reply = with_faults(&mut world, operation, request, |world| {
        let who = match who.clone() {
            Ok(who) => who,
            Err(refusal) => return Reply::refuse(&refusal),
        };
        if let Some(reply) = refused_by_limit(world, operation, request, who) {
            return reply;
        }
        match &found {
            Found::Route(route, params) => answer(world, route, params, who, request),
            Found::OtherMethod | Found::Nothing => Reply::refuse(&Refusal::not_found()),
        }
    });
    finish(&mut world, operation, &who.unwrap_or(Identity::Anonymous), request, reply)
}

/// The refusal of a request that is above a limit, where limits are counted and hold.
pub(crate) fn refused_by_limit(world: &mut World, operation: &str, request: &Incoming, who: Identity) -> Option<Reply> {
    let limit = world.above_limit(operation, &request.method, who)?;
    let limits = world.switches.limits.clone()?;
    let reply = Reply { uncounted: true, ..above(limit, &limits, world) };
    #[cfg(feature = "contract")]
    let reply = Reply { planned: true, ..reply };
    Some(reply)
}

/// A path under `/repositories/ID/` as one under `/repos/OWNER/NAME/`.
pub(crate) fn by_name(world: &Mutex<World>, path: &str) -> Option<String> {
    let (id, rest) = path.strip_prefix("/repositories/")?.split_once('/')?;
    let world = lock(world);
    let id = world.repo(id.parse().ok()?)?.id;
    Some(format!("/repos/{}/{rest}", world.full_name(id)))
}

fn answer(world: &mut World, route: &Route, params: &Params, who: Identity, request: &Incoming) -> Reply {
    match place(world, params, &request.method, &request.path) {
        Ok(repo) => {
            let done = perform(world, route, params.clone(), who, repo, request);
            let done = done.and_then(|answer| world.lagging(who, &request.method, &request.path, repo, answer));
            done.map_or_else(|refusal| Reply::refuse(&refusal), |answer| write(&answer))
        }
        Err(Misplaced::Refused(refusal)) => Reply::refuse(&refusal),
        Err(Misplaced::Moved { status, to }) => {
            let query = if request.query.is_empty() { String::new() } else { format!("?{}", request.query) };
            let (body, url) = moved(world, status, &format!("{to}{query}"));
            let mut reply = Reply::json(status, &body);
            reply.headers.push(("location".into(), url));
            reply
        }
    }
}

/// The body of a redirect, and where it leads.
fn moved(world: &World, status: u16, to: &str) -> (Value, String) {
    let url = format!("{}{to}", world.urls.api);
    let text = if status == 301 { "Moved Permanently" } else { "Temporary Redirect" };
    let docs = "https://docs.github.com/rest/guides/best-practices-for-using-the-rest-api#follow-redirects";
    (serde_json::json!({"message": text, "url": url, "documentation_url": docs}), url)
}

/// Calls an operation as somebody, without the wire: what the library's and the control API's people do.
pub(crate) fn call_as(world: &mut World, who: Identity, method: &str, path: &str, body: Value) -> Outcome {
    let Found::Route(route, params) = find(method, path) else { return Err(Refusal::not_found()) };
    let repo = match place(world, &params, method, path) {
        Ok(repo) => repo,
        Err(Misplaced::Refused(refusal)) => return Err(refusal),
        Err(Misplaced::Moved { .. }) => return Err(Refusal::not_found()),
    };
    let request =
        Incoming { method: method.into(), path: path.into(), body: body.to_string().into(), ..Incoming::default() };
    match perform(world, route, params, who, repo, &request)? {
        moved if moved.status == 301 => Err(Refusal::new(301, "Moved Permanently")),
        answer => Ok(answer),
    }
}

enum Misplaced {
    Refused(Refusal),
    /// The repository has another name now.
    Moved {
        status: u16,
        to: String,
    },
}

/// The repository of the path, 0 where the path names none.
fn place(world: &World, params: &Params, method: &str, path: &str) -> Result<u64, Misplaced> {
    let param = |name: &str| params.iter().find(|(it, _)| it == name).map(|(_, value)| value.as_str());
    let Some((owner, name)) = param("owner").zip(param("repo")) else { return Ok(0) };
    if let Some(repo) = world.repo_by_name(owner, name) {
        return Ok(repo.id);
    }
    let Some(id) = world.renamed.get(&format!("{owner}/{name}").to_lowercase()) else {
        return Err(Misplaced::Refused(Refusal::not_found()));
    };
    let rest = path.trim_start_matches('/').splitn(4, '/').nth(3).map(|rest| format!("/{rest}")).unwrap_or_default();
    let status = if method == "GET" { 301 } else { 307 };
    Err(Misplaced::Moved { status, to: format!("/repositories/{id}{rest}") })
}

fn perform(world: &mut World, route: &Route, params: Params, who: Identity, repo: u64, request: &Incoming) -> Outcome {
    let named = |name: &str| params.iter().find(|(it, _)| it == name).and_then(|(_, value)| value.parse().ok());
    let comment_place = named("comment_id").and_then(|id| world.comment_place(repo, id));
    let number = named("issue_number").or_else(|| named("pull_number")).or(comment_place);
    let needs = route.operation.needs;
    let readable = !matches!(needs, Needs::Repository { .. }) || world.can_see(who, repo);
    if !readable && !matches!(who, Identity::App { .. }) {
        // A private repository must not show by the kind of refusal that it exists.
        world.admit(who, needs, repo, number)?;
    }
    if let Some(number) = number
        && readable
        && let Some(elsewhere) = not_here(world, who, repo, number, &request.path)?
    {
        return Ok(elsewhere);
    }
    world.admit(who, needs, repo, number)?;
    let body = read_body(&request.body)?;
    let actor: Actor = world.actor(who);
    let query = read_query(&request.query);
    // GitHub's `Link` names repositories by their id.
    let under = request.path.trim_start_matches('/').splitn(4, '/').nth(3);
    let url = match under {
        Some(under) if repo != 0 => format!("{}/repositories/{repo}/{under}", world.urls.api),
        _ => format!("{}{}", world.urls.api, request.path),
    };
    let accept = request.accept.clone();
    (route.handle)(&mut Call { world, who, actor, repo, params, query, body, url, accept })
}

/// Refuses what is asked about a thread that is gone, never was, or cannot be used; the way to one that was transferred.
fn not_here(world: &World, who: Identity, repo: u64, number: u64, path: &str) -> Result<Option<Answer>, Refusal> {
    let repository = world.repo(repo).ok_or_else(Refusal::not_found)?;
    match repository.issues.get(&number) {
        Some(issue) if issue.pull.is_none() && !repository.has_issues => Err(Refusal::issues_disabled()),
        Some(_) => Ok(None),
        None if repository.deleted_issues.contains(&number) => Err(Refusal::gone()),
        None => {
            let moved_to = repository.moved_issues.get(&number).filter(|(repo, _)| world.can_see(who, *repo));
            let (to, new) = moved_to.ok_or_else(Refusal::not_found)?;
            let rest = path.split_once(&format!("/issues/{number}")).map_or("", |(_, rest)| rest);
            let (body, url) = moved(world, 301, &format!("/repositories/{to}/issues/{new}{rest}"));
            Ok(Some(Answer { status: 301, body: Some(body), headers: vec![("location", url)] }))
        }
    }
}

fn read_body(body: &[u8]) -> Result<Value, Refusal> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(Value::Object(serde_json::Map::new()));
    }
    match serde_json::from_slice(body) {
        Ok(Value::Null) => Ok(Value::Object(serde_json::Map::new())),
        Ok(value @ (Value::Object(_) | Value::Array(_))) => Ok(value),
        Ok(_) => Err(Refusal::new(400, "Body should be a JSON object")),
        Err(_) => Err(Refusal::new(400, "Problems parsing JSON")),
    }
}

/// `a=1&b=x%20y` taken apart.
pub(crate) fn read_query(query: &str) -> Vec<(String, String)> {
    let decode =
        |text: &str| percent_encoding::percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (decode(name), decode(value)))
        .collect()
}

fn write(answer: &Answer) -> Reply {
    let own_type = answer.headers.iter().any(|(name, _)| *name == "content-type");
    let mut reply = match &answer.body {
        None => Reply { status: answer.status, ..Reply::default() },
        Some(Value::String(text)) if own_type => {
            Reply { status: answer.status, body: text.clone().into_bytes(), ..Reply::default() }
        }
        Some(body) => Reply::json(answer.status, body),
    };
    reply.headers.extend(answer.headers.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    reply
}

/// Adds what stands on every answer, and notes the request.
pub(crate) fn finish(
    world: &mut World,
    operation: &str,
    who: &Identity,
    request: &Incoming,
    mut reply: Reply,
) -> Reply {
    if request.method == "GET" && reply.status == 200 {
        let tag = format!("W/\"{}\"", hex::encode(Sha256::digest(&reply.body)));
        let strong = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
        let known =
            request.if_none_match.as_deref().is_some_and(|it| it.split(',').any(|it| strong(it) == strong(&tag)));
        reply.headers.push(("etag".into(), tag));
        reply.headers.push(("cache-control".into(), "private, max-age=60, s-maxage=60".into()));
        if known {
            reply.status = 304;
            reply.body.clear();
        }
    }
    if reply.status != 304 && !reply.uncounted && operation != "rate-limit/get" {
        world.count_request(operation, &request.method, *who);
    }
    let (limit, remaining, reset) = world.rate(*who);
    let request_id = world.fresh_id();
    let resource = if operation.starts_with("graphql") { "graphql" } else { "core" };
    let common = [
        ("x-github-media-type", "github.v3; format=json".to_owned()),
        ("x-github-api-version-selected", "2022-11-28".to_owned()),
        ("x-github-request-id", format!("{request_id:04X}:SIM")),
        ("x-ratelimit-limit", limit.to_string()),
        ("x-ratelimit-remaining", remaining.to_string()),
        ("x-ratelimit-used", (limit - remaining).to_string()),
        ("x-ratelimit-reset", reset.to_string()),
        ("x-ratelimit-resource", resource.to_owned()),
        ("server", "github-sim".to_owned()),
        ("date", crate::clock::http_date(world.clock_of_github())),
    ];
    for (name, value) in common {
        if !reply.headers.iter().any(|(it, _)| it == name) {
            reply.headers.push((name.to_owned(), value));
        }
    }
    world.note_request(operation, *who, request, if reply.cut { 0 } else { reply.status });
    reply
}
