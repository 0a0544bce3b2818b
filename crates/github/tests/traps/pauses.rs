//! Limits and outages (H-05), on a clock that the test moves: GitHub is left alone exactly as long as it says, asked once
//! when the time is over, and everything goes on.

use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::response::Response;
use baton_core::domain::ids::{CommentId, InstallationId, IssueNumber, RepositoryId};
use baton_core::domain::issue::RepositoryRef;
use baton_core::domain::time::Timestamp;
use baton_github::{GitHubApp, GitHubError, Importance, Pause, Repository};
use serde_json::{Value, json};

use crate::fake::{Fake, Hands, cut_off, html, repository, status, with_header};

const REACT: &str = "/repos/acme/app/issues/comments/9/reactions";

fn secondary() -> Response {
    status(403, json!({"message": "You have exceeded a secondary rate limit."}))
}

async fn reacts(repository: &Repository) -> Result<(), GitHubError> {
    repository.react_to_comment(CommentId(9)).await.map(drop)
}

fn later(result: Result<(), GitHubError>) -> (Timestamp, Pause) {
    match result {
        Err(GitHubError::RetryAfter { at, pause, .. }) => (at, pause),
        other => panic!("{other:?}"),
    }
}

/// A repository of this name through this installation; it has the same number.
fn repository_of(app: &GitHubApp, name: &str, installation: i64) -> Repository {
    app.repository(&RepositoryRef {
        id: RepositoryId(installation),
        name: name.parse().unwrap(),
        installation: InstallationId(installation),
    })
}

/// A repository on a server that answers a reaction by what the test puts there, and on a clock of the test's.
async fn world(answer: impl Fn() -> Option<Response> + Send + Sync + 'static) -> (Fake, Repository, Hands) {
    let fake = Fake::start(move |asked| {
        (asked.path == REACT).then(|| answer().unwrap_or_else(|| status(201, json!({"id": 1}))))
    })
    .await;
    let mut config = fake.config();
    let hands = Hands::of(&mut config);
    let repository = repository(&config);
    (fake, repository, hands)
}

#[tokio::test]
async fn h_05_an_unnamed_limit_is_waited_out_longer_each_time() {
    let limited = Arc::new(AtomicU16::new(4));
    let left = Arc::clone(&limited);
    let (fake, repository, hands) = world(move || {
        let strikes = left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        strikes.is_ok().then(secondary)
    })
    .await;
    let mut waits = Vec::new();
    for _ in 0..4 {
        let (at, pause) = later(reacts(&repository).await);
        assert_eq!(pause, Pause::SecondaryLimit);
        waits.push(at.since(hands.now()).as_secs());
        let asked = fake.lines().len();
        hands.forward_to(Timestamp(at.0 - 1));
        // Not before the time, neither by the one who was refused nor by a read.
        assert_eq!(later(reacts(&repository).await), (at, pause));
        assert!(repository.issue(IssueNumber(1)).await.is_err());
        assert_eq!(fake.lines().len(), asked);
        hands.forward_to(at);
    }
    assert_eq!(waits, [60, 120, 240, 480]);
    assert_eq!(reacts(&repository).await, Ok(()));
    assert_eq!(reacts(&repository).await, Ok(()));
}

/// While one asks whether a limit is over, the others do not.
#[tokio::test]
async fn h_05_one_goes_first_when_the_time_is_over() {
    let limited = Arc::new(AtomicUsize::new(1));
    let left = Arc::clone(&limited);
    let (fake, repository, hands) =
        world(move || (left.swap(0, Ordering::SeqCst) == 1).then(|| with_header(secondary(), "retry-after", "30")))
            .await;
    let (at, _) = later(reacts(&repository).await);
    assert_eq!(at, hands.now().plus(Duration::from_secs(30)));
    hands.forward_to(at);
    limited.store(1, Ordering::SeqCst);
    let together = futures::future::join_all((0..20).map(|_| reacts(&repository))).await;
    assert!(together.iter().all(Result::is_err));
    assert_eq!(fake.lines().len(), 2, "the first refusal, and one probe");
    hands.forward(Duration::from_secs(30));
    assert_eq!(reacts(&repository).await, Ok(()));
}

/// A storm of 5xx, resets and silence: a handful of requests, then one a minute, and work goes on when it is over.
#[tokio::test]
async fn h_05_an_outage_is_asked_about_once_a_minute() {
    let down = Arc::new(AtomicU16::new(1));
    let is_down = Arc::clone(&down);
    let turn = AtomicUsize::new(0);
    let (fake, repository, hands) = world(move || {
        let turn = turn.fetch_add(1, Ordering::SeqCst);
        (is_down.load(Ordering::SeqCst) == 1).then(|| if turn.is_multiple_of(2) { html(502) } else { cut_off(500) })
    })
    .await;
    let mut failed = 0;
    for _ in 0..600 {
        if !matches!(reacts(&repository).await, Err(GitHubError::RetryAfter { .. })) {
            failed += 1;
        }
        hands.forward(Duration::from_secs(1));
    }
    assert_eq!(failed, fake.lines().len(), "no write was sent twice");
    assert_eq!(failed, 5 + 9, "five, and then one a minute for ten minutes");
    down.store(0, Ordering::SeqCst);
    let (at, pause) = later(reacts(&repository).await);
    assert_eq!(pause, Pause::Outage);
    hands.forward_to(at);
    for _ in 0..10 {
        assert_eq!(reacts(&repository).await, Ok(()));
    }
}

/// One installation's requests always fail: it alone is left alone, and the others never wait.
#[tokio::test]
async fn h_05_one_installation_that_always_fails_stops_no_other() {
    let fake = Fake::start(|asked| {
        let bad = asked.path.starts_with("/repos/acme/bad");
        let good = asked.path.starts_with("/repos/acme/good");
        (bad || good).then(|| if bad { html(500) } else { status(201, json!({"id": 1})) })
    })
    .await;
    let mut config = fake.config();
    let hands = Hands::of(&mut config);
    let app = GitHubApp::new(&config).unwrap();
    let (bad, good) = (repository_of(&app, "acme/bad", 1), repository_of(&app, "acme/good", 2));
    for second in 0..300 {
        let _fails = reacts(&bad).await.unwrap_err();
        // Nothing of the other is asked for a while, so that no answer of its comes in between.
        if second % 100 == 99 {
            assert_eq!(reacts(&good).await, Ok(()), "{second}");
        }
        hands.forward(Duration::from_secs(1));
    }
    let asked = fake.lines().iter().filter(|line| line.contains("/bad/")).count();
    assert_eq!(asked, 5 + 4, "five, and then one a minute for five minutes");
    assert_eq!(later(reacts(&bad).await).1, Pause::Outage);
}

/// A token that cannot be minted for one installation is that one's trouble, though the App itself asks for it.
#[tokio::test]
async fn h_05_a_token_that_cannot_be_minted_stops_no_other() {
    let fake = Fake::start(|asked| {
        let reacts = asked.path.starts_with("/repos/acme/good").then(|| status(201, json!({"id": 1})));
        reacts.or_else(|| asked.path.contains("/installations/1/").then(|| html(502)))
    })
    .await;
    let mut config = fake.config();
    let hands = Hands::of(&mut config);
    let app = GitHubApp::new(&config).unwrap();
    let (bad, good) = (repository_of(&app, "acme/bad", 1), repository_of(&app, "acme/good", 2));
    for _ in 0..20 {
        let _fails = reacts(&bad).await.unwrap_err();
        hands.forward(Duration::from_secs(1));
    }
    assert_eq!(later(reacts(&bad).await).1, Pause::Outage);
    assert_eq!(reacts(&good).await, Ok(()));
}

/// Several installations fail and nobody is answered: that is GitHub, and it is asked once a minute for all.
#[tokio::test]
async fn h_05_several_installations_that_fail_are_an_outage() {
    let fake = Fake::start(|asked| asked.path.starts_with("/repos/").then(|| html(500))).await;
    let mut config = fake.config();
    let hands = Hands::of(&mut config);
    let app = GitHubApp::new(&config).unwrap();
    let repositories: Vec<Repository> =
        (1..=4).map(|number| repository_of(&app, &format!("acme/r{number}"), number)).collect();
    // Each has its token: what fails are its requests alone.
    for repository in &repositories {
        assert!(reacts(repository).await.is_err());
    }
    let before = fake.lines().len();
    for _ in 0..120 {
        for repository in &repositories {
            assert!(reacts(repository).await.is_err());
        }
        hands.forward(Duration::from_secs(1));
    }
    let asked = fake.lines().len() - before;
    assert!(asked <= 5 + 2, "five, and then one a minute in all: {asked}");
}

/// The last request of an hour went well: the next is not even tried before the hour is over.
#[tokio::test]
async fn h_05_an_hour_that_is_used_up_is_not_run_into() {
    let mut reset = None;
    let hour = Arc::new(Mutex::new(None::<i64>));
    let ends = Arc::clone(&hour);
    let (fake, repository, hands) = world(move || {
        let reset = (*ends.lock().unwrap())?;
        let answer = with_header(status(201, json!({"id": 1})), "x-ratelimit-remaining", "0");
        Some(with_header(answer, "x-ratelimit-reset", &reset.to_string()))
    })
    .await;
    reset.replace(hands.now().0 / 1000 + 600);
    *hour.lock().unwrap() = reset;
    assert_eq!(reacts(&repository).await, Ok(()));
    let (at, pause) = later(reacts(&repository).await);
    assert_eq!(pause, Pause::PrimaryLimit);
    assert!((598..=602).contains(&at.since(hands.now()).as_secs()), "{at}");
    assert_eq!(fake.lines().len(), 1);
}

/// One installation's limit is not another's.
#[tokio::test]
async fn a_limit_holds_for_its_installation_alone() {
    let fake = Fake::start(|asked| match asked.path.as_str() {
        REACT if asked.authorization == "Bearer ghs_five" => Some(secondary()),
        REACT => Some(status(201, json!({"id": 1}))),
        "/app/installations/5/access_tokens" => {
            Some(status(201, json!({"token": "ghs_five", "expires_at": crate::fake::in_an_hour()})))
        }
        _ => None,
    })
    .await;
    let app = GitHubApp::new(&fake.config()).unwrap();
    let on = |installation| repository_of(&app, "acme/app", installation);
    later(reacts(&on(5)).await);
    assert_eq!(reacts(&on(6)).await, Ok(()));
    later(reacts(&on(5)).await);
    assert_eq!(fake.lines().len(), 2);
}

/// GraphQL says with 200 what REST says with a status.
#[tokio::test]
async fn h_05_a_limit_in_a_200_is_a_limit() {
    let fake = Fake::start(|asked| {
        let limit = json!({"errors": [{"type": "RATE_LIMITED", "message": "API rate limit exceeded"}]});
        (asked.path == "/graphql").then(|| status(200, limit))
    })
    .await;
    let repository = fake.repository();
    for _ in 0..3 {
        let (_, pause) = later(repository.minimize_comment("IC_1").await);
        assert_eq!(pause, Pause::PrimaryLimit);
    }
    assert_eq!(fake.lines().len(), 1);
}

/// Who makes room first does nothing in vain: no read is sent for a write that would have to wait.
#[tokio::test]
async fn what_has_no_room_does_not_begin() {
    let fake = Fake::start(|asked| {
        (asked.path.starts_with("/repos/")).then(|| match asked.method.as_str() {
            "GET" => status(200, Value::Array(Vec::new())),
            _ => status(201, json!({"id": 1})),
        })
    })
    .await;
    let mut config = fake.config();
    config.budget.burst = 12;
    let hands = Hands::of(&mut config);
    let repository = repository(&config);
    for n in 0..12 {
        let answering = repository.on_errand(Importance::Answer, &format!("answer/{n}"));
        answering.room_for(1).unwrap();
        answering.react_to_comment(CommentId(9)).await.unwrap();
    }
    let full = repository.on_errand(Importance::Pull, "pull");
    let GitHubError::RetryAfter { at, pause: Pause::Budget, .. } = full.room_for(2).unwrap_err() else { panic!() };
    assert_eq!(at, hands.now().plus(Duration::from_millis(2500)));
    assert_eq!(fake.lines().len(), 12);
    hands.forward_to(at);
    full.room_for(2).unwrap();
    let other = repository.on_errand(Importance::Answer, "another answer");
    assert!(other.room_for(1).is_err(), "what was made for one is not given to another");
    drop(full);
    assert_eq!(other.room_for(1), Ok(()), "until that one is over");
}
