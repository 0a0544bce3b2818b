//! A-08 to A-10 and A-18: too much, too slow, too deep, too many. What is measured is printed; `--success-output final`
//! shows it.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use futures::{StreamExt as _, stream};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::super::http;
use super::super::killed::sign;
use super::super::process::until;
use super::super::world::{PATIENCE, World};
use super::{
    FORGED, LIMIT, MIB, PATH, forget_the_peak, guid, many_descriptors, peak, percentile, quiet, resident, rows,
    settled, signed, store,
};

/// The catalogue's bound for what a stranger can make the process hold: 30 MB.
const STRANGERS: usize = 30_000_000;

/// What all bodies together may hold (`src/server/bodies.rs`), and as much again for what the allocator does not give back at
/// once.
const ROOM: usize = 2 * 64 * MIB;

/// Posts a small valid delivery; how long that took.
fn valid(world: &World) -> Duration {
    let body = json!({ "action": "opened", "number": rand::random::<u64>() }).to_string();
    let signature = sign(&world.baton.webhook_secret, body.as_bytes());
    let started = Instant::now();
    let answer = world.baton.post(&signed(&signature, &guid()), body.as_bytes()).unwrap();
    assert_eq!(answer.status, 202, "{answer:?}");
    started.elapsed()
}

#[test]
fn a08_what_is_too_large_is_cut_off() {
    let mut world = quiet();
    let baton = &world.baton;
    let guid = guid();
    let before = rows(baton);
    let baseline = resident(baton.pid());
    forget_the_peak(baton.pid());

    // One byte too many is refused before any of it is read; so is a lie about the length.
    for length in [LIMIT + 1, usize::MAX >> 1] {
        let answer = http::announce(&baton.address, PATH, &signed(FORGED, &guid), length).unwrap();
        assert_eq!(answer.status, 413, "{answer:?}");
    }
    let (taken, answer) = http::endless(&baton.address, PATH, &signed(FORGED, &guid), 8 * LIMIT);
    // Buffers of the system lie between what was sent and what was read.
    assert!(taken < 2 * LIMIT, "{taken} bytes were taken");
    // Where the machine is too slow for 25 MiB, the body's time is up first.
    assert!(answer.is_none_or(|answer| [408, 413].contains(&answer.status)));
    // Less than was announced: the rest is waited for, and not for long. More than was announced is another request.
    let started = Instant::now();
    let answer = http::announce(&baton.address, PATH, &signed(FORGED, &guid), 20 * MIB).unwrap();
    assert_eq!(answer.status, 408, "{answer:?}");
    let waited = started.elapsed();
    assert!(waited < Duration::from_secs(10), "{waited:?}");
    let more = format!(
        "POST {PATH} HTTP/1.1\r\nhost: a\r\nx-hub-signature-256: {FORGED}\r\ncontent-length: 2\r\n\r\n{{}}{{\"more\":1}}"
    );
    assert_eq!(http::raw(&baton.address, more.as_bytes()).unwrap().status, 401);
    let both = format!(
        "POST {PATH} HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\nx-hub-signature-256: \
         {FORGED}\r\n\r\n2\r\n{{}}\r\n0\r\n\r\n"
    );
    assert!([400, 401].contains(&http::raw(&baton.address, both.as_bytes()).unwrap().status));
    let held = peak(baton.pid()).saturating_sub(baseline);
    assert!(held < STRANGERS, "{held} bytes more than {baseline}");
    assert_eq!(rows(baton), before);
    println!("A-08 one endless body after the other: {} KiB above {} KiB", held / 1024, baseline / 1024);

    // Many at once share what there is, and whoever brings a real delivery finds room.
    forget_the_peak(baton.pid());
    let mut times: Vec<Duration> = std::thread::scope(|scope| {
        let flood: Vec<_> = (0..16)
            .map(|_| scope.spawn(|| http::endless(&baton.address, PATH, &signed(FORGED, "flood"), 2 * LIMIT)))
            .collect();
        let times = (0..20).map(|_| valid(&world)).collect();
        flood.into_iter().for_each(|it| drop(it.join().unwrap()));
        times
    });
    let held = peak(baton.pid()).saturating_sub(baseline);
    assert!(held < ROOM + STRANGERS, "{held} bytes more than {baseline}");
    let slowest = percentile(&mut times, 100);
    assert!(slowest < Duration::from_secs(8), "{slowest:?}");
    println!("A-08 sixteen endless bodies at once: {} KiB above, slowest valid delivery {slowest:?}", held / 1024);
    world.baton.stop();
}

/// GitHub's own limit is taken, stored, and given back; what is compressed is not unpacked, whoever signed it.
#[test]
fn a08_the_largest_delivery_is_kept_and_a_compressed_one_stays_what_it_is() {
    let mut world = quiet();
    let baton = &world.baton;
    let before = rows(baton).len();
    let memory = resident(baton.pid());
    let body = format!("{{\"action\":\"opened\",\"fill\":\"{}\"}}", "x".repeat(LIMIT - 30));
    let body = format!("{body}{}", " ".repeat(LIMIT - body.len()));
    let signature = sign(&baton.webhook_secret, body.as_bytes());
    let answer = baton.post(&signed(&signature, &guid()), body.as_bytes()).unwrap();
    assert_eq!(answer.status, 202, "{answer:?}");
    assert_eq!(rows(baton).len(), before + 1);

    let mut gzip =
        Command::new("gzip").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("gzip is part of Debian");
    let mut input = gzip.stdin.take().unwrap();
    let feed = std::thread::spawn(move || (0..400).try_for_each(|_| input.write_all(&vec![b'0'; MIB])));
    let bomb = gzip.wait_with_output().unwrap().stdout;
    feed.join().unwrap().unwrap();
    assert!((1_000..MIB).contains(&bomb.len()));
    forget_the_peak(baton.pid());
    let signature = sign(&baton.webhook_secret, &bomb);
    for (signature, status) in [(FORGED, 401), (signature.as_str(), 202)] {
        let guid = guid();
        let mut headers = signed(signature, &guid);
        headers.push(("content-encoding", "gzip"));
        assert_eq!(baton.post(&headers, &bomb).unwrap().status, status);
    }
    let taken = settled(&world);
    assert!(taken[0]["reason"].as_str().unwrap().contains("not the JSON"), "{:#}", taken[0]);
    let held = peak(baton.pid()).saturating_sub(memory);
    assert!(held < 200 * MIB, "{held}");
    println!(
        "A-08 the largest delivery, and 400 MiB in a signed gzip: {} KiB above {} KiB",
        held / 1024,
        memory / 1024
    );
    world.baton.stop();
}

/// So many connections that never finish what they say; how the valid ones fared meanwhile.
fn slow(world: &World, connections: usize) -> (Vec<Duration>, usize) {
    many_descriptors();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let address = world.baton.address.clone();
    let head = format!("POST {PATH} HTTP/1.1\r\nhost: {address}\r\nx-hub-signature-256: {FORGED}\r\n");
    let begun = Instant::now();
    let dripping: Vec<_> = (0..connections)
        .map(|number| {
            // Half of them are in the middle of their headers, half in the middle of a body.
            let words = if number % 2 == 0 { head.clone() } else { format!("{head}content-length: 1000\r\n\r\n") };
            runtime.spawn(drip(address.clone(), words))
        })
        .collect();
    let mut times = Vec::new();
    while begun.elapsed() < Duration::from_secs(9) {
        times.push(valid(world));
        std::thread::sleep(Duration::from_millis(50));
    }
    let ended = runtime.block_on(async {
        let mut ended = 0;
        for connection in dripping {
            let lasted = connection.await.unwrap();
            assert!(lasted < Duration::from_secs(25), "a connection was held for {lasted:?}");
            ended += 1;
        }
        ended
    });
    (times, ended)
}

/// Says `words`, then one byte a second, until the other side has enough; how long that took.
async fn drip(address: String, words: String) -> Duration {
    let mut stream = TcpStream::connect(&address).await.unwrap();
    let begun = Instant::now();
    let (mut reading, mut writing) = stream.split();
    let talk = async {
        writing.write_all(words.as_bytes()).await?;
        loop {
            tokio::time::sleep(Duration::from_secs(1)).await;
            writing.write_all(b"x").await?;
        }
    };
    let hear = async {
        let mut answer = [0; 4096];
        while reading.read(&mut answer).await? > 0 {}
        Ok(())
    };
    let _hung_up: std::io::Result<()> = tokio::select! { it = talk => it, it = hear => it };
    begun.elapsed()
}

fn a09(connections: usize) {
    let mut world = quiet();
    let baseline = resident(world.baton.pid());
    forget_the_peak(world.baton.pid());
    let (mut times, ended) = slow(&world, connections);
    let held = peak(world.baton.pid()).saturating_sub(baseline);
    let (median, slowest) = (percentile(&mut times, 50), percentile(&mut times, 100));
    assert_eq!(ended, connections);
    assert!(held < ROOM, "{held}");
    assert!(slowest < Duration::from_secs(5), "{slowest:?}");
    println!(
        "A-09 {connections} half-open connections: {} valid deliveries, median {median:?}, slowest {slowest:?}, {} KiB above",
        times.len(),
        held / 1024
    );
    world.baton.stop();
}

/// Takes as long as a connection is given for its headers, and a little more.
#[test]
fn a09_slow_connections_end_and_others_are_answered() {
    a09(300);
}

#[test]
#[ignore = "takes minutes: `script/test --full` runs it"]
fn a09_two_thousand_slow_connections() {
    a09(2_000);
}

#[test]
fn a10_bombs_that_github_signed_are_kept_and_do_nothing() {
    let mut world = quiet();
    let baton = &world.baton;
    let before = rows(baton).len();
    let baseline = resident(baton.pid());
    forget_the_peak(baton.pid());
    let repository = r#""repository":{"id":1,"full_name":"acme/app"},"issue":{"number":1}"#;
    let keys: Vec<String> = (0..1_000_000).map(|number| format!("\"k{number}\":0")).collect();
    let mut bombs: Vec<(&str, Vec<u8>)> = vec![
        (
            "depth",
            format!("{{\"action\":\"opened\",{repository},\"x\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000))
                .into(),
        ),
        ("open depth", "{\"issue\":".repeat(100_000).into()),
        ("keys", format!("{{\"action\":\"opened\",{repository},{}}}", keys.join(",")).into()),
        ("number", format!("{{\"action\":\"opened\",\"issue\":{{\"number\":{}}}}}", "9".repeat(1_000_000)).into()),
        ("exponent", b"{\"action\":\"opened\",\"issue\":{\"number\":1e999999999}}".to_vec()),
        ("twice", b"{\"action\":\"opened\",\"action\":\"closed\"}".to_vec()),
        ("not UTF-8", b"{\"action\":\"\xff\xfe\xc0\"}".to_vec()),
        ("NUL", b"\0{\"action\":\"opened\"}\0".to_vec()),
        (
            "escaped NUL",
            format!("{{\"action\":\"opened\",{repository},\"title\":\"{}\"}}", "\\u0000".repeat(10_000)).into(),
        ),
        ("form", format!("payload={}", "%5B".repeat(100_000)).into()),
        ("nothing", Vec::new()),
    ];
    // Each again for the event that reads most.
    bombs.extend(bombs.clone());
    let half = bombs.len() / 2;
    for (number, (name, bomb)) in bombs.iter().enumerate() {
        let (guid, signature) = (guid(), sign(&baton.webhook_secret, bomb));
        let mut headers = signed(&signature, &guid);
        headers[1].1 = if number < half { "issues" } else { "pull_request" };
        let answer = baton.post(&headers, bomb).unwrap();
        assert_eq!(answer.status, 202, "{name}: {answer:?}");
    }
    let taken = settled(&world);
    let new = &taken[..taken.len() - before];
    assert_eq!(new.len(), bombs.len());
    for (row, (name, _)) in new.iter().rev().zip(&bombs) {
        assert_eq!(row["outcome"], "ignored", "{name}: {row:#}");
        assert!(row["reason"].as_str().is_some_and(|reason| (1..300).contains(&reason.len())), "{name}: {row:#}");
    }
    let (runtime, store) = store(baton);
    for (row, (name, bomb)) in new.iter().rev().zip(&bombs) {
        let id = baton_store::DeliveryId(row["id"].as_i64().unwrap());
        let kept = runtime.block_on(store.delivery_body(id)).unwrap().unwrap();
        assert!(kept == *bomb, "{name} is kept as it came");
    }
    runtime.block_on(store.close());
    let held = peak(baton.pid()).saturating_sub(baseline);
    assert!(held < 200 * MIB, "{held}");
    assert!(world.baton.is_serving() && !world.baton.logs().contains("panicked"));
    println!("A-10 {} signed bombs: {} KiB above {} KiB", bombs.len(), held / 1024, baseline / 1024);
    world.baton.stop();
}

/// So many deliveries over so many connections; nothing is lost, and all of it is looked into.
fn a18(deliveries: usize, connections: usize, in_time: Duration) {
    let mut world = quiet();
    many_descriptors();
    let baseline = resident(world.baton.pid());
    forget_the_peak(world.baton.pid());
    let before = rows(&world.baton).len();
    let client = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(connections).build().unwrap();
    let url = format!("http://{}{PATH}", world.baton.address);
    let secret = world.baton.webhook_secret.clone();
    let post = |number: usize| {
        // What nobody reads, what is read and starts nothing, and what is read and has nothing to do with anybody.
        let (event, body) = match number % 3 {
            0 => ("star", json!({ "action": "created", "n": number })),
            1 => (
                "issue_comment",
                json!({ "action": "created", "n": number, "sender": { "id": 1, "login": "x", "type": "User" },
                "repository": { "id": 1, "full_name": "acme/app" }, "issue": { "number": number },
                "comment": { "id": number, "body": "Thanks!" } }),
            ),
            _ => (
                "push",
                json!({ "ref": "refs/heads/main", "n": number, "repository": { "id": 1, "full_name": "acme/app" } }),
            ),
        };
        let body = body.to_string();
        let request = client.post(&url).header("x-hub-signature-256", sign(&secret, body.as_bytes()));
        let request = request.header("x-github-event", event).header("x-github-delivery", guid()).body(body);
        async move {
            let started = Instant::now();
            let status = request.send().await.map_or(0, |answer| answer.status().as_u16());
            (status, started.elapsed())
        }
    };
    let (runtime, store) = store(&world.baton);
    let begun = Instant::now();
    let posts = stream::iter((0..deliveries).map(post)).buffer_unordered(connections);
    let answers: Vec<(u16, Duration)> = runtime.block_on(posts.collect());
    let took = begun.elapsed();
    let wrong = answers.iter().filter(|(status, _)| *status != 202).count();
    assert_eq!(wrong, 0);
    let mut times: Vec<Duration> = answers.into_iter().map(|(_, took)| took).collect();
    let (median, most) = (percentile(&mut times, 50), percentile(&mut times, 99));
    assert!(most < in_time, "{most:?}");
    let outcomes = || runtime.block_on(store.delivery_counts()).unwrap();
    let kept: u64 = outcomes().iter().map(|row| row.count).sum();
    assert_eq!(kept, u64::try_from(before + deliveries).unwrap(), "none is lost");
    let patience = PATIENCE.max(Duration::from_millis(100) * u32::try_from(deliveries).unwrap());
    until("the queue is empty", patience, || {
        outcomes().iter().all(|row| row.outcome == "ignored" || row.outcome == "handled").then_some(())
    });
    let drained = begun.elapsed();
    let held = peak(world.baton.pid()).saturating_sub(baseline);
    assert!(held < 100 * MIB, "{held}");
    println!(
        "A-18 {deliveries} deliveries over {connections} connections in {took:?}: answered within {median:?} (median), \
         {most:?} (99 of 100); none lost; all looked into after {drained:?}; {} KiB above {} KiB",
        held / 1024,
        baseline / 1024
    );
    runtime.block_on(store.close());
    world.baton.stop();
}

#[test]
fn a18_a_burst_is_answered_and_none_is_lost() {
    a18(300, 16, Duration::from_secs(5));
}

#[test]
#[ignore = "takes minutes: `script/test --full` runs it"]
fn a18_a_burst_of_ten_thousand() {
    a18(10_000, 64, Duration::from_secs(1));
}
