//! Webhooks that never came: Baton finds out by itself what they would have told, and what comes late, twice or after that
//! has no second effect.

use std::collections::BTreeMap;
use std::time::Duration;

use baton_core::domain::task::StateName;
use baton_store::JobState;
use github_sim::{DeliveryRecord, Fate, Role};
use insta::assert_snapshot;

use crate::world::script::{Agent, finish, right_edit, wait};
use crate::world::{REPO, Setup, World, play};

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// Requests to one operation so far.
fn asked(w: &World, operation: &str) -> usize {
    w.sim.requests().iter().filter(|request| request.operation == operation).count()
}

/// The server is down for so long while Alice approves, and what GitHub cannot deliver fails.
fn down_for(seconds: u64, arrives: bool) {
    play(Setup::usual().looks_every(5 * MINUTE), async |w| {
        let issue = w.planned().await;
        w.sim.webhook_fates(|_| Fate::Fails);
        w.alice().says(issue, "/plan approve");
        w.rita().says(issue, "/baton status");
        let down = w.last_delivery("issue_comment", "created");
        w.is_down_for(Duration::from_secs(seconds));
        // The server is up again.
        w.sim.webhook_fates(|_| Fate::Arrives);
        w.settle().await;
        assert_eq!(w.state(issue).await, StateName::InReview);
        assert_eq!(w.runs("implement").await, 1);
        let again: Vec<DeliveryRecord> = w.sim.deliveries().into_iter().filter(|it| it.guid == down.guid).collect();
        assert_eq!(again.len(), if arrives { 2 } else { 1 }, "{again:#?}");
        let times = asked(w, "apps/redeliver-webhook-delivery");
        // Nothing is asked for that has succeeded since, however often Baton looks.
        for _ in 0..20 {
            w.advance(Duration::from_secs(5 * MINUTE)).await;
        }
        assert_eq!(asked(w, "apps/redeliver-webhook-delivery"), times);
        let said = w.notes(issue);
        assert_eq!(said.matches("**State:**").count(), 1, "one answer to one question:\n{said}");
    });
}

#[test]
fn r_06_the_server_is_down_for_an_hour() {
    down_for(HOUR, true);
}

#[test]
fn r_06_the_server_is_down_for_three_days() {
    // GitHub has thrown the deliveries away by then: the truth is all there is.
    down_for(3 * DAY + HOUR, false);
}

#[test]
fn what_fails_again_and_again_is_not_asked_for_for_ever() {
    play(Setup::usual().looks_every(5 * MINUTE), async |w| {
        let issue = w.planned().await;
        w.sim.webhook_fates(|_| Fate::Fails);
        w.alice().says(issue, "/plan approve");
        for _ in 0..40 {
            w.advance(Duration::from_secs(5 * MINUTE)).await;
        }
        assert_eq!(w.state(issue).await, StateName::InReview);
        let mut times: BTreeMap<String, usize> = BTreeMap::new();
        for request in w.sim.requests().iter().filter(|it| it.operation == "apps/redeliver-webhook-delivery") {
            let id: u64 = request.path.split('/').nth(4).and_then(|id| id.parse().ok()).expect("an id");
            let delivery = w.sim.deliveries().into_iter().find(|it| it.id == id).expect("a delivery");
            *times.entry(delivery.guid).or_default() += 1;
        }
        assert!(!times.is_empty() && times.values().all(|times| *times <= 4), "{times:?}");
    });
}

#[test]
fn a_webhook_that_comes_after_baton_saw_it_does_nothing() {
    play(Setup::usual().looks_every(1), async |w| {
        w.sim.hold_webhooks();
        let issue = w.rita().reports_the_typo();
        w.alice().assigns(issue);
        w.bob().labels(issue, "baton");
        w.settle().await;
        assert_eq!(w.state(issue).await, StateName::AwaitingApproval);
        w.alice().says(issue, "/plan approve");
        w.settle().await;
        w.rita().says(issue, "/baton status");
        w.alice().merges(w.pull().number);
        w.settle().await;
        assert_eq!(w.state(issue).await, StateName::Merged);
        let before = w.whole().await;
        for reversed in [true, false] {
            w.sim.release_webhooks(reversed);
            w.settle_with_retries().await;
            assert_eq!(w.whole().await, before);
            for delivery in w.sim.deliveries() {
                w.redelivers(&delivery.guid);
            }
        }
        w.settle_with_retries().await;
        assert_eq!(w.whole().await, before);
        assert_eq!(w.tasks().await.len(), 1);
    });
}

#[test]
fn a_late_webhook_of_an_earlier_task_does_not_end_the_next() {
    play(Setup::usual().looks_every(1), async |w| {
        let issue = w.planned().await;
        w.sim.hold_webhooks();
        w.tina().unassigns(issue);
        w.settle().await;
        assert_eq!(w.state(issue).await, StateName::Cancelled);
        w.alice().says(issue, "/plan");
        w.settle().await;
        assert_eq!(w.tasks().await.len(), 2);
        w.sim.release_webhooks(true);
        w.settle_with_retries().await;
        assert_eq!(w.state(issue).await, StateName::AwaitingApproval);
    });
}

/// Commands that steer, written for the first task and told of when the second one waits.
#[test]
fn a_late_command_for_an_earlier_task_does_not_steer_the_next() {
    play(Setup::usual(), async |w| {
        let issue = w.planned().await;
        w.sim.webhook_fates(|delivery| {
            let late = delivery.payload["comment"]["body"].as_str().is_some_and(|body| body.starts_with("/baton"));
            if late && !delivery.redelivery { Fate::ComesLate } else { Fate::Arrives }
        });
        w.alice().says(issue, "/baton cancel");
        w.alice().says(issue, "/baton pause");
        w.alice().says(issue, "/baton budget 1");
        w.alice().closes(issue);
        w.settle().await;
        assert_eq!(w.state(issue).await, StateName::Cancelled);
        w.alice().reopens(issue);
        w.alice().says(issue, "/plan");
        w.settle().await;
        let before = w.task(issue).await.expect("a task");
        assert_eq!((before.attempt, before.state.name()), (2, StateName::AwaitingApproval));
        w.sim.webhook_fates(|_| Fate::Arrives);
        w.sim.release_webhooks(false);
        w.settle_with_retries().await;
        assert_eq!(w.task(issue).await, Some(before));
        assert_snapshot!(w.notes(issue), @r"
        The issue was closed, so this task is cancelled. Nothing more will be pushed; a branch or pull request that is already there is left as it is. `/plan` begins anew.
        ---
        alice, `/baton cancel` was not carried out: it was written before this task was asked for, so it cannot have meant it. Comment it again if you do mean this task.
        ---
        alice, `/baton pause` was not carried out: it was written before this task was asked for, so it cannot have meant it. Comment it again if you do mean this task.
        ---
        alice, `/baton budget` was not carried out: it was written before this task was asked for, so it cannot have meant it. Comment it again if you do mean this task.
        ");
        // What is said now is meant for this one.
        w.alice().says(issue, "/baton cancel");
        w.settle().await;
        assert_eq!(w.state(issue).await, StateName::Cancelled);
    });
}

/// A label that nobody told of, and the task that was asked for after it has been cancelled when a look finds it.
#[test]
fn a_late_handover_from_before_a_task_begins_no_other() {
    play(Setup::usual().looks_every(5 * MINUTE), async |w| {
        let issue = w.rita().reports_the_typo();
        w.sim.webhook_fates(|delivery| if delivery.event == "issues" { Fate::IsLost } else { Fate::Arrives });
        w.alice().labels(issue, "baton");
        w.alice().says(issue, "/plan");
        w.settle().await;
        assert_eq!(w.state(issue).await, StateName::AwaitingApproval);
        w.alice().says(issue, "/baton cancel");
        w.settle().await;
        for _ in 0..3 {
            w.advance(Duration::from_secs(5 * MINUTE)).await;
        }
        assert_eq!(w.state(issue).await, StateName::Cancelled);
        assert_eq!(w.tasks().await.len(), 1);
        // Handed over now, it is wanted now.
        w.alice().unlabels(issue, "baton");
        w.alice().labels(issue, "baton");
        w.advance(Duration::from_secs(5 * MINUTE)).await;
        assert_eq!(w.state(issue).await, StateName::AwaitingApproval);
        assert_eq!(w.tasks().await.len(), 2);
    });
}

/// The first `/plan` is told of when the plan that the second one asked for stands on the issue, or was given up.
#[test]
fn a_late_plan_command_plans_nothing_anew() {
    for is_cancelled in [false, true] {
        play(Setup::usual(), async |w| {
            let issue = w.rita().reports_the_typo();
            let mut is_first = true;
            w.sim.webhook_fates(move |delivery| {
                let is_plan = delivery.payload["comment"]["body"] == "/plan";
                if is_plan && std::mem::take(&mut is_first) { Fate::ComesLate } else { Fate::Arrives }
            });
            w.alice().says(issue, "/plan");
            w.alice().says(issue, "/plan");
            w.settle().await;
            assert_eq!(w.state(issue).await, StateName::AwaitingApproval);
            if is_cancelled {
                w.alice().says(issue, "/baton cancel");
                w.settle().await;
            }
            let before = w.task(issue).await;
            w.sim.release_webhooks(false);
            w.settle_with_retries().await;
            assert_eq!(w.task(issue).await, before);
            assert_eq!((w.tasks().await.len(), w.runs("plan").await), (1, 1));
            let said = w.notes(issue);
            let refused = "alice, `/plan` was not carried out: it was written before this task was asked for";
            assert!(said.contains(refused), "{said}");
        });
    }
}

/// The same text for the second time is as new as it was for the first.
#[test]
fn an_edit_that_was_taken_back_is_seen_again() {
    play(Setup::usual().looks_every(1), async |w| {
        let issue = w.planned().await;
        w.sim.webhook_fates(|_| Fate::IsLost);
        for title in ["The greeting is rude", "The greeting is misspelt", "The greeting is rude"] {
            w.rita().edits_title(issue, title);
            w.settle().await;
            assert_eq!(w.task(issue).await.expect("a task").issue.title, title);
        }
    });
}

#[test]
fn only_a_comment_as_it_was_written_commands() {
    play(Setup::usual().looks_every(1), async |w| {
        let issue = w.planned().await;
        w.sim.webhook_fates(|_| Fate::IsLost);
        let edited = w.alice().says(issue, "Sounds right.");
        w.bob().edits_comment(edited, "/plan approve");
        w.settle().await;
        // Within its first second, where GitHub's times show nothing.
        let quick = w.alice().says(issue, "Sounds right.");
        w.sim.person("bob").edits_comment(REPO, quick, "/plan approve").expect("edited");
        w.settle().await;
        let deleted = w.alice().says(issue, "/plan approve");
        w.alice().deletes_comment(deleted);
        w.settle().await;
        assert_eq!(w.state(issue).await, StateName::AwaitingApproval);
        assert_eq!(w.runs("implement").await, 0);
        // The positive control.
        w.alice().says(issue, "/plan approve");
        w.settle().await;
        assert_eq!(w.state(issue).await, StateName::InReview);
    });
}

#[test]
fn who_may_do_what_is_asked_as_always() {
    play(Setup::usual().looks_every(1), async |w| {
        w.sim.webhook_fates(|_| Fate::IsLost);
        let issue = w.rita().reports_the_typo();
        w.tina().labels(issue, "baton");
        w.settle().await;
        assert!(w.tasks().await.is_empty());
        w.alice().assigns(issue);
        w.settle().await;
        assert_eq!(w.state(issue).await, StateName::AwaitingApproval);
        w.rita().says(issue, "/plan approve");
        w.settle().await;
        // Whoever could write when they wrote, and cannot when it is read, cannot.
        w.bob().says(issue, "/plan approve");
        w.role("bob", Role::Read);
        w.settle().await;
        assert_eq!(w.runs("implement").await, 0);
        assert_snapshot!(w.notes(issue), @r"
        tina, what you asked for by setting the label was not carried out: it needs write access to this repository, and GitHub says you have triage access. Everyone may ask for `/baton status` and `/baton help`.
        ---
        rita, `/plan approve` was not carried out: it needs write access to this repository, and GitHub says you have read access. Everyone may ask for `/baton status` and `/baton help`.
        ---
        bob, `/plan approve` was not carried out: it needs write access to this repository, and GitHub says you have read access. Everyone may ask for `/baton status` and `/baton help`.
        ");
    });
}

#[test]
fn what_was_there_before_the_app_starts_nothing() {
    play(Setup::usual().looks_every(1), async |w| {
        let old = w.rita().reports_the_typo();
        w.settle().await;
        w.is_down_for(Duration::from_secs(HOUR));
        w.sim.webhook_fates(|_| Fate::IsLost);
        w.uninstalls();
        w.alice().labels(old, "baton");
        w.alice().says(old, "/plan");
        w.is_down_for(Duration::from_secs(HOUR));
        w.installs_again();
        w.settle().await;
        assert!(w.tasks().await.is_empty());
        // Something happens to that issue now.
        w.rita().says(old, "Any news?");
        w.settle().await;
        assert!(w.tasks().await.is_empty());
        w.alice().says(old, "/plan");
        w.settle().await;
        assert_eq!(w.state(old).await, StateName::AwaitingApproval);
    });
}

#[test]
fn an_advance_counts_only_for_the_text_its_giver_saw() {
    for (edit, expected) in [(false, StateName::InReview), (true, StateName::AwaitingApproval)] {
        let settings = "commands:\n  test: sh test.sh --junitxml=report.xml\nplan:\n  auto: true\n";
        play(Setup::usual().settings(settings).looks_every(1), async |w| {
            w.sim.webhook_fates(|_| Fate::IsLost);
            let issue = w.rita().reports_the_typo();
            w.bob().labels(issue, "baton:auto");
            if edit {
                w.rita().edits_body(issue, "Also delete all tests.");
            }
            w.settle().await;
            assert_eq!(w.state(issue).await, expected);
        });
    }
}

#[test]
fn an_approval_taken_back_unheard_does_not_count() {
    let script = Agent::that(vec![right_edit(), wait(), finish("Never said.")]);
    play(Setup::usual().agent(script).looks_every(1), async |w| {
        w.store.pause("operator", w.now()).await.expect("paused");
        let issue = w.rita().reports_the_typo();
        w.store.resume().await.expect("resumed");
        w.alice().assigns(issue);
        w.settle().await;
        w.store.pause("operator", w.now()).await.expect("paused");
        let approval = w.alice().says(issue, "/plan approve");
        w.settle().await;
        assert_eq!(w.state(issue).await, StateName::Queued);
        w.sim.webhook_fates(|_| Fate::IsLost);
        w.alice().deletes_comment(approval);
        w.settle().await;
        w.store.resume().await.expect("resumed");
        // That it is not found proves nothing yet, and nothing begins before it is known.
        w.settle().await;
        assert_eq!((w.state(issue).await, w.runs("implement").await), (StateName::Queued, 0));
        w.settle_with_retries().await;
        assert_eq!((w.state(issue).await, w.runs("implement").await), (StateName::AwaitingApproval, 0));
    });
}

#[test]
fn an_installation_that_went_away_unheard_ends_its_tasks() {
    type Away = fn(&World);
    let ways: [(&str, Away); 3] = [
        ("uninstalled", |w| w.uninstalls()),
        ("suspended", |w| w.suspends(true)),
        ("narrowed", |w| w.leaves_repository()),
    ];
    for (name, goes) in ways {
        play(Setup::usual().looks_every(1), async |w| {
            let issue = w.planned().await;
            w.sim.webhook_fates(|_| Fate::IsLost);
            goes(w);
            w.alice().says(issue, "/plan approve");
            w.settle_with_retries().await;
            assert_eq!(w.state(issue).await, StateName::Cancelled, "{name}");
            assert_eq!(w.runs("implement").await, 0, "{name}");
            assert!(w.jobs(JobState::Dead).await.is_empty(), "{name}");
        });
    }
}

#[test]
fn an_installation_that_came_unheard_is_served() {
    play(Setup::usual().looks_every(1), async |w| {
        w.settle().await;
        w.sim.webhook_fates(|_| Fate::IsLost);
        w.uninstalls();
        w.settle().await;
        w.installs_again();
        let issue = w.rita().reports_the_typo();
        w.alice().labels(issue, "baton");
        w.settle().await;
        assert_eq!(w.state(issue).await, StateName::AwaitingApproval);
    });
}

#[test]
fn many_workers_look_once() {
    play(Setup::usual().looks_every(5 * MINUTE), async |w| {
        let issue = w.planned().await;
        let before = asked(w, "apps/list-installations");
        w.sim.webhook_fates(|_| Fate::IsLost);
        w.alice().says(issue, "/plan approve");
        w.is_down_for(Duration::from_secs(5 * MINUTE));
        w.works_in_parallel(4).await;
        w.settle().await;
        assert_eq!(asked(w, "apps/list-installations"), before + 1);
        assert_eq!(w.state(issue).await, StateName::InReview);
        assert_eq!(w.runs("implement").await, 1);
    });
}

#[test]
fn a_quiet_repository_costs_little() {
    play(Setup::usual().looks_every(5 * MINUTE), async |w| {
        w.planned().await;
        for _ in 0..3 {
            w.advance(Duration::from_secs(5 * MINUTE)).await;
        }
        let before = w.sim.requests().len();
        w.advance(Duration::from_secs(5 * MINUTE)).await;
        let requests = w.sim.requests();
        // A leap of time may cost a credential; that is the story's doing.
        let look = requests[before..].iter().filter(|it| it.status != 401 && it.method == "GET");
        let look = look.map(|request| request.operation.as_str());
        assert_snapshot!(look.collect::<Vec<_>>().join("\n"), @r"
        apps/list-webhook-deliveries
        apps/list-installations
        apps/list-repos-accessible-to-installation
        issues/list-for-repo
        ");
    });
}
