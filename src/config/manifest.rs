//! What `app-manifest.yml` asks of GitHub for the App.

use serde_json::{Map, Value};

/// The file, as it was when this program was built.
const MANIFEST: &str = include_str!("../../app-manifest.yml");

/// The whole file: the keys of GitHub's manifest.
#[must_use]
pub fn manifest() -> Map<String, Value> {
    yaml_serde::from_str(MANIFEST).unwrap_or_default()
}

/// The events the App has to be subscribed to.
#[must_use]
pub fn manifest_events() -> Vec<String> {
    let manifest = manifest();
    let events = manifest.get("default_events").and_then(Value::as_array).into_iter().flatten();
    events.filter_map(Value::as_str).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_manifest_names_events() {
        assert!(super::manifest_events().contains(&"issue_comment".to_owned()));
    }
}
