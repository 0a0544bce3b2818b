//! Configuration: one file, then `BATON_…` variables, then flags. The only place that reads the environment.
//!
//! `keys` declares everything that can be set; errors, explanations and the documentation are made from it. Secrets are given
//! as text, as a file (`…_file`) or as a variable; they are never printed.

mod document;
mod fault;
mod keys;
mod layers;
mod manifest;
mod reference;
mod repository;
mod retention;
mod secret;
mod sections;
#[cfg(test)]
mod tests;
mod together;
mod value;
mod yaml_place;

use std::path::{Path, PathBuf};

pub use fault::{ConfigError, Mistake, Origin};
pub use layers::{Flag, Loaded, Setting, Sources, environment, load};
pub use manifest::{manifest, manifest_events};
pub use reference::{operator_tables, repository_table, section_table};
pub use repository::{Problem, parse as parse_repository_file};
pub use retention::RetentionConfig;
pub use sections::{
    Addresses, AgentConfig, AgentKind, Config, GithubConfig, PolicyConfig, Prices, ProviderApi, ProviderConfig,
    SandboxConfig, SandboxKind, ServerConfig, StoreConfig, WorkerConfig,
};

/// Where a configuration file is looked for when none is named: here, then the user's place, then the system's.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the owner: the environment is read in this room")]
pub fn default_places() -> Vec<PathBuf> {
    let mut places = vec![PathBuf::from("baton.toml")];
    let user = std::env::var_os("XDG_CONFIG_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".config")));
    if let Some(user) = user {
        places.push(user.join("baton").join("baton.toml"));
    }
    places.push(PathBuf::from("/etc/baton/baton.toml"));
    places
}

/// Where temporary folders are made: `TMPDIR`, or the system's place.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the owner: the environment is read in this room")]
pub fn temporary_folder() -> PathBuf {
    std::env::temp_dir()
}

/// Where rustup keeps `cargo` and the toolchains of the user who asks: `CARGO_HOME` and `RUSTUP_HOME`, or their usual places
/// below the home folder. Those that are there.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the owner: the environment is read in this room")]
pub fn rust_folders() -> Vec<PathBuf> {
    let home = std::env::var_os("HOME").map(PathBuf::from);
    let place = |variable: &str, usual: &str| {
        std::env::var_os(variable).map(PathBuf::from).or_else(|| home.as_ref().map(|home| home.join(usual)))
    };
    let places = [place("CARGO_HOME", ".cargo"), place("RUSTUP_HOME", ".rustup")];
    let places: Vec<PathBuf> = places.into_iter().flatten().collect();
    if places.iter().all(|place| place.join("bin").is_dir() || place.join("toolchains").is_dir()) {
        places
    } else {
        Vec::new()
    }
}

/// Whether colour is unwelcome: `NO_COLOR` is set and not empty (<https://no-color.org>), or the terminal is a dumb one.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the owner: the environment is read in this room")]
pub fn wants_no_colour() -> bool {
    let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    is_set("NO_COLOR") || std::env::var_os("TERM").is_some_and(|terminal| terminal == "dumb")
}

/// How much is logged, as `BATON_LOG` says.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the owner: the environment is read in this room")]
pub fn log_filter() -> Option<String> {
    std::env::var("BATON_LOG").ok()
}
