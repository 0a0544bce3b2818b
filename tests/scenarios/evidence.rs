//! What the tests say decides: ready for review, a draft that names what is wrong, or another round.

use baton_core::domain::task::StateName;
use insta::assert_snapshot;

use crate::world::script::{Agent, edit, finish, new_case, right_edit, run, usual_plan, write};
use crate::world::{Setup, play};

/// Breaks the case `runs`.
fn wrong_edit() -> crate::world::script::Call {
    write("greet.sh", "echo \"Hello, $1.\"\n")
}

#[test]
fn failing_tests_go_back_and_are_mended() {
    let script = Agent::that(vec![wrong_edit(), new_case(), finish("Done.")])
        .revises(1, vec![edit("greet.sh", "$1.", "$1!"), finish("Mended what I broke.")]);
    play(Setup::usual().agent(script), async |w| {
        let issue = w.in_review().await;
        assert!(!w.pull().draft);
        assert_eq!(w.task(issue).await.expect("a task").runs, 3);
        assert_snapshot!("mended", w.whole().await);
    });
}

#[test]
fn an_agent_that_takes_everything_back_leaves_nothing_to_judge() {
    let script = Agent::that(vec![wrong_edit(), finish("Done.")])
        .revises(1, vec![write("greet.sh", "echo \"Helo, $1!\"\n"), finish("It was right as it was.")]);
    play(Setup::usual().agent(script), async |w| {
        let issue = w.approved().await;
        w.settle().await;
        assert_eq!(w.state(issue).await, StateName::Closed, "{}", w.whole().await);
        assert_eq!(w.sim.branches(crate::world::REPO).expect("branches"), ["main"]);
        assert_snapshot!(w.notes(issue), @r"
        The agent ended without changing anything, so no pull request was opened. It says:

        It was right as it was.

        Say more in the issue and comment `/plan` to begin anew.
        ");
    });
}

#[test]
fn what_stays_wrong_is_a_draft_that_names_the_tests() {
    let script = Agent::that(vec![wrong_edit(), new_case(), finish("Done.")])
        .revises(1, vec![edit("greet.sh", "$1.", "$1?"), finish("Mended.")])
        .revises(2, vec![finish("It is right as it is.")]);
    play(Setup::usual().agent(script), async |w| {
        w.in_review().await;
        assert!(w.pull().draft);
        assert!(w.pull().requested_reviewers.is_empty(), "nobody is asked to review what is not ready");
        assert_snapshot!("draft", w.whole().await);
    });
}

#[test]
fn a_removed_test_keeps_it_a_draft() {
    let script = Agent::that(vec![right_edit(), new_case(), run("rm tests/runs.case"), finish("Tidied.")]);
    play(Setup::usual().agent(script), async |w| {
        w.in_review().await;
        assert!(w.pull().draft);
        assert_snapshot!("removed", w.pull_body());
    });
}

#[test]
fn a_newly_skipped_test_keeps_it_a_draft() {
    let script =
        Agent::that(vec![right_edit(), new_case(), write("tests/runs.case", "skip for now\n"), finish("Later.")]);
    play(Setup::usual().agent(script), async |w| {
        w.in_review().await;
        assert!(w.pull().draft);
        assert_snapshot!("skipped", w.pull_body());
    });
}

#[test]
fn a_changed_test_configuration_keeps_it_a_draft() {
    let script = Agent::that(vec![
        right_edit(),
        new_case(),
        write("pytest.ini", "[pytest]\naddopts = -k none\n"),
        finish("Faster."),
    ]);
    play(Setup::usual().agent(script), async |w| {
        w.in_review().await;
        assert!(w.pull().draft);
        assert_snapshot!("configuration", w.pull_body());
    });
}

#[test]
fn a_new_test_that_passes_on_the_base_proves_nothing() {
    let script = Agent::that(vec![right_edit(), write("tests/easy.case", "Ada\n*Ada*\n"), finish("With a case.")]);
    play(Setup::usual().agent(script), async |w| {
        w.in_review().await;
        assert_snapshot!("proves_nothing", w.pull_body());
    });
}

#[test]
fn without_a_test_command_there_is_no_evidence() {
    let script = Agent::that(vec![right_edit(), finish("Spelt right.")]);
    play(Setup::usual().without_settings().agent(script), async |w| {
        w.in_review().await;
        assert!(w.pull().draft);
        assert_snapshot!("no_command", w.story());
    });
}

#[test]
fn a_base_that_moved_elsewhere_is_taken_in() {
    play(Setup::usual(), async |w| {
        let issue = w.planned().await;
        w.bob().pushes("main", "NEWS.md", "# News\n\nNone.\n");
        w.alice().says(issue, "/plan approve");
        w.settle().await;
        assert_eq!(w.state(issue).await, StateName::InReview);
        let head = w.pull().head;
        assert!(w.sim.branch_file(crate::world::REPO, &head, "NEWS.md").is_some(), "the branch stands on the new base");
        assert!(!w.diff().contains("NEWS.md"));
        assert!(!w.pull().draft);
    });
}

#[test]
fn a_base_that_moved_in_the_same_place_needs_a_new_plan() {
    let script = Agent::steady().plans_again(2, vec![usual_plan()]);
    play(Setup::usual().agent(script), async |w| {
        let issue = w.planned().await;
        w.bob().pushes("main", "greet.sh", "echo \"Good day, $1!\"\n");
        w.alice().says(issue, "/plan approve");
        w.settle().await;
        assert_eq!(w.state(issue).await, StateName::AwaitingApproval);
        assert!(w.sim.pulls(crate::world::REPO).expect("pulls").is_empty());
        assert_snapshot!("conflict", w.whole().await);
    });
}

#[test]
fn the_repositorys_template_is_filled_in() {
    let template = "## What and why\n\n<!-- say it -->\n\n## Related issue\n\n## How was it tested?\n\n## Checklist\n\n- [ ] I read CONTRIBUTING\n";
    play(Setup::usual().file(".github/PULL_REQUEST_TEMPLATE.md", template), async |w| {
        w.in_review().await;
        assert_snapshot!("template", w.pull_body());
    });
}
