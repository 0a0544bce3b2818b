//! The command line: what can be typed, what it prints, and the exit code (0 done, 1 the work failed, 2 usage or
//! configuration).

mod assemble;
mod backup;
mod config;
mod delivery;
mod demo;
mod doctor;
mod given;
mod health;
mod job;
mod logs;
mod paint;
mod prune;
mod run;
mod serve;
mod setup;
mod stage;
mod table;
mod task;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// How a command ended other than well.
#[derive(Debug)]
pub enum Fault {
    /// The configuration or the usage is wrong: exit code 2.
    Usage(anyhow::Error),
    /// The work failed: exit code 1.
    Failed(anyhow::Error),
}

impl Fault {
    fn usage(error: impl Into<anyhow::Error>) -> Self {
        Self::Usage(error.into())
    }

    fn failed(error: impl Into<anyhow::Error>) -> Self {
        Self::Failed(error.into())
    }

    /// What happened and why, each thing once: many an error's own text holds its cause already.
    fn text(&self) -> String {
        let (Self::Usage(error) | Self::Failed(error)) = self;
        let mut text = error.to_string();
        for cause in error.chain().skip(1).map(ToString::to_string) {
            if !text.contains(&cause) {
                text = format!("{text}: {cause}");
            }
        }
        table::visible(&text)
    }
}

/// Turns issues into pull requests: a plan on the issue, `/plan approve`, and a pull request whose tests Baton ran itself.
#[derive(Debug, Parser)]
#[command(name = "baton", version, about, long_about = None, arg_required_else_help = true)]
struct Arguments {
    #[command(flatten)]
    flags: given::Flags,
    #[command(subcommand)]
    command: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Show the whole loop on this machine, with nothing configured.
    Demo(demo::Arguments),
    /// Do the same work on a local clone, without GitHub.
    Run(run::Arguments),
    /// Create the GitHub App that Baton acts as, with a local page, and keep its credentials.
    Setup(setup::Arguments),
    /// Run the web server and a worker.
    Serve(serve::Arguments),
    /// Run a worker alone.
    Worker,
    /// Look at tasks, and steer them.
    #[command(subcommand)]
    Task(task::Verb),
    /// Look at what arrived, and run it again.
    #[command(subcommand)]
    Delivery(delivery::Verb),
    /// Look at the queue and at what was given up on in it, and do that again.
    #[command(subcommand)]
    Job(job::Verb),
    /// Stop starting work, everywhere.
    Pause,
    /// Go on starting work.
    Resume,
    /// Check everything Baton needs, and say what to do for each fault.
    Doctor(doctor::Arguments),
    /// Ask the server on this machine whether it is well: exit code 0 if so. For a container's health check.
    Health(health::Arguments),
    /// Look at the configuration.
    #[command(subcommand)]
    Config(config::Verb),
    /// Write a back-up of the database to a new file, while Baton runs.
    Backup(backup::BackupArguments),
    /// Put a back-up in the place of the database, while Baton does not run.
    Restore(backup::RestoreArguments),
    /// Let go of what is old, as `policy.retention` says; a server does so by itself.
    Prune(prune::Arguments),
    /// Bring the database up to date.
    Migrate,
}

/// Runs the program with its arguments (without its own name).
#[must_use]
pub fn main(arguments: Vec<OsString>) -> ExitCode {
    if let [first, rest @ ..] = arguments.as_slice()
        && first == assemble::GIT_CREDENTIAL
    {
        return baton_git::credential_main(rest.iter().map(|argument| argument.to_string_lossy().into_owned()));
    }
    let named = std::iter::once(OsString::from("baton")).chain(arguments);
    let arguments = match Arguments::try_parse_from(named) {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version come this way too, with exit code 0.
            let _printed_or_no_terminal_left = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return report(&Fault::failed(anyhow::Error::new(error).context("cannot start"))),
    };
    let result = runtime.block_on(dispatch(arguments));
    // Blocking work that hangs (a dead network file system) must not keep the program from ending.
    runtime.shutdown_timeout(std::time::Duration::from_secs(5));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => report(&fault),
    }
}

async fn dispatch(arguments: Arguments) -> Result<(), Fault> {
    let given = &given::Given::from(arguments.flags);
    match arguments.command {
        Verb::Demo(arguments) => demo::demo(arguments).await,
        Verb::Run(arguments) => run::run(given, arguments).await,
        Verb::Setup(arguments) => setup::setup(given, arguments).await,
        Verb::Serve(arguments) => serve::serve(given, arguments).await,
        Verb::Worker => serve::worker(given).await,
        Verb::Task(verb) => task::task(given, verb).await,
        Verb::Delivery(verb) => delivery::delivery(given, verb).await,
        Verb::Job(verb) => job::job(given, verb).await,
        Verb::Pause => serve::pause(given).await,
        Verb::Resume => serve::resume(given).await,
        Verb::Doctor(arguments) => doctor::doctor(given, arguments).await,
        Verb::Health(arguments) => health::health(given, arguments).await,
        Verb::Config(verb) => config::config(given, verb),
        Verb::Backup(arguments) => backup::backup(given, arguments).await,
        Verb::Restore(arguments) => backup::restore(given, arguments).await,
        Verb::Prune(arguments) => prune::prune(given, arguments).await,
        Verb::Migrate => serve::migrate(given).await,
    }
}

fn report(fault: &Fault) -> ExitCode {
    eprintln!("{} {}", paint::paint_error(paint::Tone::Bad, "baton:"), fault.text());
    ExitCode::from(match fault {
        Fault::Usage(_) => 2,
        Fault::Failed(_) => 1,
    })
}
