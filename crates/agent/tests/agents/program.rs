//! The scripted server as a program of its own.

#![expect(clippy::disallowed_methods, reason = "the program `model-sim` is tested as people start it")]

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use baton_agent::Native;
use baton_core::domain::run::{RunEnd, RunKind};
use serde_json::Value;

use crate::http::{APIS, KEY, config};
use crate::workspace::{Workspace, recording, request, run_to_end};

/// Stops the program however the test ends.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[tokio::test]
async fn the_program_prints_its_url_and_serves_every_interface() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("replay.json");
    std::fs::write(&file, recording().to_string()).unwrap();
    let program = Command::new(env!("CARGO_BIN_EXE_model-sim"))
        .args(["--listen", "127.0.0.1:0", "--key", KEY, "--fault", "2=529", "--script"])
        .arg(&file)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut program = Running(program);
    let mut line = String::new();
    BufReader::new(program.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let said: Value = serde_json::from_str(&line).unwrap();
    let url = said["url"].as_str().unwrap();
    for api in APIS {
        let native = Native::new(config(api, format!("{url}/v1"), KEY)).unwrap();
        let ran = run_to_end(&native, request(RunKind::Implement, "c0ffee"), &Workspace::broken()).await;
        assert!(matches!(ran.outcome.unwrap().end, RunEnd::Finished(_)));
    }
    let seen: Vec<Value> = reqwest::get(format!("{url}/requests")).await.unwrap().json().await.unwrap();
    assert_eq!(seen.len(), 13, "four for each interface, and one again");
    assert_eq!(seen[1]["problem"], "injected: 529");
}

#[test]
fn a_wrong_file_or_fault_is_told() {
    let run = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_model-sim")).args(arguments).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, told) = run(&["--script", "/nonexistent.json"]);
    assert_eq!(code, Some(2));
    assert!(told.starts_with("model-sim: cannot read the replay /nonexistent.json"), "{told}");
    let (code, told) = run(&["--script", "x", "--fault", "1=explode"]);
    assert_eq!(code, Some(2));
    assert!(told.contains("`explode` is no fault"), "{told}");
}
