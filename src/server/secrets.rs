//! The webhook's secrets, as they are now: whoever changes the operator's files changes them without a restart.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use secrecy::SecretString;

/// The files are looked at again when the last look is this old and a delivery comes in.
const FRESH: Duration = Duration::from_secs(1);

type Read = dyn Fn() -> Result<Vec<SecretString>, String> + Send + Sync;

/// What deliveries may be signed with: the current secret first. Never empty.
pub struct Secrets {
    known: RwLock<Arc<[SecretString]>>,
    read: Option<Arc<Read>>,
    looked: Mutex<Look>,
}

struct Look {
    at: Instant,
    /// The last complaint, so that it is made once and not with every delivery.
    complaint: Option<String>,
}

/// There is no secret, or it cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Unreadable(String);

/// Never shows a secret.
impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secrets").field("known", &self.known().len()).finish_non_exhaustive()
    }
}

/// These, for as long as the server runs.
impl From<Vec<SecretString>> for Secrets {
    fn from(secrets: Vec<SecretString>) -> Self {
        Self::new(secrets, None)
    }
}

impl Secrets {
    /// The secrets that `read` finds: now, and again whenever a delivery comes in and the last look is a second old. While
    /// it finds none or fails, the last ones count on.
    ///
    /// # Errors
    /// [`Unreadable`] when the first look fails.
    pub fn watched<E: fmt::Display>(
        read: impl Fn() -> Result<Vec<SecretString>, E> + Send + Sync + 'static,
    ) -> Result<Self, Unreadable> {
        let read = move || read().map_err(|error| error.to_string());
        let first = read().map_err(Unreadable)?;
        Ok(Self::new(first, Some(Arc::new(read))))
    }

    fn new(secrets: Vec<SecretString>, read: Option<Arc<Read>>) -> Self {
        let look = Look { at: Instant::now(), complaint: None };
        Self { known: RwLock::new(secrets.into()), read, looked: Mutex::new(look) }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.known().is_empty()
    }

    /// The secrets that count for a delivery that comes in now.
    pub(super) async fn now(&self) -> Arc<[SecretString]> {
        if let Some(read) = self.read.as_ref().filter(|_| self.is_due()) {
            let read = Arc::clone(read);
            // A file may lie on a disk that hangs.
            let found =
                tokio::task::spawn_blocking(move || read()).await.unwrap_or_else(|broke| Err(broke.to_string()));
            self.take(found);
        }
        self.known()
    }

    fn known(&self) -> Arc<[SecretString]> {
        Arc::clone(&self.known.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether it is time to look again. Of many who ask at once, one is told to.
    fn is_due(&self) -> bool {
        let mut look = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        let due = look.at.elapsed() >= FRESH;
        if due {
            look.at = Instant::now();
        }
        due
    }

    fn take(&self, found: Result<Vec<SecretString>, String>) {
        let complaint = match found {
            Ok(secrets) if !secrets.is_empty() => {
                *self.known.write().unwrap_or_else(PoisonError::into_inner) = secrets.into();
                None
            }
            Ok(_) => Some("no webhook secret is configured any more".to_owned()),
            Err(why) => Some(why),
        };
        let mut look = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(why) = complaint.as_ref().filter(|_| look.complaint != complaint) {
            tracing::error!(why, "the webhook secrets cannot be read again; the last ones count on");
        }
        look.complaint = complaint;
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    #[tokio::test]
    async fn what_cannot_be_read_again_counts_on() {
        let answers = Arc::new(Mutex::new(vec![Err("gone"), Ok(vec![]), Ok(vec!["second"]), Ok(vec!["first"])]));
        let secrets = Secrets::watched(move || {
            let next = answers.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or(Err("no more"));
            next.map(|texts| texts.into_iter().map(SecretString::from).collect())
        });
        let Ok(secrets) = secrets else { panic!("the first look finds one") };
        let mut seen = Vec::new();
        for _ in 0..4 {
            seen.push(secrets.now().await[0].expose_secret().to_owned());
            // As if a second had passed.
            secrets.looked.lock().unwrap_or_else(PoisonError::into_inner).at -= FRESH;
        }
        assert_eq!(seen, ["first", "second", "second", "second"]);
    }
}
