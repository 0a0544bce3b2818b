//! `baton setup`: the page's other half, at the terminal. Prints the link, takes a pasted code, and waits until GitHub's
//! first webhook and the first installation are there.

use std::io::BufRead as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use baton_core::domain::time::Timestamp;
use baton_github::{Anonymous, Budget, Config as GitHubConfig, GitHubApp, Timeouts};
use baton_queue::Clock;
use baton_store::{DeliveryFilter, Store};
use clap::Args;
use secrecy::SecretString;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use url::Url;

use super::given::Given;
use super::paint::{Tone, paint};
use super::{Fault, assemble, logs, table};
use crate::clock;
use crate::config::{Config, Flag};
use crate::server::{Listening, Secrets, Tunnel, Web};
use crate::setup::{Addresses, Place, Progress, Serving, Setup, Wanted, code_in};

/// How often GitHub is asked where the App is installed.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// GitHub is asked for its ping again after so many looks without one.
const LOOKS_FOR_A_PING: u32 = 15;
/// The App was made a moment ago.
const LOOK_BACK_MILLIS: i64 = 60 * 60 * 1000;

/// What `baton setup` is told.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The address of an Enterprise Server; default: github.com, or what the configuration names.
    #[arg(long, value_name = "URL")]
    github: Option<Url>,
    /// The organisation that is to own the App; default: the person who presses the button.
    #[arg(long, value_name = "LOGIN")]
    organization: Option<String>,
    /// The App's name, which must be nobody else's.
    #[arg(long, value_name = "NAME", default_value = "Baton")]
    name: String,
    /// How GitHub reaches this server: https://baton.example.com
    #[arg(long, value_name = "URL", conflicts_with = "tunnel")]
    public_url: Option<String>,
    /// A webhook channel instead (smee or one like it), for a server that the world does not reach.
    #[arg(long, value_name = "URL")]
    tunnel: Option<String>,
    /// Where the page listens; with port 0 the system chooses one.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    listen: String,
    /// End when the credentials are kept, without waiting for the first webhook and the first installation.
    #[arg(long)]
    no_wait: bool,
}

pub(super) async fn setup(given: &Given, arguments: Arguments) -> Result<(), Fault> {
    logs::start("warn");
    let file = given.file.clone().unwrap_or_else(|| PathBuf::from("baton.toml"));
    let config = what_is_there(given, &file)?;
    let addresses = addresses(&config, arguments.github.as_ref())?;
    let wanted = Wanted::read(
        &arguments.name,
        arguments.organization.as_deref().unwrap_or_default(),
        &arguments.public_url.unwrap_or_else(|| text(config.server.public_url.as_ref())),
        &arguments.tunnel.unwrap_or_else(|| text(config.server.tunnel.as_ref())),
    )
    .map_err(Fault::usage)?;
    let place = Place::beside(&file).map_err(Fault::usage)?;
    place.check().map_err(Fault::usage)?;
    let github = Anonymous::new(&nobody(&addresses)).map_err(Fault::usage)?;
    let setup = Setup::new(addresses, github, place.clone(), wanted, secret(), secret());

    let shutdown = CancellationToken::new();
    let serving = Serving::on(&arguments.listen, setup.clone())
        .await
        .with_context(|| format!("cannot listen on {}. Give --listen a free address", arguments.listen))
        .map_err(Fault::usage)?;
    invite(&serving);
    let pages = tokio::spawn(serving.serve(shutdown.clone()));
    let followed = tokio::select! {
        followed = follow(&setup, &place, &given.flags, arguments.no_wait) => followed,
        signal = tokio::signal::ctrl_c() => signal.map_err(Fault::failed).and_then(|()| Err(broken_off(&setup))),
    };
    // A browser that renews the page is shown the end of it.
    if followed.is_ok() && !arguments.no_wait {
        tokio::time::sleep(Duration::from_secs(3)).await;
    }
    shutdown.cancel();
    // A page that stays open in a browser holds up nothing.
    let _ended_or_left = tokio::time::timeout(Duration::from_secs(1), pages).await;
    followed
}

/// The configuration so far: defaults where there is none. One that names an App is not set up anew.
fn what_is_there(given: &Given, file: &std::path::Path) -> Result<Config, Fault> {
    let is_there = file.exists();
    let given = Given { file: is_there.then(|| file.to_owned()), flags: given.flags.clone() };
    let config = assemble::configuration(&given)?;
    match config.github.app_id {
        Some(id) => Err(Fault::usage(anyhow!(
            "GitHub App {id} is configured already; `baton doctor` checks it. To make another one, name a file that is \
             not there yet: baton --config other/baton.toml setup"
        ))),
        None => Ok(config),
    }
}

fn addresses(config: &Config, enterprise: Option<&Url>) -> Result<Addresses, Fault> {
    let Some(web) = enterprise else {
        return Ok(Addresses { api: config.github.api_url.clone(), web: config.github.web_url.clone() });
    };
    let api = web.join("/api/v3").context("--github").map_err(Fault::usage)?;
    if web.host_str() == Some("github.com") {
        return Ok(Addresses { api: config.github.api_url.clone(), web: web.clone() });
    }
    Ok(Addresses { api, web: web.clone() })
}

fn text(url: Option<&Url>) -> String {
    url.map(Url::to_string).unwrap_or_default()
}

/// A GitHub without an App.
fn nobody(addresses: &Addresses) -> GitHubConfig {
    GitHubConfig {
        api_url: addresses.api.clone(),
        graphql_url: None,
        web_url: Some(addresses.web.clone()),
        app_id: 0,
        private_key_pem: SecretString::default(),
        marker_secrets: Vec::new(),
        key_source: None,
        authorities_pem: None,
        timeouts: Timeouts::default(),
        budget: Budget::default(),
        clock: Arc::new(clock::now),
    }
}

/// 160 bits in letters and digits.
fn secret() -> String {
    use rand::RngExt as _;
    rand::rng().sample_iter(rand::distr::Alphanumeric).take(27).map(char::from).collect()
}

fn invite(serving: &Serving) {
    let (link, address) = (serving.link(), serving.address());
    table::line("Baton needs a GitHub App of your own. Open this page in a browser and follow it:");
    table::line(&format!("\n    {link}\n"));
    if address.ip().is_loopback() {
        let port = address.port();
        table::line("Is the browser on another machine? Run this there first, then open the same link:");
        table::line(&format!("\n    ssh -L {port}:127.0.0.1:{port} USER@THIS-MACHINE\n"));
    }
    table::line(
        "If the browser cannot come back after \"Create it on GitHub\": copy the address it shows, and paste it here.",
    );
}

/// From the code to the first webhook.
async fn follow(setup: &Setup, place: &Place, flags: &[Flag], no_wait: bool) -> Result<(), Fault> {
    let mut progress = setup.progress();
    let created = wait_for_app(setup, &mut progress).await?;
    table::line(&format!("\nGitHub has made the App {} (number {}). Kept:", table::visible(&created.name), created.id));
    for (what, path) in &created.files {
        table::line(&format!("    {what:<16}{path}"));
    }
    if !no_wait {
        table::line("\nNow install it on your repositories; the page has the button:");
        table::line(&format!("\n    {}\n", created.install));
        table::line("Waiting for the installation and for GitHub's first webhook (Ctrl-C ends this; nothing is lost)…");
    }
    let given = Given { file: Some(place.config().to_owned()), flags: flags.to_owned() };
    let config = assemble::configuration(&given)?;
    if !no_wait {
        wait_for_first_contact(setup, &config, &mut progress).await?;
    }
    say_what_comes_next(place, &config);
    Ok(())
}

async fn wait_for_app(setup: &Setup, progress: &mut watch::Receiver<Progress>) -> Result<crate::setup::Created, Fault> {
    let mut pasted = pasted_lines();
    loop {
        tokio::select! {
            changed = progress.changed() => {
                changed.context("the page's server ended").map_err(Fault::failed)?;
                let now = progress.borrow_and_update().clone();
                if let Some(created) = now.created {
                    return Ok(created);
                }
                if let Some(trouble) = now.trouble {
                    table::line(&format!("\n{}", table::visible(&trouble)));
                }
            }
            Some(line) = pasted.recv() => match code_in(&line, |state| setup.is_ours(state)) {
                // Shown by what it changes.
                Ok(code) => drop(setup.take(&code).await),
                Err(error) => table::line(&table::visible(&error.to_string())),
            },
        }
    }
}

/// Lines of a person at a terminal, or of whoever pipes into it. A thread of its own: a blocked read must not hold up
/// the end of the program.
fn pasted_lines() -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel(1);
    let read = move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok).filter(|line| !line.trim().is_empty()) {
            if sender.blocking_send(line).is_err() {
                return;
            }
        }
    };
    let _without_it_the_page_is_left = std::thread::Builder::new().name("pasted".into()).spawn(read);
    receiver
}

/// Takes webhooks as `baton serve` does, so that none is lost, and asks GitHub where the App is installed.
async fn wait_for_first_contact(
    setup: &Setup,
    config: &Config,
    progress: &mut watch::Receiver<Progress>,
) -> Result<(), Fault> {
    let store = assemble::store(config, true).await?;
    let github = assemble::github(config)?;
    let receiving = CancellationToken::new();
    let _until_the_end = receiving.clone().drop_guard();
    receive(config, &store, &receiving).await?;
    let (mut pinged, mut installed) = (false, false);
    for looks in 0_u32.. {
        if !pinged && looks.is_multiple_of(LOOKS_FOR_A_PING) {
            ask_for_the_ping(&github).await;
        }
        look(setup, &store, &github).await;
        let now = progress.borrow_and_update().clone();
        if now.pinged && !pinged {
            table::line(&format!("  {} GitHub's first webhook arrived, and its signature is right", tick()));
        }
        if !now.installed_on.is_empty() && !installed {
            table::line(&format!("  {} installed on {}", tick(), table::visible(&now.installed_on.join(", "))));
        }
        (pinged, installed) = (now.pinged, !now.installed_on.is_empty());
        if pinged && installed {
            return Ok(());
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    Ok(())
}

fn tick() -> String {
    paint(Tone::Good, "✓")
}

async fn receive(config: &Config, store: &Store, receiving: &CancellationToken) -> Result<(), Fault> {
    let secrets = config.github.webhook_secrets().map_err(Fault::usage)?;
    let web = Web::new(store.clone(), Secrets::from(secrets), Clock::from_fn(clock::now)).map_err(Fault::usage)?;
    let listening = Listening::on(&config.server.listen, &web).await.map_err(Fault::usage)?;
    let address = listening.address().map_err(Fault::failed)?;
    if let Some(channel) = &config.server.tunnel {
        let tunnel = Tunnel::new(channel.clone(), address).map_err(Fault::usage)?;
        tokio::spawn(tunnel.run(receiving.clone()));
    }
    tokio::spawn(listening.serve(receiving.clone()));
    Ok(())
}

/// Any delivery that is recorded had a good signature. What cannot be found out now is looked at again.
async fn look(setup: &Setup, store: &Store, github: &GitHubApp) {
    match store.deliveries(&DeliveryFilter::default(), None, 1).await {
        Ok(found) if !found.is_empty() => setup.pinged(),
        Ok(_) => {}
        Err(error) => tracing::warn!(%error, "the deliveries cannot be read"),
    }
    match github.installations().await {
        Ok(found) => setup.installed_on(found.into_iter().map(|it| it.account).collect()),
        Err(refused) => tracing::warn!(%refused, "GitHub does not say where the App is installed"),
    }
}

/// GitHub pings an App's address the moment it makes the App, when nobody can know its secret yet. So the ping is asked
/// for once more.
async fn ask_for_the_ping(github: &GitHubApp) {
    let since = Timestamp(clock::now().0.saturating_sub(LOOK_BACK_MILLIS));
    let asked = match github.attempts_since(since).await {
        Ok(attempts) => match attempts.into_iter().find(|attempt| attempt.event == "ping") {
            Some(ping) => github.redeliver(ping.id).await,
            None => Ok(()),
        },
        Err(refused) => Err(refused),
    };
    if let Err(refused) = asked {
        tracing::warn!(%refused, "GitHub does not send its first webhook again");
    }
}

/// The steps that are left. What was not said to `setup` need not be said to the other commands.
fn say_what_comes_next(place: &Place, config: &Config) {
    let file = place.config();
    let is_found = std::path::absolute("baton.toml").is_ok_and(|found| found == file);
    let baton = if is_found { "baton".to_owned() } else { format!("baton --config {}", file.display()) };
    let label = table::visible(&config.policy.label);
    table::line("\nBaton is set up. Next:");
    table::line(&format!("  1. Name an agent in {} (the file shows how).", file.display()));
    table::line(&format!("  2. {baton} doctor   checks everything, and says what is missing"));
    table::line(&format!("  3. {baton} serve    is the bot; it has to run for anything to happen"));
    table::line(&format!(
        "  4. On an issue, comment `/plan` or set the label `{label}`. Baton answers there with a plan."
    ));
}

/// Ctrl-C: what is there, and how to go on.
fn broken_off(setup: &Setup) -> Fault {
    let progress = setup.progress().borrow().clone();
    Fault::failed(match progress.created {
        None => anyhow!("broken off; no App was made, and nothing was written"),
        Some(created) => anyhow!(
            "broken off; the App {} is made and its credentials are kept. Install it at {}, then `baton doctor` tells what \
             is missing",
            created.name,
            created.install
        ),
    })
}
