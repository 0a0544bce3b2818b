//! The App subscribes to exactly what is handled here.

use std::collections::BTreeSet;

/// GitHub delivers these to every App and refuses a manifest that lists them (`ping` is no subscription at all).
const UNASKED: [&str; 3] = ["installation", "installation_repositories", "ping"];

#[test]
fn the_manifest_subscribes_to_exactly_the_handled_events() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../app-manifest.yml");
    let manifest: serde_json::Value = yaml_serde::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let subscribed: BTreeSet<&str> =
        manifest["default_events"].as_array().unwrap().iter().map(|event| event.as_str().unwrap()).collect();
    let handled: BTreeSet<&str> =
        baton_webhook::HANDLED.iter().map(|(event, _)| *event).filter(|event| !UNASKED.contains(event)).collect();
    assert_eq!(subscribed, handled);
}
