//! What GitHub does not find for a while: an incident, a rename, an issue that is really gone. Work ends for the last alone.

use std::time::Duration;

use baton_core::domain::task::StateName;
use github_sim::{Fate, Fault, FaultRule, Rule};

use crate::world::{REPO, Setup, World, play};

const MINUTE: Duration = Duration::from_secs(60);
const LOOK: u64 = 5 * 60;

/// A plan is approved, and no work begins until it is let.
async fn approved_and_held(w: &World) -> u64 {
    let issue = w.planned().await;
    w.store.pause("operator", w.now()).await.expect("paused");
    w.alice().says(issue, "/plan approve");
    w.settle().await;
    assert_eq!(w.state(issue).await, StateName::Queued);
    issue
}

async fn goes_on(w: &World) {
    w.store.resume().await.expect("resumed");
    w.settle_with_retries().await;
}

/// So many minutes pass, and everything that is due in them happens.
async fn minutes(w: &World, count: u32) {
    for _ in 0..count {
        w.advance(MINUTE).await;
    }
}

#[test]
fn an_hour_in_which_github_finds_nothing_ends_no_task() {
    play(Setup::usual().looks_every(LOOK), async |w| {
        let waiting = w.planned().await;
        let approved = approved_and_held(w).await;
        w.store.resume().await.expect("resumed");
        w.does_not_find("*");
        minutes(w, 60).await;
        assert_eq!(w.state(waiting).await, StateName::AwaitingApproval);
        assert_eq!(w.state(approved).await, StateName::Queued);
        assert_eq!(w.runs("implement").await, 0);
        w.sim.clear_faults();
        minutes(w, 15).await;
        w.settle_with_retries().await;
        assert_eq!(w.state(waiting).await, StateName::AwaitingApproval);
        assert_eq!(w.state(approved).await, StateName::InReview, "{}", w.story());
        assert_eq!(w.written_twice(), 0);
        assert!(!w.notes(approved).contains("could not"), "{}", w.notes(approved));
    });
}

#[test]
fn a_repository_that_github_does_not_find_for_an_hour_ends_no_task() {
    play(Setup::usual().looks_every(LOOK), async |w| {
        let issue = approved_and_held(w).await;
        for operation in ["repos/get", "issues/get", "issues/list-for-repo", "apps/get-repo-installation"] {
            w.does_not_find(operation);
        }
        w.store.resume().await.expect("resumed");
        minutes(w, 60).await;
        assert_eq!(w.state(issue).await, StateName::Queued);
        w.sim.clear_faults();
        minutes(w, 15).await;
        assert_eq!(w.state(issue).await, StateName::InReview, "{}", w.story());
    });
}

/// GitHub does not show the issue for a minute, and then it does.
#[test]
fn an_issue_that_is_not_found_for_a_minute_is_not_gone() {
    play(Setup::usual().looks_every(LOOK), async |w| {
        let issue = w.planned().await;
        minutes(w, 20).await;
        // What changed last is in every list of changes: this issue has to be asked for.
        w.rita().opens_issue("Something else", "");
        minutes(w, 10).await;
        w.does_not_find("issues/get");
        // A look falls into these minutes, but not the time until the doubt is settled.
        minutes(w, 6).await;
        w.sim.clear_faults();
        minutes(w, 20).await;
        assert_eq!(w.state(issue).await, StateName::AwaitingApproval);
        // Gone for good, and no webhook says so.
        w.does_not_find("issues/get");
        minutes(w, 20).await;
        assert_eq!(w.state(issue).await, StateName::Cancelled);
        w.sim.clear_faults();
    });
}

/// Gone is gone: GitHub says so itself.
#[test]
fn a_deleted_issue_is_believed_at_once() {
    play(Setup::usual().looks_every(1), async |w| {
        let issue = w.planned().await;
        w.sim.webhook_fates(|_| Fate::IsLost);
        w.olga().deletes_issue(issue);
        w.settle().await;
        assert_eq!(w.state(issue).await, StateName::Cancelled);
    });
}

#[test]
fn a_transfer_that_nobody_told_of_ends_the_task() {
    play(Setup::usual().looks_every(1).and_repository("acme/elsewhere"), async |w| {
        let issue = w.planned().await;
        w.sim.webhook_fates(|_| Fate::IsLost);
        w.olga().transfers_issue(issue, "acme/elsewhere");
        w.settle_with_retries().await;
        assert_eq!(w.state(issue).await, StateName::Cancelled);
    });
}

/// The push is refused for good, in a repository that has another name by now, or that one answer says the App is not on.
#[test]
fn a_refusal_in_a_renamed_repository_is_no_transfer() {
    type Wrong = fn(&World);
    let ways: [(&str, Wrong); 2] = [
        ("renamed", |w| w.sim.rename(REPO, "welcomer").expect("renamed")),
        ("not found", |w| w.does_not_find("apps/get-repo-installation")),
    ];
    for (name, goes_wrong) in ways {
        play(Setup::usual(), async |w| {
            let issue = approved_and_held(w).await;
            w.sim.ruleset(REPO, "baton/*", Rule::Creation).expect("a rule");
            goes_wrong(w);
            goes_on(w).await;
            assert_eq!(w.state(issue).await, StateName::Failed, "{name}");
            w.sim.clear_faults();
            if name == "renamed" {
                w.sim.rename("acme/welcomer", "greeter").expect("renamed");
            }
            w.sim.no_rulesets(REPO).expect("no rule");
            w.alice().says(issue, "/baton retry");
            w.settle_with_retries().await;
            assert_eq!(w.state(issue).await, StateName::InReview, "{name}");
        });
    }
}

#[test]
fn an_approval_that_is_not_found_for_a_minute_still_counts() {
    play(Setup::usual().looks_every(LOOK), async |w| {
        let issue = approved_and_held(w).await;
        minutes(w, 20).await;
        w.does_not_find("issues/get-comment");
        minutes(w, 6).await;
        // Whatever is in doubt does not begin.
        w.store.resume().await.expect("resumed");
        w.settle().await;
        assert_eq!(w.runs("implement").await, 0);
        w.sim.clear_faults();
        minutes(w, 20).await;
        assert_eq!(w.state(issue).await, StateName::InReview, "{}", w.notes(issue));
    });
}

/// The look has seen the approval, GitHub then does not show it for a moment, and then it does.
#[test]
fn an_approval_that_is_found_again_waits_no_longer() {
    play(Setup::usual().looks_every(LOOK), async |w| {
        let issue = w.planned().await;
        w.sim.webhook_fates(|_| Fate::IsLost);
        w.alice().says(issue, "/plan approve");
        w.does_not_find("issues/get-comment");
        w.advance(Duration::from_secs(LOOK)).await;
        assert_eq!(w.state(issue).await, StateName::AwaitingApproval);
        w.sim.clear_faults();
        minutes(w, 7).await;
        assert_eq!(w.state(issue).await, StateName::InReview, "{}", w.story());
    });
}

/// What was in doubt went well. Trouble some minutes later is trouble of its own.
#[test]
fn two_moments_of_trouble_are_no_lasting_one() {
    play(Setup::usual(), async |w| {
        let issue = w.planned().await;
        for _ in 0..2 {
            // The question is heard, and then GitHub knows neither the issue nor a place for the answer.
            let fault = Fault::Refuse { status: 404, message: None };
            w.sim.fault(FaultRule { operation: "issues/get".to_owned(), fault, times: None, skip: 1 });
            w.does_not_find("issues/create-comment");
            w.alice().says(issue, "/baton status");
            w.settle().await;
            minutes(w, 1).await;
            w.sim.clear_faults();
            minutes(w, 6).await;
            assert_eq!(w.state(issue).await, StateName::AwaitingApproval, "{}", w.story());
        }
        let said = w.notes(issue);
        assert_eq!(said.matches("**State:**").count(), 2, "{said}");
    });
}
