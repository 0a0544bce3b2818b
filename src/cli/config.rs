//! `baton config …`: whether the configuration is good, where each value comes from, and all keys there are.

use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;

use super::Fault;
use super::given::Given;
use super::paint::{Tone, paint};
use super::table::{line, visible};
use crate::config::{Config, ConfigError, Loaded, Origin, Setting, operator_tables, repository_table, section_table};
use crate::engine::Agents;

/// What can be done with the configuration.
#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Read it whole, with the environment and the flags over it, and say what is wrong. Opens no connection.
    Check(Check),
    /// Print all keys there are, as Markdown: what docs/configuration.md and the README show.
    Reference {
        /// Which of the tables.
        #[arg(value_enum, default_value = "keys")]
        of: Reference,
    },
}

/// How to tell it.
#[derive(Debug, Args)]
pub(super) struct Check {
    /// Show every key with its value and where that comes from: default, file and line, variable or flag. Secrets are hidden.
    #[arg(long)]
    explain: bool,
    /// One JSON object.
    #[arg(long)]
    json: bool,
}

/// The tables.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Reference {
    /// Every key of baton.toml.
    Keys,
    /// The sections of baton.toml.
    Sections,
    /// Every key of .github/baton.yml.
    Repository,
}

pub(super) fn config(given: &Given, verb: Verb) -> Result<(), Fault> {
    match verb {
        Verb::Check(arguments) => check(given, &arguments),
        Verb::Reference { of } => {
            let text = match of {
                Reference::Keys => operator_tables(),
                Reference::Sections => section_table(),
                Reference::Repository => repository_table(),
            };
            line(text.trim_end());
            Ok(())
        }
    }
}

fn check(given: &Given, arguments: &Check) -> Result<(), Fault> {
    let loaded = match given.load() {
        Ok(loaded) => loaded,
        Err(fault) => {
            if arguments.json {
                line(&json!({ "good": false, "file": given.file, "mistakes": mistakes(&fault) }).to_string());
            }
            return Err(fault);
        }
    };
    let rest = complete(&loaded.config);
    if arguments.json {
        let mut told = json!({ "good": rest.is_ok(), "file": given.file });
        if let Err(problem) = &rest {
            told["mistakes"] = json!([{ "found": format!("{problem:#}") }]);
        }
        if arguments.explain {
            told["settings"] = json!(loaded.settings);
        }
        line(&told.to_string());
    } else if arguments.explain {
        explain(given, &loaded);
    }
    let agents = rest.map_err(Fault::Usage)?;
    if !arguments.json {
        for (name, agent) in agents.list() {
            line(&visible(&format!("agent {name}: {}", agent.label())));
        }
        line(&paint(Tone::Good, "The configuration is good."));
    }
    Ok(())
}

/// The mistakes of a configuration that cannot be read, as data.
fn mistakes(fault: &Fault) -> serde_json::Value {
    let (Fault::Usage(error) | Fault::Failed(error)) = fault;
    match error.downcast_ref::<ConfigError>() {
        Some(ConfigError::Mistakes(mistakes)) => json!(mistakes),
        _ => json!([{ "found": format!("{error:#}") }]),
    }
}

/// What `baton serve` needs besides well-formed values.
pub(super) fn complete(config: &Config) -> Result<Agents, anyhow::Error> {
    config.policy.task_policy()?.patch.check()?;
    let agents = Agents::new(config)?;
    let mut missing = Vec::new();
    if config.github.app_id.is_none() {
        missing.push("github.app_id");
    }
    if config.github.private_key()?.is_none() {
        missing.push("github.private_key_file");
    }
    if config.github.webhook_secrets()?.is_empty() {
        missing.push("github.webhook_secret");
    }
    if missing.is_empty() {
        Ok(agents)
    } else {
        Err(anyhow::anyhow!("`baton serve` needs what is not set: {}", missing.join(", ")))
    }
}

fn explain(given: &Given, loaded: &Loaded) {
    match &given.file {
        Some(file) => line(&format!("# {}", visible(&file.display().to_string()))),
        None => line("# no file; `baton.toml` is looked for here, in the user's place and in /etc/baton"),
    }
    let width = |of: fn(&Setting) -> &str| {
        loaded.settings.iter().map(|it| of(it).chars().count().min(60)).max().unwrap_or_default()
    };
    let (keys, values) = (width(|it| &it.key), width(|it| &it.value));
    for it in &loaded.settings {
        let from = match &it.origin {
            Origin::File { file, line, .. } => format!("{}:{line}", file.display()),
            other => other.to_string(),
        };
        // What somebody set stands out from what nobody did.
        let tone = if matches!(it.origin, Origin::Default) { Tone::Faint } else { Tone::Plain };
        line(&paint(tone, &visible(&format!("{:keys$}  {:values$}  {from}", it.key, it.value))));
    }
}
