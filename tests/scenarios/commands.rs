//! What people can say, in each state a task can be in.

use baton_core::domain::task::StateName;
use baton_store::JobState;
use insta::assert_snapshot;

use crate::world::script::{Agent, finish, new_case, right_edit, usual_plan, wait};
use crate::world::{Setup, play};

#[test]
fn status_and_help_are_for_everyone() {
    play(Setup::usual(), async |w| {
        let other = w.rita().opens_issue("Another", "Nothing to do with Baton.");
        w.somebody("nora").says(other, "/baton status");
        w.somebody("nora").says(other, "/baton help");
        w.settle().await;
        let issue = w.planned().await;
        w.somebody("nora").says(issue, "/baton status");
        w.settle().await;
        w.rita().says(issue, "/baton help");
        w.settle().await;
        assert_snapshot!("status_and_help", w.story());
    });
}

#[test]
fn a_mistyped_command_is_answered_with_the_nearest() {
    play(Setup::usual(), async |w| {
        let issue = w.planned().await;
        w.alice().says(issue, "/plan aprove");
        w.alice().says(issue, "/baton stauts");
        w.alice().says(issue, "/baton make me a coffee");
        w.alice().says(issue, "/etc/passwd is a path, and `/plan approve` is quoted.");
        w.settle().await;
        assert_eq!(w.state(issue).await, StateName::AwaitingApproval);
        assert_snapshot!(w.notes(issue), @r"
        alice, `/plan aprove` was not carried out: there is no such command. Did you mean `/plan approve [REV]`?
        ---
        alice, `/baton stauts` was not carried out: there is no such command. Did you mean `/baton status`?
        ---
        alice, `/baton make me a coffee` was not carried out: there is no such command. `/baton help` lists the commands.
        ");
    });
}

#[test]
fn what_makes_no_sense_now_is_said_so() {
    play(Setup::usual(), async |w| {
        let issue = w.rita().reports_the_typo();
        w.alice().says(issue, "/plan approve");
        w.alice().says(issue, "/baton cancel");
        w.settle().await;
        w.alice().assigns(issue);
        w.settle().await;
        w.alice().says(issue, "/baton retry");
        w.alice().says(issue, "/baton resume");
        w.alice().says(issue, "/baton agent claude");
        w.settle().await;
        w.alice().says(issue, "/plan approve");
        w.settle().await;
        w.alice().says(issue, "/plan");
        w.alice().says(issue, "/plan approve");
        w.alice().says(issue, "/plan reject");
        w.alice().says(issue, "/baton pause");
        w.alice().says(w.pull().number, "/plan approve");
        w.settle().await;
        assert_eq!(w.state(issue).await, StateName::InReview);
        assert_snapshot!(format!("{}\n=== on the pull request\n{}", w.notes(issue), w.notes(w.pull().number)), @r"
        alice, `/plan approve` was not carried out: Baton has no task on this issue. `/plan` asks for one.
        ---
        alice, `/baton cancel` was not carried out: Baton has no task on this issue. `/plan` asks for one.
        ---
        alice, `/baton retry` was not carried out: only a task that failed or waits for an answer can be retried; this one is `awaiting_approval`. `/plan approve` approves the plan.
        ---
        alice, `/baton resume` was not carried out: the task is not paused; it is `awaiting_approval`. `/plan approve` approves the plan.
        ---
        alice, `/baton agent` was not carried out: `/baton agent` is not available in this version.
        ---
        alice, `/plan` was not carried out: the plan is approved already and the task is `in_review`. `/baton cancel` stops it.
        ---
        alice, `/plan approve` was not carried out: the plan is approved already and the task is `in_review`. `/baton cancel` stops it.
        ---
        alice, `/plan reject` was not carried out: the plan is approved already and the task is `in_review`. `/baton cancel` stops it.
        ---
        alice, `/baton pause` was not carried out: there is nothing to pause; the task is `in_review`. The pull request is open.
        === on the pull request
        alice, `/plan approve` was not carried out: it belongs on the issue, not on the pull request.
        ");
    });
}

#[test]
fn several_commands_in_one_comment_run_in_order() {
    play(Setup::usual(), async |w| {
        let issue = w.planned().await;
        w.alice().says(issue, "/baton budget 5\n/plan approve\n/baton status");
        w.settle().await;
        assert_eq!(w.state(issue).await, StateName::InReview);
        assert_eq!(w.runs("implement").await, 1);
        assert_snapshot!("several", w.thread(issue));
    });
}

#[test]
fn cancel_ends_a_plan_that_waits() {
    play(Setup::usual(), async |w| {
        let issue = w.planned().await;
        w.bob().says(issue, "/baton cancel");
        w.settle().await;
        w.bob().says(issue, "/baton cancel");
        w.settle().await;
        assert_snapshot!("cancelled_waiting", w.whole().await);
    });
}

#[test]
fn cancel_stops_an_agent_that_plans() {
    let script = Agent::new("steady").plans(vec![wait(), usual_plan()]);
    play(Setup::usual().agent(script), async |w| {
        let issue = w.rita().reports_the_typo();
        w.alice().assigns(issue);
        let work = w.begins_working().await;
        w.alice().says(issue, "/baton cancel");
        w.meanwhile().await;
        let started = std::time::Instant::now();
        work.await.expect("the worker comes to rest");
        assert!(started.elapsed().as_secs() < 10, "the agent was stopped after {:?}", started.elapsed());
        w.settle().await;
        assert_eq!(w.state(issue).await, StateName::Cancelled);
        assert_snapshot!(w.notes(issue), @"alice cancelled this task. Nothing more will be pushed; a branch or pull request that is already there is left as it is. `/plan` begins anew.");
    });
}

#[test]
fn cancel_stops_an_agent_that_implements() {
    let script = Agent::that(vec![right_edit(), wait(), finish("Never said.")]);
    play(Setup::usual().agent(script), async |w| {
        let issue = w.planned().await;
        w.alice().says(issue, "/plan approve");
        let work = w.begins_working().await;
        assert_eq!(w.state(issue).await, StateName::Implementing);
        w.bob().says(issue, "/baton status");
        w.meanwhile().await;
        w.bob().says(issue, "/baton cancel");
        w.meanwhile().await;
        work.await.expect("the worker comes to rest");
        w.settle().await;
        assert_eq!(w.state(issue).await, StateName::Cancelled);
        assert_eq!(w.jobs(JobState::Cancelled).await.iter().filter(|job| job.kind == "run").count(), 1);
        assert_eq!(w.sim.branches(crate::world::REPO).expect("branches"), ["main"]);
        assert_snapshot!("cancelled_implementing", w.whole().await);
    });
}

#[test]
fn cancel_leaves_a_pull_request_as_it_is() {
    play(Setup::usual(), async |w| {
        let issue = w.in_review().await;
        w.alice().says(w.pull().number, "/baton cancel");
        w.settle().await;
        assert_eq!(w.state(issue).await, StateName::Cancelled);
        assert_eq!(w.pull().state, "open");
        assert_snapshot!(format!("{}\n=== on the pull request\n{}", w.notes(issue), w.notes(w.pull().number)), @r"
        === on the pull request
        alice cancelled this task. Nothing more will be pushed; a branch or pull request that is already there is left as it is. `/plan` on the issue begins anew.
        ");
    });
}

#[test]
fn pause_stops_an_agent_and_resume_begins_the_work_again() {
    let script = Agent::that(vec![right_edit(), wait(), finish("Never said.")]);
    play(Setup::usual().agent(script), async |w| {
        let issue = w.planned().await;
        w.alice().says(issue, "/plan approve");
        let work = w.begins_working().await;
        w.alice().says(issue, "/baton pause");
        w.meanwhile().await;
        work.await.expect("the worker comes to rest");
        w.settle().await;
        assert_eq!(w.state(issue).await, StateName::Paused);
        w.agent_becomes(&Agent::that(vec![right_edit(), new_case(), finish("Done after the pause.")]));
        w.alice().says(issue, "/baton resume");
        w.settle().await;
        assert_eq!(w.state(issue).await, StateName::InReview);
        assert_eq!(w.runs("implement").await, 2);
        assert_snapshot!("paused", w.whole().await);
    });
}

/// Most comments on a task's issue are Baton's own: the operator's list tells them from those of people.
#[test]
fn batons_own_comments_are_called_so_in_the_list_of_deliveries() {
    play(Setup::usual(), async |w| {
        let issue = w.in_review().await;
        w.alice().says(issue, "Thank you.");
        w.settle().await;
        let mut outcomes = std::collections::BTreeMap::<String, usize>::new();
        for outcome in w.outcomes().await.into_iter().filter(|outcome| outcome.starts_with("issue_comment")) {
            *outcomes.entry(outcome).or_default() += 1;
        }
        let of_people: Vec<&str> =
            outcomes.keys().map(String::as_str).filter(|it| !it.contains("own comment")).collect();
        assert_eq!(
            of_people,
            ["issue_comment: Handled", "issue_comment: Ignored(\"there is no command in it\")"],
            "Alice's approval and her thanks"
        );
        assert_eq!(outcomes[of_people[1]], 1);
        assert!(outcomes["issue_comment: Ignored(\"Baton's own comment\")"] > 3, "{outcomes:?}");
    });
}
