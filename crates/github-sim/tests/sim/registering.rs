//! Registering an App from a manifest and installing it, as a browser does it.

use std::time::Duration;

use serde_json::{Value, json};

use crate::stage::{REPO, Stage, receiver, shorts};

/// A browser without a window: keeps its cookie, does not follow redirects.
struct Browser<'a> {
    stage: &'a Stage,
    cookie: String,
}

struct Page {
    status: u16,
    location: String,
    text: String,
}

impl<'a> Browser<'a> {
    async fn of(stage: &'a Stage, login: &str) -> Self {
        let mut browser = Self { stage, cookie: String::new() };
        browser.post("/login", &[("login", login)]).await;
        browser
    }

    async fn send(&mut self, request: reqwest::RequestBuilder) -> Page {
        let response = request.header("accept", "text/html").header("cookie", &self.cookie).send().await.unwrap();
        let header =
            |name: &str| response.headers().get(name).map(|it| it.to_str().unwrap().to_owned()).unwrap_or_default();
        let (status, location, cookie) = (response.status().as_u16(), header("location"), header("set-cookie"));
        if !cookie.is_empty() {
            self.cookie = cookie.split(';').next().unwrap().to_owned();
        }
        Page { status, location, text: response.text().await.unwrap() }
    }

    fn url(&self, path: &str) -> String {
        if path.starts_with("http") { path.to_owned() } else { format!("{}{path}", self.stage.sim.web_url()) }
    }

    async fn get(&mut self, path: &str) -> Page {
        let request = self.stage.http.get(self.url(path));
        self.send(request).await
    }

    async fn post(&mut self, path: &str, form: &[(&str, &str)]) -> Page {
        let encode =
            |text: &str| percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string();
        let body: Vec<String> =
            form.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
        let request = self.stage.http.post(self.url(path)).body(body.join("&"));
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        self.send(request).await
    }
}

fn hidden(page: &str, name: &str) -> String {
    let at = page.find(&format!("name=\"{name}\" value=\"")).expect("the hidden field");
    page[at..].split('"').nth(3).unwrap().to_owned()
}

fn manifest(hook: &str) -> Value {
    json!({
        "name": "Helper", "url": "https://example.com", "hook_attributes": {"url": hook},
        "redirect_url": "http://127.0.0.1:9/created?from=sim", "setup_url": "http://127.0.0.1:9/installed",
        "setup_on_update": true, "public": false, "default_permissions": {"issues": "write"}, "default_events": ["issues"],
    })
}

async fn register(browser: &mut Browser<'_>, place: &str, manifest: &Value) -> Page {
    let shown = browser.post(&format!("{place}/new?state=s%201"), &[("manifest", &manifest.to_string())]).await;
    assert_eq!(shown.status, 200, "{}", shown.text);
    browser.post(place, &[("pending", &hidden(&shown.text, "pending")), ("name", "Helper")]).await
}

#[tokio::test]
async fn a_manifest_becomes_an_app_with_secrets_once_and_within_the_hour() {
    let stage = Stage::new();
    stage.sim.org("guild").unwrap();
    stage.sim.org_owner("guild", "alice").unwrap();
    let (hook, inbox) = receiver(200).await;
    let mut alice = Browser::of(&stage, "alice").await;
    let made = register(&mut alice, "/organizations/guild/settings/apps", &manifest(&hook)).await;
    assert_eq!(made.status, 303);
    let (back, code) = made.location.split_once("&code=").unwrap();
    assert_eq!(back, "http://127.0.0.1:9/created?from=sim");
    let (code, state) = code.split_once("&state=").unwrap();
    assert_eq!(state, "s%201");
    let path = format!("/app-manifests/{code}/conversions");
    let app = stage.send("POST", &path, "", None).await;
    assert_eq!((app.status, &app.body["owner"]["login"], &app.body["slug"]), (201, &json!("guild"), &json!("helper")));
    assert!(app.body["pem"].as_str().unwrap().starts_with("-----BEGIN RSA PRIVATE KEY-----"), "{}", app.body["pem"]);
    assert_eq!(stage.send("POST", &path, "", None).await.status, 404);
    stage.sim.settle().await;
    let ping = inbox.lock().unwrap()[0].clone();
    let expected = github_sim::sha256_signature(app.body["webhook_secret"].as_str().unwrap(), &ping.body);
    assert_eq!((ping.header("x-github-event"), ping.header("x-hub-signature-256")), ("ping".to_owned(), expected));
    // A second App of the name is refused on the page itself, and an old code is good for nothing.
    let taken = register(&mut alice, "/settings/apps", &manifest(&hook)).await;
    assert!(taken.status == 422 && taken.text.contains("already"), "{}", taken.text);
    let mut other = manifest(&hook);
    other["name"] = json!("Other");
    let shown = alice.post("/settings/apps/new", &[("manifest", &other.to_string())]).await;
    let made = alice.post("/settings/apps", &[("pending", &hidden(&shown.text, "pending"))]).await;
    stage.sim.advance(Duration::from_secs(3600));
    let code = made.location.split_once("code=").unwrap().1;
    assert_eq!(stage.send("POST", &format!("/app-manifests/{code}/conversions"), "", None).await.status, 404);
}

#[tokio::test]
async fn who_is_not_signed_in_signs_in_first_and_who_is_no_owner_finds_nothing() {
    let stage = Stage::new();
    stage.sim.org("guild").unwrap();
    let mut nobody = Browser { stage: &stage, cookie: String::new() };
    let text = manifest("http://127.0.0.1:9/hook").to_string();
    let asked = nobody.post("/settings/apps/new?state=x", &[("manifest", &text)]).await;
    assert_eq!(asked.status, 303);
    let sign_in = nobody.get(&asked.location).await;
    assert!(sign_in.text.contains("Sign in as alice"));
    let to = hidden(&sign_in.text, "return_to").replace("&amp;", "&");
    let back = nobody.post("/login", &[("login", "alice"), ("return_to", &to)]).await;
    let page = nobody.get(&back.location).await;
    assert!(page.text.contains("Create GitHub App for alice"), "{}", page.text);
    assert_eq!(nobody.post("/organizations/guild/settings/apps/new", &[("manifest", &text)]).await.status, 404);
    let astray = nobody.post("/login", &[("login", "alice"), ("return_to", "//evil.example")]).await;
    assert_eq!(astray.location, "/");
    let wrong = nobody.post("/settings/apps/new", &[("manifest", r#"{"name": "x", "hook_attributes": {}}"#)]).await;
    assert!(wrong.status == 422 && wrong.text.contains("Invalid GitHub App configuration"), "{}", wrong.text);
    stage.sim.switch(|switches| switches.refuse_local_webhooks = true);
    let local = nobody.post("/settings/apps/new", &[("manifest", &text)]).await;
    assert!(local.text.contains("reachable over the public Internet (127.0.0.1)"), "{}", local.text);
}

#[tokio::test]
async fn an_app_is_installed_changed_suspended_and_taken_away_in_the_browser() {
    let stage = Stage::new();
    stage.sim.org("guild").unwrap();
    stage.sim.org_owner("guild", "alice").unwrap();
    for name in ["guild/one", "guild/two"] {
        stage.sim.repository(name, [("a", "a")]).unwrap();
    }
    let (hook, inbox) = receiver(200).await;
    let mut alice = Browser::of(&stage, "alice").await;
    stage.sim.switch(|switches| switches.ping_at_installation = true);
    register(&mut alice, "/organizations/guild/settings/apps", &manifest(&hook)).await;
    stage.sim.settle().await;
    assert!(inbox.lock().unwrap().is_empty());
    let about = alice.get("/apps/helper").await;
    assert!(about.text.contains("/apps/helper/installations/new"), "{}", about.text);
    // A private App goes to its owner's account alone, so nothing is asked.
    let choice = alice.get("/apps/helper/installations/new?state=t").await;
    assert!(choice.text.contains("guild/one") && choice.text.contains("issues: write"), "{}", choice.text);
    let target = hidden(&choice.text, "target_id");
    let one = stage.send("GET", "/repos/guild/one", "", None).await.body["id"].to_string();
    let form =
        [("target_id", target.as_str()), ("state", "t"), ("install_target", "selected"), ("repository_ids[]", &one)];
    let done = alice.post("/apps/helper/installations", &form).await;
    let (setup, rest) = done.location.split_once("?installation_id=").unwrap();
    assert_eq!(
        (setup, rest.split_once('&').unwrap().1),
        ("http://127.0.0.1:9/installed", "setup_action=install&state=t")
    );
    let id = rest.split('&').next().unwrap();
    let settings = format!("/organizations/guild/settings/installations/{id}");
    assert_eq!(alice.post("/apps/helper/installations", &form).await.status, 303);
    let saved = alice.post(&settings, &[("action", "save"), ("install_target", "all")]).await;
    assert!(saved.location.ends_with("setup_action=update"), "{}", saved.location);
    stage.sim.repository("guild/three", [("a", "a")]).unwrap();
    for action in ["suspend", "unsuspend", "uninstall"] {
        assert_eq!(alice.post(&settings, &[("action", action)]).await.status, 303);
    }
    assert_eq!(Browser::of(&stage, "rita").await.get(&settings).await.status, 404);
    stage.sim.settle().await;
    let repositories: Vec<Value> =
        inbox.lock().unwrap().iter().map(|it| it.json()["repositories_added"].clone()).collect();
    assert_eq!(repositories[2][0]["full_name"], "guild/two");
    insta::assert_snapshot!(shorts(&inbox).join("\n"), @r"
    ping
    installation.created by alice
    installation_repositories.added by alice
    installation_repositories.added by guild
    installation.suspend by alice
    installation.unsuspend by alice
    installation.deleted by alice
    ");
    assert!(stage.send("GET", &format!("/repos/{REPO}"), "", None).await.status == 200);
}
