//! Rust: Cargo, with nextest where it is configured.

use super::{Found, Project};
use crate::language::Language;

pub(super) fn find(project: &Project<'_>) -> Option<Found> {
    let manifest = project.text("Cargo.toml")?;
    let value: toml::Value = toml::from_str(&manifest).unwrap_or(toml::Value::Boolean(false));
    let is_workspace = value.get("workspace").is_some();
    let all = if is_workspace { " --workspace" } else { "" };
    let lock = project.text("Cargo.lock");
    let config = project.text(".cargo/config.toml").or_else(|| project.text(".cargo/config")).unwrap_or_default();
    let is_vendored = config.contains("replace-with");
    let has_outside_dependencies = match &lock {
        Some(lock) => lock.contains("\nsource = "),
        None => manifest.contains("dependencies]"),
    };
    let mut found = Found { language: Some(Language::Rust), ..Found::default() };
    found.reason = project.place("Cargo.toml");
    if has_outside_dependencies && !is_vendored {
        found.setup.push(if lock.is_some() { "cargo fetch --locked" } else { "cargo fetch" }.to_owned());
    }
    if let Some(config) = project.first(&[".config/nextest.toml"]) {
        found.tests(format!("cargo nextest run --no-fail-fast --status-level all{all} --offline"));
        if project.listing().any(|path| path == "src/lib.rs" || path.ends_with("/src/lib.rs")) {
            found.tests(format!("cargo test --doc --no-fail-fast{all} --offline"));
        }
        found.reason = format!("{} and `{config}`", found.reason);
    } else {
        found.tests(format!("cargo test --no-fail-fast{all} --offline"));
    }
    found.lint.push("cargo fmt --check".to_owned());
    found.lint.push(format!("cargo clippy{all} --all-targets --offline"));
    Some(found)
}
