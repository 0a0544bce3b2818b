//! The App that `app-manifest.yml` describes: what every test here registers with the simulator, so that it refuses
//! whatever goes beyond that.

use std::collections::BTreeMap;

use github_sim::{AppSpec, Level};
use serde::Deserialize;

#[derive(Deserialize)]
struct Manifest {
    name: String,
    default_permissions: BTreeMap<String, Level>,
    default_events: Vec<String>,
}

/// Name, permissions and events of the file; no webhook yet.
pub fn app() -> AppSpec {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../app-manifest.yml");
    let manifest: Manifest = yaml_serde::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    AppSpec {
        name: manifest.name,
        permissions: manifest.default_permissions,
        events: manifest.default_events,
        ..AppSpec::default()
    }
}
