//! `baton doctor`: everything Baton needs, tried for real, each with what to do when it is missing.

mod agents;
mod escapes;
mod github;
mod machine;
mod report;
mod webhook;

use std::time::Duration;

use clap::Args;

use self::report::{Outcome, Report, fault, good};
use super::given::Given;
use super::{Fault, config, logs};
use crate::config::{ConfigError, Loaded, Origin};

/// What to check.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// One JSON object a line: group, check, verdict, says, remedy.
    #[arg(long)]
    json: bool,
}

/// The usual time a check may take. GitHub itself cuts requests off after ten seconds.
const LIMIT: Duration = Duration::from_secs(30);

/// The time of checks that wait for others, or read much.
const LONG: Duration = Duration::from_secs(90);

/// Exit code 0 if nothing is wrong (warnings are not), 1 if something is, 2 if there is no configuration to check with.
pub(super) async fn doctor(given: &Given, arguments: Arguments) -> Result<(), Fault> {
    logs::start("off");
    let mut report = Report::new(arguments.json);
    let loaded = match given.load() {
        Ok(loaded) => loaded,
        Err(fault) => return unreadable(&mut report, fault),
    };
    report.add("Configuration", "file", configuration(given, &loaded));
    let config = &loaded.config;
    let complete = config::complete(config).map(drop);
    report.add(
        "Configuration",
        "complete",
        vec![match complete {
            Ok(()) => good("what `baton serve` needs is set"),
            Err(error) => fault(format!("{error:#}"), "See docs/configuration.md, or `baton config reference`"),
        }],
    );

    report.check("Machine", "git", LIMIT, machine::git(config)).await;
    report.check("Machine", "disk", LIMIT, machine::disk(config)).await;
    report.check("Machine", "database", LONG, machine::database(config)).await;
    report.check("Machine", "server", LIMIT, machine::server(config)).await;

    let enclosed = report.check("Sandbox", "sandbox", LONG, escapes::sandbox(config)).await;
    if enclosed {
        report.check("Sandbox", "escapes", LONG, escapes::escapes(config, given)).await;
    } else {
        report.skip("Sandbox", &["escapes"], "no sandbox can be started");
    }

    on_github(&mut report, config).await;

    for name in config.agents.keys() {
        report.check("Agents", name, LIMIT, agents::agent(config, name)).await;
    }
    report.end()
}

async fn on_github(report: &mut Report, config: &crate::config::Config) {
    const NEEDED: [&str; 6] = ["clock", "permissions", "events", "installations", "assignees", "repositories"];
    let app = match super::assemble::github(config) {
        Ok(app) => app,
        Err(Fault::Usage(error) | Fault::Failed(error)) => {
            let remedy = "Set `github.app_id` and `github.private_key_file`: both are on the App's page on GitHub";
            report.add("GitHub", "private key", vec![fault(format!("{error:#}"), remedy)]);
            report.skip("GitHub", &NEEDED, "there is no App to ask as");
            report.skip("Webhook", &["address", "deliveries", "arrival"], "there is no App to ask as");
            return;
        }
    };
    let mut seen = github::Seen::default();
    if !report.check("GitHub", "private key", LIMIT, github::key(&app, config, &mut seen)).await {
        report.skip("GitHub", &NEEDED, "GitHub does not know the App");
        report.skip("Webhook", &["address", "deliveries", "arrival"], "GitHub does not know the App");
        return;
    }
    report.check("GitHub", "clock", LIMIT, github::clock(&seen)).await;
    report.check("GitHub", "permissions", LIMIT, github::permissions(&seen, config)).await;
    report.check("GitHub", "events", LIMIT, github::events(&seen, config)).await;
    report.check("GitHub", "installations", LIMIT, github::installations(&app, config, &mut seen)).await;
    report.check("GitHub", "assignees", LONG, github::assignees(&app, config, &seen)).await;
    report.check("GitHub", "repositories", LIMIT, github::contacts(config, &seen)).await;
    let has_address = report.check("Webhook", "address", LIMIT, webhook::address(&app, config)).await;
    report.check("Webhook", "deliveries", LIMIT, webhook::deliveries(&app)).await;
    if has_address {
        report.check("Webhook", "arrival", LONG, webhook::arrival(&app, config)).await;
    } else {
        report.skip("Webhook", &["arrival"], "GitHub has no right address to deliver to");
    }
}

/// All mistakes, a line each. Without a configuration nothing else can be checked.
fn unreadable(report: &mut Report, fault: Fault) -> Result<(), Fault> {
    let (Fault::Usage(error) | Fault::Failed(error)) = &fault;
    let remedy = "Mend it; `baton config check` tells the same";
    let lines = match error.downcast_ref::<ConfigError>() {
        Some(ConfigError::Mistakes(mistakes)) => {
            mistakes.iter().map(|mistake| self::fault(mistake.to_string(), remedy)).collect()
        }
        _ => vec![self::fault(format!("{error:#}"), remedy)],
    };
    report.add("Configuration", "file", lines);
    let why = "the configuration cannot be read";
    report.skip("Machine", &["git", "disk", "database", "server"], why);
    report.skip("Sandbox", &["sandbox", "escapes"], why);
    report.skip(
        "GitHub",
        &["private key", "clock", "permissions", "events", "installations", "assignees", "repositories"],
        why,
    );
    report.skip("Webhook", &["address", "deliveries", "arrival"], why);
    report.skip("Agents", &["agents"], why);
    match report.end() {
        Ok(()) => Err(fault),
        Err(Fault::Usage(error) | Fault::Failed(error)) => Err(Fault::Usage(error)),
    }
}

fn configuration(given: &Given, loaded: &Loaded) -> Vec<Outcome> {
    let count = |of: fn(&Origin) -> bool| loaded.settings.iter().filter(|it| of(&it.origin)).count();
    let file = count(|origin| matches!(origin, Origin::File { .. }));
    let others = count(|origin| matches!(origin, Origin::Variable { .. } | Origin::Flag { .. }));
    vec![match &given.file {
        Some(place) => good(format!("{}: {file} keys set there, {others} by variables and flags", place.display())),
        None => good(format!("no file; {others} keys set by variables and flags")),
    }]
}
