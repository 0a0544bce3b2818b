//! Where a Baton begins: what was said before it knew the repository, or to another life of its database, is not done now.

use std::time::Duration;

use baton_core::domain::task::StateName;
use github_sim::Fate;
use insta::assert_snapshot;

use crate::world::{REPO, Setup, play};

const HOUR: Duration = Duration::from_secs(60 * 60);
const LOOK: u64 = 5 * 60;

#[test]
fn a_new_database_does_nothing_of_what_was_asked_before() {
    for fate in [Fate::IsLost, Fate::Fails] {
        play(Setup::usual().looks_every(LOOK).starts_late(), async |w| {
            w.sim.webhook_fates(move |_| fate);
            let labelled = w.rita().reports_the_typo();
            w.alice().labels(labelled, "baton");
            let asked = w.rita().reports_the_typo();
            w.alice().says(asked, "/plan");
            w.is_down_for(HOUR);
            w.sim.webhook_fates(|_| Fate::Arrives);
            for _ in 0..6 {
                w.advance(Duration::from_secs(LOOK)).await;
            }
            assert_eq!(w.tasks().await, [], "{fate:?}");
            // What is said from now on counts, heard of or not.
            w.sim.webhook_fates(|_| Fate::IsLost);
            w.alice().says(asked, "/plan");
            w.advance(Duration::from_secs(LOOK)).await;
            assert_eq!(w.state(asked).await, StateName::AwaitingApproval, "{fate:?}");
            assert_eq!(w.tasks().await.len(), 1, "{fate:?}");
        });
    }
}

#[test]
fn a_newly_served_repository_begins_with_what_is_said_then() {
    play(
        Setup::usual().looks_every(LOOK).policy(|policy| policy.repositories = vec!["acme/other".into()]),
        async |w| {
            w.sim.webhook_fates(|_| Fate::IsLost);
            let issue = w.rita().reports_the_typo();
            w.alice().labels(issue, "baton");
            w.alice().says(issue, "/plan");
            w.advance(HOUR).await;
            w.serves_only(&[REPO]);
            w.advance(HOUR).await;
            assert_eq!(w.tasks().await, []);
            w.alice().says(issue, "/plan");
            w.advance(HOUR).await;
            assert_eq!(w.state(issue).await, StateName::AwaitingApproval);
        },
    );
}

/// Alice approves, and the Baton that hears of it is lost; the back-up it goes on from knows of no approval.
#[test]
fn r_18_a_restored_database_does_not_repeat_what_was_lost() {
    play(Setup::usual().looks_every(LOOK), async |w| {
        let issue = w.planned().await;
        let other = w.rita().reports_the_typo();
        w.settle().await;
        let lost = w.lives_elsewhere().await;
        w.alice().says(issue, "/plan approve");
        w.alice().labels(other, "baton");
        w.sim.settle().await;
        w.is_down_for(HOUR);
        w.is_restored(&lost);
        for _ in 0..3 {
            w.advance(Duration::from_secs(LOOK)).await;
        }
        assert_eq!((w.state(issue).await, w.runs("implement").await), (StateName::AwaitingApproval, 0));
        assert_eq!(w.tasks().await.len(), 1);
        assert_snapshot!(w.notes(issue), @"");
        // She says it again, and a webhook that is lost is found as ever.
        w.sim.webhook_fates(|_| Fate::IsLost);
        w.alice().says(issue, "/plan approve");
        w.advance(Duration::from_secs(LOOK)).await;
        assert_eq!(w.state(issue).await, StateName::InReview);
    });
}

/// The first look ends before it has read the repository. What is said from then on counts all the same.
#[test]
fn what_is_said_while_the_first_look_cannot_end_counts() {
    play(Setup::usual().looks_every(LOOK).starts_late(), async |w| {
        w.sim.webhook_fates(|_| Fate::IsLost);
        let before = w.rita().reports_the_typo();
        w.alice().says(before, "/plan");
        let issue = w.rita().reports_the_typo();
        w.is_down_for(HOUR);
        w.refuses("issues/list-for-repo", 502, 1_000);
        w.settle().await;
        w.alice().says(issue, "/plan");
        w.advance(Duration::from_secs(LOOK)).await;
        assert_eq!(w.tasks().await, []);
        w.sim.clear_faults();
        for _ in 0..4 {
            w.advance(Duration::from_secs(LOOK)).await;
        }
        assert_eq!(w.state(issue).await, StateName::AwaitingApproval);
        assert_eq!(w.tasks().await.len(), 1);
    });
}

/// What was taken elsewhere cannot be read at first. Nothing is done before it is known.
#[test]
fn a_restored_database_repeats_nothing_while_deliveries_cannot_be_read() {
    play(Setup::usual().looks_every(LOOK), async |w| {
        let issue = w.planned().await;
        let lost = w.lives_elsewhere().await;
        w.alice().says(issue, "/plan approve");
        w.sim.settle().await;
        w.is_down_for(2 * HOUR);
        w.is_restored(&lost);
        w.refuses("apps/list-webhook-deliveries", 502, 1_000);
        for _ in 0..3 {
            w.advance(Duration::from_secs(60)).await;
        }
        assert_eq!((w.state(issue).await, w.runs("implement").await), (StateName::AwaitingApproval, 0));
        w.sim.clear_faults();
        for _ in 0..6 {
            w.advance(Duration::from_secs(LOOK)).await;
        }
        assert_eq!((w.state(issue).await, w.runs("implement").await), (StateName::AwaitingApproval, 0));
        // Looks go on as ever.
        w.sim.webhook_fates(|_| Fate::IsLost);
        w.alice().says(issue, "/plan approve");
        w.advance(Duration::from_secs(LOOK)).await;
        assert_eq!(w.state(issue).await, StateName::InReview);
    });
}
