//! A git server as GitHub looks to git: smart HTTP through `git http-backend`, a token, and faults to order.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use base64::Engine as _;

/// What the server does instead of answering properly.
#[derive(Clone, Debug)]
pub enum Fault {
    /// This status with this text, for every request.
    Status(u16, String),
    /// A redirect of the first request of a conversation to another server.
    Redirect(String),
    /// The push happens, and the connection breaks before the answer.
    LoseAnswerOfPush,
    /// A push waits at the server's door until [`Server::open_gate`].
    Hold,
    /// The answer never comes.
    Hang,
    /// An answer comes in small parts, with so much time after each.
    Slow(Duration),
    /// So many bytes of an answer come, and no more.
    Stall(usize),
}

/// One request as it came.
#[derive(Clone, Debug)]
pub struct Seen {
    pub line: String,
    pub authorization: Option<String>,
}

#[derive(Default)]
struct State {
    seen: Vec<Seen>,
    faults: VecDeque<(Option<usize>, Fault)>,
    /// While true, requests that carry a token wait.
    gate: bool,
    /// While true, a push that is to be held waits.
    holds: bool,
    waiting: usize,
}

struct Shared {
    root: PathBuf,
    token: String,
    state: Mutex<State>,
    changed: Condvar,
}

/// A running server; requests after its end are refused by nobody listening.
pub struct Server {
    shared: Arc<Shared>,
    port: u16,
}

impl Server {
    pub fn start(root: &Path, token: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared {
            root: root.to_owned(),
            token: token.to_owned(),
            state: Mutex::default(),
            changed: Condvar::new(),
        });
        let for_thread = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&for_thread);
                std::thread::spawn(move || {
                    let _ = answer(&shared, stream);
                });
            }
        });
        Self { shared, port }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}/{path}", self.port)
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.shared.state.lock().unwrap().seen.clone()
    }

    /// From now on, for `times` requests (for ever if none).
    pub fn fault(&self, times: Option<usize>, fault: Fault) {
        let mut state = self.shared.state.lock().unwrap();
        state.holds |= matches!(fault, Fault::Hold);
        state.faults.push_back((times, fault));
    }

    pub fn heal(&self) {
        self.shared.state.lock().unwrap().faults.clear();
    }

    /// Makes every request with a token wait until [`Server::open_gate`].
    pub fn close_gate(&self) {
        self.shared.state.lock().unwrap().gate = true;
    }

    pub fn open_gate(&self) {
        {
            let mut state = self.shared.state.lock().unwrap();
            (state.gate, state.holds) = (false, false);
        }
        self.shared.changed.notify_all();
    }

    /// How many requests wait at the gate.
    pub fn waiting(&self) -> usize {
        self.shared.state.lock().unwrap().waiting
    }
}

fn answer(shared: &Shared, stream: TcpStream) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut writer = stream;
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut headers = Vec::new();
    loop {
        let mut header = String::new();
        reader.read_line(&mut header)?;
        let Some((name, value)) = header.trim_end().split_once(": ") else { break };
        headers.push((name.to_ascii_lowercase(), value.to_owned()));
    }
    let header = |name: &str| headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str());
    if header("expect").is_some() {
        write!(writer, "HTTP/1.1 100 Continue\r\n\r\n")?;
    }
    let body = if header("transfer-encoding") == Some("chunked") {
        read_chunks(&mut reader)?
    } else {
        let mut body = vec![0; header("content-length").and_then(|n| n.parse().ok()).unwrap_or(0)];
        reader.read_exact(&mut body)?;
        body
    };
    let authorization = header("authorization").map(str::to_owned);
    let fault = {
        let mut state = shared.state.lock().unwrap();
        state.seen.push(Seen { line: line.trim_end().to_owned(), authorization: authorization.clone() });
        while state.gate && authorization.is_some() {
            state.waiting += 1;
            state = shared.changed.wait(state).unwrap();
            state.waiting -= 1;
        }
        next_fault(&mut state, &line)
    };
    match &fault {
        Some(Fault::Status(status, text)) => return plain(&mut writer, *status, &[], text),
        Some(Fault::Redirect(to)) => {
            let target = line.split(' ').nth(1).unwrap_or_default();
            return plain(&mut writer, 301, &[("Location", &format!("{to}{target}"))], "");
        }
        Some(Fault::Hang) => {
            std::thread::park();
            return Ok(());
        }
        Some(Fault::Hold) => {
            let mut state = shared.state.lock().unwrap();
            state.waiting += 1;
            while state.holds {
                state = shared.changed.wait(state).unwrap();
            }
            state.waiting -= 1;
        }
        Some(Fault::LoseAnswerOfPush | Fault::Slow(_) | Fault::Stall(_)) | None => {}
    }
    let expected = base64::engine::general_purpose::STANDARD.encode(format!("x-access-token:{}", shared.token));
    if authorization.as_deref() != Some(&format!("Basic {expected}")) {
        return plain(&mut writer, 401, &[("WWW-Authenticate", "Basic realm=\"git\"")], "Bad credentials");
    }
    let reply = backend(&shared.root, &line, &header, &body)?;
    match fault {
        Some(Fault::Slow(pause)) => {
            for part in reply.chunks(64 * 1024) {
                writer.write_all(part)?;
                std::thread::sleep(pause);
            }
            Ok(())
        }
        Some(Fault::Stall(bytes)) if reply.len() > bytes => {
            writer.write_all(&reply[..bytes])?;
            std::thread::park();
            Ok(())
        }
        Some(Fault::Stall(_) | Fault::Hold) | None => writer.write_all(&reply),
        Some(_) => Ok(()),
    }
}

/// The fault at hand, if it concerns this request.
fn next_fault(state: &mut State, line: &str) -> Option<Fault> {
    let (times, fault) = state.faults.front_mut()?;
    if matches!(fault, Fault::LoseAnswerOfPush | Fault::Hold)
        && !(line.starts_with("POST") && line.contains("git-receive-pack"))
    {
        return None;
    }
    let fault = fault.clone();
    if let Some(times) = times {
        *times -= 1;
        if *times == 0 {
            state.faults.pop_front();
        }
    }
    Some(fault)
}

fn read_chunks(reader: &mut BufReader<TcpStream>) -> std::io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let mut size = String::new();
        reader.read_line(&mut size)?;
        let size = usize::from_str_radix(size.trim_end(), 16).map_err(std::io::Error::other)?;
        let mut chunk = vec![0; size + 2];
        reader.read_exact(&mut chunk)?;
        if size == 0 {
            return Ok(body);
        }
        body.extend_from_slice(&chunk[..size]);
    }
}

fn plain(writer: &mut TcpStream, status: u16, headers: &[(&str, &str)], text: &str) -> std::io::Result<()> {
    write!(writer, "HTTP/1.1 {status} Status\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n", text.len())?;
    for (name, value) in headers {
        write!(writer, "{name}: {value}\r\n")?;
    }
    write!(writer, "Connection: close\r\n\r\n{text}")
}

/// Runs `git http-backend` for one request and makes an HTTP answer of its CGI answer.
fn backend<'h>(
    root: &Path,
    line: &str,
    header: &dyn Fn(&str) -> Option<&'h str>,
    body: &[u8],
) -> std::io::Result<Vec<u8>> {
    let mut parts = line.split(' ');
    let (method, target) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut child = Command::new("git")
        .arg("http-backend")
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_PROJECT_ROOT", root)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("REQUEST_METHOD", method)
        .env("PATH_INFO", path)
        .env("QUERY_STRING", query)
        .env("REMOTE_USER", "baton")
        .env("CONTENT_TYPE", header("content-type").unwrap_or_default())
        .env("CONTENT_LENGTH", body.len().to_string())
        .env("HTTP_CONTENT_ENCODING", header("content-encoding").unwrap_or_default())
        .env("GIT_PROTOCOL", header("git-protocol").unwrap_or_default())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let mut stdin = child.stdin.take().unwrap();
    let body = body.to_vec();
    let feeder = std::thread::spawn(move || {
        let _ = stdin.write_all(&body);
    });
    let output = child.wait_with_output()?;
    let _ = feeder.join();
    let split = output.stdout.windows(4).position(|w| w == b"\r\n\r\n").unwrap_or(0);
    let (head, content) = output.stdout.split_at(split);
    let head = String::from_utf8_lossy(head);
    let status = head.lines().find_map(|l| l.strip_prefix("Status: ")).unwrap_or("200 OK");
    let mut reply = format!("HTTP/1.1 {status}\r\n").into_bytes();
    for header in head.lines().filter(|l| !l.starts_with("Status: ")) {
        reply.extend_from_slice(format!("{header}\r\n").as_bytes());
    }
    let content = content.get(4..).unwrap_or_default();
    reply.extend_from_slice(format!("Content-Length: {}\r\nConnection: close\r\n\r\n", content.len()).as_bytes());
    reply.extend_from_slice(content);
    Ok(reply)
}
