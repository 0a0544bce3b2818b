//! Git's smart HTTP: access by token, then the real `git http-backend`, then the world hears what moved.

use std::process::Stdio;
use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::http::{HeaderMap, Response};
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdout, Command};

use super::judge::{Verdict, write_verdicts};
use super::pktline::{Commands, read_commands};
use super::rules::{LARGEST_FILE, PushRules};
use super::{Git, plain_environment};
use crate::fault::{Fault, strike};
use crate::refusal::Refusal;
use crate::rest::access::Identity;
use crate::rest::serve::Incoming;
use crate::sim::lock;
use crate::witness::{Moment, is_witnessed};
use crate::world::permission::{Level, Role};
use crate::world::{Actor, World};

/// A request under `/{owner}/{repo}.git/…`.
#[derive(Debug)]
pub(crate) struct GitRequest {
    pub owner: String,
    pub repo: String,
    /// `info/refs`, `git-upload-pack` or `git-receive-pack`.
    pub rest: String,
    pub method: String,
    pub query: String,
    pub headers: HeaderMap,
    pub body: Body,
}

/// What a request may do, worked out before git starts.
struct Admitted {
    repo: u64,
    /// The address the repository has now, when it was asked for under an old one.
    moved_to: Option<String>,
    git: Git,
    actor: Actor,
    rules: PushRules,
}

/// An answer, or the wish to cut the connection.
pub(crate) enum GitReply {
    Answer(Response<Body>),
    Cut,
}

/// Serves one git request.
pub(crate) async fn serve(world: &Arc<Mutex<World>>, request: GitRequest) -> GitReply {
    let service = if request.query.contains("git-receive-pack") || request.rest == "git-receive-pack" {
        "git-receive-pack"
    } else {
        "git-upload-pack"
    };
    let operation = if service == "git-receive-pack" { "git/receive-pack" } else { "git/upload-pack" };
    // Faults strike the exchange itself, not the question for refs that precedes it.
    let fault = if request.rest == "info/refs" { None } else { strike(&mut lock(world).faults, operation) };
    let done = match fault {
        None => match witnessed(world, request, operation, service).await {
            Some(done) => done,
            None => return GitReply::Cut,
        },
        Some(Fault::Drop) => return GitReply::Cut,
        Some(Fault::DoAndDrop) => {
            let _ = run(world, request, service).await;
            return GitReply::Cut;
        }
        Some(Fault::Delay { millis }) => {
            tokio::time::sleep(std::time::Duration::from_millis(millis)).await;
            run(world, request, service).await
        }
        Some(Fault::Throttle { bytes_per_second }) => {
            run(world, request, service).await.map(|answer| answer.map(|body| throttled(body, bytes_per_second)))
        }
        Some(Fault::Refuse { status, message }) => Err(Refusal::new(status, message.unwrap_or_else(|| "Error".into()))),
        Some(Fault::Garbage { status, body }) => Err(Refusal::new(status, body)),
        Some(Fault::Redirect { status, to }) => return GitReply::Answer(redirect(status, &to)),
        Some(Fault::Limited { status, .. }) => Err(Refusal::new(status, "rate limit exceeded")),
        Some(Fault::PrimaryLimit { .. } | Fault::SecondaryLimit { .. }) => {
            Err(Refusal::new(429, "rate limit exceeded"))
        }
        // What is left spoils JSON answers, and git has none.
        Some(
            Fault::Trickle { .. }
            | Fault::EndlessBody
            | Fault::BigBody { .. }
            | Fault::GzipBomb { .. }
            | Fault::ContentType { .. }
            | Fault::NextPage { .. }
            | Fault::GraphqlError { .. },
        ) => run(world, request, service).await,
    };
    GitReply::Answer(done.unwrap_or_else(|refusal| plain(&refusal)))
}

/// Runs the exchange under the eyes of whoever looks at writes; nothing where it is cut off.
async fn witnessed(
    world: &Arc<Mutex<World>>,
    request: GitRequest,
    operation: &str,
    service: &str,
) -> Option<Result<Response<Body>, Refusal>> {
    let cuts = |moment| lock(world).witness.cuts(operation, moment);
    let who = lock(world).identify(header(&request.headers, "authorization")).ok();
    let pushes = is_witnessed(who, request.rest != "git-receive-pack");
    if pushes && cuts(Moment::Before) {
        return None;
    }
    let done = run(world, request, service).await;
    if pushes && cuts(Moment::After) { None } else { Some(done) }
}

async fn run(world: &Arc<Mutex<World>>, request: GitRequest, service: &str) -> Result<Response<Body>, Refusal> {
    let known = matches!(request.rest.as_str(), "info/refs" | "git-upload-pack" | "git-receive-pack");
    let admitted = admit(world, &request, service == "git-receive-pack");
    note(world, &request, service, admitted.as_ref().err().map_or(200, |refusal| refusal.status));
    let admitted = admitted?;
    if !known {
        return Err(Refusal::not_found());
    }
    // git follows this for its first question, and asks the rest at the new address.
    if let (Some(to), "info/refs") = (&admitted.moved_to, request.rest.as_str()) {
        return Ok(redirect(301, &format!("{to}/info/refs?{}", request.query)));
    }
    if request.rest == "git-receive-pack" {
        receive(world, request, admitted).await
    } else {
        exchange(request, admitted).await
    }
}

/// The same body, with so much time before each part as it takes at this speed.
fn throttled(body: Body, bytes_per_second: u64) -> Body {
    let parts = body.into_data_stream().then(move |part| async move {
        let bytes = part.as_ref().map_or(0, Bytes::len) as u64;
        let millis = bytes.saturating_mul(1_000) / bytes_per_second.max(1);
        tokio::time::sleep(std::time::Duration::from_millis(millis)).await;
        part
    });
    Body::from_stream(parts)
}

fn note(world: &Mutex<World>, request: &GitRequest, service: &str, status: u16) {
    let mut world = lock(world);
    let who = world.identify(header(&request.headers, "authorization")).unwrap_or(Identity::Anonymous);
    let noted = Incoming {
        method: request.method.clone(),
        path: format!("/{}/{}.git/{}", request.owner, request.repo, request.rest),
        query: request.query.clone(),
        ..Incoming::default()
    };
    world.note_request(&service.replace("git-", "git/"), who, &noted, status);
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// Checks the token against the repository: 401 for a bad or missing one, 404 without access, 403 for too little.
fn admit(world: &Mutex<World>, request: &GitRequest, push: bool) -> Result<Admitted, Refusal> {
    let world = lock(world);
    let invalid = "Invalid username or token. Password authentication is not supported for Git operations.";
    let who = world.identify(header(&request.headers, "authorization")).map_err(|_| Refusal::new(401, invalid))?;
    let full = format!("{}/{}", request.owner, request.repo);
    let missing = || Refusal::new(404, "Repository not found.");
    let renamed = || world.renamed.get(&full.to_lowercase()).copied();
    let by_name = world.repo_by_name(&request.owner, &request.repo).map(|repo| repo.id);
    let repo = by_name.or_else(renamed);
    let anonymous = who == Identity::Anonymous;
    let Some(repo) = repo else {
        return Err(if anonymous { Refusal::new(401, "Repository not found.") } else { missing() });
    };
    let (level, role) = if push { (Level::Write, Role::Write) } else { (Level::Read, Role::Read) };
    match world.admit_to_repository(who, &["contents"], level, role, repo) {
        Ok(()) => {}
        Err(_) if anonymous => return Err(Refusal::new(401, "Authentication required.")),
        Err(refusal) if refusal.message.contains("archived") => {
            return Err(Refusal::new(403, "This repository was archived so it is read-only."));
        }
        Err(refusal) if refusal.message.contains("suspended") => return Err(refusal),
        Err(_) if !world.can_see(who, repo) => return Err(missing()),
        Err(_) if push => {
            let login = world.login(world.actor(who).user).to_owned();
            return Err(Refusal::new(403, format!("Permission to {full}.git denied to {login}.")));
        }
        Err(_) => return Err(Refusal::new(403, "Write access to repository not granted.")),
    }
    let workflows = match who {
        Identity::Installation { token, .. } => world.token(token).is_some_and(|token| {
            let crate::world::app::TokenKind::Installation { permissions, .. } = &token.kind else { return true };
            permissions.get("workflows").is_some_and(|level| *level >= Level::Write)
        }),
        Identity::Anonymous | Identity::App { .. } | Identity::Person { .. } => true,
    };
    let repository = world.repo(repo).ok_or_else(missing)?;
    let rules = PushRules {
        may_change_workflows: workflows,
        is_app: matches!(who, Identity::Installation { .. }),
        protected: repository.protected.clone(),
        rulesets: repository.rulesets.clone(),
        default_branch: repository.default_branch.clone(),
        html_url: world.repo_html_url(repo),
        push_protection: repository.push_protection,
        largest_file: world.switches.largest_file_bytes.unwrap_or(LARGEST_FILE),
    };
    let moved_to = by_name.is_none().then(|| format!("{}.git", world.repo_html_url(repo)));
    Ok(Admitted { repo, moved_to, git: world.git.clone(), actor: world.actor(who), rules })
}

fn redirect(status: u16, to: &str) -> Response<Body> {
    Response::builder().status(status).header("location", to).body(Body::empty()).unwrap_or_default()
}

/// git's client shows a text body of a refusal to its user.
fn plain(refusal: &Refusal) -> Response<Body> {
    let mut response = Response::builder().status(refusal.status).header("content-type", "text/plain; charset=utf-8");
    if refusal.status == 401 {
        response = response.header("www-authenticate", "Basic realm=\"GitHub\"");
    }
    response.body(Body::from(format!("{}\n", refusal.message))).unwrap_or_default()
}

/// A request that changes nothing: streamed through.
async fn exchange(request: GitRequest, admitted: Admitted) -> Result<Response<Body>, Refusal> {
    let mut child = backend(&request, &admitted, None)?;
    if let Some(mut input) = child.stdin.take() {
        let mut body = decoded(request.headers.clone(), request.body).await?;
        tokio::spawn(async move {
            // The program may have read enough; what it makes of that is its answer.
            while let Some(Ok(chunk)) = body.next().await {
                if input.write_all(&chunk).await.is_err() {
                    break;
                }
            }
        });
    }
    let output = child.stdout.take().ok_or_else(|| failed("it has no output"))?;
    let (head, rest, output) = read_head(output).await?;
    let stream = tokio_util::io::ReaderStream::new(output);
    // The child is kept until its output ends.
    let stream = stream.map(move |chunk| {
        let _alive = &child;
        chunk
    });
    let first = futures::stream::once(async move { Ok::<_, std::io::Error>(rest) });
    Ok(head.body(Body::from_stream(first.chain(stream))).unwrap_or_default())
}

/// A push: judged, handed to git, and told to the world before the pusher hears of it.
async fn receive(
    world: &Arc<Mutex<World>>,
    request: GitRequest,
    admitted: Admitted,
) -> Result<Response<Body>, Refusal> {
    let mut request = request;
    let body = collect(decoded(request.headers.clone(), std::mem::take(&mut request.body)).await?).await?;
    // git first sends a lone flush to find out whether its credentials are good.
    let push = if body.as_ref() == b"0000" { None } else { read_commands(&body) };
    let verdict_folder = tempfile::tempdir_in(admitted.git.root()).map_err(|error| failed(&error.to_string()))?;
    let mut verdicts: Vec<Verdict> = Vec::new();
    if let Some(push) = &push {
        verdicts = judge(&admitted, push, &body).await?;
        write_verdicts(verdict_folder.path(), push, &verdicts).map_err(|error| failed(&error.to_string()))?;
    }
    let before = push.as_ref().map(|push| heads(&admitted, push)).unwrap_or_default();
    let mut child = backend(&request, &admitted, Some(verdict_folder.path()))?;
    let input = child.stdin.take();
    let writing = async {
        if let Some(mut input) = input {
            // As above: an early end of reading is the program's own affair.
            let _ = input.write_all(&body).await;
        }
    };
    let output = child.stdout.take().ok_or_else(|| failed("it has no output"))?;
    let reading = async {
        let (head, rest, mut output) = read_head(output).await?;
        let mut answer = rest.to_vec();
        output.read_to_end(&mut answer).await.map_err(|error| failed(&error.to_string()))?;
        Ok::<_, Refusal>((head, answer))
    };
    let ((), read) = futures::join!(writing, reading);
    let (head, answer) = read?;
    if let Some(push) = push {
        tell(world, &admitted, &push, &verdicts, &before);
    }
    Ok(head.body(Body::from(answer)).unwrap_or_default())
}

async fn judge(admitted: &Admitted, push: &Commands, body: &Bytes) -> Result<Vec<Verdict>, Refusal> {
    let (git, repo, rules) = (admitted.git.clone(), admitted.repo, admitted.rules.clone());
    let (push, body) = (push.clone(), body.clone());
    let judged = tokio::task::spawn_blocking(move || {
        let pack = body.get(push.pack_at..).unwrap_or_default();
        git.judge(repo, &push, pack, &rules)
    });
    Ok(judged.await.map_err(|error| failed(&error.to_string()))??)
}

/// Where the refs of a push stand; zeros where there is none.
fn heads(admitted: &Admitted, push: &Commands) -> Vec<String> {
    let head = |name: &str| admitted.git.refs(admitted.repo, name).into_iter().find(|(there, _)| there == name);
    push.commands
        .iter()
        .map(|command| head(&command.name).map_or_else(|| super::read::ZERO.to_owned(), |(_, sha)| sha))
        .collect()
}

/// Every ref that really moved is a push. One that stood there before is none: git repeats a push by itself when the
/// connection breaks, and is refused for it.
fn tell(world: &Mutex<World>, admitted: &Admitted, push: &Commands, verdicts: &[Verdict], before: &[String]) {
    let after = heads(admitted, push);
    let mut world = lock(world);
    for (((command, verdict), before), after) in push.commands.iter().zip(verdicts).zip(before).zip(&after) {
        let moved = *before == command.old && *after == command.new && command.old != command.new;
        if verdict.is_ok() && moved {
            world.after_push(&admitted.actor, admitted.repo, &command.name, &command.old, &command.new, true);
        } else {
            let reason = verdict.as_ref().err().map_or("refused by git", |refused| refused.reason.as_str());
            let detail = serde_json::json!({"ref": command.name, "after": command.new, "reason": reason});
            world.record(&admitted.actor, "ref.refused", Some(admitted.repo), detail);
        }
    }
}

/// Starts `git http-backend` as a CGI program.
fn backend(request: &GitRequest, admitted: &Admitted, verdict: Option<&std::path::Path>) -> Result<Child, Refusal> {
    let mut command = Command::new("git");
    command.arg("http-backend").env_clear().envs(plain_environment());
    command
        .env("GIT_PROJECT_ROOT", admitted.git.root())
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("PATH_INFO", format!("/{}.git/{}", admitted.repo, request.rest))
        .env("REQUEST_METHOD", &request.method)
        .env("QUERY_STRING", &request.query)
        .env("REMOTE_USER", &admitted.actor.with)
        .env("REMOTE_ADDR", "127.0.0.1");
    for (header_name, variable) in [("content-type", "CONTENT_TYPE"), ("git-protocol", "GIT_PROTOCOL")] {
        if let Some(value) = header(&request.headers, header_name) {
            command.env(variable, value);
        }
    }
    if let Some(folder) = verdict {
        command.env("GITHUB_SIM_VERDICT", folder);
    }
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
    command.spawn().map_err(|error| failed(&format!("cannot start it ({error}); install git")))
}

fn failed(why: &str) -> Refusal {
    Refusal::new(500, format!("git http-backend: {why}"))
}

type Chunks = futures::stream::BoxStream<'static, Result<Bytes, std::io::Error>>;

/// The body, unpacked where it came gzipped. Chunked transfer is undone by the HTTP server already.
async fn decoded(headers: HeaderMap, body: Body) -> Result<Chunks, Refusal> {
    let stream: Chunks = body.into_data_stream().map(|chunk| chunk.map_err(std::io::Error::other)).boxed();
    if header(&headers, "content-encoding") != Some("gzip") {
        return Ok(stream);
    }
    // git gzips only its small requests (the list of wants and haves), so memory is enough.
    let packed = collect(stream).await?;
    let mut plain = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(packed.as_ref()), &mut plain)
        .map_err(|_| Refusal::new(400, "the gzipped body is broken"))?;
    Ok(futures::stream::once(async move { Ok(Bytes::from(plain)) }).boxed())
}

async fn collect(mut stream: Chunks) -> Result<Bytes, Refusal> {
    let mut all = BytesMut::new();
    while let Some(chunk) = stream.next().await {
        all.extend_from_slice(&chunk.map_err(|error| Refusal::new(400, error.to_string()))?);
    }
    Ok(all.freeze())
}

/// Reads a CGI program's header; what came behind it already is handed back.
async fn read_head(mut output: ChildStdout) -> Result<(axum::http::response::Builder, Bytes, ChildStdout), Refusal> {
    let mut read = BytesMut::new();
    loop {
        if let Some((end, skip)) = end_of_head(&read) {
            let head = read.split_to(end);
            let _ = read.split_to(skip);
            return Ok((parse_head(&String::from_utf8_lossy(&head)), read.freeze(), output));
        }
        let count = output.read_buf(&mut read).await.map_err(|error| failed(&error.to_string()))?;
        if count == 0 || read.len() > 64 * 1024 {
            return Err(failed("it gave no answer"));
        }
    }
}

fn end_of_head(read: &[u8]) -> Option<(usize, usize)> {
    let find = |mark: &[u8]| read.windows(mark.len()).position(|window| window == mark).map(|at| (at, mark.len()));
    find(b"\r\n\r\n").or_else(|| find(b"\n\n"))
}

fn parse_head(head: &str) -> axum::http::response::Builder {
    let mut response = Response::builder().status(200);
    for (name, value) in head.lines().filter_map(|line| line.split_once(':')) {
        let value = value.trim();
        response = if name.eq_ignore_ascii_case("status") {
            response.status(value.split(' ').next().and_then(|code| code.parse::<u16>().ok()).unwrap_or(200))
        } else {
            response.header(name, value)
        };
    }
    response
}
