//! What `app-manifest.yml` asks of GitHub for the App.

use serde::Deserialize;

/// The file, as it was when this program was built.
const MANIFEST: &str = include_str!("../../app-manifest.yml");

#[derive(Deserialize)]
struct Manifest {
    default_events: Vec<String>,
}

/// The events the App has to be subscribed to.
#[must_use]
pub fn manifest_events() -> Vec<String> {
    yaml_serde::from_str::<Manifest>(MANIFEST).map(|manifest| manifest.default_events).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_manifest_names_events() {
        assert!(super::manifest_events().contains(&"issue_comment".to_owned()));
    }
}
