//! The App's own signature: a JSON Web Token that proves to GitHub who is asking. Never leaves but in an
//! `Authorization` header.
//!
//! Source: GitHub's "Generating a JSON Web Token (JWT) for a GitHub App": RS256, at most ten minutes, issued a minute
//! back against clock drift.

use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use baton_core::domain::time::Timestamp;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;

use crate::config::{Clock, Config, ConfigError, KeySource};
use crate::error::GitHubError;

/// Seconds a signature is dated back, and seconds it is good for.
const BACK: i64 = 60;
const GOOD_FOR: i64 = 9 * 60;
/// A clock that is off by less than this cannot be why GitHub refuses a signature.
const TOLERATED_SKEW: i64 = 30;

#[derive(Serialize)]
struct Claims {
    iat: i64,
    exp: i64,
    iss: String,
}

/// A private key, and the text it came from.
struct Key {
    pem: SecretString,
    signing: EncodingKey,
}

impl Key {
    fn read(pem: &SecretString) -> Result<Self, ConfigError> {
        let signing = EncodingKey::from_rsa_pem(pem.expose_secret().as_bytes()).map_err(|_| ConfigError::PrivateKey)?;
        Ok(Self { pem: pem.clone(), signing })
    }
}

/// The App's key, ready to sign.
pub(crate) struct AppKey {
    app_id: i64,
    key: Mutex<Key>,
    source: Option<KeySource>,
    clock: Clock,
    /// Seconds that GitHub's clock is ahead of ours, as learnt from its answers.
    skew: AtomicI64,
}

/// Never shows the key.
impl fmt::Debug for AppKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AppKey").field("app_id", &self.app_id).finish_non_exhaustive()
    }
}

impl AppKey {
    pub(crate) fn new(config: &Config) -> Result<Self, ConfigError> {
        let this = Self {
            app_id: config.app_id,
            key: Mutex::new(Key::read(&config.private_key_pem)?),
            source: config.key_source.clone(),
            clock: config.clock.clone(),
            skew: AtomicI64::new(0),
        };
        // A key that parses and cannot sign (another algorithm in RSA's clothes) is found now, not at the first webhook.
        this.sign().map_err(|_| ConfigError::PrivateKey)?;
        Ok(this)
    }

    /// The App's number.
    pub(crate) fn app_id(&self) -> i64 {
        self.app_id
    }

    /// A signature that is good for some minutes.
    pub(crate) fn sign(&self) -> Result<SecretString, GitHubError> {
        let now = self.seconds() + self.skew.load(Ordering::Relaxed);
        let claims = Claims { iat: now - BACK, exp: now + GOOD_FOR, iss: self.app_id.to_string() };
        jsonwebtoken::encode(&Header::new(Algorithm::RS256), &claims, &self.key().signing)
            .map(SecretString::from)
            .map_err(|_| {
                let message = "the App's private key cannot sign".to_owned();
                GitHubError::Unauthorized { operation: "baton/sign", message }
            })
    }

    /// Takes GitHub's time from an answer that refused a signature. True if our clock was off, so that a new signature is
    /// worth a try.
    pub(crate) fn learn_time(&self, github: Option<Timestamp>) -> bool {
        let Some(github) = github else { return false };
        let skew = github.0.div_euclid(1000) - self.seconds();
        let off = (skew - self.skew.load(Ordering::Relaxed)).abs() > TOLERATED_SKEW;
        if off {
            tracing::warn!(seconds = skew, "this machine's clock differs from GitHub's; set it right (NTP)");
            self.skew.store(skew, Ordering::Relaxed);
        }
        off
    }

    /// Reads the key anew: the operator may have replaced it. True if it is another one than GitHub refused.
    pub(crate) fn reread(&self) -> bool {
        let Some(pem) = self.source.as_ref().and_then(|source| source()) else { return false };
        let mut current = self.key();
        if current.pem.expose_secret() == pem.expose_secret() {
            return false;
        }
        match Key::read(&pem) {
            Ok(key) => {
                tracing::info!("the App's private key was replaced; the new one is used from now on");
                *current = key;
                true
            }
            Err(error) => {
                tracing::warn!(%error, "the App's private key was replaced by something else");
                false
            }
        }
    }

    /// Seconds that GitHub's clock is ahead of ours, where that mattered.
    pub(crate) fn skew(&self) -> i64 {
        self.skew.load(Ordering::Relaxed)
    }

    fn key(&self) -> MutexGuard<'_, Key> {
        self.key.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn seconds(&self) -> i64 {
        (self.clock)().0.div_euclid(1000)
    }
}
