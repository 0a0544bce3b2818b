//! `baton serve`, `baton worker`, and the small commands around them.

use std::sync::Arc;

use anyhow::Context as _;
use baton_queue::Clock;
use baton_sandbox::Sandbox as _;
use clap::Args;
use tokio_util::sync::CancellationToken;

use super::assemble::{self, configuration};
use super::given::Given;
use super::{Fault, logs, table};
use crate::clock;
use crate::config::Flag;
use crate::server::{Listening, Secrets, Tunnel, Web};

/// What `baton serve` is told.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Receive webhooks through this channel too (smee or one like it), where the world does not reach this server.
    #[arg(long, value_name = "URL")]
    tunnel: Option<String>,
}

/// The web server and a worker, until Ctrl-C or SIGTERM.
pub(super) async fn serve(given: &Given, arguments: Arguments) -> Result<(), Fault> {
    logs::start("info");
    let tunnel =
        arguments.tunnel.map(|value| Flag { flag: "--tunnel".to_owned(), key: "server.tunnel".to_owned(), value });
    let flags = given.flags.iter().cloned().chain(tunnel).collect();
    let config = configuration(&Given { file: given.file.clone(), flags })?;
    let github = config.github.clone();
    // Read again while it serves: a secret is changed without a restart.
    let secrets = Secrets::watched(move || github.webhook_secrets()).map_err(Fault::usage)?;
    let _held = assemble::hold(&config)?;
    let store = assemble::store(&config, true).await?;
    // What is wrong with the configuration is said before anything is answered.
    let web = Web::new(store.clone(), secrets, Clock::from_fn(clock::now)).map_err(Fault::usage)?;
    let engine = assemble::engine(&config, store).await?;
    check_sandbox(&config.sandbox).await?;
    engine.mention_dead_jobs().await.map_err(Fault::failed)?;
    engine.reconcile_soon().await.map_err(Fault::failed)?;
    let listening = Listening::on(&config.server.listen, &web).await.map_err(Fault::usage)?;
    let address = listening.address().map_err(Fault::failed)?;
    tracing::info!(%address, "listening for webhooks at http://{address}/webhooks/github");

    let (stopping, closed) = (web.stopping(), CancellationToken::new());
    let worker = Arc::new(assemble::worker(&config, engine));
    let mut working = tokio::spawn(worker.run(stopping.clone()));
    let mut serving = tokio::spawn(listening.serve(closed.clone()));
    if let Some(channel) = &config.server.tunnel {
        let tunnel = Tunnel::new(channel.clone(), address).map_err(Fault::usage)?;
        tokio::spawn(tunnel.run(closed.clone()));
    }
    tokio::select! {
        signal = wait_for_signal(&stopping) => signal?,
        // Half a Baton looks alive and is not: whoever supervises the process starts it anew.
        ended = &mut working => return Err(Fault::failed(anyhow::anyhow!("the worker ended by itself: {ended:?}"))),
        ended = &mut serving => return Err(Fault::failed(anyhow::anyhow!("the web server ended by itself: {ended:?}"))),
    }
    // While runs end, deliveries are recorded still: who comes next deals with them.
    working.await.context("the worker broke").map_err(Fault::failed)?;
    closed.cancel();
    serving.await.context("the web server broke").map_err(Fault::failed)?.map_err(Fault::failed)?;
    tracing::info!("stopped");
    Ok(())
}

/// A worker alone.
pub(super) async fn worker(given: &Given) -> Result<(), Fault> {
    logs::start("info");
    let config = configuration(given)?;
    let _held = assemble::hold(&config)?;
    let store = assemble::store(&config, true).await?;
    let engine = assemble::engine(&config, store).await?;
    check_sandbox(&config.sandbox).await?;
    engine.mention_dead_jobs().await.map_err(Fault::failed)?;
    engine.reconcile_soon().await.map_err(Fault::failed)?;
    let shutdown = CancellationToken::new();
    let worker = Arc::new(assemble::worker(&config, engine));
    tracing::info!("working");
    let working = tokio::spawn(worker.run(shutdown.clone()));
    wait_for_signal(&shutdown).await?;
    working.await.context("the worker broke").map_err(Fault::failed)?;
    tracing::info!("stopped");
    Ok(())
}

/// Refuses to start where no sandbox can be had.
async fn check_sandbox(config: &crate::config::SandboxConfig) -> Result<(), Fault> {
    let sandbox = assemble::sandbox(config)?;
    let probe = sandbox.probe().await;
    if let Some(problem) = probe.problems.first() {
        return Err(Fault::usage(anyhow::anyhow!("no sandbox can be started: {problem}")));
    }
    for (gap, why) in &probe.gaps {
        if !config.accepted_gaps.contains(gap) {
            return Err(Fault::usage(anyhow::anyhow!(
                "this machine cannot enforce `{}`: {why}. Give Baton a writable cgroup, or accept the gap by name: \
                 `sandbox.accepted_gaps = [\"{}\"]`",
                gap.name(),
                gap.name()
            )));
        }
        tracing::warn!(gap = gap.name(), why, "a gap that the operator accepts");
    }
    Ok(())
}

/// Fires `shutdown` at the first Ctrl-C or SIGTERM; a second one ends the process at once.
async fn wait_for_signal(shutdown: &CancellationToken) -> Result<(), Fault> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate()).context("signals").map_err(Fault::failed)?;
    let mut interrupt = signal(SignalKind::interrupt()).context("signals").map_err(Fault::failed)?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("stopping: what is under way may end; once more to stop at once");
    shutdown.cancel();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        std::process::exit(1);
    });
    Ok(())
}

/// `baton pause`
pub(super) async fn pause(given: &Given) -> Result<(), Fault> {
    let config = configuration(given)?;
    let store = assemble::store(&config, false).await?;
    store.pause("operator", clock::now()).await.map_err(Fault::failed)?;
    table::line("Paused: no run is started any more. What is running goes on. `baton resume` ends this.");
    Ok(())
}

/// `baton resume`
pub(super) async fn resume(given: &Given) -> Result<(), Fault> {
    let config = configuration(given)?;
    let store = assemble::store(&config, false).await?;
    store.resume().await.map_err(Fault::failed)?;
    table::line("Runs are started again.");
    Ok(())
}

/// `baton migrate`
pub(super) async fn migrate(given: &Given) -> Result<(), Fault> {
    let config = configuration(given)?;
    let store = assemble::store(&config, true).await?;
    let what = if store.is_new() { "was made" } else { "is up to date" };
    table::line(&format!("The database {} {what}.", config.store.url));
    Ok(())
}
