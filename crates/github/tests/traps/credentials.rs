//! Signatures and tokens: narrow, shared, renewed, and seen by nobody but GitHub.

use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use baton_core::domain::ids::{BranchName, CommentId, IssueNumber};
use baton_github::{GitAccess, GitHubApp, GitHubError, Pause};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::{Value, json};

use crate::fake::{Fake, TOKEN, config, in_an_hour, key, now, repository, status, with_header};

const REACT: &str = "/repos/acme/app/issues/comments/9/reactions";

#[tokio::test]
async fn twenty_at_once_mint_one_token() {
    let fake = Fake::start(|asked| (asked.path == REACT).then(|| status(201, json!({"id": 1})))).await;
    let repository = fake.repository();
    let calls = (0..20).map(|_| {
        let repository = repository.clone();
        tokio::spawn(async move { repository.react_to_comment(CommentId(9)).await.unwrap() })
    });
    for call in calls.collect::<Vec<_>>() {
        call.await.unwrap();
    }
    assert_eq!(fake.lines().len(), 20);
    let mints = fake.mints();
    assert_eq!(mints.len(), 1);
    insta::assert_snapshot!(mints[0].body, @r#"{"permissions":{"checks":"write","contents":"read","issues":"write","metadata":"read","pull_requests":"write"},"repository_ids":[42]}"#);
}

#[tokio::test]
async fn a_token_near_its_end_is_renewed() {
    let count = AtomicUsize::new(0);
    let fake = Fake::start(move |asked| match asked.path.as_str() {
        REACT => Some(status(201, json!({"id": 1}))),
        path if path.ends_with("/access_tokens") => {
            // The first is good for four more minutes only.
            let n = count.fetch_add(1, Ordering::SeqCst);
            let end = if n == 0 { now().plus(Duration::from_secs(240)).to_string() } else { in_an_hour() };
            let answer = status(201, json!({"token": format!("ghs_{n}"), "expires_at": end}));
            Some(answer)
        }
        _ => None,
    })
    .await;
    let repository = fake.repository();
    for _ in 0..3 {
        repository.react_to_comment(CommentId(9)).await.unwrap();
    }
    let used: Vec<_> = fake.asked().into_iter().filter(|one| one.path == REACT).map(|one| one.authorization).collect();
    assert_eq!(used, ["Bearer ghs_0", "Bearer ghs_1", "Bearer ghs_1"]);
}

#[tokio::test]
async fn h_05_a_refused_token_is_replaced_once() {
    let count = AtomicUsize::new(0);
    let fake = Fake::start(move |asked| match asked.path.as_str() {
        REACT if asked.authorization == "Bearer ghs_0" => Some(status(401, json!({"message": "Bad credentials"}))),
        REACT => Some(status(201, json!({"id": 1}))),
        path if path.ends_with("/access_tokens") => {
            let n = count.fetch_add(1, Ordering::SeqCst);
            Some(status(201, json!({"token": format!("ghs_{n}"), "expires_at": in_an_hour()})))
        }
        _ => None,
    })
    .await;
    let repository = fake.repository();
    repository.react_to_comment(CommentId(9)).await.unwrap();
    repository.react_to_comment(CommentId(9)).await.unwrap();
    assert_eq!((fake.mints().len(), fake.lines().len()), (2, 3));

    let never =
        Fake::start(|asked| (asked.path == REACT).then(|| status(401, json!({"message": "Bad credentials"})))).await;
    let error = never.repository().react_to_comment(CommentId(9)).await.unwrap_err();
    assert!(matches!(error, GitHubError::Unauthorized { .. }), "{error:?}");
    assert_eq!((never.mints().len(), never.lines().len()), (2, 2));
}

#[tokio::test]
async fn an_app_that_is_not_welcome() {
    let cases = [
        (404, "Not Found", "the App is not installed there; install it on the repository"),
        (
            403,
            "This installation has been suspended",
            "the App's installation is suspended; its owner can switch it on again in the installation's settings",
        ),
        (
            422,
            "The permissions requested are not granted to this installation.",
            "GitHub refuses: The permissions requested are not granted to this installation. The installation does not \
             cover this repository, or its owner has not yet accepted what the App asks for (both are in the \
             installation's settings) (apps/create-installation-access-token)",
        ),
        (
            401,
            "A JSON web token could not be decoded",
            "GitHub does not accept the App's credentials: A JSON web token could not be decoded \
             (apps/create-installation-access-token); check github.app_id and the private key",
        ),
    ];
    for (code, message, sentence) in cases {
        let fake = Fake::start(move |asked| {
            asked.path.ends_with("/access_tokens").then(|| status(code, json!({"message": message})))
        })
        .await;
        let error = fake.repository().issue(IssueNumber(1)).await.unwrap_err();
        assert_eq!(error.to_string(), sentence);
        assert!(!error.is_transient());
        // Where a permission lacks, it is asked once what was accepted.
        assert_eq!(fake.asked().len(), if code == 422 { 2 } else { 1 });
    }
}

/// The owner has not accepted everything yet: what was accepted goes on, the rest is refused by name, and once it is accepted the
/// very request that was refused is made with a token that may.
#[tokio::test]
async fn what_is_not_accepted_yet_is_done_without() {
    let accepted = Arc::new(AtomicUsize::new(0));
    let now = Arc::clone(&accepted);
    let fake = Fake::start(move |asked| {
        let all = now.load(Ordering::SeqCst) == 1;
        let path = asked.path.as_str();
        if path.ends_with("/access_tokens") {
            let wants_all = asked.body["permissions"]["pull_requests"] == "write";
            let token = if wants_all { "ghs_whole" } else { "ghs_less" };
            return Some(if wants_all && !all {
                status(422, json!({"message": "The permissions requested are not granted to this installation."}))
            } else {
                status(201, json!({"token": token, "expires_at": in_an_hour()}))
            });
        }
        if path.ends_with("/app/installations/5") {
            let mut granted = json!({"checks": "write", "contents": "write", "issues": "write", "metadata": "read"});
            if all {
                granted["pull_requests"] = json!("write");
            }
            return Some(status(200, json!({"id": 5, "permissions": granted})));
        }
        if path.contains("/pulls") {
            return Some(if asked.authorization.ends_with("ghs_whole") {
                status(200, json!([]))
            } else {
                status(403, json!({"message": "Resource not accessible by integration"}))
            });
        }
        path.starts_with(REACT).then(|| status(201, json!({"id": 1})))
    })
    .await;
    let repository = fake.repository();
    repository.react_to_comment(CommentId(9)).await.unwrap();
    let asked: Vec<Value> = fake.mints().iter().map(|mint| mint.body["permissions"].clone()).collect();
    let less = json!({"checks": "write", "contents": "read", "issues": "write", "metadata": "read"});
    assert_eq!(asked[1..], [less], "no more than was wanted, and no more than was accepted");

    let branch = BranchName::for_issue("baton", IssueNumber(1), "x", 1);
    for _ in 0..3 {
        let refused = repository.find_pull(&branch).await.unwrap_err();
        assert!(refused.to_string().contains("the App needs pull_requests: read"), "{refused}");
    }
    assert_eq!(fake.mints().len(), 2, "nothing is minted for what nobody has accepted since");
    repository.react_to_comment(CommentId(9)).await.unwrap();

    accepted.store(1, Ordering::SeqCst);
    assert_eq!(repository.find_pull(&branch).await.unwrap(), None);
}

fn claims(authorization: &str) -> Value {
    let mut validation = Validation::new(Algorithm::RS256);
    validation.validate_exp = false;
    validation.required_spec_claims.clear();
    let token = authorization.strip_prefix("Bearer ").unwrap();
    let decoded = jsonwebtoken::decode::<Value>(token, &DecodingKey::from_rsa_der(&key().1), &validation).unwrap();
    assert_eq!(decoded.header.alg, Algorithm::RS256);
    decoded.claims
}

/// The real path with the release's features: a signature that the public key confirms.
#[tokio::test]
async fn the_app_signs_as_github_wants() {
    let fake = Fake::start(|_| None).await;
    let app = GitHubApp::new(&fake.config()).unwrap();
    assert_eq!(app.info().await.unwrap().slug, "baton");
    let asked = fake.asked().remove(0);
    let claims = claims(&asked.authorization);
    let (iat, exp) = (claims["iat"].as_i64().unwrap(), claims["exp"].as_i64().unwrap());
    let seconds = now().0 / 1000;
    assert_eq!(claims["iss"], "12");
    assert!((seconds - 70..=seconds - 60).contains(&iat), "a minute back: {}", seconds - iat);
    assert!(exp - seconds <= 600 && exp - iat <= 600, "ten minutes at most");
    let header = |name: &str| asked.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    assert_eq!(header("accept"), Some("application/vnd.github+json"));
    assert_eq!(header("x-github-api-version"), Some("2022-11-28"));
    assert!(header("user-agent").is_some_and(|agent| !agent.is_empty()));
}

/// This machine's clock is an hour slow: GitHub refuses the signature, its time is taken over, and it works.
#[tokio::test]
async fn h_05_a_wrong_clock_is_put_right_once() {
    let fake = Fake::start(|asked| {
        let iat = claims(&asked.authorization)["iat"].as_i64().unwrap();
        let seconds = now().0 / 1000;
        let right = (iat - seconds).abs() < 120;
        // axum puts the true time into the answer's `Date`, as GitHub does.
        let refusal = json!({"message": "'Expiration time' claim ('exp') must be a numeric value in the future"});
        (asked.path == "/app" && !right).then(|| status(401, refusal))
    })
    .await;
    let mut config = fake.config();
    config.clock = Arc::new(|| baton_core::domain::time::Timestamp(now().0 - 3_600_000));
    let app = GitHubApp::new(&config).unwrap();
    assert_eq!(app.info().await.unwrap().slug, "baton");
    assert_eq!(app.info().await.unwrap().slug, "baton");
    assert_eq!(fake.asked().len(), 3, "refused once, right from then on");
    assert!((3595..=3605).contains(&app.clock_skew()), "the operator can be told: {}", app.clock_skew());
}

/// The operator makes a new key at GitHub, puts it into the file, and takes the old one away: nothing is restarted.
#[tokio::test]
async fn h_05_a_replaced_key_is_read_anew() {
    let (old, new) = (key(), crate::fake::another_key());
    let retired = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let is_retired = Arc::clone(&retired);
    let fake = Fake::start(move |asked| {
        let by = if is_retired.load(Ordering::SeqCst) { new } else { old };
        let refusal = json!({"message": "A JSON web token could not be decoded"});
        (asked.path == "/app" && !signed_by(&asked.authorization, &by.1)).then(|| status(401, refusal))
    })
    .await;
    let file = Arc::new(Mutex::new(old.0.clone()));
    let kept = Arc::clone(&file);
    let time = Arc::new(std::sync::atomic::AtomicI64::new(now().0));
    let clock = Arc::clone(&time);
    let mut config = fake.config();
    config.key_source = Some(Arc::new(move || Some(kept.lock().unwrap().clone().into())));
    config.clock = Arc::new(move || baton_core::domain::time::Timestamp(clock.load(Ordering::SeqCst)));
    let app = GitHubApp::new(&config).unwrap();
    app.info().await.unwrap();

    retired.store(true, Ordering::SeqCst);
    let error = app.info().await.unwrap_err();
    assert!(matches!(error, GitHubError::Unauthorized { .. }), "the file still holds the old key: {error:?}");
    let asked = fake.asked().len();
    for _ in 0..20 {
        let error = app.info().await.unwrap_err();
        assert!(matches!(error, GitHubError::RetryAfter { pause: Pause::Credentials, .. }), "{error:?}");
    }
    assert_eq!(fake.asked().len(), asked, "nobody hammers GitHub with a key that it does not take");

    *file.lock().unwrap() = new.0.clone();
    time.fetch_add(60_000, Ordering::SeqCst);
    app.info().await.unwrap();
    app.info().await.unwrap();
}

fn signed_by(authorization: &str, public: &[u8]) -> bool {
    let mut validation = Validation::new(Algorithm::RS256);
    validation.validate_exp = false;
    validation.required_spec_claims.clear();
    let token = authorization.strip_prefix("Bearer ").unwrap();
    jsonwebtoken::decode::<Value>(token, &DecodingKey::from_rsa_der(public), &validation).is_ok()
}

#[tokio::test]
async fn a_git_token_is_narrow_and_revoked() {
    let fake = Fake::start(|asked| {
        (asked.line() == "DELETE /installation/token")
            .then(|| axum::response::IntoResponse::into_response(axum::http::StatusCode::NO_CONTENT))
    })
    .await;
    let repository = fake.repository();
    let token = repository.git_token(GitAccess::Push).await.unwrap();
    assert!(token.expires_at.is_some());
    repository.revoke(&token).await.unwrap();
    let read = repository.git_token(GitAccess::Fetch).await.unwrap();
    assert!(!format!("{read:?}").contains("ghs_"));
    let bodies: Vec<String> = fake.mints().iter().map(|mint| mint.body.to_string()).collect();
    insta::assert_snapshot!(bodies.join("\n"), @r#"
    {"permissions":{"contents":"write","metadata":"read"},"repository_ids":[42]}
    {"permissions":{"contents":"read","metadata":"read"},"repository_ids":[42]}
    "#);
    assert_eq!(fake.asked()[1].authorization, format!("Bearer {TOKEN}"), "a token ends itself");

    let over = Fake::start(|asked| {
        (asked.path == "/installation/token").then(|| status(401, json!({"message": "Bad credentials"})))
    })
    .await;
    let repository = over.repository();
    repository.revoke(&token).await.unwrap();
    // Whoever uninstalls the App in the middle of a run stops nobody else.
    repository.git_token(GitAccess::Fetch).await.unwrap();
}

#[tokio::test]
async fn configurations_that_cannot_work_are_refused() {
    let mut cases = Vec::new();
    for address in ["ftp://host", "https://user:pass@host/", "https://host/?x=1", "https://host/#x"] {
        cases.push(config(address));
    }
    let mut bad_key = config("http://127.0.0.1:1");
    bad_key.private_key_pem = "-----BEGIN RSA PRIVATE KEY-----\nCANARY\n-----END RSA PRIVATE KEY-----".into();
    let mut no_secret = config("http://127.0.0.1:1");
    no_secret.marker_secrets.clear();
    cases.extend([bad_key, no_secret]);
    let lines: Vec<String> = cases.iter().map(|config| GitHubApp::new(config).unwrap_err().to_string()).collect();
    insta::assert_snapshot!(lines.join("\n"), @r"
    `github.api_url` must be an http(s) address without user, query or fragment, such as https://api.github.com
    `github.api_url` must be an http(s) address without user, query or fragment, such as https://api.github.com
    `github.api_url` must be an http(s) address without user, query or fragment, such as https://api.github.com
    `github.api_url` must be an http(s) address without user, query or fragment, such as https://api.github.com
    the App's private key is not an RSA key in PEM form; download a new one from the App's settings and set github.private_key_file
    a webhook secret is needed to recognise Baton's own comments; set github.webhook_secret
    ");
}

#[test]
fn without_a_runtime_it_says_so() {
    let error = GitHubApp::new(&config("http://127.0.0.1:1")).unwrap_err();
    assert_eq!(error.to_string(), "the HTTP client could not be built: it must be built inside a tokio runtime");
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The canaries: token, key, signature and webhook secret, over everything this room can print, with a server that
/// repeats the token in every message, and with every library's log at its most talkative.
#[tokio::test]
async fn no_credential_in_an_error_a_debug_or_a_log() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    tracing::subscriber::set_global_default(subscriber).unwrap();

    let mut printed = String::new();
    for code in [200, 400, 401, 403, 404, 409, 410, 422, 429, 500] {
        let fake = Fake::start(move |asked| {
            asked.path.starts_with("/repos/").then(|| {
                let echo = format!("you sent {}", asked.authorization);
                with_header(status(code, json!({"message": echo, "errors": [echo]})), "x-echo", &asked.authorization)
            })
        })
        .await;
        let config = fake.config();
        let repository = repository(&config);
        let error = repository.issue(IssueNumber(1)).await.unwrap_err();
        let git = repository.git_token(GitAccess::Push).await.unwrap();
        printed.push_str(&format!(
            "{config:?} {:?} {repository:?} {error:?} {error} {git:?}\n",
            GitHubApp::new(&config).unwrap()
        ));
        assert!(fake.asked().iter().any(|asked| asked.authorization.contains("CANARY")), "the canary was really used");
    }
    let logged = String::from_utf8_lossy(&log.0.lock().unwrap()).into_owned();
    assert!(logged.contains("GitHub answered"), "the log is really captured");
    for text in [&printed, &logged] {
        for secret in ["CANARY", "BEGIN PRIVATE", "eyJ0eXAi", "eyJhbGci"] {
            let found = text.find(secret).map(|at| &text[at.saturating_sub(200)..(at + 80).min(text.len())]);
            assert_eq!(found, None, "{secret}");
        }
    }
}
