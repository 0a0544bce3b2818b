//! Faults of the transport: what comes over the wire is slow, endless, huge, elsewhere, or not what it says.

use std::time::{Duration, Instant};

use futures::StreamExt;
use github_sim::{Fault, FaultRule};
use serde_json::json;

use crate::stage::{REPO, Stage};

fn plan(stage: &Stage, fault: Fault) {
    stage.sim.fault(FaultRule::new("repos/get", fault, 1));
}

fn ask(stage: &Stage) -> reqwest::RequestBuilder {
    stage.http.get(format!("{}/repos/{REPO}", stage.sim.api_url()))
}

#[tokio::test]
async fn heads_that_trickle() {
    let stage = Stage::new();
    plan(&stage, Fault::Trickle { millis: 20 });
    let started = Instant::now();
    let slow = ask(&stage).timeout(Duration::from_millis(400)).send().await;
    assert!(slow.unwrap_err().is_timeout() && started.elapsed() >= Duration::from_millis(400));
    // A head of some bytes only: it arrives, byte by byte.
    stage.sim.fault(FaultRule::new("repos/check-collaborator", Fault::Trickle { millis: 1 }, 1));
    let path = format!("{}/repos/{REPO}/collaborators/alice", stage.sim.api_url());
    assert_eq!(stage.http.get(path).send().await.unwrap().status().as_u16(), 204);
    assert_eq!(ask(&stage).send().await.unwrap().status().as_u16(), 200);
}

#[tokio::test]
async fn bodies_without_end_and_bodies_too_large() {
    let stage = Stage::new();
    plan(&stage, Fault::EndlessBody);
    let mut body = ask(&stage).send().await.unwrap().bytes_stream();
    let mut read = 0;
    while read < 8 << 20 {
        read += body.next().await.unwrap().unwrap().len();
    }
    drop(body);
    plan(&stage, Fault::BigBody { bytes: 64 << 20 });
    let mut body = ask(&stage).send().await.unwrap().bytes_stream();
    let mut read = 0;
    while let Some(chunk) = body.next().await {
        read += chunk.unwrap().len();
    }
    assert_eq!(read, (64 << 20) + 2);
    plan(&stage, Fault::GzipBomb { bytes: 1 << 30 });
    let raw = reqwest::Client::builder().no_proxy().no_gzip().build().unwrap();
    let bomb = raw.get(format!("{}/repos/{REPO}", stage.sim.api_url())).send().await.unwrap();
    assert_eq!(bomb.headers()["content-encoding"], "gzip");
    let packed = bomb.bytes().await.unwrap();
    assert!(packed.len() < 4 << 20, "{}", packed.len());
    let mut plain = flate2::read::GzDecoder::new(packed.as_ref());
    assert_eq!(std::io::copy(&mut plain, &mut std::io::sink()).unwrap(), 1 << 30);
}

#[tokio::test]
async fn answers_that_lead_astray() {
    let stage = Stage::new();
    let token = stage.mint(json!({})).await;
    plan(&stage, Fault::Redirect { status: 307, to: "http://evil.example/repos/acme/app".into() });
    let away = stage.send("GET", "/repos/acme/app", &token, None).await;
    assert_eq!((away.status, away.header("location")), (307, "http://evil.example/repos/acme/app"));
    plan(&stage, Fault::ContentType { content_type: "text/html".into() });
    let page = stage.send("GET", "/repos/acme/app", &token, None).await;
    assert_eq!((page.status, page.header("content-type")), (200, "text/html"));
    let list = |to: Option<&str>| {
        let fault = Fault::NextPage { to: to.map(str::to_owned) };
        stage.sim.fault(FaultRule::new("issues/list-for-repo", fault, 1));
    };
    list(None);
    let looped = stage.send("GET", "/repos/acme/app/issues?page=2", &token, None).await;
    let own = format!("<{}/repos/acme/app/issues?page=2>; rel=\"next\"", stage.sim.api_url());
    assert_eq!(looped.header("link"), own);
    list(Some("http://evil.example/2"));
    let away = stage.send("GET", "/repos/acme/app/issues", &token, None).await;
    assert_eq!(away.header("link"), "<http://evil.example/2>; rel=\"next\"");
    let fault = Fault::GraphqlError { error: "RATE_LIMITED".into(), message: "API rate limit exceeded".into() };
    stage.sim.fault(FaultRule::new("graphql/viewer", fault, 1));
    let query = Some(json!({"query": "{ viewer { login } }"}));
    let failed = stage.send("POST", stage.sim.graphql_url(), &token, query).await;
    assert_eq!((failed.status, &failed.body["errors"][0]["type"]), (200, &json!("RATE_LIMITED")));
}

#[tokio::test]
async fn keys_tokens_and_clocks() {
    let mut stage = Stage::new();
    let token = stage.mint(json!({})).await;
    stage.sim.expire_tokens();
    assert_eq!(stage.send("GET", "/repos/acme/app", &token, None).await.message(), "Bad credentials");
    let new = stage.sim.rotate_key(stage.app.app_id).unwrap();
    let old = stage.send("GET", "/app", &stage.jwt(), None).await;
    assert_eq!((old.status, old.message()), (401, "A JSON web token could not be decoded"));
    stage.app.private_key_pem = new;
    assert_eq!(stage.send("GET", "/app", &stage.jwt(), None).await.status, 200);
    stage.sim.switch(|switches| switches.clock_ahead_seconds = -120);
    let behind = stage.send("GET", "/app", &stage.jwt(), None).await;
    assert!(behind.status == 401 && behind.message().contains("too far in the future"), "{}", behind.message());
    let date = jiff::fmt::rfc2822::parse(behind.header("date")).unwrap().timestamp();
    let apart = jiff::Timestamp::now().as_second() - date.as_second();
    assert!((118..=125).contains(&apart), "{apart}");
    stage.sim.switch(|switches| switches.clock_ahead_seconds = 600);
    let ahead = stage.send("GET", "/app", &stage.jwt(), None).await;
    assert!(ahead.status == 401 && ahead.message().contains("future time"), "{}", ahead.message());
}
