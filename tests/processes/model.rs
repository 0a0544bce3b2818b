//! A model provider, scripted, as a process of its own.

use std::path::Path;

use serde_json::Value;

use super::http;
use super::process::Process;
use super::programs;

pub struct Model {
    process: Process,
    /// HOST:PORT.
    pub address: String,
}

impl Model {
    /// `faults`: `N=FAULT` each, for the N-th request.
    pub fn start(folder: &Path, script: &Path, key: &str, faults: &[&str]) -> Self {
        let mut arguments = vec!["--script", script.to_str().unwrap(), "--key", key];
        for fault in faults {
            arguments.extend(["--fault", fault]);
        }
        let mut process = Process::start("model-sim", folder, &programs::model_sim(), &arguments, &[]);
        let ready: Value = serde_json::from_str(&process.first_line()).unwrap();
        let address = ready["url"].as_str().unwrap().trim_start_matches("http://").to_owned();
        Self { process, address }
    }

    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// What came, and what became of it.
    pub fn requests(&self) -> Value {
        let answer = http::request(&self.address, "GET", "/requests", &[], b"").unwrap();
        serde_json::from_str(&answer.body).unwrap()
    }
}
