//! The webhook's edge, in Part A of SECURITY.md's catalogue: what is sent again, captured or forged does nothing twice.

use baton_core::domain::task::StateName;
use insta::assert_snapshot;

use crate::world::{REPO, Setup, World, play};

async fn deliveries(w: &World) -> usize {
    w.outcomes().await.len()
}

#[test]
fn a_01_a_forged_signature_is_refused_and_nothing_is_kept() {
    play(Setup::usual(), async |w| {
        let issue = w.planned().await;
        w.sim.hold_webhooks();
        w.alice().says(issue, "/plan approve");
        let held = w.last_delivery("issue_comment", "created");
        let before = deliveries(w).await;
        let body = held.payload.to_string();
        for headers in [
            &[][..],
            &[("x-hub-signature-256", "")],
            &[("x-hub-signature-256", "sha256=0000000000000000000000000000000000000000000000000000000000000000")],
            &[("x-hub-signature", "sha1=0000000000000000000000000000000000000000")],
        ] {
            assert_eq!(w.posts("issue_comment", "forged", &body, headers).await, 401, "{headers:?}");
        }
        assert_eq!(deliveries(w).await, before);
        assert_eq!(w.runs("implement").await, 0);
        // The positive control: the same, signed.
        w.sim.release_webhooks(false);
        w.settle().await;
        assert_eq!(w.state(issue).await, StateName::InReview);
        // Captured, and signed with a guessed secret or not at all.
        let sent = deliveries(w).await;
        w.forges_signature(&held.guid, Some("not the secret"));
        w.forges_signature(&held.guid, None);
        w.settle().await;
        assert_eq!(deliveries(w).await, sent);
    });
}

/// Somebody who can sign (or captured what GitHub signed) uses a GUID before its delivery comes.
#[test]
fn a_07_another_body_under_a_used_guid_is_not_taken_for_the_same() {
    play(Setup::usual(), async |w| {
        let issue = w.planned().await;
        let captured = w.last_delivery("issues", "assigned").payload.to_string();
        w.sim.hold_webhooks();
        w.alice().says(issue, "/plan approve");
        let held = w.last_delivery("issue_comment", "created");
        assert_eq!(w.delivers("issues", &held.guid, &captured).await, 202);
        w.settle().await;
        assert_eq!(w.state(issue).await, StateName::AwaitingApproval);
        w.sim.release_webhooks(false);
        w.settle().await;
        assert_eq!(w.state(issue).await, StateName::InReview);
        assert_eq!(w.runs("implement").await, 1);
    });
}

#[test]
fn a_06_one_delivery_a_hundred_times_at_once_does_one_thing() {
    play(Setup::usual(), async |w| {
        let issue = w.planned().await;
        w.sim.hold_webhooks();
        w.alice().says(issue, "/plan approve");
        let held = w.last_delivery("issue_comment", "created");
        let body = held.payload.to_string();
        let sends = (0..100).map(|_| w.delivers("issue_comment", &held.guid, &body));
        let statuses = futures::future::join_all(sends).await;
        assert!(statuses.iter().all(|status| (200..300).contains(status)), "{statuses:?}");
        assert_eq!(statuses.iter().filter(|status| **status == 202).count(), 1, "one is new");
        w.settle().await;
        assert_eq!(w.state(issue).await, StateName::InReview);
        assert_eq!(w.runs("implement").await, 1);
        // And once more by GitHub itself, long after.
        w.sim.release_webhooks(false);
        w.redelivers(&held.guid);
        let before = w.history().await;
        w.settle().await;
        assert_eq!(w.history().await, before);
    });
}

#[test]
fn a_07_a_captured_body_under_a_new_guid_does_nothing_again() {
    play(Setup::usual(), async |w| {
        let issue = w.planned().await;
        w.alice().says(issue, "/baton status");
        w.settle().await;
        let assigned = w.last_delivery("issues", "assigned");
        let said = w.delivery_of("alice", "/baton status");
        let (before, history) = (w.story(), w.history().await);
        for guid in [&assigned.guid, &said.guid] {
            w.replays_under_new_guid(guid);
            w.replays_under_new_guid(guid);
        }
        w.settle().await;
        assert_eq!((w.story(), w.history().await), (before, history));
    });
    // A captured approval cannot approve the next task.
    play(Setup::usual(), async |w| {
        let issue = w.in_review().await;
        let approval = w.delivery_of("alice", "/plan approve");
        w.alice().closes(w.pull().number);
        w.settle().await;
        w.alice().says(issue, "/plan");
        w.settle().await;
        assert_eq!(w.state(issue).await, StateName::AwaitingApproval);
        w.replays_under_new_guid(&approval.guid);
        w.settle().await;
        assert_eq!(w.state(issue).await, StateName::AwaitingApproval);
        assert_eq!(w.runs("implement").await, 1);
    });
}

#[test]
fn a_14_a_foreign_installation_gets_no_token_and_is_ignored_with_the_reason() {
    play(Setup::usual().and_repository("umbra/other"), async |w| {
        let issue = w.planned().await;
        w.alice().says(issue, "/baton status");
        w.settle().await;
        let said = w.delivery_of("alice", "/baton status").payload;
        let assigned = w.last_delivery("issues", "assigned").payload;
        let (before, story) = (w.history().await, w.story());
        let (_, others) = w.numbers_of("umbra/other");
        // One that nobody has heard of, and one of the App's own that covers another repository.
        for (name, installation) in [("nobodys", 424_242), ("another", others)] {
            for (event, payload) in [("issue_comment", &said), ("issues", &assigned)] {
                let mut body = payload.clone();
                body["installation"]["id"] = installation.into();
                assert_eq!(w.delivers(event, &format!("{name}-{event}"), &body.to_string()).await, 202);
            }
        }
        w.works_off().await;
        assert_eq!((w.history().await, w.story()), (before, story));
        assert_eq!([asked_with(w, 424_242), asked_with(w, others)], [0, 0]);
        assert!(asked_with(w, w.numbers_of(REPO).1) > 0, "its own gets one");
        let ignored = |event: &str, named: u64| {
            let reason = format!("it names installation {named}, which is not the one that covers acme/greeter");
            format!("{event}: Ignored({reason:?})")
        };
        let expected: Vec<String> =
            [424_242, others].map(|named| ["issue_comment", "issues"].map(|event| ignored(event, named))).concat();
        let became = w.outcomes().await;
        assert_eq!(became[became.len() - 4..], expected);
    });
}

/// How often GitHub was asked about [`REPO`] with a token of this installation.
fn asked_with(w: &World, installation: u64) -> usize {
    let (with, path) = (format!("installation {installation} "), format!("/repos/{REPO}"));
    w.sim.requests().iter().filter(|it| it.with.starts_with(&with) && it.path.contains(&path)).count()
}

/// The App was taken off between the event and its consideration, or switched off: nothing is left behind that somebody
/// would have to clear away.
#[test]
fn a_14_an_installation_that_is_gone_is_ignored_with_the_reason() {
    play(Setup::usual(), async |w| {
        let issue = w.planned().await;
        w.alice().says(issue, "/baton status");
        w.settle().await;
        let said = w.delivery_of("alice", "/baton status").payload;
        w.uninstalls();
        w.settle_with_retries().await;
        w.gives_up_what_cannot_be_said().await;
        let mut late = said.clone();
        late["comment"]["body"] = "/plan approve".into();
        assert_eq!(w.delivers("issue_comment", "late", &late.to_string()).await, 202);
        w.works_off().await;
        let became = w.outcomes().await;
        let last = became.last().map(String::as_str);
        assert_eq!(last, Some("issue_comment: Ignored(\"the App is not installed on acme/greeter (any more)\")"));
    });
}

#[test]
fn a_15_what_a_payload_says_about_rights_is_not_believed() {
    play(Setup::usual(), async |w| {
        let issue = w.planned().await;
        w.rita().says(issue, "/plan approve");
        w.settle().await;
        // The body of a reader's comment, with an owner in the fields that say who it was.
        let mut body = w.delivery_of("rita", "/plan approve").payload;
        body["comment"]["author_association"] = "OWNER".into();
        assert_eq!(w.delivers("issue_comment", "lie-1", &body.to_string()).await, 202);
        let olga = w.sim.user("olga").expect("olga");
        body["sender"]["login"] = "olga".into();
        body["sender"]["id"] = olga.into();
        assert_eq!(w.delivers("issue_comment", "lie-2", &body.to_string()).await, 202);
        w.settle_with_retries().await;
        assert_eq!(w.runs("implement").await, 0);
        assert_eq!(w.sim.branches(REPO).expect("branches"), ["main"]);
    });
}

#[test]
fn events_in_any_order_come_to_the_same_end() {
    let mut ends = Vec::new();
    for reversed in [false, true] {
        let end = std::sync::Mutex::new(String::new());
        play(Setup::usual(), async |w| {
            w.sim.hold_webhooks();
            let issue = w.rita().reports_the_typo();
            w.alice().labels(issue, "baton");
            w.alice().assigns(issue);
            w.rita().edits_body(issue, "It says `Helo`.");
            w.sim.release_webhooks(reversed);
            w.settle_with_retries().await;
            *end.lock().expect("the end") = w.story();
        });
        ends.push(end.into_inner().expect("the end"));
    }
    assert_eq!(ends[0], ends[1]);
    assert_snapshot!("any_order", ends[0]);
}

#[test]
fn nothing_hangs_on_a_webhook_that_comes_before_githubs_own_answer() {
    play(Setup::usual(), async |w| {
        let issue = w.planned().await;
        w.refuses("issues/get-comment", 404, 2);
        w.alice().says(issue, "/plan approve");
        w.settle_with_retries().await;
        assert_eq!(w.state(issue).await, StateName::InReview);
    });
}
