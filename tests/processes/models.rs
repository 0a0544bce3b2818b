//! The whole loop with Baton's own agent against a model provider in another process, over each of the three interfaces.
//! The provider's key is a canary: it must reach the provider, and nothing and nobody else.

use std::fs;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

use super::baton::secret_file;
use super::model::Model;
use super::process::{Process, until};
use super::story::{PYTHON, Pace, marked};
use super::traces;
use super::world::{PATIENCE, World};

/// A world whose agent is a model behind `api`; what the provider saw of it in the end.
fn play(api: &str, faults: &[&str]) -> Vec<Value> {
    let folder = TempDir::new().unwrap();
    let key = format!("canary-{:032x}", rand::random::<u128>());
    secret_file(&folder.path().join("provider.key"), &key);
    let script = folder.path().join("script.json");
    let mark = marked(1);
    let pace = Pace { working: Some(mark.clone()), ..Pace::default() };
    fs::write(&script, PYTHON.conversation(&pace).to_string()).unwrap();
    let model = Model::start(folder.path(), &script, &key, faults);
    let base = if api == "anthropic" { "" } else { "/v1" };
    let sections = format!(
        "[agents.own]\nkind = \"native\"\nprovider = \"scripted\"\nmodel = \"some-model\"\n\
         [providers.scripted]\napi = \"{api}\"\nbase_url = \"http://{}{base}\"\napi_key_file = \"{}\"\n\
         prices = {{ input = 3.0, output = 15.0 }}\n",
        model.address,
        folder.path().join("provider.key").display(),
    );
    let mut world = World::in_folder(folder, PYTHON, &sections);
    world.hand_over();
    world.wait_for_plan();
    world.says(super::github::MAINTAINER, "/plan approve 1");
    world.until("the agent's command runs", || traces::running(&mark));
    // The simulated provider alone was given the key on its command line.
    let elsewhere = traces::processes().into_iter().filter(|seen| seen.pid != model.pid());
    let leaks: Vec<_> = elsewhere.filter(|seen| seen.cmdline.contains(&key) || seen.environ.contains(&key)).collect();
    assert!(leaks.is_empty(), "{leaks:#?}");
    let pull = world.wait_for_review();
    let requests = model.requests();
    world.audit();

    let body = pull["body"].as_str().unwrap();
    assert!(body.contains("own · some-model"), "{body}");
    assert!(!world.thread().contains(&key) && !body.contains(&key));
    assert!(!world.github.get("requests").to_string().contains(&key));
    let files = traces::files_with(world.folder(), &[&key], &world.secret_files());
    assert!(files.is_empty(), "the key stands in {files:?}");
    requests.as_array().unwrap().clone()
}

fn answered_well(requests: &[Value], api: &str) {
    let problems: Vec<_> = requests.iter().filter(|it| it["status"] != 200 || !it["problem"].is_null()).collect();
    assert!(problems.is_empty(), "{problems:#?}");
    assert!(requests.len() >= 4, "{requests:#?}");
    assert!(requests.iter().all(|it| it["api"] == api && it["body"]["model"] == "some-model"), "{requests:#?}");
}

#[test]
fn over_anthropics_messages() {
    answered_well(&play("anthropic", &[]), "anthropic");
}

#[test]
fn over_openais_responses() {
    answered_well(&play("openai", &[]), "openai");
}

#[test]
fn over_chat_completions() {
    answered_well(&play("openai-chat", &[]), "openai-chat");
}

/// A provider that is overloaded, one that breaks off in the middle of its answer: the end is the same.
#[test]
fn through_the_provider_s_faults() {
    let requests = play("anthropic", &["1=429:1", "4=cut", "6=500"]);
    let statuses: Vec<_> = requests.iter().map(|it| it["status"].as_u64().unwrap()).collect();
    assert!(statuses.starts_with(&[429, 200]), "{statuses:?}");
    assert_eq!(requests.iter().filter(|it| !it["problem"].is_null()).count(), 3, "{requests:#?}");
}

/// The program that looks for the key finds it where it is: else it would prove nothing.
#[test]
fn a_key_in_the_open_would_be_found() {
    let folder = TempDir::new().unwrap();
    let key = format!("canary-{:032x}", rand::random::<u128>());
    let holder = Process::start("holder", folder.path(), Path::new("sleep"), &["60"], &[("KEY", &key)]);
    let found =
        until("the key is seen", PATIENCE, || traces::processes().into_iter().find(|seen| seen.environ.contains(&key)));
    assert_eq!(found.pid, holder.pid());
    fs::write(folder.path().join("log"), format!("POST with {key}\n")).unwrap();
    assert_eq!(traces::files_with(folder.path(), &[&key], &[]), [folder.path().join("log")]);
}
