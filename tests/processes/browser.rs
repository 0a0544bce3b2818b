//! A real browser: Debian's Chromium, headless, driven over the W3C WebDriver protocol as a person would use it.

use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::http;
use super::process::{Process, until};

const PATIENCE: Duration = Duration::from_secs(60);

/// The key under which WebDriver hands out elements (W3C WebDriver, "Elements").
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

pub struct Browser {
    _driver: Process,
    _profile: TempDir,
    address: String,
    session: String,
}

impl Browser {
    pub fn start(folder: &Path) -> Self {
        for (program, package) in [("/usr/bin/chromedriver", "chromium-driver"), ("/usr/bin/chromium", "chromium")] {
            assert!(Path::new(program).exists(), "{program} is missing: apt-get install {package}");
        }
        let mut driver = Process::start("chromedriver", folder, Path::new("/usr/bin/chromedriver"), &["--port=0"], &[]);
        let port = until("chromedriver listens", PATIENCE, || {
            if let Some(status) = driver.ended() {
                panic!("chromedriver ended with {status}: {}", driver.stdout());
            }
            let said = driver.stdout();
            let (_, rest) = said.split_once("was started successfully on port ")?;
            Some(rest.split_once('.')?.0.to_owned())
        });
        let address = format!("127.0.0.1:{port}");
        let profile = TempDir::new().unwrap();
        let mut arguments: Vec<String> = [
            "--headless=new",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--window-size=760,840",
        ]
        .map(str::to_owned)
        .into();
        arguments.push(format!("--user-data-dir={}", profile.path().display()));
        if rustix::process::getuid().is_root() {
            arguments.push("--no-sandbox".to_owned());
        }
        let options = json!({ "binary": "/usr/bin/chromium", "args": arguments });
        let wanted = json!({ "capabilities": { "alwaysMatch": { "goog:chromeOptions": options } } });
        let made = send(&address, "POST", "/session", &wanted);
        let session = made["sessionId"].as_str().unwrap().to_owned();
        Self { _driver: driver, _profile: profile, address, session }
    }

    pub fn open(&self, url: &str) {
        self.command("POST", "url", &json!({ "url": url }));
    }

    pub fn address(&self) -> String {
        self.command("GET", "url", &json!({})).as_str().unwrap().to_owned()
    }

    /// What a person reads on the page.
    pub fn text(&self) -> String {
        let body = self.find("//body").unwrap();
        self.command("GET", &format!("element/{body}/text"), &json!({})).as_str().unwrap().to_owned()
    }

    /// Waits until this can be read, whatever page it is on by then.
    pub fn wait_for(&self, words: &str) -> String {
        let mut last = String::new();
        let found = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            until(words, PATIENCE, || {
                // Between two pages there is no body.
                let body = self.find("//body")?;
                let answer = self.try_command("GET", &format!("element/{body}/text"), &json!({})).ok()?;
                last = answer.as_str()?.to_owned();
                last.contains(words).then(|| last.clone())
            })
        }));
        found.unwrap_or_else(|_| panic!("`{words}` does not appear at {}; there stands:\n{last}", self.address()))
    }

    /// Presses the button, or follows the link, that says this.
    pub fn press(&self, label: &str) {
        let path = format!("//button[contains(., '{label}')] | //a[contains(., '{label}')]");
        let element = self.find(&path).unwrap_or_else(|| panic!("no button `{label}` in:\n{}", self.text()));
        self.command("POST", &format!("element/{element}/click"), &json!({}));
    }

    /// Types into the field with this label.
    pub fn fill(&self, label: &str, text: &str) {
        let path =
            format!("//input[@id = //label[contains(., '{label}')]/@for] | //label[contains(., '{label}')]//input");
        let element = self.find(&path).unwrap_or_else(|| panic!("no field `{label}` in:\n{}", self.text()));
        self.command("POST", &format!("element/{element}/clear"), &json!({}));
        self.command("POST", &format!("element/{element}/value"), &json!({ "text": text }));
    }

    /// Scrolls until the post that says this stands at the top.
    pub fn scroll_to(&self, words: &str) {
        let path = format!("//article[contains(., '{words}')]");
        let element = self.find(&path).unwrap_or_else(|| panic!("no post `{words}` in:\n{}", self.text()));
        let script = "arguments[0].scrollIntoView()";
        self.command("POST", "execute/sync", &json!({ "script": script, "args": [{ ELEMENT: element }] }));
    }

    /// Where the link that says this leads.
    pub fn link(&self, label: &str) -> String {
        let element = self.find(&format!("//a[contains(., '{label}')]")).unwrap();
        let property = self.command("GET", &format!("element/{element}/property/href"), &json!({}));
        property.as_str().unwrap().to_owned()
    }

    /// A picture of the page as PNG.
    pub fn picture(&self) -> Vec<u8> {
        STANDARD.decode(self.command("GET", "screenshot", &json!({})).as_str().unwrap()).unwrap()
    }

    fn find(&self, path: &str) -> Option<String> {
        let wanted = json!({ "using": "xpath", "value": path });
        let found = self.try_command("POST", "element", &wanted).ok()?;
        Some(found[ELEMENT].as_str()?.to_owned())
    }

    fn command(&self, method: &str, what: &str, body: &Value) -> Value {
        self.try_command(method, what, body).unwrap_or_else(|error| panic!("{method} {what}: {error}"))
    }

    fn try_command(&self, method: &str, what: &str, body: &Value) -> Result<Value, String> {
        try_send(&self.address, method, &format!("/session/{}/{what}", self.session), body)
    }
}

fn send(address: &str, method: &str, path: &str, body: &Value) -> Value {
    try_send(address, method, path, body).unwrap_or_else(|error| panic!("{method} {path}: {error}"))
}

fn try_send(address: &str, method: &str, path: &str, body: &Value) -> Result<Value, String> {
    let body = if method == "GET" { String::new() } else { body.to_string() };
    let headers = [("content-type", "application/json; charset=utf-8")];
    let answer = http::request(address, method, path, &headers, body.as_bytes()).map_err(|error| error.to_string())?;
    let value: Value = serde_json::from_str(&answer.body).map_err(|error| format!("{error}: {}", answer.body))?;
    if answer.status == 200 { Ok(value["value"].clone()) } else { Err(value["value"]["message"].to_string()) }
}
