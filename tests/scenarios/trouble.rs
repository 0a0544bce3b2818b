//! What breaks on the way, and what people read and do about it.

use std::time::Duration;

use baton_core::domain::task::StateName;
use baton_queue::Ending;
use insta::assert_snapshot;

use crate::world::script::{Agent, finish, new_case, right_edit, run, usual_plan};
use crate::world::{REPO, Setup, endings, play};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

#[test]
fn an_agent_that_breaks_is_told_and_retried() {
    let script =
        Agent::that(vec![right_edit(), run("sh greet.sh Ada").answered("Bonjour, Ada!"), finish("Never said.")]);
    play(Setup::usual().agent(script), async |w| {
        let issue = w.approved().await;
        assert_eq!(w.state(issue).await, StateName::Failed);
        // It goes on from where it broke: with the edit it had made, and with what it had said.
        w.agent_becomes(&Agent::that(vec![
            right_edit(),
            run("sh greet.sh Ada").answered("Hello, Ada!"),
            new_case(),
            finish("The greeting says `Hello` now; a new case shows it."),
        ]));
        w.alice().says(issue, "/baton retry");
        w.settle().await;
        assert_eq!(w.state(issue).await, StateName::InReview);
        assert_snapshot!("broke", w.whole().await);
    });
}

#[test]
fn a_broken_file_is_explained_with_line_and_nearest_key() {
    play(Setup::usual().settings("agent: steady\ncommands:\n  tset: sh test.sh\n"), async |w| {
        let issue = w.rita().reports_the_typo();
        w.alice().assigns(issue);
        w.settle().await;
        assert_eq!(w.state(issue).await, StateName::Failed);
        w.bob().pushes("main", ".github/baton.yml", "commands:\n  test: sh test.sh --junitxml=report.xml\n");
        w.alice().says(issue, "/baton retry");
        w.settle().await;
        assert_eq!(w.state(issue).await, StateName::AwaitingApproval);
        assert_snapshot!(w.notes(issue), @r#"
        `.github/baton.yml` on the default branch cannot be used, and Baton does not guess:

        - .github/baton.yml, line 3, column 3: there is no key "tset" in `commands`; allowed: `setup`, `test`, `lint`, `format`. Did you mean `test`?

        Correct the file, then comment `/baton retry`.
        "#);
    });
}

#[test]
fn an_agent_that_is_not_configured_is_named() {
    play(Setup::usual().settings("agent: opus\n"), async |w| {
        let issue = w.rita().reports_the_typo();
        w.alice().assigns(issue);
        w.settle().await;
        assert_snapshot!(w.notes(issue), @r"
        `.github/baton.yml` on the default branch cannot be used, and Baton does not guess:

        - .github/baton.yml: `agent`: the agent `opus` is not configured here; there is hosted, steady

        Correct the file, then comment `/baton retry`.
        ");
    });
}

#[test]
fn a_limit_that_is_reached_asks_and_the_work_goes_on_where_it_was() {
    let script = Agent::that(vec![right_edit(), run("true"), run("true"), new_case(), finish("In two sittings.")]);
    let setup = Setup::usual().agent(script).policy(|policy| policy.run.turns = 3);
    play(setup, async |w| {
        let issue = w.approved().await;
        assert_eq!(w.state(issue).await, StateName::WaitingForUser);
        w.alice().says(issue, "/baton retry");
        w.settle().await;
        assert_eq!(w.state(issue).await, StateName::InReview);
        assert!(w.diff().contains("+echo \"Hello, $1!\""), "what was done before the limit is kept");
        assert!(w.diff().contains("ada.case"));
        assert_snapshot!("limit", w.whole().await);
    });
}

#[test]
fn money_that_is_used_up_stops_the_task_until_there_is_more() {
    let setup = Setup::usual().policy(|policy| policy.task_dollars = 0.004);
    play(setup, async |w| {
        let issue = w.approved().await;
        w.alice().says(issue, "/baton retry");
        w.settle().await;
        assert_ne!(w.state(issue).await, StateName::InReview);
        w.alice().says(issue, "/baton budget 5");
        w.alice().says(issue, "/baton retry");
        w.settle().await;
        assert_eq!(w.state(issue).await, StateName::InReview, "{}", w.story());
        assert_snapshot!(w.notes(issue), @r"
        The agent was stopped because it reached its spending limit. What it changed is kept.

        The task's money is used up: `/baton budget AMOUNT` raises its limit, and `/baton retry` goes on then; `/baton cancel` ends the task.
        ---
        alice, `/baton retry` was not carried out: the task's money is used up. `/baton budget AMOUNT` raises its limit; then `/baton retry` goes on.
        ");
    });
}

#[test]
fn a_plan_that_nobody_answers_is_reminded_of_and_expires() {
    play(Setup::usual(), async |w| {
        let issue = w.planned().await;
        w.advance(6 * DAY).await;
        assert_eq!(w.notes(issue), "");
        w.advance(DAY).await;
        assert!(w.notes(issue).contains("still waits"));
        w.advance(7 * DAY).await;
        assert_eq!(w.state(issue).await, StateName::Expired);
        w.advance(30 * DAY).await;
        w.alice().says(issue, "/plan approve");
        w.settle().await;
        assert_snapshot!(w.notes(issue), @r"
        Plan 1 still waits for a writer: `/plan approve 1`, `/plan revise TEXT` or `/plan reject`. Without an answer it expires in 7 days.
        ---
        Nobody answered in time, so this task has expired. Nothing was changed in the repository. `/plan` begins anew.
        ---
        alice, `/plan approve` was not carried out: the task has ended (`expired`). `/plan` begins a new one.
        ");
    });
}

#[test]
fn a_question_that_nobody_answers_is_reminded_of_and_expires() {
    let script = Agent::that(vec![right_edit(), run("true"), run("true"), finish("Too late.")]);
    let setup = Setup::usual().agent(script).policy(|policy| policy.run.turns = 2);
    play(setup, async |w| {
        let issue = w.approved().await;
        w.advance(7 * DAY).await;
        w.advance(7 * DAY).await;
        assert_eq!(w.state(issue).await, StateName::Expired);
        assert_snapshot!(w.notes(issue), @r"
        The agent was stopped because it reached its limit on model calls. What it changed is kept.

        `/baton retry` lets it go on with the same limit again; `/baton cancel` ends the task.
        ---
        This task still waits for a writer: `/baton retry` goes on, `/baton cancel` ends it. Without an answer it expires in 7 days.
        ---
        Nobody answered in time, so this task has expired. Nothing was changed in the repository. `/plan` begins anew.
        ");
    });
}

#[test]
fn a_revised_plan_waits_its_own_time() {
    let script = Agent::steady().plans_again(2, vec![usual_plan()]);
    play(Setup::usual().agent(script), async |w| {
        let issue = w.planned().await;
        w.advance(6 * DAY).await;
        w.alice().says(issue, "/plan revise Say why.");
        w.settle().await;
        w.advance(6 * DAY).await;
        assert_eq!(w.notes(issue), "", "the first plan's timers are not the second's");
        w.advance(2 * DAY).await;
        assert!(w.notes(issue).contains("Plan 2 still waits"));
        assert_eq!(w.state(issue).await, StateName::AwaitingApproval);
    });
}

#[test]
fn github_that_fails_now_and_then_changes_nothing_that_people_see() {
    let calm = std::sync::Mutex::new(String::new());
    play(Setup::usual(), async |w| {
        w.in_review().await;
        *calm.lock().expect("the story") = w.story();
    });
    play(Setup::usual(), async |w| {
        for operation in [
            "issues/create-comment",
            "issues/update-comment",
            "reactions/create-for-issue-comment",
            "pulls/create",
            "pulls/request-reviewers",
            "checks/create",
            "git/receive-pack",
            "git/upload-pack",
            "apps/create-installation-access-token",
            "repos/get-collaborator-permission-level",
        ] {
            w.refuses(operation, 502, 1);
            w.does_it_but_drops_the_reply(operation);
        }
        let issue = w.rita().reports_the_typo();
        w.alice().assigns(issue);
        w.settle_with_retries().await;
        w.alice().says(issue, "/plan approve");
        w.settle_with_retries().await;
        assert_eq!(w.state(issue).await, StateName::InReview);
        let without_time = |story: &str| {
            let lines = story.lines().filter(|line| !line.contains("since it began") && !line.starts_with("| "));
            let text = lines.collect::<Vec<_>>().join("\n");
            // What was refused comes a moment later, and so behind what was not; what it says is the same.
            let mut parts: Vec<String> = text.split("\n--- @").map(|part| part.trim().to_owned()).collect();
            parts.sort();
            parts
        };
        assert_eq!(without_time(&w.story()), without_time(&calm.lock().expect("the story")));
    });
}

#[test]
fn a_rate_limit_is_waited_out() {
    play(Setup::usual(), async |w| {
        w.rate_limits("issues/create-comment", 600);
        let issue = w.rita().reports_the_typo();
        w.alice().assigns(issue);
        let ran = w.settle().await;
        assert!(endings(&ran, |ending| *ending == Ending::Released) > 0, "they are to come back");
        assert_eq!(endings(&ran, |ending| matches!(ending, Ending::Retried(_))), 0, "and that is no failure");
        assert!(!w.thread(issue).contains("### Baton is on this issue"));
        w.advance(Duration::from_secs(599)).await;
        assert!(!w.thread(issue).contains("### Baton is on this issue"), "not before the time GitHub named");
        w.settle_with_retries().await;
        assert_eq!(w.state(issue).await, StateName::AwaitingApproval);
    });
}

#[test]
fn what_can_never_be_posted_fails_the_task_and_a_retry_posts_it() {
    play(Setup::usual(), async |w| {
        let issue = w.rita().reports_the_typo();
        w.alice().assigns(issue);
        w.sim.settle().await;
        // The first comment is the progress, the second the plan.
        w.refuses("pulls/create", 422, 1);
        w.settle().await;
        w.alice().says(issue, "/plan approve");
        w.settle().await;
        assert_eq!(w.state(issue).await, StateName::Failed);
        w.alice().says(issue, "/baton retry");
        w.settle().await;
        assert_eq!(w.state(issue).await, StateName::InReview);
        assert_eq!(w.sim.branches(REPO).expect("branches").len(), 2);
        assert_snapshot!(w.notes(issue), @r"
        GitHub did not let Baton open the pull request: it says why in its own words.

        ```
        GitHub does not accept it: Unprocessable Entity (pulls/create)
        ```

        The work is kept. Put right what it names, then comment `/baton retry`. `/plan` begins with a new plan.
        ");
    });
}

#[test]
fn a_repository_that_is_not_served_is_told_once() {
    let setup = Setup::usual().policy(|policy| policy.owners = vec!["other".into()]);
    play(setup, async |w| {
        let issue = w.rita().reports_the_typo();
        w.alice().assigns(issue);
        w.alice().says(issue, "/plan");
        let other = w.rita().opens_issue("Another", "");
        w.alice().says(other, "/baton status");
        w.settle().await;
        assert!(w.tasks().await.is_empty());
        assert_snapshot!("not_served", w.story());
    });
}

#[test]
fn the_operator_can_stop_everything_and_go_on() {
    play(Setup::usual(), async |w| {
        w.store.pause("operator", w.now()).await.expect("paused");
        let issue = w.rita().reports_the_typo();
        w.alice().assigns(issue);
        w.alice().says(issue, "/baton status");
        w.settle().await;
        assert_eq!(w.runs("plan").await, 0);
        assert!(w.notes(issue).contains("The operator has paused this bot"));
        w.store.resume().await.expect("resumed");
        w.settle().await;
        assert_eq!(w.state(issue).await, StateName::AwaitingApproval);
    });
}

#[test]
fn two_issues_are_worked_on_beside_each_other() {
    play(Setup::usual(), async |w| {
        let first = w.rita().reports_the_typo();
        let second = w.rita().opens_issue("Greeting again", "It says Helo.");
        w.alice().assigns(first);
        w.alice().assigns(second);
        w.settle().await;
        w.alice().says(second, "/plan approve");
        w.alice().says(first, "/plan approve");
        w.settle().await;
        for issue in [first, second] {
            assert_eq!(w.state(issue).await, StateName::InReview);
        }
        assert_eq!(w.sim.pulls(REPO).expect("pulls").len(), 2);
    });
}
