//! Parts of manifests that decide about tests. A manifest that cannot be read is compared as it stands.

use serde_json::Value as Json;
use toml::Value as Toml;

/// The scripts that test, and the sections of test runners.
pub(super) fn package_json(content: &str) -> String {
    let Ok(manifest) = serde_json::from_str::<Json>(content) else { return content.to_owned() };
    let mut parts = Vec::new();
    if let Some(scripts) = manifest.get("scripts").and_then(Json::as_object) {
        for (name, script) in scripts {
            let words = ["test", "pretest", "posttest", "check", "ci"];
            if words.contains(&name.as_str())
                || name.starts_with("test:")
                || name.starts_with("test-")
                || name.ends_with(":test")
            {
                parts.push(format!("{name}: {script}"));
            }
        }
    }
    for runner in ["jest", "vitest", "mocha", "ava", "tap", "nyc", "c8", "cypress"] {
        parts.extend(manifest.get(runner).map(|section| format!("{runner}: {section}")));
    }
    sorted(parts)
}

/// The scripts that test.
pub(super) fn composer_json(content: &str) -> String {
    let Ok(manifest) = serde_json::from_str::<Json>(content) else { return content.to_owned() };
    let scripts = manifest.get("scripts").and_then(Json::as_object);
    let tests = scripts.into_iter().flatten().filter(|(name, _)| name.contains("test") || name.contains("phpunit"));
    sorted(tests.map(|(name, script)| format!("{name}: {script}")).collect())
}

/// What of `Cargo.toml` decides which tests are built and run. Dependencies, versions, and new members or targets do not.
pub(super) fn cargo_manifest(content: &str) -> String {
    if content.trim().is_empty() {
        return String::new();
    }
    let Ok(manifest) = toml::from_str::<Toml>(content) else { return content.to_owned() };
    let mut parts = Vec::new();
    for key in ["autotests", "autobenches", "autoexamples", "autobins", "build"] {
        let value = manifest.get("package").and_then(|package| package.get(key));
        parts.extend(value.map(|value| format!("package.{key} = {value}")));
    }
    for key in ["test", "doctest", "harness"] {
        parts.extend(manifest.get("lib").and_then(|lib| lib.get(key)).map(|value| format!("lib.{key} = {value}")));
    }
    for kind in ["test", "bin", "example", "bench"] {
        for target in manifest.get(kind).and_then(Toml::as_array).into_iter().flatten() {
            let name = target.get("name").and_then(Toml::as_str).unwrap_or("");
            for key in ["test", "doctest", "harness", "required-features"] {
                parts.extend(target.get(key).map(|value| format!("{kind}.{name}.{key} = {value}")));
            }
        }
    }
    for key in ["exclude", "default-members"] {
        let value = manifest.get("workspace").and_then(|workspace| workspace.get(key));
        parts.extend(value.map(|value| format!("workspace.{key} = {value}")));
    }
    let profiles = manifest.get("profile");
    parts.extend(profiles.and_then(|profiles| profiles.get("test")).map(|value| format!("profile.test = {value}")));
    for key in ["debug-assertions", "overflow-checks", "panic"] {
        let value = profiles.and_then(|profiles| profiles.get("dev")).and_then(|dev| dev.get(key));
        parts.extend(value.map(|value| format!("profile.dev.{key} = {value}")));
    }
    sorted(parts)
}

/// All of Cargo's configuration but where it fetches from and how it speaks.
pub(super) fn cargo_config(content: &str) -> String {
    let Ok(Toml::Table(config)) = toml::from_str::<Toml>(content) else { return content.to_owned() };
    let aside = [
        "net",
        "http",
        "registries",
        "registry",
        "source",
        "term",
        "cargo-new",
        "credential-alias",
        "future-incompat-report",
    ];
    sorted(
        config
            .iter()
            .filter(|(key, _)| !aside.contains(&key.as_str()))
            .map(|(key, value)| format!("{key} = {value}"))
            .collect(),
    )
}

/// The sections of pytest and of the programs that start it.
pub(super) fn pyproject(content: &str) -> String {
    let Ok(manifest) = toml::from_str::<Toml>(content) else { return content.to_owned() };
    let Some(tools) = manifest.get("tool") else { return String::new() };
    let mut parts = Vec::new();
    for tool in ["pytest", "tox", "nox", "poe", "taskipy", "coverage"] {
        parts.extend(tools.get(tool).map(|value| format!("{tool} = {value}")));
    }
    for (tool, section) in [("hatch", "envs"), ("pdm", "scripts")] {
        parts.extend(
            tools.get(tool).and_then(|tool| tool.get(section)).map(|value| format!("{tool}.{section} = {value}")),
        );
    }
    sorted(parts)
}

fn sorted(mut parts: Vec<String>) -> String {
    parts.sort();
    parts.join("\n")
}
