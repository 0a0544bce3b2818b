//! GitHub limits Baton, or is down: who asks is told until when a task waits and what for, and afterwards what it waited for.

use std::time::Duration;

use baton_core::domain::task::StateName;
use baton_github::Budget;
use github_sim::{Fault, FaultRule, Wait};
use insta::assert_snapshot;

use crate::world::{Setup, World, play};

/// A second may pass between GitHub's naming of a time and the `Date` it is read by.
fn to_the_second(text: &str) -> String {
    text.replace("09:20:03Z", "09:20:04Z")
}

/// From the operator's page of a task, the part with this title.
fn part(w: &World, title: &str) -> String {
    let page = w.terminal(&["task", "show", "1"]);
    let lines = page.lines().skip_while(|line| *line != title).take_while(|line| !line.is_empty());
    to_the_second(&lines.collect::<Vec<_>>().join("\n"))
}

/// What the progress comment says besides the checklist, the bill and its footer.
fn progress(w: &World, issue: u64) -> String {
    let text = w.progress(issue);
    let said = |line: &&str| line.starts_with("**") || line.starts_with("Waited");
    text.lines().filter(said).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_limit_is_told_while_it_lasts_and_afterwards() {
    play(Setup::usual(), async |w| {
        let issue = w.planned().await;
        w.alice().says(issue, "/plan approve");
        let limit = Fault::Limited { primary: true, status: 403, wait: Wait::Seconds(1200) };
        w.sim.fault(FaultRule::new("pulls/create", limit, 1));
        w.settle().await;
        assert_eq!(w.state(issue).await, StateName::Verifying);

        assert_snapshot!(part(w, "waiting"), @r"
        waiting
          to update the progress comment, until 2026-01-05T09:20:04Z: GitHub's primary rate limit is reached, since 2026-01-05T09:00:03Z
          to open the pull request, until 2026-01-05T09:20:04Z: GitHub's primary rate limit is reached, since 2026-01-05T09:00:03Z
        ");
        assert_snapshot!(to_the_second(&w.terminal(&["task", "list"])), @r"
        TASK  ISSUE           STATE      WAITS UNTIL           COST     UPDATED               TITLE
        1     acme/greeter#1  verifying  2026-01-05T09:20:04Z  $0.0160  2026-01-05T09:00:03Z  The greeting is misspelt
        ");

        w.lets_time_pass().await;
        assert_eq!(w.state(issue).await, StateName::InReview);
        assert_snapshot!(progress(w, issue), @r"
        **State:** `in_review`, pull request #2 is open and waits for a person.
        Waited 20 min, until 09:21 UTC: Baton's requests of an hour were used up on GitHub.
        ");
        assert_eq!(part(w, "waiting"), "", "nothing waits any more");
        assert!(part(w, "history").contains("waited (primary limit)"), "{}", part(w, "history"));
        assert_eq!(w.written_twice(), 0);
    });
}

/// Five failures in a row, and then a minute between two questions: longer than three minutes, and so worth a word.
#[test]
fn an_outage_is_told_while_it_lasts_and_afterwards() {
    play(Setup::usual(), async |w| {
        let issue = w.planned().await;
        w.alice().says(issue, "/plan approve");
        w.sim.settle().await;
        let down = Fault::Refuse { status: 503, message: None };
        w.sim.fault(FaultRule::new("pulls/create", down, 12));
        w.settle().await;
        assert_snapshot!(part(w, "waiting"), @r"
        waiting
          to open the pull request, until 2026-01-05T09:00:03Z: GitHub does not answer as it should, since 2026-01-05T09:00:03Z; attempt 1 of 30 failed: GitHub is in trouble (status 503, pulls/create)
        ");
        w.lets_time_pass().await;
        assert_eq!(w.state(issue).await, StateName::InReview);
        assert_snapshot!(progress(w, issue), @r"
        **State:** `in_review`, pull request #2 is open and waits for a person.
        Waited 18 min, until 09:19 UTC: GitHub did not answer as it should.
        ");
        assert_eq!(w.written_twice(), 0);
    });
}

/// Where Baton holds itself back, answers may use up the last of an hour: they say what the work waits for.
#[test]
fn status_says_what_the_work_waits_for() {
    let budget = Budget { writes_per_hour: 20, burst: 100, gap: Duration::from_millis(1), ..Budget::default() };
    play(Setup::usual().keeps_within(budget), async |w| {
        let issue = w.planned().await;
        // A pull request leaves the twentieth write of an hour to answers.
        let comments = ["issues/create-comment", "issues/update-comment", "reactions/create-for-issue-comment"];
        let is_write = |operation: &str| comments.contains(&operation);
        while w.sim.requests().iter().filter(|request| is_write(&request.operation)).count() < 19 {
            w.alice().says(issue, "/baton status");
            w.settle().await;
        }
        w.alice().says(issue, "/plan approve");
        w.settle().await;
        assert_eq!(w.state(issue).await, StateName::Verifying);
        w.alice().says(issue, "/baton status");
        w.settle().await;
        let notes = w.notes(issue);
        let (_, last) = notes.rsplit_once("\n---\n").expect("several answers");
        assert_snapshot!(last, @r"
        **State:** `verifying`, the pull request is being opened.

        **Waiting:** Baton keeps under GitHub's limits on writing, and other work goes first; it goes on at 10:01 UTC.

        13 s since it began · 2 runs · 4,400 tokens · $0.02 of $25.00 · [plan 1](http://[host]/acme/greeter/issues/1#issuecomment-[id])
        ");
        w.lets_time_pass().await;
        assert_eq!(w.state(issue).await, StateName::InReview);
    });
}
