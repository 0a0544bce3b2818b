//! The endpoint against whatever bytes arrive at its port: the kept corpus (`fixtures/corpus/endpoint`, whole requests as
//! they come over the wire), and properties that hold for every request.

use std::path::PathBuf;

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, TestRunner};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Duration, timeout};

use super::payloads::door::{Door, SECRET};

/// Sends bytes to the port and reads to the end of the connection; the status of the first answer, 0 for none.
async fn status(address: &str, request: &[u8]) -> u16 {
    let talk = async {
        let mut stream = TcpStream::connect(address).await?;
        // The server may hang up before it has read everything.
        let sent = stream.write_all(request).await;
        let mut answer = Vec::new();
        let heard = stream.read_to_end(&mut answer).await;
        drop((sent, heard));
        Ok::<_, std::io::Error>(answer)
    };
    let answer = timeout(Duration::from_secs(30), talk).await.expect("an end in time").unwrap_or_default();
    let head = String::from_utf8_lossy(&answer[..answer.len().min(12)]).into_owned();
    head.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)?.parse().ok()).unwrap_or(0)
}

/// A request of the corpus: `{signature}` and `{length}` in its head are filled in from its body.
fn filled_in(file: &[u8]) -> Vec<u8> {
    let gap = file.windows(2).position(|two| two == b"\n\n").expect("a head and a body");
    let body = &file[gap + 2..];
    let head = String::from_utf8_lossy(&file[..gap]);
    let head = head.replace("{signature}", &github_sim::sha256_signature(SECRET, body));
    let head = head.replace("{length}", &body.len().to_string()).replace('\n', "\r\n");
    [head.as_bytes(), b"\r\n\r\n", body].concat()
}

fn on_a_runtime<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime").block_on(work)
}

/// A file's name begins with the status that its request gets.
#[test]
fn every_request_of_the_corpus_gets_its_answer() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/corpus/endpoint");
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(&folder).expect("the corpus").flatten().map(|it| it.path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "http"));
    // What is sent again comes after what is sent first.
    files.sort_by_key(|file| (file.to_string_lossy().contains("/200-"), file.clone()));
    assert!(files.len() >= 30, "{} files in {}", files.len(), folder.display());
    on_a_runtime(async {
        let door = Door::open().await;
        let mut wrong = Vec::new();
        let mut expected_to_be_kept = 0;
        for file in &files {
            let name = file.file_stem().expect("a name").to_string_lossy().into_owned();
            let wanted: u16 = name.split('-').next().and_then(|number| number.parse().ok()).expect("a status");
            let got = status(&door.address, &filled_in(&std::fs::read(file).expect("a file"))).await;
            if got != wanted {
                wrong.push(format!("{name}: {got}"));
            }
            expected_to_be_kept += u64::from(wanted == 202);
        }
        assert_eq!(wrong, Vec::<String>::new());
        assert_eq!(door.kept().await, expected_to_be_kept);
        println!("endpoint: {} requests of the corpus, {expected_to_be_kept} of them kept", files.len());
        door.close().await;
    });
}

/// One header line, right or odd.
fn header(name: &'static str, right: String) -> impl Strategy<Value = String> {
    let odd = prop_oneof![Just(String::new()), "[ -~]{0,80}", "[\\x00-\\xff]{0,12}", Just("x".repeat(5_000))];
    prop_oneof![
        6 => Just(format!("{name}: {right}\r\n")),
        1 => Just(String::new()),
        1 => odd.prop_map(move |value| format!("{name}: {value}\r\n")),
        1 => Just(format!("{name}: {right}\r\n{name}: {right}\r\n")),
    ]
}

/// A request, whether it is signed by GitHub over exactly this body, and its body.
fn request() -> impl Strategy<Value = (Vec<u8>, Vec<u8>)> {
    let body = prop_oneof![
        "\\{\"action\":\"[a-z]{0,8}\"\\}".prop_map(String::into_bytes),
        "payload=[%a-f0-9]{0,40}".prop_map(String::into_bytes),
        prop::collection::vec(any::<u8>(), 0..600),
    ];
    body.prop_flat_map(|body| {
        let signature = github_sim::sha256_signature(SECRET, &body);
        let method = prop_oneof![8 => Just("POST".to_owned()), 1 => "[A-Z]{1,7}", 1 => "[\\x00-\\x7f]{0,4}"];
        let path = prop_oneof![8 => Just("/webhooks/github".to_owned()), 1 => "[!-~]{0,30}"];
        let length = body.len().to_string();
        let head = (
            method,
            path,
            header("x-hub-signature-256", signature),
            header("x-github-event", "issues".to_owned()),
            header("x-github-delivery", format!("{:032x}", rand::random::<u128>())),
            header("content-type", "application/json".to_owned()),
            header("content-length", length),
        );
        head.prop_map(move |(method, path, one, two, three, four, five)| {
            let head = format!(
                "{method} {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n{one}{two}{three}{four}{five}\r\n"
            );
            ([head.as_bytes(), &body].concat(), body.clone())
        })
    })
}

/// Whatever comes: no answer says that the server broke, and a row is there exactly where one was promised, with the
/// signature in the request that GitHub would have made over the body that is kept.
#[test]
fn no_request_breaks_it_and_nothing_unsigned_is_kept() {
    on_a_runtime(async {
        let door = Door::open().await;
        let mut promised = 0;
        let config = Config { failure_persistence: None, ..Config::default() };
        let cases = config.cases.max(256);
        let mut runner = TestRunner::new(config);
        let strategy = request();
        for _ in 0..cases {
            let (bytes, body) = strategy.new_tree(&mut runner).expect("a request").current();
            let got = status(&door.address, &bytes).await;
            let shown = String::from_utf8_lossy(&bytes).into_owned();
            assert!([0, 200, 202, 400, 401, 404, 405, 408, 413, 414, 431].contains(&got), "{got}: {shown}");
            if got == 202 {
                promised += 1;
                let newest =
                    door.store.deliveries(&baton_store::DeliveryFilter::default(), None, 1).await.expect("rows");
                let kept = door.store.delivery_body(newest[0].id).await.expect("a body").expect("a body");
                let signature = github_sim::sha256_signature(SECRET, &kept);
                assert!(shown.contains(&signature) && body.starts_with(&kept), "{shown}");
            }
            assert_eq!(door.kept().await, promised, "{got}: {shown}");
        }
        assert!(promised > 10, "of {cases} requests {promised} were as GitHub's are");
        assert_eq!(status(&door.address, b"GET /healthz HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await, 200);
        door.close().await;
    });
}
