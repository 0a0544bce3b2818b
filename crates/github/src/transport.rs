//! The one place where requests leave and answers are read: a time limit on everything, a bound on every body and on
//! headers, GitHub's host and no other, certificates always checked.
//!
//! octocrab carries the requests over a reqwest client of ours. Its own conveniences are left out on purpose: its retries
//! re-send writes within milliseconds, its redirect layer turns a moved POST into a GET and reports success, its
//! token cache mints one token for each of many concurrent callers, and it sends no credentials to absolute addresses
//! of any host but api.github.com, so every request here is relative.

use http::header::{ACCEPT, IF_NONE_MATCH};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use octocrab::Octocrab;
use secrecy::SecretString;
use url::Url;

use crate::call::{Call, Reply};
use crate::config::{Config, ConfigError, is_plain_address};
use crate::error::GitHubError;
use crate::operations::Operation;
use crate::policy::Outcome;
use crate::{redact, refusal};

/// The most bytes of an answer that are read, unpacked. Fifty comments of full length fit.
const ANSWER_LIMIT: usize = 16 * 1024 * 1024;
/// The most headers of an answer, and the most bytes of them where HTTP/2 counts them.
const HEADERS_LIMIT: usize = 100;
const HEADER_BYTES_LIMIT: u32 = 64 * 1024;

/// A request without an answer that could be read.
pub(crate) struct Broken {
    pub outcome: Outcome,
    pub error: GitHubError,
}

/// One end of a request: where REST lives, or GraphQL.
struct Endpoint {
    client: Octocrab,
    base: Url,
}

/// Sends single requests.
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
        let mut builder = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .http1_max_headers(HEADERS_LIMIT)
            .http2_max_header_list_size(HEADER_BYTES_LIMIT)
            .connect_timeout(config.timeouts.connect)
            .read_timeout(config.timeouts.read)
            .timeout(config.timeouts.total);
        if let Some(pem) = &config.authorities_pem {
            let list = reqwest::Certificate::from_pem_bundle(pem.as_bytes()).map_err(|_| ConfigError::Authorities)?;
            if list.is_empty() {
                return Err(ConfigError::Authorities);
            }
            builder = builder.tls_certs_merge(list);
        }
        let client = builder.build().map_err(|error| ConfigError::Client(error.to_string()))?;
        let api = address("github.api_url", "https://api.github.com", config.api_url.clone())?;
        let mut graphql = address("github.graphql_url", "https://api.github.com/graphql", config.graphql())?;
        let graphql_path = graphql.path().to_owned();
        graphql.set_path("");
        Ok(Self { rest: Endpoint::new(&client, api)?, graphql: Endpoint::new(&client, graphql)?, graphql_path })
    }

    /// The path and query that a call is first sent to.
    pub(crate) fn path_of(&self, call: &Call) -> String {
        if call.operation.is_graphql() { self.graphql_path.clone() } else { call.path.clone() }
    }

    /// One request, one answer of whatever status, both bounded. `etag` is that of an answer that is known already.
    pub(crate) async fn exchange(
        &self,
        credential: Option<&SecretString>,
        call: &Call,
        path: &str,
        etag: Option<&str>,
    ) -> Result<Reply, Broken> {
        self.endpoint(call.operation).exchange(credential, call, path, etag).await
    }

    /// Path and query of an address that an answer named, if it is on the very host that the operation is sent to.
    pub(crate) fn relative(&self, operation: &Operation, address: &str) -> Option<String> {
        self.endpoint(operation).relative(address)
    }

    fn endpoint(&self, operation: &Operation) -> &Endpoint {
        if operation.is_graphql() { &self.graphql } else { &self.rest }
    }
}

fn address(key: &'static str, example: &'static str, url: Url) -> Result<Url, ConfigError> {
    if is_plain_address(&url) { Ok(url) } else { Err(ConfigError::Address { key, example }) }
}

impl Endpoint {
    fn new(client: &reqwest::Client, base: Url) -> Result<Self, ConfigError> {
        let octocrab = Octocrab::builder()
            .base_uri(base.as_str())
            .and_then(|builder| builder.build_with_reqwest(client.clone()))
            .map_err(|error| ConfigError::Client(error.to_string()))?;
        Ok(Self { client: octocrab, base })
    }

    async fn exchange(
        &self,
        credential: Option<&SecretString>,
        call: &Call,
        path: &str,
        etag: Option<&str>,
    ) -> Result<Reply, Broken> {
        let operation = call.operation;
        let broken = |error: &(dyn std::error::Error + 'static)| broken(operation, error);
        let client = match credential {
            Some(credential) => self.client.user_access_token(credential.clone()).map_err(|error| broken(&error))?,
            None => self.client.clone(),
        };
        let mut builder = http::Request::builder()
            .method(operation.verb.method())
            .uri(path)
            .header(ACCEPT, "application/vnd.github+json");
        if let Some(etag) = etag {
            builder = builder.header(IF_NONE_MATCH, etag);
        }
        let request = client.build_request(builder, call.body.as_ref()).map_err(|error| broken(&error))?;
        let response = client.execute(request).await.map_err(|error| broken(&error))?;
        let (parts, body) = response.into_parts();
        let body = match Limited::new(body, ANSWER_LIMIT).collect().await {
            Ok(body) => body.to_bytes(),
            Err(error) if error.is::<LengthLimitError>() => {
                let detail = format!("the answer is larger than {ANSWER_LIMIT} bytes");
                let error = GitHubError::Malformed { operation: operation.name, detail };
                return Err(Broken { outcome: Outcome::Refused, error });
            }
            Err(error) => return Err(broken(error.as_ref())),
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

/// A failure below HTTP: who was too slow, or what broke, and whether anything can have been sent. The causes' texts hold
/// addresses at most.
fn broken(operation: &'static Operation, error: &(dyn std::error::Error + 'static)) -> Broken {
    let mut cause = Some(error);
    let mut deepest = String::new();
    let (mut timeout, mut unsent) = (false, false);
    while let Some(current) = cause {
        if let Some(error) = current.downcast_ref::<reqwest::Error>() {
            timeout |= error.is_timeout();
            unsent |= error.is_connect();
        }
        timeout |= current.downcast_ref::<std::io::Error>().is_some_and(|io| io.kind() == std::io::ErrorKind::TimedOut);
        deepest = current.to_string();
        cause = current.source();
    }
    let name = operation.name;
    let error = if timeout {
        GitHubError::Timeout { operation: name }
    } else {
        GitHubError::Network { operation: name, message: redact::message(&deepest) }
    };
    let outcome = match (unsent, timeout) {
        (true, _) => Outcome::Unsent,
        (false, true) => Outcome::Silent,
        (false, false) => Outcome::Lost,
    };
    Broken { outcome, error }
}
