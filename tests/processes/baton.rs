//! `baton serve` with a configuration file, and the other commands beside it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Output};
use std::time::Duration;

use serde_json::Value;

use super::github::{GitHub, MACHINE_USER};
use super::http::{self, Answer};
use super::process::{Process, run, until};
use super::programs;

/// In Baton's environment, and nowhere else.
pub const CANARY: &str = "canary-of-the-environment-91c7";

pub struct Baton {
    program: programs::Baton,
    folder: PathBuf,
    /// The configuration without its address.
    text: String,
    serving: Option<Process>,
    /// A program that becomes Baton, with its arguments.
    pub through: Vec<String>,
    /// Every process that has served, by its id.
    pub pids: Vec<u32>,
    /// HOST:PORT; the same after a restart.
    pub address: String,
    pub webhook_secret: String,
}

impl Baton {
    /// Writes the configuration and the secrets it names. `more` are sections of their own.
    pub fn configure(folder: &Path, github: &GitHub, more: &str) -> Self {
        let webhook_secret = github.app["webhook_secret"].as_str().unwrap().to_owned();
        secret_file(&folder.join("app.pem"), github.app["private_key_pem"].as_str().unwrap());
        secret_file(&folder.join("webhook.secret"), &webhook_secret);
        let place = folder.display();
        let text = format!(
            "[github]\napi_url = {api}\nweb_url = {web}\ngit_url = {git}\napp_id = {app}\n\
             private_key_file = \"{place}/app.pem\"\nwebhook_secret_file = \"{place}/webhook.secret\"\n\
             assignees = [\"{MACHINE_USER}\"]\n\
             [store]\nurl = \"sqlite://{place}/baton.db\"\ndata = \"{place}/data\"\n\
             [worker]\nlease_seconds = 2\n{more}\n",
            api = github.urls["api_url"],
            web = github.urls["web_url"],
            git = github.urls["git_url"],
            app = github.app["app_id"],
        );
        let baton = Self {
            program: programs::baton(),
            folder: folder.to_owned(),
            text,
            serving: None,
            through: Vec::new(),
            pids: Vec::new(),
            address: "127.0.0.1:0".to_owned(),
            webhook_secret,
        };
        baton.write(&baton.text);
        baton
    }

    /// The configuration file.
    pub fn file(&self) -> PathBuf {
        self.folder.join("baton.toml")
    }

    /// The program, under a name that no other test has.
    pub fn program(&self) -> &Path {
        &self.program.path
    }

    /// Puts another text into the configuration file, with the address at its end.
    pub fn write(&self, text: &str) {
        fs::write(self.file(), format!("{text}\n[server]\nlisten = \"{}\"\n", self.address)).unwrap();
    }

    /// The configuration without `[server]`.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// One more line for `[github]`; it counts with the next start.
    pub fn add_to_github(&mut self, line: &str) {
        self.text = self.text.replacen("[github]\n", &format!("[github]\n{line}\n"), 1);
    }

    /// The database, for whoever looks at it beside the program.
    pub fn database(&self) -> String {
        format!("sqlite://{}/baton.db", self.folder.display())
    }

    /// Starts `baton serve` and waits until it listens.
    pub fn serve(&mut self) {
        self.write(&self.text);
        let mut process = self.start("serve");
        self.address = until("baton serve listens", Duration::from_secs(30), || {
            let log = process.stderr();
            if let Some(status) = process.ended() {
                panic!("baton serve ended with {status}:\n{}", process.stderr());
            }
            let (_, rest) = log.split_once("listening for webhooks at http://")?;
            Some(rest.split_once("/webhooks")?.0.to_owned())
        });
        self.write(&self.text);
        self.serving = Some(process);
    }

    /// Starts `baton worker` beside the server, waits until it works, and kills the server: from now on the worker is
    /// what serves.
    pub fn kill_for_a_worker(&mut self) {
        let worker = self.start("worker");
        until("baton worker works", Duration::from_secs(30), || worker.stderr().contains("working").then_some(()));
        self.kill();
        self.serving = Some(worker);
    }

    /// Starts `baton worker` beside the server, waits until it works, and stops the server's time (SIGSTOP). The worker
    /// ends when it is dropped.
    #[must_use]
    pub fn freeze_for_a_worker(&mut self) -> Process {
        let worker = self.start("worker");
        until("baton worker works", Duration::from_secs(30), || worker.stderr().contains("working").then_some(()));
        self.serving.as_ref().unwrap().stop_time(true);
        worker
    }

    /// The server's time goes on.
    pub fn thaw(&self) {
        self.serving.as_ref().unwrap().stop_time(false);
    }

    fn start(&mut self, command: &str) -> Process {
        let name = format!("serve-{}", self.pids.len() + 1);
        let file = self.file();
        let through = self.through.iter().map(String::as_str);
        let own = [self.program.path.to_str().unwrap(), "--config", file.to_str().unwrap(), command];
        let line: Vec<&str> = through.chain(own).collect();
        let variables = [("BATON_LOG", "info,baton=debug"), ("OPERATORS_OWN", CANARY)];
        let process = Process::start(&name, &self.folder, Path::new(line[0]), &line[1..], &variables);
        self.pids.push(process.pid());
        process
    }

    /// `kill -9` of the server alone.
    pub fn kill(&mut self) {
        self.serving.take().unwrap().kill();
    }

    pub fn terminate(&self) {
        self.serving.as_ref().unwrap().terminate();
    }

    /// Waits for the end of what was told to end.
    pub fn wait(&mut self, patience: Duration) -> ExitStatus {
        self.serving.take().unwrap().wait(patience)
    }

    /// Ends the server in good order.
    pub fn stop(&mut self) {
        self.terminate();
        let status = self.wait(Duration::from_secs(40));
        assert!(status.success(), "baton serve ends with {status}:\n{}", self.logs());
    }

    pub fn is_serving(&mut self) -> bool {
        self.serving.as_mut().is_some_and(|process| process.ended().is_none())
    }

    pub fn pid(&self) -> u32 {
        self.serving.as_ref().unwrap().pid()
    }

    /// What all servers have logged.
    pub fn logs(&self) -> String {
        let log = |number: usize| fs::read(self.folder.join(format!("serve-{number}.err"))).unwrap_or_default();
        (1..=self.pids.len()).map(|number| String::from_utf8_lossy(&log(number)).into_owned()).collect()
    }

    /// One command beside the server, with its output and its end.
    pub fn command(&self, arguments: &[&str]) -> Output {
        let file = self.file();
        let all: Vec<&str> =
            ["--config", file.to_str().unwrap()].into_iter().chain(arguments.iter().copied()).collect();
        run(&self.folder, &self.program.path, &all, &[])
    }

    /// What a command says that must succeed.
    pub fn says(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments);
        let text = String::from_utf8(output.stdout).unwrap();
        let fault = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "baton {arguments:?}: {}\n{text}{fault}", output.status);
        text
    }

    /// The same, one JSON value a line.
    pub fn json(&self, arguments: &[&str]) -> Vec<Value> {
        let text = self.says(arguments);
        text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"))).collect()
    }

    /// The newest task.
    pub fn task(&self) -> Option<Value> {
        self.json(&["task", "list", "--json", "--limit", "1"]).into_iter().next()
    }

    /// `POST /webhooks/github`.
    pub fn post(&self, headers: &[(&str, &str)], body: &[u8]) -> std::io::Result<Answer> {
        http::request(&self.address, "POST", "/webhooks/github", headers, body)
    }
}

/// A file as an operator keeps a secret.
pub fn secret_file(path: &Path, secret: &str) {
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut file = fs::OpenOptions::new().create_new(true).write(true).mode(0o600).open(path).unwrap();
    std::io::Write::write_all(&mut file, secret.as_bytes()).unwrap();
}
