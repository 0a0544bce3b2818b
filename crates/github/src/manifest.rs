//! The end of GitHub's App manifest flow: the code that a browser brought back becomes the new App's number and secrets.
//! The one thing that is asked of GitHub without any credential.
//!
//! Source: GitHub's REST reference, "Create a GitHub App from a manifest".

use std::sync::Arc;

use secrecy::SecretString;
use serde::Deserialize;
use url::Url;

use crate::call::Call;
use crate::config::{Config, ConfigError};
use crate::error::GitHubError;
use crate::operations::CONVERT_MANIFEST;
use crate::refusal::{self, Refusal};
use crate::transport::Transport;

/// A GitHub, asked by nobody in particular. Cheap to clone.
#[derive(Clone)]
pub struct Anonymous {
    transport: Arc<Transport>,
    clock: crate::config::Clock,
}

/// An App that was just made. GitHub hands its secrets out this once.
#[derive(Debug)]
pub struct NewApp {
    /// Its number.
    pub id: i64,
    /// Its name in addresses.
    pub slug: String,
    /// Its name for people.
    pub name: String,
    /// Its page at GitHub.
    pub html_url: Option<Url>,
    /// The private key, PEM.
    pub pem: SecretString,
    /// What its webhooks are signed with. GitHub makes none for an App without webhooks.
    pub webhook_secret: Option<SecretString>,
}

#[derive(Deserialize)]
struct Answer {
    id: i64,
    slug: Option<String>,
    name: String,
    html_url: Option<Url>,
    pem: SecretString,
    webhook_secret: Option<SecretString>,
}

impl Anonymous {
    /// The GitHub that `config` names; its App and secrets are not used. Sends nothing yet.
    ///
    /// # Errors
    /// [`ConfigError`]: an address is unusable, or there is no tokio runtime around.
    pub fn new(config: &Config) -> Result<Self, ConfigError> {
        Ok(Self { transport: Arc::new(Transport::new(config)?), clock: Arc::clone(&config.clock) })
    }

    /// Trades the code of the manifest flow in. It is sent once, because a code is good for one use: what is lost on the
    /// way back is lost.
    ///
    /// # Errors
    /// [`GitHubError::NotFound`] for a code that is none, was used, or is older than an hour.
    pub async fn convert_manifest(&self, code: &str) -> Result<NewApp, GitHubError> {
        let call = Call::new(&CONVERT_MANIFEST, &[code]);
        let path = self.transport.path_of(&call);
        let reply = self.transport.exchange(None, &call, &path, None).await.map_err(|broken| broken.error)?;
        if !reply.status.is_success() {
            let (operation, status) = (reply.operation, reply.status);
            return Err(match refusal::of(operation, status, &reply.headers, &reply.body, (self.clock)()) {
                Refusal::No(error) => error,
                Refusal::Limited { .. } | Refusal::Troubled { .. } => {
                    GitHubError::Server { operation: operation.name, status: status.as_u16() }
                }
            });
        }
        let Answer { id, slug, name, html_url, pem, webhook_secret } = reply.json()?;
        Ok(NewApp { id, slug: slug.unwrap_or_else(|| id.to_string()), name, html_url, pem, webhook_secret })
    }
}
