//! who is let in, and what a stranger finds out or leaves behind.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::super::http;
use super::super::killed::sign;
use super::super::process::until;
use super::super::story::{PYTHON, Pace};
use super::super::world::World;
use super::{FORGED, MIB, PATH, guid, quiet, refused, rows, settled, signed};

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
    world.says(super::super::github::MAINTAINER, "/plan approve");
    world.wait_for_review();
    assert_eq!(world.baton.json(&["task", "list", "--json"]).len(), 1);
    world.audit();
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

/// Two hundred strangers with the worst they can write: the log grows by a line or two, and nothing of theirs is in it.
#[test]
fn a12_nothing_a_stranger_wrote_is_logged() {
    let mut world = quiet();
    let baton = &world.baton;
    let before = baton.logs().len();
    let text = format!("CANARY\u{1b}[2J\u{1b}]0;owned\u{7}\r\nERROR CANARY {}", "x".repeat(10_000));
    for (number, signature) in ["", FORGED, "sha256=CANARY"].iter().cycle().take(198).enumerate() {
        let (guid, agent) = (format!("CANARY-{number}"), "CANARY \t/1.0".repeat(20));
        let mut headers = signed(signature, &guid);
        headers.extend([("user-agent", agent.as_str()), ("x-forwarded-for", "CANARY"), ("x-request-id", "CANARY")]);
        headers[1].1 = "CANARY";
        assert_eq!(baton.post(&headers, text.as_bytes()).unwrap().status, 401);
    }
    // What no client library would send: other bytes than text in a header, a header that breaks its line.
    for odd in ["x-github-event: CANARY\u{1b}[31m", "x-github-event: a\r\n CANARY: folded", "CANARY \u{7}: b", "CANARY"]
    {
        let request = format!("POST {PATH}?CANARY HTTP/1.1\r\nhost: a\r\n{odd}\r\ncontent-length: 0\r\n\r\n");
        let answer = http::raw(&baton.address, request.as_bytes());
        assert!(answer.is_ok_and(|answer| [400, 401].contains(&answer.status)), "{odd}");
    }
    let ten = "CANARY\u{1b}[0m\r\n".repeat(10 * MIB / 12);
    assert_eq!(baton.post(&signed(FORGED, "ten"), ten.as_bytes()).unwrap().status, 401);
    let all = baton.logs();
    let new: Vec<&str> = all[before..].lines().collect();
    // The line about refusals comes once in ten seconds, however many there are.
    let about = new.iter().filter(|line| line.contains("a delivery was refused")).count();
    assert!((1..=20).contains(&about), "{new:#?}");
    assert!(new.iter().all(|line| line.len() < 512), "{new:#?}");
    assert!(!all.contains("CANARY") && !all[before..].contains("owned"), "{all}");
    world.baton.stop();
}

/// the operator changes the files, and nothing else: both secrets count for a window, then only the new one.
#[test]
fn a13_the_secret_is_changed_without_a_restart() {
    let mut world = quiet();
    world.baton.stop();
    let (current, previous) = (world.folder().join("webhook.secret"), world.folder().join("webhook.secret.old"));
    std::fs::write(&previous, "").unwrap();
    world.baton.add_to_github(&format!("previous_webhook_secret_file = \"{}\"", previous.display()));
    world.baton.serve();
    let baton = &world.baton;
    let pid = baton.pid();
    let (old, new) = (baton.webhook_secret.clone(), "the new secret of the webhook".to_owned());
    let answer = |secret: &str| {
        let body = json!({ "action": "opened", "number": rand::random::<u64>() }).to_string();
        baton.post(&signed(&sign(secret, body.as_bytes()), &guid()), body.as_bytes()).unwrap().status
    };
    let becomes = |what: &str, wanted: (u16, u16)| {
        until(what, Duration::from_secs(20), || ((answer(&old), answer(&new)) == wanted).then_some(()));
    };
    assert_eq!((answer(&old), answer(&new)), (202, 401));
    // First the old one is kept beside, then the new one takes its place: at no moment is the old one unknown.
    std::fs::write(&previous, &old).unwrap();
    until("the old secret was read from both files", Duration::from_secs(3), || {
        assert_eq!(answer(&old), 202);
        (std::fs::metadata(&previous).unwrap().modified().unwrap().elapsed().unwrap().as_secs() >= 2).then_some(())
    });
    std::fs::write(&current, &new).unwrap();
    becomes("both secrets count", (202, 202));
    // Somebody empties the file by mistake, or replaces it clumsily: the last secrets count on.
    std::fs::remove_file(&current).unwrap();
    until("the missing file is complained of", Duration::from_secs(20), || {
        assert_eq!((answer(&old), answer(&new)), (202, 202));
        baton.logs().contains("the webhook secrets cannot be read again").then_some(())
    });
    std::fs::write(&current, &new).unwrap();
    std::fs::write(&previous, "").unwrap();
    becomes("only the new secret counts", (401, 202));
    assert_eq!(world.baton.pid(), pid);
    assert!(!world.baton.logs().contains(&new) && !world.baton.logs().contains(&old));
    world.baton.stop();
}

#[test]
fn those_who_ask_whether_it_lives_are_answered() {
    let mut world = World::with(PYTHON, &Pace::default());
    let ask = |path: &str| http::request(&world.baton.address, "GET", path, &[], b"").unwrap();
    assert_eq!((ask("/healthz").status, ask("/healthz").body.as_str()), (200, "ok\n"));
    assert_eq!((ask("/readyz").status, ask("/readyz").body.as_str()), (200, "ready\n"));
    // However often strangers ask, the store is asked once a second.
    let started = Instant::now();
    for _ in 0..500 {
        assert_eq!(ask("/readyz").status, 200);
    }
    println!("/readyz 500 times: {:?}", started.elapsed());
    world.baton.stop();
}
