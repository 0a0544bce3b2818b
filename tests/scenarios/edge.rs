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
fn a_14_another_installation_in_the_payload_gets_no_token() {
    play(Setup::usual(), async |w| {
        let issue = w.planned().await;
        w.alice().says(issue, "/baton status");
        w.settle().await;
        let mut body = w.delivery_of("alice", "/baton status").payload;
        body["installation"]["id"] = 424_242.into();
        let before = w.history().await;
        assert_eq!(w.delivers("issue_comment", "other-installation", &body.to_string()).await, 202);
        w.settle_with_retries().await;
        assert_eq!(w.history().await, before);
        w.gives_up_considering().await;
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
