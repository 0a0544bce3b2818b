//! The control API, the pages, and the server program.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use serde_json::json;

use crate::stage::{REPO, Stage};

#[tokio::test]
async fn a_story_told_over_http_only() {
    let folder = tempfile::tempdir().unwrap();
    let seed = folder.path().join("seed.json");
    let world = json!({
        "users": ["acme"],
        "repositories": [{"name": REPO, "files": {"README.md": "# App\n"}, "roles": {"alice": "maintain"}}],
        "apps": [{"name": "Baton", "permissions": {"issues": "write"}, "events": ["issues"], "install_on": [REPO]}],
    });
    std::fs::write(&seed, world.to_string()).unwrap();
    let mut server = Command::new(env!("CARGO_BIN_EXE_github-sim"))
        .args(["serve", "--data"])
        .arg(folder.path().join("data"))
        .arg("--seed")
        .arg(&seed)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let ready: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(ready["apps"][0]["slug"], "baton");
    let control = ready["control_url"].as_str().unwrap();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let deed = async |body: serde_json::Value| {
        http.post(format!("{control}/people/alice"))
            .json(&body)
            .send()
            .await
            .unwrap()
            .json::<serde_json::Value>()
            .await
            .unwrap()
    };
    let opened = deed(json!({"verb": "opens_issue", "repo": REPO, "title": "Hi", "body": "<script>x</script>"})).await;
    assert_eq!(opened, json!({"number": 1}));
    deed(json!({"verb": "says", "repo": REPO, "number": 1, "body": "/plan"})).await;
    let unknown = deed(json!({"verb": "dances", "repo": REPO})).await;
    assert_eq!(unknown["status"], "422");
    let thread = http.get(format!("{control}/thread/acme/app/1")).send().await.unwrap().text().await.unwrap();
    insta::assert_snapshot!(thread, @r"
    # Hi #1 (open issue)

    --- @alice
    <script>x</script>

    --- @alice
    /plan
    ");
    let page = http.get(format!("{}/acme/app/issues/1", ready["web_url"].as_str().unwrap()));
    let page = page.send().await.unwrap().text().await.unwrap();
    assert!(page.contains("/plan") && !page.contains("<script>x"), "{page}");
    server.kill().unwrap();
    server.wait().unwrap();
}

#[tokio::test]
async fn pages_show_a_pull_request_with_its_difference() {
    let stage = Stage::new();
    let alice = stage.sim.person("alice");
    alice.pushes(REPO, "fix", [("README.md", "# <App>\n")], "fix").unwrap();
    let pull = alice.opens_pull(REPO, "fix", "main", "Fix & more", "Because **so**.").unwrap();
    let page = stage.send("GET", &format!("{}/acme/app/pull/{pull}", stage.sim.web_url()), "", None).await;
    let page = page.body.as_str().unwrap();
    for part in ["Fix &amp; more", "<strong>so</strong>", "<span class=\"added\">+# &lt;App&gt;</span>"] {
        assert!(page.contains(part), "{part} is not in {page}");
    }
    let home = stage.send("GET", &format!("{}/", stage.sim.web_url()), "", None).await;
    assert!(home.body.as_str().unwrap().contains("acme/app"));
}
