//! From the push on: refused pushes, pull requests that are closed, reopened and merged, and other people's.

use baton_core::domain::task::StateName;
use insta::assert_snapshot;

use crate::world::{REPO, Setup, play};

const BRANCH: &str = "baton/issue-1-the-greeting-is-misspelt";

#[test]
fn a_refused_push_is_told_and_retried_when_it_is_put_right() {
    play(Setup::usual(), async |w| {
        w.sim.protect(REPO, BRANCH, true).expect("protected");
        let issue = w.approved().await;
        assert_eq!(w.state(issue).await, StateName::Failed);
        w.sim.protect(REPO, BRANCH, false).expect("unprotected");
        w.alice().says(issue, "/baton retry");
        w.settle().await;
        assert_eq!(w.state(issue).await, StateName::InReview);
        assert_eq!(w.runs("implement").await, 1, "the work is not done again");
        assert_snapshot!("refused_push", w.whole().await);
    });
}

#[test]
fn a_branch_that_somebody_else_made_is_never_overwritten() {
    play(Setup::usual(), async |w| {
        w.bob().pushes(BRANCH, "mine.txt", "Bob's.\n");
        let theirs = w.sim.branch_head(REPO, BRANCH).expect("Bob's branch");
        let issue = w.approved().await;
        assert_eq!(w.sim.branch_head(REPO, BRANCH).as_deref(), Some(theirs.as_str()));
        assert_eq!(w.state(issue).await, StateName::Failed);
        assert_snapshot!(w.notes(issue), @r"
        GitHub did not let Baton push the branch: a branch of that name is there already with commits that are not Baton's. It is left as it is.

        The work is kept. Rename or delete that branch, then comment `/baton retry`.
        ");
    });
}

#[test]
fn a_closed_pull_request_ends_the_task_and_reopening_brings_it_back() {
    play(Setup::usual(), async |w| {
        let issue = w.in_review().await;
        let pull = w.pull().number;
        w.alice().closes(pull);
        w.settle().await;
        assert_eq!(w.state(issue).await, StateName::Closed);
        w.alice().reopens(pull);
        w.settle().await;
        assert_eq!(w.state(issue).await, StateName::InReview);
        w.alice().merges(pull);
        w.settle().await;
        assert_eq!(w.state(issue).await, StateName::Merged);
        assert_snapshot!("reopened", w.history().await);
    });
}

#[test]
fn commands_on_other_peoples_pull_requests_do_nothing() {
    play(Setup::usual(), async |w| {
        w.bob().pushes("feature", "NEWS.md", "# News\n");
        let theirs = w.bob().opens_pull("feature", "News");
        w.alice().says(theirs, "/plan\n/plan approve\n/baton cancel\n/baton status");
        w.settle().await;
        assert!(w.tasks().await.is_empty());
        assert_snapshot!("foreign", w.thread(theirs));
    });
}

#[test]
fn a_second_task_does_not_touch_the_first_ones_branch() {
    play(Setup::usual(), async |w| {
        let issue = w.in_review().await;
        let first = w.sim.branch_head(REPO, BRANCH).expect("the first branch");
        w.alice().closes(w.pull().number);
        w.settle().await;
        w.alice().says(issue, "/plan");
        w.settle().await;
        w.alice().says(issue, "/plan approve");
        w.settle().await;
        assert_eq!(w.state(issue).await, StateName::InReview);
        assert_eq!(w.sim.branch_head(REPO, BRANCH).as_deref(), Some(first.as_str()));
        let heads: Vec<String> = w.sim.pulls(REPO).expect("pulls").into_iter().map(|pull| pull.head).collect();
        assert_eq!(heads, [BRANCH.to_owned(), format!("{BRANCH}-2")]);
    });
}

#[test]
fn an_issue_closed_before_approval_takes_no_command_about_plans() {
    play(Setup::usual(), async |w| {
        let issue = w.rita().reports_the_typo();
        w.alice().closes(issue);
        w.alice().says(issue, "/plan");
        w.settle().await;
        assert!(w.tasks().await.is_empty());
        w.alice().reopens(issue);
        w.alice().locks(issue);
        w.alice().says(issue, "/plan");
        w.settle().await;
        assert!(w.tasks().await.is_empty());
        assert_snapshot!(w.notes(issue), @r"
        alice, `/plan` was not carried out: the issue is closed. Reopen it first.
        ---
        alice, `/plan` was not carried out: the conversation of this issue is locked. Unlock it first.
        ");
    });
}

#[test]
fn a_writers_pull_request_that_closes_the_issue_keeps_baton_away() {
    play(Setup::usual(), async |w| {
        let issue = w.rita().reports_the_typo();
        w.bob().pushes("fix", "greet.sh", "echo \"Hello, $1!\"\n");
        w.bob().opens_pull_with("fix", "Spell it right", &format!("Fixes #{issue}"));
        w.alice().assigns(issue);
        w.settle().await;
        assert_eq!(w.state(issue).await, StateName::Closed);
        assert_eq!(w.runs("plan").await, 0);
        assert_snapshot!(w.notes(issue), @"Pull request #2, by a person, already closes this issue, so Baton stays out of the way. If that pull request is abandoned, comment `/plan`.");
    });
}
