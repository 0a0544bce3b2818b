//! What people are told and where: answers stand where they were asked for, silence is announced, a draft is told of, and
//! a required check says no where the evidence does.

use baton_core::domain::task::StateName;
use insta::assert_snapshot;

use crate::world::script::{Agent, finish, new_case, right_edit, run, write};
use crate::world::{REPO, Setup, World, play};

/// The conclusion and the title of the only check run.
fn check(w: &World) -> String {
    let mut checks = w.sim.check_runs(REPO).expect("check runs");
    assert_eq!(checks.len(), 1);
    let check = checks.remove(0);
    format!("{}: {}", check.conclusion.unwrap_or_default(), check.title.unwrap_or_default())
}

#[test]
fn what_is_asked_on_the_pull_request_is_answered_there() {
    play(Setup::usual(), async |w| {
        let issue = w.in_review().await;
        let pull = w.pull().number;
        w.somebody("nora").says(pull, "/baton status");
        w.settle().await;
        w.alice().says(pull, "/baton help");
        w.settle().await;
        w.alice().says(pull, "/baton cancel");
        w.settle().await;
        assert_eq!(w.state(issue).await, StateName::Cancelled);
        assert_eq!(w.notes(issue), "", "nobody asked on the issue");
        assert_snapshot!(w.notes(pull), @r"
        **State:** `in_review`, pull request #2 is open and waits for a person.

        2 s since it began · 2 runs · 4,400 tokens · $0.02 of $25.00 · [plan 1](http://[host]/acme/greeter/issues/1#issuecomment-[id]) · pull request #2
        ---
        The task on this issue is `in_review`.

        A command stands at the start of a line of a new comment. Writers are those who may write to this repository.

        | Command | Who | What it does |
        |---|---|---|
        | `/baton status` | everyone | Show the state, the place in the queue, the cost so far and the links. |
        | `/baton cancel` | writers | Stop whatever is running and end the task. |
        | `/baton budget AMOUNT` | writers | Set this task's limit to AMOUNT US dollars. |
        | `/baton help` | everyone | Show the commands that work here. |

        Not at this moment: `/baton pause`, `/baton resume`, `/baton retry`.
        ---
        alice cancelled this task. Nothing more will be pushed; a branch or pull request that is already there is left as it is. `/plan` on the issue begins anew.
        ");
        // The whole way is still told, and who ended it.
        assert_snapshot!("cancelled_in_review", w.thread(issue));
    });
}

#[test]
fn an_earlier_attempts_pull_request_steers_no_later_one() {
    play(Setup::usual(), async |w| {
        let issue = w.in_review().await;
        let first = w.pull().number;
        w.alice().closes(first);
        w.settle().await;
        w.alice().says(issue, "/plan");
        w.settle().await;
        w.alice().says(first, "/baton cancel");
        w.settle().await;
        assert_eq!(w.state(issue).await, StateName::AwaitingApproval);
        assert_snapshot!(w.notes(first), @"alice, `/baton cancel` was not carried out: pull request #2 is of an earlier attempt at its issue, and a later one has taken over. Say it on the issue, or on the pull request of that attempt.");
    });
}

#[test]
fn the_tenth_answer_says_that_it_is_the_last_and_commands_still_count() {
    play(Setup::usual(), async |w| {
        let issue = w.planned().await;
        for _ in 0..12 {
            w.alice().says(issue, "/plan aprove");
        }
        w.settle().await;
        let notes = w.notes(issue);
        let answers: Vec<&str> = notes.split("\n---\n").collect();
        assert_eq!(answers.len(), 10);
        assert!(answers[..9].iter().all(|answer| !answer.contains("tenth")));
        let hour = regex::Regex::new(r"\d\d:00 UTC").expect("a pattern");
        assert_snapshot!(hour.replace(answers[9], "[hour]:00 UTC"), @r"
        alice, `/plan aprove` was not carried out: there is no such command. Did you mean `/plan approve [REV]`?

        This was the tenth answer to you here within an hour; the next one comes after [hour]:00 UTC. Valid commands are still carried out.
        ");
        w.alice().says(issue, "/plan approve 7");
        w.settle().await;
        let outcomes = w.outcomes().await;
        let unanswered: Vec<&String> = outcomes.iter().filter(|line| line.contains("not answered")).collect();
        assert_eq!(unanswered.len(), 3, "{outcomes:#?}");
        assert_snapshot!(unanswered[0], @r#"issue_comment: Ignored("not answered: ten answers to this person here in this hour")"#);
        assert_snapshot!(unanswered[2], @r#"issue_comment: Ignored("refused: revision 7 is not the newest plan. Read revision 1; `/plan approve 1` approves it. (not answered: ten answers to this person here in this hour)")"#);
        w.alice().says(issue, "/plan approve");
        w.settle().await;
        assert_eq!(w.state(issue).await, StateName::InReview);
    });
}

/// Who may only ask is told too.
#[test]
fn the_tenth_status_of_a_reader_says_that_it_is_the_last() {
    play(Setup::usual(), async |w| {
        let issue = w.planned().await;
        for _ in 0..12 {
            w.somebody("nora").says(issue, "/baton status");
        }
        w.settle().await;
        let notes = w.notes(issue);
        assert_eq!(notes.matches("**State:**").count(), 10);
        assert_eq!(notes.matches("This was the tenth answer to you here within an hour").count(), 1);
    });
}

#[test]
fn what_is_not_available_is_said_so_without_a_task_too() {
    play(Setup::usual(), async |w| {
        let issue = w.rita().reports_the_typo();
        w.alice().says(issue, "/baton agent claude");
        w.settle().await;
        assert_snapshot!(w.notes(issue), @"alice, `/baton agent` was not carried out: `/baton agent` is not available in this version.");
    });
}

#[test]
fn tests_that_break_fail_the_check_and_the_draft_is_told_of() {
    let wrong = || write("greet.sh", "echo \"Hello, $1.\"\n");
    let script = Agent::that(vec![wrong(), new_case(), finish("Done.")])
        .revises(1, vec![finish("It is right.")])
        .revises(2, vec![finish("It is right.")]);
    play(Setup::usual().agent(script), async |w| {
        let issue = w.in_review().await;
        assert!(w.pull().draft);
        assert_snapshot!(check(w), @"failure: Something fails that did not fail before");
        assert_snapshot!(w.notes(issue), @"Pull request #2 is open as a draft, and nobody was asked to review it: something fails that did not fail before, and the agent has used all its attempts to correct it. A person has to look, and to decide: push what is missing to its branch, mark it ready, or close it.");
    });
}

#[test]
fn tests_that_are_gone_ask_for_a_person() {
    let script = Agent::that(vec![right_edit(), new_case(), run("rm tests/runs.case"), finish("Tidied.")]);
    play(Setup::usual().agent(script), async |w| {
        let issue = w.in_review().await;
        assert_snapshot!(check(w), @"action_required: A person has to look at what became of the tests");
        assert_snapshot!(w.notes(issue), @"Pull request #2 is open as a draft, and nobody was asked to review it: tests were removed or muted, or the way they are run was changed. A person has to look, and to decide: push what is missing to its branch, mark it ready, or close it.");
    });
}

#[test]
fn no_tests_at_all_ask_for_a_person() {
    let script = Agent::that(vec![right_edit(), finish("Spelt right.")]);
    play(Setup::usual().without_settings().agent(script), async |w| {
        let issue = w.in_review().await;
        assert_snapshot!(check(w), @"action_required: No test command was found in this repository. `commands.test` in `.github/baton.yml` names one.");
        assert_snapshot!(w.notes(issue), @"Pull request #2 is open as a draft, and nobody was asked to review it: there is no evidence that it works. A person has to look, and to decide: push what is missing to its branch, mark it ready, or close it.");
    });
}

#[test]
fn a_change_that_no_test_shows_is_said_to_be_one() {
    let script = Agent::that(vec![right_edit(), finish("Spelt right.")]);
    play(Setup::usual().agent(script), async |w| {
        w.in_review().await;
        assert!(!w.pull().draft);
        assert_snapshot!(check(w), @"success: Nothing broke, but no test fails without this change");
        assert!(w.pull_body().contains("But no test fails without this change"), "{}", w.pull_body());
    });
}

#[test]
fn the_history_names_who_merged_and_who_took_the_issue_away() {
    play(Setup::usual(), async |w| {
        let issue = w.in_review().await;
        w.alice().merges(w.pull().number);
        w.settle().await;
        assert_eq!(w.state(issue).await, StateName::Merged);
        let other = w.rita().reports_the_typo();
        w.alice().assigns(other);
        w.settle().await;
        w.bob().closes(other);
        w.settle().await;
        assert_eq!(w.state(other).await, StateName::Cancelled);
        let history = w.history().await;
        let ends: Vec<&str> =
            history.lines().filter(|line| line.contains("-> merged") || line.contains("-> cancelled")).collect();
        assert_snapshot!(ends.join("\n"), @r"
        alice: pull_closed: in_review -> merged
        bob: withdrawn: awaiting_approval -> cancelled
        ");
    });
}
