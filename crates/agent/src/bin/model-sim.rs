//! `model-sim`: the scripted model server as a program. Prints its URL as one JSON line, then serves until it is stopped.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use baton_agent::Script;
use baton_agent::scripted::{Fault, ModelSim, Options};
use clap::Parser;

/// Serves recorded model conversations over Anthropic's and OpenAI's interfaces.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Where to listen.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// A recording; of several, the one labelled as the requested model is served, else the first.
    #[arg(long = "script", required = true, value_name = "FILE")]
    scripts: Vec<PathBuf>,
    /// The only API key that is let in.
    #[arg(long)]
    key: Option<String>,
    /// What goes wrong in the N-th request: a status from 400 (`429:2` asks to wait 2 s), cut, short, garbage,
    /// overloaded, hang, stall or overflow.
    #[arg(long = "fault", value_name = "N=FAULT", value_parser = numbered)]
    faults: Vec<(usize, Fault)>,
}

fn numbered(text: &str) -> Result<(usize, Fault), String> {
    let (number, fault) = text.split_once('=').ok_or("write N=FAULT, for example 1=429:2")?;
    let number = number.parse().map_err(|_| format!("`{number}` is no request's number"))?;
    Ok((number, fault.parse().map_err(|error: baton_agent::scripted::UnknownFault| error.to_string())?))
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let scripts: Result<Vec<Script>, _> = arguments.scripts.iter().map(Script::from_file).collect();
    let scripts = match scripts {
        Ok(scripts) => scripts,
        Err(fault) => {
            eprintln!("model-sim: {fault}");
            return ExitCode::from(2);
        }
    };
    let options = Options { faults: arguments.faults, key: arguments.key };
    let ended = match ModelSim::start(arguments.listen, scripts, options).await {
        Ok(mut sim) => {
            println!("{}", serde_json::json!({ "url": sim.url() }));
            tokio::select! {
                ended = sim.ended() => ended,
                stopped = tokio::signal::ctrl_c() => stopped,
            }
        }
        Err(error) => Err(error),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("model-sim: {}: {error}", arguments.listen);
            ExitCode::FAILURE
        }
    }
}
