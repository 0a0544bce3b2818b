//! All of GitHub's own example payloads (npm `@octokit/webhooks-examples`): github.com's, and every Enterprise Server's
//! that the package has.

use std::path::PathBuf;

use serde_json::Value;

/// One example: its server, its event, and the payload.
pub struct Example {
    pub server: String,
    pub event: String,
    pub payload: Value,
}

/// Every example there is.
pub fn all() -> Vec<Example> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("node_modules/@octokit/webhooks-examples");
    let listed = std::fs::read_dir(&folder).unwrap_or_else(|error| {
        panic!("{}: {error}. Run script/setup: it installs GitHub's example payloads with npm.", folder.display())
    });
    let mut servers: Vec<PathBuf> = listed.flatten().map(|entry| entry.path().join("index.json")).collect();
    servers.retain(|file| file.is_file());
    servers.sort();
    servers.iter().flat_map(|file| of_server(file)).collect()
}

fn of_server(file: &std::path::Path) -> Vec<Example> {
    let server = file.parent().and_then(|folder| folder.file_name()).expect("a folder's name").to_string_lossy();
    let events: Vec<Value> =
        serde_json::from_slice(&std::fs::read(file).expect("a file")).expect("examples are a list");
    let of_event = |event: &Value| {
        let name = event["name"].as_str().expect("an event's name").to_owned();
        let payloads = event["examples"].as_array().expect("a list of examples").clone();
        payloads.into_iter().map(move |payload| (name.clone(), payload))
    };
    let pairs = events.iter().flat_map(of_event);
    pairs.map(|(event, payload)| Example { server: server.to_string(), event, payload }).collect()
}
