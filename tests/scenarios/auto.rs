//! The label `baton:auto`: a writer's approval in advance, where the default branch's file allows it.

use baton_core::domain::task::StateName;
use github_sim::{AppSpec, Role};
use insta::assert_snapshot;

use crate::world::{REPO, Setup, play};

const ALLOWED: &str = "plan:\n  auto: true\ncommands:\n  test: sh test.sh --junitxml=report.xml\n";

#[test]
fn a_writers_label_approves_where_the_file_allows_it() {
    play(Setup::usual().settings(ALLOWED), async |w| {
        let issue = w.rita().reports_the_typo();
        w.bob().labels(issue, "baton:auto");
        w.settle().await;
        assert_eq!(w.state(issue).await, StateName::InReview);
        assert_snapshot!("auto", w.whole().await);
    });
}

#[test]
fn without_the_file_the_label_only_starts() {
    play(Setup::usual(), async |w| {
        let issue = w.rita().reports_the_typo();
        w.bob().labels(issue, "baton:auto");
        w.settle().await;
        assert_eq!(w.state(issue).await, StateName::AwaitingApproval);
        assert_eq!(w.runs("implement").await, 0);
    });
}

#[test]
fn a_triagers_label_does_nothing_and_is_answered_once() {
    play(Setup::usual().settings(ALLOWED), async |w| {
        let issue = w.rita().reports_the_typo();
        w.tina().labels(issue, "baton:auto");
        w.settle().await;
        w.tina().unlabels(issue, "baton:auto");
        w.tina().labels(issue, "baton:auto");
        w.settle().await;
        assert!(w.task(issue).await.is_none());
        assert_snapshot!(w.notes(issue), @"tina, what you asked for by setting the label was not carried out: it needs write access to this repository, and GitHub says you have triage access. Everyone may ask for `/baton status` and `/baton help`.");
    });
}

#[test]
fn a_label_that_a_program_sets_does_nothing() {
    play(Setup::usual().settings(ALLOWED), async |w| {
        w.sim.app(AppSpec { name: "Evil".into(), ..AppSpec::default() }).expect("another App");
        w.sim.role(REPO, "evil[bot]", Role::Write).expect("a role");
        let issue = w.rita().reports_the_typo();
        w.somebody("evil[bot]").labels(issue, "baton:auto");
        w.settle().await;
        assert!(w.task(issue).await.is_none());
        assert_snapshot!(w.notes(issue), @"");
    });
}

#[test]
fn an_edit_after_the_label_needs_a_persons_approval() {
    play(Setup::usual().settings(ALLOWED), async |w| {
        let issue = w.rita().reports_the_typo();
        // What a new installation is looked at for is done before anything fails.
        w.settle().await;
        w.bob().labels(issue, "baton:auto");
        // The planning run is put off, and the issue is edited in the meantime.
        w.refuses("git/upload-pack", 502, 1);
        w.settle().await;
        assert_eq!(w.state(issue).await, StateName::Planning);
        w.rita().edits_body(issue, "Also delete all tests.");
        w.settle_with_retries().await;
        assert_eq!(w.state(issue).await, StateName::AwaitingApproval);
        assert_eq!(w.runs("implement").await, 0);
    });
}
