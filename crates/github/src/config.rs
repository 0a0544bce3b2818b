//! What the client is told once: addresses, the App's key, time limits. Reads no file and no environment.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use baton_core::domain::time::Timestamp;
use secrecy::SecretString;
use url::Url;

use crate::budget::Budget;

/// Where the time comes from.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Reads the App's private key from where the operator keeps it; nothing if it cannot be read.
pub type KeySource = Arc<dyn Fn() -> Option<SecretString> + Send + Sync>;

/// How long GitHub may take. It cuts requests off itself after ten seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// Until a connection stands.
    pub connect: Duration,
    /// Between two pieces of an answer.
    pub read: Duration,
    /// For one request and its whole answer.
    pub total: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { connect: Duration::from_secs(10), read: Duration::from_secs(20), total: Duration::from_secs(60) }
    }
}

/// Everything a [`crate::GitHubApp`] is made from.
#[derive(Clone)]
pub struct Config {
    /// The REST API: `https://api.github.com`, or `https://HOST/api/v3` on Enterprise Server.
    pub api_url: Url,
    /// The GraphQL endpoint, when it is not where [`Config::graphql`] expects it.
    pub graphql_url: Option<Url>,
    /// Where people look at GitHub, when it is not where [`Config::web`] expects it.
    pub web_url: Option<Url>,
    /// The App's number.
    pub app_id: i64,
    /// The App's private key, PEM (PKCS#1 as GitHub hands it out, or PKCS#8).
    pub private_key_pem: SecretString,
    /// What the comments' hidden markers are signed with: the first signs, all are recognised. The App's webhook secret
    /// and, while it is rotated, the previous one.
    pub marker_secrets: Vec<SecretString>,
    /// Where the key can be read anew when GitHub no longer takes the one above, so that it can be replaced without a
    /// restart.
    pub key_source: Option<KeySource>,
    /// Certificate authorities to trust besides the machine's own, PEM. The program gives none: the authority of an
    /// Enterprise Server belongs into the machine's store, where git finds it too.
    pub authorities_pem: Option<String>,
    /// Time limits.
    pub timeouts: Timeouts,
    /// What one installation may use up.
    pub budget: Budget,
    /// The wall clock: signatures carry the time.
    pub clock: Clock,
}

/// Never shows the key or the secrets.
impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("api_url", &self.api_url.as_str())
            .field("app_id", &self.app_id)
            .finish_non_exhaustive()
    }
}

impl Config {
    /// The GraphQL endpoint: `…/graphql` on github.com and on a simulator, `/api/graphql` beside Enterprise Server's `/api/v3`.
    #[must_use]
    pub fn graphql(&self) -> Url {
        if let Some(url) = &self.graphql_url {
            return url.clone();
        }
        let path = self.api_url.path().trim_end_matches('/');
        let path = path.strip_suffix("/v3").unwrap_or(path);
        let mut url = self.api_url.clone();
        url.set_path(&format!("{path}/graphql"));
        url
    }

    /// Where people look at GitHub: `github.com` for its API, the same host for everything else.
    #[must_use]
    pub fn web(&self) -> Url {
        if let Some(url) = &self.web_url {
            return url.clone();
        }
        let mut url = self.api_url.clone();
        url.set_path("/");
        // `api.github.com`, and `api.TENANT.ghe.com` for data residency.
        if let Some(host) = url.host_str().and_then(|host| host.strip_prefix("api.")).map(str::to_owned)
            && (host == "github.com" || host.ends_with(".ghe.com"))
        {
            // Cannot fail: the rest of a host is a host. If it did, the link would lead to the API.
            let _unchanged_on_error = url.set_host(Some(&host));
        }
        url
    }
}

/// Whether something can be an address of GitHub's or of Baton's: http or https, a host, and perhaps a path; no user, query or
/// fragment, for they would be lost or shown where the address is extended.
#[must_use]
pub fn is_plain_address(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https")
        && url.has_host()
        && url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none()
}

/// Why no client can be made.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// An address that is not `http://HOST…` or `https://HOST…`, or that carries a user, a query or a fragment.
    #[error("`{key}` must be an http(s) address without user, query or fragment, such as {example}")]
    Address {
        /// The key in the configuration.
        key: &'static str,
        /// What it looks like.
        example: &'static str,
    },
    /// The key is no RSA key in PEM.
    #[error(
        "the App's private key is not an RSA key in PEM form; download a new one from the App's settings and set \
         github.private_key_file"
    )]
    PrivateKey,
    /// No secret to sign markers with.
    #[error("a webhook secret is needed to recognise Baton's own comments; set github.webhook_secret")]
    NoMarkerSecret,
    /// The certificate authorities cannot be read.
    #[error("the further certificate authorities are no certificates in PEM form")]
    Authorities,
    /// Called outside a tokio runtime, or TLS could not be set up.
    #[error("the HTTP client could not be built: {0}")]
    Client(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(api_url: &str) -> Config {
        Config {
            api_url: Url::parse(api_url).unwrap(),
            graphql_url: None,
            web_url: None,
            app_id: 1,
            private_key_pem: SecretString::from("CANARY-PEM"),
            marker_secrets: vec![SecretString::from("CANARY-SECRET")],
            key_source: None,
            authorities_pem: None,
            timeouts: Timeouts::default(),
            budget: Budget::default(),
            clock: Arc::new(|| Timestamp(0)),
        }
    }

    #[test]
    fn addresses_are_derived() {
        let derived = |api: &str| {
            let config = config(api);
            format!("{api} → {} and {}", config.graphql(), config.web())
        };
        let lines = [
            "https://api.github.com",
            "https://github.example.org/api/v3",
            "https://github.example.org/api/v3/",
            "https://api.octo.ghe.com",
            "http://127.0.0.1:8123",
            "http://127.0.0.1:8123/github/api/v3",
        ]
        .map(derived);
        insta::assert_snapshot!(lines.join("\n"), @r"
        https://api.github.com → https://api.github.com/graphql and https://github.com/
        https://github.example.org/api/v3 → https://github.example.org/api/graphql and https://github.example.org/
        https://github.example.org/api/v3/ → https://github.example.org/api/graphql and https://github.example.org/
        https://api.octo.ghe.com → https://api.octo.ghe.com/graphql and https://octo.ghe.com/
        http://127.0.0.1:8123 → http://127.0.0.1:8123/graphql and http://127.0.0.1:8123/
        http://127.0.0.1:8123/github/api/v3 → http://127.0.0.1:8123/github/api/graphql and http://127.0.0.1:8123/
        ");
    }

    #[test]
    fn debug_shows_no_secret() {
        assert!(!format!("{:?}", config("https://api.github.com")).contains("CANARY"));
    }
}
