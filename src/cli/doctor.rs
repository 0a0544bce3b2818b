//! `baton doctor`: everything Baton needs, each with what to do when it is missing.

use std::time::Duration;

use baton_sandbox::{Bubblewrap, Sandbox as _};
use clap::Args;
use serde::Serialize;

use super::assemble::{self, configuration};
use super::given::Given;
use super::table::line;
use super::{Fault, logs};
use crate::config::Config;
use crate::engine::Agents;

/// What to check.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// One JSON object a line.
    #[arg(long)]
    json: bool,
}

/// How a check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    Good,
    Warning,
    Fault,
}

/// Below this, a checkout of a large repository may not fit.
const LITTLE: u64 = 2 * 1024 * 1024 * 1024;

/// One thing that was looked at.
#[derive(Debug, Serialize)]
struct Finding {
    check: &'static str,
    verdict: Verdict,
    /// What was found, and for a fault what to do.
    says: String,
}

fn good(check: &'static str, says: impl Into<String>) -> Finding {
    Finding { check, verdict: Verdict::Good, says: says.into() }
}

fn fault(check: &'static str, says: impl Into<String>) -> Finding {
    Finding { check, verdict: Verdict::Fault, says: says.into() }
}

fn warning(check: &'static str, says: impl Into<String>) -> Finding {
    Finding { check, verdict: Verdict::Warning, says: says.into() }
}

pub(super) async fn doctor(given: &Given, arguments: Arguments) -> Result<(), Fault> {
    logs::start("error");
    let config = configuration(given)?;
    let mut findings = vec![good("configuration", "it can be read")];
    findings.push(agents(&config));
    findings.extend(secrets(&config));
    findings.extend(git(&config).await);
    findings.push(store(&config).await);
    findings.extend(sandbox(&config).await?);
    findings.extend(github(&config).await);

    for finding in &findings {
        if arguments.json {
            line(&serde_json::to_string(finding).map_err(Fault::failed)?);
        } else {
            let mark = match finding.verdict {
                Verdict::Good => "✓",
                Verdict::Warning => "!",
                Verdict::Fault => "✗",
            };
            line(&format!("{mark} {:<14} {}", finding.check, finding.says));
        }
    }
    let faults = findings.iter().filter(|finding| finding.verdict == Verdict::Fault).count();
    if faults > 0 {
        return Err(Fault::usage(anyhow::anyhow!("{faults} of {} checks found a fault", findings.len())));
    }
    Ok(())
}

fn agents(config: &Config) -> Finding {
    match Agents::new(config) {
        Ok(agents) => {
            let list: Vec<String> = agents.list().map(|(name, agent)| format!("{name} ({})", agent.label())).collect();
            good("agents", list.join(", "))
        }
        Err(error) => fault("agents", error.to_string()),
    }
}

fn secrets(config: &Config) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.push(match config.github.webhook_secrets() {
        Ok(secrets) if secrets.is_empty() => fault(
            "webhook secret",
            "none is set; `baton serve` will not start without one. Set `github.webhook_secret_file`",
        ),
        Ok(secrets) => good("webhook secret", format!("{} set", secrets.len())),
        Err(error) => fault("webhook secret", error.to_string()),
    });
    findings.push(match config.github.private_key() {
        Ok(Some(_)) => good("private key", "set"),
        Ok(None) => fault("private key", "none is set; set `github.private_key_file`"),
        Err(error) => fault("private key", error.to_string()),
    });
    findings
}

/// Git, and the room for repositories.
async fn git(config: &Config) -> Vec<Finding> {
    let git = match assemble::git(config) {
        Ok(git) => git,
        Err(Fault::Usage(error) | Fault::Failed(error)) => return vec![fault("git", format!("{error:#}"))],
    };
    let version = match git.version().await {
        Ok(version) => good("git", version),
        Err(error) => fault("git", format!("{error}; install git")),
    };
    let place = config.store.data.display();
    let disk = match git.free_bytes() {
        Ok(free) if free < LITTLE => warning("disk", format!("only {} MiB are free at {place}", free / (1024 * 1024))),
        Ok(free) => good("disk", format!("{} GiB free at {place}", free / (1024 * 1024 * 1024))),
        Err(error) => warning("disk", format!("{place}: {error}")),
    };
    vec![version, disk]
}

async fn store(config: &Config) -> Finding {
    match assemble::store(config, false).await {
        Ok(store) => match store.integrity_complaints().await {
            Ok(complaints) if complaints.is_empty() => good("store", config.store.url.clone()),
            Ok(complaints) => fault("store", format!("damaged: {}; restore a back-up", complaints.join("; "))),
            Err(error) => fault("store", error.to_string()),
        },
        Err(Fault::Usage(error) | Fault::Failed(error)) => {
            warning("store", format!("{error:#}; `baton serve` or `baton migrate` makes it"))
        }
    }
}

async fn sandbox(config: &Config) -> Result<Vec<Finding>, Fault> {
    let sandbox: Bubblewrap = assemble::sandbox(&config.sandbox)?;
    let probe = sandbox.probe().await;
    let mut findings: Vec<Finding> =
        probe.problems.iter().map(|problem| fault("sandbox", problem.to_string())).collect();
    for (gap, why) in &probe.gaps {
        findings.push(if config.sandbox.accepted_gaps.contains(gap) {
            warning("sandbox", format!("`{}` is not enforced, as accepted: {why}", gap.name()))
        } else {
            fault(
                "sandbox",
                format!(
                    "`{}` cannot be enforced: {why}. Give Baton a writable cgroup, or accept it: \
                     `sandbox.accepted_gaps = [\"{}\"]`",
                    gap.name(),
                    gap.name()
                ),
            )
        });
    }
    for path in &config.sandbox.read_only_paths {
        if let Err(error) = sandbox.check_read_only_path(path) {
            findings.push(fault("toolchain", error.to_string()));
        }
    }
    if findings.is_empty() {
        findings.push(good("sandbox", "a sandbox was started, with every limit enforced"));
    }
    Ok(findings)
}

async fn github(config: &Config) -> Vec<Finding> {
    let app = match assemble::github(config) {
        Ok(app) => app,
        Err(Fault::Usage(error) | Fault::Failed(error)) => return vec![fault("github", format!("{error:#}"))],
    };
    let asked = tokio::time::timeout(Duration::from_secs(20), app.info()).await;
    match asked {
        Ok(Ok(info)) => {
            let missing = baton_github::missing_permissions(&info.permissions);
            let mut findings = vec![good("github", format!("the App is {} ({})", info.name, info.slug))];
            if !missing.is_empty() {
                findings.push(fault(
                    "permissions",
                    format!("the App lacks {}; grant them in its settings (see app-manifest.yml)", missing.join(", ")),
                ));
            }
            findings
        }
        Ok(Err(error)) => vec![fault("github", error.to_string())],
        Err(_) => vec![fault("github", format!("{} does not answer; check `github.api_url`", config.github.api_url))],
    }
}
