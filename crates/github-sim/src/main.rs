//! The simulator as a program: starts it, plants a seed, prints where it is as one JSON line, and serves until stopped.

use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use github_sim::{Options, Seed, Sim, TimeSource};

/// A stateful GitHub on this machine, for testing and demonstrating GitHub Apps.
#[derive(Parser)]
#[command(
    version,
    after_help = "\
The world is kept in memory and gone when the program ends. Drive it with curl under /_sim, for example:
  curl -d '{\"name\":\"acme/app\",\"files\":{\"README.md\":\"# App\\n\"}}' http://ADDR/_sim/repositories
  curl -d '{\"verb\":\"opens_issue\",\"repo\":\"acme/app\",\"title\":\"It crashes\"}' http://ADDR/_sim/people/alice
  curl http://ADDR/_sim/            # everything there is under /_sim"
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Start the simulator and serve until Ctrl-C or SIGTERM.
    Serve {
        /// Where to listen; port 0 takes a free one. Loopback only, unless you know what you do: there is no
        /// authentication on the control API.
        #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
        listen: SocketAddr,
        /// The folder for the git repositories; a temporary one when absent.
        #[arg(long, value_name = "DIR")]
        data: Option<PathBuf>,
        /// A world to start with, as JSON: users, orgs, repositories, apps (see README.md).
        #[arg(long, value_name = "FILE.json")]
        seed: Option<PathBuf>,
        /// Write URLs as GitHub Enterprise Server does: /api/v3 and /api/graphql.
        #[arg(long)]
        enterprise: bool,
    },
}

fn main() -> ExitCode {
    let logs = tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "warn".into());
    tracing_subscriber::fmt().with_env_filter(logs).with_writer(std::io::stderr).init();
    let Command::Serve { listen, data, seed, enterprise } = Arguments::parse().command;
    match serve(Options { listen, data, time: TimeSource::Machine, enterprise }, seed) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("github-sim: {message}");
            ExitCode::from(2)
        }
    }
}

fn serve(options: Options, seed: Option<PathBuf>) -> Result<(), String> {
    let seed = seed.map(|path| read_seed(&path)).transpose()?.unwrap_or_default();
    let sim = Sim::start(options).map_err(|error| error.to_string())?;
    let apps = sim.plant(&seed).map_err(|error| format!("the seed does not fit: {error}"))?;
    let ready = serde_json::json!({
        "api_url": sim.api_url(), "graphql_url": sim.graphql_url(), "web_url": sim.web_url(), "git_url": sim.git_url(),
        "control_url": sim.control_url(), "apps": apps,
    });
    let mut out = std::io::stdout().lock();
    writeln!(out, "{ready}").and_then(|()| out.flush()).map_err(|error| format!("cannot write to stdout: {error}"))?;
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| error.to_string())?;
    runtime.block_on(stopped()).map_err(|error| format!("cannot wait for signals: {error}"))
}

fn read_seed(path: &std::path::Path) -> Result<Seed, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    serde_json::from_str(&text).map_err(|error| format!("{} is no seed: {error}", path.display()))
}

async fn stopped() -> std::io::Result<()> {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        stopped = tokio::signal::ctrl_c() => stopped,
        _ = terminate.recv() => Ok(()),
    }
}
