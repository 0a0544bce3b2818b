//! Answers that are made to hurt (H-04) and answers that name other addresses (H-03): bounded, and read for what they say
//! alone.

use std::io::Write as _;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::response::Response;
use baton_core::domain::ids::IssueNumber;
use baton_github::GitHubError;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::fake::{Fake, config, repository, status, with_header};

const ISSUE: &str = "/repos/acme/app/issues/1";

/// A gigabyte of blanks in a megabyte.
fn bomb() -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::best());
    let blanks = vec![b' '; 1 << 20];
    for _ in 0..1024 {
        packed.write_all(&blanks).unwrap();
    }
    packed.finish().unwrap()
}

#[tokio::test]
async fn h_04_a_bomb_is_not_unpacked_to_its_end() {
    let packed = bomb();
    assert!(packed.len() < 4 << 20, "{}", packed.len());
    let fake = Fake::start(move |asked| {
        let answer =
            || Response::builder().header("content-encoding", "gzip").body(Body::from(packed.clone())).unwrap();
        (asked.path == ISSUE).then(answer)
    })
    .await;
    let mut config = fake.config();
    config.timeouts.total = Duration::from_secs(60);
    config.timeouts.read = Duration::from_secs(20);
    let before = memory();
    let error = repository(&config).issue(IssueNumber(1)).await.unwrap_err();
    assert!(error.to_string().contains("the answer is larger than 16777216 bytes"), "{error}");
    let grown = memory().saturating_sub(before);
    assert!(grown < 300 << 20, "a bounded answer took {} MB", grown >> 20);
    assert_eq!(fake.lines().len(), 1, "and is not asked for again");
}

/// The most memory this process had, in bytes.
fn memory() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
}

/// A server that sends these bytes and then, for ever, those.
async fn raw(first: &'static [u8], then: fn(usize) -> Vec<u8>, pause: Duration) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let mut request = [0_u8; 8192];
                // Whatever was asked, this is the answer.
                let _asked = stream.read(&mut request).await;
                stream.write_all(first).await.ok();
                for n in 0.. {
                    if stream.write_all(&then(n)).await.is_err() {
                        return;
                    }
                    tokio::time::sleep(pause).await;
                }
            });
        }
    });
    url
}

#[tokio::test]
async fn h_04_headers_without_end_are_cut() {
    let ok = b"HTTP/1.1 200 OK\r\n";
    let many = raw(ok, |n| format!("x-{n}: {}\r\n", "a".repeat(100)).into_bytes(), Duration::ZERO).await;
    let start = Instant::now();
    let error = repository(&config(&many)).issue(IssueNumber(1)).await.unwrap_err();
    assert!(matches!(error, GitHubError::Network { .. } | GitHubError::Timeout { .. }), "{error:?}");
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());

    let long = raw(ok, |n| if n == 0 { b"x-long: ".to_vec() } else { vec![b'a'; 65536] }, Duration::ZERO).await;
    let before = memory();
    let error = repository(&config(&long)).issue(IssueNumber(1)).await.unwrap_err();
    assert!(matches!(error, GitHubError::Network { .. } | GitHubError::Timeout { .. }), "{error:?}");
    assert!(memory().saturating_sub(before) < 50 << 20, "a header is not kept whatever its length");

    let start = Instant::now();
    let slow = raw(ok, |n| format!("x-{n}: a\r\n").into_bytes(), Duration::from_millis(100)).await;
    let error = repository(&config(&slow)).issue(IssueNumber(1)).await.unwrap_err();
    assert!(matches!(error, GitHubError::Timeout { .. }), "{error:?}");
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
}

#[tokio::test]
async fn h_04_what_is_not_http_is_an_error() {
    let noise = raw(b"SSH-2.0-OpenSSH_9.2\r\n", |_| b"noise\r\n".to_vec(), Duration::ZERO).await;
    let error = repository(&config(&noise)).issue(IssueNumber(1)).await.unwrap_err();
    assert!(matches!(error, GitHubError::Network { .. }), "{error:?}");
}

/// Whatever addresses an answer names, the next request goes to the address that the operator configured.
#[tokio::test]
async fn h_03_no_address_of_an_answer_is_used() {
    let evil = Fake::start(|_| Some(status(200, json!({})))).await;
    let there = evil.url.clone();
    let fake = Fake::start(move |asked| {
        let issue = json!({
            "number": 1, "node_id": "I_1", "html_url": there, "url": format!("{there}/repos/acme/app/issues/1"),
            "repository_url": there, "comments_url": format!("{there}/comments"), "events_url": there,
            "title": "t", "body": format!("![a]({there}/a.png) <img src=\"{there}/b.png\">"), "user": null,
            "state": "open", "updated_at": "2026-11-22T15:00:00Z",
        });
        match asked.path.as_str() {
            ISSUE => Some(with_header(status(200, issue), "content-location", &there)),
            "/repos/acme/app/issues/1/comments?per_page=50" => Some(status(200, json!([]))),
            _ => None,
        }
    })
    .await;
    let repository = fake.repository();
    repository.issue(IssueNumber(1)).await.unwrap();
    repository.comments(IssueNumber(1)).await.unwrap();
    assert_eq!((fake.lines().len(), evil.asked().len()), (2, 0));
}
