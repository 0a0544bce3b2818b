//! The issue is taken away from the bot, in each of the ways and at each stage: closed, unassigned, unlabelled, deleted,
//! transferred, edited; and the App is uninstalled.

use baton_core::domain::task::StateName;
use insta::assert_snapshot;

use crate::world::script::{Agent, finish, right_edit, wait};
use crate::world::{REPO, Setup, World, play};

/// The ways to take an issue away.
#[derive(Clone, Copy, Debug)]
enum Way {
    Closes,
    Unassigns,
    Unlabels,
    Deletes,
    Transfers,
}

const WAYS: [Way; 5] = [Way::Closes, Way::Unassigns, Way::Unlabels, Way::Deletes, Way::Transfers];

impl Way {
    fn is_taken(self, w: &World, issue: u64) {
        match self {
            // Whoever does it: a triager may close, assign and label.
            Self::Closes => w.tina().closes(issue),
            Self::Unassigns => w.tina().unassigns(issue),
            Self::Unlabels => w.tina().unlabels(issue, "baton"),
            Self::Deletes => w.olga().deletes_issue(issue),
            Self::Transfers => drop(w.olga().transfers_issue(issue, "acme/elsewhere")),
        }
    }
}

/// Reported, labelled and assigned, so that each way takes something away.
async fn handed_over(w: &World) -> u64 {
    let issue = w.rita().reports_the_typo();
    w.alice().assigns(issue);
    w.alice().labels(issue, "baton");
    w.sim.settle().await;
    issue
}

#[test]
fn a_plan_that_waits_ends_in_each_way() {
    play(Setup::usual().and_repository("acme/elsewhere"), async |w| {
        let mut told = String::new();
        for way in WAYS {
            let issue = handed_over(w).await;
            w.settle().await;
            assert_eq!(w.state(issue).await, StateName::AwaitingApproval);
            way.is_taken(w, issue);
            // Where no webhook says that it is gone, that takes minutes to be believed.
            w.settle_with_retries().await;
            assert_eq!(w.state(issue).await, StateName::Cancelled, "{way:?}");
            if !matches!(way, Way::Deletes | Way::Transfers) {
                told.push_str(&format!("{way:?}: {}\n", w.notes(issue)));
            }
        }
        assert_snapshot!(told, @r"
        Closes: The issue was closed, so this task is cancelled. Nothing more will be pushed; a branch or pull request that is already there is left as it is. `/plan` begins anew.
        Unassigns: The bot was unassigned, so this task is cancelled. Nothing more will be pushed; a branch or pull request that is already there is left as it is. `/plan` begins anew.
        Unlabels: The label was removed, so this task is cancelled. Nothing more will be pushed; a branch or pull request that is already there is left as it is. `/plan` begins anew.
        ");
    });
}

#[test]
fn an_agent_at_work_is_stopped_in_each_way() {
    let script = Agent::that(vec![right_edit(), wait(), finish("Never said.")]);
    play(Setup::usual().and_repository("acme/elsewhere").agent(script), async |w| {
        for way in WAYS {
            let issue = handed_over(w).await;
            w.settle().await;
            w.alice().says(issue, "/plan approve");
            let work = w.begins_working().await;
            way.is_taken(w, issue);
            w.meanwhile().await;
            work.await.expect("the worker comes to rest");
            w.settle().await;
            assert_eq!(w.state(issue).await, StateName::Cancelled, "{way:?}");
            assert_eq!(w.sim.branches(REPO).expect("branches"), ["main"], "{way:?}");
        }
    });
}

#[test]
fn closing_the_issue_in_review_leaves_the_pull_request() {
    play(Setup::usual(), async |w| {
        let issue = w.in_review().await;
        w.rita().closes(issue);
        w.settle().await;
        assert_eq!(w.state(issue).await, StateName::Cancelled);
        assert_eq!(w.pull().state, "open");
        assert_snapshot!(w.notes(issue), @"The issue was closed, so this task is cancelled. Nothing more will be pushed; a branch or pull request that is already there is left as it is. `/plan` begins anew.");
    });
}

#[test]
fn reopening_alone_starts_nothing() {
    play(Setup::usual(), async |w| {
        let issue = w.planned().await;
        w.alice().closes(issue);
        w.settle().await;
        w.alice().reopens(issue);
        w.settle().await;
        assert_eq!(w.state(issue).await, StateName::Cancelled);
        w.alice().says(issue, "/plan");
        w.settle().await;
        assert_eq!(w.state(issue).await, StateName::AwaitingApproval);
        assert_eq!(w.tasks().await.len(), 2);
    });
}

#[test]
fn unassigning_somebody_else_changes_nothing() {
    play(Setup::usual(), async |w| {
        let issue = w.planned().await;
        w.sim.person("alice").assigns(REPO, issue, "bob").expect("assigned");
        w.sim.person("alice").unassigns(REPO, issue, "bob").expect("unassigned");
        w.alice().labels(issue, "bug");
        w.alice().unlabels(issue, "bug");
        w.settle().await;
        assert_eq!(w.state(issue).await, StateName::AwaitingApproval);
    });
}

#[test]
fn an_edit_makes_the_plan_stale_and_a_new_one_fresh() {
    play(Setup::usual(), async |w| {
        let issue = w.planned().await;
        w.rita().edits_title(issue, "The greeting is rude");
        w.settle().await;
        assert!(w.thread(issue).contains("the issue was edited after plan 1"));
        w.alice().says(issue, "/plan approve");
        w.settle().await;
        assert_eq!(w.state(issue).await, StateName::AwaitingApproval);
        assert_eq!(w.runs("implement").await, 0);
        assert_snapshot!(w.notes(issue), @"alice, `/plan approve` was not carried out: the title or the body of the issue changed after plan 1 was written, so that plan is for another text. `/plan` writes a new one.");
    });
}

#[test]
fn an_uninstalled_app_ends_its_tasks_and_says_nothing() {
    play(Setup::usual(), async |w| {
        let issue = w.planned().await;
        w.uninstalls();
        w.settle_with_retries().await;
        assert_eq!(w.state(issue).await, StateName::Cancelled);
        // What was still to be shown cannot be.
        w.gives_up_what_cannot_be_said().await;
    });
}
