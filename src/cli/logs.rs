//! Logs go to standard error; `BATON_LOG` says how much (`warn`, `debug`, `baton=debug,sqlx=warn`).

use tracing_subscriber::EnvFilter;

use super::paint::is_colourful;

/// Starts logging at `level` unless `BATON_LOG` says otherwise.
pub(super) fn start(level: &str) {
    let filter = match crate::config::log_filter() {
        Some(given) => EnvFilter::try_new(&given).unwrap_or_else(|_| EnvFilter::new(level)),
        None => EnvFilter::new(level),
    };
    let logs = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(is_colourful(&std::io::stderr()));
    // A second start (several commands in one test process) changes nothing.
    let _already_started = logs.try_init();
}
