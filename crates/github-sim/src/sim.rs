//! The simulator as a value: starts the server, makes the world, hands out people. Everything else is behind it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::change::setup::{AppCredentials, AppSpec};
use crate::clock::{Clock, TimeSource};
use crate::fault::FaultRule;
use crate::front::{Doors, Wire, router};
use crate::git::Git;
use crate::git::commit::Files;
use crate::hook::delivery::{DeliveryRecord, Outbox};
use crate::hook::fate::{Fate, Fates};
use crate::person::Person;
use crate::refusal::Refusal;
use crate::witness::{Moment, Passage, Witness};
use crate::world::account::AccountKind;
use crate::world::ledger::{Effect, Mention, Request};
use crate::world::permission::{Permissions, Role};
use crate::world::switches::Switches;
use crate::world::traffic::AboveLimit;
use crate::world::{Urls, World};

/// How to start.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where the git repositories live; a temporary folder, gone with the simulator, when absent.
    pub data: Option<PathBuf>,
    /// The clock.
    pub time: TimeSource,
    /// `true`: URLs as on GitHub Enterprise Server (`/api/v3`, `/api/graphql`); else REST at the root and `/graphql`.
    /// Both are always served; this says which one answers point at.
    pub enterprise: bool,
}

impl Default for Options {
    fn default() -> Self {
        let listen = SocketAddr::from(([127, 0, 0, 1], 0));
        Self { listen, data: None, time: TimeSource::Machine, enterprise: false }
    }
}

/// Why it did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address cannot be listened on.
    #[error("cannot listen on {0}: {1}; choose another address or port")]
    Listen(SocketAddr, std::io::Error),
    /// No place for the repositories.
    #[error("cannot use {0} for the repositories: {1}")]
    Data(PathBuf, std::io::Error),
    /// The runtime or the HTTP client failed.
    #[error("cannot start: {0}")]
    Other(String),
}

/// A running simulator; it ends when dropped.
pub struct Sim {
    pub(crate) world: Arc<Mutex<World>>,
    urls: Urls,
    runtime: Option<tokio::runtime::Runtime>,
    _folder: Option<tempfile::TempDir>,
}

impl std::fmt::Debug for Sim {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sim").field("urls", &self.urls).finish_non_exhaustive()
    }
}

/// Locks the world; a panic elsewhere does not make it unreadable.
pub(crate) fn lock(world: &Mutex<World>) -> MutexGuard<'_, World> {
    world.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

impl Sim {
    /// Starts a simulator with an empty world. It runs on threads of its own, so a test may block as it likes.
    ///
    /// # Errors
    /// [`StartError`] says what could not be had.
    pub fn start(options: Options) -> Result<Self, StartError> {
        let other = |error: &dyn std::fmt::Display| StartError::Other(error.to_string());
        let listener =
            std::net::TcpListener::bind(options.listen).map_err(|error| StartError::Listen(options.listen, error))?;
        listener.set_nonblocking(true).map_err(|error| other(&error))?;
        let address = listener.local_addr().map_err(|error| other(&error))?;
        let (folder, root) = match options.data {
            Some(root) => {
                std::fs::create_dir_all(&root).map_err(|error| StartError::Data(root.clone(), error))?;
                (None, root)
            }
            None => {
                let folder = tempfile::Builder::new().prefix("github-sim-").tempdir().map_err(|error| other(&error))?;
                let root = folder.path().to_owned();
                (Some(folder), root)
            }
        };
        let web = format!("http://{address}");
        let (api, graphql) = match options.enterprise {
            true => (format!("{web}/api/v3"), format!("{web}/api/graphql")),
            false => (web.clone(), format!("{web}/graphql")),
        };
        let urls = Urls { api, graphql, web };
        let world = World::new(Clock::new(options.time), urls.clone(), Git::new(&root), Outbox::new());
        let world = Arc::new(Mutex::new(world));
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("github-sim")
            .enable_all()
            .build()
            .map_err(|error| other(&error))?;
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .map_err(|error| other(&error))?;
        {
            let mut locked = lock(&world);
            locked.outbox.attend(runtime.handle().clone(), Arc::downgrade(&world), client);
        }
        let service = router(Arc::clone(&world)).into_make_service_with_connect_info::<Wire>();
        let listener = {
            let _inside = runtime.enter();
            tokio::net::TcpListener::from_std(listener).map_err(|error| other(&error))?
        };
        runtime.spawn(async move {
            if let Err(error) = axum::serve(Doors(listener), service).await {
                tracing::error!(%error, "the simulator stopped serving");
            }
        });
        Ok(Self { world, urls, runtime: Some(runtime), _folder: folder })
    }

    /// Another handle on a running simulator, for its own control API: does not end it when dropped.
    pub(crate) fn view(world: &Arc<Mutex<World>>) -> Self {
        let urls = lock(world).urls.clone();
        Self { world: Arc::clone(world), urls, runtime: None, _folder: None }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, World> {
        lock(&self.world)
    }

    /// The REST API's base URL, without a slash at its end.
    pub fn api_url(&self) -> &str {
        &self.urls.api
    }

    /// Where GraphQL requests go.
    pub fn graphql_url(&self) -> &str {
        &self.urls.graphql
    }

    /// The base URL of the pages for people.
    pub fn web_url(&self) -> &str {
        &self.urls.web
    }

    /// The base URL of git: repositories are at `{git_url}/{owner}/{repo}.git`.
    pub fn git_url(&self) -> &str {
        &self.urls.web
    }

    /// The base URL of the control API.
    pub fn control_url(&self) -> String {
        format!("{}/_sim", self.urls.web)
    }

    /// Makes a user, if there is none of this login; the id.
    ///
    /// # Errors
    /// When the login is not one.
    pub fn user(&self, login: &str) -> Result<u64, Refusal> {
        self.lock().ensure_account(login, AccountKind::User)
    }

    /// Makes an organisation, if there is none of this login; the id.
    ///
    /// # Errors
    /// When the login is not one.
    pub fn org(&self, login: &str) -> Result<u64, Refusal> {
        self.lock().ensure_account(login, AccountKind::Organization)
    }

    /// Makes a user an owner of an organisation, and so an admin of its repositories.
    ///
    /// # Errors
    /// When one of them is unknown.
    pub fn org_owner(&self, org: &str, login: &str) -> Result<(), Refusal> {
        let mut world = self.lock();
        let user = world.account_by_login(login).map(|it| it.id).ok_or_else(Refusal::not_found)?;
        let account = world.accounts.iter_mut().find(|it| it.login.eq_ignore_ascii_case(org));
        account.ok_or_else(Refusal::not_found)?.owners.insert(user);
        Ok(())
    }

    /// Makes a public repository with a first commit of these files on `main`.
    ///
    /// # Errors
    /// When the name is taken or malformed, or git fails.
    pub fn repository(&self, full_name: &str, files: impl Into<Files>) -> Result<u64, Refusal> {
        self.lock().add_repository(full_name, &files.into(), false)
    }

    /// [`Self::repository`], private.
    ///
    /// # Errors
    /// As there.
    pub fn private_repository(&self, full_name: &str, files: impl Into<Files>) -> Result<u64, Refusal> {
        self.lock().add_repository(full_name, &files.into(), true)
    }

    /// Gives a person (made if need be) a role on a repository.
    ///
    /// # Errors
    /// When the repository is unknown.
    pub fn role(&self, full_name: &str, login: &str, role: Role) -> Result<(), Refusal> {
        let mut world = self.lock();
        let (repo, user) = (find(&world, full_name)?, world.ensure_account(login, AccountKind::User)?);
        if let Some(repo) = world.repositories.get_mut(&repo) {
            repo.collaborators.insert(user, role);
        }
        Ok(())
    }

    /// Registers an App.
    ///
    /// # Errors
    /// When the name is empty or taken.
    pub fn app(&self, spec: AppSpec) -> Result<AppCredentials, Refusal> {
        self.lock().add_app(spec)
    }

    /// Sets where the App's webhooks go, and sends a `ping` there.
    ///
    /// # Errors
    /// When there is no such App.
    pub fn webhook_url(&self, app_id: u64, url: &str) -> Result<(), Refusal> {
        self.lock().set_webhook_url(app_id, Some(url.to_owned()))
    }

    /// Changes what an App asks for; installations keep what they have until [`Self::accept_permissions`].
    ///
    /// # Errors
    /// When there is no such App.
    pub fn app_permissions(&self, app_id: u64, permissions: Permissions) -> Result<(), Refusal> {
        let mut world = self.lock();
        let app = world.apps.iter_mut().find(|app| app.id == app_id).ok_or_else(Refusal::not_found)?;
        app.permissions = permissions;
        Ok(())
    }

    /// Gives an App a new private key in the place of its old one, which is good for nothing any more; the new key.
    ///
    /// # Errors
    /// When there is no such App.
    pub fn rotate_key(&self, app_id: u64) -> Result<String, Refusal> {
        self.lock().rotate_key(app_id)
    }

    /// Ends all installation tokens, before the time they were given.
    pub fn expire_tokens(&self) {
        self.lock().expire_tokens();
    }

    /// Changes how everything behaves from now on.
    pub fn switch(&self, change: impl FnOnce(&mut Switches)) {
        change(&mut self.lock().switches);
    }

    /// How everything behaves now.
    pub fn switches(&self) -> Switches {
        self.lock().switches.clone()
    }

    /// Somebody who acts; made as a user if there is none of this login.
    pub fn person<'a>(&'a self, login: &'a str) -> Person<'a> {
        Person::new(self, login)
    }

    /// A token with which a person may use REST, GraphQL and git.
    ///
    /// # Errors
    /// When the login is not one.
    pub fn personal_token(&self, login: &str) -> Result<String, Refusal> {
        let mut world = self.lock();
        let user = world.ensure_account(login, AccountKind::User)?;
        Ok(world.personal_token(user))
    }

    /// Plans a fault.
    pub fn fault(&self, rule: FaultRule) {
        self.lock().faults.push(rule);
    }

    /// Forgets all planned faults.
    pub fn clear_faults(&self) {
        self.lock().faults.clear();
    }

    /// Has every write of an App looked at, REST, GraphQL and git, from now on. The judge is called while the world is locked:
    /// it may not ask the simulator anything.
    pub fn witness_writes(&self, judge: impl FnMut(&str, Moment) -> Passage + Send + 'static) {
        self.lock().witness = Witness::judging(judge);
    }

    /// The simulator's time.
    pub fn now(&self) -> Timestamp {
        self.lock().now()
    }

    /// Moves the simulator's clock forward.
    pub fn advance(&self, by: Duration) {
        self.lock().clock.advance(SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX));
    }

    /// Everything that was done, in order.
    pub fn ledger(&self) -> Vec<Effect> {
        self.lock().ledger.clone()
    }

    /// Every request that came in, in order.
    pub fn requests(&self) -> Vec<Request> {
        self.lock().requests.clone()
    }

    /// Every request that was above a limit, in order; with [`Switches::limits`] alone.
    pub fn above_limits(&self) -> Vec<AboveLimit> {
        self.lock().above_limits.clone()
    }

    /// Whom texts would have notified, in order.
    pub fn mentions(&self) -> Vec<Mention> {
        self.lock().mentions.clone()
    }

    /// All webhook deliveries, in the order made.
    pub fn deliveries(&self) -> Vec<DeliveryRecord> {
        self.lock().outbox.deliveries.iter().map(crate::hook::delivery::Delivery::record).collect()
    }

    /// Sends a delivery again, under its GUID.
    ///
    /// # Errors
    /// When there is no delivery of this GUID.
    pub fn redeliver(&self, guid: &str) -> Result<(), Refusal> {
        let mut world = self.lock();
        let id = delivery(&world, guid)?;
        world.redeliver(id).map(drop).ok_or_else(Refusal::not_found)
    }

    /// Sends the body of a delivery under a new GUID: signed with `secret`, or not signed at all.
    ///
    /// # Errors
    /// When there is no delivery of this GUID.
    pub fn forge(&self, guid: &str, secret: Option<&str>) -> Result<(), Refusal> {
        let mut world = self.lock();
        let id = delivery(&world, guid)?;
        world.forge(id, secret).map(drop).ok_or_else(Refusal::not_found)
    }

    /// Decides from now on what becomes of each webhook, of those that are asked for again too.
    pub fn webhook_fates(&self, decide: impl FnMut(&DeliveryRecord) -> Fate + Send + 'static) {
        self.lock().outbox.fates = Fates::decided_by(decide);
    }

    /// Sends an App any event with any payload, signed as usual: events and shapes that GitHub has not thought of yet.
    ///
    /// # Errors
    /// When there is no such App.
    pub fn send_webhook(&self, app_id: u64, event: &str, payload: serde_json::Value) -> Result<(), Refusal> {
        let mut world = self.lock();
        world.app(app_id).ok_or_else(Refusal::not_found)?;
        world.emit_anything(app_id, event, payload);
        Ok(())
    }

    /// Keeps webhooks back from now on.
    pub fn hold_webhooks(&self) {
        self.lock().outbox.hold = true;
    }

    /// Lets the webhooks kept back go: in the order made, or the reverse.
    pub fn release_webhooks(&self, reversed: bool) {
        self.lock().outbox.release(reversed);
    }

    /// Waits until every webhook made so far, and every one made meanwhile, was answered or has failed.
    pub async fn settle(&self) {
        let mut pending = self.lock().outbox.pending();
        // The sender lives as long as the world does, and that is as long as `self`.
        let _ = pending.wait_for(|pending| *pending == 0).await;
    }

    /// How many webhooks are on their way.
    pub fn pending_webhooks(&self) -> usize {
        *self.lock().outbox.pending().borrow()
    }
}

pub(crate) fn find(world: &World, full_name: &str) -> Result<u64, Refusal> {
    let found = full_name.split_once('/').and_then(|(owner, name)| world.repo_by_name(owner, name));
    found.map(|repo| repo.id).ok_or_else(|| Refusal::new(404, format!("there is no repository {full_name:?}")))
}

fn delivery(world: &World, guid: &str) -> Result<u64, Refusal> {
    let found = world.outbox.deliveries.iter().find(|it| it.guid == guid);
    found.map(|it| it.id).ok_or_else(|| Refusal::new(404, format!("there is no delivery {guid:?}")))
}

impl Drop for Sim {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Dropping a runtime inside another one would panic.
            runtime.shutdown_background();
            #[cfg(feature = "contract")]
            crate::contract::insist(&self.world);
        }
    }
}
