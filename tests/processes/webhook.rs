//! The webhook's edge over HTTP, by the numbers of SECURITY.md's catalogue: who is let in, what is kept, what is on disk.

use serde_json::{Value, json};

use super::baton::Baton;
use super::http;
use super::killed::sign;
use super::story::{PYTHON, Pace};
use super::world::World;

const PATH: &str = "/webhooks/github";
const LIMIT: usize = 25 * 1024 * 1024;

/// Everything the store knows of deliveries.
pub fn rows(baton: &Baton) -> Vec<Value> {
    baton.json(&["delivery", "list", "--json", "--limit", "1000"])
}

/// The same, once all of it was looked into.
pub fn settled(world: &World) -> Vec<Value> {
    world.until("all deliveries were looked into", || {
        let rows = rows(&world.baton);
        (!rows.is_empty() && rows.iter().all(|row| row["outcome"] != "received")).then_some(rows)
    })
}

pub fn guid() -> String {
    format!("{:032x}", rand::random::<u128>())
}

/// The headers of a good delivery, with this signature.
pub fn signed<'a>(signature: &'a str, guid: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("content-type", "application/json"),
        ("x-github-event", "issues"),
        ("x-github-delivery", guid),
        ("x-github-hook-installation-target-type", "integration"),
        ("x-github-hook-installation-target-id", "1"),
        ("x-hub-signature-256", signature),
    ]
}

/// Status of a request, which must leave the store as it was.
fn refused(baton: &Baton, headers: &[(&str, &str)], body: &[u8]) -> u16 {
    let before = rows(baton);
    let answer = baton.post(headers, body).unwrap();
    assert_eq!(rows(baton), before, "{headers:?}");
    assert!(!answer.body.contains("CANARY"), "{}", answer.body);
    answer.status
}

#[test]
fn a01_to_a04_nothing_without_the_right_signature_over_the_raw_body() {
    let mut world = World::with(PYTHON, &Pace::default());
    settled(&world);
    let baton = &world.baton;
    let secret = &baton.webhook_secret;
    let body = "{\"action\":\"opened\",\"marker\":\"CANARY\\u00e9 \u{1f600} \\/\"}".as_bytes();
    let right = sign(secret, body);
    let digits = right.strip_prefix("sha256=").unwrap();
    let guid = guid();

    let wrong = sign("another secret", body);
    let again = serde_json::from_slice::<Value>(body).unwrap().to_string();
    let reserialised = sign(secret, again.as_bytes());
    let sha1 = format!("sha1={}", &digits[..40]);
    let cases: Vec<(&str, String)> = vec![
        ("A-01 empty", String::new()),
        ("A-01 another key", wrong),
        ("A-02 sha1 in the header for sha256", sha1.clone()),
        ("A-03 upper case", format!("sha256={}", digits.to_uppercase())),
        ("A-03 upper-case name", format!("SHA256={digits}")),
        ("A-03 63 digits", format!("sha256={}", &digits[1..])),
        ("A-03 65 digits", format!("sha256={digits}0")),
        ("A-03 a space inside", format!("sha256= {digits}")),
        ("A-03 no name", digits.to_owned()),
        ("A-03 no digits", "sha256=".to_owned()),
        ("A-03 no hexadecimal digits", format!("sha256={}", "g".repeat(64))),
        ("A-04 over the body as it would be written anew", reserialised),
    ];
    for (case, signature) in &cases {
        assert_eq!(refused(baton, &signed(signature, &guid), body), 401, "{case}");
    }
    let none: Vec<_> = signed("", &guid).into_iter().filter(|(name, _)| *name != "x-hub-signature-256").collect();
    assert_eq!(refused(baton, &none, body), 401, "A-01 no signature");
    let mut legacy = none.clone();
    legacy.push(("x-hub-signature", &sha1));
    assert_eq!(refused(baton, &legacy, body), 401, "A-02 only the legacy header");
    let mut two = signed(&right, &guid);
    two.push(("x-hub-signature-256", &right));
    assert_eq!(refused(baton, &two, body), 401, "A-03 two signatures");

    // The same bytes with the right one are let in: what was refused above was refused for its signature.
    assert_eq!(baton.post(&signed(&right, &guid), body).unwrap().status, 202, "A-04 the raw bytes");
    let id = rows(baton)[0]["id"].to_string();
    let kept = baton.json(&["delivery", "show", &id, "--json"]).remove(0);
    assert_eq!(kept["body"].as_str().unwrap().as_bytes(), body);
    assert!(!baton.logs().contains("CANARY"), "{}", baton.logs());
    world.baton.stop();
}

#[test]
fn a06_one_delivery_a_hundred_times_at_once() {
    let mut world = World::with(PYTHON, &Pace::default());
    world.github.post("webhooks", &json!({ "hold": true }));
    world.hand_over();
    let held = world.github.list("deliveries");
    let assigned = held.iter().find(|it| it["action"] == "assigned").unwrap();
    let body = assigned["payload"].to_string();
    let signature = sign(&world.baton.webhook_secret, body.as_bytes());
    let guid = guid();
    let headers = signed(&signature, &guid);
    let before = rows(&world.baton).len();
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let send = || world.baton.post(&headers, body.as_bytes()).unwrap().status;
        let sent: Vec<_> = (0..100).map(|_| scope.spawn(send)).collect();
        sent.into_iter().map(|it| it.join().unwrap()).collect()
    });
    assert_eq!(statuses.iter().filter(|it| **it == 202).count(), 1, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|it| **it == 200).count(), 99, "{statuses:?}");
    assert_eq!(rows(&world.baton).len(), before + 1);
    // And once more under GitHub's own name for it, and ten other names: the same event begins nothing.
    world.github.post("webhooks", &json!({ "release": "as_made" }));
    for _ in 0..10 {
        let other = self::guid();
        assert_eq!(world.baton.post(&signed(&signature, &other), body.as_bytes()).unwrap().status, 202);
    }
    world.wait_for_plan();
    world.says(super::github::MAINTAINER, "/plan approve");
    world.wait_for_review();
    assert_eq!(world.baton.json(&["task", "list", "--json"]).len(), 1);
    world.audit();
}

#[test]
fn a08_what_is_too_large_is_cut_off() {
    let mut world = World::with(PYTHON, &Pace::default());
    settled(&world);
    let baton = &world.baton;
    let guid = guid();
    let before = rows(baton);
    let memory = resident(baton.pid());

    // One byte too many is refused before any of it is read; so is a lie about the length.
    for length in [LIMIT + 1, usize::MAX >> 1] {
        let answer = http::announce(&baton.address, PATH, &signed("sha256=00", &guid), length).unwrap();
        assert_eq!(answer.status, 413, "{answer:?}");
    }
    let (taken, answer) = http::endless(&baton.address, PATH, &signed("sha256=00", &guid), 8 * LIMIT);
    // Buffers of the system lie between what was sent and what was read.
    assert!(taken < 2 * LIMIT, "{taken} bytes were taken");
    assert!(answer.is_none_or(|answer| answer.status == 413));
    assert_eq!(rows(baton), before);

    // Exactly the limit is GitHub's own: taken, stored, and given back.
    let body = format!("{{\"action\":\"opened\",\"fill\":\"{}\"}}", "x".repeat(LIMIT - 30));
    let body = format!("{body}{}", " ".repeat(LIMIT - body.len()));
    let answer = baton.post(&signed(&sign(&baton.webhook_secret, body.as_bytes()), &guid), body.as_bytes()).unwrap();
    assert_eq!(answer.status, 202, "{answer:?}");
    assert_eq!(rows(baton).len(), before.len() + 1);
    let one_more = format!("{body} ");
    let answer = http::announce(&baton.address, PATH, &signed("sha256=00", &guid), one_more.len()).unwrap();
    assert_eq!(answer.status, 413);
    assert!(resident(baton.pid()) < memory + 200 * 1024 * 1024);
    world.baton.stop();
}

/// Bytes of memory a process holds.
fn resident(pid: u32) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.split_whitespace().next().unwrap().parse::<usize>().unwrap() * 1024
}

#[test]
fn a11_what_is_no_delivery() {
    let mut world = World::with(PYTHON, &Pace::default());
    settled(&world);
    let baton = &world.baton;
    let secret = &baton.webhook_secret;
    let body = b"{\"action\":\"opened\"}";
    let (right, guid) = (sign(secret, body), guid());
    let without = |name: &str| -> Vec<(&str, &str)> {
        signed(&right, &guid).into_iter().filter(|(there, _)| *there != name).collect()
    };
    assert_eq!(refused(baton, &without("x-github-event"), body), 400);
    assert_eq!(refused(baton, &without("x-github-delivery"), body), 400);
    for method in ["GET", "PUT", "DELETE", "PATCH"] {
        let before = rows(baton);
        let answer = http::request(&baton.address, method, PATH, &signed(&right, &guid), body).unwrap();
        assert_eq!(answer.status, 405, "{method}");
        assert_eq!(rows(baton), before);
    }
    for path in ["/", "/webhooks", "/webhooks/github/", "/WEBHOOKS/GITHUB", "/webhooks/gitlab"] {
        let answer = http::request(&baton.address, "POST", path, &signed(&right, &guid), body).unwrap();
        assert_eq!(answer.status, 404, "{path}");
    }

    // Signed, and nothing Baton knows: accepted, recorded, and ignored with a reason.
    let before = rows(baton).len();
    let form = b"payload=%7B%22action%22%3A%22opened%22%7D";
    let strange: [(&str, &str, &[u8]); 5] = [
        ("a_new_event", "application/json", b"{}"),
        ("issues", "application/json", b"{\"action\":\"never_heard_of\"}"),
        ("issues", "application/json", b"no JSON at all \xff\x00"),
        ("issues", "application/json", b"[[[[[[[[[["),
        ("issues", "application/x-www-form-urlencoded", form),
    ];
    for (event, kind, body) in strange {
        let (signature, guid) = (sign(secret, body), self::guid());
        let mut headers = signed(&signature, &guid);
        headers[0].1 = kind;
        headers[1].1 = event;
        let status = baton.post(&headers, body).unwrap().status;
        assert!((200..500).contains(&status), "{event} {kind}: {status}");
    }
    let taken = settled(&world);
    let of_strangers = &taken[..taken.len() - before];
    assert_eq!(of_strangers.len(), 5, "{of_strangers:#?}");
    let reasons: Vec<_> = of_strangers.iter().map(|row| (&row["outcome"], row["reason"].as_str())).collect();
    let given = |(outcome, reason): &(&Value, Option<&str>)| {
        (**outcome == "ignored" || **outcome == "failed") && reason.is_some_and(|it| !it.is_empty())
    };
    assert!(reasons.iter().all(given), "{reasons:#?}");
    assert!(world.baton.is_serving());
    assert!(world.baton.json(&["task", "list", "--json"]).is_empty());
    world.baton.stop();
}

#[test]
fn those_who_ask_whether_it_lives_are_answered() {
    let mut world = World::with(PYTHON, &Pace::default());
    let ask = |path: &str| http::request(&world.baton.address, "GET", path, &[], b"").unwrap();
    assert_eq!((ask("/healthz").status, ask("/healthz").body.as_str()), (200, "ok\n"));
    assert_eq!((ask("/readyz").status, ask("/readyz").body.as_str()), (200, "ready\n"));
    world.baton.stop();
}

/// A 2xx means on disk: the process dies in the moment in which the answer is read, and the delivery is there.
#[test]
fn a16_an_answer_is_a_promise() {
    let mut world = World::with(PYTHON, &Pace::default());
    for _ in 0..10 {
        let body = json!({ "action": "opened", "number": rand::random::<u64>() }).to_string();
        let signature = sign(&world.baton.webhook_secret, body.as_bytes());
        let guid = guid();
        let answer = world.baton.post(&signed(&signature, &guid), body.as_bytes()).unwrap();
        world.baton.kill();
        assert_eq!(answer.status, 202, "{answer:?}");
        // Before the restart already: it is on disk, not in the memory of whoever comes next.
        let row = rows(&world.baton).into_iter().find(|row| row["guid"] == guid.as_str()).unwrap();
        let kept = world.baton.json(&["delivery", "show", &row["id"].to_string(), "--json"]).remove(0);
        assert_eq!(kept["body"], body.as_str());
        world.baton.serve();
        world.until("it was looked into", || {
            let found = rows(&world.baton).into_iter().find(|row| row["guid"] == guid.as_str());
            found.filter(|row| row["outcome"] != "received")
        });
    }
    world.baton.stop();
}
