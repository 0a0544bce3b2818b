//! `baton setup`: a local page that leads a person through GitHub's App manifest flow, takes the new App's credentials,
//! and keeps them. Everything a browser sends is hostile until it names the link's key, or GitHub's way back its state.
//!
//! Source of the flow: GitHub's documentation, "Registering a GitHub App from a manifest".

mod app;
mod keep;
mod page;
mod paste;
mod routes;

use std::sync::Arc;

use baton_github::{Anonymous, NewApp};
use tokio::sync::{Mutex, watch};
use url::Url;

pub use app::{Addresses, Hook, Wanted, WantedError};
pub use keep::{KeepError, Place};
pub use paste::{PasteError, code_in};
pub use routes::Serving;

/// How far it has come. What the page and the terminal show.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Progress {
    /// The App, once GitHub has made it and its credentials are kept.
    pub created: Option<Created>,
    /// Whether GitHub's first webhook, the ping, has arrived.
    pub pinged: bool,
    /// On whose accounts it is installed.
    pub installed_on: Vec<String>,
    /// What went wrong last, for people.
    pub trouble: Option<String>,
}

/// An App that GitHub has made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Created {
    /// Its number.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// Where it is installed on repositories.
    pub install: Url,
    /// The files that were written: what it is, where.
    pub files: Vec<(&'static str, String)>,
}

/// What the pages are made from. Cheap to clone.
#[derive(Clone)]
pub struct Setup {
    inner: Arc<Inner>,
}

struct Inner {
    addresses: Addresses,
    github: Anonymous,
    place: Place,
    /// What the operator already said.
    wanted: Wanted,
    /// What was chosen on the page.
    chosen: Mutex<Option<Wanted>>,
    /// Part of the link: nobody else on this machine or beyond gets in.
    key: String,
    /// Sent to GitHub and expected back.
    state: String,
    /// One code at a time is traded in.
    trading: Mutex<()>,
    progress: watch::Sender<Progress>,
}

impl Setup {
    /// The pages' content for one App. `key` and `state` are secrets of at least 128 bits, in letters and digits.
    #[must_use]
    pub fn new(
        addresses: Addresses,
        github: Anonymous,
        place: Place,
        wanted: Wanted,
        key: String,
        state: String,
    ) -> Self {
        let progress = watch::Sender::new(Progress::default());
        let (trading, chosen) = (Mutex::new(()), Mutex::new(None));
        Self { inner: Arc::new(Inner { addresses, github, place, wanted, chosen, key, state, trading, progress }) }
    }

    /// What happens, as it happens.
    #[must_use]
    pub fn progress(&self) -> watch::Receiver<Progress> {
        self.inner.progress.subscribe()
    }

    /// The ping has arrived.
    pub fn pinged(&self) {
        self.inner.progress.send_if_modified(|progress| !std::mem::replace(&mut progress.pinged, true));
    }

    /// The App is installed on these accounts.
    pub fn installed_on(&self, accounts: Vec<String>) {
        self.inner.progress.send_if_modified(|progress| {
            let is_new = progress.installed_on != accounts;
            progress.installed_on = accounts;
            is_new
        });
    }

    /// Whether this is what was sent along to GitHub.
    #[must_use]
    pub fn is_ours(&self, state: &str) -> bool {
        state == self.inner.state
    }

    /// Trades GitHub's code for the App's credentials and keeps them; once only, however often it is called.
    ///
    /// # Errors
    /// A sentence for people; it is shown on the page too.
    pub async fn take(&self, code: &str) -> Result<Created, String> {
        let _one_at_a_time = self.inner.trading.lock().await;
        if let Some(created) = self.inner.progress.borrow().created.clone() {
            return Ok(created);
        }
        let taken = self.trade(code).await;
        self.inner.progress.send_modify(|progress| {
            progress.created = taken.as_ref().ok().cloned();
            progress.trouble = taken.as_ref().err().cloned();
        });
        taken
    }

    async fn trade(&self, code: &str) -> Result<Created, String> {
        let inner = &self.inner;
        let app: NewApp = inner.github.convert_manifest(code).await.map_err(|refused| {
            format!(
                "GitHub did not hand out the App's credentials: {refused}. A code is good for one hour and one use. If \
                 GitHub shows the new App in your settings, delete it there; then begin again from the link."
            )
        })?;
        let install = inner.addresses.install_page(app.html_url.as_ref(), &app.slug);
        let chosen = inner.chosen.lock().await;
        let wanted = chosen.as_ref().unwrap_or(&inner.wanted);
        let kept = inner.place.keep(&app, &inner.addresses, wanted).map_err(|error| {
            format!(
                "GitHub has made the App {} (number {}), and its credentials could not be kept: {error}. Delete the App \
                 in its settings on GitHub, mend this, and begin again from the link.",
                app.name, app.id
            )
        })?;
        Ok(Created { id: app.id, name: app.name, install, files: kept })
    }
}
