//! The one place where requests leave and answers are read: no retry and no redirect that could repeat or change a
//! write, a time limit on everything, a bound on every body, GitHub's host and no other.
//!
//! octocrab carries the requests over a reqwest client of ours. Its own conveniences are left out on purpose: its retries
//! re-send writes within milliseconds, its redirect layer turns a moved POST into a GET and reports success, its
//! token cache mints one token for each of many concurrent callers, and it sends no credentials to absolute addresses
//! of any host but api.github.com, so every request here is relative.

use std::time::Duration;

use baton_core::domain::time::Timestamp;
use bytes::Bytes;
use http::header::{ACCEPT, LOCATION};
use http::{HeaderMap, StatusCode};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use octocrab::Octocrab;
use secrecy::SecretString;
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;

use crate::config::{Config, ConfigError};
use crate::error::GitHubError;
use crate::operations::{Operation, Verb};
use crate::{redact, refusal};

/// The most bytes of an answer that are read. Fifty comments of full length fit.
const ANSWER_LIMIT: usize = 16 * 1024 * 1024;
/// How many redirects a read follows. GitHub uses one for a renamed repository.
const READ_HOPS: usize = 3;
/// The pause before a read that failed is sent once more.
const READ_PAUSE: Duration = Duration::from_millis(300);

/// A request: an operation with its path filled in.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub operation: &'static Operation,
    /// Path and query below the API's address.
    pub path: String,
    pub body: Option<Value>,
}

impl Call {
    /// Fills the operation's path with `parts`, in order, each percent-encoded. A slash stays one only in `{ref}`.
    pub(crate) fn new(operation: &'static Operation, parts: &[&str]) -> Self {
        let mut path = String::new();
        let mut parts = parts.iter();
        let mut rest = operation.path;
        while let Some((before, after)) = rest.split_once('{') {
            let (name, after) = after.split_once('}').unwrap_or((after, ""));
            path.push_str(before);
            if let Some(part) = parts.next() {
                encode(part, name == "ref", &mut path);
            }
            rest = after;
        }
        path.push_str(rest);
        Self { operation, path, body: None }
    }

    pub(crate) fn query(mut self, pairs: &[(&str, &str)]) -> Self {
        let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        self.path.push('?');
        self.path.push_str(&query);
        self
    }

    pub(crate) fn body(mut self, body: Value) -> Self {
        self.body = Some(body);
        self
    }
}

/// Percent-encodes everything but RFC 3986's unreserved characters, so that no argument can reach another path.
fn encode(part: &str, keep_slashes: bool, out: &mut String) {
    // `.` and `..` would be resolved away by whoever reads the path.
    let dots = matches!(part, "." | "..");
    for byte in part.bytes() {
        let plain = byte.is_ascii_alphanumeric()
            || matches!(byte, b'-' | b'_' | b'~')
            || (byte == b'.' && !dots)
            || (byte == b'/' && keep_slashes);
        if plain {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
}

/// A successful answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub operation: &'static Operation,
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Reply {
    /// GitHub's time when it answered.
    pub(crate) fn answered_at(&self) -> Option<Timestamp> {
        refusal::header(&self.headers, "date").and_then(refusal::http_date)
    }

    pub(crate) fn json<T: DeserializeOwned>(&self) -> Result<T, GitHubError> {
        serde_json::from_slice(&self.body).map_err(|error| GitHubError::Malformed {
            operation: self.operation.name,
            // The path in the JSON and what was expected; never the value.
            detail: format!("line {}, column {}: {}", error.line(), error.column(), kind(&error)),
        })
    }
}

fn kind(error: &serde_json::Error) -> &'static str {
    match error.classify() {
        serde_json::error::Category::Io => "unreadable",
        serde_json::error::Category::Syntax => "not JSON",
        serde_json::error::Category::Data => "a field is missing or of another type",
        serde_json::error::Category::Eof => "cut off",
    }
}

/// A failure, and GitHub's time when it is a refusal.
pub(crate) struct Failure {
    pub error: GitHubError,
    pub answered_at: Option<Timestamp>,
}

impl From<GitHubError> for Failure {
    fn from(error: GitHubError) -> Self {
        Self { error, answered_at: None }
    }
}

/// One end of a request: where REST lives, or GraphQL.
struct Endpoint {
    client: Octocrab,
    base: Url,
}

/// Sends requests.
pub(crate) struct Transport {
    rest: Endpoint,
    graphql: Endpoint,
    graphql_path: String,
}

impl Transport {
    pub(crate) fn new(config: &Config) -> Result<Self, ConfigError> {
        if tokio::runtime::Handle::try_current().is_err() {
            return Err(ConfigError::Client("it must be built inside a tokio runtime".to_owned()));
        }
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .connect_timeout(config.timeouts.connect)
            .read_timeout(config.timeouts.read)
            .timeout(config.timeouts.total)
            .build()
            .map_err(|error| ConfigError::Client(error.to_string()))?;
        let api = address("github.api_url", "https://api.github.com", config.api_url.clone())?;
        let mut graphql = address("github.graphql_url", "https://api.github.com/graphql", config.graphql())?;
        let graphql_path = graphql.path().to_owned();
        graphql.set_path("");
        Ok(Self { rest: Endpoint::new(&client, api)?, graphql: Endpoint::new(&client, graphql)?, graphql_path })
    }

    /// Sends a request with a bearer credential. Whatever is no success is an error.
    pub(crate) async fn send(&self, credential: &SecretString, call: &Call) -> Result<Reply, GitHubError> {
        self.send_dated(credential, call).await.map_err(|failure| failure.error)
    }

    /// Like [`Transport::send`], and a refusal comes with GitHub's time.
    ///
    /// A read that the network or GitHub's front lost is sent once more; nothing else is.
    pub(crate) async fn send_dated(&self, credential: &SecretString, call: &Call) -> Result<Reply, Failure> {
        match self.follow(credential, call).await {
            Err(Failure {
                error: GitHubError::Network { .. } | GitHubError::Server { wait: None, status: 502..=504, .. },
                ..
            }) if call.operation.verb == Verb::Get => {
                tokio::time::sleep(READ_PAUSE).await;
                self.follow(credential, call).await
            }
            other => other,
        }
    }

    /// Sends, and follows the redirects that are safe: on the same host, and for writes only those that keep method
    /// and body, once.
    async fn follow(&self, credential: &SecretString, call: &Call) -> Result<Reply, Failure> {
        let read = call.operation.verb == Verb::Get;
        let graphql = call.operation.path == "/graphql";
        let (endpoint, mut path) =
            if graphql { (&self.graphql, self.graphql_path.clone()) } else { (&self.rest, call.path.clone()) };
        let mut hops = if read { READ_HOPS } else { 1 };
        loop {
            let reply = endpoint.exchange(credential, call, &path).await?;
            if reply.status.is_success() {
                return Ok(reply);
            }
            let followable = match reply.status.as_u16() {
                307 | 308 => true,
                301 | 302 => read,
                _ => false,
            };
            let target = refusal::header(&reply.headers, LOCATION.as_str()).and_then(|to| endpoint.relative(to));
            match target {
                Some(target) if followable && hops > 0 => {
                    hops -= 1;
                    path = target;
                }
                _ => {
                    return Err(Failure {
                        error: refusal::of(call.operation, reply.status, &reply.headers, &reply.body),
                        answered_at: reply.answered_at(),
                    });
                }
            }
        }
    }

    /// The relative address of a page GitHub named, if it is on the API's host.
    pub(crate) fn relative(&self, address: &str) -> Option<String> {
        self.rest.relative(address)
    }
}

fn address(key: &'static str, example: &'static str, url: Url) -> Result<Url, ConfigError> {
    let plain = matches!(url.scheme(), "http" | "https")
        && url.has_host()
        && url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    if plain { Ok(url) } else { Err(ConfigError::Address { key, example }) }
}

impl Endpoint {
    fn new(client: &reqwest::Client, base: Url) -> Result<Self, ConfigError> {
        let octocrab = Octocrab::builder()
            .base_uri(base.as_str())
            .and_then(|builder| builder.build_with_reqwest(client.clone()))
            .map_err(|error| ConfigError::Client(error.to_string()))?;
        Ok(Self { client: octocrab, base })
    }

    /// One request, one answer, both bounded.
    async fn exchange(&self, credential: &SecretString, call: &Call, path: &str) -> Result<Reply, GitHubError> {
        let operation = call.operation;
        let client = self.client.user_access_token(credential.clone()).map_err(|error| network(operation, &error))?;
        let builder = http::Request::builder()
            .method(operation.verb.method())
            .uri(path)
            .header(ACCEPT, "application/vnd.github+json");
        let request = client.build_request(builder, call.body.as_ref()).map_err(|error| network(operation, &error))?;
        let response = client.execute(request).await.map_err(|error| network(operation, &error))?;
        let (parts, body) = response.into_parts();
        let body = match Limited::new(body, ANSWER_LIMIT).collect().await {
            Ok(body) => body.to_bytes(),
            Err(error) if error.is::<LengthLimitError>() => {
                return Err(GitHubError::Malformed {
                    operation: operation.name,
                    detail: format!("the answer is larger than {ANSWER_LIMIT} bytes"),
                });
            }
            Err(error) => return Err(network(operation, error.as_ref())),
        };
        tracing::debug!(
            operation = operation.name,
            status = parts.status.as_u16(),
            request = refusal::header(&parts.headers, "x-github-request-id").unwrap_or_default(),
            remaining = refusal::header(&parts.headers, "x-ratelimit-remaining").unwrap_or_default(),
            "GitHub answered"
        );
        Ok(Reply { operation, status: parts.status, headers: parts.headers, body })
    }

    /// Path and query of an address, if it is on this very host and below this base.
    fn relative(&self, address: &str) -> Option<String> {
        let target = self.base.join(address).ok()?;
        let base_path = self.base.path().trim_end_matches('/');
        let ours = target.origin() == self.base.origin()
            && target.username().is_empty()
            && target.password().is_none()
            && target.path().strip_prefix(base_path).is_some_and(|rest| rest.starts_with('/'));
        ours.then(|| target[url::Position::BeforePath..url::Position::AfterQuery].to_owned())
    }
}

/// A failure below HTTP: who was too slow, or what broke. The causes' texts hold addresses at most.
fn network(operation: &'static Operation, error: &(dyn std::error::Error + 'static)) -> GitHubError {
    let mut cause = Some(error);
    let mut deepest = String::new();
    while let Some(current) = cause {
        let timeout = current.downcast_ref::<reqwest::Error>().is_some_and(reqwest::Error::is_timeout)
            || current.downcast_ref::<std::io::Error>().is_some_and(|io| io.kind() == std::io::ErrorKind::TimedOut);
        if timeout {
            return GitHubError::Timeout { operation: operation.name };
        }
        deepest = current.to_string();
        cause = current.source();
    }
    GitHubError::Network { operation: operation.name, message: redact::message(&deepest) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operations::{GET_REF, GET_ROLE};

    #[test]
    fn no_argument_reaches_another_path() {
        let path = |user: &str| Call::new(&GET_ROLE, &["acme", "app", user]).path;
        let paths = ["alice", "evil[bot]", "../../user", "..", "a/b?x=1#y", "ü \u{0}%2F"].map(path);
        insta::assert_snapshot!(paths.join("\n"), @r"
        /repos/acme/app/collaborators/alice/permission
        /repos/acme/app/collaborators/evil%5Bbot%5D/permission
        /repos/acme/app/collaborators/..%2F..%2Fuser/permission
        /repos/acme/app/collaborators/%2E%2E/permission
        /repos/acme/app/collaborators/a%2Fb%3Fx%3D1%23y/permission
        /repos/acme/app/collaborators/%C3%BC%20%00%252F/permission
        ");
        let branch = Call::new(&GET_REF, &["acme", "app", "heads/baton/issue-1"]).path;
        assert_eq!(branch, "/repos/acme/app/git/ref/heads/baton/issue-1");
    }
}
