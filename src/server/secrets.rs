//! The webhook's secrets, as they are now: whoever changes the operator's files changes them without a restart.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};

use secrecy::SecretString;

/// The files are looked at again when the last look is this old and a delivery comes in.
const FRESH: Duration = Duration::from_secs(1);

/// A delivery waits so long for the files; a disk that takes longer is waited for aside.
const PATIENCE: Duration = Duration::from_secs(1);

type Read = dyn Fn() -> Result<Vec<SecretString>, String> + Send + Sync;

/// What deliveries may be signed with: the current secret first. Never empty.
pub struct Secrets {
    state: Arc<Kept>,
    read: Option<Arc<Read>>,
}

struct Kept {
    known: RwLock<Arc<[SecretString]>>,
    looked: Mutex<Look>,
}

struct Look {
    at: Instant,
    /// One that has begun is not over: a disk that hangs holds up one thread and no more.
    under_way: bool,
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
        f.debug_struct("Secrets").field("known", &self.state.known().len()).finish_non_exhaustive()
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
        let look = Look { at: Instant::now(), under_way: false, complaint: None };
        let state = Kept { known: RwLock::new(secrets.into()), looked: Mutex::new(look) };
        Self { state: Arc::new(state), read }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.state.known().is_empty()
    }

    /// The secrets that count for a delivery that comes in now.
    pub(super) async fn now(&self) -> Arc<[SecretString]> {
        if let Some(read) = self.read.as_ref().filter(|_| self.state.is_due()) {
            let (read, state) = (Arc::clone(read), Arc::clone(&self.state));
            // Goes on when nobody waits for it any more: what it finds in the end counts.
            let look = tokio::spawn(async move {
                let found = tokio::task::spawn_blocking(move || read()).await;
                state.take(found.unwrap_or_else(|broke| Err(broke.to_string())));
            });
            if tokio::time::timeout(PATIENCE, look).await.is_err() {
                self.state.complain(Some(format!("their files do not answer within {} s", PATIENCE.as_secs())));
            }
        }
        self.state.known()
    }
}

impl Kept {
    fn known(&self) -> Arc<[SecretString]> {
        Arc::clone(&self.known.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn look(&self) -> MutexGuard<'_, Look> {
        self.looked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it is time to look again. Of many who ask at once, one is told to.
    fn is_due(&self) -> bool {
        let mut look = self.look();
        let due = !look.under_way && look.at.elapsed() >= FRESH;
        if due {
            look.at = Instant::now();
            look.under_way = true;
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
        self.complain(complaint);
        self.look().under_way = false;
    }

    /// Once for each reason.
    fn complain(&self, complaint: Option<String>) {
        let mut look = self.look();
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
            secrets.state.look().at -= FRESH;
        }
        assert_eq!(seen, ["first", "second", "second", "second"]);
    }

    /// A disk that hangs: deliveries are judged by what is known, one thread waits, and what it reads in the end counts.
    #[tokio::test]
    async fn files_that_hang_hold_up_nobody() {
        let (answer, waits) = std::sync::mpsc::channel::<&str>();
        let (waits, looks) = (Mutex::new(waits), Arc::new(std::sync::atomic::AtomicU32::new(0)));
        let counted = Arc::clone(&looks);
        let read = move || {
            let number = counted.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            let waits = waits.lock().unwrap_or_else(PoisonError::into_inner);
            let text = if number == 0 { Ok("first") } else { waits.recv() };
            text.map(|text| vec![SecretString::from(text)])
        };
        let Ok(secrets) = Secrets::watched(read) else { panic!("the first look finds one") };
        let started = Instant::now();
        for _ in 0..3 {
            secrets.state.look().at -= FRESH;
            assert_eq!(secrets.now().await[0].expose_secret(), "first");
        }
        assert!(started.elapsed() < PATIENCE * 3, "one delivery waits, and not long: {:?}", started.elapsed());
        assert_eq!(looks.load(std::sync::atomic::Ordering::Relaxed), 2, "the look that hangs is the only one");
        answer.send("second").unwrap();
        let deadline = Instant::now() + Duration::from_secs(30);
        while secrets.now().await[0].expose_secret() != "second" {
            assert!(Instant::now() < deadline, "what the look found in the end does not count");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}
